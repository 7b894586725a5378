use access::decision::Action;
use axum::extract::State;
use charts::{Asking, ChartPlaces, OpenChart};
use garde::Validate;
use kernel::{ChartItemId, Day, PatientId, TenantId, Time};
use model::consent::DataKind;
use model::vitals::{VITALS, VitalsRecord, vitals};
use serde::{Deserialize, Serialize};
use store::{Cursor, Direction, Doc, Op};
use web::{ApiError, App, Caller, Json, Listed, Pagination, Path, Problems, Query, decode_cursor, encode_cursor};

use crate::chart::Chart;
use crate::rules::wrong;
use crate::vitals::VitalsView;

/// Which sets.
#[derive(Deserialize, Validate, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListVitalsQuery {
    /// From this day (in UTC) or moment on.
    #[garde(skip)]
    #[param(example = "2024-01-01")]
    start_date: Option<String>,
    /// Through this day (in UTC), or up to this moment.
    #[garde(skip)]
    #[param(example = "2024-01-31")]
    end_date: Option<String>,
    /// Counts from 1. Pages far back read all before them: follow `nextCursor` instead.
    #[garde(range(min = 1, max = 1000))]
    #[param(minimum = 1, maximum = 1000)]
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

/// Where a page ended.
#[derive(Serialize, Deserialize)]
struct End {
    page: u32,
    at: Time,
    id: ChartItemId,
}

/// List vital signs
///
/// The history, newest measurements first.
#[utoipa::path(
    get, path = "/api/v1/patients/{patientId}/vitals", tag = "patients", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient"), ListVitalsQuery),
    responses((status = 200, body = Listed<VitalsView>), Problems),
)]
pub(crate) async fn list_vitals(
    State(app): State<App>,
    caller: Caller,
    Path(patient): Path<PatientId>,
    Query(query): Query<ListVitalsQuery>,
) -> Result<Json<Listed<VitalsView>>, ApiError> {
    caller.trail.action("vitals.list").entity("patient", &patient);
    let (from, below) = bounds(&query)?;
    let end: Option<End> = query.cursor.as_deref().map(|text| decode_cursor("cursor", text)).transpose()?;
    let asking = Asking::of(&app, &caller);
    let chart = Chart::read(&asking, &patient, &Action::Read(DataKind::Vitals), &[]).await?;

    let limit = query.limit.unwrap_or(20);
    let page = end.as_ref().map_or_else(|| query.page.unwrap_or(1), |end| end.page.saturating_add(1));
    let skip = if end.is_some() { 0 } else { (page - 1) * limit };
    let after = end.map(|end| Cursor { values: vec![end.at.to_string().into()], id: end.id.into_string() });
    let sets = vitals(&patient);
    let mut all = sets.all();
    for (op, bound) in [(Op::GreaterOrEqual, from), (Op::Less, below)] {
        all = match bound {
            Some(bound) => all.filter("recordedAt", op, bound.to_string()),
            None => all,
        };
    }
    let wanted = all.clone().order("recordedAt", Direction::Descending).after(after).limit(skip + limit + 1);
    let (total, found) = tokio::try_join!(caller.store.count(&sets, &all), caller.store.query(&sets, &wanted))?;
    let mut found: Vec<Doc<VitalsRecord>> = found.into_iter().skip(skip as usize).collect();
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = found.last().filter(|_| has_more).map(|last| end_of(page, last)).transpose()?;
    let data = show(caller.tenant(), &chart.open, found)?;
    Ok(Json(Listed { data, pagination: Pagination { total, page, limit, next_cursor } }))
}

fn end_of(page: u32, last: &Doc<VitalsRecord>) -> Result<String, ApiError> {
    let id = last.id.parse().map_err(ApiError::internal)?;
    Ok(encode_cursor(&End { page, at: last.value.recorded_at, id }))
}

/// Shows sets of a chart. A named disclosure.
pub(crate) fn show(
    tenant: &TenantId,
    chart: &OpenChart,
    found: Vec<Doc<VitalsRecord>>,
) -> Result<Vec<VitalsView>, ApiError> {
    let places = ChartPlaces::of(tenant, &chart.id);
    let opened = found.into_iter().map(|doc| {
        let measured = chart.key.open_json(&places.item(VITALS, &doc.id), &doc.value.body)?;
        let id = doc.id.parse().map_err(ApiError::internal)?;
        Ok(VitalsView::of(id, &doc.value, measured.into_disclosed()))
    });
    opened.collect()
}

/// From when, and below when.
fn bounds(query: &ListVitalsQuery) -> Result<(Option<Time>, Option<Time>), ApiError> {
    let read = |field: &str, text: &str, whole_day: fn(Day) -> Time| {
        let moment = text.parse::<Day>().map(whole_day).or_else(|_| text.parse::<Time>());
        moment.map_err(|_| wrong(field, "a day such as 2024-01-15, or a moment such as 2024-01-15T10:00:00Z"))
    };
    let from = query.start_date.as_deref().map(|text| read("startDate", text, Day::begin)).transpose()?;
    let below = query.end_date.as_deref().map(|text| read("endDate", text, |day| day.next().begin())).transpose()?;
    match (from, below) {
        (Some(from), Some(below)) if below <= from => Err(wrong("endDate", "not before startDate")),
        bounds => Ok(bounds),
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::consent::{DataKind, Scope};
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use crate::testing::{doctor_with_patient, id_of, last_entry};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        the_history_is_newest_first, days_bound_it, pages_go_on, who_may_not_see_it_learns_nothing,
        bad_questions_are_named,
    }

    async fn record(app: &TestApp, by: &TestUser, path: &str, at: &str, heart_rate: u32) {
        let body = json!({"heartRate": heart_rate, "recordedAt": at});
        app.post(&format!("{path}/vitals")).by(by).json(&body).expect(201).await;
    }

    async fn three(app: &TestApp) -> (TestUser, String) {
        let (ann, path) = doctor_with_patient(app).await;
        for (at, rate) in [("2024-01-14T23:59:59.999Z", 61), ("2024-01-16T00:00:00Z", 63), ("2024-01-15T12:00:00Z", 62)]
        {
            record(app, &ann, &path, at, rate).await;
        }
        (ann, path)
    }

    fn rates(list: &Value) -> Vec<u64> {
        list["data"].as_array().unwrap().iter().map(|set| set["heartRate"].as_u64().unwrap()).collect()
    }

    async fn the_history_is_newest_first(app: TestApp) {
        let (ann, path) = three(&app).await;
        let list = app.get(&format!("{path}/vitals")).by(&ann).expect(200).await;
        assert_eq!(rates(&list), [63, 62, 61]);
        assert_eq!(list["pagination"], json!({"total": 3, "page": 1, "limit": 20, "nextCursor": null}));
        let set = &list["data"][1];
        assert_eq!(
            (&set["date"], &set["systolic"], &set["flags"]["heartRate"]),
            (&json!("2024-01-15"), &Value::Null, &json!("normal"))
        );
        assert_eq!(rates(&json!({"data": app.get(&path).by(&ann).expect(200).await["vitals"]})), [63, 62, 61]);
        assert_eq!(last_entry(&app, "vitals.list").await.patients, [id_of(&path)]);
    }

    async fn days_bound_it(app: TestApp) {
        let (ann, path) = three(&app).await;
        for (query, expected) in [
            ("startDate=2024-01-15", vec![63, 62]),
            ("endDate=2024-01-15", vec![62, 61]),
            ("startDate=2024-01-15&endDate=2024-01-15", vec![62]),
            ("startDate=2024-01-15T12:00:00Z&endDate=2024-01-16T00:00:00Z", vec![62]),
            ("startDate=2024-01-17", vec![]),
        ] {
            let list = app.get(&format!("{path}/vitals?{query}")).by(&ann).expect(200).await;
            assert_eq!(
                (rates(&list), &list["pagination"]["total"]),
                (expected.clone(), &json!(expected.len())),
                "{query}"
            );
        }
    }

    async fn pages_go_on(app: TestApp) {
        let (ann, path) = three(&app).await;
        for rate in 71..=72 {
            record(&app, &ann, &path, "2024-01-15T12:00:00Z", rate).await;
        }
        let mut seen = Vec::new();
        let mut query = "limit=2".to_owned();
        loop {
            let list = app.get(&format!("{path}/vitals?{query}")).by(&ann).expect(200).await;
            seen.extend(rates(&list));
            assert_eq!(list["pagination"]["total"], 5);
            let Some(cursor) = list["pagination"]["nextCursor"].as_str() else { break };
            query = format!("limit=2&cursor={cursor}");
        }
        assert_eq!((seen.len(), seen[0], seen[4]), (5, 63, 61));
        let second = app.get(&format!("{path}/vitals?limit=2&page=2")).by(&ann).expect(200).await;
        assert_eq!((rates(&second), &second["pagination"]["page"]), (seen[2..4].to_vec(), &json!(2)));
        seen.sort_unstable();
        assert_eq!(seen, [61, 62, 63, 71, 72]);
    }

    async fn who_may_not_see_it_learns_nothing(app: TestApp) {
        let (_, path) = three(&app).await;
        let (sam, desk) = (app.user(Role::Doctor, "Sam").await, app.user(Role::Receptionist, "D").await);
        let none = app.get("/api/v1/patients/none/vitals").by(&sam).expect(404).await;
        assert_eq!(app.get(&format!("{path}/vitals")).by(&sam).expect(404).await, none);
        app.change_patient(&id_of(&path), |patient| patient.relate(&desk.id, |relation| relation.created = true)).await;
        app.get(&format!("{path}/vitals")).by(&desk).refused(403, "FORBIDDEN").await;
        let new = app.user_verified(Role::Nurse, "New", false).await;
        app.get(&format!("{path}/vitals")).by(&new).refused(403, "FORBIDDEN").await;
        let (fay, pat) = (app.user(Role::Family, "Fay").await, app.user(Role::Patient, "Pat").await);
        app.consent(&id_of(&path), &fay.id, |consent| consent.scope = Scope::Kinds { kinds: vec![DataKind::Vitals] })
            .await;
        app.link(&id_of(&path), &pat.id).await;
        for user in [&fay, &pat] {
            assert_eq!(rates(&app.get(&format!("{path}/vitals")).by(user).expect(200).await).len(), 3);
        }
        app.get(&format!("{path}/vitals")).refused(401, "UNAUTHORIZED").await;
    }

    async fn bad_questions_are_named(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        for (query, field) in [
            ("startDate=yesterday", "startDate"),
            ("endDate=2024-02-30", "endDate"),
            ("startDate=2024-01-15&endDate=2024-01-14", "endDate"),
            ("limit=0", "limit"),
            ("page=1001", "page"),
            ("cursor=x", "cursor"),
            ("from=2024-01-15", "from"),
        ] {
            let named = app.get(&format!("{path}/vitals?{query}")).by(&ann).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named, field, "{query}");
        }
    }
}
