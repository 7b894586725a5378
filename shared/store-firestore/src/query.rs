//! Queries in Firestore's terms.

use serde_json::Value;
use store::{Direction, Error, Filter, Op, Query};

use crate::names::Names;
use crate::proto::structured_query::composite_filter::Operator as Junction;
use crate::proto::structured_query::field_filter::Operator as Comparison;
use crate::proto::structured_query::filter::FilterType;
use crate::proto::structured_query::unary_filter::{OperandType, Operator as UnaryOperator};
use crate::proto::structured_query::{
    CollectionSelector, CompositeFilter, Direction as Way, FieldFilter, FieldReference, Filter as Condition, Order,
    UnaryFilter,
};
use crate::proto::{Cursor, StructuredQuery, Value as Stored};
use crate::value::{ALL_FIELD, array, boolean, compared, equal_to, reference, stored};

/// Firestore's word for a document's name where a field's may stand.
const NAME: &str = "__name__";

/// A checked query: its parent and the query below it.
pub(crate) struct Structured {
    pub(crate) parent: String,
    pub(crate) query: StructuredQuery,
}

/// The query with its cursor and limit.
pub(crate) fn structured(names: &Names, query: &Query) -> Result<Structured, Error> {
    let mut structured = uncut(names, query)?;
    structured.query.start_at = query.after.as_ref().map(|cursor| {
        let mut values: Vec<Stored> = cursor.values.iter().map(|value| stored(value, 1)).collect();
        values.push(reference(names.unchecked(&query.collection, &cursor.id)));
        Cursor { values, before: false }
    });
    structured.query.limit = query.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX));
    Ok(structured)
}

/// The query without its cursor and limit, as a count wants it.
pub(crate) fn uncut(names: &Names, query: &Query) -> Result<Structured, Error> {
    query.check()?;
    let (parent, collection_id) = names.collection(&query.collection);
    let mut order: Vec<Order> =
        query.effective_order().into_iter().map(|(field, direction)| order(field, direction)).collect();
    order.push(Order { field: Some(name_field()), direction: way(query.id_direction()) });
    let query = StructuredQuery {
        from: vec![CollectionSelector { collection_id, all_descendants: false }],
        r#where: all_of(conditions(names, query)),
        order_by: order,
        ..StructuredQuery::default()
    };
    Ok(Structured { parent, query })
}

fn conditions(names: &Names, query: &Query) -> Vec<Condition> {
    let bound = |id: &String, op| field_filter(name_field(), op, reference(names.unchecked(&query.collection, id)));
    let from = query.id_from.as_ref().map(|id| bound(id, Comparison::GreaterThanOrEqual));
    let below = query.id_below.as_ref().map(|id| bound(id, Comparison::LessThan));
    query.filters.iter().map(condition).chain(all_downwards(query)).chain(from).chain(below).collect()
}

/// Firestore reads a collection upwards only. Its automatic index of a field has all ids downwards below each of the
/// field's values, so all documents downwards are those with `true` in the field that all have.
fn all_downwards(query: &Query) -> Option<Condition> {
    let is_all = query.filters.is_empty() && query.order.is_empty() && query.by_id == Direction::Descending;
    is_all.then(|| field_filter(field(ALL_FIELD), Comparison::Equal, boolean(true)))
}

fn condition(filter: &Filter) -> Condition {
    let compare = |op| field_filter(field(&filter.field), op, compared(&filter.value));
    let equal = |op| field_filter(field(&filter.field), op, equal_to(&filter.value));
    match filter.op {
        Op::Equal if filter.value.is_null() => is_null(&filter.field),
        Op::Equal => equal(Comparison::Equal),
        Op::In => any_of(filter),
        Op::Contains => equal(Comparison::ArrayContains),
        Op::Less => compare(Comparison::LessThan),
        Op::LessOrEqual => compare(Comparison::LessThanOrEqual),
        Op::Greater => compare(Comparison::GreaterThan),
        Op::GreaterOrEqual => compare(Comparison::GreaterThanOrEqual),
    }
}

/// Firestore's IN finds no null, so that one is asked for beside it.
fn any_of(filter: &Filter) -> Condition {
    let values = filter.value.as_array().map_or(&[][..], Vec::as_slice);
    let present: Vec<Value> = values.iter().filter(|value| !value.is_null()).cloned().collect();
    let with_null = present.len() < values.len();
    let one_of = || field_filter(field(&filter.field), Comparison::In, array(present.iter().map(equal_to).collect()));
    match (present.is_empty(), with_null) {
        (true, _) => is_null(&filter.field),
        (false, false) => one_of(),
        (false, true) => composite(Junction::Or, vec![one_of(), is_null(&filter.field)]),
    }
}

fn all_of(mut conditions: Vec<Condition>) -> Option<Condition> {
    if conditions.len() < 2 { conditions.pop() } else { Some(composite(Junction::And, conditions)) }
}

fn composite(op: Junction, filters: Vec<Condition>) -> Condition {
    let filter = CompositeFilter { op: op.into(), filters };
    Condition { filter_type: Some(FilterType::CompositeFilter(filter)) }
}

fn field_filter(field: FieldReference, op: Comparison, value: Stored) -> Condition {
    let filter = FieldFilter { field: Some(field), op: op.into(), value: Some(value) };
    Condition { filter_type: Some(FilterType::FieldFilter(filter)) }
}

fn is_null(name: &str) -> Condition {
    let operand = OperandType::Field(field(name));
    let filter = UnaryFilter { op: UnaryOperator::IsNull.into(), operand_type: Some(operand) };
    Condition { filter_type: Some(FilterType::UnaryFilter(filter)) }
}

fn order(name: &str, direction: Direction) -> Order {
    Order { field: Some(field(name)), direction: way(direction) }
}

fn way(direction: Direction) -> i32 {
    match direction {
        Direction::Ascending => Way::Ascending.into(),
        Direction::Descending => Way::Descending.into(),
    }
}

/// A field's path; [`Query::check`] lets plain words only pass, which need no quotes.
fn field(path: &str) -> FieldReference {
    FieldReference { field_path: path.to_owned() }
}

fn name_field() -> FieldReference {
    FieldReference { field_path: NAME.to_owned() }
}
