use access::decision::Reason;
use axum::extract::State;
use axum::response::IntoResponse;
use charts::ChartPlaces;
use garde::Validate;
use http::StatusCode;
use kernel::{Day, PatientId, Sealed, UserId};
use model::patient::{Circle, MRN_OWNERS, MrnOwner, PATIENTS, Patient, PatientDetails};
use serde::Deserialize;
use utoipa::ToSchema;
use vault::Subject;
use web::{ApiError, App, Caller, Code, Json, Problems};

use crate::assign::{assign, must_be_staff};
use crate::identity::{Identity, PatientView};
use crate::if_match::etag;
use crate::mrn::Mrn;
use crate::rules;

/// How many generated numbers are tried. A second one is needed once in billions of patients.
const MRN_ATTEMPTS: u32 = 5;

/// A patient to register.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreatePatientBody {
    /// The name.
    #[garde(custom(rules::one_line))]
    #[schema(example = "John Doe", min_length = 1, max_length = 255)]
    name: String,
    /// The medical record number: 3 to 50 letters, digits, `-` and `_`; the clinic has each only once, in upper or lower
    /// case. One is made where none is given.
    #[garde(skip)]
    #[schema(example = "MRN-001234", min_length = 3, max_length = 50)]
    mrn: Option<String>,
    /// The birth date.
    #[garde(skip)]
    #[schema(value_type = Day, example = "1985-03-15")]
    date_of_birth: String,
    /// The postal address.
    #[garde(inner(custom(rules::lines)))]
    #[schema(example = "123 Main St, Springfield, IL", max_length = 1000)]
    address: Option<String>,
    /// The telephone number, with the country code.
    #[garde(skip)]
    #[schema(example = "+1234567890")]
    phone_number: Option<String>,
    /// The e-mail address.
    #[garde(skip)]
    #[schema(example = "john@example.com")]
    email: Option<String>,
    /// Whom to call.
    #[garde(inner(custom(rules::one_line)))]
    #[schema(example = "Jane Doe", max_length = 255)]
    emergency_contact: Option<String>,
    /// At which number, with the country code.
    #[garde(skip)]
    #[schema(example = "+1987654321")]
    emergency_contact_phone: Option<String>,
    /// The blood group: `A+`, `A-`, `B+`, `B-`, `AB+`, `AB-`, `O+` or `O-`.
    #[garde(inner(custom(rules::blood_type)))]
    #[schema(example = "O+")]
    blood_type: Option<String>,
    /// The sex that clinical ranges go by: `female`, `male`, `other` or `unknown`.
    #[garde(inner(custom(rules::sex)))]
    #[schema(example = "male")]
    sex: Option<String>,
    /// Staff to assign to the patient, who get a care relationship with it; at most 50.
    #[serde(default)]
    #[garde(skip)]
    assignee_ids: Vec<UserId>,
}

/// Register a patient
///
/// By clinical staff, who have a care relationship with the patient from then on.
#[utoipa::path(
    post, path = "/api/v1/patients", tag = "patients", security(("bearer" = [])),
    request_body = CreatePatientBody,
    responses(
        (status = 201, body = PatientView, description = "Registered", headers(("ETag", description = "The version"))),
        Problems,
    ),
)]
pub(crate) async fn create_patient(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<CreatePatientBody>,
) -> Result<impl IntoResponse, ApiError> {
    caller.must_see_phi()?;
    let id = PatientId::generate(app.random.as_ref());
    let trail = caller.trail.action("patient.create").entity("patient", &id);
    if !caller.principal.role.is_clinical() {
        trail.denied("not-clinical");
        return Err(ApiError::forbidden("Only clinical staff registers patients."));
    }
    trail.patient(&id).because([Reason::Created.code()]).purpose(caller.purpose);
    must_be_staff(&caller.store, &body.assignee_ids).await?;
    let (patient, identity) = register(&app, &caller, &id, body).await?;
    Ok((StatusCode::CREATED, etag(patient.version), Json(PatientView::of(id, &patient, identity))))
}

/// Stores the patient with the key that seals it and the MRN that nobody else has, in one commit.
async fn register(
    app: &App,
    caller: &Caller,
    id: &PatientId,
    body: CreatePatientBody,
) -> Result<(Patient, Identity), ApiError> {
    let is_given = body.mrn.is_some();
    let assignees = body.assignee_ids.clone();
    let mut identity = body.identity(app)?;
    let blind = app.vault.blind_index(&caller.store).await?;
    let fresh = app.vault.fresh_key(caller.tenant(), &Subject::Patient(id.clone())).await?;
    let places = ChartPlaces::of(caller.tenant(), id);
    let owner = MrnOwner { patient_id: id.clone() };
    for _ in 0..MRN_ATTEMPTS {
        let mut patient = empty(app, caller);
        assign(&mut patient, &assignees, caller.user(), app.now());
        identity.seal_into(&mut patient, &places, fresh.key(), &blind)?;
        let mrn = identity.mrn.index(&blind);
        let stored = caller.store.transact("create-patient", async |tx| {
            fresh.save(&tx)?;
            tx.create(&MRN_OWNERS, &mrn, &owner)?;
            tx.create(&PATIENTS, id.as_str(), &patient)
        });
        match stored.await {
            Ok(()) => {
                app.vault.remember(fresh);
                return Ok((patient, identity));
            }
            Err(error) if !is_taken_mrn(&error) => return Err(error.into()),
            Err(_) if is_given => return Err(taken_mrn()),
            Err(_) => identity.mrn = Mrn::generate(app.random.as_ref()),
        }
    }
    Err(ApiError::internal("no free MRN was found"))
}

/// The patient before its identity is sealed into it, with its creator's relationship.
fn empty(app: &App, caller: &Caller) -> Patient {
    let now = app.now();
    let nothing = || Sealed::from_text(String::new());
    let mut patient = Patient {
        name: nothing(),
        date_of_birth: nothing(),
        mrn: nothing(),
        details: nothing(),
        user_id: None,
        created_by: caller.user().clone(),
        created_at: now,
        updated_at: now,
        deleted_at: None,
        version: 1,
        words: Vec::new(),
        circle: Circle::default(),
        holders: Vec::new(),
    };
    patient.relate(caller.user(), |relation| relation.created = true);
    patient
}

/// Whether a commit failed because the MRN has an owner.
pub(crate) fn is_taken_mrn(error: &store::Error) -> bool {
    matches!(error, store::Error::AlreadyExists { key } if key.collection == MRN_OWNERS.path())
}

/// What whoever wants a taken MRN is told: not whose it is.
pub(crate) fn taken_mrn() -> ApiError {
    ApiError::new(Code::DuplicateEntry, "mrn: the clinic has given this number already; choose another")
        .detail("field", "mrn")
}

impl CreatePatientBody {
    fn identity(self, app: &App) -> Result<Identity, ApiError> {
        let mrn = self.mrn.as_deref().map(Mrn::read).transpose()?;
        let phone = |field, text: Option<String>| text.map(|text| rules::phone(field, &text)).transpose();
        Ok(Identity {
            name: self.name.trim().to_owned(),
            date_of_birth: rules::birth_date(&self.date_of_birth, app.now())?.disclose(),
            mrn: mrn.unwrap_or_else(|| Mrn::generate(app.random.as_ref())),
            details: PatientDetails {
                address: rules::trimmed(self.address),
                phone_number: phone("phoneNumber", self.phone_number)?,
                email: self.email.as_deref().map(rules::email).transpose()?,
                emergency_contact: rules::trimmed(self.emergency_contact),
                emergency_contact_phone: phone("emergencyContactPhone", self.emergency_contact_phone)?,
                blood_type: self.blood_type,
                sex: self.sex,
            },
        })
    }
}
