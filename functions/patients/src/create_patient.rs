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
            must_be_staff(&tx, &assignees).await?;
            fresh.save(&tx)?;
            tx.create(&MRN_OWNERS, &mrn, &owner)?;
            Ok::<_, ApiError>(tx.create(&PATIENTS, id.as_str(), &patient)?)
        });
        match stored.await {
            Ok(()) => {
                app.vault.remember(fresh);
                return Ok((patient, identity));
            }
            // Of what is created, only the MRN is not made by chance.
            Err(error) if error.code() != Code::DuplicateEntry => return Err(error),
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

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::audit::Outcome;
    use serde_json::{Value, json};
    use store::Counts;
    use testkit::TestApp;

    use crate::testing::{assert_sealed, entries, id_of, john, last_entry, register, with};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_patient_is_registered_as_the_api_says, a_number_is_made_where_none_is_given, a_number_is_given_once,
        two_at_once_get_one_number, clinical_staff_registers, assignees_get_a_care_relationship,
        what_breaks_a_rule_is_named, it_is_sealed_at_rest_and_on_the_record, a_repeated_request_registers_once,
        it_costs_one_commit,
    }

    async fn a_patient_is_registered_as_the_api_says(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let body = with(john(), "sex", json!("male"));
        let answer =
            app.post("/api/v1/patients").by(&ann).json(&with(body, "email", json!("John@Example.com"))).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.headers["etag"].to_str().unwrap()),
            (201, "\"1\""),
            "{}",
            answer.body
        );
        let now = app.app.now();
        let expected = json!({
            "id": answer.body["id"], "mrn": "MRN-001234", "userId": null, "name": "John Doe",
            "dateOfBirth": "1985-03-15", "address": "123 Main St, Springfield, IL", "phoneNumber": "+1234567890",
            "email": "john@example.com", "emergencyContact": "Jane Doe", "emergencyContactPhone": "+1987654321",
            "bloodType": "O+", "sex": "male", "assigneeIds": [], "version": 1, "createdAt": now, "updatedAt": now,
        });
        assert_eq!(answer.body, expected);
        let path = format!("/api/v1/patients/{}", answer.body["id"].as_str().unwrap());
        assert_eq!(app.get(&path).by(&ann).expect(200).await["name"], "John Doe");
    }

    async fn a_number_is_made_where_none_is_given(app: TestApp) {
        let ann = app.user(Role::Nurse, "Ann").await;
        let body = json!({"name": "Jane", "dateOfBirth": "2001-01-01"});
        let mut seen = Vec::new();
        for _ in 0..3 {
            let made = app.post("/api/v1/patients").by(&ann).json(&body).expect(201).await;
            seen.push(made["mrn"].as_str().unwrap().to_owned());
            app.get(&format!("/api/v1/patients/mrn/{}", seen.last().unwrap())).by(&ann).expect(200).await;
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|mrn| mrn.len() == 12 && mrn.starts_with("MRN-")), "{seen:?}");
    }

    async fn a_number_is_given_once(app: TestApp) {
        let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Doctor, "Bob").await);
        register(&app, &ann, &john()).await;
        for mrn in ["MRN-001234", "mrn-001234", " MRN-001234 "] {
            let again = with(john(), "mrn", json!(mrn));
            let answer = app.post("/api/v1/patients").by(&bob).json(&again).send().await;
            assert_eq!((answer.status.as_u16(), &answer.body["error"]["code"]), (409, &json!("DUPLICATE_ENTRY")));
            assert_eq!(answer.body["error"]["details"], json!({"field": "mrn"}), "and not whose it is");
        }
        assert_eq!(app.get("/api/v1/patients").by(&bob).expect(200).await["pagination"]["total"], 0);
    }

    async fn two_at_once_get_one_number(app: TestApp) {
        let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Nurse, "Bob").await);
        let post = |by| app.post("/api/v1/patients").by(by).json(&john()).send();
        let (one, other, third) = tokio::join!(post(&ann), post(&bob), post(&ann));
        let mut statuses = [one, other, third].map(|answer| answer.status.as_u16());
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409]);
    }

    async fn clinical_staff_registers(app: TestApp) {
        let post = |by| app.post("/api/v1/patients").by(by).json(&john());
        for role in Role::ALL {
            let user = app.user(role, "U").await;
            let body = with(john(), "mrn", json!(format!("MRN-{role}")));
            let answer = app.post("/api/v1/patients").by(&user).json(&body).send().await;
            assert_eq!(answer.status.as_u16(), if role.is_clinical() { 201 } else { 403 }, "{role}");
        }
        let denied = entries(&app, "patient.create").await.into_iter().filter(|entry| entry.outcome == Outcome::Denied);
        assert_eq!(denied.count(), Role::ALL.into_iter().filter(|role| !role.is_clinical()).count());
        let new = app.user_verified(Role::Doctor, "New", false).await;
        post(&new).refused(403, "FORBIDDEN").await;
        app.post("/api/v1/patients").json(&john()).refused(401, "UNAUTHORIZED").await;
    }

    async fn assignees_get_a_care_relationship(app: TestApp) {
        let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Doctor, "Bob").await);
        let (pat, new) = (app.user(Role::Patient, "Pat").await, app.user_verified(Role::Nurse, "New", false).await);
        let path = register(&app, &ann, &with(john(), "assigneeIds", json!([bob.id]))).await;
        let seen = app.get(&path).by(&bob).expect(200).await;
        assert_eq!(seen["assigneeIds"], json!([bob.id]));
        for (nobody, field) in [
            (json!([bob.id, "none"]), "assigneeIds[1]"),
            (json!([pat.id]), "assigneeIds[0]"),
            (json!([new.id]), "assigneeIds[0]"),
        ] {
            let body = with(with(john(), "mrn", Value::Null), "assigneeIds", nobody);
            assert_eq!(app.post("/api/v1/patients").by(&ann).json(&body).refused(400, "VALIDATION_ERROR").await, field);
        }
    }

    async fn what_breaks_a_rule_is_named(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        for (field, value, named) in [
            ("name", json!(" "), "name"),
            ("name", json!("a\nb"), "name"),
            ("name", json!("x".repeat(256)), "name"),
            ("name", Value::Null, "name"),
            ("mrn", json!("a/b"), "mrn"),
            ("mrn", json!("x"), "mrn"),
            ("dateOfBirth", json!("15.03.1985"), "dateOfBirth"),
            ("dateOfBirth", json!("2999-01-01"), "dateOfBirth"),
            ("dateOfBirth", json!("1800-01-01"), "dateOfBirth"),
            ("dateOfBirth", Value::Null, "dateOfBirth"),
            ("address", json!("x".repeat(1001)), "address"),
            ("phoneNumber", json!("555-0142"), "phoneNumber"),
            ("email", json!("john"), "email"),
            ("emergencyContact", json!(""), "emergencyContact"),
            ("emergencyContactPhone", json!("+0987654321"), "emergencyContactPhone"),
            ("bloodType", json!("0+"), "bloodType"),
            ("sex", json!("M"), "sex"),
            ("userId", json!("u1"), "userId"),
        ] {
            let body = with(john(), field, value.clone());
            let answered = app.post("/api/v1/patients").by(&ann).json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(answered, named, "{value}");
        }
    }

    async fn it_is_sealed_at_rest_and_on_the_record(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let path = register(&app, &ann, &with(john(), "email", json!("canary@example.com"))).await;
        let words =
            ["John Doe", "001234", "1985-03-15", "Springfield", "1234567890", "canary", "Jane Doe", "1987654321"];
        assert_sealed(&app, &id_of(&path), &words).await;
        let entry = last_entry(&app, "patient.create").await;
        assert_eq!(
            (entry.outcome, entry.patients, entry.because),
            (Outcome::Allowed, vec![id_of(&path)], vec!["created".to_owned()])
        );
        assert_eq!((entry.entity_type.as_deref(), entry.user_id), (Some("patient"), Some(ann.id)));
    }

    async fn a_repeated_request_registers_once(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let post = || app.post("/api/v1/patients").by(&ann).header("idempotency-key", "k1").json(&john());
        assert_eq!(post().expect(201).await, post().expect(201).await);
        assert_eq!(app.get("/api/v1/patients").by(&ann).expect(200).await["pagination"]["total"], 1);
    }

    async fn it_costs_one_commit(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        register(&app, &ann, &with(john(), "mrn", json!("MRN-1"))).await;
        let before = app.store.meter().counts();
        register(&app, &ann, &john()).await;
        // The patient, its key, the owner of its MRN, and the audit entry.
        let expected = Counts { commits: 1, documents_written: 4, ..Counts::default() };
        assert_eq!(app.store.meter().counts() - before, expected);
    }
}
