//! A clinician invites somebody to tie an account to a patient's record.

use access::decision::{Action, Reason};
use axum::response::{IntoResponse, Response};
use charts::{Asking, OpenChart, is_of_age};
use http::StatusCode;
use kernel::{InvitationId, PatientId, Random, RandomExt, Time};
use model::consent::DataKind;
use model::invitation::{CODE_INDEX, INVITATION_KEPT, INVITATIONS, Invitation, Relationship};
use model::patient::PATIENTS;
use serde::Serialize;
use utoipa::ToSchema;
use vault::BlindIndex;
use web::{ApiError, App, Caller, Code, Json, NotKept};

/// What codes are made of: no letter or digit that looks like another.
const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How long a code is: 30^10 codes, over 590 million million.
const CODE_LENGTH: usize = 10;

/// A code to hand to somebody in person.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvitationView {
    /// The code. It is shown once.
    #[schema(example = "7K3M9QXA2B")]
    code: String,
    /// Until when it can be used.
    expires_at: Time,
    /// As whom.
    relationship: Relationship,
}

/// Makes an invitation, by a clinician with a care relationship.
pub(crate) async fn invite(
    app: &App,
    caller: &Caller,
    id: &PatientId,
    relationship: Relationship,
) -> Result<Response, ApiError> {
    caller.trail.action("patient.invite").entity("patient", id);
    caller.must_see_phi()?;
    if !caller.principal.role.is_clinical() {
        caller.trail.denied("not-a-clinician");
        return Err(ApiError::forbidden("Only clinicians can make a code. If you were given one, send it as code."));
    }
    let asking = Asking::of(app, caller);
    let action = Action::Write(DataKind::Demographics);
    let chart = asking.open(id, &action).await?;
    must_be_in_care(caller, &chart)?;
    must_fit(app, caller, &chart, relationship).await?;
    let code = make_code(app.random.as_ref());
    let now = app.now();
    let invitation = Invitation {
        id: InvitationId::generate(app.random.as_ref()),
        code_hash: hash_of(&app.vault.blind_index(&caller.store).await?, id, &code),
        relationship,
        invited_by: caller.user().clone(),
        expires_at: now.plus(INVITATION_KEPT),
    };
    caller.trail.entity("invitation", &invitation.id);
    let write = caller.store.transact("invite-user", async |tx| {
        let found = tx.get(&PATIENTS, id.as_str()).await?;
        must_be_in_care(caller, &asking.admit(id, found, &action).await?)?;
        let mut all = tx.get(&INVITATIONS, id.as_str()).await?.map(|doc| doc.value).unwrap_or_default();
        all.add(invitation.clone(), now);
        Ok::<_, ApiError>(tx.put_until(&INVITATIONS, id.as_str(), &all, all.expires_at(now))?)
    });
    write.await?;
    let view = InvitationView { code, expires_at: invitation.expires_at, relationship };
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    // The code is shown once, and stored nowhere.
    response.extensions_mut().insert(NotKept);
    Ok(response)
}

/// A code makes an access that lasts: an emergency or a consent alone must not make one.
fn must_be_in_care(caller: &Caller, chart: &OpenChart) -> Result<(), ApiError> {
    if is_in_care(&chart.reasons) {
        return Ok(());
    }
    caller.trail.denied("not-in-care");
    Err(ApiError::forbidden(
        "Only clinicians with a care relationship to the patient make a code: who made the record, is assigned to the \
         patient, or is in a Care Team chat about the patient. A consent or an emergency is not enough.",
    ))
}

/// Whether one of these reasons is a care relationship.
pub(crate) fn is_in_care(reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| matches!(reason, Reason::Created | Reason::Assigned | Reason::CareTeamChat(_)))
}

/// A record has one account of its own, and only a child has a guardian.
async fn must_fit(app: &App, caller: &Caller, chart: &OpenChart, relationship: Relationship) -> Result<(), ApiError> {
    match relationship {
        Relationship::Own if chart.patient.user_id.is_some() => {
            Err(ApiError::new(Code::DuplicateEntry, "The record is tied to an account already.")
                .detail("field", "relationship"))
        }
        Relationship::Own => Ok(()),
        Relationship::Guardian => {
            let policy = app.tenants.policy(caller.tenant()).await?;
            if !is_of_age(&chart.key, caller.tenant(), &chart.id, &chart.patient, &policy, app.now())? {
                return Ok(());
            }
            let message = "relationship: the patient is of age, and chooses who acts for them: by POST \
                           /api/v1/patients/{patientId}/consents with proxy, from the patient's own account";
            Err(ApiError::field("relationship", message))
        }
    }
}

fn make_code(random: &dyn Random) -> String {
    let letter = || ALPHABET[random.below(u32::try_from(ALPHABET.len()).unwrap_or(0)) as usize];
    std::iter::repeat_with(letter).take(CODE_LENGTH).map(char::from).collect()
}

/// What is stored of a code: of no use at another record, or without the tenant's key. Case and dashes do not matter.
pub(crate) fn hash_of(blind: &BlindIndex, patient: &PatientId, code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    blind.exact(CODE_INDEX, &format!("{patient}:{}", plain.to_ascii_uppercase()))
}
