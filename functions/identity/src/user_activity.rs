use garde::Validate;
use kernel::{AuditId, PatientId, Role, SessionId, Time, UserId};
use model::audit::{AUDIT, AuditEntry, Outcome};
use model::consent::Purpose;
use model::user::USERS;
use serde::{Deserialize, Serialize};
use store::{Cursor, Direction, Doc};
use utoipa::{IntoParams, ToSchema};
use web::{ApiError, Json, Listed, Pagination, Path, Problems, Query, decode_cursor, encode_cursor};

use crate::admin::Admin;

/// Which part of the log.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActivityQuery {
    /// How many on a page; 20 unless told.
    #[garde(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    #[garde(length(max = 400))]
    #[param(max_length = 400)]
    cursor: Option<String>,
}

/// Where a page ended.
#[derive(Serialize, Deserialize)]
struct End {
    page: u32,
    at: Time,
    id: String,
}

/// Something that a user did, or was refused.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Activity {
    /// The entry of the audit log.
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
    /// As what the user was signed in.
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
    /// The request's id.
    request_id: Option<String>,
}

impl Activity {
    fn of(doc: Doc<AuditEntry>) -> Option<Self> {
        let entry = doc.value;
        Some(Self {
            id: doc.id.parse().ok()?,
            at: entry.at,
            action: entry.action,
            outcome: entry.outcome,
            refusal: entry.refusal,
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

/// A user's activity
///
/// What the user did, by the audit log, newest first. For administrators.
#[utoipa::path(
    get, path = "/api/v1/users/{userId}/activity", tag = "users", security(("bearer" = [])),
    params(("userId" = UserId, Path, description = "The user")),
    responses((status = 200, body = Listed<Activity>, description = "A page of it"), Problems),
)]
pub(crate) async fn user_activity(
    Admin(caller): Admin,
    Path(user_id): Path<UserId>,
    Query(wanted): Query<ActivityQuery>,
) -> Result<Json<Listed<Activity>>, ApiError> {
    caller.trail.action("user.activity.read").entity("user", &user_id);
    let before: Option<End> = wanted.cursor.as_deref().map(|text| decode_cursor("cursor", text)).transpose()?;
    let page = before.as_ref().map_or(1, |end| end.page.saturating_add(1));
    let after = before.map(|end| Cursor { values: vec![end.at.to_string().into()], id: end.id });
    let limit = wanted.limit.unwrap_or(20);
    if caller.store.get(&USERS, user_id.as_str()).await?.is_none() {
        return Err(ApiError::not_found("user"));
    }
    let all = AUDIT.all().eq("userId", user_id.as_str());
    let one_page = all.clone().order("at", Direction::Descending).after(after).limit(limit + 1);
    let log = AUDIT;
    let (total, mut found) = tokio::try_join!(caller.store.count(&log, &all), caller.store.query(&log, &one_page))?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let end = found.last().filter(|_| has_more).map(|last| End { page, at: last.value.at, id: last.id.clone() });
    let next_cursor = end.as_ref().map(encode_cursor);
    let data = found.into_iter().filter_map(Activity::of).collect();
    Ok(Json(Listed { data, pagination: Pagination { total, page, limit, next_cursor } }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        what_a_user_did_is_listed_newest_first, only_admins_read_it,
    }

    fn path(user: &TestUser) -> String {
        format!("/api/v1/users/{}/activity", user.id)
    }

    async fn what_a_user_did_is_listed_newest_first(app: TestApp) {
        let (admin, other) = (app.user(Role::Admin, "Ada").await, app.user(Role::ClinicAdmin, "Otto").await);
        for n in 0..5 {
            app.clock.advance(Duration::from_secs(1));
            let whom = app.user(Role::Patient, &format!("Pat {n}")).await;
            app.get(&format!("/api/v1/users/{}", whom.id)).by(&other).header("user-agent", "Firefox").expect(200).await;
        }
        app.put(&format!("/api/v1/users/{}", admin.id)).by(&admin).json(&json!({"active": false})).expect(403).await;
        let mut seen: Vec<Value> = Vec::new();
        let mut query = String::new();
        loop {
            let page = app.get(&format!("{}?limit=2{query}", path(&other))).by(&admin).expect(200).await;
            assert_eq!(page["pagination"]["total"], 5);
            seen.extend(page["data"].as_array().unwrap().clone());
            let Some(cursor) = page["pagination"]["nextCursor"].as_str() else { break };
            query = format!("&cursor={cursor}");
        }
        assert_eq!(seen.len(), 5);
        assert!(seen.windows(2).all(|two| two[0]["at"].as_str() > two[1]["at"].as_str()));
        let newest = &seen[0];
        let said = json!([
            newest["action"],
            newest["outcome"],
            newest["entityType"],
            newest["operation"],
            newest["userAgent"]
        ]);
        assert_eq!(said, json!(["user.read", "allowed", "user", "GET /api/v1/users/{userId}", "Firefox"]));

        let own = app.get(&path(&admin)).by(&admin).expect(200).await;
        let actions: Vec<&str> =
            own["data"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert_eq!(actions.iter().filter(|action| **action == "user.activity.read").count(), 3, "reading it is in it");
        let refused = own["data"].as_array().unwrap().iter().find(|entry| entry["outcome"] == "denied").unwrap();
        assert_eq!((&refused["action"], &refused["refusal"]), (&json!("user.update"), &json!("rank")));
    }

    async fn only_admins_read_it(app: TestApp) {
        let dan = app.user(Role::Doctor, "Dan").await;
        app.get(&path(&dan)).by(&dan).refused(403, "FORBIDDEN").await;
        app.get(&path(&dan)).refused(401, "UNAUTHORIZED").await;
        let admin = app.user(Role::Admin, "Ada").await;
        app.get("/api/v1/users/nobody/activity").by(&admin).refused(404, "NOT_FOUND").await;
        app.get(&format!("{}?page=2", path(&dan))).by(&admin).refused(400, "VALIDATION_ERROR").await;
        app.get(&format!("{}?cursor=x", path(&dan))).by(&admin).refused(400, "VALIDATION_ERROR").await;
    }
}
