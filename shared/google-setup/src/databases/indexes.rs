use std::fmt;

use google_cloud_firestore_admin_v1::model::Index;
use google_cloud_firestore_admin_v1::model::index::index_field::{ArrayConfig, Order, ValueMode};
use google_cloud_firestore_admin_v1::model::index::{ApiScope, IndexField, QueryScope, State};
use google_cloud_gax::options::RequestOptionsBuilder;
use google_cloud_gax::paginator::ItemPaginator;

use super::operation::start_to_wait;
use super::{ArrayMode, DatabasePlan, Desk, IndexOrder, IndexPlan, Problem, Waiting};
use crate::SetupError;
use crate::failure::Needs;

/// What Firestore puts behind the fields of every index, in the direction of the last of them.
const NAME: &str = "__name__";

/// A composite index, in the form in which planned and found ones are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) collection: String,
    fields: Vec<(String, Mode)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Ordered(IndexOrder),
    Contains,
}

impl Shape {
    fn planned(plan: &DatabasePlan, index: &IndexPlan) -> Self {
        let mode = |array: Option<ArrayMode>, order: Option<IndexOrder>| match array {
            Some(ArrayMode::Contains) => Mode::Contains,
            None => Mode::Ordered(order.unwrap_or(IndexOrder::Ascending)),
        };
        let fields = index.fields.iter().map(|field| (field.path.clone(), mode(field.array, field.order))).collect();
        Self { collection: plan.collection(&index.collection, index.nested), fields }
    }

    /// An index as Firestore tells of it; `None` for those of other kinds, which none is planned as.
    fn found(index: &Index) -> Option<Self> {
        let ours = index.query_scope == QueryScope::Collection && index.api_scope == ApiScope::AnyApi;
        let collection = index.name.split_once("/collectionGroups/")?.1.split('/').next()?.to_owned();
        let fields: Option<Vec<_>> =
            index.fields.iter().map(|field| Some((field.field_path.clone(), found_mode(field)?))).collect();
        let mut shape = Self { collection, fields: fields.filter(|_| ours)? };
        if let Some((last, mode)) = shape.fields.last()
            && last == NAME
            && *mode == shape.name_mode()
        {
            shape.fields.pop();
        }
        Some(shape)
    }

    /// The direction that the document's name has unless another is asked for.
    fn name_mode(&self) -> Mode {
        match self.fields.iter().rev().find(|(path, _)| path != NAME) {
            Some((_, Mode::Ordered(order))) => Mode::Ordered(*order),
            _ => Mode::Ordered(IndexOrder::Ascending),
        }
    }

    fn to_index(&self) -> Index {
        let fields = self.fields.iter().map(|(path, mode)| {
            let field = IndexField::new().set_field_path(path);
            match mode {
                Mode::Ordered(IndexOrder::Ascending) => field.set_order(Order::Ascending),
                Mode::Ordered(IndexOrder::Descending) => field.set_order(Order::Descending),
                Mode::Contains => field.set_array_config(ArrayConfig::Contains),
            }
        });
        Index::new().set_query_scope(QueryScope::Collection).set_fields(fields)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.fields.iter().map(|(path, mode)| match mode {
            Mode::Ordered(IndexOrder::Ascending) => path.clone(),
            Mode::Ordered(IndexOrder::Descending) => format!("{path} descending"),
            Mode::Contains => format!("{path} contains"),
        });
        write!(f, "{} ({})", self.collection, words.collect::<Vec<_>>().join(", "))
    }
}

fn found_mode(field: &IndexField) -> Option<Mode> {
    match field.value_mode.as_ref()? {
        ValueMode::Order(Order::Ascending) => Some(Mode::Ordered(IndexOrder::Ascending)),
        ValueMode::Order(Order::Descending) => Some(Mode::Ordered(IndexOrder::Descending)),
        ValueMode::ArrayConfig(ArrayConfig::Contains) => Some(Mode::Contains),
        _ => None,
    }
}

impl Desk<'_> {
    /// What was planned and was never asked for.
    pub(super) async fn missing_indexes(&self) -> Result<Vec<Shape>, SetupError> {
        let found = self.found_indexes().await?;
        let missing = |shape: &Shape| !found.iter().any(|(other, _)| other == shape);
        Ok(self.planned_indexes().filter(missing).collect())
    }

    /// The planned indexes that cannot be used.
    pub(super) async fn index_problems(&self) -> Result<Vec<Problem>, SetupError> {
        let found = self.found_indexes().await?;
        let problem = |shape: Shape| {
            let states: Vec<&State> =
                found.iter().filter(|(other, _)| *other == shape).map(|(_, state)| state).collect();
            let index = shape.to_string();
            if states.contains(&&State::Ready) {
                None
            } else if states.contains(&&State::NeedsRepair) {
                Some(Problem::IndexBroken { index })
            } else if states.is_empty() {
                Some(Problem::NoIndex { index })
            } else {
                Some(Problem::IndexNotReady { index })
            }
        };
        Ok(self.planned_indexes().filter_map(problem).collect())
    }

    /// Asks for an index.
    pub(super) async fn start_index(&self, shape: Shape) -> Result<Option<Waiting>, SetupError> {
        let what = format!("index {shape} in {}", self.name);
        let request = self.client.create_index();
        let request = request.set_parent(format!("{}/collectionGroups/{}", self.name, shape.collection));
        // A second attempt cannot make a second index: it is answered by "already exists".
        let poller = request.set_index(shape.to_index()).with_idempotency(true).poller();
        let call = self.call("create", &what, Needs::INDEXES);
        start_to_wait(poller, &call, self.patience, &self.progress).await
    }

    fn planned_indexes(&self) -> impl Iterator<Item = Shape> {
        self.plan.firestore.indexes.values().map(|index| Shape::planned(self.plan, index))
    }

    async fn found_indexes(&self) -> Result<Vec<(Shape, State)>, SetupError> {
        // "-" is every collection.
        let parent = format!("{}/collectionGroups/-", self.name);
        let mut pages = self.client.list_indexes().set_parent(&parent).by_item();
        let mut found = Vec::new();
        while let Some(index) = pages.next().await {
            let index = index.map_err(|error| self.call("list indexes", &self.name, Needs::INDEXES).failed(&error))?;
            found.extend(Shape::found(&index).map(|shape| (shape, index.state)));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(fields: &[(&str, Order)]) -> Option<Shape> {
        let fields =
            fields.iter().map(|(path, order)| IndexField::new().set_field_path(*path).set_order(order.clone()));
        let name = "projects/p/databases/d/collectionGroups/audit/indexes/CICAgJ";
        Shape::found(&Index::new().set_name(name).set_query_scope(QueryScope::Collection).set_fields(fields))
    }

    #[test]
    fn the_name_that_firestore_adds_is_not_compared_and_another_direction_is() {
        let plain = found(&[("a", Order::Ascending), ("at", Order::Descending)]).unwrap();
        assert_eq!(plain.to_string(), "audit (a, at descending)");
        let added = [("a", Order::Ascending), ("at", Order::Descending), (NAME, Order::Descending)];
        assert_eq!(found(&added).unwrap(), plain);
        let against = [("a", Order::Ascending), ("at", Order::Descending), (NAME, Order::Ascending)];
        assert_ne!(found(&against).unwrap(), plain);
    }

    #[test]
    fn indexes_of_collection_groups_are_others() {
        let name = "projects/p/databases/d/collectionGroups/audit/indexes/CICAgJ";
        let fields = ["a", "b"].map(|path| IndexField::new().set_field_path(path).set_order(Order::Ascending));
        let index = Index::new().set_name(name).set_fields(fields);
        assert!(Shape::found(&index.clone().set_query_scope(QueryScope::CollectionGroup)).is_none());
        assert!(Shape::found(&index.set_query_scope(QueryScope::Collection)).is_some());
    }
}
