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
