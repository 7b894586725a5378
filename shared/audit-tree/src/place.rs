//! Where an entry is in the tree.

use std::collections::HashSet;

use model::audit_tree::{BATCHES, TILE};
use store::{Direction, Op, Store};

use crate::merkle::Span;
use crate::{Error, tiles};

/// How many batches with late entries are looked through: those of two days at least.
const MOST_LATE: u32 = 50;

/// The number of an entry, found by its time; `None` where it is not in the tree. It reads the batch that took in
/// entries of that time, then those with late ones that followed.
pub(crate) async fn number(store: &Store, id: &str, at: &str) -> Result<Option<u64>, Error> {
    for (late, limit) in [(false, 1), (true, MOST_LATE)] {
        let batches = BATCHES.all().eq("late", late).filter("until", Op::GreaterOrEqual, at);
        let batches = batches.order("until", Direction::Ascending).limit(limit);
        for batch in store.query(&BATCHES, &batches).await? {
            let (from, to) = (batch.value.from, batch.value.size);
            let ids = tiles::ids(store, Span { from, to }).await?;
            if let Some(found) = (from..).zip(ids).find_map(|(number, known)| (known == id).then_some(number)) {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// The ids of entries that came late, of those batches that may hold one of this time or later.
pub(crate) async fn late_ids(store: &Store, at: &str) -> Result<HashSet<String>, Error> {
    let batches = BATCHES.all().eq("late", true).filter("until", Op::GreaterOrEqual, at);
    let batches = batches.order("until", Direction::Ascending).limit(MOST_LATE);
    let mut late = HashSet::new();
    for batch in store.query(&BATCHES, &batches).await? {
        late.extend(tiles::ids(store, Span { from: batch.value.from, to: batch.value.size }).await?);
    }
    Ok(late)
}

/// The number of an entry whose time cannot be relied on: looks through all of the tree.
pub(crate) async fn number_anywhere(store: &Store, id: &str, size: u64) -> Result<Option<u64>, Error> {
    let step = 20 * TILE as u64;
    let mut from = 0;
    while from < size {
        let to = size.min(from + step);
        let ids = tiles::ids(store, Span { from, to }).await?;
        if let Some(found) = (from..).zip(ids).find_map(|(number, known)| (known == id).then_some(number)) {
            return Ok(Some(found));
        }
        from = to;
    }
    Ok(None)
}
