//! A change of the identity part, from whichever operation: decided, applied and versioned in one transaction.

use access::decision::{Action, Reason};
use charts::{Asking, ChartPlaces, OpenChart};
use kernel::{PatientId, UserId};
use model::consent::DataKind;
use model::patient::{MRN_OWNERS, MrnOwner, PATIENTS, Patient};
use serde::{Deserialize, Deserializer};
use store::Transaction;
use web::{ApiError, App, Caller};

use crate::assign::{assign, must_be_staff};
use crate::create_patient::taken_mrn;
use crate::identity::Identity;
use crate::if_match::IfMatch;
use crate::mrn::Mrn;

/// What changes; what is `None` stays. Checked already. `Some(None)` removes.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) name: Option<String>,
    pub(crate) mrn: Option<Mrn>,
    pub(crate) date_of_birth: Option<String>,
    pub(crate) blood_type: Option<Option<String>>,
    pub(crate) sex: Option<Option<String>>,
    pub(crate) assignee_ids: Option<Vec<UserId>>,
    pub(crate) contact: ContactChange,
}

/// The part of a change that patients and those who act for them make too.
#[derive(Default)]
pub(crate) struct ContactChange {
    pub(crate) address: Option<Option<String>>,
    pub(crate) phone_number: Option<Option<String>>,
    pub(crate) email: Option<Option<String>>,
    pub(crate) emergency_contact: Option<Option<String>>,
    pub(crate) emergency_contact_phone: Option<Option<String>>,
}

/// Changes a record that the caller has seen in this version, and answers it as it is then.
pub(crate) async fn change_patient(
    app: &App,
    caller: &Caller,
    id: &PatientId,
    seen: IfMatch,
    change: &Change,
) -> Result<(Patient, Identity), ApiError> {
    let asking = Asking::of(app, caller);
    let action = Action::Write(DataKind::Demographics);
    let blind = app.vault.blind_index(&caller.store).await?;
    let now = app.now();
    let changed = caller.store.transact("update-patient", async |tx| {
        let found = tx.get(&PATIENTS, id.as_str()).await?;
        let chart = asking.admit(id, found, &action).await?;
        change.must_be_for(caller, &chart)?;
        seen.must_be(chart.patient.version)?;
        // Decided first, so that nobody learns of the clinic's staff by a record that is not theirs.
        must_be_staff(&tx, change.assignee_ids.as_deref().unwrap_or_default()).await?;
        let mut identity = Identity::open(caller.tenant(), &chart)?;
        let former_mrn = identity.mrn.index(&blind);
        change.apply(&mut identity);
        take_mrn(&tx, id, &former_mrn, &identity.mrn.index(&blind)).await?;
        let OpenChart { mut patient, key, .. } = chart;
        if let Some(assignees) = &change.assignee_ids {
            assign(&mut patient, assignees, caller.user(), now);
        }
        identity.seal_into(&mut patient, &ChartPlaces::of(caller.tenant(), id), &key, &blind)?;
        patient.version += 1;
        patient.updated_at = now;
        patient.index_holders(now);
        tx.put(&PATIENTS, id.as_str(), &patient)?;
        Ok::<_, ApiError>((patient, identity))
    });
    changed.await
}

/// Gives the patient another MRN, if nobody has it. The former one, a mistake, is free for whom it belongs to.
async fn take_mrn(tx: &Transaction, id: &PatientId, former: &str, wanted: &str) -> Result<(), ApiError> {
    if former == wanted {
        return Ok(());
    }
    if tx.get(&MRN_OWNERS, wanted).await?.is_some() {
        return Err(taken_mrn());
    }
    tx.delete(&MRN_OWNERS, former);
    Ok(tx.create(&MRN_OWNERS, wanted, &MrnOwner { patient_id: id.clone() })?)
}

impl Change {
    /// Refuses what is not for this caller to change.
    ///
    /// Patients and those who act for them change contact details. Who is assigned is for staff with a care relationship
    /// and for admins: an emergency access or a consent alone must not make itself permanent.
    fn must_be_for(&self, caller: &Caller, chart: &OpenChart) -> Result<(), ApiError> {
        let is_staff = caller.principal.role.is_staff();
        let more = self.name.is_some()
            || self.mrn.is_some()
            || self.date_of_birth.is_some()
            || self.blood_type.is_some()
            || self.sex.is_some();
        if more && !is_staff {
            return Err(ApiError::forbidden(
                "You can change addresses, telephone numbers and the emergency contact. Ask the clinic to correct the rest.",
            ));
        }
        let may_assign = |reason: &Reason| {
            matches!(reason, Reason::Created | Reason::Assigned | Reason::CareTeamChat(_) | Reason::Admin)
        };
        if self.assignee_ids.is_some() && !(is_staff && chart.reasons.iter().any(may_assign)) {
            return Err(ApiError::forbidden(
                "assigneeIds: only staff with a care relationship to the patient, and admins, assign others.",
            )
            .detail("field", "assigneeIds"));
        }
        Ok(())
    }

    fn apply(&self, identity: &mut Identity) {
        let Identity { name, date_of_birth, mrn, details } = identity;
        set(name, self.name.as_ref());
        set(date_of_birth, self.date_of_birth.as_ref());
        set(mrn, self.mrn.as_ref());
        set(&mut details.blood_type, self.blood_type.as_ref());
        set(&mut details.sex, self.sex.as_ref());
        let contact = &self.contact;
        set(&mut details.address, contact.address.as_ref());
        set(&mut details.phone_number, contact.phone_number.as_ref());
        set(&mut details.email, contact.email.as_ref());
        set(&mut details.emergency_contact, contact.emergency_contact.as_ref());
        set(&mut details.emergency_contact_phone, contact.emergency_contact_phone.as_ref());
    }
}

fn set<T: Clone>(place: &mut T, wanted: Option<&T>) {
    if let Some(wanted) = wanted {
        place.clone_from(wanted);
    }
}

/// Reads a field that is there, so that `null` is told from a missing one: `null` is refused where `T` is no option,
/// and is `Some(None)` where it is one.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
