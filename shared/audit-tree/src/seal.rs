//! Taking new entries into the tree.
//!
//! New ones are found by their time, without a mark on any of them. A run reads everything after the time that the last
//! one reached, up to [`GRACE`] before now. Once in [`SWEEP_EVERY`] it also reads again what is younger than [`LATEST`] before
//! the last such sweep, and takes in what came late.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use access::token::Tokens;
use blobs::Blobs;
use kernel::Time;
use model::audit_tree::{BATCHES, Batch, HEAD, TILES, TREE_HEADS, Tile, TreeHead, batch_id};
use store::{Direction, Op, Store};

use crate::checkpoint::{self, Checkpoint, Listed, Read, Statement, entries_hash};
use crate::log::{Found, Window};
use crate::merkle::{Span, empty_root};
use crate::tiles::{self, Edge};
use crate::{Error, GRACE, LATEST, SWEEP_EVERY};

/// About how many entries one checkpoint adds at most. Those of one millisecond stay together.
const BATCH: usize = 2_000;
/// After so many batches a run leaves the rest to the next.
const MOST_BATCHES: usize = 200;

/// A tenant's audit log and the tree over it.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) store: Store,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) tokens: Tokens,
}

/// What a run of [`Ledger::seal`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sealing {
    /// How many entries it took in.
    pub entries: u64,
    /// How many of them had come late.
    pub late: u64,
    /// Up to which time the log is sealed; `None` where there was never an entry.
    pub until: Option<Time>,
}

/// Where the tree stands.
struct Standing {
    size: u64,
    root: String,
    head: Option<TreeHead>,
}

impl Standing {
    fn until(&self) -> Option<Time> {
        self.head.as_ref().map(|head| head.until)
    }

    fn swept_until(&self) -> Option<Time> {
        self.head.as_ref().and_then(|head| head.swept_until)
    }

    /// Up to which time everything was read.
    fn reached(&self) -> Option<Time> {
        self.until().max(self.swept_until())
    }
}

/// What to take in.
struct Gathered {
    entries: Vec<Found>,
    until: Time,
    swept_until: Option<Time>,
    late: bool,
}

impl Ledger {
    /// The ledger of the tenant whose documents these are.
    pub fn new(store: Store, blobs: Arc<dyn Blobs>, tokens: Tokens) -> Self {
        Self { store, blobs, tokens }
    }

    /// Takes in what is new by now. Any number of these may run at once: of two, one is first, and the other goes on from
    /// there.
    pub async fn seal(&self, now: Time) -> Result<Sealing, Error> {
        let until = now.minus(GRACE);
        let mut done = Sealing::default();
        for _ in 0..MOST_BATCHES {
            let standing = self.standing().await?;
            // What was read before this run, by another machine's clock perhaps, stays read.
            let until = standing.reached().map_or(until, |reached| reached.max(until));
            done.until = standing.head.is_some().then_some(until);
            let Some(gathered) = self.gather(&standing, until).await? else { return Ok(done) };
            let (count, late) = (gathered.entries.len() as u64, gathered.late);
            let is_done = if count == 0 {
                self.note_sweep(&standing, until).await?
            } else {
                self.append(&standing, gathered, now).await?
            };
            if is_done {
                done.entries += count;
                done.late += if late { count } else { 0 };
            }
        }
        tracing::info!(tenant = %self.store.database().tenant, "more audit entries wait than one run seals");
        Ok(done)
    }

    /// Up to which time the log is sealed; `None` where it never was.
    pub async fn sealed_until(&self) -> Result<Option<Time>, Error> {
        Ok(self.standing().await?.reached())
    }

    /// The tree's head.
    pub(crate) async fn head(&self) -> Result<Option<TreeHead>, Error> {
        Ok(self.store.get(&TREE_HEADS, HEAD).await?.map(|doc| doc.value))
    }

    async fn standing(&self) -> Result<Standing, Error> {
        let head = self.head().await?;
        let (size, root) =
            head.as_ref().map_or_else(|| (0, hex::encode(empty_root())), |head| (head.size, head.root.clone()));
        Ok(Standing { size, root, head })
    }

    /// What is next: new entries, else late ones; `None` where there is nothing to do.
    async fn gather(&self, standing: &Standing, until: Time) -> Result<Option<Gathered>, Error> {
        let swept_until = standing.swept_until();
        let (entries, reached) = match standing.reached() {
            Some(reached) if reached >= until => (Vec::new(), until),
            reached => self.gather_new(reached, until).await?,
        };
        if !entries.is_empty() {
            // The first time that all is read, late ones are among them.
            let is_first = swept_until.is_none() && reached == until;
            let swept_until = if is_first { Some(until) } else { swept_until };
            return Ok(Some(Gathered { entries, until: reached, swept_until, late: false }));
        }
        let Some(swept) = standing.head.as_ref().map(|head| swept_until.unwrap_or(head.until)) else { return Ok(None) };
        if until.since(swept) < SWEEP_EVERY {
            return Ok(None);
        }
        let (entries, is_all) = self.gather_late(swept.minus(LATEST), until).await?;
        let swept_until = if is_all { Some(until) } else { swept_until };
        Ok(Some(Gathered { entries, until, swept_until, late: true }))
    }

    /// Entries after `after`, at most about [`BATCH`], and the time up to which these are all.
    async fn gather_new(&self, after: Option<Time>, until: Time) -> Result<(Vec<Found>, Time), Error> {
        let mut window = Window::new(&self.store, after, until);
        let mut entries: Vec<Found> = Vec::new();
        while !window.is_over() {
            entries.extend(window.page().await?);
            let cut = (BATCH..entries.len()).find(|n| entries[*n].at != entries[*n - 1].at);
            if let Some(cut) = cut {
                entries.truncate(cut);
                // A time in another form than ours cannot be a boundary; what it belongs to is for the next batch.
                while entries.last().is_some_and(|last| time(last).is_none()) {
                    entries.pop();
                }
                let broken = || Error::Broken { document: "the times of entries".to_owned() };
                let reached = entries.last().and_then(time).ok_or_else(broken)?;
                return Ok((entries, reached));
            }
        }
        Ok((entries, until))
    }

    /// Entries after `after` that are not in the tree, and whether these are all.
    async fn gather_late(&self, after: Time, until: Time) -> Result<(Vec<Found>, bool), Error> {
        let batches = BATCHES.all().filter("until", Op::GreaterOrEqual, after.to_string());
        let batches = self.store.query(&BATCHES, &batches.order("until", Direction::Ascending)).await?;
        let mut known: HashSet<String> = HashSet::new();
        for batch in batches {
            let Batch { from, size, .. } = batch.value;
            known.extend(tiles::ids(&self.store, Span { from, to: size }).await?);
        }
        let mut window = Window::new(&self.store, Some(after), until);
        let mut entries = Vec::new();
        while !window.is_over() {
            entries.extend(window.page().await?.into_iter().filter(|found| !known.contains(&found.id)));
            if entries.len() > BATCH {
                entries.truncate(BATCH);
                return Ok((entries, false));
            }
        }
        Ok((entries, true))
    }

    /// Writes the checkpoint, then the tree. Answers false where another was first.
    async fn append(&self, standing: &Standing, gathered: Gathered, now: Time) -> Result<bool, Error> {
        let Gathered { entries, until, swept_until, late } = gathered;
        let listed = |found: Found| Listed { id: found.id, at: found.at, hash: hex::encode(found.hash) };
        let entries: Vec<Listed> = entries.into_iter().map(listed).collect();
        let growth = self.grow(standing, &entries).await?;
        let statement = Statement {
            tenant: self.store.database().tenant.clone(),
            size: growth.edge.size(),
            root: hex::encode(growth.edge.root()),
            at: now,
            until,
            swept_until,
            late,
            previous_size: standing.size,
            previous_root: standing.root.clone(),
            previous_until: standing.until(),
            entries_hash: entries_hash(&entries),
        };
        let checkpoint = Checkpoint::sign(&self.tokens, statement, entries)?;
        let name = checkpoint::name(&self.store.database().tenant, standing.size);
        if checkpoint::write(self.blobs.as_ref(), &name, &checkpoint).await? {
            return self.commit(standing, &checkpoint, growth).await;
        }
        self.adopt(standing, &name).await?;
        Ok(false)
    }

    /// Brings the tree to where a checkpoint is already: another sealer is just about to, or went away before it did.
    async fn adopt(&self, standing: &Standing, name: &blobs::BlobName) -> Result<(), Error> {
        let foreign = || Error::Foreign { name: name.to_string() };
        let Read::Found(checkpoint) = checkpoint::read(self.blobs.as_ref(), name).await? else { return Err(foreign()) };
        let statement = &checkpoint.statement;
        let fault = checkpoint.fault(&self.tokens, &self.store.database().tenant, standing.size);
        let continues = statement.previous_root == standing.root && statement.previous_until == standing.until();
        if fault.is_some() || !continues {
            return Err(foreign());
        }
        let growth = self.grow(standing, &checkpoint.entries).await?;
        if hex::encode(growth.edge.root()) != statement.root {
            return Err(foreign());
        }
        self.commit(standing, &checkpoint, growth).await.map(drop)
    }

    async fn grow(&self, standing: &Standing, entries: &[Listed]) -> Result<Growth, Error> {
        let mut edge = Edge::load(&self.store, standing.size).await?;
        if hex::encode(edge.root()) != standing.root {
            return Err(Error::Broken { document: format!("{}/{HEAD}", TREE_HEADS.path()) });
        }
        let mut full = BTreeMap::new();
        for entry in entries {
            let hash = entry.hash().ok_or_else(|| Error::Broken { document: format!("the hash of {}", entry.id) })?;
            edge.push(&entry.id, hash, &mut full);
        }
        Ok(Growth { edge, full })
    }

    async fn commit(&self, standing: &Standing, checkpoint: &Checkpoint, growth: Growth) -> Result<bool, Error> {
        let Statement { size, root, until, swept_until, late, previous_size, .. } = checkpoint.statement.clone();
        let Growth { edge, full } = growth;
        let tiles = full.into_iter().chain(edge.partial()).collect();
        let batch = Batch { from: previous_size, size, until, late };
        let head = TreeHead { size, root, checkpoint: checkpoint.jws.clone(), until, swept_until };
        self.advance(standing, &head, tiles, Some(&batch)).await
    }

    /// Notes that late entries were looked for and there were none.
    async fn note_sweep(&self, standing: &Standing, until: Time) -> Result<bool, Error> {
        let Some(head) = &standing.head else { return Ok(false) };
        let head = TreeHead { swept_until: Some(until), ..head.clone() };
        self.advance(standing, &head, BTreeMap::new(), None).await
    }

    /// Replaces the head, unless another did meanwhile.
    async fn advance(
        &self,
        standing: &Standing,
        head: &TreeHead,
        tiles: BTreeMap<String, Tile>,
        batch: Option<&Batch>,
    ) -> Result<bool, Error> {
        let advanced = self.store.transact("audit-seal", async |tx| {
            let now = tx.get(&TREE_HEADS, HEAD).await?.map(|doc| doc.value);
            if now != standing.head {
                return Ok(false);
            }
            for (id, tile) in &tiles {
                tx.put(&TILES, id, tile)?;
            }
            if let Some(batch) = batch {
                tx.put(&BATCHES, &batch_id(batch.from), batch)?;
            }
            tx.put(&TREE_HEADS, HEAD, head)?;
            Ok::<_, store::Error>(true)
        });
        Ok(advanced.await?)
    }
}

struct Growth {
    edge: Edge,
    full: BTreeMap<String, Tile>,
}

/// An entry's time, where it has the form in which times are stored.
fn time(found: &Found) -> Option<Time> {
    found.at.parse().ok().filter(|time: &Time| time.to_string() == found.at)
}
