use axum::extract::State;
use axum::response::IntoResponse;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Problems};

use crate::change::{Change, ContactChange, change_patient, present};
use crate::identity::PatientView;
use crate::if_match::{IfMatch, etag};
use crate::own_record::own_record;
use crate::rules;
use crate::update_patient::phone;

/// What changes; what is not named stays.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateMyRecordBody {
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
}

/// Update my contact details
///
/// In the own record. Needs `If-Match` with the `ETag` that GET /api/v1/patients/me answered.
#[utoipa::path(
    put, path = "/api/v1/patients/me", tag = "patients", security(("bearer" = [])),
    params(("If-Match" = String, Header, description = "The version that the caller has seen", example = "\"1\"")),
    request_body = UpdateMyRecordBody,
    responses(
        (status = 200, body = PatientView, description = "As it is now", headers(("ETag", description = "The version"))),
        (status = 412, body = web::ErrorBody, description = "It has changed meanwhile; `details.version` is the current one"),
        (status = 428, body = web::ErrorBody, description = "`If-Match` is missing"),
        Problems,
    ),
)]
pub(crate) async fn update_my_record(
    State(app): State<App>,
    caller: Caller,
    seen: IfMatch,
    Json(body): Json<UpdateMyRecordBody>,
) -> Result<impl IntoResponse, ApiError> {
    let id = own_record(&caller).await?;
    caller.trail.action("patient.update").entity("patient", &id);
    let change = Change { contact: body.change()?, ..Change::default() };
    let (patient, identity) = change_patient(&app, &caller, &id, seen, &change).await?;
    Ok((etag(patient.version), Json(PatientView::of(id, &patient, identity))))
}

impl UpdateMyRecordBody {
    fn change(self) -> Result<ContactChange, ApiError> {
        Ok(ContactChange {
            address: self.address.map(rules::trimmed),
            phone_number: phone("phoneNumber", self.phone_number)?,
            email: self.email.map(|text| text.as_deref().map(rules::email).transpose()).transpose()?,
            emergency_contact: self.emergency_contact.map(rules::trimmed),
            emergency_contact_phone: phone("emergencyContactPhone", self.emergency_contact_phone)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing::{doctor_with_patient, id_of, last_entry, put};

    const ME: &str = "/api/v1/patients/me";

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        contact_details_change, the_rest_does_not, who_has_no_record_has_none,
    }

    async fn contact_details_change(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let pat = app.user(Role::Patient, "Pat").await;
        app.link(&id_of(&path), &pat.id).await;
        let body = json!({"address": "7 New St", "phoneNumber": "+15550142877", "email": "p@example.com",
            "emergencyContact": "Kim", "emergencyContactPhone": null});
        let answer = put(&app, &pat, ME, 1, &body).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.headers["etag"].to_str().unwrap()),
            (200, "\"2\""),
            "{}",
            answer.body
        );
        let seen = app.get(&path).by(&ann).expect(200).await;
        let fields = ["address", "phoneNumber", "email", "emergencyContact", "emergencyContactPhone", "name"];
        assert_eq!(
            json!(fields.map(|field| seen[field].clone())),
            json!(["7 New St", "+15550142877", "p@example.com", "Kim", null, "John Doe"])
        );
        assert_eq!(put(&app, &pat, ME, 1, &json!({})).send().await.status.as_u16(), 412);
        assert_eq!(app.put(ME).by(&pat).json(&json!({})).send().await.status.as_u16(), 428);
        assert_eq!(last_entry(&app, "patient.update").await.because, ["own-record"]);
    }

    async fn the_rest_does_not(app: TestApp) {
        let (_, path) = doctor_with_patient(&app).await;
        let pat = app.user(Role::Patient, "Pat").await;
        app.link(&id_of(&path), &pat.id).await;
        for field in ["name", "mrn", "dateOfBirth", "bloodType", "sex", "assigneeIds"] {
            let named = put(&app, &pat, ME, 1, &json!({field: null})).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named, field);
        }
        assert_eq!(
            put(&app, &pat, ME, 1, &json!({"phoneNumber": "1"})).refused(400, "VALIDATION_ERROR").await,
            "phoneNumber"
        );
    }

    async fn who_has_no_record_has_none(app: TestApp) {
        let (ann, path) = doctor_with_patient(&app).await;
        let pat = app.user(Role::Patient, "Pat").await;
        for user in [&ann, &pat] {
            put(&app, user, ME, 1, &json!({})).refused(404, "NOT_FOUND").await;
        }
        app.put(ME).header("if-match", "\"1\"").json(&json!({})).refused(401, "UNAUTHORIZED").await;
        app.link(&id_of(&path), &pat.id).await;
        app.change_patient(&id_of(&path), |patient| patient.deleted_at = Some(patient.created_at)).await;
        put(&app, &pat, ME, 1, &json!({})).refused(404, "NOT_FOUND").await;
    }
}
