//! Consents: what a patient, or whoever acts for one, lets others do, with what, for what, and until when.

use kernel::{ChatId, ConsentId, PatientId, Role, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;
use utoipa::ToSchema;

/// For what somebody wants to see or use a chart (45 CFR 164.501 and 164.508 tell these apart).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Caring for the patient.
    #[default]
    Treatment,
    /// Arranging care between those who give it.
    CareCoordination,
    /// Charging for care.
    Billing,
    /// Studies. Only ever by consent.
    Research,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::Treatment, Self::CareCoordination, Self::Billing, Self::Research];

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Treatment => "treatment",
            Self::CareCoordination => "care-coordination",
            Self::Billing => "billing",
            Self::Research => "research",
        }
    }
}

/// A part of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DataKind {
    /// Name, birth date, MRN, addresses and contacts.
    Demographics,
    /// Diagnoses, and conditions that the patient reports.
    Diagnoses,
    /// Medications.
    Medications,
    /// Allergies.
    Allergies,
    /// Vital signs.
    Vitals,
    /// Clinical notes.
    Notes,
    /// Messages of the chats about the patient.
    Messages,
    /// Files.
    Files,
    /// Calls and their recordings.
    Calls,
}

impl DataKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Demographics,
        Self::Diagnoses,
        Self::Medications,
        Self::Allergies,
        Self::Vitals,
        Self::Notes,
        Self::Messages,
        Self::Files,
        Self::Calls,
    ];

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Demographics => "demographics",
            Self::Diagnoses => "diagnoses",
            Self::Medications => "medications",
            Self::Allergies => "allergies",
            Self::Vitals => "vitals",
            Self::Notes => "notes",
            Self::Messages => "messages",
            Self::Files => "files",
            Self::Calls => "calls",
        }
    }
}

/// A way to reach a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Text messages.
    Sms,
    /// WhatsApp.
    WhatsApp,
    /// E-mail.
    Email,
    /// Push notifications.
    Push,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 4] = [Self::Sms, Self::WhatsApp, Self::Email, Self::Push];

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::WhatsApp => "whatsapp",
            Self::Email => "email",
            Self::Push => "push",
        }
    }
}

/// Whom a consent is given to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "type", deny_unknown_fields)]
pub enum Grantee {
    /// One person.
    User {
        /// Who.
        #[serde(rename = "userId")]
        user_id: UserId,
    },
    /// Everyone of a role in the clinic whose account is verified.
    Role {
        /// Which.
        role: Role,
    },
    /// All staff with a care relationship to the patient.
    CareTeam,
}

/// What a consent is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "type", deny_unknown_fields)]
pub enum Scope {
    /// Everything in the chart.
    WholeChart,
    /// Parts of it.
    Kinds {
        /// Which.
        kinds: Vec<DataKind>,
    },
    /// One chat about the patient.
    Chat {
        /// Which.
        #[serde(rename = "chatId")]
        chat_id: ChatId,
    },
}

impl Scope {
    /// Whether a part of the chart is in it.
    pub fn covers(&self, kind: DataKind) -> bool {
        match self {
            Self::WholeChart => true,
            Self::Kinds { kinds } => kinds.contains(&kind),
            Self::Chat { .. } => false,
        }
    }

    /// Whether a chat about the patient is in it: one by name, or all of them with the messages.
    pub fn covers_chat(&self, chat: &ChatId) -> bool {
        match self {
            Self::Chat { chat_id } => chat_id == chat,
            _ => self.covers(DataKind::Messages),
        }
    }
}

/// A consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// To whom.
    pub grantee: Grantee,
    /// About what.
    pub scope: Scope,
    /// For what.
    pub purposes: Vec<Purpose>,
    /// Over which channels the grantee may reach the patient.
    pub channels: Vec<Channel>,
    /// Whether calls may be recorded.
    pub recording: bool,
    /// Whether an AI may work on it.
    pub ai_use: bool,
    /// Whether the grantee acts for the patient.
    pub proxy: Option<Proxy>,
    /// From when.
    pub from: Time,
    /// Until when; `None`: until it is revoked.
    pub until: Option<Time>,
    /// Who gave it.
    pub granted_by: UserId,
    /// When.
    pub granted_at: Time,
    /// Its end before its time.
    pub revoked: Option<Revoked>,
}

/// On whose behalf somebody acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Proxy {
    /// For an adult who wants it so.
    Adult,
    /// For a child, until it is of age.
    Minor,
}

/// The end of a consent before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revoked {
    /// When.
    pub at: Time,
    /// Who revoked it.
    pub by: UserId,
}

impl Consent {
    /// Whether it counts at a moment.
    pub fn is_in_force(&self, at: Time) -> bool {
        self.revoked.is_none() && self.from <= at && self.until.is_none_or(|until| at < until)
    }

    /// Whether it will never count again.
    pub fn is_over(&self, at: Time) -> bool {
        self.revoked.is_some() || self.until.is_some_and(|until| until <= at)
    }
}

/// All consents of a patient, those that are over too, by consent id. Those that are not over also stand in the
/// patient's circle, where decisions look.
pub fn consents(patient: &PatientId) -> Collection<Consent> {
    Collection::below("patients", patient.as_str(), "consents", &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent(from: i64, until: Option<i64>) -> Consent {
        Consent {
            id: "k1".parse().unwrap(),
            grantee: Grantee::CareTeam,
            scope: Scope::WholeChart,
            purposes: vec![Purpose::Treatment],
            channels: Vec::new(),
            recording: false,
            ai_use: false,
            proxy: None,
            from: Time::from_millis(from),
            until: until.map(Time::from_millis),
            granted_by: "u1".parse().unwrap(),
            granted_at: Time::from_millis(0),
            revoked: None,
        }
    }

    #[test]
    fn a_consent_holds_from_its_beginning_and_not_at_its_end() {
        let at = Time::from_millis;
        let timed = consent(10, Some(20));
        assert_eq!([9, 10, 19, 20].map(|t| timed.is_in_force(at(t))), [false, true, true, false]);
        assert_eq!([9, 19, 20].map(|t| timed.is_over(at(t))), [false, false, true]);
        let mut open = consent(0, None);
        assert!(open.is_in_force(at(i64::MAX)));
        open.revoked = Some(Revoked { at: at(5), by: "u1".parse().unwrap() });
        assert!(!open.is_in_force(at(1)) && open.is_over(at(1)), "whatever an instance's clock says");
    }

    #[test]
    fn scopes_cover_what_they_say() {
        let chat: ChatId = "c1".parse().unwrap();
        let one = Scope::Chat { chat_id: chat.clone() };
        assert!(one.covers_chat(&chat) && !one.covers_chat(&"c2".parse().unwrap()) && !one.covers(DataKind::Messages));
        let kinds = Scope::Kinds { kinds: vec![DataKind::Messages] };
        assert!(kinds.covers_chat(&chat) && !kinds.covers(DataKind::Vitals));
        assert!(DataKind::ALL.iter().all(|kind| Scope::WholeChart.covers(*kind)));
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for purpose in Purpose::ALL {
            assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.name());
        }
        for kind in DataKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for channel in Channel::ALL {
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.name());
        }
    }
}
