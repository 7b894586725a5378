//! What a leaf is. Another program can compute it from the stored document alone:
//!
//! the UTF-8 bytes of the JSON object `{"entry": <the document's fields>, "id": <the document's id>}`, written without
//! white space, with the members of every object in the order of their names' code points, and of characters escaped only
//! `"`, `\` and those below U+0020 (`\b \f \n \r \t`, else `\u00xx` in small letters). The numbers in it are whole. That is
//! RFC 8785 for such documents, and Python's `json.dumps(.., sort_keys=True, separators=(",", ":"), ensure_ascii=False)`.

use serde_json::Value;
use store::Fields;

use crate::merkle::{Hash, leaf_hash};

/// The bytes of the leaf of the entry with this id.
pub fn leaf_bytes(id: &str, fields: &Fields) -> Vec<u8> {
    let mut text = String::from("{\"entry\":");
    write_object(&mut text, fields);
    text.push_str(",\"id\":");
    write_text(&mut text, id);
    text.push('}');
    text.into_bytes()
}

/// The hash of that leaf.
pub fn hash_of(id: &str, fields: &Fields) -> Hash {
    leaf_hash(&leaf_bytes(id, fields))
}

/// A value in the form above.
pub(crate) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

fn write(text: &mut String, value: &Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
        Value::String(said) => write_text(text, said),
        Value::Array(values) => {
            text.push('[');
            separated(text, values.iter(), write);
            text.push(']');
        }
        Value::Object(fields) => write_object(text, fields),
    }
}

fn write_object(text: &mut String, fields: &Fields) {
    let mut members: Vec<(&String, &Value)> = fields.iter().collect();
    // Whether the map itself is sorted depends on a feature that any crate may turn on.
    members.sort_unstable_by_key(|(name, _)| *name);
    text.push('{');
    separated(text, members.into_iter(), |text, (name, value)| {
        write_text(text, name);
        text.push(':');
        write(text, value);
    });
    text.push('}');
}

fn separated<T>(text: &mut String, parts: impl Iterator<Item = T>, write: impl Fn(&mut String, T)) {
    for (index, part) in parts.enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(text, part);
    }
}

fn write_text(text: &mut String, said: &str) {
    text.push_str(&Value::from(said).to_string());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_form_is_fixed() {
        let fields = json!({"z": null, "a": [true, -7, {"y": 1, "x": []}], "B": "q\"\\\u{8}\u{1f}\u{7f}é\u{2028}/"});
        let bytes = leaf_bytes("e-1", fields.as_object().unwrap());
        let expected = "{\"entry\":{\"B\":\"q\\\"\\\\\\b\\u001f\u{7f}é\u{2028}/\",\"a\":[true,-7,{\"x\":[],\"y\":1}],\"z\":null},\"id\":\"e-1\"}";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        let hash = hash_of("e-1", fields.as_object().unwrap());
        assert_ne!(hash, hash_of("e-2", fields.as_object().unwrap()));
    }

    #[test]
    fn every_field_counts() {
        let entry = json!({"at": "2026-01-15T10:00:00.000Z", "action": "patient.read", "refusal": null});
        let base = hash_of("e", entry.as_object().unwrap());
        for (field, value) in [("at", json!("2026-01-15T10:00:00.001Z")), ("refusal", json!("")), ("more", json!(1))] {
            let mut other = entry.clone();
            other[field] = value;
            assert_ne!(hash_of("e", other.as_object().unwrap()), base, "{field}");
        }
    }
}
