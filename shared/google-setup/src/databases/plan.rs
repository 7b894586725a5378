use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::DatabaseId;
use crate::SetupError;

/// The longest time a backup may be kept, in weeks.
const MOST_WEEKS: u32 = 14;

/// A database as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabasePlan {
    /// Its id; [`DatabaseId::of_tenant`] for a tenant with a database of its own.
    pub database: DatabaseId,
    /// Where it is, such as `nam5`. It can never be moved.
    pub location: String,
    /// The Cloud KMS key (`projects/../cryptoKeys/..`) that encrypts it at rest, in KMS' `us` for `nam5`; `None` for
    /// Google's own. It can never be changed.
    pub encryption_key: Option<String>,
    /// What stands before the names of the collections at the top, where several tenants share the database; else empty.
    pub prefix: String,
    /// For how many days a daily backup is kept.
    pub daily_backup_days: u32,
    /// For how many weeks a weekly backup is kept, at most 14.
    pub weekly_backup_weeks: u32,
    /// Its indexes and field settings.
    pub firestore: FirestorePlan,
}

impl DatabasePlan {
    /// A database of its own, with the backups that Terraform's have: daily ones for 7 days, weekly ones for 14 weeks.
    pub fn new(database: DatabaseId, location: impl Into<String>, firestore: FirestorePlan) -> Self {
        Self {
            database,
            location: location.into(),
            encryption_key: None,
            prefix: String::new(),
            daily_backup_days: 7,
            weekly_backup_weeks: MOST_WEEKS,
            firestore,
        }
    }

    /// A collection's name in the database.
    pub(super) fn collection(&self, name: &str, nested: bool) -> String {
        if nested { name.to_owned() } else { format!("{}{name}", self.prefix) }
    }

    /// The settings of single fields: by collection and field, whether documents expire by it.
    pub(super) fn fields(&self) -> BTreeMap<(String, String), bool> {
        let plan = &self.firestore;
        let mut fields = BTreeMap::new();
        for unindexed in &plan.unindexed {
            let collection = self.collection(&unindexed.collection, unindexed.nested);
            fields.insert((collection, unindexed.field.clone()), false);
        }
        for ttl in &plan.ttl {
            fields.insert((self.collection(&ttl.collection, ttl.nested), plan.ttl_field.clone()), true);
        }
        fields
    }

    /// Refuses what Firestore would refuse halfway.
    pub(super) fn check(&self) -> Result<(), SetupError> {
        let wrong = self.wrong();
        wrong.map_or(Ok(()), |what| Err(SetupError::Plan { database: self.database.to_string(), what }))
    }

    fn wrong(&self) -> Option<String> {
        let in_prefix = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        if !self.prefix.bytes().all(in_prefix) || self.prefix.starts_with("__") {
            return Some(format!(
                "the prefix {:?} has other characters than letters, digits, '-' and '_'",
                self.prefix
            ));
        }
        if self.location.is_empty() {
            return Some("it names no location (such as nam5)".to_owned());
        }
        if !(1..=MOST_WEEKS * 7).contains(&self.daily_backup_days)
            || !(1..=MOST_WEEKS).contains(&self.weekly_backup_weeks)
        {
            return Some(format!("a backup is kept for at least a day, and at most {MOST_WEEKS} weeks"));
        }
        let index_wrong = self.firestore.indexes.iter().find_map(|(name, index)| {
            let one_each = index.fields.iter().all(|field| field.order.is_some() != field.array.is_some());
            let arrays = index.fields.iter().filter(|field| field.array.is_some()).count();
            if index.fields.len() < 2 {
                Some(format!("index {name} has fewer than two fields; Firestore makes those by itself"))
            } else if !one_each {
                Some(format!("a field of index {name} has to have either an order or an array mode"))
            } else if arrays > 1 {
                Some(format!("index {name} has more than one array"))
            } else {
                None
            }
        });
        let paths = self.firestore.indexes.values().flat_map(|index| index.fields.iter().map(|field| &field.path));
        let paths = paths.chain(self.firestore.unindexed.iter().map(|field| &field.field));
        let mut paths = paths.chain([&self.firestore.ttl_field]);
        let bad_path = paths.find(|path| !is_path(path)).map(|path| format!("{path:?} is no field's name"));
        index_wrong.or(bad_path)
    }
}

/// Names with dots between that Firestore takes without quotes.
fn is_path(path: &str) -> bool {
    path.split('.').all(|part| {
        !part.is_empty()
            && !part.starts_with(|c: char| c.is_ascii_digit())
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
    })
}

/// The indexes and field settings that the code's queries need: `terraform/generated/firestore.json`, which is made from
/// the code's declarations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FirestorePlan {
    /// The composite indexes, by a name that only the file knows.
    pub indexes: BTreeMap<String, IndexPlan>,
    /// The collections whose documents expire.
    pub ttl: Vec<TtlPlan>,
    /// The field that says when, the same in all of them.
    pub ttl_field: String,
    /// The fields that no query asks for, and that would make a hot spot or a large index.
    pub unindexed: Vec<UnindexedPlan>,
}

/// A composite index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexPlan {
    /// The collection's name, without a prefix.
    pub collection: String,
    /// Whether it stands below a document; then it has no prefix.
    pub nested: bool,
    /// The fields, in their order.
    pub fields: Vec<IndexFieldPlan>,
}

/// A field of a composite index: either ordered, or an array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexFieldPlan {
    /// The field.
    pub path: String,
    /// How it is ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<IndexOrder>,
    /// How it is searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<ArrayMode>,
}

/// How a field of an index is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IndexOrder {
    /// Upwards.
    Ascending,
    /// Downwards.
    Descending,
}

/// How an array in an index is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ArrayMode {
    /// For one of its elements.
    Contains,
}

/// A collection whose documents expire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TtlPlan {
    /// The collection's name, without a prefix.
    pub collection: String,
    /// Whether it stands below a document.
    pub nested: bool,
}

/// A field without indexes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnindexedPlan {
    /// The collection's name, without a prefix.
    pub collection: String,
    /// Whether it stands below a document.
    pub nested: bool,
    /// The field.
    pub field: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "indexes": {"audit-action-at": {"collection": "audit", "nested": false, "fields": [
            {"path": "action", "order": "ASCENDING"}, {"path": "at", "order": "DESCENDING"}, {"path": "words", "array": "CONTAINS"}]}},
        "ttl": [{"collection": "sessions", "nested": false}, {"collection": "entries", "nested": true}], "ttlField": "_expireAt",
        "unindexed": [{"collection": "audit", "nested": false, "field": "at"}, {"collection": "users", "nested": false, "field": "_write"}]
    }"#;

    fn plan() -> DatabasePlan {
        DatabasePlan::new("north".parse().unwrap(), "nam5", serde_json::from_str(FILE).unwrap())
    }

    #[test]
    fn the_generated_file_is_read_and_unknown_keys_are_refused() {
        let plan = plan();
        plan.check().unwrap();
        let again = serde_json::to_value(&plan.firestore).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(FILE).unwrap());
        let error = serde_json::from_str::<FirestorePlan>(&FILE.replace("ttlField", "ttlfield")).unwrap_err();
        assert!(error.to_string().contains("ttlfield"), "{error}");
    }

    #[test]
    fn a_prefix_is_for_the_top_only() {
        let plan = DatabasePlan { prefix: "north-".to_owned(), ..plan() };
        let fields = plan.fields();
        let names: Vec<_> = fields.iter().map(|((c, f), ttl)| format!("{c}.{f} {ttl}")).collect();
        assert_eq!(
            names,
            [
                "entries._expireAt true",
                "north-audit.at false",
                "north-sessions._expireAt true",
                "north-users._write false"
            ]
        );
    }

    #[test]
    fn what_firestore_would_refuse_is_refused_before_it_is_asked() {
        let changed = |change: fn(&mut DatabasePlan)| {
            let mut plan = plan();
            change(&mut plan);
            plan.check().unwrap_err().to_string()
        };
        assert!(changed(|p| p.prefix = "a/b".to_owned()).contains("prefix"));
        assert!(changed(|p| p.location.clear()).contains("location"));
        assert!(changed(|p| p.weekly_backup_weeks = 15).contains("14 weeks"));
        assert!(changed(|p| p.firestore.ttl_field = "a b".to_owned()).contains("no field's name"));
        assert!(
            changed(|p| p.firestore.indexes.values_mut().for_each(|i| i.fields.truncate(1))).contains("two fields")
        );
        assert!(
            changed(|p| p.firestore.indexes.values_mut().for_each(|i| i.fields[0].order = None)).contains("either")
        );
    }
}
