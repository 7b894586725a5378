use access::decision::Action;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::Asking;
use garde::Validate;
use http::StatusCode;
use kernel::{ChartItemId, PatientId};
use model::chart::{Allergy, Item, MedicalCode, Part, Severity};
use model::consent::DataKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::allergy_alerts::{WithAlerts, alerts};
use crate::chart::{By, Chart};
use crate::if_match::etag;
use crate::wire::ItemFrame;
use crate::{code, rules};

/// An allergy to add.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddAllergyBody {
    /// To what, in words.
    #[garde(custom(rules::one_line))]
    #[schema(example = "Penicillin", min_length = 1, max_length = 255)]
    allergy: String,
    /// The same as a code of RxNorm, ATC or SNOMED CT.
    #[garde(skip)]
    code: Option<MedicalCode>,
    /// How bad; `mild` unless told.
    #[serde(default)]
    #[garde(skip)]
    #[schema(example = "moderate")]
    severity: Severity,
    /// What happens.
    #[garde(inner(custom(rules::lines)))]
    #[schema(example = "Causes rash", max_length = 1000)]
    reaction_description: Option<String>,
}

/// An allergy.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AllergyView {
    /// Its id.
    id: ChartItemId,
    /// To what, in words.
    #[schema(example = "Penicillin")]
    allergy: String,
    /// The same as a code.
    code: Option<MedicalCode>,
    /// How bad.
    #[schema(example = "moderate")]
    severity: Severity,
    /// What happens.
    #[schema(example = "Causes rash")]
    reaction_description: Option<String>,
    /// Whether it stands.
    #[schema(example = true)]
    is_active: bool,
    /// When it was written and changed.
    #[serde(flatten)]
    frame: ItemFrame,
}

/// Add an allergy
///
/// By clinical staff who care for the patient. It is compared with the current medications in the same transaction:
/// `alerts` names those that it meets. Medications are checked against it from then on.
#[utoipa::path(
    post, path = "/api/v1/patients/{patientId}/allergies", tag = "patients", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient")),
    request_body = AddAllergyBody,
    responses(
        (status = 201, body = WithAlerts<AllergyView>, description = "Added", headers(("ETag", description = "The version"))),
        Problems,
    ),
)]
pub(crate) async fn add_allergy(
    State(app): State<App>,
    caller: Caller,
    Path(patient): Path<PatientId>,
    Json(body): Json<AddAllergyBody>,
) -> Result<impl IntoResponse, ApiError> {
    let id = ChartItemId::generate(app.random.as_ref());
    caller.trail.action("allergy.create").entity("allergy", &id);
    let asking = Asking::of(&app, &caller);
    let by = By { user: caller.user(), at: app.now() };
    let entry = body.entry()?;
    let added = caller.store.transact("add-allergy", async |tx| {
        let action = Action::Write(DataKind::Allergies);
        let chart = Chart::enter(&asking, &tx, &patient, &action, &[Part::Allergies, Part::Medications]).await?;
        let added = chart.add(&tx, &id, entry.clone(), by)?;
        Ok::<_, ApiError>((alerts(&asking, &chart, &added).await?, added))
    });
    let (alerts, added) = added.await?;
    let version = added.version;
    Ok((StatusCode::CREATED, etag(version), Json(WithAlerts { item: AllergyView::from(added), alerts })))
}

impl AddAllergyBody {
    fn entry(self) -> Result<Allergy, ApiError> {
        Ok(Allergy {
            allergy: self.allergy.trim().to_owned(),
            code: code::read(self.code, code::OF_SUBSTANCES)?,
            severity: self.severity,
            reaction_description: rules::trimmed(self.reaction_description),
            is_active: true,
        })
    }
}

impl From<Item<Allergy>> for AllergyView {
    fn from(item: Item<Allergy>) -> Self {
        let (id, frame, entry) = ItemFrame::of(item);
        let Allergy { allergy, code, severity, reaction_description, is_active } = entry;
        Self { id, allergy, code, severity, reaction_description, is_active, frame }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::consent::{DataKind, Scope};
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use crate::testing::{assert_sealed, doctor_with_patient, id_of, last_entry, put};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        an_allergy_is_added_as_the_api_says, the_medications_that_it_meets_are_named, clinical_staff_who_care_add, what_breaks_a_rule_is_named,
    }

    async fn an_allergy_is_added_as_the_api_says(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let body = json!({"allergy": "Penicillin", "severity": "moderate", "reactionDescription": "Causes rash",
            "code": {"system": "snomed", "code": "764146007"}});
        let answer = app.post(&format!("{path}/allergies")).by(&ann).json(&body).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.headers["etag"].to_str().unwrap()),
            (201, "\"1\""),
            "{}",
            answer.body
        );
        for field in ["allergy", "severity", "reactionDescription", "code"] {
            assert_eq!(answer.body[field], body[field]);
        }
        assert_eq!((&answer.body["isActive"], &answer.body["createdBy"]), (&json!(true), &json!(ann.id)));
        let mut shown = answer.body;
        assert_eq!(shown.as_object_mut().unwrap().remove("alerts"), Some(json!([])));
        let chart = app.get(&path).by(&ann).expect(200).await;
        assert_eq!((&chart["allergies"], &chart["allergyDetails"]), (&json!(["Penicillin"]), &json!([shown])));
        assert_sealed(&app, &id_of(&path), &["Penicillin", "moderate", "Causes rash", "764146007"]).await;
        assert_eq!(last_entry(&app, "allergy.create").await.patients, [id_of(&path)]);
    }

    async fn the_medications_that_it_meets_are_named(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let add = async |name: &str| {
            let made = app.post(&format!("{path}/medications")).by(&ann).json(&json!({"name": name})).expect(201).await;
            assert_eq!(made["check"]["status"], "ok");
            made["id"].clone()
        };
        let (amoxicillin, _) = (add("Amoxicillin").await, add("Metformin").await);
        let body = json!({"allergy": "Penicillin", "severity": "severe"});
        let added = app.post(&format!("{path}/allergies")).by(&ann).json(&body).expect(201).await;
        let alerts = added["alerts"].as_array().unwrap();
        assert_eq!((alerts.len(), &alerts[0]["medicationId"]), (1, &amoxicillin));
        let found = &alerts[0]["check"];
        assert_eq!((&found["status"], &found["reasons"][0]["itemId"]), (&json!("alert"), &added["id"]));
        // The chart is not silent about it either, nor once the allergy stands no more.
        let statuses = async |of: &str| -> Vec<Value> {
            let chart = app.get(&path).by(&ann).expect(200).await;
            chart[of].as_array().unwrap().iter().map(|one| one["check"]["status"].clone()).collect()
        };
        assert_eq!(statuses("medications").await, ["alert", "ok"]);
        let item = format!("{path}/allergies/{}", added["id"].as_str().unwrap());
        let gone = put(&app, &ann, &item, 1, &json!({"isActive": false})).expect(200).await;
        assert_eq!(gone["alerts"], json!([]));
        assert_eq!(statuses("medications").await, ["ok", "ok"]);
        let again = put(&app, &ann, &item, 2, &json!({"isActive": true})).expect(200).await;
        assert_eq!(again["alerts"][0]["name"], "Amoxicillin");
        // Who may not see medications learns nothing of them, and who may not see allergies nothing of these.
        let (nurse, fay) = (app.user(Role::Nurse, "Nia").await, app.user(Role::Family, "Fay").await);
        let only = |kind| Scope::Kinds { kinds: vec![DataKind::Demographics, kind] };
        app.consent(&id_of(&path), &nurse.id, |consent| consent.scope = only(DataKind::Allergies)).await;
        app.consent(&id_of(&path), &fay.id, |consent| consent.scope = only(DataKind::Medications)).await;
        let added = app.post(&format!("{path}/allergies")).by(&nurse).json(&body).expect(201).await;
        assert_eq!(added["alerts"], Value::Null);
        let seen = app.get(&path).by(&fay).expect(200).await["medications"].clone();
        assert_eq!(seen[0]["check"]["reasons"][0]["kind"], "withheld");
        assert!(!seen.to_string().contains("Penicillin"), "{seen}");
    }

    async fn clinical_staff_who_care_add(app: TestApp) {
        let (_, path) = doctor_with_patient(&app).await;
        let body = json!({"allergy": "X"});
        let post = |user: &TestUser, path: &str| app.post(&format!("{path}/allergies")).by(user).json(&body);
        for role in Role::ALL.into_iter().filter(|role| !role.is_admin()) {
            let user = app.user(role, "U").await;
            let foreign = post(&user, &path).expect(404).await;
            assert_eq!(post(&user, "/api/v1/patients/none").expect(404).await, foreign, "{role}");
            app.change_patient(&id_of(&path), |patient| patient.relate(&user.id, |relation| relation.created = true))
                .await;
            let status = match role {
                role if role.is_clinical() => 201,
                Role::Receptionist => 403,
                _ => 404,
            };
            post(&user, &path).expect(status).await;
        }
        let pat = app.user(Role::Patient, "Pat").await;
        app.link(&id_of(&path), &pat.id).await;
        post(&pat, &path).refused(403, "FORBIDDEN").await;
        let new = app.user_verified(Role::Nurse, "New", false).await;
        post(&new, &path).refused(403, "FORBIDDEN").await;
        app.post(&format!("{path}/allergies")).json(&body).refused(401, "UNAUTHORIZED").await;
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        for (field, value, named) in [
            ("allergy", Value::Null, "allergy"),
            ("allergy", json!(""), "allergy"),
            ("severity", json!("terrible"), "severity"),
            ("reactionDescription", json!("x".repeat(1001)), "reactionDescription"),
            ("code", json!({"system": "icd-10", "code": "Z88.0"}), "code.system"),
            ("code", json!({"system": "snomed", "code": "764146008"}), "code.code"),
            ("code", json!({"code": "1"}), "code.system"),
            ("note", json!("x"), "note"),
        ] {
            let mut body = json!({"allergy": "X"});
            body[field] = value.clone();
            let answered =
                app.post(&format!("{path}/allergies")).by(&ann).json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(answered, named, "{value}");
        }
    }
}
