use super::{MAX_ROUNDS, Result, Ring, SigningKeySecrets, SigningKeySecretsError};
use crate::{Version, VersionState};

impl SigningKeySecrets {
    /// The newest enabled version of a secret, with its keys.
    pub(super) async fn latest(&self, secret: &'static str) -> Result<(Version, Ring)> {
        let latest = self.secrets.latest(secret).await?;
        let (version, text) = latest.ok_or(SigningKeySecretsError::NoVersion { secret })?;
        let unreadable = |what| SigningKeySecretsError::Unreadable { secret, number: version.number, what };
        Ok((version, Ring::parse(&text).map_err(unreadable)?))
    }

    /// Adds a version with the keys changed, where `change` changes anything.
    ///
    /// Secret Manager knows no condition on what is there, so two runs may both build upon the same version, and the later
    /// one hides what the earlier one did. Its number tells: versions are numbered without gaps. The later run then changes
    /// what the earlier one had made, and adds that; nothing is lost, and only the later one has to act.
    pub(super) async fn update(&self, secret: &'static str, change: impl Fn(Ring) -> Result<Ring>) -> Result<()> {
        let mut newest = self.secrets.list(secret).await?.first().map_or(0, |version| version.number);
        let (_, known) = self.latest(secret).await?;
        let mut wanted = change(known.clone())?;
        if wanted == known {
            return Ok(());
        }
        let mut hidden_before: Option<Ring> = None;
        for _ in 0..MAX_ROUNDS {
            let added = self.secrets.add(secret, &wanted.to_text()).await?;
            let Some(hidden) = self.between(secret, newest, added, hidden_before.take()).await? else { return Ok(()) };
            wanted = change(hidden)?;
            hidden_before = Some(wanted.clone());
            newest = added;
        }
        Err(SigningKeySecretsError::ChangedMeanwhile)
    }

    /// What others have added between two versions, on top of `before`; `None` where they have added nothing.
    async fn between(
        &self,
        secret: &'static str,
        after: u64,
        until: u64,
        before: Option<Ring>,
    ) -> Result<Option<Ring>> {
        if until <= after + 1 {
            return Ok(None);
        }
        let versions = self.secrets.list(secret).await?;
        let theirs = |version: &&Version| {
            version.state == VersionState::Enabled && version.number > after && version.number < until
        };
        let mut merged = before;
        let mut any = false;
        for version in versions.iter().rev().filter(theirs) {
            let text = self.secrets.read(secret, version.number).await?;
            let unreadable = |what| SigningKeySecretsError::Unreadable { secret, number: version.number, what };
            let ring = Ring::parse(&text).map_err(unreadable)?;
            merged = Some(merged.map_or_else(|| ring.clone(), |merged| merged.merged_with(&ring)));
            any = true;
        }
        Ok(merged.filter(|_| any))
    }
}
