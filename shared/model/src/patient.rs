//! Patients: who they are, and their circle, which says who may see the chart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kernel::{ChatId, EmergencyId, PatientId, Role, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::{Collection, Index, IndexField};

use crate::consent::{Consent, Grantee};

/// The longest emergency access.
pub const LONGEST_EMERGENCY: Duration = Duration::from_secs(4 * 3600);
/// The most consents that a circle holds at a time.
pub const MOST_CONSENTS: usize = 200;
/// When one comes of age, in years, unless the tenant says otherwise.
pub const AGE_OF_MAJORITY: u8 = 18;

/// A person's chart: the identity part of it. Sealed under the patient's key.
///
/// The document holds the circle, as a chat's holds its roster: one read tells whether someone may see the chart, a
/// transaction that writes to the chart is refused where the circle has changed, and `holders` finds the charts of
/// one person without reading others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Patient {
    /// Sealed: the name.
    pub name: Sealed,
    /// Sealed: the birth date, `YYYY-MM-DD`.
    pub date_of_birth: Sealed,
    /// Sealed: the medical record number.
    pub mrn: Sealed,
    /// Sealed: the rest of the identity part, as JSON.
    pub details: Sealed,
    /// The account of the patient, once tied.
    pub user_id: Option<UserId>,
    /// Who made the record.
    pub created_by: UserId,
    /// When.
    pub created_at: Time,
    /// When the identity part was last changed.
    pub updated_at: Time,
    /// When it was deleted.
    pub deleted_at: Option<Time>,
    /// The version of the identity part, from 1: the `ETag`.
    pub version: u32,
    /// Blind index: beginnings of the words of the name, the MRN and the telephone number.
    pub words: Vec<String>,
    /// Who may see it, and why.
    pub circle: Circle,
    /// Whom to look for in `circle`: derived from it by [`Patient::index_holders`] at every write.
    pub holders: Vec<String>,
}

/// The rest of a patient's identity part. Personal data: exists in memory only, and sealed in [`Patient::details`].
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PatientDetails {
    /// The postal address.
    pub address: Option<String>,
    /// The telephone number, in the international form.
    pub phone_number: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whom to call.
    pub emergency_contact: Option<String>,
    /// At which number.
    pub emergency_contact_phone: Option<String>,
    /// The blood group, such as `O+`.
    pub blood_type: Option<String>,
    /// The sex that clinical ranges go by: `female`, `male`, `other` or `unknown` (FHIR administrative gender).
    pub sex: Option<String>,
}

impl std::fmt::Debug for PatientDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PatientDetails(..)")
    }
}

/// Who has to do with a patient.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Circle {
    /// Staff with a care relationship.
    pub relations: BTreeMap<UserId, Relation>,
    /// The consents that are not over; all of them stand in [`crate::consent::consents`].
    pub consents: Vec<Consent>,
    /// The emergency accesses that are not over.
    pub emergencies: Vec<Emergency>,
}

/// A care relationship, by what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relation {
    /// The person made the record.
    pub created: bool,
    /// The person was assigned to the patient.
    pub assigned: Option<Assigned>,
    /// The Care Team chats about the patient that the person is in.
    pub chats: BTreeSet<ChatId>,
}

impl Relation {
    /// Whether nothing is left that it rests on.
    pub fn is_over(&self) -> bool {
        !self.created && self.assigned.is_none() && self.chats.is_empty()
    }
}

/// An assignment to a patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assigned {
    /// By whom.
    pub by: UserId,
    /// When.
    pub at: Time,
}

/// An emergency access ("breaking the glass").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Emergency {
    /// Its id: the review's too.
    pub id: EmergencyId,
    /// Who.
    pub user_id: UserId,
    /// From when.
    pub from: Time,
    /// Until when, at most [`LONGEST_EMERGENCY`] later.
    pub until: Time,
}

impl Patient {
    /// Brings `holders` to what the circle says, without what is over.
    pub fn index_holders(&mut self, now: Time) {
        self.circle.relations.retain(|_, relation| !relation.is_over());
        self.circle.consents.retain(|consent| !consent.is_over(now));
        self.circle.emergencies.retain(|emergency| now < emergency.until);
        let mut holders: BTreeSet<String> = self.circle.relations.keys().map(holder_of_user).collect();
        holders.extend(self.user_id.as_ref().map(holder_of_user));
        holders.extend(self.circle.emergencies.iter().map(|emergency| holder_of_user(&emergency.user_id)));
        for consent in &self.circle.consents {
            match &consent.grantee {
                Grantee::User { user_id } => holders.extend([holder_of_user(user_id)]),
                Grantee::Role { role } => holders.extend([holder_of_role(*role)]),
                // They have a relation of their own.
                Grantee::CareTeam => {}
            }
        }
        self.holders = holders.into_iter().collect();
    }

    /// Changes what someone's care relationship rests on.
    pub fn relate(&mut self, user: &UserId, change: impl FnOnce(&mut Relation)) {
        change(self.circle.relations.entry(user.clone()).or_default());
    }
}

/// How `holders` names a person.
pub fn holder_of_user(user: &UserId) -> String {
    format!("u:{user}")
}

/// How `holders` names all of a role.
pub fn holder_of_role(role: Role) -> String {
    format!("r:{role}")
}

/// Patients, by patient id.
pub const PATIENTS: Collection<Patient> = Collection::top("patients", INDEXES);

/// The composite indexes of patients: those that are not deleted, newest first.
pub const INDEXES: &[Index] = &[&[IndexField::Ascending("deletedAt"), IndexField::Descending("createdAt")]];

/// Who has an MRN: what makes it unique. The id is the MRN's blind index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MrnOwner {
    /// The patient.
    pub patient_id: PatientId,
}

/// Taken MRNs, by blind index.
pub const MRN_OWNERS: Collection<MrnOwner> = Collection::top("mrn-owners", &[]);

/// The label of the MRN's blind index.
pub const MRN_INDEX: &str = "patient.mrn";

/// The label of the blind index of [`Patient::words`].
pub const WORDS_INDEX: &str = "patient.words";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{Purpose, Scope};

    fn patient() -> Patient {
        let at = Time::from_millis(0);
        let sealed = || Sealed::from_text(String::new());
        Patient {
            name: sealed(),
            date_of_birth: sealed(),
            mrn: sealed(),
            details: sealed(),
            user_id: None,
            created_by: "d".parse().unwrap(),
            created_at: at,
            updated_at: at,
            deleted_at: None,
            version: 1,
            words: Vec::new(),
            circle: Circle::default(),
            holders: Vec::new(),
        }
    }

    fn consent(grantee: Grantee, until: i64) -> Consent {
        Consent {
            id: "k".parse().unwrap(),
            grantee,
            scope: Scope::WholeChart,
            purposes: vec![Purpose::Treatment],
            channels: Vec::new(),
            recording: false,
            ai_use: false,
            proxy: None,
            from: Time::from_millis(0),
            until: Some(Time::from_millis(until)),
            granted_by: "p".parse().unwrap(),
            granted_at: Time::from_millis(0),
            revoked: None,
        }
    }

    #[test]
    fn holders_are_those_whom_the_circle_names() {
        let id = |text: &str| text.parse::<UserId>().unwrap();
        let mut patient = patient();
        patient.user_id = Some(id("p"));
        patient.relate(&id("d"), |relation| relation.created = true);
        patient.relate(&id("gone"), |relation| assert!(relation.chats.insert("c".parse().unwrap())));
        patient.relate(&id("gone"), |relation| relation.chats.clear());
        patient.circle.consents = vec![
            consent(Grantee::User { user_id: id("f") }, 100),
            consent(Grantee::Role { role: Role::Nurse }, 100),
            consent(Grantee::CareTeam, 100),
            consent(Grantee::User { user_id: id("past") }, 50),
        ];
        let emergency = |user: &str, until| Emergency {
            id: "e".parse().unwrap(),
            user_id: id(user),
            from: Time::from_millis(0),
            until: Time::from_millis(until),
        };
        patient.circle.emergencies = vec![emergency("e1", 100), emergency("e2", 50)];
        patient.index_holders(Time::from_millis(50));
        assert_eq!(patient.holders, ["r:Nurse", "u:d", "u:e1", "u:f", "u:p"]);
        assert_eq!((patient.circle.relations.len(), patient.circle.consents.len()), (1, 3));
    }
}
