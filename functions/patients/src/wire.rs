//! What several operations answer about items of a chart.

use kernel::{ChartItemId, Time, UserId};
use model::chart::{FormerItem, Item};
use serde::Serialize;
use utoipa::ToSchema;

/// When an item was written and changed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemFrame {
    /// The version, from 1; also the `ETag`.
    #[schema(example = 1)]
    version: u32,
    /// Who wrote it.
    created_by: UserId,
    /// When.
    created_at: Time,
    /// Who last changed it.
    updated_by: UserId,
    /// When.
    updated_at: Time,
}

/// An item with the states that it had before.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Corrected<T> {
    /// The item as it is now.
    #[serde(flatten)]
    item: T,
    /// What it said before, the newest 20, newest first.
    history: Vec<FormerState<T>>,
}

/// A former state of an item.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FormerState<T> {
    /// The item as it was.
    #[serde(flatten)]
    item: T,
    /// Who replaced it.
    replaced_by: UserId,
    /// When.
    replaced_at: Time,
}

impl<V> Corrected<V> {
    /// Shows an item and its former states.
    pub(crate) fn of<T>(item: Item<T>, former: Vec<(FormerItem, Item<T>)>) -> Self
    where
        V: From<Item<T>>,
    {
        let state = |(kept, item): (FormerItem, Item<T>)| FormerState {
            item: item.into(),
            replaced_by: kept.replaced_by,
            replaced_at: kept.replaced_at,
        };
        Self { item: item.into(), history: former.into_iter().map(state).collect() }
    }
}

impl ItemFrame {
    /// Takes an item apart: its id, its frame, and what it says.
    pub(crate) fn of<T>(item: Item<T>) -> (ChartItemId, Self, T) {
        let Item { id, version, created_by, created_at, updated_by, updated_at, entry } = item;
        (id, Self { version, created_by, created_at, updated_by, updated_at }, entry)
    }
}
