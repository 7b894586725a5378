use std::time::Duration;

use audit_tree::{GRACE, Ledger};
use kernel::{AuditId, Role};
use model::audit::{AUDIT, AuditEntry, Outcome};
use tokio::sync::Mutex;

use super::Making;
use crate::scene::Relation;

/// How many entries were sealed: each is a second after the one before, and all are of the day before.
static SEALED: Mutex<u64> = Mutex::const_new(0);

impl Making<'_> {
    pub(super) async fn entry(&mut self) {
        let (app, store) = (&self.at.app, &self.at.store);
        let mut sealed = SEALED.lock().await;
        *sealed += 1;
        let at = app.now().minus(Duration::from_secs(24 * 3600 - *sealed));
        let is_subject = self.scene.relation == Relation::Own && self.scene.role == Role::Patient;
        let actor = if is_subject { &self.scene.colleague } else { self.owner() };
        let entry = AuditEntry {
            at,
            shard: 0,
            action: "patient.read".to_owned(),
            outcome: Outcome::Allowed,
            refusal: None,
            user_id: Some(actor.id.clone()),
            role: None,
            session_id: None,
            entity_type: Some("patient".to_owned()),
            entity_id: Some(self.scene.patient.to_string()),
            patients: vec![self.scene.patient.clone()],
            because: Vec::new(),
            purpose: None,
            operation: None,
            ip: None,
            user_agent: None,
            request_id: None,
        };
        let id = AuditId::generate(app.random.as_ref());
        store.transact("test-entry", async |tx| tx.create(&AUDIT, id.as_str(), &entry)).await.unwrap();
        let ledger = Ledger::new(store.clone(), app.checkpoints.clone(), app.tokens.clone());
        ledger.seal(at.plus(GRACE)).await.unwrap();
        drop(sealed);
        self.note("entryId", id.as_str());
    }
}
