use std::hash::{DefaultHasher, Hash, Hasher};

use kernel::ChatId;
use store::Store;
use tokio::sync::{Mutex, MutexGuard};

const LANES: usize = 256;

static ALL: [Mutex<()>; LANES] = [const { Mutex::const_new(()) }; LANES];

/// The turn to change a chat: within one process, changes of a chat queue here in the order they came, instead of
/// failing at each other's commits. Only a help: what makes them right is the chat's version, and another process may
/// come between. Two chats may share a lane, so nobody holds two.
pub async fn turn(store: &Store, chat: &ChatId) -> MutexGuard<'static, ()> {
    let mut hasher = DefaultHasher::new();
    store.database().tenant.hash(&mut hasher);
    chat.hash(&mut hasher);
    let lane = usize::try_from(hasher.finish() % LANES as u64).unwrap_or(0);
    ALL[lane].lock().await
}
