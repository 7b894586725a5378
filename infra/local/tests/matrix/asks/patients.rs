use serde_json::json;

use super::{Ask, Made, needing, plain, with};
use crate::scene::Thing::{Allergy, Diagnosis, Medication, Mrn, Vitals};

pub(super) fn asks() -> Vec<Ask> {
    vec![
        with("POST /api/v1/patients", &[], |scene| {
            let words = &scene.words;
            Made::body(json!({"name": words.name, "dateOfBirth": "1985-03-15", "mrn": format!("M-{}", words.mark),
                "address": words.street, "phoneNumber": words.phone, "email": words.email, "sex": "female",
                "emergencyContact": words.name, "emergencyContactPhone": words.phone, "bloodType": "O+"}))
        }),
        with("GET /api/v1/patients", &[], |scene| Made::query(format!("search={}", scene.words.mark))),
        plain("GET /api/v1/patients/me"),
        with("PUT /api/v1/patients/me", &[], |scene| {
            let words = &scene.words;
            Made::change(json!({"address": words.street, "phoneNumber": words.phone, "emergencyContact": words.name}))
        }),
        with("POST /api/v1/patients/me/conditions", &[], |scene| {
            Made::body(json!({"condition": scene.words.reason, "notes": scene.words.said}))
        }),
        plain("GET /api/v1/patients/{patientId}"),
        needing("GET /api/v1/patients/mrn/{mrn}", &[Mrn]),
        with("PUT /api/v1/patients/{patientId}", &[Mrn], |scene| {
            Made::change(json!({"address": scene.words.street, "email": scene.words.email}))
        }),
        plain("DELETE /api/v1/patients/{patientId}"),
        with("POST /api/v1/patients/{patientId}/diagnoses", &[], |scene| {
            Made::body(json!({"diagnosis": scene.words.reason, "notes": scene.words.said,
                              "code": {"system": "icd-10", "code": "R05"}}))
        }),
        with("PUT /api/v1/patients/{patientId}/diagnoses/{diagnosisId}", &[Diagnosis], |scene| {
            Made::change(json!({"notes": format!("{} Better.", scene.words.said)}))
        }),
        with("POST /api/v1/patients/{patientId}/medications", &[], |scene| {
            let words = &scene.words;
            Made::body(json!({"name": words.drug, "dosage": "10 ml", "frequency": words.reason, "notes": words.said}))
        }),
        with("PUT /api/v1/patients/{patientId}/medications/{medicationId}", &[Medication], |scene| {
            Made::change(json!({"notes": format!("{} Better.", scene.words.said)}))
        }),
        with("POST /api/v1/patients/{patientId}/allergies", &[], |scene| {
            let words = &scene.words;
            Made::body(json!({"allergy": words.drug, "severity": "mild", "reactionDescription": words.reason}))
        }),
        with("PUT /api/v1/patients/{patientId}/allergies/{allergyId}", &[Allergy], |scene| {
            Made::change(json!({"reactionDescription": format!("{}, and a rash", scene.words.reason)}))
        }),
        with("POST /api/v1/patients/{patientId}/vitals", &[], |scene| {
            Made::body(json!({"heartRate": 72, "notes": scene.words.said}))
        }),
        needing("GET /api/v1/patients/{patientId}/vitals", &[Vitals]),
    ]
}
