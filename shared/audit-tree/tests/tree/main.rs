//! The tree over the log: sealed, verified, proved, and tampered with, on both platforms.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod proof;
mod seal;
mod tamper;

use std::time::Duration;

use audit_tree::{Ledger, Sealing, Verification, Verify};
use model::audit::{AUDIT, INDEXES};
use serde_json::Value;
use store::{Collection, Direction};
use testkit::TestApp;
use web::{ClientInfo, Entry, Record};

/// The log without types, as somebody at the database sees it.
const RAW: Collection<Value> = Collection::top("audit", INDEXES);

fn ledger(app: &TestApp) -> Ledger {
    Ledger::new(app.store.clone(), app.checkpoints.clone(), app.tokens.clone())
}

fn entry(app: &TestApp) -> Entry {
    app.app.entry("patient.read", &ClientInfo::default()).entity("patient", "p1").patient(&"p1".parse().unwrap())
}

/// Writes entries a second apart; answers their ids.
async fn write(app: &TestApp, count: usize) -> Vec<String> {
    let mut entries = Vec::new();
    for _ in 0..count {
        app.clock.advance(Duration::from_secs(1));
        entries.push(entry(app));
    }
    for some in entries.chunks(300) {
        let written = app.store.transact("test-entries", async |tx| some.iter().try_for_each(|entry| tx.record(entry)));
        written.await.unwrap();
    }
    entries.iter().map(|entry| entry.id().to_string()).collect()
}

/// Writes entries and seals them.
async fn sealed(app: &TestApp, count: usize) -> Vec<String> {
    let ids = write(app, count).await;
    app.clock.advance(audit_tree::GRACE);
    assert_eq!(seal(app).await.entries, count as u64);
    ids
}

async fn seal(app: &TestApp) -> Sealing {
    ledger(app).seal(app.app.now()).await.unwrap()
}

async fn verify(app: &TestApp) -> Verification {
    verify_part(app, Verify::default()).await.unwrap()
}

async fn verify_part(app: &TestApp, asked: Verify) -> Option<Verification> {
    ledger(app).verify(asked, app.app.now()).await.unwrap()
}

/// The log's ids by time.
async fn ids(app: &TestApp) -> Vec<String> {
    let all = AUDIT.all().order("at", Direction::Ascending);
    app.store.query(&AUDIT, &all).await.unwrap().into_iter().map(|doc| doc.id).collect()
}
