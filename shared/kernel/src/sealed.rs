use std::fmt;

use serde::{Deserialize, Serialize};

/// Personal data as it is stored: text that only the vault can open. Harmless by itself, but of no use in a log, so
/// its `Debug` shows its length alone.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// Takes what the vault made.
    pub const fn from_text(text: String) -> Self {
        Self(text)
    }

    /// What the vault made.
    pub fn as_text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
