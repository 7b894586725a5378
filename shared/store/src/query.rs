use serde_json::Value;

use crate::{Document, Key};

/// Which way an order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// The field is this value. `null` equals `null`; a missing field equals nothing.
    Equal,
    /// The field is one of this array's values, at most 30.
    In,
    /// The field is an array with this value, not null, in it.
    Contains,
    /// Below the value, of the same kind (text or number).
    Less,
    /// Not above the value.
    LessOrEqual,
    /// Above the value.
    Greater,
    /// Not below the value.
    GreaterOrEqual,
}

impl Op {
    pub(crate) const fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::In)
    }

    pub(crate) const fn is_array(self) -> bool {
        matches!(self, Self::Contains)
    }

    pub(crate) const fn is_range(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual)
    }
}

/// One condition of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The field: a name, or names joined by `.` for one inside a map. Names of queried fields are plain words.
    pub field: String,
    /// How it is compared.
    pub op: Op,
    /// With what: text, a number, true, false or null, or for [`Op::In`] an array of those.
    pub value: Value,
}

/// Where a page ended: the last document's ordered values and its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    /// The values of the ordered fields, in their order.
    pub values: Vec<Value>,
    /// The document's id.
    pub id: String,
}

/// Which documents of a collection, in which order, how many.
///
/// Documents without an ordered or range-compared field are not in the answer. Equal ones are ordered by their id, in
/// the direction of the last ordered field; without any order, by id upwards. Text is ordered by its UTF-8 bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The collection's path.
    pub collection: String,
    /// The conditions, all of which hold.
    pub filters: Vec<Filter>,
    /// The order.
    pub order: Vec<(String, Direction)>,
    /// Order by id in this direction where `order` is empty.
    pub by_id: Direction,
    /// Only what comes after this place.
    pub after: Option<Cursor>,
    /// Only ids not below this one (for collections whose ids are ordered). Goes with an empty `order` only.
    pub id_from: Option<String>,
    /// Only ids below this one. Goes with an empty `order` only.
    pub id_below: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

impl Query {
    /// All of a collection.
    pub fn all(collection: impl Into<String>) -> Self {
        Self {
            collection: collection.into(),
            filters: Vec::new(),
            order: Vec::new(),
            by_id: Direction::Ascending,
            after: None,
            id_from: None,
            id_below: None,
            limit: None,
        }
    }

    /// Only where `field` is `value`.
    #[must_use]
    pub fn eq(self, field: &str, value: impl Into<Value>) -> Self {
        self.filter(field, Op::Equal, value)
    }

    /// Only where the array `field` holds `value`.
    #[must_use]
    pub fn contains(self, field: &str, value: impl Into<Value>) -> Self {
        self.filter(field, Op::Contains, value)
    }

    /// Only where the comparison holds.
    #[must_use]
    pub fn filter(mut self, field: &str, op: Op, value: impl Into<Value>) -> Self {
        self.filters.push(Filter { field: field.to_owned(), op, value: value.into() });
        self
    }

    /// In this order, after any given before.
    #[must_use]
    pub fn order(mut self, field: &str, direction: Direction) -> Self {
        self.order.push((field.to_owned(), direction));
        self
    }

    /// By id in this direction, where no field is ordered.
    #[must_use]
    pub const fn by_id(mut self, direction: Direction) -> Self {
        self.by_id = direction;
        self
    }

    /// Only ids from this one on.
    #[must_use]
    pub fn id_from(mut self, id: impl Into<String>) -> Self {
        self.id_from = Some(id.into());
        self
    }

    /// Only ids below this one.
    #[must_use]
    pub fn id_below(mut self, id: impl Into<String>) -> Self {
        self.id_below = Some(id.into());
        self
    }

    /// Only what comes after a place.
    #[must_use]
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }

    /// At most so many.
    #[must_use]
    pub const fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The ordered fields as a backend must order them: a range-compared field that is not ordered comes first,
    /// upwards. The id follows as the last tie-break and is not in this list.
    pub fn effective_order(&self) -> Vec<(&str, Direction)> {
        let mut order: Vec<(&str, Direction)> = self.order.iter().map(|(f, d)| (f.as_str(), *d)).collect();
        for filter in self.filters.iter().filter(|f| f.op.is_range()) {
            if !order.iter().any(|(field, _)| *field == filter.field) {
                order.insert(0, (&filter.field, Direction::Ascending));
            }
        }
        order
    }

    /// The direction of the tie-break by id.
    pub fn id_direction(&self) -> Direction {
        self.effective_order().last().map_or(self.by_id, |(_, direction)| *direction)
    }

    /// The place after a document of this query's answer, for the next page.
    pub fn cursor_after(&self, document: &Document) -> Cursor {
        let value = |field: &str| lookup(&document.fields, field).cloned().unwrap_or(Value::Null);
        Cursor {
            values: self.effective_order().into_iter().map(|(field, _)| value(field)).collect(),
            id: document.key.id.clone(),
        }
    }

    /// The key of an id in this query's collection.
    pub fn key(&self, id: &str) -> Key {
        Key::new(self.collection.clone(), id)
    }
}

/// The value at a field's path.
fn lookup<'a>(fields: &'a crate::Fields, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let value = fields.get(first)?;
    match rest {
        None => Some(value),
        Some(rest) => lookup(value.as_object()?, rest),
    }
}
