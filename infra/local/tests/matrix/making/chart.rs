use model::patient::{MRN_INDEX, MRN_OWNERS, MrnOwner};
use serde_json::{Value, json};

use super::{Making, text};

/// What is in a chart, put there by the doctor who always has to do with the patient.
impl Making<'_> {
    async fn item(&self, part: &str, body: &Value) -> Value {
        let path = format!("/api/v1/patients/{}/{part}", self.scene.patient);
        self.made(&self.scene.colleague, &path, body).await
    }

    /// As registering the patient does.
    pub(super) async fn mrn(&mut self) {
        let mrn = format!("MRN-{}", self.scene.patient);
        let blind = self.at.app.vault.blind_index(&self.at.store).await.unwrap();
        let index = blind.exact(MRN_INDEX, &mrn.to_ascii_uppercase());
        let owner = MrnOwner { patient_id: self.scene.patient.clone() };
        let write = self.at.store.transact("test-mrn", async |tx| tx.create(&MRN_OWNERS, &index, &owner));
        write.await.unwrap();
        self.note("mrn", mrn);
    }

    pub(super) async fn diagnosis(&mut self) {
        let words = &self.scene.words;
        let made = self.item("diagnoses", &json!({"diagnosis": words.reason, "notes": words.said})).await;
        self.note("diagnosisId", text(&made["id"]));
    }

    pub(super) async fn medication(&mut self) {
        let words = &self.scene.words;
        let made = self.item("medications", &json!({"name": words.drug, "notes": words.said})).await;
        self.note("medicationId", text(&made["id"]));
    }

    pub(super) async fn allergy(&mut self) {
        let words = &self.scene.words;
        let body = json!({"allergy": words.drug, "severity": "mild", "reactionDescription": words.reason});
        let made = self.item("allergies", &body).await;
        self.note("allergyId", text(&made["id"]));
    }

    pub(super) async fn vitals(&mut self) {
        self.item("vitals", &json!({"heartRate": 72, "notes": self.scene.words.said})).await;
    }
}
