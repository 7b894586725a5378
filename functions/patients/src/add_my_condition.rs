use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use garde::Validate;
use http::StatusCode;
use kernel::{ChartItemId, Day, Time};
use model::chart::{Condition, Item, MedicalCode, Part};
use model::consent::DataKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Problems};

use crate::chart::{By, Chart};
use crate::own_record::own_record;
use crate::{code, rules};

/// A condition to report.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddMyConditionBody {
    /// What, in one's own words.
    #[garde(custom(rules::one_line))]
    #[schema(example = "Hay fever", min_length = 1, max_length = 255)]
    condition: String,
    /// The same as a code of ICD-10, ICD-10-CM or SNOMED CT.
    #[garde(skip)]
    code: Option<MedicalCode>,
    /// Since when: not in the future.
    #[garde(skip)]
    #[schema(example = "2019-04-01")]
    since: Option<Day>,
    /// More in words.
    #[garde(inner(custom(rules::lines)))]
    #[schema(max_length = 1000)]
    notes: Option<String>,
}

/// A condition that the patient reports.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConditionView {
    /// Its id.
    id: ChartItemId,
    /// What, in the patient's words.
    #[schema(example = "Hay fever")]
    condition: String,
    /// The same as a code.
    code: Option<MedicalCode>,
    /// Since when.
    #[schema(example = "2019-04-01")]
    since: Option<Day>,
    /// More in words.
    notes: Option<String>,
    /// Always `true`: no clinician has made this diagnosis.
    #[schema(example = true)]
    is_patient_reported: bool,
    /// When it was reported.
    created_at: Time,
}

/// Report a condition
///
/// In the own record. Whoever reads the chart sees that the patient reports it.
#[utoipa::path(
    post, path = "/api/v1/patients/me/conditions", tag = "patients", security(("bearer" = [])),
    request_body = AddMyConditionBody,
    responses((status = 201, body = ConditionView, description = "Reported"), Problems),
)]
pub(crate) async fn add_my_condition(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<AddMyConditionBody>,
) -> Result<impl IntoResponse, ApiError> {
    let patient = own_record(&caller).await?;
    let id = ChartItemId::generate(app.random.as_ref());
    caller.trail.action("condition.create").entity("condition", &id);
    let asking = Asking::of(&app, &caller);
    let by = By { user: caller.user(), at: app.now() };
    let entry = body.entry()?;
    let added = caller.store.transact("add-condition", async |tx| {
        let action = Action::Write(DataKind::Diagnoses);
        let chart = Chart::enter(&asking, &tx, &patient, &action, &[Part::Conditions]).await?;
        rules::past_day("since", entry.since, chart.born()?, by.at)?;
        chart.add(&tx, &id, entry.clone(), by)
    });
    Ok((StatusCode::CREATED, Json(ConditionView::from(added.await?))))
}

impl AddMyConditionBody {
    fn entry(self) -> Result<Condition, ApiError> {
        Ok(Condition {
            condition: self.condition.trim().to_owned(),
            code: code::read(self.code, code::OF_CONDITIONS)?,
            since: self.since,
            notes: rules::trimmed(self.notes),
        })
    }
}

impl From<Item<Condition>> for ConditionView {
    fn from(item: Item<Condition>) -> Self {
        let Condition { condition, code, since, notes } = item.entry;
        Self { id: item.id, condition, code, since, notes, is_patient_reported: true, created_at: item.created_at }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing::{assert_sealed, doctor_with_patient, id_of, last_entry};

    const CONDITIONS: &str = "/api/v1/patients/me/conditions";

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        patients_report_conditions, who_has_no_record_reports_none, what_breaks_a_rule_is_named,
    }

    async fn patients_report_conditions(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let pat = app.user(Role::Patient, "Pat").await;
        app.link(&id_of(&path), &pat.id).await;
        let body = json!({"condition": "Hay fever", "since": "2019-04-01", "notes": "canary"});
        let made = app.post(CONDITIONS).by(&pat).json(&body).expect(201).await;
        let expected = json!({"id": made["id"], "condition": "Hay fever", "code": null, "since": "2019-04-01",
            "notes": "canary", "isPatientReported": true, "createdAt": app.app.now()});
        assert_eq!(made, expected);
        let chart = app.get(&path).by(&ann).expect(200).await;
        assert_eq!((&chart["conditions"], &chart["diagnoses"]), (&json!([expected]), &json!([])));
        assert_sealed(&app, &id_of(&path), &["Hay fever", "canary", "2019-04"]).await;
        assert_eq!(last_entry(&app, "condition.create").await.because, ["own-record"]);
    }

    async fn who_has_no_record_reports_none(app: TestApp) {
        let (ann, _) = doctor_with_patient(&app).await;
        let pat = app.user(Role::Patient, "Pat").await;
        let body = json!({"condition": "Hay fever"});
        for user in [&ann, &pat] {
            app.post(CONDITIONS).by(user).json(&body).refused(404, "NOT_FOUND").await;
        }
        app.post(CONDITIONS).json(&body).refused(401, "UNAUTHORIZED").await;
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let (_, path) = doctor_with_patient(&app).await;
        let pat = app.user(Role::Patient, "Pat").await;
        app.link(&id_of(&path), &pat.id).await;
        for (body, named) in [
            (json!({}), "condition"),
            (json!({"condition": " "}), "condition"),
            (json!({"condition": "x", "since": "2999-01-01"}), "since"),
            (json!({"condition": "x", "since": "1984-01-01"}), "since"),
            (json!({"condition": "x", "code": {"system": "atc", "code": "A"}}), "code.system"),
            (json!({"condition": "x", "isPatientReported": false}), "isPatientReported"),
        ] {
            assert_eq!(
                app.post(CONDITIONS).by(&pat).json(&body).refused(400, "VALIDATION_ERROR").await,
                named,
                "{body}"
            );
        }
    }
}
