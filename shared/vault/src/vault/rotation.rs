//! Wrapping data keys again after the key that wraps them was replaced. The data keys stay as they are, so nothing that
//! they sealed is written anew, and others read, seal and open meanwhile.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use kernel::TenantId;
use store::{Cursor, Doc, Op, Query, Store, Version};

use super::{DATA_KEYS, StoredKey, UNWRAPS_AT_ONCE, Vault};
use crate::Error;

/// How many data keys are wrapped again in one commit.
const PAGE: u32 = 100;
/// How many problems are told one by one.
const MOST_PROBLEMS: usize = 20;

/// What [`Vault::rewrap`] did in one tenant.
#[derive(Debug, Default)]
pub struct Rewrapped {
    /// How many data keys are wrapped by the current key now that were not before.
    pub rewrapped: u64,
    /// How many were changed or destroyed by others meanwhile, and left to them.
    pub left: u64,
    /// How many could not be unwrapped: wrapped by a key that is not at hand, or damaged.
    pub failed: u64,
    /// Why, for the first 20 of those.
    pub problems: Vec<Error>,
    /// Whether it looked at all that are not wrapped by the current key; if not, call it again.
    pub is_done: bool,
}

/// How many data keys a tenant has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// By the id of the key that wraps them.
    pub wrapped_by: BTreeMap<String, u64>,
    /// Destroyed ones.
    pub destroyed: u64,
}

/// A data key that was wrapped again and is not stored yet.
struct Prepared {
    key_id: String,
    /// What it was made of.
    seen: Version,
    stored: StoredKey,
}

impl Vault {
    /// Wraps a tenant's data keys again that are not wrapped by the current key, about `most` of them at most. Costs a
    /// query of those alone, so that asking when there is nothing to do costs nearly nothing; a tenant's data keys are
    /// otherwise not read. May run in several processes at once.
    ///
    /// Fails where the store or the key service does; what was done until then stays, and a next call goes on.
    pub async fn rewrap(&self, store: &Store, most: u64) -> Result<Rewrapped, Error> {
        let store = store.clone().without_companions();
        let current = self.0.wrap.current(&store.database().tenant).await?;
        // A destroyed key says that it is wrapped by "".
        let all = || DATA_KEYS.all().filter("wrappedBy", Op::Greater, "").limit(PAGE);
        let below = all().filter("wrappedBy", Op::Less, current.as_str());
        let above = DATA_KEYS.all().filter("wrappedBy", Op::Greater, current.as_str()).limit(PAGE);
        let mut done = Rewrapped::default();
        for query in [below, above] {
            let mut page = store.query(&DATA_KEYS, &query).await?;
            while let Some(last) = page.last() {
                if done.rewrapped >= most {
                    return Ok(done);
                }
                let after = Cursor { values: vec![last.value.wrapped_by.clone().into()], id: last.id.clone() };
                self.rewrap_page(&store, page, &mut done).await?;
                page = store.query(&DATA_KEYS, &query.clone().after(Some(after))).await?;
            }
        }
        done.is_done = true;
        Ok(done)
    }

    /// How many data keys of a tenant are wrapped by which key: two queries for each such key.
    pub async fn count_keys(&self, store: &Store) -> Result<KeyCounts, Error> {
        let with = |wrapped_by: &str| DATA_KEYS.all().eq("wrappedBy", wrapped_by);
        let next = |after: &str| -> Query { DATA_KEYS.all().filter("wrappedBy", Op::Greater, after).limit(1) };
        let mut counts =
            KeyCounts { destroyed: store.count(&DATA_KEYS, &with("")).await?, wrapped_by: BTreeMap::new() };
        let mut found = store.query(&DATA_KEYS, &next("")).await?;
        while let Some(document) = found.pop() {
            let id = document.value.wrapped_by;
            let count = store.count(&DATA_KEYS, &with(&id)).await?;
            found = store.query(&DATA_KEYS, &next(&id)).await?;
            counts.wrapped_by.insert(id, count);
        }
        Ok(counts)
    }

    async fn rewrap_page(&self, store: &Store, page: Vec<Doc<StoredKey>>, done: &mut Rewrapped) -> Result<(), Error> {
        let tenant = &store.database().tenant;
        let outcomes: Vec<Result<Prepared, Error>> = stream::iter(page)
            .map(async |document| match self.wrap_again(tenant, document).await {
                Err(error) if error.is_retryable() => Err(error),
                outcome => Ok(outcome),
            })
            .buffer_unordered(UNWRAPS_AT_ONCE)
            .try_collect()
            .await?;
        let mut prepared = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            match outcome {
                Ok(key) => prepared.push(key),
                Err(error) => {
                    done.failed += 1;
                    if done.problems.len() < MOST_PROBLEMS {
                        done.problems.push(error);
                    }
                }
            }
        }
        let total = prepared.len() as u64;
        let written = store_unchanged(store, &prepared).await?;
        done.rewrapped += written;
        done.left += total.saturating_sub(written);
        Ok(())
    }

    /// The keys that are kept at hand stay as they are: a key on its way through here is needed by nobody.
    async fn wrap_again(&self, tenant: &TenantId, document: Doc<StoredKey>) -> Result<Prepared, Error> {
        let Doc { id, value, version } = document;
        let bytes = self.0.wrap.unwrap(tenant, &id, &value.wrapped(&id)?).await?;
        let wrapped = self.0.wrap.wrap(tenant, &id, &bytes).await?;
        Ok(Prepared { key_id: id, seen: version, stored: StoredKey::new(wrapped, value.since) })
    }
}

/// Writes those whose document is still what they were made of, and says how many: one that somebody destroyed
/// meanwhile must not come back.
async fn store_unchanged(store: &Store, prepared: &[Prepared]) -> Result<u64, Error> {
    let ids: Vec<String> = prepared.iter().map(|key| key.key_id.clone()).collect();
    let written = store.transact("vault-rewrap", async |tx| {
        let now = tx.get_many(&DATA_KEYS, &ids).await?;
        let mut written = 0;
        for (key, document) in prepared.iter().zip(now) {
            if document.is_some_and(|document| document.version == key.seen) {
                tx.put(&DATA_KEYS, &key.key_id, &key.stored)?;
                written += 1;
            }
        }
        Ok::<_, store::Error>(written)
    });
    Ok(written.await?)
}
