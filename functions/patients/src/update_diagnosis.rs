use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use garde::Validate;
use kernel::{ChartItemId, Day, PatientId};
use model::chart::{Diagnosis, MedicalCode, Part};
use model::consent::DataKind;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::add_diagnosis::{DiagnosisView, check_days, must_be_doctor};
use crate::change::present;
use crate::chart::{By, Chart};
use crate::if_match::{IfMatch, etag};
use crate::wire::Corrected;
use crate::{code, rules};

/// What changes; what is not named stays.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateDiagnosisBody {
    /// What, in words.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(rules::one_line)))]
    #[schema(value_type = String, required = false, example = "Type 2 Diabetes", min_length = 1, max_length = 255)]
    diagnosis: Option<String>,
    /// The same as a code of ICD-10, ICD-10-CM or SNOMED CT; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<MedicalCode>)]
    code: Option<Option<MedicalCode>>,
    /// When it was made; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<Day>, example = "2023-06-01")]
    diagnosed_date: Option<Option<Day>>,
    /// When it was over, which ends it; `null` makes it stand again.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<Day>, example = "2024-01-15")]
    resolved_date: Option<Option<Day>>,
    /// More in words; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::lines))))]
    #[schema(value_type = Option<String>, max_length = 1000)]
    notes: Option<Option<String>>,
    /// Whether it stands: `false` for one that is over or was wrong. Goes with `resolvedDate` unless told.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = false)]
    is_active: Option<bool>,
}

/// Correct or resolve a diagnosis
///
/// By a doctor who cares for the patient, with the `ETag` that was seen as `If-Match`. What it said before is kept, and
/// answered as `history`.
#[utoipa::path(
    put, path = "/api/v1/patients/{patientId}/diagnoses/{diagnosisId}", tag = "patients", security(("bearer" = [])),
    params(
        ("patientId" = PatientId, Path, description = "The patient"),
        ("diagnosisId" = ChartItemId, Path, description = "The diagnosis"),
        ("If-Match" = String, Header, description = "The version that the caller has seen", example = "\"1\""),
    ),
    request_body = UpdateDiagnosisBody,
    responses(
        (status = 200, body = Corrected<DiagnosisView>, description = "As it is now",
            headers(("ETag", description = "The version"))),
        (status = 412, body = web::ErrorBody, description = "It has changed meanwhile; `details.version` is the current one"),
        (status = 428, body = web::ErrorBody, description = "`If-Match` is missing"),
        Problems,
    ),
)]
pub(crate) async fn update_diagnosis(
    State(app): State<App>,
    caller: Caller,
    Path((patient, id)): Path<(PatientId, ChartItemId)>,
    seen: IfMatch,
    Json(mut body): Json<UpdateDiagnosisBody>,
) -> Result<impl IntoResponse, ApiError> {
    caller.trail.action("diagnosis.update").entity("diagnosis", &id);
    body.code = body.code.map(|code| code::read(code, code::OF_CONDITIONS)).transpose()?;
    let asking = Asking::of(&app, &caller);
    let by = By { user: caller.user(), at: app.now() };
    let changed = caller.store.transact("update-diagnosis", async |tx| {
        let action = Action::Write(DataKind::Diagnoses);
        let chart = Chart::enter(&asking, &tx, &patient, &action, &[Part::Diagnoses]).await?;
        must_be_doctor(&caller)?;
        let former = chart.item::<Diagnosis>(&id)?;
        seen.must_be(former.version)?;
        let entry = body.applied_to(&former.entry);
        check_days(&entry, chart.born()?, by.at)?;
        let item = chart.replace(&tx, former, entry, by)?;
        Ok::<_, ApiError>((chart, item))
    });
    let (chart, item) = changed.await?;
    let former = chart.former(&asking, &item).await?;
    Ok((etag(item.version), Json(Corrected::<DiagnosisView>::of(item, former))))
}

impl UpdateDiagnosisBody {
    fn applied_to(&self, former: &Diagnosis) -> Diagnosis {
        let Diagnosis { diagnosis, code, diagnosed_date, resolved_date, notes, is_active } = former.clone();
        // To stand again is to be over no more.
        let stands_again = self.is_active == Some(true) && self.resolved_date.is_none();
        Diagnosis {
            diagnosis: self.diagnosis.as_deref().map_or(diagnosis, |text| text.trim().to_owned()),
            code: self.code.clone().unwrap_or(code),
            diagnosed_date: self.diagnosed_date.unwrap_or(diagnosed_date),
            resolved_date: self.resolved_date.unwrap_or(resolved_date).filter(|_| !stands_again),
            notes: self.notes.clone().map_or(notes, rules::trimmed),
            is_active: self.is_active.or_else(|| self.resolved_date.map(|day| day.is_none())).unwrap_or(is_active),
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::{Value, json};
    use store::Counts;
    use testkit::{TestApp, TestUser};

    use crate::testing::{assert_sealed, doctor_with_patient, id_of, last_entry, put};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        corrections_are_kept_as_history, a_diagnosis_is_resolved_and_stands_again, no_update_is_lost,
        who_may_not_change_it_learns_nothing, what_breaks_a_rule_is_named, it_costs_two_reads_and_a_commit,
    }

    async fn diagnosis(app: &TestApp) -> (TestUser, String, String) {
        let (ann, path) = doctor_with_patient(app).await;
        let body = json!({"diagnosis": "Gout", "diagnosedDate": "2023-06-01"});
        let made = app.post(&format!("{path}/diagnoses")).by(&ann).json(&body).expect(201).await;
        let item = format!("{path}/diagnoses/{}", made["id"].as_str().unwrap());
        (ann, path, item)
    }

    async fn corrections_are_kept_as_history(app: TestApp) {
        let (ann, path, item) = diagnosis(&app).await;
        let answer = put(&app, &ann, &item, 1, &json!({"diagnosis": "Pseudogout", "notes": "canary"})).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.headers["etag"].to_str().unwrap()),
            (200, "\"2\""),
            "{}",
            answer.body
        );
        let changed = answer.body;
        assert_eq!(
            (&changed["diagnosis"], &changed["diagnosedDate"], &changed["version"]),
            (&json!("Pseudogout"), &json!("2023-06-01"), &json!(2))
        );
        let former = &changed["history"][0];
        assert_eq!(
            (&former["diagnosis"], &former["version"], &former["replacedBy"]),
            (&json!("Gout"), &json!(1), &json!(ann.id))
        );
        assert_eq!(former["replacedAt"], json!(app.app.now()));
        let again = put(&app, &ann, &item, 2, &json!({"notes": null, "code": {"system": "icd-10", "code": "M11.2"}}))
            .expect(200)
            .await;
        let versions =
            again["history"].as_array().unwrap().iter().map(|one| one["version"].clone()).collect::<Vec<_>>();
        assert_eq!((json!(versions), &again["history"][0]["notes"]), (json!([2, 1]), &json!("canary")));
        assert_eq!(app.get(&path).by(&ann).expect(200).await["diagnoses"], json!(["Pseudogout"]));
        assert_sealed(&app, &id_of(&path), &["Pseudogout", "canary", "M11.2"]).await;
        let entry = last_entry(&app, "diagnosis.update").await;
        assert_eq!((entry.patients, entry.because), (vec![id_of(&path)], vec!["created".to_owned()]));
    }

    async fn a_diagnosis_is_resolved_and_stands_again(app: TestApp) {
        let (ann, path, item) = diagnosis(&app).await;
        let state = |body: &Value| (body["isActive"].clone(), body["resolvedDate"].clone());
        let resolved = put(&app, &ann, &item, 1, &json!({"resolvedDate": "2024-01-15"})).expect(200).await;
        assert_eq!(state(&resolved), (json!(false), json!("2024-01-15")));
        let chart = app.get(&path).by(&ann).expect(200).await;
        assert_eq!((&chart["diagnoses"], &chart["diagnosisDetails"][0]["isActive"]), (&json!([]), &json!(false)));
        let back = put(&app, &ann, &item, 2, &json!({"isActive": true})).expect(200).await;
        assert_eq!(state(&back), (json!(true), Value::Null));
        let wrong = put(&app, &ann, &item, 3, &json!({"isActive": false})).expect(200).await;
        assert_eq!(state(&wrong), (json!(false), Value::Null));
    }

    async fn no_update_is_lost(app: TestApp) {
        let (ann, path, item) = diagnosis(&app).await;
        assert_eq!(app.put(&item).by(&ann).json(&json!({})).send().await.status.as_u16(), 428);
        let (one, other) = (json!({"diagnosis": "One"}), json!({"diagnosis": "Other"}));
        let (one, other) =
            tokio::join!(put(&app, &ann, &item, 1, &one).send(), put(&app, &ann, &item, 1, &other).send());
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
        let winner = if one.status.as_u16() == 200 { "One" } else { "Other" };
        assert_eq!(app.get(&path).by(&ann).expect(200).await["diagnoses"], json!([winner]));
    }

    async fn who_may_not_change_it_learns_nothing(app: TestApp) {
        let (ann, path, item) = diagnosis(&app).await;
        let body = json!({"diagnosis": "X"});
        let sam = app.user(Role::Doctor, "Sam").await;
        let none = put(&app, &sam, "/api/v1/patients/none/diagnoses/none", 1, &body).expect(404).await;
        assert_eq!(put(&app, &sam, &item, 1, &body).expect(404).await, none);
        put(&app, &ann, &format!("{path}/diagnoses/none"), 1, &body).refused(404, "NOT_FOUND").await;
        let pat = app.user(Role::Patient, "Pat").await;
        app.link(&id_of(&path), &pat.id).await;
        put(&app, &pat, &item, 1, &body).refused(403, "FORBIDDEN").await;
        let new = app.user_verified(Role::Doctor, "New", false).await;
        put(&app, &new, &item, 1, &body).refused(403, "FORBIDDEN").await;
        // Another patient's item is none of this one's.
        let other = crate::testing::register(&app, &ann, &json!({"name": "J", "dateOfBirth": "1990-01-01"})).await;
        let id = item.rsplit('/').next().unwrap();
        put(&app, &ann, &format!("{other}/diagnoses/{id}"), 1, &body).refused(404, "NOT_FOUND").await;
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let (ann, _, item) = diagnosis(&app).await;
        for (body, named) in [
            (json!({"diagnosis": null}), "diagnosis"),
            (json!({"resolvedDate": "2023-05-31"}), "resolvedDate"),
            (json!({"resolvedDate": "2999-01-01"}), "resolvedDate"),
            (json!({"resolvedDate": "2024-01-15", "isActive": true}), "isActive"),
            (json!({"diagnosedDate": "1984-01-01"}), "diagnosedDate"),
            (json!({"code": {"system": "rxnorm", "code": "1"}}), "code.system"),
            (json!({"id": "x"}), "id"),
        ] {
            assert_eq!(put(&app, &ann, &item, 1, &body).refused(400, "VALIDATION_ERROR").await, named, "{body}");
        }
        put(&app, &ann, &item, 1, &json!({})).expect(200).await;
    }

    async fn it_costs_two_reads_and_a_commit(app: TestApp) {
        let (ann, _, item) = diagnosis(&app).await;
        let before = app.store.meter().counts();
        put(&app, &ann, &item, 1, &json!({"diagnosis": "X"})).expect(200).await;
        // The patient with the part; the former state. Written: the part, the former state, the audit entry.
        let expected = Counts { gets: 2, queries: 0, commits: 1, documents_read: 3, documents_written: 3 };
        assert_eq!(app.store.meter().counts() - before, expected);
    }
}
