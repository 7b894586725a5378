use std::sync::atomic::{AtomicU64, Ordering};

/// How often the store was asked, for budgets and bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Reads by key, each a round trip, of one document or many.
    pub gets: u64,
    /// Queries and counts.
    pub queries: u64,
    /// Commits that were tried.
    pub commits: u64,
    /// Documents read, by key (found or not) and by query.
    pub documents_read: u64,
    /// Documents written or removed in commits that were tried.
    pub documents_written: u64,
}

impl std::ops::Sub for Counts {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        Self {
            gets: self.gets - earlier.gets,
            queries: self.queries - earlier.queries,
            commits: self.commits - earlier.commits,
            documents_read: self.documents_read - earlier.documents_read,
            documents_written: self.documents_written - earlier.documents_written,
        }
    }
}

/// Counts what one [`crate::Store`] and its clones do.
#[derive(Debug, Default)]
pub struct Meter {
    gets: AtomicU64,
    queries: AtomicU64,
    commits: AtomicU64,
    documents_read: AtomicU64,
    documents_written: AtomicU64,
}

impl Meter {
    /// The counts since the start.
    pub fn counts(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            gets: load(&self.gets),
            queries: load(&self.queries),
            commits: load(&self.commits),
            documents_read: load(&self.documents_read),
            documents_written: load(&self.documents_written),
        }
    }

    pub(crate) fn got(&self, documents: usize) {
        add(&self.gets, 1);
        add(&self.documents_read, documents);
        metrics::counter!("store_gets_total").increment(1);
        metrics::counter!("store_documents_read_total").increment(documents as u64);
    }

    pub(crate) fn queried(&self, documents: usize) {
        add(&self.queries, 1);
        add(&self.documents_read, documents);
        metrics::counter!("store_queries_total").increment(1);
        metrics::counter!("store_documents_read_total").increment(documents as u64);
    }

    pub(crate) fn committed(&self, documents: usize) {
        add(&self.commits, 1);
        add(&self.documents_written, documents);
        metrics::counter!("store_commits_total").increment(1);
        metrics::counter!("store_documents_written_total").increment(documents as u64);
    }
}

fn add(counter: &AtomicU64, amount: usize) {
    counter.fetch_add(amount as u64, Ordering::Relaxed);
}
