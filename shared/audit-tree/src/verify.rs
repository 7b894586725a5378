//! Verifying: from the checkpoints, which are signed and never overwritten, to everything that has to agree with them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use blobs::BlobName;
use kernel::Time;
use model::audit_tree::{BATCHES, Batch, HEAD, TILES, TREE_HEADS, Tile, TreeHead, batch_id};
use store::Key;
use tokio::time::Instant;

use crate::checkpoint::{self, Checkpoint, Read, Statement};
use crate::log::{Found, LOG, Window};
use crate::seal::Ledger;
use crate::tiles::Edge;
use crate::{Error, LATEST, checkpoint_name, place};

mod ending;
mod problem;

pub use problem::{Problem, ProblemKind};

/// How many entries are read by key at once.
const READ_AT_ONCE: usize = 200;

/// What to verify.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verify {
    /// From the checkpoint that continues a tree of this size.
    pub from: u64,
    /// Up to the first checkpoint with so many entries; `None` for all.
    pub to: Option<u64>,
    /// After this time the rest is left for another call; at least one checkpoint is verified. `None` for no limit.
    pub budget: Option<Duration>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verification {
    /// How many entries were verified.
    pub entries: u64,
    /// How many checkpoints.
    pub checkpoints: u64,
    /// The size of the tree with the last verified checkpoint.
    pub size: u64,
    /// Its root, in hexadecimal digits.
    pub root: String,
    /// Up to which time the log was read for it.
    pub until: Option<Time>,
    /// How many entries were taken in late, after their time had been read.
    pub late: u64,
    /// How many entries of a time that was read are not in the tree: come late, to be taken in soon, or inserted just now.
    pub waiting: u64,
    /// What is wrong first, in the log's order; `None` where nothing is.
    pub problem: Option<Problem>,
    /// Where to go on; `None` where all was verified, or something is wrong.
    pub next: Option<u64>,
}

/// A walk along the checkpoints.
struct Walk<'a> {
    ledger: &'a Ledger,
    head: Option<TreeHead>,
    edge: Edge,
    until: Option<Time>,
    /// The size and root before the last verified checkpoint; `None` before the first.
    before: Option<(u64, String)>,
    found: Verification,
}

/// A walk goes on, or ends with a problem.
type Step = Result<Option<Problem>, Error>;

impl Ledger {
    /// Verifies checkpoints, the entries that they list, the tree, and that no entry is beside them; ends at the first
    /// problem. `None` where no checkpoint begins at `from`.
    pub async fn verify(&self, asked: Verify, now: Time) -> Result<Option<Verification>, Error> {
        let started = Instant::now();
        let head = self.head().await?;
        let mut walk = Walk {
            ledger: self,
            head,
            edge: Edge::default(),
            until: None,
            before: None,
            found: Verification::default(),
        };
        if !walk.begin(asked.from).await? {
            return Ok(None);
        }
        while walk.found.problem.is_none() {
            if !walk.step().await? {
                let ending = walk.ending(now).await;
                walk.found.problem = walk.problem_of(ending)?;
                break;
            }
            let is_enough = asked.to.is_some_and(|to| walk.edge.size() >= to)
                || asked.budget.is_some_and(|budget| started.elapsed() >= budget);
            if is_enough && walk.found.problem.is_none() {
                walk.found.next = Some(walk.edge.size());
                break;
            }
        }
        Ok(Some(walk.found))
    }
}

impl Walk<'_> {
    /// Finds the place to begin; answers whether there is one.
    async fn begin(&mut self, from: u64) -> Result<bool, Error> {
        if from > 0 {
            let batch = self.ledger.store.get(&BATCHES, &batch_id(from)).await?;
            let is_end = self.head.as_ref().is_some_and(|head| head.size == from);
            if batch.is_none() && !is_end {
                return Ok(false);
            }
            match Edge::load(&self.ledger.store, from).await {
                Ok(edge) => self.edge = edge,
                error => self.found.problem = self.problem_of(error.map(|_| None))?,
            }
        }
        self.found.size = from;
        self.found.root = hex::encode(self.edge.root());
        Ok(true)
    }

    /// Verifies the next checkpoint; answers whether there was one.
    async fn step(&mut self) -> Result<bool, Error> {
        let tenant = &self.ledger.store.database().tenant;
        let name = checkpoint_name(tenant, self.edge.size());
        let checkpoint = match checkpoint::read(self.ledger.blobs.as_ref(), &name).await? {
            Read::Missing => return Ok(false),
            Read::Unreadable(why) => {
                self.found.problem = Some(Problem::checkpoint(&name, self.edge.size(), why));
                return Ok(true);
            }
            Read::Found(checkpoint) => checkpoint,
        };
        let verified = self.verify_checkpoint(&name, &checkpoint).await;
        self.found.problem = self.problem_of(verified)?;
        if self.found.problem.is_none() {
            let Statement { size, root, until, late, previous_size, previous_root, .. } = checkpoint.statement;
            let entries = checkpoint.entries.len() as u64;
            self.found.checkpoints += 1;
            self.found.entries += entries;
            self.found.late += if late { entries } else { 0 };
            (self.found.size, self.found.root, self.found.until) = (size, root, Some(until));
            (self.until, self.before) = (Some(until), Some((previous_size, previous_root)));
        }
        Ok(true)
    }

    async fn verify_checkpoint(&mut self, name: &BlobName, checkpoint: &Checkpoint) -> Step {
        let begin = self.edge.size();
        let wrong = |why| Ok(Some(Problem::checkpoint(name, begin, why)));
        let Checkpoint { statement, entries, .. } = checkpoint;
        if let Some(why) = checkpoint.fault(&self.ledger.tokens, &self.ledger.store.database().tenant, begin) {
            return wrong(why);
        }
        // A walk that begins within the chain knows what was before from the database alone.
        let is_joining = self.before.is_none() && begin > 0;
        if statement.previous_root != hex::encode(self.edge.root()) {
            if is_joining {
                let what = "they have not the root that the checkpoint says";
                return Ok(Some(Problem::index(format!("{} before entry {begin}", TILES.path()), begin, what)));
            }
            return wrong("it continues another tree");
        }
        if statement.previous_until != self.until && !is_joining {
            return wrong("it continues from another time");
        }
        let mut full = BTreeMap::new();
        for listed in entries {
            let Some(hash) = listed.hash() else { return wrong("a hash in it is none") };
            self.edge.push(&listed.id, hash, &mut full);
        }
        if hex::encode(self.edge.root()) != statement.root {
            return wrong("its root is not that of its entries");
        }
        let listed = self.entries(checkpoint).await?;
        let inserted = self.inserted(checkpoint).await?;
        let first = listed.into_iter().chain(inserted).min_by(|a, b| a.at.cmp(&b.at));
        if first.is_some() {
            return Ok(first);
        }
        self.documents(statement, &full).await
    }

    /// Whether every listed entry is there, as it was.
    async fn entries(&self, checkpoint: &Checkpoint) -> Step {
        let mut number = checkpoint.statement.previous_size;
        for some in checkpoint.entries.chunks(READ_AT_ONCE) {
            let ids: Vec<String> = some.iter().map(|listed| listed.id.clone()).collect();
            let docs = self.ledger.store.get_many(&LOG, &ids).await?;
            for (listed, doc) in some.iter().zip(docs) {
                match doc {
                    None => return Ok(Some(Problem::removed(listed, number))),
                    Some(doc) if hex::encode(Found::of(&doc).hash) != listed.hash => {
                        return Ok(Some(Problem::altered(listed, number)));
                    }
                    Some(_) => number += 1,
                }
            }
        }
        Ok(None)
    }

    /// Whether the log holds an entry of the checkpoint's time that is in no checkpoint. One that may have come late is
    /// counted, and no problem.
    async fn inserted(&mut self, checkpoint: &Checkpoint) -> Step {
        let Statement { previous_until, until, swept_until, previous_size, .. } = checkpoint.statement;
        let listed: HashSet<&str> = checkpoint.entries.iter().map(|listed| listed.id.as_str()).collect();
        let swept = self.head.as_ref().and_then(|head| head.swept_until).max(swept_until);
        let too_late = swept.map(|swept| swept.minus(LATEST).to_string()).unwrap_or_default();
        let mut window = Window::new(&self.ledger.store, previous_until, until);
        let mut late: Option<HashSet<String>> = None;
        while !window.is_over() {
            for found in window.page().await?.into_iter().filter(|found| !listed.contains(found.id.as_str())) {
                // Those that came late are in later batches, which are read once, if at all.
                let late = match &mut late {
                    Some(late) => late,
                    none => none.insert(place::late_ids(&self.ledger.store, &found.at).await?),
                };
                if late.contains(&found.id) {
                    continue;
                }
                if found.at < too_late {
                    return self.out_of_place(&found, previous_size).await.map(Some);
                }
                self.found.waiting += 1;
            }
        }
        Ok(None)
    }

    /// An entry that no checkpoint of its time lists: inserted, or sealed under another time.
    async fn out_of_place(&self, found: &Found, number: u64) -> Result<Problem, Error> {
        let size = self.head.as_ref().map_or(0, |head| head.size);
        Ok(match place::number_anywhere(&self.ledger.store, &found.id, size).await? {
            Some(number) => Problem::moved(found, number),
            None => Problem::inserted(&found.id, &found.at, Some(number)),
        })
    }

    /// Whether the tiles that are full now, and the batch, are what the checkpoint makes them. A checkpoint that the head
    /// has not reached was written just before a crash, and its documents come with the next run.
    async fn documents(&self, statement: &Statement, full: &BTreeMap<String, Tile>) -> Step {
        if self.head.as_ref().is_none_or(|head| head.size < statement.size) {
            return Ok(None);
        }
        if let Some(problem) = self.tiles(full, statement.previous_size).await? {
            return Ok(Some(problem));
        }
        let Statement { previous_size: from, size, until, late, .. } = *statement;
        let id = batch_id(from);
        let batch = self.ledger.store.get(&BATCHES, &id).await?.map(|doc| doc.value);
        let is_right = batch == Some(Batch { from, size, until, late });
        let what = "it is not what the checkpoint says";
        Ok((!is_right).then(|| Problem::index(Key::new(BATCHES.path(), id).to_string(), from, what)))
    }

    async fn tiles(&self, expected: &BTreeMap<String, Tile>, number: u64) -> Step {
        let ids: Vec<String> = expected.keys().cloned().collect();
        let tiles = self.ledger.store.get_many(&TILES, &ids).await?;
        let differs = |((_, expected), stored): &((&String, &Tile), Option<store::Doc<Tile>>)| {
            stored.as_ref().is_none_or(|stored| stored.value != **expected)
        };
        let wrong = expected.iter().zip(tiles).find(differs);
        let what = "it is not what the checkpoints make it";
        Ok(wrong.map(|((id, _), _)| Problem::index(Key::new(TILES.path(), id.as_str()).to_string(), number, what)))
    }

    /// What a step found, where documents that cannot be read are a problem of their own.
    fn problem_of(&self, step: Step) -> Result<Option<Problem>, Error> {
        let number = self.edge.size();
        let what = "it cannot be read as what it was written as";
        match step {
            Err(Error::Broken { document }) => Ok(Some(Problem::index(document, number, what))),
            Err(Error::Store(store::Error::Damaged { key, .. })) => {
                Ok(Some(Problem::index(key.to_string(), number, what)))
            }
            step => step,
        }
    }
}

/// Where the one head is.
fn head_document() -> String {
    Key::new(TREE_HEADS.path(), HEAD).to_string()
}
