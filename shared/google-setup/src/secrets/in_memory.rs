use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use kernel::Clock;
use parking_lot::Mutex;

use super::{SecretText, Secrets, Version, VersionState};
use crate::SetupError;

/// Secrets in this process' memory, for tests: nothing of it is kept.
pub struct InMemorySecrets {
    clock: Arc<dyn Clock>,
    secrets: Mutex<BTreeMap<String, Vec<(Version, SecretText)>>>,
}

impl InMemorySecrets {
    /// No secret at all.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, secrets: Mutex::default() }
    }

    /// With one more secret, whose first version is `text`; what Terraform does.
    #[must_use]
    pub fn with(self, secret: &str, text: &str) -> Self {
        let first = Version { number: 1, state: VersionState::Enabled, added_at: self.clock.now() };
        self.secrets.lock().insert(secret.to_owned(), vec![(first, SecretText::new(text))]);
        self
    }

    fn of<T>(
        &self,
        operation: &'static str,
        secret: &str,
        then: impl FnOnce(&mut Vec<(Version, SecretText)>) -> Option<T>,
    ) -> Result<T, SetupError> {
        let mut secrets = self.secrets.lock();
        let found = secrets.get_mut(secret).and_then(then);
        let reason = "NOT_FOUND: no such secret or version, or it has no text".to_owned();
        found.ok_or(SetupError::Failed { operation, name: secret.to_owned(), reason })
    }

    fn change(&self, operation: &'static str, secret: &str, number: u64, to: VersionState) -> Result<(), SetupError> {
        self.of(operation, secret, |versions| {
            let (version, text) = versions.iter_mut().find(|(version, _)| version.number == number)?;
            if to == VersionState::Destroyed {
                *text = SecretText::new("");
            }
            version.state = to;
            Some(())
        })
    }
}

#[async_trait]
impl Secrets for InMemorySecrets {
    async fn list(&self, secret: &str) -> Result<Vec<Version>, SetupError> {
        self.of("list", secret, |versions| Some(versions.iter().rev().map(|(version, _)| *version).collect()))
    }

    async fn read(&self, secret: &str, number: u64) -> Result<SecretText, SetupError> {
        self.of("read", secret, |versions| {
            let readable =
                |(version, _): &&(Version, _)| version.number == number && version.state == VersionState::Enabled;
            versions.iter().find(readable).map(|(_, text)| text.clone())
        })
    }

    async fn add(&self, secret: &str, text: &SecretText) -> Result<u64, SetupError> {
        let added_at = self.clock.now();
        self.of("add", secret, |versions| {
            let number = versions.last().map_or(0, |(version, _)| version.number) + 1;
            versions.push((Version { number, state: VersionState::Enabled, added_at }, text.clone()));
            Some(number)
        })
    }

    async fn disable(&self, secret: &str, number: u64) -> Result<(), SetupError> {
        self.change("disable", secret, number, VersionState::Disabled)
    }

    async fn destroy(&self, secret: &str, number: u64) -> Result<(), SetupError> {
        self.change("destroy", secret, number, VersionState::Destroyed)
    }
}

impl std::fmt::Debug for InMemorySecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InMemorySecrets({:?})", self.secrets.lock().keys().collect::<Vec<_>>())
    }
}
