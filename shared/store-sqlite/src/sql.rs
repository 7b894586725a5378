//! Queries as SQL.
//!
//! A field is compared through its sort key, one SQL value that has the port's order: null, false, true, numbers, text,
//! then arrays and maps as blobs. Missing is SQL's NULL, which equals nothing and is in no range. JSON's numbers are finite,
//! so the far end of the floats is free for null and the booleans.

use rusqlite::types::Value as Bound;
use serde_json::Value;
use store::{Cursor, Direction, Filter, Op, Query};

use crate::place::Place;
use crate::schema::Schema;

const NULL_KEY: &str = "-9e999";
const FALSE_KEY: &str = "-1.7976931348623157e308";
const TRUE_KEY: &str = "-1.7976931348623155e308";
/// The smallest text, above all numbers, and the smallest blob, above all text.
const TEXT_BEGINS: &str = "''";
const BLOBS_BEGIN: &str = "x''";

/// A statement and what it is given.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) values: Vec<Bound>,
}

/// The path of a field as an SQL string; names of queried fields are plain words.
pub(crate) fn json_path(field: &str) -> String {
    let quoted: Vec<String> = field.split('.').map(|name| format!(".\"{name}\"")).collect();
    format!("'${}'", quoted.concat())
}

/// The sort key of a field of a row. Indexes are made of the same words: SQLite compares expressions as they are written.
pub(crate) fn sort_key(field: &str) -> String {
    let path = json_path(field);
    format!(
        "CASE json_type(fields, {path}) WHEN 'null' THEN {NULL_KEY} WHEN 'false' THEN {FALSE_KEY} \
         WHEN 'true' THEN {TRUE_KEY} WHEN 'array' THEN CAST(json_extract(fields, {path}) AS BLOB) \
         WHEN 'object' THEN CAST(json_extract(fields, {path}) AS BLOB) ELSE json_extract(fields, {path}) END"
    )
}

/// The sort key of a row of `json_each`.
pub(crate) fn element_key(each: &str) -> String {
    format!(
        "CASE {each}.type WHEN 'null' THEN {NULL_KEY} WHEN 'false' THEN {FALSE_KEY} WHEN 'true' THEN {TRUE_KEY} \
         ELSE {each}.value END"
    )
}

/// The statement whose rows are `id, fields, version`, in order.
pub(crate) fn select(schema: &Schema, place: &Place, query: &Query) -> Statement {
    let mut builder = Builder::new(&format!("SELECT id, fields, version FROM \"{}\"", place.table), place);
    let order = query.effective_order();
    // Of several bounds on a field SQLite begins at the one that stands first, and a page should begin at its place.
    if let Some(cursor) = &query.after {
        builder.after(cursor, &order, query.id_direction());
    }
    builder.conditions(schema, place, query);
    builder.sql.push_str(" ORDER BY ");
    for (field, direction) in order {
        builder.sql.push_str(&format!("{} {}, ", sort_key(field), word(direction)));
    }
    builder.sql.push_str(&format!("id {}", word(query.id_direction())));
    if let Some(limit) = query.limit {
        let limit = builder.bind(Bound::Integer(limit.into()));
        builder.sql.push_str(&format!(" LIMIT {limit}"));
    }
    builder.finish()
}

/// The statement whose one row is the number of documents.
pub(crate) fn count(schema: &Schema, place: &Place, query: &Query) -> Statement {
    let mut builder = Builder::new(&format!("SELECT count(*) FROM \"{}\"", place.table), place);
    builder.conditions(schema, place, query);
    builder.finish()
}

struct Builder {
    sql: String,
    values: Vec<Bound>,
}

impl Builder {
    /// A statement on the documents below one parent, which is `?1`.
    fn new(sql: &str, place: &Place) -> Self {
        Self { sql: format!("{sql} WHERE parent = ?1"), values: vec![Bound::Text(place.parent.clone())] }
    }

    fn finish(self) -> Statement {
        Statement { sql: self.sql, values: self.values }
    }

    fn bind(&mut self, value: Bound) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    /// The sort key of a value that a query brings.
    fn key(&mut self, value: &Value) -> String {
        match value {
            Value::Null => NULL_KEY.to_owned(),
            Value::Bool(false) => FALSE_KEY.to_owned(),
            Value::Bool(true) => TRUE_KEY.to_owned(),
            Value::String(text) => self.bind(Bound::Text(text.clone())),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => self.bind(Bound::Integer(integer)),
                // SQLite reads the stored text by its own rule; the same rule here makes equal what is written alike.
                None => format!("json_extract({}, '$')", self.bind(Bound::Text(number.to_string()))),
            },
            Value::Array(_) | Value::Object(_) => {
                format!("CAST(json_extract({}, '$') AS BLOB)", self.bind(Bound::Text(value.to_string())))
            }
        }
    }

    fn conditions(&mut self, schema: &Schema, place: &Place, query: &Query) {
        for filter in &query.filters {
            let condition = self.filter(schema, place, filter);
            self.sql.push_str(&format!(" AND {condition}"));
        }
        for (field, _) in query.effective_order() {
            // Leaves out where the field is missing; as a bound, so that an index begins behind those.
            self.sql.push_str(&format!(" AND {} >= {NULL_KEY}", sort_key(field)));
        }
        for (id, comparison) in [(&query.id_from, ">="), (&query.id_below, "<")] {
            if let Some(id) = id {
                let id = self.bind(Bound::Text(id.clone()));
                self.sql.push_str(&format!(" AND id {comparison} {id}"));
            }
        }
    }

    fn filter(&mut self, schema: &Schema, place: &Place, filter: &Filter) -> String {
        let Filter { field, op, value } = filter;
        let key = sort_key(field);
        match op {
            Op::Equal => format!("{key} = {}", self.key(value)),
            Op::In => {
                let values: Vec<String> = value.as_array().into_iter().flatten().map(|value| self.key(value)).collect();
                format!("{key} IN ({})", values.join(", "))
            }
            Op::Contains => self.contains(schema, place, field, value),
            Op::Less => self.below(&key, "<", value),
            Op::LessOrEqual => self.below(&key, "<=", value),
            Op::Greater => self.above(&key, ">", value),
            Op::GreaterOrEqual => self.above(&key, ">=", value),
        }
    }

    fn contains(&mut self, schema: &Schema, place: &Place, field: &str, value: &Value) -> String {
        let wanted = self.key(value);
        if let Some(elements) = schema.elements_of(&place.table, field) {
            return format!("id IN (SELECT id FROM \"{elements}\" WHERE parent = ?1 AND element = {wanted})");
        }
        let path = json_path(field);
        format!(
            "json_type(fields, {path}) = 'array' AND EXISTS (SELECT 1 FROM json_each(fields, {path}) AS e \
             WHERE e.type NOT IN ('array', 'object') AND {} = {wanted})",
            element_key("e"),
        )
    }

    fn below(&mut self, key: &str, comparison: &str, value: &Value) -> String {
        let bound = self.key(value);
        let kind = if value.is_string() { format!(">= {TEXT_BEGINS}") } else { format!("> {TRUE_KEY}") };
        format!("{key} {comparison} {bound} AND {key} {kind}")
    }

    fn above(&mut self, key: &str, comparison: &str, value: &Value) -> String {
        let bound = self.key(value);
        let end = if value.is_string() { BLOBS_BEGIN } else { TEXT_BEGINS };
        format!("{key} {comparison} {bound} AND {key} < {end}")
    }

    /// What comes after a place: beyond it in the first field, or equal there and beyond it in the next, and so on.
    fn after(&mut self, cursor: &Cursor, order: &[(&str, Direction)], by_id: Direction) {
        let beyond = |direction| if direction == Direction::Ascending { ">" } else { "<" };
        let id = self.bind(Bound::Text(cursor.id.clone()));
        let mut condition = format!("id {} {id}", beyond(by_id));
        for (n, ((field, direction), value)) in order.iter().zip(&cursor.values).enumerate().rev() {
            let (key, value) = (sort_key(field), self.key(value));
            condition = format!("({key} {} {value} OR ({key} = {value} AND {condition}))", beyond(*direction));
            if n == 0 {
                // Says nothing new, but lets an index begin at the place.
                condition = format!("{key} {}= {value} AND {condition}", beyond(*direction));
            }
        }
        self.sql.push_str(&format!(" AND {condition}"));
    }
}

const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}

#[cfg(test)]
mod tests;
