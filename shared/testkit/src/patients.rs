use charts::ChartPlaces;
use kernel::{ConsentId, PatientId, Phi, UserId};
use model::audit::{AUDIT, AuditEntry};
use model::consent::{Consent, Grantee, Purpose, Scope, consents};
use model::patient::{Circle, PATIENTS, Patient, PatientDetails};
use vault::Subject;

use crate::{TestApp, TestUser};

/// Patients and consents as documents, for functions that do not make them.
impl TestApp {
    /// A patient whose record `creator` made, who therefore has a care relationship. Born on 1985-03-15; the MRN is the
    /// id's.
    pub async fn patient(&self, creator: &TestUser, name: &str) -> PatientId {
        let id = PatientId::generate(self.app.random.as_ref());
        self.patient_with_id(&id, &creator.id, name).await;
        id
    }

    /// The same with an id that is given.
    pub async fn patient_with_id(&self, id: &PatientId, creator: &UserId, name: &str) {
        let key = self.app.vault.ensure_key(&self.store, &Subject::Patient(id.clone())).await.unwrap();
        let places = ChartPlaces::of(&self.tenant, id);
        let seal = |place, text: &str| key.seal(&place, &Phi::new(text.to_owned()));
        let now = self.app.now();
        let mut patient = Patient {
            name: seal(places.name(), name),
            date_of_birth: seal(places.date_of_birth(), "1985-03-15"),
            mrn: seal(places.mrn(), &format!("MRN-{id}")),
            details: key.seal_json(&places.details(), &Phi::new(PatientDetails::default())).unwrap(),
            user_id: None,
            created_by: creator.clone(),
            created_at: now,
            updated_at: now,
            deleted_at: None,
            version: 1,
            words: Vec::new(),
            circle: Circle::default(),
            holders: Vec::new(),
        };
        patient.relate(creator, |relation| relation.created = true);
        patient.index_holders(now);
        self.store.transact("test-patient", async |tx| tx.create(&PATIENTS, id.as_str(), &patient)).await.unwrap();
    }

    /// A patient as it is stored.
    pub async fn patient_now(&self, id: &PatientId) -> Patient {
        self.store.get(&PATIENTS, id.as_str()).await.unwrap().unwrap().value
    }

    /// Changes a patient's document, and its holders with it.
    pub async fn change_patient(&self, id: &PatientId, change: impl Fn(&mut Patient)) {
        let now = self.app.now();
        let write = self.store.transact("test-change-patient", async |tx| {
            let mut patient = tx.get(&PATIENTS, id.as_str()).await?.unwrap().value;
            change(&mut patient);
            patient.index_holders(now);
            tx.put(&PATIENTS, id.as_str(), &patient)
        });
        write.await.unwrap();
    }

    /// Ties a patient to an account.
    pub async fn link(&self, id: &PatientId, user: &UserId) {
        self.change_patient(id, |patient| patient.user_id = Some(user.clone())).await;
    }

    /// A consent to one person for treatment over the whole chart, as `change` has it otherwise.
    pub async fn consent(&self, id: &PatientId, to: &UserId, change: impl Fn(&mut Consent)) -> ConsentId {
        let now = self.app.now();
        let mut consent = Consent {
            id: ConsentId::generate(self.app.random.as_ref()),
            grantee: Grantee::User { user_id: to.clone() },
            scope: Scope::WholeChart,
            purposes: vec![Purpose::Treatment],
            channels: Vec::new(),
            recording: false,
            ai_use: false,
            proxy: None,
            from: now,
            until: None,
            granted_by: to.clone(),
            granted_at: now,
            revoked: None,
        };
        change(&mut consent);
        let all = consents(id);
        let write = self.store.transact("test-consent", async |tx| tx.put(&all, consent.id.as_str(), &consent));
        write.await.unwrap();
        self.change_patient(id, |patient| patient.circle.consents.push(consent.clone())).await;
        consent.id
    }

    /// Takes a consent back.
    pub async fn revoke(&self, id: &PatientId, consent: &ConsentId) {
        self.change_patient(id, |patient| patient.circle.consents.retain(|c| c.id != *consent)).await;
    }

    /// The audit log, oldest first.
    pub async fn audit_log(&self) -> Vec<AuditEntry> {
        let mut all: Vec<_> = self.store.query(&AUDIT, &AUDIT.all()).await.unwrap();
        all.sort_by_key(|doc| (doc.value.at, doc.id.clone()));
        all.into_iter().map(|doc| doc.value).collect()
    }
}
