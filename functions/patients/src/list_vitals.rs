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
        (Some(from), Some(below)) if below < from => Err(wrong("endDate", "not before startDate")),
        bounds => Ok(bounds),
    }
}
