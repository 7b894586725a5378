//! Invitations to tie an account to a patient's record: a code that a clinician hands to somebody in person.

use std::time::Duration;

use kernel::{InvitationId, PatientId, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;
use utoipa::ToSchema;

/// For how long a code can be used.
pub const INVITATION_KEPT: Duration = Duration::from_secs(72 * 3600);
/// How many wrong codes one account may try in [`WRONG_CODES_COUNT`].
pub const MOST_WRONG_CODES: usize = 5;
/// For how long a wrong code counts.
pub const WRONG_CODES_COUNT: Duration = Duration::from_secs(3600);
/// The most invitations to one record at a time: an older one makes place for a new one.
pub const MOST_INVITATIONS: usize = 5;

/// Who somebody is to a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Relationship {
    /// The patient.
    #[serde(rename = "self")]
    Own,
    /// Who acts for a patient under age.
    Guardian,
}

impl Relationship {
    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "self",
            Self::Guardian => "guardian",
        }
    }
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// Its id, for the audit log.
    pub id: InvitationId,
    /// The code's blind index, with the patient in it.
    pub code_hash: String,
    /// As whom.
    pub relationship: Relationship,
    /// Who invited.
    pub invited_by: UserId,
    /// Until when the code can be used.
    pub expires_at: Time,
}

impl Invitation {
    /// Whether its code can be used at a moment.
    pub fn is_open(&self, at: Time) -> bool {
        at < self.expires_at
    }
}

/// The invitations to one record. One document, so that one read finds the one that a code belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invitations {
    /// Those that were not used, oldest first.
    pub open: Vec<Invitation>,
}

impl Invitations {
    /// Adds one. A new one for the patient's own account replaces the former.
    pub fn add(&mut self, invitation: Invitation, now: Time) {
        let replaced = invitation.relationship == Relationship::Own;
        self.open.retain(|one| one.is_open(now) && !(replaced && one.relationship == Relationship::Own));
        if self.open.len() >= MOST_INVITATIONS {
            self.open.remove(0);
        }
        self.open.push(invitation);
    }

    /// Takes out the one that this code belongs to. A code that belongs to none changes nothing: whoever guesses spoils
    /// no invitation of others, and is counted in [`WRONG_CODES`].
    pub fn redeem(&mut self, code_hash: &str, now: Time) -> Option<Invitation> {
        self.open.retain(|one| one.is_open(now));
        let found = self.open.iter().position(|one| one.code_hash == code_hash)?;
        Some(self.open.remove(found))
    }

    /// When none of them counts any more.
    pub fn expires_at(&self, now: Time) -> Time {
        self.open.iter().map(|one| one.expires_at).max().unwrap_or(now)
    }
}

/// The invitations, by patient id.
pub const INVITATIONS: Collection<Invitations> = Collection::top("patient-invitations", &[]).expiring();

/// The label of a code's blind index.
pub const CODE_INDEX: &str = "patient.invitation";

/// The wrong codes that an account has tried lately, whatever the record.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrongCodes {
    /// When, oldest first.
    pub at: Vec<Time>,
}

impl WrongCodes {
    /// How long the account has to wait for another try; `None`: not at all.
    pub fn wait(&self, now: Time) -> Option<Duration> {
        let counting: Vec<Time> = self.counting(now).collect();
        let first = *counting.get(counting.len().checked_sub(MOST_WRONG_CODES)?)?;
        Some(first.plus(WRONG_CODES_COUNT).since(now))
    }

    /// Counts another.
    pub fn add(&mut self, now: Time) {
        self.at = self.counting(now).collect();
        self.at.push(now);
    }

    fn counting(&self, now: Time) -> impl Iterator<Item = Time> {
        self.at.iter().copied().filter(move |at| now < at.plus(WRONG_CODES_COUNT))
    }
}

/// The wrong codes, by the id of the user who tried them.
pub const WRONG_CODES: Collection<WrongCodes> = Collection::top("wrong-invitation-codes", &[]).expiring();

/// Which record an account is tied to: what keeps it to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatientAccount {
    /// The record.
    pub patient_id: PatientId,
}

/// The records of accounts, by user id.
pub const PATIENT_ACCOUNTS: Collection<PatientAccount> = Collection::top("patient-accounts", &[]);

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation(code: &str, relationship: Relationship, expires_at: i64) -> Invitation {
        Invitation {
            id: "i".parse().unwrap(),
            code_hash: code.to_owned(),
            relationship,
            invited_by: "d".parse().unwrap(),
            expires_at: Time::from_millis(expires_at),
        }
    }

    #[test]
    fn a_code_is_used_once_and_in_time() {
        let at = Time::from_millis;
        let mut all = Invitations::default();
        all.add(invitation("a", Relationship::Own, 100), at(0));
        all.add(invitation("b", Relationship::Own, 100), at(0));
        all.add(invitation("c", Relationship::Guardian, 50), at(0));
        assert_eq!(all.redeem("a", at(0)), None, "replaced");
        assert_eq!(all.redeem("c", at(50)), None, "expired");
        assert_eq!(all.expires_at(at(50)), at(100));
        assert!(all.redeem("b", at(99)).is_some());
        assert_eq!(all.redeem("b", at(99)), None, "used");
        all.add(invitation("d", Relationship::Guardian, 200), at(99));
        for _ in 0..9 {
            assert_eq!(all.redeem("x", at(100)), None);
        }
        assert!(all.redeem("d", at(100)).is_some(), "wrong ones do it no harm");
        for n in 0..9 {
            all.add(invitation(&n.to_string(), Relationship::Guardian, 300), at(100));
        }
        assert_eq!(all.open.len(), MOST_INVITATIONS);
        assert!(all.redeem("8", at(101)).is_some() && all.redeem("3", at(101)).is_none());
    }

    #[test]
    fn an_account_tries_so_many_in_an_hour() {
        let at = |secs: i64| Time::from_millis(secs * 1000);
        let mut wrong = WrongCodes::default();
        for n in 0..5 {
            assert_eq!(wrong.wait(at(n)), None);
            wrong.add(at(n));
        }
        assert_eq!(wrong.wait(at(5)), Some(Duration::from_secs(3595)));
        assert_eq!(wrong.wait(at(3600)), None);
        wrong.add(at(3600));
        assert_eq!((wrong.wait(at(3600)), wrong.at.len()), (Some(Duration::from_secs(1)), 5));
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for relationship in [Relationship::Own, Relationship::Guardian] {
            assert_eq!(serde_json::to_value(relationship).unwrap(), relationship.name());
        }
    }
}
