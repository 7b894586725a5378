use super::{Ask, needing, plain};
use crate::scene::Thing::AuditEntry;

pub(super) fn asks() -> Vec<Ask> {
    vec![
        plain("GET /api/v1/audit-logs"),
        plain("GET /api/v1/audit-logs/verify"),
        needing("GET /api/v1/audit-logs/{entryId}/proof", &[AuditEntry]),
    ]
}
