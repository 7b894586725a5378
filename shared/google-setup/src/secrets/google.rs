use async_trait::async_trait;
use bytes::Bytes;
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_secretmanager_v1::client::SecretManagerService;
use google_cloud_secretmanager_v1::model::secret_version::State;
use google_cloud_secretmanager_v1::model::{SecretPayload, SecretVersion};
use kernel::Time;
use zeroize::Zeroizing;

use super::checksum::crc32c;
use super::{SecretText, Secrets, Version, VersionState};
use crate::failure::{Call, Needs, is};
use crate::{GoogleProject, SetupError};

const ADVICE: &str = "terraform apply makes the secret, with a first version";

/// Google's Secret Manager.
#[derive(Debug, Clone)]
pub struct GoogleSecrets {
    project: GoogleProject,
}

impl GoogleSecrets {
    /// The secrets of a project.
    pub const fn new(project: GoogleProject) -> Self {
        Self { project }
    }

    async fn client(&self) -> Result<&SecretManagerService, SetupError> {
        self.project.connection().secrets().await
    }

    fn secret(&self, secret: &str) -> String {
        format!("projects/{}/secrets/{secret}", self.project.id())
    }

    fn version(&self, secret: &str, number: u64) -> String {
        format!("{}/versions/{number}", self.secret(secret))
    }
}

#[async_trait]
impl Secrets for GoogleSecrets {
    async fn list(&self, secret: &str) -> Result<Vec<Version>, SetupError> {
        let name = self.secret(secret);
        let mut pages = self.client().await?.list_secret_versions().set_parent(&name).by_item();
        let mut versions = Vec::new();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|error| failed("list versions", &name, Needs::READ_SECRETS, &error))?;
            versions.extend(version(&found));
        }
        versions.sort_unstable_by_key(|version| std::cmp::Reverse(version.number));
        Ok(versions)
    }

    async fn read(&self, secret: &str, number: u64) -> Result<SecretText, SetupError> {
        let name = self.version(secret, number);
        let answer = self.client().await?.access_secret_version().set_name(&name).send().await;
        let answer = answer.map_err(|error| failed("read", &name, Needs::READ_SECRETS, &error))?;
        let payload = answer.payload.unwrap_or_default();
        if payload.data_crc32c.is_some_and(|sum| sum != crc32c(&payload.data)) {
            return Err(SetupError::Damaged { name, what: "its checksum is another" });
        }
        let text = std::str::from_utf8(&payload.data).map_err(|_| SetupError::NoText { name })?;
        Ok(SecretText::new(text))
    }

    async fn add(&self, secret: &str, text: &SecretText) -> Result<u64, SetupError> {
        let name = self.secret(secret);
        let data = Zeroizing::new(text.reveal().as_bytes().to_vec());
        let sum = crc32c(&data);
        let payload = SecretPayload::new().set_data(Bytes::from_owner(data)).set_data_crc32c(sum);
        let answer = self.client().await?.add_secret_version().set_parent(&name).set_payload(payload).send().await;
        let added = answer.map_err(|error| failed("add version", &name, Needs::CHANGE_SECRETS, &error))?;
        if !added.client_specified_payload_checksum {
            return Err(SetupError::Damaged { name: added.name, what: "Google did not check its checksum" });
        }
        let number = version(&added).map(|version| version.number);
        number.ok_or(SetupError::Failed {
            operation: "add version",
            name,
            reason: "the answer has no number".to_owned(),
        })
    }

    async fn disable(&self, secret: &str, number: u64) -> Result<(), SetupError> {
        let name = self.version(secret, number);
        let answer = self.client().await?.disable_secret_version().set_name(&name).send().await;
        answer.map(drop).map_err(|error| failed("disable", &name, Needs::CHANGE_SECRETS, &error))
    }

    async fn destroy(&self, secret: &str, number: u64) -> Result<(), SetupError> {
        let name = self.version(secret, number);
        let answer = self.client().await?.destroy_secret_version().set_name(&name).send().await;
        answer.map(drop).map_err(|error| failed("destroy", &name, Needs::CHANGE_SECRETS, &error))
    }
}

/// A version as Secret Manager tells of it. One in a state that is not known here can be asked for nothing.
fn version(found: &SecretVersion) -> Option<Version> {
    let number = found.name.rsplit('/').next()?.parse().ok()?;
    let state = match found.state {
        State::Enabled => VersionState::Enabled,
        State::Destroyed => VersionState::Destroyed,
        _ => VersionState::Disabled,
    };
    let added_at = found.create_time.as_ref().map_or(0, |time| time.seconds().saturating_mul(1000));
    Some(Version { number, state, added_at: Time::from_millis(added_at) })
}

fn failed(operation: &'static str, name: &str, needs: Needs, error: &Error) -> SetupError {
    if is(error, Code::NotFound) {
        return SetupError::Missing { name: name.to_owned(), advice: ADVICE };
    }
    Call { operation, name, needs }.failed(error)
}
