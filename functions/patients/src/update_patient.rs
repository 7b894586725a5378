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
