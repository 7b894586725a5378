//! What is overwritten or deleted cannot be found on the disk afterwards.

use serde_json::json;
use store::{Backend, Key, Precondition, Write};
use store_sqlite::SqliteBackend;

use crate::{database, folder, put};

const KEYS: usize = 3000;

/// Ids that spread, as random ones do, so that pages split in their middle.
fn id(n: usize) -> String {
    format!("chat_{:08x}", u32::try_from(n).unwrap().wrapping_mul(2_654_435_761))
}

fn secret(n: usize) -> String {
    format!("secret{n:05}").repeat(8)
}

/// How often a text is in the folder's files.
fn count(folder: &std::path::Path, text: &str) -> usize {
    let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    files.map(|bytes| bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()).sum()
}

#[tokio::test]
async fn nothing_is_left_of_what_was_overwritten_or_deleted() {
    let folder = folder("scrub");
    let backend = SqliteBackend::open(folder.clone(), Vec::new());
    let tenant = database("t");
    for chunk in (0..KEYS).collect::<Vec<_>>().chunks(50) {
        let writes: Vec<Write> = chunk.iter().map(|n| put("data-keys", &id(*n), json!({"key": secret(*n)}))).collect();
        backend.commit(&tenant, &writes).await.unwrap();
    }
    assert!(count(&folder, "secret") >= KEYS);
    for chunk in (0..KEYS).collect::<Vec<_>>().chunks(50) {
        let change = |n: &usize| match n % 2 {
            0 => put("data-keys", &id(*n), json!({"key": null})),
            _ => Write::Delete { key: Key::new("data-keys", id(*n)), precondition: Precondition::None },
        };
        backend.commit(&tenant, &chunk.iter().map(change).collect::<Vec<_>>()).await.unwrap();
    }
    backend.scrub(&tenant).await.unwrap();
    assert!(count(&folder, "chat_") >= KEYS / 2, "what remains is there");
    assert_eq!(count(&folder, "secret"), 0, "a copy is left");
}
