//! The key that wraps is replaced while others read and write.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kernel::{Clock, OsRandom, Phi, Sealed, SystemClock};
use store::Store;
use testkit::TestApp;
use vault::{DATA_KEYS, Error, KeyFile, KeyFileError, Place, Rewrapped, Subject, Vault};

testkit::on_both_platforms! {
    functions: Vec::new;
    readers_and_writers_notice_nothing, a_destroyed_key_does_not_come_back, what_cannot_be_unwrapped_is_told,
    many_keys_are_wrapped_again_a_part_at_a_time,
}

/// A process: a vault with a memory of its own, on a key file that all share.
fn process(app: &TestApp, file: &Path) -> Vault {
    let keys = KeyFile::open_or_create(file, Arc::new(OsRandom), app.clock.clone()).unwrap();
    Vault::new(Arc::new(keys), Arc::new(OsRandom), app.clock.clone())
}

fn chat(id: &str) -> Subject {
    Subject::Chat(id.parse().unwrap())
}

fn seal(store: &Store, key: &vault::SubjectKey, text: &str) -> Sealed {
    key.seal(&Place::new(&store.database().tenant, "messages", "m", "content"), &Phi::new(text.to_owned()))
}

fn open(store: &Store, key: &vault::SubjectKey, sealed: &Sealed) -> String {
    let place = Place::new(&store.database().tenant, "messages", "m", "content");
    key.open(&place, sealed).unwrap().into_disclosed()
}

async fn rewrap(vault: &Vault, store: &Store) -> Rewrapped {
    let done = vault.rewrap(store, u64::MAX).await.unwrap();
    assert!(done.is_done);
    done
}

async fn wrapping_keys(vault: &Vault, store: &Store) -> Vec<(String, u64)> {
    vault.count_keys(store).await.unwrap().wrapped_by.into_iter().collect()
}

/// Two processes seal and open all the time, one of them never keeping a key at hand, while the key is rotated three
/// times; what was sealed before, between and afterwards opens, and the old keys are not needed any more.
async fn readers_and_writers_notice_nothing(app: TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let (one, two) = (process(&app, &file), process(&app, &file));
    let stop = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU64::new(0));
    let workers: Vec<_> = [one.clone(), two.clone()]
        .into_iter()
        .enumerate()
        .flat_map(|(process, vault)| (0..2).map(move |task| (process, task, vault.clone())))
        .map(|(process, task, vault)| {
            let (store, stop, written) = (app.store.clone(), stop.clone(), written.clone());
            tokio::spawn(async move {
                let tenant = store.database().tenant.clone();
                let mut sealed: Vec<(Subject, String, Sealed)> = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    let number = sealed.len();
                    let subject = chat(&format!("c{process}-{task}-{number}"));
                    let key = vault.ensure_key(&store, &subject).await.unwrap();
                    let text = format!("message {number}");
                    sealed.push((subject, text.clone(), seal(&store, &key, &text)));
                    let (subject, text, earlier) = &sealed[number / 2];
                    if process == 1 {
                        vault.forget(&tenant, subject);
                    }
                    let key = vault.key(&store, subject).await.unwrap();
                    assert_eq!(open(&store, &key, earlier), *text);
                    written.fetch_add(1, Ordering::SeqCst);
                }
                sealed
            })
        })
        .collect();
    let mut retired = vec![KeyFile::list(&file).unwrap()[0].id.clone()];
    for _ in 0..3 {
        let before = written.load(Ordering::SeqCst);
        while written.load(Ordering::SeqCst) < before + 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        retired.push(KeyFile::rotate(&file, &OsRandom, app.clock.now()).unwrap());
        // Whoever wrapped by the old key within five seconds of the rotation is caught by a second run.
        assert_eq!(process(&app, &file).rewrap(&app.store, u64::MAX).await.unwrap().failed, 0);
        app.clock.advance(Duration::from_secs(5));
    }
    stop.store(true, Ordering::SeqCst);
    let current = retired.pop().unwrap();
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    assert!(rewrap(&one, &app.store).await.problems.is_empty());
    let count = wrapping_keys(&two, &app.store).await;
    assert_eq!(count, [(current.clone(), all.len() as u64)], "nothing is wrapped by a former key");

    app.clock.advance(Duration::from_secs(601));
    for id in &retired {
        KeyFile::retire(&file, &OsRandom, id, app.clock.now()).unwrap();
    }
    let started_later = process(&app, &file);
    for (subject, text, sealed) in &all {
        let key = started_later.key(&app.store, subject).await.unwrap();
        assert_eq!(open(&app.store, &key, sealed), *text);
    }
    let again = rewrap(&two, &app.store).await;
    assert_eq!((again.rewrapped, again.left, again.failed), (0, 0, 0));
}

/// Keys are destroyed while they are wrapped again, in the same moments.
async fn a_destroyed_key_does_not_come_back(app: TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let vault = process(&app, &file);
    let subjects: Vec<Subject> = (0..60).map(|n| chat(&format!("c{n}"))).collect();
    for subject in &subjects {
        vault.ensure_key(&app.store, subject).await.unwrap();
    }
    KeyFile::rotate(&file, &OsRandom, app.clock.now()).unwrap();
    let destroyer = process(&app, &file);
    let destroy = async {
        for subject in &subjects {
            let now = app.clock.now();
            let destroyed =
                app.store.transact("test-destroy", async |tx| destroyer.destroy_key(&tx, subject, now)).await;
            destroyed.unwrap();
        }
    };
    let wrap_again = async {
        // The destroyer's writes make whole pages run again; the store's own patience may end.
        loop {
            match vault.rewrap(&app.store, u64::MAX).await {
                Ok(done) if done.is_done => return,
                Ok(_) | Err(Error::Store(store::Error::Contention { .. })) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::join!(destroy, wrap_again);
    let counts = vault.count_keys(&app.store).await.unwrap();
    assert_eq!((counts.destroyed, counts.wrapped_by.len()), (60, 0));
    let later = process(&app, &file);
    for subject in &subjects {
        assert!(matches!(later.key(&app.store, subject).await, Err(Error::KeyMissing { .. })));
    }
}

async fn what_cannot_be_unwrapped_is_told(app: TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let vault = process(&app, &file);
    for id in ["a", "b", "c"] {
        vault.ensure_key(&app.store, &chat(id)).await.unwrap();
    }
    let stored = app.store.get(&DATA_KEYS, "chat_a").await.unwrap().unwrap().value;
    let lost = vault::StoredKey { wrapped_by: "lost".to_owned(), ..stored.clone() };
    app.store
        .transact("test-spoil", async |tx| {
            tx.put(&DATA_KEYS, "chat_a", &lost)?;
            tx.put(&DATA_KEYS, "chat_b", &stored)
        })
        .await
        .unwrap();
    KeyFile::rotate(&file, &OsRandom, app.clock.now()).unwrap();
    app.clock.advance(Duration::from_secs(5));
    let done = rewrap(&vault, &app.store).await;
    assert_eq!((done.rewrapped, done.left, done.failed), (1, 0, 2));
    let mut told: Vec<String> = done.problems.iter().map(ToString::to_string).collect();
    told.sort();
    assert!(told[0].starts_with("data key chat_a was wrapped by \"lost\""), "{told:?}");
    assert!(told[1].starts_with("stored data key chat_b is damaged"), "{told:?}");
}

async fn many_keys_are_wrapped_again_a_part_at_a_time(app: TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let vault = process(&app, &file);
    for chunk in 0..5 {
        let mut fresh = Vec::new();
        for n in 0..50 {
            fresh.push(vault.fresh_key(&app.tenant, &chat(&format!("c{chunk}-{n}"))).await.unwrap());
        }
        let save = async |tx| fresh.iter().try_for_each(|key| key.save(&tx));
        app.store.transact("test-keys", save).await.unwrap();
    }
    KeyFile::rotate(&file, &OsRandom, app.clock.now()).unwrap();
    app.clock.advance(Duration::from_secs(5));
    let part = vault.rewrap(&app.store, 150).await.unwrap();
    assert_eq!((part.rewrapped, part.is_done), (200, false), "whole pages of 100");
    let counts = wrapping_keys(&vault, &app.store).await;
    assert_eq!(counts.len(), 2);
    let rest = rewrap(&vault, &app.store).await;
    assert_eq!(rest.rewrapped, 50);
    let before = app.store.meter().counts();
    rewrap(&vault, &app.store).await;
    let cost = app.store.meter().counts() - before;
    assert_eq!((cost.queries, cost.gets), (2, 0), "asking when all is done costs two empty queries");
}

#[test]
fn a_key_stays_while_somebody_may_use_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let clock = Arc::new(SystemClock);
    KeyFile::open_or_create(&file, Arc::new(OsRandom), clock.clone()).unwrap();
    let old = KeyFile::list(&file).unwrap().remove(0);
    let now = clock.now();
    let retire = |id: &str, secs: u64| KeyFile::retire(&file, &OsRandom, id, now.plus(Duration::from_secs(secs)));
    assert!(matches!(retire(&old.id, 9999), Err(KeyFileError::IsCurrent { .. })));
    assert!(matches!(retire("other", 9999), Err(KeyFileError::NoSuchKey { .. })));
    let new = KeyFile::rotate(&file, &OsRandom, now).unwrap();
    assert!(matches!(retire(&old.id, 599), Err(KeyFileError::TooEarly { .. })));
    let listed: Vec<_> = KeyFile::list(&file).unwrap().into_iter().map(|key| (key.id, key.replaced_at)).collect();
    assert_eq!(listed, [(new.clone(), None), (old.id.clone(), Some(now))]);
    retire(&old.id, 600).unwrap();
    assert_eq!(KeyFile::list(&file).unwrap().len(), 1);
    assert!(matches!(retire(&new, 9999), Err(KeyFileError::IsCurrent { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
}

#[test]
fn many_who_rotate_at_once_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    KeyFile::open_or_create(&file, Arc::new(OsRandom), Arc::new(SystemClock)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| KeyFile::rotate(&file, &OsRandom, SystemClock.now()).unwrap());
        }
    });
    assert_eq!(KeyFile::list(&file).unwrap().len(), 9, "nobody's key is lost");
}

/// A key that is wrapped while the file is away could not be unwrapped after the next start.
#[tokio::test]
async fn without_its_file_a_process_opens_and_does_not_wrap() {
    let app = TestApp::on_sqlite(Vec::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let vault = process(&app, &file);
    vault.ensure_key(&app.store, &chat("a")).await.unwrap();
    std::fs::rename(&file, folder.path().join("away.json")).unwrap();
    app.clock.advance(Duration::from_secs(301));
    vault.key(&app.store, &chat("a")).await.unwrap();
    let refused = vault.ensure_key(&app.store, &chat("b")).await.unwrap_err();
    assert!(matches!(refused, Error::KeyServiceUnavailable { .. }) && refused.is_retryable());
    std::fs::rename(folder.path().join("away.json"), &file).unwrap();
    vault.ensure_key(&app.store, &chat("b")).await.unwrap();
}
