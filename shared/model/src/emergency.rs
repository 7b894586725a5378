//! Emergency accesses ("breaking the glass") and what becomes of them: each is reviewed by someone else.

use kernel::{PatientId, Role, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::{Collection, Index, IndexField};
use utoipa::ToSchema;

/// The review of an emergency access. The access itself stands in the patient's circle until it ends; this stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmergencyReview {
    /// Whose record was opened.
    pub patient_id: PatientId,
    /// Who opened it.
    pub user_id: UserId,
    /// As what.
    pub role: Role,
    /// Sealed under the patient's key: why, as the one who opened it said.
    pub reason: Sealed,
    /// From when.
    pub from: Time,
    /// Until when: earlier than was asked for where the review ended it.
    pub until: Time,
    /// What became of it.
    pub state: ReviewState,
    /// Who said so.
    pub reviewer: Option<UserId>,
    /// When.
    pub reviewed_at: Option<Time>,
    /// Sealed under the patient's key: what the reviewer said about it.
    pub comment: Option<Sealed>,
}

/// What became of an emergency access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewState {
    /// Nobody has reviewed it yet.
    Waiting,
    /// It was right.
    Justified,
    /// It was not.
    NotJustified,
}

impl ReviewState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Justified, Self::NotJustified];

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Justified => "justified",
            Self::NotJustified => "not-justified",
        }
    }
}

/// All reviews, by [`kernel::EmergencyId`].
pub const REVIEWS: Collection<EmergencyReview> = Collection::top("break-glass-reviews", INDEXES);

/// The composite indexes of reviews: those of a state, newest first.
pub const INDEXES: &[Index] = &[&[IndexField::Ascending("state"), IndexField::Descending("from")]];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_wire() {
        for state in ReviewState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
}
