//! Reading the log as it is stored, without its types: what nobody expects in an entry counts too.

use kernel::Time;
use model::audit::{INDEXES, SHARDS};
use serde_json::{Value, json};
use store::{Collection, Cursor, Direction, Doc, Fields, Op, Query, Store};

use crate::Error;
use crate::leaf::hash_of;
use crate::merkle::Hash;

/// The log's documents.
pub(crate) const LOG: Collection<Value> = Collection::top("audit", INDEXES);
/// How many entries are read at once.
const PAGE: u32 = 500;

/// An entry, as far as the tree is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: String,
    /// As it is stored. The job writes no other form than that of [`Time`], but somebody else might.
    pub(crate) at: String,
    pub(crate) hash: Hash,
}

impl Found {
    pub(crate) fn of(doc: &Doc<Value>) -> Self {
        let fields = doc.value.as_object().cloned().unwrap_or_default();
        Self { id: doc.id.clone(), at: at(&fields).to_owned(), hash: hash_of(&doc.id, &fields) }
    }
}

/// An entry's time, as text; empty where there is none.
pub(crate) fn at(fields: &Fields) -> &str {
    fields.get("at").and_then(Value::as_str).unwrap_or("")
}

/// The entries of a time, in the order of their time and id, page by page.
pub(crate) struct Window<'a> {
    store: &'a Store,
    query: Query,
    is_over: bool,
}

impl<'a> Window<'a> {
    /// What is after `after`, if that is given, and not after `until`.
    pub(crate) fn new(store: &'a Store, after: Option<Time>, until: Time) -> Self {
        let query = match after {
            Some(after) => timed().filter("at", Op::Greater, after.to_string()),
            None => timed(),
        };
        let query = query.filter("at", Op::LessOrEqual, until.to_string());
        Self { store, query: query.order("at", Direction::Ascending).limit(PAGE), is_over: false }
    }

    /// The next page; empty at the end.
    pub(crate) async fn page(&mut self) -> Result<Vec<Found>, Error> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let docs = self.store.query(&LOG, &self.query).await?;
        self.is_over = docs.len() < PAGE as usize;
        let page: Vec<Found> = docs.iter().map(Found::of).collect();
        self.query.after = page.last().map(|last| Cursor { values: vec![last.at.clone().into()], id: last.id.clone() });
        Ok(page)
    }

    /// Whether all pages were given out.
    pub(crate) const fn is_over(&self) -> bool {
        self.is_over
    }
}

/// All entries with one of the shards and any text as their time, which is how entries are written.
pub(crate) fn timed() -> Query {
    let shards: Vec<u8> = (0..SHARDS).collect();
    LOG.all().filter("shard", Op::In, json!(shards)).filter("at", Op::GreaterOrEqual, "")
}

/// Whether an entry is one of [`timed`].
pub(crate) fn is_timed(fields: &Fields) -> bool {
    let shard = fields.get("shard").and_then(Value::as_u64);
    shard.is_some_and(|shard| shard < u64::from(SHARDS)) && fields.get("at").is_some_and(Value::is_string)
}
