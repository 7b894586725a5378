//! The suite that every backend has to pass: generic functions, and [`crate::conformance_suite`] to stamp them.
//!
//! To add a test: write a `pub async fn` that takes a [`Ground`] in the file it belongs to, and name it in the macro.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::Random;
use serde_json::{Value, json};

use crate::{Backend, CommitError, Database, Document, Fields, Index, Key, Precondition, Store, Version, Write};

pub mod commits;
pub mod documents;
pub mod isolation;
pub mod limits;
pub mod paging;
pub mod queries;
pub mod transactions;
pub mod values;

/// What one test gets: a backend, and two databases of two tenants that nobody else uses.
pub struct Ground {
    /// The backend under test.
    pub backend: Arc<dyn Backend>,
    /// An empty database.
    pub database: Database,
    /// Another tenant's empty database.
    pub other: Database,
}

/// The composite indexes of the suite's collections, for a backend that is told them when it is opened.
pub fn indexes() -> Vec<(&'static str, Index)> {
    let of = |name: &'static str, indexes: &'static [Index]| indexes.iter().map(move |index| (name, *index));
    of("things", queries::THING_INDEXES).chain(of("pages", paging::PAGE_INDEXES)).collect()
}

/// Stamps the suite on a backend: one test for each function. Takes the name of an
/// `async fn(test: &'static str) -> Ground` beside it, or of one `-> Option<Ground>` that skips the test by `None`; the
/// crate needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! conformance_suite {
    ($ground:ident) => {
        $crate::conformance_suite! { @stamp $ground =>
            documents: put_get_delete, batch_in_order, versions_change_and_never_come_back, expired_documents_are_purged,
                damaged_documents_are_named, the_store_answers_its_check;
            commits: each_precondition_holds, all_or_nothing, an_empty_commit_does_nothing,
                concurrent_creates_have_one_winner;
            transactions: no_update_is_lost, a_changed_document_runs_the_closure_again,
                a_document_only_read_is_verified, a_document_read_as_absent_is_verified, create_needs_a_new_document,
                a_read_after_a_write_is_refused, an_error_writes_nothing, reading_alone_commits_nothing,
                the_listener_hears_of_commits, the_meter_counts;
            queries: equal_tells_kinds_apart, equal_to_null_and_missing, any_of_several, any_of_several_with_null,
                contains_an_element, ranges_stay_in_their_kind, ranges_on_numbers, text_is_ordered_by_its_bytes,
                numbers_are_ordered_by_value, kinds_have_an_order, two_fields_in_order,
                filters_with_an_order, missing_fields_are_left_out, fields_inside_maps, counts, an_undeclared_index_is_refused;
            paging: pages_over_ties_make_the_whole, pages_by_two_fields, pages_through_nulls, pages_of_a_range, pages_by_id, ids_in_bounds,
                a_limit_above_the_rest;
            isolation: tenants_do_not_see_each_other, prefixes_separate, collections_below_parents_are_apart,
                groups_of_one_name_are_apart;
            values: any_value_comes_back, odd_values_come_back, deep_values_come_back, odd_ids_come_back;
            limits: large_documents, too_large_documents, too_many_writes, bad_paths, queries_nobody_can_answer;
        }
    };
    (@stamp $ground:ident => $($module:ident: $($test:ident),+;)+) => {$(
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let ground = super::$ground(concat!(stringify!($module), "-", stringify!($test))).await;
                    let Some(ground) = Option::<$crate::conformance::Ground>::from(ground) else { return };
                    $crate::conformance::$module::$test(ground).await;
                }
            )+
        }
    )+};
}

impl Ground {
    /// A typed handle on the first database.
    pub fn store(&self) -> Store {
        Store::new(Arc::clone(&self.backend), self.database.clone(), Arc::new(Seeded(AtomicU64::new(1))))
    }

    async fn read(&self, key: &Key) -> Option<Document> {
        self.read_all(std::slice::from_ref(key)).await.pop().unwrap()
    }

    async fn read_all(&self, keys: &[Key]) -> Vec<Option<Document>> {
        self.backend.get(&self.database, keys).await.unwrap()
    }

    async fn version(&self, key: &Key) -> Version {
        self.read(key).await.unwrap().version
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), CommitError> {
        self.backend.commit(&self.database, writes).await
    }

    async fn put(&self, key: &Key, fields: Value) {
        self.commit(&[put(key, fields, Precondition::None)]).await.unwrap();
    }

    /// Fills a collection, its ids and fields given.
    async fn fill(&self, collection: &str, documents: &[(&str, Value)]) {
        let writes: Vec<Write> = documents
            .iter()
            .map(|(id, fields)| put(&Key::new(collection, *id), fields.clone(), Precondition::None))
            .collect();
        self.commit(&writes).await.unwrap();
    }
}

fn put(key: &Key, fields: Value, precondition: Precondition) -> Write {
    Write::Put { key: key.clone(), fields: map(fields), expire_at: None, precondition }
}

fn map(fields: Value) -> Fields {
    let Value::Object(fields) = fields else { panic!("fields are an object, not {fields}") };
    fields
}

fn ids(documents: &[Document]) -> Vec<&str> {
    documents.iter().map(|document| document.key.id.as_str()).collect()
}

/// Asserts that a commit gave way; a store that says where must say so rightly.
#[track_caller]
fn assert_conflict(answer: Result<(), CommitError>, expected: &Key) {
    match answer {
        Err(CommitError::Conflict { key: Some(key) }) => assert_eq!(&key, expected),
        Err(CommitError::Conflict { key: None }) => {}
        other => panic!("{expected}: a conflict was due, not {other:?}"),
    }
}

/// Where two values differ, floats to the bit; `None` where they do not.
fn difference(left: &Value, right: &Value) -> Option<String> {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            if let Some(key) = a.keys().chain(b.keys()).find(|key| a.contains_key(*key) != b.contains_key(*key)) {
                return Some(format!("{key:?} is on one side only"));
            }
            a.iter().find_map(|(key, value)| difference(value, &b[key]).map(|why| format!("{key:?}: {why}")))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(i, (a, b))| difference(a, b).map(|why| format!("[{i}]: {why}")))
        }
        (Value::Number(a), Value::Number(b)) => {
            let kind = |n: &serde_json::Number| (n.as_i64(), n.as_u64(), n.as_f64().map(f64::to_bits));
            (a != b || kind(a) != kind(b)).then(|| format!("{a} is not {b}"))
        }
        _ => (left != right).then(|| format!("{left} is not {right}")),
    }
}

#[track_caller]
fn assert_same(stored: &Fields, given: &Value) {
    if let Some(why) = difference(&json!(stored), given) {
        panic!("a document came back changed at {why}");
    }
}

/// A seeded source (SplitMix64) for the waits between attempts.
struct Seeded(AtomicU64);

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}
