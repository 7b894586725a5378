//! Named transactions that may run again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use futures::future::join_all;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Ground;
use crate::{Collection, CommitListener, Counts, Database, Error, Key, Write};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counter {
    n: u32,
}

const COUNTERS: Collection<Counter> = Collection::top("counters", &[]);
const OTHERS: Collection<Counter> = Collection::top("others", &[]);

/// Sixteen tasks increment one document at once; every increment counts.
pub async fn no_update_is_lost(ground: Ground) {
    let store = ground.store();
    let increment = || async {
        // Giving up is allowed where so many push; losing is not.
        loop {
            let answer = store
                .transact("increment", async |tx| {
                    let n = tx.get(&COUNTERS, "c").await?.map_or(0, |doc| doc.value.n);
                    tx.put(&COUNTERS, "c", &Counter { n: n + 1 })?;
                    Ok::<_, Error>(n + 1)
                })
                .await;
            match answer {
                Ok(n) => return n,
                Err(Error::Contention { transaction: "increment", attempts }) => assert!(attempts > 1),
                Err(other) => panic!("{other}"),
            }
        }
    };
    let mut seen = join_all((0..16).map(|_| increment())).await;
    seen.sort_unstable();
    assert_eq!(seen, (1..=16).collect::<Vec<_>>(), "each saw a count of its own");
    assert_eq!(store.get(&COUNTERS, "c").await.unwrap().unwrap().value.n, 16);
}

/// A document that was read and written changes before the commit: the closure runs again and sees the change.
pub async fn a_changed_document_runs_the_closure_again(ground: Ground) {
    let key = Key::new("counters", "c");
    ground.put(&key, json!({"n": 1})).await;
    let attempts = AtomicU32::new(0);
    let answer: Result<u32, Error> = ground
        .store()
        .transact("again", async |tx| {
            let n = tx.get(&COUNTERS, "c").await?.unwrap().value.n;
            if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                ground.put(&key, json!({"n": 10})).await;
            }
            tx.put(&COUNTERS, "c", &Counter { n: n + 1 })?;
            Ok(n + 1)
        })
        .await;
    assert_eq!((answer.unwrap(), attempts.into_inner()), (11, 2));
    assert_eq!(ground.read(&key).await.unwrap().fields["n"], 11);
}

/// A document that was only read changes before the commit: the closure runs again.
pub async fn a_document_only_read_is_verified(ground: Ground) {
    let read = Key::new("others", "price");
    ground.put(&read, json!({"n": 5})).await;
    let attempts = AtomicU32::new(0);
    ground
        .store()
        .transact("verify", async |tx| {
            let n = tx.get(&OTHERS, "price").await?.unwrap().value.n;
            if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                ground.put(&read, json!({"n": 7})).await;
            }
            tx.put(&COUNTERS, "order", &Counter { n })?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(attempts.into_inner(), 2);
    assert_eq!(ground.read(&Key::new("counters", "order")).await.unwrap().fields["n"], 7);
}

/// A document that was not there when it was read is there at the commit: the closure runs again and sees it.
pub async fn a_document_read_as_absent_is_verified(ground: Ground) {
    for (id, written) in [("only-read", "order"), ("read-and-put", "read-and-put")] {
        let attempts = AtomicU32::new(0);
        let found = ground
            .store()
            .transact("absent", async |tx| {
                let found = tx.get_many(&COUNTERS, &[id.to_owned()]).await?.remove(0);
                if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                    ground.put(&Key::new("counters", id), json!({"n": 3})).await;
                }
                tx.put(&COUNTERS, written, &Counter { n: 1 })?;
                Ok::<_, Error>(found.map(|doc| doc.value.n))
            })
            .await;
        assert_eq!((found.unwrap(), attempts.into_inner()), (Some(3), 2), "{id}");
    }
}

/// A create of what is there ends at once, names the document and writes nothing.
pub async fn create_needs_a_new_document(ground: Ground) {
    let store = ground.store();
    let attempts = AtomicU32::new(0);
    let create = async |read_first: bool| {
        store
            .transact("create", async |tx| {
                attempts.fetch_add(1, Ordering::Relaxed);
                if read_first {
                    tx.get(&COUNTERS, "c").await?;
                }
                tx.create(&COUNTERS, "c", &Counter { n: 1 })?;
                tx.put(&OTHERS, "o", &Counter { n: 1 })
            })
            .await
    };
    create(false).await.unwrap();
    ground.put(&Key::new("others", "o"), json!({"n": 9})).await;
    for read_first in [false, true] {
        let error = create(read_first).await.unwrap_err();
        let Error::AlreadyExists { key } = error else { panic!("{error}") };
        assert_eq!(key, Key::new("counters", "c"));
    }
    assert_eq!(attempts.load(Ordering::Relaxed), 3, "running again would not change the answer");
    assert_eq!(ground.read(&Key::new("others", "o")).await.unwrap().fields["n"], 9);
}

/// Reading what the transaction wrote is a mistake, and named.
pub async fn a_read_after_a_write_is_refused(ground: Ground) {
    let error = ground
        .store()
        .transact("muddle", async |tx| {
            tx.put(&COUNTERS, "c", &Counter { n: 1 })?;
            tx.get_both((&OTHERS, "o"), (&COUNTERS, "c")).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    let Error::ReadAfterWrite { transaction: "muddle", key } = error else { panic!("{error}") };
    assert_eq!(key, Key::new("counters", "c"));
    assert_eq!(ground.read(&key).await, None);
}

/// A closure that fails writes nothing and runs once.
pub async fn an_error_writes_nothing(ground: Ground) {
    #[derive(Debug, thiserror::Error)]
    enum Refusal {
        #[error("no")]
        No,
        #[error(transparent)]
        Store(#[from] Error),
    }
    let attempts = AtomicU32::new(0);
    let answer: Result<(), Refusal> = ground
        .store()
        .transact("refuse", async |tx| {
            attempts.fetch_add(1, Ordering::Relaxed);
            tx.put(&COUNTERS, "c", &Counter { n: 1 })?;
            Err(Refusal::No)
        })
        .await;
    assert!(matches!(answer, Err(Refusal::No)));
    assert_eq!(attempts.into_inner(), 1);
    assert_eq!(ground.read(&Key::new("counters", "c")).await, None);
}

/// A transaction that writes nothing makes no commit.
pub async fn reading_alone_commits_nothing(ground: Ground) {
    let store = ground.store();
    let (a, b) = store
        .transact("read", async |tx| tx.get_both((&COUNTERS, "a"), (&OTHERS, "b")).await)
        .await
        .unwrap_or_else(|error: Error| panic!("{error}"));
    assert!(a.is_none() && b.is_none());
    assert_eq!(store.meter().counts(), Counts { gets: 1, documents_read: 2, ..Counts::default() });
}

/// The listener hears of each commit that happened, once, and of no other.
pub async fn the_listener_hears_of_commits(ground: Ground) {
    #[derive(Default)]
    struct Heard(Mutex<Vec<Vec<Key>>>);
    #[async_trait]
    impl CommitListener for Heard {
        async fn committed(&self, _: &Database, writes: &[Write]) {
            self.0.lock().push(writes.iter().map(|write| write.key().clone()).collect());
        }
    }
    let heard = Arc::new(Heard::default());
    let store = ground.store().with_listener(heard.clone());
    let create = async || store.transact("create", async |tx| tx.create(&COUNTERS, "c", &Counter { n: 1 })).await;
    create().await.unwrap();
    assert!(matches!(create().await, Err(Error::AlreadyExists { .. })));
    assert_eq!(*heard.0.lock(), [vec![Key::new("counters", "c")]]);
}

/// Round trips and documents are counted as budgets need them.
pub async fn the_meter_counts(ground: Ground) {
    let store = ground.store();
    store
        .transact("write", async |tx| {
            tx.get(&COUNTERS, "a").await?;
            tx.put(&COUNTERS, "b", &Counter { n: 1 })?;
            tx.delete(&COUNTERS, "c");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let written = Counts { gets: 1, commits: 1, documents_read: 1, documents_written: 2, ..Counts::default() };
    assert_eq!(store.meter().counts(), written);
    assert_eq!(store.query(&COUNTERS, &COUNTERS.all()).await.unwrap().len(), 1);
    let queried = Counts { queries: 1, documents_read: 1, ..Counts::default() };
    assert_eq!(store.meter().counts() - written, queried);
}
