//! JSON as Firestore values and back.
//!
//! What Firestore can hold is stored as it is, so that it reads well in the console and can be queried. What it cannot
//! hold (see [`is_native`]) is stored as a map with the single field `$json` and the JSON text in it.

use std::collections::HashMap;

use serde::de::Error as _;
use serde_json::{Map, Number, Value};
use store::Fields;

use crate::proto::value::ValueType;
use crate::proto::{ArrayValue, MapValue, Timestamp, Value as Stored};

/// The field that holds JSON text where Firestore cannot hold the value itself.
const JSON_FIELD: &str = "$json";
/// The field of a document that Firestore's TTL policy looks at.
pub const EXPIRE_FIELD: &str = "_expireAt";
/// The field of a document with its commit's stamp (see `write`).
pub const STAMP_FIELD: &str = "_write";

/// The field of every document with `true` in it: Firestore has no index of all documents downwards, but one of all that
/// have a field (see `query`).
pub(crate) const ALL_FIELD: &str = "_all";
/// The fields of a document that are ours.
const OWN_FIELDS: [&str; 3] = [EXPIRE_FIELD, STAMP_FIELD, ALL_FIELD];

/// Maps and arrays nested deeper are stored as text; Firestore takes 20 levels.
const MAX_NATIVE_DEPTH: usize = 15;
/// JSON text nested deeper than 127 levels is not read again.
const MAX_DEPTH: usize = 100;
/// Firestore's limit of a field's name.
const MAX_NAME_BYTES: usize = 1500;

/// A value cannot be stored, or a stored one is not ours.
#[derive(Debug)]
pub(crate) struct Damage {
    /// Where, as a path from the document.
    pub(crate) field: String,
    /// What is wrong; quotes nothing that is stored.
    pub(crate) reason: &'static str,
}

impl Damage {
    const fn new(reason: &'static str) -> Self {
        Self { field: String::new(), reason }
    }

    fn below(mut self, parent: &str) -> Self {
        self.field = match self.field.as_str() {
            "" => parent.to_owned(),
            rest if rest.starts_with('[') => format!("{parent}{rest}"),
            rest => format!("{parent}.{rest}"),
        };
        self
    }
}

/// A document's fields as they are stored.
pub(crate) fn stored_fields(fields: &Fields) -> Result<HashMap<String, Stored>, serde_json::Error> {
    if fields.values().any(|value| is_deeper_than(value, MAX_DEPTH)) {
        return Err(serde_json::Error::custom(format!("it is nested deeper than {MAX_DEPTH} levels")));
    }
    if fields.keys().any(|name| OWN_FIELDS.contains(&name.as_str()) || !is_native_name(name)) {
        return Ok(HashMap::from([(JSON_FIELD.to_owned(), text(serde_json::to_string(fields)?))]));
    }
    Ok(fields.iter().map(|(name, value)| (name.clone(), stored(value, 1))).collect())
}

/// A value that stands in a document, as it is stored. `depth` counts the maps and arrays around it and the document.
pub(crate) fn stored(value: &Value, depth: usize) -> Stored {
    if !is_native(value, depth) {
        let json = (JSON_FIELD.to_owned(), text(value.to_string()));
        return of(ValueType::MapValue(MapValue { fields: HashMap::from([json]) }));
    }
    of(match value {
        Value::Null => ValueType::NullValue(0),
        Value::Bool(value) => ValueType::BooleanValue(*value),
        Value::Number(number) => stored_number(number),
        Value::String(value) => ValueType::StringValue(value.clone()),
        Value::Array(values) => {
            let values = values.iter().map(|value| match value {
                // Firestore has no arrays in arrays.
                Value::Array(_) => stored(value, usize::MAX),
                _ => stored(value, depth + 1),
            });
            return array(values.collect());
        }
        Value::Object(map) => {
            let fields = map.iter().map(|(name, value)| (name.clone(), stored(value, depth + 1)));
            ValueType::MapValue(MapValue { fields: fields.collect() })
        }
    })
}

/// Whether Firestore can hold the value itself, what is inside it left aside.
fn is_native(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        // It has no unsigned integers, and takes -0.0 for 0.0.
        Value::Number(number) => {
            number.is_i64() || number.as_f64().is_some_and(|f| number.is_f64() && !(f == 0.0 && f.is_sign_negative()))
        }
        Value::Array(_) => depth <= MAX_NATIVE_DEPTH,
        Value::Object(map) => depth <= MAX_NATIVE_DEPTH && map.keys().all(|name| is_native_name(name)),
    }
}

/// Whether a map may have a field of this name.
fn is_native_name(name: &str) -> bool {
    let is_reserved = name.len() >= 4 && name.starts_with("__") && name.ends_with("__");
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && !is_reserved && name != JSON_FIELD
}

fn is_deeper_than(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(values) => levels == 0 || values.iter().any(|value| is_deeper_than(value, levels - 1)),
        Value::Object(map) => levels == 0 || map.values().any(|value| is_deeper_than(value, levels - 1)),
        _ => false,
    }
}

fn stored_number(number: &Number) -> ValueType {
    match number.as_i64() {
        Some(integer) => ValueType::IntegerValue(integer),
        // Above the signed integers a float is the nearest that compares as a number.
        None => ValueType::DoubleValue(number.as_f64().unwrap_or_default()),
    }
}

/// A value that a query wants to find. What is stored as text is found by its text, but for -0.0, which equals 0.
pub(crate) fn equal_to(value: &Value) -> Stored {
    match value {
        Value::Number(number) if number.is_f64() => compared(value),
        other => stored(other, 1),
    }
}

/// A bound of a range. Numbers compare by value, so they are never stored as text.
pub(crate) fn compared(value: &Value) -> Stored {
    match value {
        Value::Number(number) => of(stored_number(number)),
        other => stored(other, 1),
    }
}

/// What a stored document says, without the fields that are ours.
pub(crate) fn fields(mut stored: HashMap<String, Stored>) -> Result<Fields, Damage> {
    for name in OWN_FIELDS {
        stored.remove(name);
    }
    match json_text(&stored) {
        None => named_values(stored),
        Some(text) => serde_json::from_str(text)
            .map_err(|_| Damage { field: JSON_FIELD.to_owned(), reason: "it is no JSON text" }),
    }
}

fn named_values(stored: HashMap<String, Stored>) -> Result<Map<String, Value>, Damage> {
    stored
        .into_iter()
        .map(|(name, value)| match json(value) {
            Ok(value) => Ok((name, value)),
            Err(damage) => Err(damage.below(&name)),
        })
        .collect()
}

fn json(stored: Stored) -> Result<Value, Damage> {
    Ok(match stored.value_type {
        Some(ValueType::NullValue(_)) => Value::Null,
        Some(ValueType::BooleanValue(value)) => Value::Bool(value),
        Some(ValueType::IntegerValue(value)) => Value::Number(value.into()),
        Some(ValueType::DoubleValue(value)) => {
            Value::Number(Number::from_f64(value).ok_or_else(|| Damage::new("a number that JSON does not have"))?)
        }
        Some(ValueType::StringValue(value)) => Value::String(value),
        Some(ValueType::ArrayValue(array)) => {
            let values = array.values.into_iter().enumerate();
            let values = values.map(|(n, value)| json(value).map_err(|damage| damage.below(&format!("[{n}]"))));
            Value::Array(values.collect::<Result<_, _>>()?)
        }
        Some(ValueType::MapValue(map)) => match json_text(&map.fields) {
            None => Value::Object(named_values(map.fields)?),
            Some(text) => serde_json::from_str(text)
                .map_err(|_| Damage { field: JSON_FIELD.to_owned(), reason: "it is no JSON text" })?,
        },
        _ => return Err(Damage::new("a kind of value that this store does not write")),
    })
}

fn json_text(fields: &HashMap<String, Stored>) -> Option<&str> {
    match fields.get(JSON_FIELD)?.value_type.as_ref()? {
        ValueType::StringValue(text) if fields.len() == 1 => Some(text),
        _ => None,
    }
}

fn of(value: ValueType) -> Stored {
    Stored { value_type: Some(value) }
}

/// A text.
pub(crate) fn text(text: String) -> Stored {
    of(ValueType::StringValue(text))
}

/// Yes or no.
pub(crate) fn boolean(value: bool) -> Stored {
    of(ValueType::BooleanValue(value))
}

/// An integer.
pub(crate) fn integer(value: i64) -> Stored {
    of(ValueType::IntegerValue(value))
}

/// Several values.
pub(crate) fn array(values: Vec<Stored>) -> Stored {
    of(ValueType::ArrayValue(ArrayValue { values }))
}

/// A moment, for Firestore's own use.
pub(crate) fn timestamp(time: Timestamp) -> Stored {
    of(ValueType::TimestampValue(time))
}

/// Another document's name, for Firestore's own use.
pub(crate) fn reference(name: String) -> Stored {
    of(ValueType::ReferenceValue(name))
}

/// How much of Firestore's 1 MiB a document's fields take:
/// <https://firebase.google.com/docs/firestore/storage-size>.
pub(crate) fn size_of_fields(fields: &HashMap<String, Stored>) -> usize {
    fields.iter().map(|(name, value)| name.len() + 1 + size(value)).sum()
}

/// How much of them one value takes.
pub(crate) fn size(value: &Stored) -> usize {
    match &value.value_type {
        Some(ValueType::StringValue(text)) => text.len() + 1,
        Some(ValueType::ArrayValue(array)) => array.values.iter().map(size).sum(),
        Some(ValueType::MapValue(map)) => size_of_fields(&map.fields),
        Some(ValueType::IntegerValue(_) | ValueType::DoubleValue(_) | ValueType::TimestampValue(_)) => 8,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
