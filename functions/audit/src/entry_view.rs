use kernel::{AuditId, PatientId, Role, SessionId, Time, UserId};
use model::audit::{AuditEntry, Outcome};
use model::consent::Purpose;
use serde::Serialize;
use store::Doc;
use utoipa::ToSchema;

/// Something that was done, or refused.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditLogEntry {
    /// The entry.
    id: AuditId,
    /// When.
    at: Time,
    /// What.
    #[schema(example = "patient.read")]
    action: String,
    /// Whether it was done or refused.
    outcome: Outcome,
    /// Why it was refused.
    #[schema(example = "no-relationship")]
    refusal: Option<String>,
    /// Who; `null` for someone unknown.
    user_id: Option<UserId>,
    /// As what that user was signed in.
    role: Option<Role>,
    /// In which session.
    session_id: Option<SessionId>,
    /// What it was done to.
    #[schema(example = "patient")]
    entity_type: Option<String>,
    /// Which one.
    entity_id: Option<String>,
    /// Whose charts it was about.
    patients: Vec<PatientId>,
    /// What allowed it.
    #[schema(example = json!(["relationship"]))]
    because: Vec<String>,
    /// For what.
    purpose: Option<Purpose>,
    /// The operation.
    #[schema(example = "GET /api/v1/patients/{patientId}")]
    operation: Option<String>,
    /// The client's address.
    #[schema(example = "203.0.113.7")]
    ip: Option<String>,
    /// What the client called itself.
    user_agent: Option<String>,
    /// The request's id, as in its answer's `X-Request-Id`.
    request_id: Option<String>,
}

impl AuditLogEntry {
    /// `None` for a document whose id is none, which nobody writes.
    pub(crate) fn of(doc: Doc<AuditEntry>) -> Option<Self> {
        let entry = doc.value;
        Some(Self {
            id: doc.id.parse().ok()?,
            at: entry.at,
            action: entry.action,
            outcome: entry.outcome,
            refusal: entry.refusal,
            user_id: entry.user_id,
            role: entry.role,
            session_id: entry.session_id,
            entity_type: entry.entity_type,
            entity_id: entry.entity_id,
            patients: entry.patients,
            because: entry.because,
            purpose: entry.purpose,
            operation: entry.operation,
            ip: entry.ip,
            user_agent: entry.user_agent,
            request_id: entry.request_id,
        })
    }
}
