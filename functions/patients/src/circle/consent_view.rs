use std::collections::BTreeSet;

use kernel::{ConsentId, Time, UserId};
use model::consent::{Channel, Consent, Grantee, Proxy, Purpose, Revoked, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use super::people::{People, PersonView};

/// A consent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConsentView {
    /// Its id.
    pub(crate) id: ConsentId,
    /// To whom.
    grantee: Grantee,
    /// The name of the person it is given to, where it is given to one.
    #[schema(example = "Dr. Dana Reyes")]
    grantee_name: Option<String>,
    /// About what.
    scope: Scope,
    /// For what.
    purposes: Vec<Purpose>,
    /// Over which channels the patient may be reached.
    channels: Vec<Channel>,
    /// Whether calls may be recorded.
    recording: bool,
    /// Whether an AI may be used.
    ai_use: bool,
    /// Whether its holder acts for the patient: for an adult, or for a child until it is of age.
    proxy: Option<Proxy>,
    /// From when.
    from: Time,
    /// Until when; `null`: until it is revoked.
    until: Option<Time>,
    /// Who gave it.
    granted_by: PersonView,
    /// When.
    granted_at: Time,
    /// Its end before its time.
    revoked: Option<Revoked>,
    /// Where it stands now.
    state: ConsentState,
}

/// Where a consent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConsentState {
    /// It has not begun.
    Upcoming,
    /// It counts. One for a child's proxy counts only until the child is of age.
    Active,
    /// Its time is over.
    Ended,
    /// It was revoked.
    Revoked,
}

impl ConsentState {
    fn of(consent: &Consent, now: Time) -> Self {
        match consent {
            Consent { revoked: Some(_), .. } => Self::Revoked,
            _ if consent.is_over(now) => Self::Ended,
            _ if consent.is_in_force(now) => Self::Active,
            _ => Self::Upcoming,
        }
    }
}

impl ConsentView {
    /// A consent as it stands now, with the names that are known. A named disclosure.
    pub(crate) fn of(consent: Consent, people: &People, now: Time) -> Self {
        let state = ConsentState::of(&consent, now);
        let grantee_name = match &consent.grantee {
            Grantee::User { user_id } => people.name(user_id),
            Grantee::Role { .. } | Grantee::CareTeam => None,
        };
        Self {
            id: consent.id,
            grantee: consent.grantee,
            grantee_name,
            scope: consent.scope,
            purposes: consent.purposes,
            channels: consent.channels,
            recording: consent.recording,
            ai_use: consent.ai_use,
            proxy: consent.proxy,
            from: consent.from,
            until: consent.until,
            granted_by: people.show(&consent.granted_by),
            granted_at: consent.granted_at,
            revoked: consent.revoked,
            state,
        }
    }
}

/// The people whom consents name.
pub(crate) fn named_in<'a>(consents: impl IntoIterator<Item = &'a Consent>) -> BTreeSet<UserId> {
    let mut people = BTreeSet::new();
    for consent in consents {
        people.insert(consent.granted_by.clone());
        if let Grantee::User { user_id } = &consent.grantee {
            people.insert(user_id.clone());
        }
    }
    people
}
