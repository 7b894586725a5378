use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use garde::Validate;
use kernel::{ChartItemId, PatientId};
use model::chart::{Allergy, MedicalCode, Part, Severity};
use model::consent::DataKind;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::add_allergy::AllergyView;
use crate::allergy_alerts::{WithAlerts, alerts};
use crate::change::present;
use crate::chart::{By, Chart};
use crate::if_match::{IfMatch, etag};
use crate::wire::Corrected;
use crate::{code, rules};

/// What changes; what is not named stays.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateAllergyBody {
    /// To what, in words.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(rules::one_line)))]
    #[schema(value_type = String, required = false, example = "Penicillin", min_length = 1, max_length = 255)]
    allergy: Option<String>,
    /// The same as a code of RxNorm, ATC or SNOMED CT; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<MedicalCode>)]
    code: Option<Option<MedicalCode>>,
    /// How bad.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Severity, required = false, example = "severe")]
    severity: Option<Severity>,
    /// What happens; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::lines))))]
    #[schema(value_type = Option<String>, example = "Causes rash", max_length = 1000)]
    reaction_description: Option<Option<String>>,
    /// Whether it stands: `false` for one that was wrong or is over.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = false)]
    is_active: Option<bool>,
}

/// Correct or inactivate an allergy
///
/// By clinical staff who care for the patient, with the `ETag` that was seen as `If-Match`. What it said before is kept,
/// and answered as `history`. As it is now, it is compared with the current medications: `alerts` names those it meets.
#[utoipa::path(
    put, path = "/api/v1/patients/{patientId}/allergies/{allergyId}", tag = "patients", security(("bearer" = [])),
    params(
        ("patientId" = PatientId, Path, description = "The patient"),
        ("allergyId" = ChartItemId, Path, description = "The allergy"),
        ("If-Match" = String, Header, description = "The version that the caller has seen", example = "\"1\""),
    ),
    request_body = UpdateAllergyBody,
    responses(
        (status = 200, body = WithAlerts<Corrected<AllergyView>>, description = "As it is now",
            headers(("ETag", description = "The version"))),
        (status = 412, body = web::ErrorBody, description = "It has changed meanwhile; `details.version` is the current one"),
        (status = 428, body = web::ErrorBody, description = "`If-Match` is missing"),
        Problems,
    ),
)]
pub(crate) async fn update_allergy(
    State(app): State<App>,
    caller: Caller,
    Path((patient, id)): Path<(PatientId, ChartItemId)>,
    seen: IfMatch,
    Json(mut body): Json<UpdateAllergyBody>,
) -> Result<impl IntoResponse, ApiError> {
    caller.trail.action("allergy.update").entity("allergy", &id);
    body.code = body.code.map(|code| code::read(code, code::OF_SUBSTANCES)).transpose()?;
    let asking = Asking::of(&app, &caller);
    let by = By { user: caller.user(), at: app.now() };
    let changed = caller.store.transact("update-allergy", async |tx| {
        let action = Action::Write(DataKind::Allergies);
        let chart = Chart::enter(&asking, &tx, &patient, &action, &[Part::Allergies, Part::Medications]).await?;
        let former = chart.item::<Allergy>(&id)?;
        seen.must_be(former.version)?;
        let entry = body.applied_to(&former.entry);
        let item = chart.replace(&tx, former, entry, by)?;
        let alerts = alerts(&asking, &chart, &item).await?;
        Ok::<_, ApiError>((chart, item, alerts))
    });
    let (chart, item, alerts) = changed.await?;
    let former = chart.former(&asking, &item).await?;
    Ok((etag(item.version), Json(WithAlerts { item: Corrected::<AllergyView>::of(item, former), alerts })))
}

impl UpdateAllergyBody {
    fn applied_to(&self, former: &Allergy) -> Allergy {
        let Allergy { allergy, code, severity, reaction_description, is_active } = former.clone();
        Allergy {
            allergy: self.allergy.as_deref().map_or(allergy, |text| text.trim().to_owned()),
            code: self.code.clone().unwrap_or(code),
            severity: self.severity.unwrap_or(severity),
            reaction_description: self.reaction_description.clone().map_or(reaction_description, rules::trimmed),
            is_active: self.is_active.unwrap_or(is_active),
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use crate::testing::{doctor_with_patient, last_entry, put};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        corrections_are_kept_as_history, no_update_is_lost, refusals_say_nothing_and_name_fields,
    }

    async fn allergy(app: &TestApp) -> (TestUser, String, String) {
        let (ann, path) = doctor_with_patient(app).await;
        let body = json!({"allergy": "Penicillin", "reactionDescription": "Rash"});
        let made = app.post(&format!("{path}/allergies")).by(&ann).json(&body).expect(201).await;
        let item = format!("{path}/allergies/{}", made["id"].as_str().unwrap());
        (ann, path, item)
    }

    async fn corrections_are_kept_as_history(app: TestApp) {
        let (ann, path, item) = allergy(&app).await;
        let worse = put(&app, &ann, &item, 1, &json!({"severity": "severe", "reactionDescription": "Anaphylaxis"}))
            .expect(200)
            .await;
        assert_eq!(
            (&worse["allergy"], &worse["severity"], &worse["version"]),
            (&json!("Penicillin"), &json!("severe"), &json!(2))
        );
        assert_eq!(
            (&worse["history"][0]["severity"], &worse["history"][0]["reactionDescription"]),
            (&json!("mild"), &json!("Rash"))
        );
        let gone =
            put(&app, &ann, &item, 2, &json!({"isActive": false, "reactionDescription": null})).expect(200).await;
        assert_eq!((&gone["isActive"], &gone["reactionDescription"]), (&json!(false), &Value::Null));
        let chart = app.get(&path).by(&ann).expect(200).await;
        assert_eq!((&chart["allergies"], &chart["allergyDetails"][0]["isActive"]), (&json!([]), &json!(false)));
        // One that stands no more is compared with no medication.
        let body = json!({"name": "Amoxicillin"});
        let added = app.post(&format!("{path}/medications")).by(&ann).json(&body).expect(201).await;
        assert_eq!((&added["check"]["status"], &added["check"]["allergiesCompared"]), (&json!("ok"), &json!(0)));
        assert_eq!(last_entry(&app, "allergy.update").await.because, ["created"]);
    }

    async fn no_update_is_lost(app: TestApp) {
        let (ann, _, item) = allergy(&app).await;
        assert_eq!(app.put(&item).by(&ann).json(&json!({})).send().await.status.as_u16(), 428);
        let (one, other) = (json!({"allergy": "One"}), json!({"allergy": "Other"}));
        let (one, other) =
            tokio::join!(put(&app, &ann, &item, 1, &one).send(), put(&app, &ann, &item, 1, &other).send());
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
    }

    async fn refusals_say_nothing_and_name_fields(app: TestApp) {
        let (ann, path, item) = allergy(&app).await;
        let body = json!({"allergy": "X"});
        let sam = app.user(Role::Doctor, "Sam").await;
        let none = put(&app, &sam, "/api/v1/patients/none/allergies/none", 1, &body).expect(404).await;
        assert_eq!(put(&app, &sam, &item, 1, &body).expect(404).await, none);
        put(&app, &ann, &format!("{path}/allergies/none"), 1, &body).refused(404, "NOT_FOUND").await;
        let new = app.user_verified(Role::Nurse, "New", false).await;
        put(&app, &new, &item, 1, &body).refused(403, "FORBIDDEN").await;
        for (body, named) in [
            (json!({"allergy": null}), "allergy"),
            (json!({"severity": null}), "severity"),
            (json!({"isActive": "no"}), "isActive"),
            (json!({"code": {"system": "icd-10", "code": "A00"}}), "code.system"),
            (json!({"x": 1}), "x"),
        ] {
            assert_eq!(put(&app, &ann, &item, 1, &body).refused(400, "VALIDATION_ERROR").await, named, "{body}");
        }
    }
}
