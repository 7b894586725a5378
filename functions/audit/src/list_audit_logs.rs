use garde::Validate;
use kernel::{Day, PatientId, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Cursor;
use web::{ApiError, Json, Listed, Pagination, Problems, Query, decode_cursor, encode_cursor};

use crate::admin::Admin;
use crate::entry_view::AuditLogEntry;
use crate::filter::Filter;

/// Which entries.
#[derive(Debug, Deserialize, Validate, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditLogsQuery {
    /// What this user did.
    #[garde(skip)]
    user_id: Option<UserId>,
    /// What was about this patient's chart.
    #[garde(skip)]
    patient_id: Option<PatientId>,
    /// What was done to things of this kind.
    #[garde(inner(length(chars, min = 1, max = 80)))]
    #[param(example = "note", min_length = 1, max_length = 80)]
    entity_type: Option<String>,
    /// What was done to this thing.
    #[garde(inner(length(chars, min = 1, max = 80)))]
    #[param(min_length = 1, max_length = 80)]
    entity_id: Option<String>,
    /// What was done in this way.
    #[garde(inner(length(chars, min = 1, max = 80)))]
    #[param(example = "patient.read", min_length = 1, max_length = 80)]
    action: Option<String>,
    /// From this day (in UTC) or moment on.
    #[garde(skip)]
    #[param(example = "2024-01-01")]
    start_date: Option<String>,
    /// Through this day (in UTC), or up to this moment.
    #[garde(skip)]
    #[param(example = "2024-01-31")]
    end_date: Option<String>,
    /// Counts from 1. Pages far back read all before them: follow `nextCursor` instead.
    #[garde(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100)]
    page: Option<u32>,
    /// How many on a page; 20 unless told.
    #[garde(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `nextCursor` of the page before; wins over `page`.
    #[garde(length(max = 400))]
    #[param(max_length = 400)]
    cursor: Option<String>,
}

/// Where a page ended. The total is counted once, for the first page that is asked for.
#[derive(Serialize, Deserialize)]
struct End {
    page: u32,
    at: Time,
    id: String,
    total: u64,
}

/// Read the audit log
///
/// Newest first. Filters may be combined: one of them is answered from an index, in the order entity (`entityType` with
/// `entityId`), patient, user, action, and the rest is looked for among what that finds, within the dates; where those are
/// more than 10,000 entries, the answer asks for dates closer together. Reading the log leaves an entry in it.
#[utoipa::path(
    get, path = "/api/v1/audit-logs", tag = "audit", security(("bearer" = [])),
    params(AuditLogsQuery),
    responses((status = 200, body = Listed<AuditLogEntry>, description = "A page of it"), Problems),
)]
pub(crate) async fn list_audit_logs(
    Admin(caller): Admin,
    Query(query): Query<AuditLogsQuery>,
) -> Result<Json<Listed<AuditLogEntry>>, ApiError> {
    caller.trail.action("audit.read");
    if let Some(patient) = &query.patient_id {
        caller.trail.entity("patient", patient).patient(patient);
    }
    let end: Option<End> = query.cursor.as_deref().map(|text| decode_cursor("cursor", text)).transpose()?;
    let limit = query.limit.unwrap_or(20) as usize;
    let page = end.as_ref().map_or_else(|| query.page.unwrap_or(1), |end| end.page.saturating_add(1));
    let skip = if end.is_some() { 0 } else { (page as usize - 1) * limit };
    let filter = filter(query)?;
    let total = match &end {
        Some(end) => end.total,
        None => filter.count(&caller.store).await?,
    };
    let after = end.map(|end| Cursor { values: vec![end.at.to_string().into()], id: end.id });
    let mut found = filter.page(&caller.store, after, skip, limit + 1).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    let next_cursor = last.map(|last| encode_cursor(&End { page, at: last.value.at, id: last.id.clone(), total }));
    let data = found.into_iter().filter_map(AuditLogEntry::of).collect();
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    Ok(Json(Listed { data, pagination: Pagination { total, page, limit, next_cursor } }))
}

fn filter(query: AuditLogsQuery) -> Result<Filter, ApiError> {
    let AuditLogsQuery { user_id, patient_id, entity_type, entity_id, action, start_date, end_date, .. } = query;
    let from = start_date.map(|text| moment("startDate", &text, Day::begin)).transpose()?;
    let below = end_date.map(|text| moment("endDate", &text, |day| day.next().begin())).transpose()?;
    if let (Some(from), Some(below)) = (from, below)
        && below <= from
    {
        return Err(ApiError::field("endDate", "endDate: has to be later than startDate"));
    }
    Ok(Filter { user_id, patient_id, entity_type, entity_id, action, from, below })
}

fn moment(field: &str, text: &str, of_day: fn(Day) -> Time) -> Result<Time, ApiError> {
    let moment = text.parse::<Day>().map(of_day).or_else(|_| text.parse::<Time>());
    moment.map_err(|_| {
        ApiError::field(field, format!("{field}: a day such as 2024-01-15, or a moment such as 2024-01-15T10:00:00Z"))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use serde_json::Value;
    use testkit::{TestApp, TestUser};

    use crate::testing::{entry_of, write};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        every_filter_finds_its_entries, filters_combine, pages_follow_one_another, reading_leaves_an_entry,
        only_admins_read_it, bad_questions_are_named,
    }

    async fn list(app: &TestApp, admin: &TestUser, query: &str) -> (u64, Vec<String>) {
        let answer = app.get(&format!("/api/v1/audit-logs?{query}")).by(admin).expect(200).await;
        let ids = answer["data"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned());
        (answer["pagination"]["total"].as_u64().unwrap(), ids.collect())
    }

    /// Six entries a minute apart: users u0 and u1 in turns, patients p0 to p2 in turns; the last of them was refused.
    async fn six(app: &TestApp) -> Vec<String> {
        let mut ids = Vec::new();
        for n in 0..6 {
            app.clock.advance(Duration::from_secs(60));
            let (user, patient) = (format!("u{}", n % 2), format!("p{}", n % 3));
            let action = if n < 3 { "note.read" } else { "note.write" };
            let made = entry_of(app, action, &user).entity("note", &patient).patient(&patient.parse().unwrap());
            ids.push(write(app, if n == 5 { made.denied("no-relationship") } else { made }).await);
        }
        ids
    }

    fn picked(ids: &[String], numbers: &[usize]) -> (u64, Vec<String>) {
        (numbers.len() as u64, numbers.iter().map(|n| ids[*n].clone()).collect())
    }

    async fn every_filter_finds_its_entries(app: TestApp) {
        let ids = six(&app).await;
        let admin = app.user(Role::ClinicAdmin, "Ada").await;
        for (query, numbers) in [
            ("userId=u1", &[5, 3, 1][..]),
            ("userId=nobody", &[]),
            ("patientId=p2", &[5, 2]),
            ("action=note.write", &[5, 4, 3]),
            ("entityType=note&entityId=p0", &[3, 0]),
            ("entityType=note", &[5, 4, 3, 2, 1, 0]),
            ("entityId=p1", &[4, 1]),
            ("userId=u0&startDate=2026-01-15T10:03:00Z", &[4, 2]),
            ("userId=u0&endDate=2026-01-15T10:03:00Z", &[0]),
            ("userId=u0&startDate=2026-01-15&endDate=2026-01-15", &[4, 2, 0]),
            ("userId=u0&endDate=2026-01-14", &[]),
        ] {
            assert_eq!(list(&app, &admin, query).await, picked(&ids, numbers), "{query}");
        }
        let all =
            app.get("/api/v1/audit-logs?startDate=2026-01-15T10:06:00Z&action=note.write").by(&admin).expect(200).await;
        let entry = &all["data"][0];
        assert_eq!((&entry["outcome"], &entry["refusal"]), (&Value::from("denied"), &Value::from("no-relationship")));
        assert_eq!((&entry["at"], &entry["userId"]), (&Value::from("2026-01-15T10:06:00.000Z"), &Value::from("u1")));
    }

    async fn filters_combine(app: TestApp) {
        let ids = six(&app).await;
        let admin = app.user(Role::Admin, "Ada").await;
        for (query, numbers) in [
            ("userId=u1&patientId=p2", &[5][..]),
            ("userId=u0&action=note.read", &[2, 0]),
            ("patientId=p1&action=note.read", &[1]),
            ("entityType=note&entityId=p0&userId=u1", &[3]),
            ("entityType=note&entityId=p0&patientId=p1", &[]),
            ("entityType=chat&userId=u1", &[]),
            ("userId=u1&patientId=p2&action=note.write&entityType=note&entityId=p2&startDate=2026-01-15", &[5]),
            ("userId=u1&patientId=p2&endDate=2026-01-15T10:06:00Z", &[]),
        ] {
            assert_eq!(list(&app, &admin, query).await, picked(&ids, numbers), "{query}");
        }
    }

    async fn pages_follow_one_another(app: TestApp) {
        let ids = six(&app).await;
        let admin = app.user(Role::SuperAdmin, "Ada").await;
        // What reading leaves is younger than what is read.
        app.clock.advance(Duration::from_secs(60));
        for query in ["entityType=note", "userId=u1", ""] {
            let whole = list(&app, &admin, &format!("{query}&endDate=2026-01-15T10:06:30Z")).await;
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            for page in 1..=6 {
                let path = format!("/api/v1/audit-logs?{query}&endDate=2026-01-15T10:06:30Z&limit=2{cursor}");
                let answer = app.get(&path).by(&admin).expect(200).await;
                assert_eq!(
                    (&answer["pagination"]["page"], &answer["pagination"]["total"]),
                    (&page.into(), &whole.0.into())
                );
                seen.extend(answer["data"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap().to_owned()));
                match answer["pagination"]["nextCursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(seen, whole.1, "{query}");
            let (_, second) = list(&app, &admin, &format!("{query}&endDate=2026-01-15T10:06:30Z&limit=2&page=2")).await;
            assert_eq!(second, whole.1[2..whole.1.len().min(4)], "{query}");
        }
        assert_eq!(list(&app, &admin, "entityType=note").await.1.len(), ids.len());
    }

    async fn reading_leaves_an_entry(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        list(&app, &admin, "patientId=p9").await;
        let log = app.audit_log().await;
        let entry = log.iter().find(|entry| entry.user_id.as_ref() == Some(&admin.id)).unwrap();
        assert_eq!((entry.action.as_str(), entry.patients[0].as_str()), ("audit.read", "p9"));
        assert_eq!(entry.operation.as_deref(), Some("GET /api/v1/audit-logs"));
    }

    async fn only_admins_read_it(app: TestApp) {
        for role in Role::ALL.into_iter().filter(|role| !role.is_admin()) {
            let user = app.user(role, "Una").await;
            app.get("/api/v1/audit-logs").by(&user).refused(403, "FORBIDDEN").await;
        }
        let unverified = app.user_verified(Role::Admin, "Uma", false).await;
        app.get("/api/v1/audit-logs").by(&unverified).refused(403, "FORBIDDEN").await;
        app.get("/api/v1/audit-logs").refused(401, "UNAUTHORIZED").await;
        let log = app.audit_log().await;
        assert_eq!(log.iter().filter(|entry| entry.refusal.as_deref() == Some("no-administrator")).count(), 8);
    }

    async fn bad_questions_are_named(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        for (query, field) in [
            ("userId=a/b", "userId"),
            ("startDate=yesterday", "startDate"),
            ("endDate=2024-02-30", "endDate"),
            ("startDate=2024-02-02&endDate=2024-02-01", "endDate"),
            ("page=0", "page"),
            ("limit=101", "limit"),
            ("cursor=x", "cursor"),
            ("action=", "action"),
            ("who=me", "who"),
        ] {
            let named =
                app.get(&format!("/api/v1/audit-logs?{query}")).by(&admin).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named, field, "{query}");
        }
    }
}
