use std::collections::BTreeMap;

use google_cloud_firestore_admin_v1::model::Field;
use google_cloud_firestore_admin_v1::model::field::ttl_config::State;
use google_cloud_firestore_admin_v1::model::field::{IndexConfig, TtlConfig};
use google_cloud_gax::options::RequestOptionsBuilder;
use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_wkt::FieldMask;

use super::operation::start_to_wait;
use super::{Desk, Problem, Waiting};
use crate::SetupError;
use crate::failure::Needs;

/// Firestore tells of the fields only that have settings of their own, and only where it is asked so.
const OWN_SETTINGS: &str = "indexConfig.usesAncestorConfig:false OR ttlConfig:*";

/// A field, and what of its settings is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    collection: String,
    field: String,
    ttl: bool,
    unindexed: bool,
}

impl Desk<'_> {
    /// The fields that do not have their planned settings.
    pub(super) async fn missing_fields(&self) -> Result<Vec<Missing>, SetupError> {
        let found = self.found_fields().await?;
        let missing = self.plan.fields().into_iter().map(|((collection, field), expires)| {
            let settings = found.get(&(collection.clone(), field.clone()));
            let ttl = expires && !settings.is_some_and(asked_to_expire);
            let unindexed = !settings.is_some_and(is_unindexed);
            Missing { collection, field, ttl, unindexed }
        });
        Ok(missing.filter(|missing| missing.ttl || missing.unindexed).collect())
    }

    /// How the planned settings of fields are not so.
    pub(super) async fn field_problems(&self) -> Result<Vec<Problem>, SetupError> {
        let found = self.found_fields().await?;
        let mut problems = Vec::new();
        for (key, expires) in self.plan.fields() {
            let settings = found.get(&key);
            let field = format!("{}.{}", key.0, key.1);
            if !settings.is_some_and(is_unindexed) {
                problems.push(Problem::Indexed { field: field.clone() });
            }
            let state = settings.and_then(|settings| settings.ttl_config.as_ref()).map(|ttl| &ttl.state);
            match state {
                _ if !expires => {}
                Some(State::Active) => {}
                Some(State::NeedsRepair) | None => problems.push(Problem::NoTtl { field }),
                Some(_) => problems.push(Problem::TtlNotActive { field }),
            }
        }
        Ok(problems)
    }

    /// Asks for a field's missing settings, and for nothing else of it.
    pub(super) async fn start_field(&self, missing: Missing) -> Result<Option<Waiting>, SetupError> {
        let Missing { collection, field, ttl, unindexed } = missing;
        let what = format!("settings of field {collection}.{field} in {}", self.name);
        let mut settings = Field::new().set_name(format!("{}/collectionGroups/{collection}/fields/{field}", self.name));
        let mut mask = Vec::new();
        if ttl {
            settings = settings.set_ttl_config(TtlConfig::new());
            mask.push("ttl_config");
        }
        if unindexed {
            settings = settings.set_index_config(IndexConfig::new());
            mask.push("index_config");
        }
        let request = self.client.update_field().set_field(settings);
        let request = request.set_update_mask(FieldMask::default().set_paths(mask));
        let call = self.call("update", &what, Needs::INDEXES);
        start_to_wait(request.with_idempotency(true).poller(), &call, self.patience, &self.progress).await
    }

    async fn found_fields(&self) -> Result<BTreeMap<(String, String), Field>, SetupError> {
        let parent = format!("{}/collectionGroups/-", self.name);
        let mut pages = self.client.list_fields().set_parent(&parent).set_filter(OWN_SETTINGS).by_item();
        let mut found = BTreeMap::new();
        while let Some(field) = pages.next().await {
            let field = field.map_err(|error| self.call("list fields", &self.name, Needs::INDEXES).failed(&error))?;
            let key = field.name.split_once("/collectionGroups/").and_then(|(_, rest)| rest.split_once("/fields/"));
            if let Some((collection, path)) = key {
                found.insert((collection.to_owned(), path.to_owned()), field);
            }
        }
        Ok(found)
    }
}

/// Whether somebody asked for expiry, done or not. Where that failed it is asked for again.
fn asked_to_expire(settings: &Field) -> bool {
    settings.ttl_config.as_ref().is_some_and(|ttl| ttl.state != State::NeedsRepair)
}

fn is_unindexed(settings: &Field) -> bool {
    let config = settings.index_config.as_ref();
    config.is_some_and(|config| !config.uses_ancestor_config && !config.reverting && config.indexes.is_empty())
}
