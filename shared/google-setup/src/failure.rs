//! What can go wrong while something is set up, in words that say where and what to do.

use std::time::Duration;

use google_cloud_gax::client_builder;
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Code;

use crate::{InvalidDatabaseId, Problem};

/// How much of Google's own words is kept.
const MAX_MESSAGE_CHARS: usize = 400;

/// What a call needs: permissions, and a role that has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The permissions of the call.
    pub permissions: &'static str,
    /// A predefined role that has them; `README.md` has a smaller one.
    pub role: &'static str,
}

impl Needs {
    pub(crate) const DATABASE: Self = Self {
        permissions: "datastore.databases.create, datastore.databases.getMetadata",
        role: "roles/datastore.owner",
    };
    pub(crate) const INDEXES: Self = Self {
        permissions: "datastore.indexes.create, .list and .update, datastore.operations.get",
        role: "roles/datastore.indexAdmin",
    };
    pub(crate) const BACKUPS: Self = Self {
        permissions: "datastore.backupSchedules.create and .list",
        role: "roles/datastore.backupSchedulesAdmin",
    };
    pub(crate) const KEYS: Self =
        Self { permissions: "cloudkms.cryptoKeys.create and .get", role: "roles/cloudkms.admin" };
    pub(crate) const READ_SECRETS: Self = Self {
        permissions: "secretmanager.versions.access and .list",
        role: "roles/secretmanager.secretAccessor and roles/secretmanager.viewer",
    };
    pub(crate) const CHANGE_SECRETS: Self = Self {
        permissions: "secretmanager.versions.add, .disable, .destroy and .list",
        role: "roles/secretmanager.secretVersionManager",
    };
}

/// Why something could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There is no client.
    #[error("no client of {service} could be made; are there Application Default Credentials?")]
    NoClient {
        /// Which of Google's services.
        service: &'static str,
        /// Why.
        #[source]
        source: client_builder::Error,
    },
    /// A database cannot have this name.
    #[error(transparent)]
    DatabaseId(#[from] InvalidDatabaseId),
    /// The plan makes no sense.
    #[error("the plan of database {database} cannot be carried out: {what}")]
    Plan {
        /// The database's id.
        database: String,
        /// What is wrong in it.
        what: String,
    },
    /// A tenant's id is too long for the name of its key.
    #[error(
        "tenant \"{tenant}\" can have no key: \"tenant-{tenant}\" is longer than the 63 characters of a Cloud KMS key id; choose a shorter tenant id"
    )]
    KeyId {
        /// The tenant's id.
        tenant: String,
    },
    /// The account may not.
    #[error("{operation} of {name} was refused: the account needs {} ({}); Google says: {reason}", needs.permissions, needs.role)]
    Denied {
        /// What was asked.
        operation: &'static str,
        /// Of what.
        name: String,
        /// What the account lacks.
        needs: Needs,
        /// Google's words.
        reason: String,
    },
    /// The project has no room.
    #[error("{operation} of {name} is beyond the project's quota: {advice}; Google says: {reason}")]
    Quota {
        /// What was asked.
        operation: &'static str,
        /// Of what.
        name: String,
        /// What to do.
        advice: &'static str,
        /// Google's words.
        reason: String,
    },
    /// It is there, but not as planned. Nothing was changed.
    #[error("{name} is there already, but not as planned; nothing was changed: {}", told(problems))]
    Differs {
        /// What is there.
        name: String,
        /// How it differs.
        problems: Vec<Problem>,
    },
    /// Something is missing that somebody else makes.
    #[error("{name} does not exist: {advice}")]
    Missing {
        /// What is missing.
        name: String,
        /// Who makes it, and how.
        advice: &'static str,
    },
    /// It took too long.
    #[error(
        "{what} was not done within {waited:?}; Google goes on with it: run the same command again, which goes on from there"
    )]
    NotInTime {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
    },
    /// A long-running operation was started and did not succeed.
    #[error("{what} failed: {reason}")]
    OperationFailed {
        /// What it should have made.
        what: String,
        /// Google's code and words.
        reason: String,
    },
    /// A secret arrived otherwise than it was sent.
    #[error("secret {name} was damaged on its way ({what}): run the same command again")]
    Damaged {
        /// The secret's version.
        name: String,
        /// How that was seen.
        what: &'static str,
    },
    /// A secret is no text.
    #[error("secret {name} is no UTF-8 text")]
    NoText {
        /// The secret's version.
        name: String,
    },
    /// Another refusal, or no answer.
    #[error("{operation} of {name} failed: {reason}")]
    Failed {
        /// What was asked.
        operation: &'static str,
        /// Of what.
        name: String,
        /// Google's code and words.
        reason: String,
    },
}

/// A call, for what is said when it fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) operation: &'static str,
    pub(crate) name: &'a str,
    pub(crate) needs: Needs,
}

impl Call<'_> {
    /// The call failed.
    pub(crate) fn failed(&self, error: &Error) -> SetupError {
        let (operation, name, needs) = (self.operation, self.name.to_owned(), self.needs);
        let reason = reason(error);
        match error.status().map(|status| &status.code) {
            Some(Code::PermissionDenied) => SetupError::Denied { operation, name, needs, reason },
            Some(Code::ResourceExhausted) => SetupError::Quota { operation, name, advice: advice(needs), reason },
            _ => SetupError::Failed { operation, name, reason },
        }
    }
}

fn advice(needs: Needs) -> &'static str {
    if needs == Needs::DATABASE {
        "a project has 100 databases unless Google was asked for more: give the tenant a prefix in a database that several \
         share, use another project, or ask for a higher quota"
    } else {
        "run the same command again in a minute, or ask for a higher quota"
    }
}

/// Google's code and words. Only these are kept: an error of Google's clients carries all headers in its `Debug`.
pub(crate) fn reason(error: &Error) -> String {
    let reason = match error.status() {
        Some(status) => format!("{}: {}", status.code, status.message),
        None => words(error),
    };
    reason.chars().take(MAX_MESSAGE_CHARS).collect()
}

/// Whether Google answered with this code.
pub(crate) fn is(error: &Error, code: Code) -> bool {
    error.status().is_some_and(|status| status.code == code)
}

/// An error with its causes, of which Google's client names only the first.
fn words(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
