use access::decision::Action;
use axum::extract::State;
use charts::Asking;
use garde::Validate;
use kernel::{ConsentId, PatientId, Time};
use model::consent::consents;
use serde::{Deserialize, Serialize};
use store::{Cursor, Direction};
use utoipa::IntoParams;
use web::{ApiError, App, Caller, Json, Listed, Pagination, Path, Problems, Query, decode_cursor, encode_cursor};

use super::consent_view::{ConsentView, named_in};
use super::people::People;

/// Which page.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConsentsQuery {
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
    id: ConsentId,
}

/// List a patient's consents
///
/// Current and past ones, newest first: for the patient, those who act for the patient, clinicians with a care
/// relationship, and admins.
#[utoipa::path(
    get, path = "/api/v1/patients/{patientId}/consents", tag = "consents", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient")),
    responses((status = 200, body = Listed<ConsentView>, description = "A page of them"), Problems),
)]
pub(crate) async fn list_consents(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PatientId>,
    Query(wanted): Query<ConsentsQuery>,
) -> Result<Json<Listed<ConsentView>>, ApiError> {
    caller.trail.action("consent.list").entity("patient", &id);
    Asking::of(&app, &caller).open(&id, &Action::SeeAccess).await?;
    let before: Option<End> = wanted.cursor.as_deref().map(|text| decode_cursor("cursor", text)).transpose()?;
    let page = before.as_ref().map_or(1, |end| end.page.saturating_add(1));
    let after = before.map(|end| Cursor { values: vec![end.at.to_string().into()], id: end.id.into_string() });
    let limit = wanted.limit.unwrap_or(20);

    let all = consents(&id);
    let one_page = all.all().order("grantedAt", Direction::Descending).after(after).limit(limit + 1);
    let every = all.all();
    let (total, found) = tokio::try_join!(caller.store.count(&all, &every), caller.store.query(&all, &one_page))?;
    let mut found: Vec<_> = found.into_iter().map(|doc| doc.value).collect();
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);

    let end = found.last().filter(|_| has_more).map(|last| End { page, at: last.granted_at, id: last.id.clone() });
    let people = People::read(&app, &caller.store, named_in(&found)).await?;
    let data = found.into_iter().map(|consent| ConsentView::of(consent, &people, app.now())).collect();
    let next_cursor = end.as_ref().map(encode_cursor);
    Ok(Json(Listed { data, pagination: Pagination { total, page, limit, next_cursor } }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use model::consent::{Proxy, Scope};
    use serde_json::{Value, json};
    use testkit::TestApp;

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        current_and_past_ones_are_listed, it_is_for_those_who_may_see_it,
    }

    fn path(id: &PatientId) -> String {
        format!("/api/v1/patients/{id}/consents")
    }

    async fn current_and_past_ones_are_listed(app: TestApp) {
        let (pat, doc) = (app.user(Role::Patient, "Pat").await, app.user(Role::Doctor, "Doc").await);
        let id = app.patient(&doc, "Pat").await;
        app.link(&id, &pat.id).await;
        let now = app.app.now();
        let at = |seconds| Some(now.plus(Duration::from_secs(seconds)));
        let mut made = Vec::new();
        for (from, until) in [(Some(now), at(10)), (Some(now), None), (at(3600), None), (Some(now), None)] {
            app.clock.advance(Duration::from_secs(5));
            let change = |consent: &mut model::consent::Consent| {
                (consent.from, consent.until) = (from.unwrap_or(now), until);
            };
            made.push(app.consent(&id, &doc.id, change).await);
        }
        app.delete(&format!("{}/{}", path(&id), made[3])).by(&pat).expect(204).await;
        let list = app.get(&format!("{}?limit=3", path(&id))).by(&doc).expect(200).await;
        let seen = |list: &Value| -> Vec<(Value, Value)> {
            list["data"].as_array().unwrap().iter().map(|one| (one["id"].clone(), one["state"].clone())).collect()
        };
        let expected = [
            (json!(made[3]), json!("revoked")),
            (json!(made[2]), json!("upcoming")),
            (json!(made[1]), json!("active")),
        ];
        assert_eq!(seen(&list), expected);
        assert_eq!(list["data"][0]["revoked"], json!({"at": app.app.now(), "by": pat.id}));
        assert_eq!((&list["data"][1]["granteeName"], &list["pagination"]["total"]), (&json!("Doc"), &json!(4)));
        let cursor = list["pagination"]["nextCursor"].as_str().unwrap();
        let rest = app.get(&format!("{}?limit=3&cursor={cursor}", path(&id))).by(&doc).expect(200).await;
        assert_eq!(seen(&rest), [(json!(made[0]), json!("ended"))]);
        assert_eq!(rest["pagination"], json!({"total": 4, "page": 2, "limit": 3, "nextCursor": null}));
        let field = app.get(&format!("{}?cursor=x", path(&id))).by(&doc).refused(400, "VALIDATION_ERROR").await;
        assert_eq!(field, "cursor");
    }

    async fn it_is_for_those_who_may_see_it(app: TestApp) {
        let (doc, nurse) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Nurse, "Nurse").await);
        let id = app.patient(&doc, "Pat").await;
        let (fam, friend) = (app.user(Role::Family, "Fam").await, app.user(Role::Family, "Friend").await);
        let (desk, admin) = (app.user(Role::Receptionist, "Desk").await, app.user(Role::Admin, "Ada").await);
        app.consent(&id, &fam.id, |consent| consent.proxy = Some(Proxy::Adult)).await;
        app.consent(&id, &friend.id, |consent| consent.scope = Scope::WholeChart).await;
        app.change_patient(&id, |patient| patient.relate(&desk.id, |relation| relation.created = true)).await;
        for user in [&doc, &fam, &admin] {
            app.get(&path(&id)).by(user).expect(200).await;
        }
        // Those who see the record, and not who else does.
        app.get(&path(&id)).by(&friend).refused(403, "FORBIDDEN").await;
        app.get(&path(&id)).by(&desk).refused(403, "FORBIDDEN").await;
        app.get(&path(&id)).by(&nurse).refused(404, "NOT_FOUND").await;
        app.get(&path(&"none".parse().unwrap())).by(&nurse).refused(404, "NOT_FOUND").await;
        let entry = app.audit_log().await.into_iter().find(|entry| entry.user_id.as_ref() == Some(&admin.id)).unwrap();
        assert_eq!((entry.action.as_str(), entry.because), ("consent.list", vec!["admin".to_owned()]));
    }
}
