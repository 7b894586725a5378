use axum::extract::State;
use garde::Validate;
use kernel::{EmergencyId, Time};
use model::emergency::{REVIEWS, ReviewState};
use serde::{Deserialize, Serialize};
use store::{Cursor, Direction, Op};
use utoipa::IntoParams;
use web::{ApiError, App, Caller, Json, Listed, Pagination, Problems, Query, decode_cursor, encode_cursor};

use super::must_review;
use super::review_view::{ReviewView, show};

/// Which emergencies.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReviewsQuery {
    /// Only those of this state.
    #[garde(skip)]
    state: Option<ReviewState>,
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
    from: Time,
    id: EmergencyId,
}

/// List emergency accesses
///
/// Those that wait for a review and those that had theirs, newest first, with their reasons. For admins and the clinic's
/// privacy officers.
#[utoipa::path(
    get, path = "/api/v1/break-glass/reviews", tag = "emergency access", security(("bearer" = [])),
    responses((status = 200, body = Listed<ReviewView>, description = "A page of them"), Problems),
)]
pub(crate) async fn list_reviews(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<ReviewsQuery>,
) -> Result<Json<Listed<ReviewView>>, ApiError> {
    caller.trail.action("break-glass.list");
    must_review(&app, &caller).await?;
    let before: Option<End> = wanted.cursor.as_deref().map(|text| decode_cursor("cursor", text)).transpose()?;
    let page = before.as_ref().map_or(1, |end| end.page.saturating_add(1));
    let after = before.map(|end| Cursor { values: vec![end.from.to_string().into()], id: end.id.into_string() });
    let limit = wanted.limit.unwrap_or(20);

    let states: Vec<&str> = wanted
        .state
        .map_or(ReviewState::ALL.to_vec(), |state| vec![state])
        .into_iter()
        .map(ReviewState::name)
        .collect();
    let all = REVIEWS.all().filter("state", Op::In, states);
    let one_page = all.clone().order("from", Direction::Descending).after(after).limit(limit + 1);
    let reviews = REVIEWS;
    let (total, mut found) =
        tokio::try_join!(caller.store.count(&reviews, &all), caller.store.query(&reviews, &one_page))?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);

    let known = found.into_iter().filter_map(|doc| Some((doc.id.parse().ok()?, doc.value))).collect();
    let data = show(&app, &caller, known).await?;
    let end = data.last().filter(|_| has_more).map(|last| End { page, from: last.from, id: last.id.clone() });
    let next_cursor = end.as_ref().map(encode_cursor);
    Ok(Json(Listed { data, pagination: Pagination { total, page, limit, next_cursor } }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use model::tenant::TENANTS;
    use serde_json::{Value, json};
    use testkit::TestApp;
    use vault::Subject;

    use crate::emergencies::testing::declared;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        reviewers_read_the_reasons_and_it_is_noted, pages_are_newest_first, only_reviewers_read_them,
        a_destroyed_record_leaves_the_rest,
    }

    const PATH: &str = "/api/v1/break-glass/reviews";

    async fn reviewers_read_the_reasons_and_it_is_noted(app: TestApp) {
        let (doc, ada) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Admin, "Ada").await);
        let patient = app.patient(&ada, "Pat").await;
        let id = declared(&app, &doc, &patient).await;
        let list = app.get(PATH).by(&ada).expect(200).await;
        let (from, until) = (app.app.now(), app.app.now().plus(Duration::from_secs(3600)));
        let expected = json!({
            "id": id, "patientId": patient, "user": {"id": doc.id, "name": "Doc", "role": "Doctor"},
            "reason": "A canary fell.", "from": from, "until": until, "isRunning": true, "state": "waiting",
            "reviewer": null, "reviewedAt": null, "comment": null,
        });
        assert_eq!(list["data"], json!([expected]));
        let entry = app.audit_log().await.pop().unwrap();
        assert_eq!((entry.action.as_str(), entry.patients), ("break-glass.list", vec![patient]));
        assert_eq!(entry.because, ["admin"]);
        app.clock.advance(Duration::from_secs(600));
        app.clock.advance(Duration::from_secs(3000));
        let ada = app.sign_in_again(&ada).await;
        assert_eq!(app.get(PATH).by(&ada).expect(200).await["data"][0]["isRunning"], false);
    }

    async fn pages_are_newest_first(app: TestApp) {
        let (doc, ada) = (app.user(Role::Doctor, "Doc").await, app.user(Role::ClinicAdmin, "Ada").await);
        let patient = app.patient(&doc, "Pat").await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            app.clock.advance(Duration::from_secs(1));
            ids.push(declared(&app, &doc, &patient).await);
        }
        let decided = json!({"decision": "justified"});
        app.post(&format!("{PATH}/{}", ids[0])).by(&ada).json(&decided).expect(200).await;
        let seen = |list: &Value| -> Vec<String> {
            list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
        };
        let get = async |query: &str| app.get(&format!("{PATH}?{query}")).by(&ada).expect(200).await;
        let first = get("limit=2").await;
        assert_eq!(seen(&first), [ids[2].as_str(), ids[1].as_str()]);
        let cursor = first["pagination"]["nextCursor"].as_str().unwrap();
        let second = get(&format!("limit=2&cursor={cursor}")).await;
        assert_eq!((seen(&second), &second["pagination"]["total"]), (vec![ids[0].to_string()], &json!(3)));
        assert_eq!(seen(&get("state=waiting").await), [ids[2].as_str(), ids[1].as_str()]);
        assert_eq!(seen(&get("state=justified").await), [ids[0].as_str()]);
        assert!(seen(&get("state=not-justified").await).is_empty());
        let field = app.get(&format!("{PATH}?state=odd")).by(&ada).refused(400, "VALIDATION_ERROR").await;
        assert_eq!(field, "state");
    }

    async fn only_reviewers_read_them(app: TestApp) {
        let (doc, nurse) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Nurse, "Nia").await);
        let (pat, new) = (app.user(Role::Patient, "Pat").await, app.user_verified(Role::Admin, "New", false).await);
        for user in [&doc, &nurse, &pat, &new] {
            app.get(PATH).by(user).refused(403, "FORBIDDEN").await;
        }
        app.get(PATH).refused(401, "UNAUTHORIZED").await;
        let mut tenant = app.app.tenants.registry().get(&TENANTS, app.tenant.as_str()).await.unwrap().unwrap().value;
        tenant.policy.privacy_officers = vec![nurse.id.clone()];
        app.app.tenants.register(&app.tenant, &tenant).await.unwrap();
        app.clock.advance(Duration::from_secs(61));
        app.get(PATH).by(&nurse).expect(200).await;
        app.get(PATH).by(&doc).refused(403, "FORBIDDEN").await;
    }

    async fn a_destroyed_record_leaves_the_rest(app: TestApp) {
        let (doc, ada) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Admin, "Ada").await);
        let patient = app.patient(&doc, "Pat").await;
        declared(&app, &doc, &patient).await;
        let (subject, now) = (Subject::Patient(patient.clone()), app.app.now());
        app.store.transact("test", async |tx| app.app.vault.destroy_key(&tx, &subject, now)).await.unwrap();
        app.app.vault.forget(&app.tenant, &subject);
        let list = app.get(PATH).by(&ada).expect(200).await;
        assert_eq!((&list["data"][0]["reason"], &list["data"][0]["user"]["name"]), (&Value::Null, &json!("Doc")));
    }
}
