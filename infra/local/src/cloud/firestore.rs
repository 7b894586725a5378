use runtime::declared_kinds;
use serde_json::{Map, Value, json};
use store::{Index, IndexField, Kind};
use store_firestore::{EXPIRE_FIELD, STAMP_FIELD};

/// Composite indexes, expiry, and fields without an index of their own, of all collections.
pub fn firestore() -> Value {
    settings(&declared_kinds())
}

fn settings(kinds: &[Kind]) -> Value {
    let mut indexes = Map::new();
    let mut unindexed = Vec::new();
    for kind in kinds {
        for index in kind.indexes {
            let fields: Vec<Value> = index.iter().map(field).collect();
            let entry = json!({"collection": kind.name, "nested": kind.is_nested, "fields": fields});
            indexes.insert(name(kind, index), entry);
        }
        let fields = kind.unindexed.iter().copied().chain([STAMP_FIELD]);
        unindexed
            .extend(fields.map(|field| json!({"collection": kind.name, "nested": kind.is_nested, "field": field})));
    }
    let expiring = kinds.iter().filter(|kind| kind.expires);
    let ttl: Vec<Value> = expiring.map(|kind| json!({"collection": kind.name, "nested": kind.is_nested})).collect();
    json!({"indexes": indexes, "ttl": ttl, "ttlField": EXPIRE_FIELD, "unindexed": unindexed})
}

fn field(field: &IndexField) -> Value {
    match field {
        IndexField::Ascending(path) => json!({"path": path, "order": "ASCENDING"}),
        IndexField::Descending(path) => json!({"path": path, "order": "DESCENDING"}),
        IndexField::Contains(path) => json!({"path": path, "array": "CONTAINS"}),
    }
}

fn name(kind: &Kind, index: Index) -> String {
    let fields = index.iter().map(|field| match field {
        IndexField::Ascending(path) => (*path).to_owned(),
        IndexField::Descending(path) => format!("{path}-desc"),
        IndexField::Contains(path) => format!("{path}-contains"),
    });
    std::iter::once(kind.name.to_owned()).chain(fields).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_named_by_its_fields() {
        let settings = firestore();
        let index = &settings["indexes"]["audit-action-at-desc"];
        let fields = json!([{"path": "action", "order": "ASCENDING"}, {"path": "at", "order": "DESCENDING"}]);
        assert_eq!(*index, json!({"collection": "audit", "nested": false, "fields": fields}));
        let declared: usize = declared_kinds().iter().map(|kind| kind.indexes.len()).sum();
        assert_eq!(settings["indexes"].as_object().unwrap().len(), declared);
        assert!(settings["indexes"]["messages-words-contains-seq-desc"]["nested"].as_bool().unwrap());
    }

    #[test]
    fn what_expires_and_what_is_not_indexed_is_listed() {
        let settings = firestore();
        let has = |list: &str, entry: Value| settings[list].as_array().unwrap().contains(&entry);
        assert!(has("ttl", json!({"collection": "sessions", "nested": false})));
        assert!(has("ttl", json!({"collection": "idempotency-keys", "nested": false})));
        assert!(!has("ttl", json!({"collection": "audit", "nested": false})));
        assert!(has("unindexed", json!({"collection": "audit", "nested": false, "field": "at"})));
        assert!(has("unindexed", json!({"collection": "data-keys", "nested": false, "field": "_write"})));
        // `_all` is asked for where all documents are listed backwards.
        assert!(!has("unindexed", json!({"collection": "audit", "nested": false, "field": "_all"})));
    }
}
