use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use crate::{Direction, Query};

/// A field of a composite index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexField {
    /// Compared or ordered upwards.
    Ascending(&'static str),
    /// Ordered downwards.
    Descending(&'static str),
    /// An array asked for one of its elements.
    Contains(&'static str),
}

/// A composite index of a collection. Queries by one field, and by several fields for equality only, need none.
pub type Index = &'static [IndexField];

/// What a store has to know of a collection, or of all that share a name below different parents: what Firestore's
/// settings are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The name, without a parent.
    pub name: &'static str,
    /// Whether it stands below documents of another collection.
    pub is_nested: bool,
    /// The composite indexes that its queries need.
    pub indexes: &'static [Index],
    /// Whether some of its documents may be removed by the store after a time.
    pub expires: bool,
    /// Fields that no query asks for by themselves, and that grow with time: an index of them would slow every write.
    pub unindexed: &'static [&'static str],
}

/// A collection of documents of one type: what `model` declares and [`crate::Store`] reads and writes.
pub struct Collection<T> {
    parent: Option<(&'static str, Cow<'static, str>)>,
    kind: Kind,
    document: PhantomData<fn() -> T>,
}

impl<T> Collection<T> {
    /// A collection at the top, with the composite indexes its queries need.
    pub const fn top(name: &'static str, indexes: &'static [Index]) -> Self {
        let kind = Kind { name, is_nested: false, indexes, expires: false, unindexed: &[] };
        Self { parent: None, kind, document: PhantomData }
    }

    /// A collection below a document of the collection `parent`.
    pub fn below(parent: &'static str, id: impl Into<String>, name: &'static str, indexes: &'static [Index]) -> Self {
        let kind = Kind { name, is_nested: true, indexes, expires: false, unindexed: &[] };
        Self { parent: Some((parent, Cow::Owned(id.into()))), kind, document: PhantomData }
    }

    /// The same, with documents that the store may remove by itself: those of [`crate::Transaction::put_until`].
    #[must_use]
    pub const fn expiring(mut self) -> Self {
        self.kind.expires = true;
        self
    }

    /// The same, with fields that get no index of their own. Composite indexes with them stay.
    #[must_use]
    pub const fn unindexed(mut self, fields: &'static [&'static str]) -> Self {
        self.kind.unindexed = fields;
        self
    }

    /// What a store has to know of it.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The path, as [`crate::Key`] has it.
    pub fn path(&self) -> String {
        match &self.parent {
            None => self.kind.name.to_owned(),
            Some((parent, id)) => format!("{parent}/{id}/{}", self.kind.name),
        }
    }

    /// The name without a parent: what a composite index belongs to.
    pub const fn name(&self) -> &'static str {
        self.kind.name
    }

    /// The declared composite indexes.
    pub const fn indexes(&self) -> &'static [Index] {
        self.kind.indexes
    }

    /// All documents of this collection, as a query to add to.
    pub fn all(&self) -> Query {
        Query::all(self.path())
    }
}

impl<T> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Self { parent: self.parent.clone(), kind: self.kind, document: PhantomData }
    }
}

impl<T> fmt::Debug for Collection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collection({})", self.path())
    }
}

/// The composite index that `query` needs on Firestore; `None` where the automatic ones do.
///
/// The rule is that of <https://firebase.google.com/docs/firestore/query-data/index-overview>: fields compared for
/// equality in any order, then the ordered fields in theirs. Equality alone is merged from single-field indexes.
pub(crate) fn needed_index(query: &Query) -> Option<NeededIndex> {
    let mut equal: Vec<&str> = Vec::new();
    let mut contains: Vec<&str> = Vec::new();
    for filter in &query.filters {
        if filter.op.is_array() {
            contains.push(&filter.field);
        } else if filter.op.is_equality() {
            equal.push(&filter.field);
        }
    }
    let ordered: Vec<(&str, Direction)> = query.effective_order();
    let fields = equal.len() + contains.len() + ordered.len();
    if ordered.is_empty() || fields < 2 {
        return None;
    }
    equal.sort_unstable();
    Some(NeededIndex {
        equal: equal.into_iter().map(str::to_owned).collect(),
        contains: contains.into_iter().map(str::to_owned).collect(),
        ordered: ordered.into_iter().map(|(field, direction)| (field.to_owned(), direction)).collect(),
    })
}

/// An index a query needs, in terms of the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NeededIndex {
    equal: Vec<String>,
    contains: Vec<String>,
    ordered: Vec<(String, Direction)>,
}

impl NeededIndex {
    /// Whether a declared index serves. Equality fields come first, in any order; then the ordered ones as they are.
    pub(crate) fn is_served_by(&self, index: Index) -> bool {
        let leading = self.equal.len() + self.contains.len();
        if index.len() != leading + self.ordered.len() {
            return false;
        }
        let (head, tail) = index.split_at(leading);
        let equal = |name: &String| {
            head.iter().any(|f| matches!(f, IndexField::Ascending(n) | IndexField::Descending(n) if n == name))
        };
        let contained = |name: &String| head.iter().any(|f| matches!(f, IndexField::Contains(n) if n == name));
        self.equal.iter().all(equal)
            && self.contains.iter().all(contained)
            && self.ordered.iter().zip(tail).all(|((name, direction), field)| match (field, direction) {
                (IndexField::Ascending(n), Direction::Ascending)
                | (IndexField::Descending(n), Direction::Descending) => n == name,
                _ => false,
            })
    }
}

impl fmt::Display for NeededIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.equal.clone();
        parts.extend(self.contains.iter().map(|name| format!("{name} (contains)")));
        parts.extend(self.ordered.iter().map(|(name, direction)| match direction {
            Direction::Ascending => name.clone(),
            Direction::Descending => format!("{name} (descending)"),
        }));
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Op;

    const BY_OWNER: Index = &[IndexField::Ascending("owner"), IndexField::Descending("at")];

    #[test]
    fn one_field_and_equalities_need_no_index() {
        assert_eq!(needed_index(&Query::all("c")), None);
        assert_eq!(needed_index(&Query::all("c").eq("owner", json!(1)).eq("kind", json!(2))), None);
        assert_eq!(needed_index(&Query::all("c").order("at", Direction::Descending)), None);
        assert_eq!(
            needed_index(&Query::all("c").filter("at", Op::Less, json!(1)).order("at", Direction::Descending)),
            None
        );
    }

    #[test]
    fn equality_with_order_needs_just_that_index() {
        let needed = needed_index(&Query::all("c").eq("owner", json!(1)).order("at", Direction::Descending)).unwrap();
        assert!(needed.is_served_by(BY_OWNER));
        assert_eq!(needed.to_string(), "owner, at (descending)");
        let upwards = needed_index(&Query::all("c").eq("owner", json!(1)).order("at", Direction::Ascending)).unwrap();
        assert!(!upwards.is_served_by(BY_OWNER));
    }
}
