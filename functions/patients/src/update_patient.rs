use axum::extract::State;
use axum::response::IntoResponse;
use garde::Validate;
use kernel::{Day, PatientId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::change::{Change, ContactChange, change_patient, present};
use crate::identity::PatientView;
use crate::if_match::{IfMatch, etag};
use crate::mrn::Mrn;
use crate::rules;

/// What changes; what is not named stays.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdatePatientBody {
    /// The name.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(rules::one_line)))]
    #[schema(value_type = String, required = false, example = "John Doe", min_length = 1, max_length = 255)]
    name: Option<String>,
    /// The medical record number, where it was wrong. The former one is free from then on.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = String, required = false, example = "MRN-001234")]
    mrn: Option<String>,
    /// The birth date.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Day, required = false, example = "1985-03-15")]
    date_of_birth: Option<String>,
    /// The postal address; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::lines))))]
    #[schema(value_type = Option<String>, example = "123 Main St, Springfield, IL", max_length = 1000)]
    address: Option<Option<String>>,
    /// The telephone number, with the country code; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<String>, example = "+1234567890")]
    phone_number: Option<Option<String>>,
    /// The e-mail address; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<String>, example = "john@example.com")]
    email: Option<Option<String>>,
    /// Whom to call; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::one_line))))]
    #[schema(value_type = Option<String>, example = "Jane Doe", max_length = 255)]
    emergency_contact: Option<Option<String>>,
    /// At which number, with the country code; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<String>, example = "+1987654321")]
    emergency_contact_phone: Option<Option<String>>,
    /// The blood group; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::blood_type))))]
    #[schema(value_type = Option<String>, example = "O+")]
    blood_type: Option<Option<String>>,
    /// The sex that clinical ranges go by; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::sex))))]
    #[schema(value_type = Option<String>, example = "male")]
    sex: Option<Option<String>>,
    /// Staff assigned to the patient, instead of those who were: who is left out loses that care relationship. By staff
    /// with a care relationship, and admins.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Vec<UserId>, required = false)]
    assignee_ids: Option<Vec<UserId>>,
}

/// Update a patient
///
/// Needs `If-Match` with the `ETag` that the caller has seen. Patients and those who act for them change contact details
/// here; the rest is for staff.
#[utoipa::path(
    put, path = "/api/v1/patients/{patientId}", tag = "patients", security(("bearer" = [])),
    params(
        ("patientId" = PatientId, Path, description = "The patient"),
        ("If-Match" = String, Header, description = "The version that the caller has seen", example = "\"1\""),
    ),
    request_body = UpdatePatientBody,
    responses(
        (status = 200, body = PatientView, description = "As it is now", headers(("ETag", description = "The version"))),
        (status = 412, body = web::ErrorBody, description = "It has changed meanwhile; `details.version` is the current one"),
        (status = 428, body = web::ErrorBody, description = "`If-Match` is missing"),
        Problems,
    ),
)]
pub(crate) async fn update_patient(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PatientId>,
    seen: IfMatch,
    Json(body): Json<UpdatePatientBody>,
) -> Result<impl IntoResponse, ApiError> {
    caller.trail.action("patient.update").entity("patient", &id);
    let change = body.change(&app)?;
    let (patient, identity) = change_patient(&app, &caller, &id, seen, &change).await?;
    Ok((etag(patient.version), Json(PatientView::of(id, &patient, identity))))
}

impl UpdatePatientBody {
    fn change(self, app: &App) -> Result<Change, ApiError> {
        let born = self.date_of_birth.as_deref().map(|text| rules::birth_date(text, app.now())).transpose()?;
        Ok(Change {
            name: self.name.map(|name| name.trim().to_owned()),
            mrn: self.mrn.as_deref().map(Mrn::read).transpose()?,
            date_of_birth: born.map(charts::BirthDate::disclose),
            blood_type: self.blood_type,
            sex: self.sex,
            assignee_ids: self.assignee_ids,
            contact: ContactChange {
                address: self.address.map(rules::trimmed),
                phone_number: phone("phoneNumber", self.phone_number)?,
                email: self.email.map(|text| text.as_deref().map(rules::email).transpose()).transpose()?,
                emergency_contact: self.emergency_contact.map(rules::trimmed),
                emergency_contact_phone: phone("emergencyContactPhone", self.emergency_contact_phone)?,
            },
        })
    }
}

/// A telephone number that changes, or goes.
pub(crate) fn phone(field: &str, text: Option<Option<String>>) -> Result<Option<Option<String>>, ApiError> {
    text.map(|text| text.map(|text| rules::phone(field, &text)).transpose()).transpose()
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::consent::{DataKind, Proxy, Purpose, Scope};
    use serde_json::{Value, json};
    use testkit::TestApp;

    use crate::testing::{assert_sealed, doctor_with_patient, id_of, john, last_entry, put, register, with};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        what_is_named_changes, no_update_is_lost, of_two_at_once_one_is_told, a_number_can_be_corrected,
        who_may_not_change_it_learns_nothing, patients_change_contacts_alone, who_cares_assigns,
        what_breaks_a_rule_is_named,
    }

    async fn what_is_named_changes(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let all = json!({
            "name": " John B. Doe ", "dateOfBirth": "1985-03-16", "address": null, "phoneNumber": "+1 555 014 2877",
            "email": "CANARY@example.com", "emergencyContact": null, "emergencyContactPhone": null, "bloodType": "AB-",
            "sex": "male",
        });
        let answer = put(&app, &ann, &path, 1, &all).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.headers["etag"].to_str().unwrap()),
            (200, "\"2\""),
            "{}",
            answer.body
        );
        let fields = |body: &Value| {
            let names =
                ["name", "dateOfBirth", "address", "phoneNumber", "email", "bloodType", "sex", "mrn", "version"];
            names.map(|name| body[name].clone())
        };
        let expected = json!([
            "John B. Doe",
            "1985-03-16",
            null,
            "+15550142877",
            "canary@example.com",
            "AB-",
            "male",
            "MRN-001234",
            2
        ]);
        assert_eq!(json!(fields(&answer.body)), expected);
        let read = app.get(&path).by(&ann).send().await;
        assert_eq!((json!(fields(&read.body)), read.headers["etag"].to_str().unwrap()), (expected, "\"2\""));
        assert_sealed(&app, &id_of(&path), &["canary", "John B. Doe", "5550142877", "1985-03"]).await;
        let found = app.get("/api/v1/patients?search=5550142877").by(&ann).expect(200).await;
        assert_eq!(found["pagination"]["total"], 1, "found by what it is now");
        assert_eq!(app.get("/api/v1/patients?search=1234567890").by(&ann).expect(200).await["pagination"]["total"], 0);
        let entry = last_entry(&app, "patient.update").await;
        assert_eq!((entry.patients, entry.because), (vec![id_of(&path)], vec!["created".to_owned()]));
    }

    async fn no_update_is_lost(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let body = json!({"address": "here"});
        let answer = app.put(&path).by(&ann).json(&body).send().await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]["details"]["field"]), (428, &json!("If-Match")));
        for wrong in ["3", "*", "\"1\", \"2\"", "\"x\""] {
            let named =
                app.put(&path).by(&ann).header("if-match", wrong).json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named, "If-Match", "{wrong}");
        }
        put(&app, &ann, &path, 1, &body).expect(200).await;
        let late = put(&app, &ann, &path, 1, &json!({"address": "there"})).send().await;
        assert_eq!((late.status.as_u16(), &late.body["error"]["details"]["version"]), (412, &json!(2)));
        assert_eq!(app.get(&path).by(&ann).expect(200).await["address"], "here");
    }

    async fn of_two_at_once_one_is_told(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let (one, other) = (json!({"address": "one"}), json!({"name": "Other"}));
        let (one, other) =
            tokio::join!(put(&app, &ann, &path, 1, &one).send(), put(&app, &ann, &path, 1, &other).send());
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
        assert_eq!(app.get(&path).by(&ann).expect(200).await["version"], 2);
    }

    async fn a_number_can_be_corrected(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let other = register(&app, &ann, &with(john(), "mrn", json!("MRN-2"))).await;
        assert_eq!(
            put(&app, &ann, &other, 1, &json!({"mrn": "mrn-001234"})).refused(409, "DUPLICATE_ENTRY").await,
            "mrn"
        );
        assert_eq!(put(&app, &ann, &path, 1, &json!({"mrn": "mrn-001234"})).expect(200).await["mrn"], "mrn-001234");
        put(&app, &ann, &path, 2, &json!({"mrn": "MRN-3"})).expect(200).await;
        app.get("/api/v1/patients/mrn/MRN-001234").by(&ann).refused(404, "NOT_FOUND").await;
        assert_eq!(app.get("/api/v1/patients/mrn/mrn-3").by(&ann).expect(200).await["id"], id_of(&path).as_str());
        // The mistaken number is free for whom it belongs to.
        assert_eq!(put(&app, &ann, &other, 1, &json!({"mrn": "MRN-001234"})).expect(200).await["mrn"], "MRN-001234");
    }

    async fn who_may_not_change_it_learns_nothing(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let body = json!({"name": "X"});
        let stranger = app.user(Role::Doctor, "Sam").await;
        let family = app.user(Role::Family, "Fay").await;
        for user in [&stranger, &family] {
            let foreign = put(&app, user, &path, 1, &body).send().await;
            let none = put(&app, user, "/api/v1/patients/none", 1, &body).send().await;
            assert_eq!((foreign.status.as_u16(), foreign.body), (404, none.body));
            // Nor whether somebody works at the clinic.
            for assignee in [ann.id.as_str(), "nobody"] {
                put(&app, user, &path, 1, &json!({"assigneeIds": [assignee]})).refused(404, "NOT_FOUND").await;
            }
        }
        let new = app.user_verified(Role::Doctor, "New", false).await;
        put(&app, &new, &path, 1, &body).refused(403, "FORBIDDEN").await;
        put(&app, &new, "/api/v1/patients/none", 1, &body).refused(403, "FORBIDDEN").await;
        // To read is not to write.
        app.consent(&id_of(&path), &family.id, |_| {}).await;
        put(&app, &family, &path, 1, &body).refused(403, "FORBIDDEN").await;
        app.put(&path).header("if-match", "\"1\"").json(&body).refused(401, "UNAUTHORIZED").await;
        assert_eq!(app.get(&path).by(&ann).expect(200).await["version"], 1);
    }

    async fn patients_change_contacts_alone(app: TestApp) {
        let (_, path) = doctor_with_patient(&app).await;
        let (pat, guardian) = (app.user(Role::Patient, "Pat").await, app.user(Role::Family, "G").await);
        app.link(&id_of(&path), &pat.id).await;
        app.consent(&id_of(&path), &guardian.id, |consent| consent.proxy = Some(Proxy::Adult)).await;
        assert_eq!(put(&app, &pat, &path, 1, &json!({"address": "there"})).expect(200).await["address"], "there");
        put(&app, &guardian, &path, 2, &json!({"phoneNumber": null})).expect(200).await;
        for body in [
            json!({"name": "X"}),
            json!({"mrn": "MRN-9"}),
            json!({"dateOfBirth": "1990-01-01"}),
            json!({"bloodType": null}),
            json!({"sex": "other"}),
            json!({"assigneeIds": []}),
        ] {
            put(&app, &pat, &path, 3, &body).refused(403, "FORBIDDEN").await;
            put(&app, &guardian, &path, 3, &body).refused(403, "FORBIDDEN").await;
        }
    }

    async fn who_cares_assigns(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let (bob, eve) = (app.user(Role::Doctor, "Bob").await, app.user(Role::Doctor, "Eve").await);
        let assign = |ids: Value| json!({"assigneeIds": ids});
        assert_eq!(
            put(&app, &ann, &path, 1, &assign(json!([bob.id]))).expect(200).await["assigneeIds"],
            json!([bob.id])
        );
        app.get(&path).by(&bob).expect(200).await;
        // A consent to see and to treat is no right to bring others in, nor to make itself last.
        app.consent(&id_of(&path), &eve.id, |consent| {
            consent.scope = Scope::Kinds { kinds: DataKind::ALL.to_vec() };
            consent.purposes = Purpose::ALL.to_vec();
        })
        .await;
        put(&app, &eve, &path, 2, &json!({"address": "x"})).expect(200).await;
        assert_eq!(put(&app, &eve, &path, 3, &assign(json!([eve.id]))).refused(403, "FORBIDDEN").await, "assigneeIds");
        let named = put(&app, &bob, &path, 3, &assign(json!(["nobody"]))).refused(400, "VALIDATION_ERROR").await;
        assert_eq!(named, "assigneeIds[0]");
        let admin = app.user(Role::ClinicAdmin, "Ada").await;
        put(&app, &admin, &path, 3, &assign(json!([]))).expect(200).await;
        app.get(&path).by(&bob).refused(404, "NOT_FOUND").await;
        app.get(&path).by(&ann).expect(200).await;
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        for (field, value) in [
            ("name", json!(null)),
            ("name", json!(" ")),
            ("mrn", json!("a/b")),
            ("mrn", json!(null)),
            ("dateOfBirth", json!("2999-01-01")),
            ("address", json!("x".repeat(1001))),
            ("phoneNumber", json!("555")),
            ("email", json!("x")),
            ("emergencyContact", json!("\u{7}")),
            ("bloodType", json!("X")),
            ("sex", json!("X")),
            ("assigneeIds", json!(["a b"])),
            ("version", json!(7)),
        ] {
            let named =
                put(&app, &ann, &path, 1, &json!({field: value.clone()})).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named.trim_end_matches("[0]"), field, "{value}");
        }
        assert_eq!(app.get(&path).by(&ann).expect(200).await["version"], 1);
    }
}
