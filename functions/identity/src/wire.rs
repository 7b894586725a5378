//! Wire types that several operations share.

use kernel::{Role, UserId};
use model::user::User;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use web::ApiError;

use crate::accounts::AccountKey;

/// An account, as whoever signs in to it sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountSummary {
    /// The user's id.
    id: UserId,
    /// The e-mail address, in lower case.
    #[schema(example = "john@example.com")]
    email: String,
    /// The name that others see.
    #[schema(example = "John Doe")]
    name: String,
    /// What the user is in this clinic.
    #[schema(example = "Doctor")]
    role: Role,
}

impl AccountSummary {
    /// Discloses an account to its owner.
    pub(crate) fn open(key: &AccountKey<'_>, user: &User) -> Result<Self, ApiError> {
        Ok(Self {
            id: key.user().clone(),
            email: key.open("email", &user.email)?.into_disclosed(),
            name: key.open("name", &user.name)?.into_disclosed(),
            role: user.role,
        })
    }
}

/// That it was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Succeeded {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
}

/// That it was done.
pub(crate) const SUCCEEDED: Succeeded = Succeeded { success: true };

/// Reads a field that is there, so that `null` is told from a missing one: `null` is refused where `T` is no option,
/// and is `Some(None)` where it is one.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
