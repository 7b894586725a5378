//! How data keys are made, found, kept, forgotten and destroyed.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::sync::Arc;

use common::{HeldClock, MemoryStore, Seeded, store_of};
use kernel::{Phi, TenantId};
use store::{Collection, Store};
use vault::{DATA_KEYS, Error, MemoryKeys, Place, StoredKey, Subject, Vault};

struct Room {
    backend: Arc<MemoryStore>,
    store: Store,
    clock: Arc<HeldClock>,
    vault: Vault,
}

fn room() -> Room {
    let backend = Arc::new(MemoryStore::default());
    let store = store_of(&backend, "clinic");
    let clock = HeldClock::new();
    let vault = vault_on(&clock);
    Room { backend, store, clock, vault }
}

/// Vaults from here share their master key, as the instances of one service do.
fn vault_on(clock: &Arc<HeldClock>) -> Vault {
    Vault::new(Arc::new(MemoryKeys::seeded(Seeded::new(1))), Seeded::new(2), clock.clone())
}

fn chat(id: &str) -> Subject {
    Subject::Chat(id.parse().unwrap())
}

fn place(tenant: &TenantId) -> Place<'_> {
    Place::new(tenant, "messages", "m1", "content")
}

#[tokio::test]
async fn a_new_key_is_stored_with_what_it_seals() {
    const CHATS: Collection<serde_json::Value> = Collection::top("chats", &[]);
    let Room { store, clock, vault, .. } = room();
    let tenant = store.database().tenant.clone();
    let fresh = vault.fresh_key(&tenant, &chat("c1")).await.unwrap();
    let sealed = fresh.key().seal(&place(&tenant), &Phi::new("hello".to_owned()));
    let document = serde_json::json!({ "title": sealed });
    store
        .transact("create-chat", async |tx| {
            fresh.save(&tx)?;
            tx.create(&CHATS, "c1", &document)
        })
        .await
        .unwrap();
    vault.remember(fresh);

    let before = store.meter().counts();
    let key = vault.key(&store, &chat("c1")).await.unwrap();
    assert_eq!(store.meter().counts(), before, "a remembered key costs no read");
    assert_eq!(key.open(&place(&tenant), &sealed).unwrap().disclose(), "hello");

    let elsewhere = vault_on(&clock).key(&store, &chat("c1")).await.unwrap();
    assert_eq!((store.meter().counts() - before).gets, 1);
    assert_eq!(elsewhere.open(&place(&tenant), &sealed).unwrap().disclose(), "hello");
}

#[tokio::test]
async fn a_key_is_read_once_in_five_minutes() {
    let Room { store, clock, vault, .. } = room();
    vault.ensure_key(&store, &chat("c1")).await.unwrap();
    let before = store.meter().counts();
    clock.advance_secs(299);
    vault.key(&store, &chat("c1")).await.unwrap();
    assert_eq!((store.meter().counts() - before).gets, 0);
    clock.advance_secs(2);
    vault.key(&store, &chat("c1")).await.unwrap();
    vault.key(&store, &chat("c1")).await.unwrap();
    assert_eq!((store.meter().counts() - before).gets, 1);
    vault.forget(&store.database().tenant, &chat("c1"));
    vault.key(&store, &chat("c1")).await.unwrap();
    assert_eq!((store.meter().counts() - before).gets, 2);
}

#[tokio::test]
async fn many_keys_take_one_read_and_absent_ones_are_left_out() {
    let Room { store, clock, vault, .. } = room();
    let tenant = store.database().tenant.clone();
    let subjects: Vec<Subject> = (0..40).map(|n| chat(&format!("c{n}"))).collect();
    let mut sealed = Vec::new();
    for subject in &subjects {
        let key = vault.ensure_key(&store, subject).await.unwrap();
        sealed.push(key.seal(&place(&tenant), &Phi::new(subject.to_string())));
    }
    let other = vault_on(&clock);
    let mut asked = subjects.clone();
    asked.extend([chat("none"), subjects[0].clone()]);
    let before = store.meter().counts();
    let keys = other.keys(&store, &asked).await.unwrap();
    assert_eq!((store.meter().counts() - before).gets, 1);
    assert_eq!(keys.len(), subjects.len());
    for (subject, sealed) in subjects.iter().zip(&sealed) {
        let opened = keys[subject].open(&place(&tenant), sealed).unwrap();
        assert_eq!(opened.disclose(), &subject.to_string());
    }
    other.keys(&store, &subjects).await.unwrap();
    assert_eq!((store.meter().counts() - before).gets, 1, "now all are kept");
}

#[tokio::test]
async fn of_many_who_ensure_a_key_all_get_the_same() {
    let Room { store, clock, .. } = room();
    let tenant = store.database().tenant.clone();
    let tasks = (0..8).map(|_| {
        let (vault, store) = (vault_on(&clock), store.clone());
        tokio::spawn(async move { vault.ensure_key(&store, &chat("c1")).await.unwrap() })
    });
    let mut keys = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        keys.push(task.await.unwrap());
    }
    let sealed = keys[0].seal(&place(&tenant), &Phi::new("same".to_owned()));
    assert!(keys.iter().all(|key| key.open(&place(&tenant), &sealed).unwrap().disclose() == "same"));
}

#[tokio::test]
async fn a_destroyed_key_is_missing_and_not_replaced() {
    let Room { store, clock, vault, .. } = room();
    let tenant = store.database().tenant.clone();
    vault.ensure_key(&store, &chat("c1")).await.unwrap();
    let now = kernel::Clock::now(clock.as_ref());
    store.transact("purge", async |tx| vault.destroy_key(&tx, &chat("c1"), now)).await.unwrap();
    vault.forget(&tenant, &chat("c1"));
    for outcome in [vault.key(&store, &chat("c1")).await, vault.ensure_key(&store, &chat("c1")).await] {
        assert!(matches!(outcome, Err(Error::KeyMissing { ref key_id }) if key_id == "chat_c1"), "{outcome:?}");
    }
    assert!(vault.keys(&store, &[chat("c1")]).await.unwrap().is_empty());
    assert!(matches!(vault.key(&store, &chat("c2")).await, Err(Error::KeyMissing { .. })));
}

#[tokio::test]
async fn a_wrapped_key_opens_only_for_its_tenant_and_subject() {
    let Room { backend, store, vault, .. } = room();
    let other_tenant = store_of(&backend, "other");
    vault.ensure_key(&store, &chat("c1")).await.unwrap();
    let stored = store.get(&DATA_KEYS, "chat_c1").await.unwrap().unwrap().value;
    let copy_to = async |target: &Store, id: &str, stored: &StoredKey| {
        target.transact("copy", async |tx| tx.put(&DATA_KEYS, id, stored)).await
    };
    copy_to(&store, "chat_c2", &stored).await.unwrap();
    copy_to(&other_tenant, "chat_c1", &stored).await.unwrap();
    assert!(matches!(vault.key(&store, &chat("c2")).await, Err(Error::DamagedKey { .. })));
    assert!(matches!(vault.key(&other_tenant, &chat("c1")).await, Err(Error::DamagedKey { .. })));

    let unknown = StoredKey { wrapped_by: "lost".to_owned(), ..stored.clone() };
    copy_to(&store, "chat_c3", &unknown).await.unwrap();
    let error = vault.key(&store, &chat("c3")).await.unwrap_err();
    assert!(matches!(&error, Error::UnknownWrappingKey { wrapped_by, .. } if wrapped_by == "lost"), "{error}");
    let garbled = StoredKey { wrapped_key: Some("*".to_owned()), ..stored };
    copy_to(&store, "chat_c4", &garbled).await.unwrap();
    assert!(matches!(vault.key(&store, &chat("c4")).await, Err(Error::DamagedKey { .. })));
}

#[tokio::test]
async fn tenants_share_no_key_and_no_hash() {
    let Room { backend, store, vault, .. } = room();
    let other = store_of(&backend, "other");
    let (one, two) = (vault.blind_index(&store).await.unwrap(), vault.blind_index(&other).await.unwrap());
    assert_ne!(one.exact("email", "ann@example.com"), two.exact("email", "ann@example.com"));
    let again = vault.blind_index(&store).await.unwrap();
    assert_eq!(one.exact("email", "ann@example.com"), again.exact("email", "ann@example.com"));
    assert_ne!(one.exact("email", "ann"), one.exact("phone", "ann"));
    assert_eq!(one.exact("email", "ann").len(), 64);
}

#[tokio::test]
async fn words_are_found_by_their_beginnings() {
    let Room { store, vault, .. } = room();
    let index = vault.blind_index(&store).await.unwrap();
    let stored = index.tokens("patient-name", "José O. Venkatanarasimharajuvaripeta");
    let found = |typed: &str| {
        let asked = index.search("patient-name", typed);
        !asked.is_empty() && asked.iter().all(|token| stored.contains(token))
    };
    for typed in ["jo", "JOSE", "josé", "o", "venkat", "venkatanarasimharaju", "venka jos"] {
        assert!(found(typed), "{typed}");
    }
    for typed in ["", "j", "ose", "josef", "venkx", "jose smith", "- ."] {
        assert!(!found(typed), "{typed}");
    }
    assert!(index.search("other", "jose").iter().all(|token| !stored.contains(token)), "labels never meet");
    let long_text = "word ".repeat(10_000) + &(0..10_000).map(|n| format!("w{n} ")).collect::<String>();
    assert!(index.tokens("note", &long_text).len() < 400);
}

#[tokio::test]
async fn nothing_secret_shows_in_debug() {
    let Room { store, vault, .. } = room();
    let tenant = store.database().tenant.clone();
    let fresh = vault.fresh_key(&tenant, &chat("c1")).await.unwrap();
    let index = vault.blind_index(&store).await.unwrap();
    let shown = format!("{vault:?} {fresh:?} {:?} {index:?}", fresh.key());
    assert_eq!(shown, "Vault(memory) FreshKey(chat_c1) SubjectKey(..) BlindIndex(..)");
}
