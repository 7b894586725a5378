//! Accounts of people whom an outside issuer vouches for.

use kernel::{Role, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

/// Who an outside issuer's person is here: what makes the two one. The id is the blind index of issuer and subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutsideTie {
    /// The account.
    pub user_id: UserId,
    /// Whether the account follows the issuer's word: it does where it was made by it, not where it was there before.
    pub follows: bool,
    /// Blind index of what the issuer said when the account last followed it.
    pub heard: String,
    /// The role that the issuer last named, whatever role an administrator gave since.
    #[serde(default)]
    pub heard_role: Option<Role>,
    /// When the token was issued that said it. What an older one says is no news.
    pub heard_at: Time,
}

/// Ties, by blind index of issuer and subject.
pub const OUTSIDE_TIES: Collection<OutsideTie> = Collection::top("outside-ties", &[]);

/// The label of their blind index.
pub const TIES_INDEX: &str = "outside.subject";

/// The label of the blind index that is the id of a session of an outside token.
pub const SESSIONS_INDEX: &str = "outside.session";

/// The label of the blind index of what an issuer says.
pub const HEARD_INDEX: &str = "outside.heard";
