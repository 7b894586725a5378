use google_cloud_firestore_admin_v1::model::Database;
use google_cloud_firestore_admin_v1::model::database::{
    CmekConfig, DatabaseEdition, DatabaseType, DeleteProtectionState, PointInTimeRecoveryEnablement,
};
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::options::RequestOptionsBuilder;

use super::operation::{Start, finish, start};
use super::{DatabasePlan, Desk, Made, Problem};
use crate::failure::{Call, Needs, is};
use crate::{Progress, SetupError};

impl Desk<'_> {
    /// Makes the database, or says how the one that is there differs.
    pub(super) async fn ensure_database(&self) -> Result<Made, SetupError> {
        let (found, made) = match self.find_database().await? {
            Some(found) => (found, Made::WasThere),
            None => self.create_database().await?,
        };
        let problems = self.plan.differences(&found);
        if problems.is_empty() { Ok(made) } else { Err(SetupError::Differs { name: self.name.clone(), problems }) }
    }

    /// The database, where there is one.
    pub(super) async fn find_database(&self) -> Result<Option<Database>, SetupError> {
        match self.client.get_database().set_name(&self.name).send().await {
            Ok(found) => Ok(Some(found)),
            Err(error) if is(&error, Code::NotFound) => Ok(None),
            Err(error) => Err(self.call("get", &self.name, Needs::DATABASE).failed(&error)),
        }
    }

    async fn create_database(&self) -> Result<(Database, Made), SetupError> {
        let request = self.client.create_database().set_parent(format!("projects/{}", self.project));
        let request = request.set_database_id(self.plan.database.as_str()).set_database(self.plan.to_database());
        // A second attempt cannot make a second database: it is answered by "already exists".
        let poller = request.with_idempotency(true).poller();
        match start(poller, &self.call("create", &self.name, Needs::DATABASE)).await? {
            Start::Done(made) => Ok((made, Made::Made)),
            Start::Exists => Ok((self.wait_until_found().await?, Made::WasThere)),
            Start::Runs(poller) => {
                self.progress.tell(&Progress::Started { what: self.name.clone() });
                Ok((finish(poller, &self.name, self.patience, &self.progress).await?, Made::Made))
            }
        }
    }

    /// Somebody else is making it, or an attempt of ours did whose answer was lost.
    async fn wait_until_found(&self) -> Result<Database, SetupError> {
        let mut asked = 0;
        loop {
            if let Some(found) = self.find_database().await? {
                return Ok(found);
            }
            self.patience.pause(asked, &self.name).await?;
            asked += 1;
            self.progress.tell(&Progress::Waiting { what: self.name.clone(), asked });
        }
    }

    pub(super) const fn call<'a>(&self, operation: &'static str, name: &'a str, needs: Needs) -> Call<'a> {
        Call { operation, name, needs }
    }
}

impl DatabasePlan {
    fn to_database(&self) -> Database {
        let key = self.encryption_key.as_ref().map(|key| CmekConfig::new().set_kms_key_name(key));
        Database::new()
            .set_location_id(&self.location)
            .set_type(DatabaseType::FirestoreNative)
            .set_database_edition(DatabaseEdition::Standard)
            .set_point_in_time_recovery_enablement(PointInTimeRecoveryEnablement::PointInTimeRecoveryEnabled)
            .set_delete_protection_state(DeleteProtectionState::DeleteProtectionEnabled)
            .set_or_clear_cmek_config(key)
    }

    /// What of a database is not as planned. A key that was not planned for is fine.
    pub(super) fn differences(&self, found: &Database) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut compare = |setting, found: &str, planned: &str, same: bool| {
            if !same {
                problems.push(Problem::Setting { setting, found: found.to_owned(), planned: planned.to_owned() });
            }
        };
        compare("location", &found.location_id, &self.location, found.location_id == self.location);
        let kind = &found.r#type;
        compare("type", kind.name().unwrap_or("unknown"), "FIRESTORE_NATIVE", *kind == DatabaseType::FirestoreNative);
        let edition = &found.database_edition;
        let is_standard = matches!(edition, DatabaseEdition::Standard | DatabaseEdition::Unspecified);
        compare("edition", edition.name().unwrap_or("unknown"), "STANDARD", is_standard);
        let recovery =
            found.point_in_time_recovery_enablement == PointInTimeRecoveryEnablement::PointInTimeRecoveryEnabled;
        compare("point-in-time recovery", "off", "on", recovery);
        let protected = found.delete_protection_state == DeleteProtectionState::DeleteProtectionEnabled;
        compare("delete protection", "off", "on", protected);
        if let Some(planned) = &self.encryption_key {
            let key = found.cmek_config.as_ref().map_or("Google's own", |config| config.kms_key_name.as_str());
            compare("encryption key", key, planned, key == planned);
        }
        problems
    }
}
