use std::fmt;

/// How far a command is, for a person who waits for it; each also goes to the log. `Display` is a line to print.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Something was asked for that takes Google a while.
    Started {
        /// What will be there.
        what: String,
    },
    /// Google is not done with it.
    Waiting {
        /// What is waited for.
        what: String,
        /// How often was asked.
        asked: u32,
    },
    /// It is there.
    Done {
        /// What is there.
        what: String,
    },
    /// Something is there otherwise than planned, and was left alone.
    LeftAlone {
        /// How it differs.
        problem: String,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { what } => write!(f, "asked for {what}"),
            Self::Waiting { what, asked } => write!(f, "waiting for {what} (asked {asked} times)"),
            Self::Done { what } => write!(f, "{what} is there"),
            Self::LeftAlone { problem } => write!(f, "left alone: {problem}"),
        }
    }
}
