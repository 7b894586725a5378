//! The audit log: who did what, whose record it was about, why they could, and from where. It names documents and
//! people by their ids and holds nothing of what they say.

use kernel::{AuditId, PatientId, Role, SessionId, Time, UserId};
use serde::{Deserialize, Serialize};
use store::{Collection, Index, IndexField};

use crate::consent::Purpose;

/// Over how many shards entries spread, so that the index that orders a whole log by time has no hot end.
pub const SHARDS: u8 = 8;

/// The most patients that one entry names; an access to more has several entries.
pub const MOST_PATIENTS: usize = 200;

/// Something that was done, or refused. Written once, in the same commit as what was done where that writes, and never
/// changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When.
    pub at: Time,
    /// 0 to [`SHARDS`] - 1, by chance.
    pub shard: u8,
    /// What: `what.how`, such as `patient.read` or `auth.login`.
    pub action: String,
    /// How it went.
    pub outcome: Outcome,
    /// Why it was refused, in one of few fixed words.
    pub refusal: Option<String>,
    /// Who; `None` for someone unknown.
    pub user_id: Option<UserId>,
    /// As what.
    pub role: Option<Role>,
    /// In which session.
    pub session_id: Option<SessionId>,
    /// The kind of document it was done to, such as `patient`.
    pub entity_type: Option<String>,
    /// Which one.
    pub entity_id: Option<String>,
    /// Whose charts it was about.
    pub patients: Vec<PatientId>,
    /// What allowed it: the decision's reasons, such as `care-team-chat` or `consent:<id>`.
    pub because: Vec<String>,
    /// For what.
    pub purpose: Option<Purpose>,
    /// The operation: method and route, without ids.
    pub operation: Option<String>,
    /// The client's address.
    pub ip: Option<String>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// The request's id, as in its log lines and its `X-Request-Id`.
    pub request_id: Option<String>,
}

/// How something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Allowed,
    /// It was refused.
    Denied,
}

/// All entries, by [`AuditId`].
pub const AUDIT: Collection<AuditEntry> = Collection::top("audit", INDEXES).unindexed(&["at"]);

/// The composite indexes of the log: of all by time, and by each filter.
pub const INDEXES: &[Index] = &[
    &[IndexField::Ascending("shard"), IndexField::Descending("at")],
    &[IndexField::Ascending("shard"), IndexField::Ascending("at")],
    &[IndexField::Ascending("userId"), IndexField::Descending("at")],
    &[IndexField::Contains("patients"), IndexField::Descending("at")],
    &[IndexField::Ascending("action"), IndexField::Descending("at")],
    &[IndexField::Ascending("entityType"), IndexField::Ascending("entityId"), IndexField::Descending("at")],
];

/// An entry with the id under which it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Identified {
    /// Its id.
    pub id: AuditId,
    /// The entry.
    pub entry: AuditEntry,
}
