use access::decision::{Action, Asker, Decision, Reason, Record, Refusal, decide, ties};
use kernel::{PatientId, Role, TenantId, Time, UserId};
use model::consent::{DataKind, Grantee, Proxy, Purpose};
use model::patient::{PATIENTS, Patient};
use model::tenant::TenantPolicy;
use model::user::User;
use store::{Doc, Store, Transaction};
use vault::{Subject, SubjectKey};
use web::{ApiError, App, Caller, Trail};

use crate::{BirthDate, ChartPlaces};

/// Someone who asks for something about patients, for a purpose.
#[derive(Debug, Clone)]
pub struct Asking<'a> {
    app: &'a App,
    store: &'a Store,
    user: &'a UserId,
    role: Role,
    verified: bool,
    purpose: Purpose,
    trail: Option<&'a Trail>,
}

/// A chart that may be seen, with the key that opens it.
#[derive(Debug)]
pub struct OpenChart {
    /// The patient's id.
    pub id: PatientId,
    /// The patient.
    pub patient: Patient,
    /// The key.
    pub key: SubjectKey,
    /// Why it may be seen.
    pub reasons: Vec<Reason>,
}

impl<'a> Asking<'a> {
    /// The caller of an operation. What is decided goes on the request's trail.
    pub const fn of(app: &'a App, caller: &'a Caller) -> Self {
        Self {
            app,
            store: &caller.store,
            user: &caller.principal.user,
            role: caller.principal.role,
            verified: caller.principal.verified,
            purpose: caller.purpose,
            trail: Some(&caller.trail),
        }
    }

    /// A user on whose behalf a job or a socket works, for treatment. It leaves its audit entries itself.
    pub fn for_user(app: &'a App, store: &'a Store, user: &'a UserId, account: &User) -> Self {
        Self::for_person(app, store, user, account.role, account.may_see_phi())
    }

    /// A person whose account was read in part, for treatment. It leaves its audit entries itself.
    pub fn for_person(app: &'a App, store: &'a Store, user: &'a UserId, role: Role, verified: bool) -> Self {
        Self { app, store, user, role, verified, purpose: Purpose::default(), trail: None }
    }

    /// The same for another purpose.
    #[must_use]
    pub const fn for_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// Notes on the trail that it is refused for another reason than the decision's, in one of few fixed words.
    pub fn refuse(&self, refusal: &'static str) {
        if let Some(trail) = self.trail {
            trail.denied(refusal);
        }
    }

    /// The same without a trail, for what somebody asks for that may be no patient at all.
    #[must_use]
    pub const fn quietly(self) -> Self {
        Self { trail: None, ..self }
    }

    /// The application.
    pub const fn app(&self) -> &'a App {
        self.app
    }

    /// The tenant's documents.
    pub const fn store(&self) -> &'a Store {
        self.store
    }

    /// The tenant.
    pub fn tenant(&self) -> &'a TenantId {
        &self.store.database().tenant
    }

    /// Who asks.
    pub const fn user(&self) -> &'a UserId {
        self.user
    }

    /// As what.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// May this be done with this record, now? Leaves nothing on the trail: for filters and explanations.
    pub async fn decide(&self, id: &PatientId, patient: &Patient, action: &Action) -> Result<Decision, ApiError> {
        let asker = Asker { user: self.user, role: self.role, verified: self.verified };
        let is_of_age = self.is_of_age_if_it_matters(id, patient).await?;
        Ok(decide(asker, Record::of(patient, is_of_age), action, self.purpose, self.app.now()))
    }

    /// All that ties the asker to this record now. For what was allowed before and is asked for again.
    pub async fn ties(&self, id: &PatientId, patient: &Patient) -> Result<Vec<Reason>, ApiError> {
        let asker = Asker { user: self.user, role: self.role, verified: self.verified };
        let is_of_age = self.is_of_age_if_it_matters(id, patient).await?;
        Ok(ties(asker, Record::of(patient, is_of_age), self.app.now()))
    }

    /// Notes on the trail that something of this patient is shown, which a filter by [`Asking::decide`] let through.
    pub fn saw(&self, id: &PatientId) {
        if let Some(trail) = self.trail {
            trail.patient(id).purpose(self.purpose);
        }
    }

    /// The same, on the trail: whose record, and why it is allowed. A refusal says no more than that there is no such
    /// patient, unless the asker may see the patient's identity anyway.
    pub async fn require(&self, id: &PatientId, patient: &Patient, action: &Action) -> Result<Vec<Reason>, ApiError> {
        match self.decide(id, patient, action).await? {
            Decision::Allow(reasons) => {
                if let Some(trail) = self.trail {
                    trail.patient(id).because(reasons.iter().map(Reason::code)).purpose(self.purpose);
                }
                Ok(reasons)
            }
            Decision::Deny(refusal) => {
                if let Some(trail) = self.trail {
                    trail.patient(id).purpose(self.purpose).denied(refusal.code());
                }
                let knows = self.decide(id, patient, &Action::Read(DataKind::Demographics)).await?.is_allowed();
                Err(refused(refusal, knows))
            }
        }
    }

    /// The chart, if this may be done with it.
    pub async fn open(&self, id: &PatientId, action: &Action) -> Result<OpenChart, ApiError> {
        let found = self.store.get(&PATIENTS, id.as_str()).await?;
        self.admit(id, found, action).await
    }

    /// A patient that was read with other documents, if this may be done with the record, and why: decided before its key
    /// is unwrapped.
    pub async fn allow(
        &self,
        id: &PatientId,
        found: Option<Doc<Patient>>,
        action: &Action,
    ) -> Result<(Patient, Vec<Reason>), ApiError> {
        let patient = self.known(id, found)?;
        let reasons = self.require(id, &patient, action).await?;
        Ok((patient, reasons))
    }

    /// A chart that was read with other documents, if this may be done with it.
    pub async fn admit(
        &self,
        id: &PatientId,
        found: Option<Doc<Patient>>,
        action: &Action,
    ) -> Result<OpenChart, ApiError> {
        let (patient, reasons) = self.allow(id, found, action).await?;
        let key = self.key(id).await?;
        Ok(OpenChart { id: id.clone(), patient, key, reasons })
    }

    /// The patient as a transaction reads it, if this may be done with the record: the commit fails, and the question is
    /// asked again, where the circle has changed by then.
    pub async fn enter(&self, tx: &Transaction, id: &PatientId, action: &Action) -> Result<Patient, ApiError> {
        let patient = self.known(id, tx.get(&PATIENTS, id.as_str()).await?)?;
        self.require(id, &patient, action).await?;
        Ok(patient)
    }

    /// The key of a chart. One that is destroyed leaves no chart.
    pub async fn key(&self, id: &PatientId) -> Result<SubjectKey, ApiError> {
        match self.app.vault.key(self.store, &Subject::Patient(id.clone())).await {
            Err(vault::Error::KeyMissing { .. }) => Err(no_patient()),
            found => Ok(found?),
        }
    }

    fn known(&self, id: &PatientId, found: Option<Doc<Patient>>) -> Result<Patient, ApiError> {
        if let Some(found) = found {
            return Ok(found.value);
        }
        if let Some(trail) = self.trail {
            trail.patient(id).denied("no-such-patient");
        }
        // An account that waits for verification is told so, whether or not there is such a patient.
        Err(if self.role.is_staff() && !self.verified { refused(Refusal::Unverified, false) } else { no_patient() })
    }

    /// Whether the patient is of age. Opens the birth date only where a child's proxy asks.
    async fn is_of_age_if_it_matters(&self, id: &PatientId, patient: &Patient) -> Result<bool, ApiError> {
        let is_for_asker = |grantee: &Grantee| match grantee {
            Grantee::User { user_id } => user_id == self.user,
            Grantee::Role { role } => *role == self.role,
            Grantee::CareTeam => true,
        };
        let consents = &patient.circle.consents;
        if !consents.iter().any(|c| c.proxy == Some(Proxy::Minor) && is_for_asker(&c.grantee)) {
            return Ok(false);
        }
        let key = self.key(id).await?;
        let policy = self.app.tenants.policy(self.tenant()).await?;
        is_of_age(&key, self.tenant(), id, patient, &policy, self.app.now())
    }
}

/// Whether a patient is of age by the tenant's rules.
pub fn is_of_age(
    key: &SubjectKey,
    tenant: &TenantId,
    id: &PatientId,
    patient: &Patient,
    policy: &TenantPolicy,
    at: Time,
) -> Result<bool, ApiError> {
    let place = ChartPlaces::of(tenant, id).date_of_birth();
    let born = key.open(&place, &patient.date_of_birth)?;
    // A date that cannot be read ends a child's proxy rather than prolonging it.
    let born: Option<BirthDate> = born.disclose().parse().ok();
    Ok(born.is_none_or(|born| born.is_of_age(policy.age_of_majority, at)))
}

fn refused(refusal: Refusal, knows: bool) -> ApiError {
    match refusal {
        Refusal::Unverified => ApiError::forbidden(
            "Your account waits for an administrator to verify it. Until then you can complete your profile.",
        ),
        _ if knows => ApiError::forbidden(message(refusal)).detail("reason", refusal.code()),
        _ => no_patient(),
    }
}

const fn message(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Unverified | Refusal::Deleted | Refusal::NoGround | Refusal::NotCovered => {
            "You may see this patient, but your role or the consents given do not go that far."
        }
        Refusal::Purpose => "Not for this purpose. See POST /api/v1/patients/{patientId}/consents/explain.",
        Refusal::NoAiConsent => {
            "No consent in force allows an AI to be used for this patient. Ask the patient for one."
        }
        Refusal::NoRecordingConsent => {
            "No consent in force allows recording for this patient. Ask the patient for one."
        }
        Refusal::NoChannelConsent => {
            "No consent in force allows this channel for this patient. Ask the patient for one."
        }
    }
}

fn no_patient() -> ApiError {
    ApiError::not_found("patient")
}
