use kernel::Role;
use serde_json::json;

use super::{Ask, Made, needing, plain, with};
use crate::scene::Thing::Consent;

pub(super) fn asks() -> Vec<Ask> {
    vec![
        plain("GET /api/v1/patients/me/access-log"),
        plain("GET /api/v1/patients/{patientId}/access"),
        with("POST /api/v1/patients/{patientId}/consents", &[], |scene| {
            Made::body(
                json!({"grantee": {"type": "user", "userId": scene.newcomer.id}, "scope": {"type": "whole-chart"}}),
            )
        }),
        needing("GET /api/v1/patients/{patientId}/consents", &[Consent]),
        needing("DELETE /api/v1/patients/{patientId}/consents/{consentId}", &[Consent]),
        with("POST /api/v1/patients/{patientId}/consents/explain", &[], |scene| {
            Made::body(json!({"userId": scene.newcomer.id, "action": "read", "kind": "notes"}))
        }),
        with("POST /api/v1/patients/{patientId}/break-glass", &[], |scene| {
            Made::body(json!({"reason": scene.words.reason, "minutes": 30}))
        }),
        // Staff asks for a code; patients and their families have one that nobody gave them.
        with("POST /api/v1/patients/{patientId}/link-user", &[], |scene| match scene.role {
            Role::Patient | Role::Family => Made::body(json!({"code": "7K3M9QXA2B"})),
            _ => Made::body(json!({"relationship": "self"})),
        }),
    ]
}
