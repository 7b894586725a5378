//! The port to a secret manager, with Google's behind it.

mod checksum;
mod google;
mod in_memory;
mod text;

use async_trait::async_trait;
use kernel::Time;

pub use google::GoogleSecrets;
pub use in_memory::InMemorySecrets;
pub use text::SecretText;

use crate::SetupError;

/// What a version of a secret can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionState {
    /// Its text.
    Enabled,
    /// Nothing, until it is enabled again.
    Disabled,
    /// Nothing, for ever.
    Destroyed,
}

/// A version of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Its number: 1, 2, 3 and so on, without gaps, in the order in which they were added.
    pub number: u64,
    /// Its state.
    pub state: VersionState,
    /// When it was added.
    pub added_at: Time,
}

/// A secret manager. A secret is named by its id in the project; Terraform makes it, and it has numbered versions that
/// never change.
///
/// Cloud Run gives an instance at its start the version with the highest number; where that one is disabled, no instance
/// starts any more. So nobody may disable or destroy it.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// All versions, the newest first.
    async fn list(&self, secret: &str) -> Result<Vec<Version>, SetupError>;

    /// The text of a version.
    async fn read(&self, secret: &str, number: u64) -> Result<SecretText, SetupError>;

    /// Adds a version, and answers with its number.
    async fn add(&self, secret: &str, text: &SecretText) -> Result<u64, SetupError>;

    /// Keeps a version from being read.
    async fn disable(&self, secret: &str, number: u64) -> Result<(), SetupError>;

    /// Destroys a version's text. One that is destroyed already is fine.
    async fn destroy(&self, secret: &str, number: u64) -> Result<(), SetupError>;

    /// The newest enabled version with its text; `None` where there is none.
    async fn latest(&self, secret: &str) -> Result<Option<(Version, SecretText)>, SetupError> {
        let versions = self.list(secret).await?;
        let Some(version) = versions.into_iter().find(|version| version.state == VersionState::Enabled) else {
            return Ok(None);
        };
        Ok(Some((version, self.read(secret, version.number).await?)))
    }
}
