//! The rules that every backend holds its keys and queries to before it asks its store.

use serde_json::Value;

use crate::{Error, Key, Op, Query};

/// The longest id, in bytes.
const MAX_ID_BYTES: usize = 400;
/// The most values of one [`Op::In`]; Firestore takes 30 disjunctions.
const MAX_IN_VALUES: usize = 30;

impl Key {
    /// Whether this can name a document: the rules at [`Key`].
    pub fn check(&self) -> Result<(), Error> {
        check_collection(&self.collection)?;
        check_id(&self.id, &self.collection)
    }
}

impl Query {
    /// Whether a backend can answer this: the path, the fields' names, the values' kinds, and that a cursor fits the
    /// order.
    pub fn check(&self) -> Result<(), Error> {
        check_collection(&self.collection)?;
        let ordered = self.effective_order();
        for filter in &self.filters {
            self.check_field(&filter.field)?;
            self.check_value(&filter.field, filter.op, &filter.value)?;
        }
        for (field, _) in &ordered {
            self.check_field(field)?;
        }
        if !ordered.is_empty() && (self.id_from.is_some() || self.id_below.is_some()) {
            return Err(self.mistake("has bounds on the id, which go with an order by id only"));
        }
        if let Some(cursor) = &self.after {
            check_id(&cursor.id, &self.collection)?;
            if cursor.values.len() != ordered.len() {
                return Err(self.mistake("has a cursor that does not fit its order"));
            }
        }
        for id in [&self.id_from, &self.id_below].into_iter().flatten() {
            check_id(id, &self.collection)?;
        }
        Ok(())
    }

    fn check_field(&self, field: &str) -> Result<(), Error> {
        let is_word = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
                && !is_reserved(part)
        };
        if field.split('.').all(is_word) {
            return Ok(());
        }
        Err(self.mistake("names a field that is no plain word"))
    }

    fn check_value(&self, field: &str, op: Op, value: &Value) -> Result<(), Error> {
        let is_scalar = |value: &Value| !value.is_array() && !value.is_object();
        let fits = match (op, value) {
            (Op::In, Value::Array(values)) => {
                (1..=MAX_IN_VALUES).contains(&values.len()) && values.iter().all(is_scalar)
            }
            (Op::In, _) => false,
            (Op::Equal, value) => is_scalar(value),
            // Firestore finds no null in an array.
            (Op::Contains, value) => is_scalar(value) && !value.is_null(),
            (Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual, value) => {
                value.is_string() || value.is_number()
            }
        };
        if fits {
            Ok(())
        } else {
            Err(self.mistake(&format!("compares \"{field}\" with a value that {op:?} cannot take")))
        }
    }

    fn mistake(&self, what: &str) -> Error {
        let group: Vec<&str> = self.collection.split('/').step_by(2).collect();
        Error::Refused(format!("a query of {} {what}", group.join("/")).into())
    }
}

fn check_collection(path: &str) -> Result<(), Error> {
    let mut parts = path.split('/');
    let mut above = "";
    loop {
        let name = parts.next().unwrap_or_default();
        if name.is_empty() || !name.bytes().all(|c| c.is_ascii_lowercase() || c == b'-') {
            return Err(Error::BadPath { what: format!("the collection name {name:?}") });
        }
        above = if above.is_empty() { name } else { above };
        match parts.next() {
            None => return Ok(()),
            Some(id) => check_id(id, above)?,
        }
    }
}

/// The id itself stays out of the error: nobody knows yet what is in it.
fn check_id(id: &str, collection: &str) -> Result<(), Error> {
    let why = match id {
        "" => "an empty id",
        "." | ".." => "an id of dots",
        _ if id.len() > MAX_ID_BYTES => "an id of more than 400 bytes",
        _ if id.contains('/') => "an id with a \"/\"",
        _ if id.contains('\0') => "an id with a NUL",
        _ if is_reserved(id) => "an id between double underscores",
        _ => return Ok(()),
    };
    Err(Error::BadPath { what: format!("{why} in {}", collection.split('/').next().unwrap_or_default()) })
}

/// `__x__` is a name that Firestore keeps for itself.
fn is_reserved(name: &str) -> bool {
    name.len() >= 4 && name.starts_with("__") && name.ends_with("__")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Cursor, Direction};

    #[test]
    fn a_path_goes_collection_id_collection() {
        for good in ["chats", "chats/4b0c/messages", "a/é ü/b/..c/c-d"] {
            assert!(Key::new(good, "1").check().is_ok(), "{good}");
        }
        for bad in ["", "/", "chats/", "chats/1", "/chats", "chats//messages", "Chats", "chats/../messages", "chats_1"]
        {
            assert!(matches!(Key::new(bad, "1").check(), Err(Error::BadPath { .. })), "{bad}");
        }
        for bad in ["", ".", "..", "a/b", "__a__", "a\0b", &"x".repeat(401)] {
            assert!(matches!(Key::new("chats", bad).check(), Err(Error::BadPath { .. })), "{bad}");
        }
        assert!(Key::new("chats", "x".repeat(400)).check().is_ok());
    }

    #[test]
    fn a_query_that_cannot_be_answered_is_refused() {
        let all = || Query::all("chats/secret/messages");
        let cursor = Some(Cursor { values: vec![], id: "1".to_owned() });
        for bad in [
            all().eq("a b", json!(1)),
            all().eq("a..b", json!(1)),
            all().eq("__name__", json!(1)),
            all().eq("a", json!([1])),
            all().filter("a", Op::In, json!([])),
            all().filter("a", Op::In, json!(vec![0; 31])),
            all().filter("a", Op::Less, json!(null)),
            all().order("a", Direction::Ascending).after(cursor),
            all().order("a", Direction::Ascending).id_from("1"),
        ] {
            let error = bad.check().unwrap_err();
            let Error::Refused(why) = error else { panic!("{error}") };
            assert!(why.to_string().starts_with("a query of chats/messages "), "{why}");
        }
        assert!(all().eq("a.b", json!(null)).contains("c", json!("x")).check().is_ok());
    }
}
