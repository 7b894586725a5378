use std::fmt;

/// What is missing in a project, or otherwise than planned. `Display` says what; [`Problem::advice`] what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// There is no such database.
    NoDatabase {
        /// Its full name.
        database: String,
    },
    /// A setting of a database, a key or a backup schedule is another.
    Setting {
        /// Which setting.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        planned: String,
    },
    /// An index was never asked for.
    NoIndex {
        /// Its collection and fields.
        index: String,
    },
    /// An index is being built.
    IndexNotReady {
        /// Its collection and fields.
        index: String,
    },
    /// Building an index failed.
    IndexBroken {
        /// Its collection and fields.
        index: String,
    },
    /// A field's documents do not expire.
    NoTtl {
        /// Collection and field.
        field: String,
    },
    /// Expiry is being set up.
    TtlNotActive {
        /// Collection and field.
        field: String,
    },
    /// A field has indexes that it should not have.
    Indexed {
        /// Collection and field.
        field: String,
    },
    /// There is no backup schedule of this kind.
    NoBackups {
        /// `daily` or `weekly`.
        every: &'static str,
    },
}

impl Problem {
    /// Whether time alone solves it.
    pub const fn passes(&self) -> bool {
        matches!(self, Self::IndexNotReady { .. } | Self::TtlNotActive { .. })
    }

    /// Whether no waiting solves it.
    pub(super) const fn is_broken(&self) -> bool {
        matches!(self, Self::IndexBroken { .. })
    }

    /// What to do.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NoDatabase { .. } => "terraform apply, or `consentmd admin create --new-tenant`, makes it",
            Self::Setting { .. } => {
                "change it by hand, or plan for what is there; a database's location, type and key can never be changed"
            }
            Self::IndexNotReady { .. } | Self::TtlNotActive { .. } => "wait; Google is at it",
            Self::IndexBroken { .. } => {
                "delete the index (`gcloud firestore indexes composite delete`) and run this again"
            }
            Self::NoIndex { .. } | Self::NoTtl { .. } | Self::Indexed { .. } | Self::NoBackups { .. } => {
                "terraform apply, or making the tenant again, adds it"
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDatabase { database } => write!(f, "{database} does not exist"),
            Self::Setting { setting, found, planned } => write!(f, "{setting} is {found}, not {planned}"),
            Self::NoIndex { index } => write!(f, "index {index} is missing"),
            Self::IndexNotReady { index } => write!(f, "index {index} is not ready yet"),
            Self::IndexBroken { index } => write!(f, "index {index} needs repair"),
            Self::NoTtl { field } => write!(f, "documents do not expire by {field}"),
            Self::TtlNotActive { field } => write!(f, "expiry by {field} is not active yet"),
            Self::Indexed { field } => write!(f, "{field} is indexed and should not be"),
            Self::NoBackups { every } => write!(f, "there is no {every} backup schedule"),
        }
    }
}
