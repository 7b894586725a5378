use std::time::Duration;

use audit_tree::{GRACE, Ledger};
use kernel::AuditId;
use model::audit::{AUDIT, AuditEntry};
use tokio::sync::Mutex;
use web::{ClientInfo, Record};

use super::Making;

/// The clock stands still and many seal at once, so each has a time of its own.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

impl Making<'_> {
    pub(super) async fn audit_entry(&mut self) {
        let (app, store) = (&self.at.app, &self.at.store);
        let _held = ONE_AT_A_TIME.lock().await;
        let ledger = Ledger::new(store.clone(), app.blobs.clone(), app.tokens.clone());
        let made =
            app.entry("patient.read", &ClientInfo::default()).of_user(&self.owner().id).patient(&self.scene.patient);
        let id: AuditId = made.id().clone();
        store.transact("test-entry", async |tx| tx.record(&made)).await.unwrap();
        let mut entry: AuditEntry = store.get(&AUDIT, id.as_str()).await.unwrap().unwrap().value;
        let sealed_until = ledger.sealed_until().await.unwrap();
        entry.at = sealed_until.unwrap_or(entry.at).max(entry.at).plus(Duration::from_millis(1));
        store.transact("test-entry", async |tx| tx.put(&AUDIT, id.as_str(), &entry)).await.unwrap();
        ledger.seal(entry.at.plus(GRACE)).await.unwrap();
        self.note("entryId", id.as_str());
    }
}
