//! Administrators: who they are, and over whom. `SuperAdmin` stands over `ClinicAdmin`, that one over `Admin`, and these
//! over everybody else.
//!
//! An administrator gives roles up to the own one and changes accounts below it. So of a tenant's administrators the
//! highest ones stay out of each other's reach and out of their own: nobody can lock out the last one.

use axum::extract::FromRequestParts;
use http::request::Parts;
use kernel::{Role, UserId};
use model::user::{USERS, User};
use store::Transaction;
use web::{ApiError, App, Caller};

/// A caller who is a verified administrator. As an extractor it refuses all others.
pub(crate) struct Admin(pub(crate) Caller);

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = <Caller as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        if caller.principal.role.is_admin() && caller.principal.verified {
            return Ok(Self(caller));
        }
        caller.trail.action("user.administer").denied("no-administrator");
        Err(ApiError::forbidden("Only administrators of the clinic may do this."))
    }
}

const fn rank(role: Role) -> u8 {
    match role {
        Role::SuperAdmin => 3,
        Role::ClinicAdmin => 2,
        Role::Admin => 1,
        _ => 0,
    }
}

/// Refuses a role above the giver's own.
pub(crate) fn may_give(own: Role, role: Role) -> Result<(), ApiError> {
    if rank(role) <= rank(own) {
        return Ok(());
    }
    Err(ApiError::forbidden(format!("{role} is above your own role, {own}, so you cannot give it."))
        .detail("field", "role"))
}

/// The role of an administrator as it is by the commit.
pub(crate) async fn own_role(caller: &Caller, tx: &Transaction) -> Result<Role, ApiError> {
    let own = tx.get(&USERS, caller.user().as_str()).await?.map(|doc| doc.value);
    own.filter(is_admin).map(|own| own.role).ok_or_else(changed)
}

fn is_admin(user: &User) -> bool {
    user.may_sign_in() && user.verified && user.role.is_admin()
}

fn changed() -> ApiError {
    ApiError::unauthorized("Your own account has changed. Sign in again.")
}

/// The account that an administrator wants to change, after the administrator's role, read with the administrator's own, so that neither has changed by
/// the commit. Refuses accounts of the same or a higher rank.
pub(crate) async fn below(caller: &Caller, tx: &Transaction, id: &UserId) -> Result<(Role, User), ApiError> {
    let ids = [caller.user().as_str().to_owned(), id.as_str().to_owned()];
    let mut found = tx.get_many(&USERS, &ids).await?.into_iter().map(|doc| doc.map(|doc| doc.value));
    let (own, other) = (found.next().flatten(), found.next().flatten());
    let own = own.filter(is_admin).ok_or_else(changed)?;
    let other = other.ok_or_else(|| ApiError::not_found("user"))?;
    if rank(other.role) >= rank(own.role) {
        caller.trail.denied("rank");
        let told = if id == caller.user() {
            "You cannot change your own account's role or state; ask an administrator above you.".to_owned()
        } else {
            format!("{} is not below your own role, {}, so you cannot change this account.", other.role, own.role)
        };
        return Err(ApiError::forbidden(told));
    }
    Ok((own.role, other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_more_than_they_have() {
        for own in Role::ALL.into_iter().filter(|role| role.is_admin()) {
            for role in Role::ALL {
                let above = match own {
                    Role::SuperAdmin => false,
                    Role::ClinicAdmin => role == Role::SuperAdmin,
                    _ => matches!(role, Role::SuperAdmin | Role::ClinicAdmin),
                };
                assert_eq!(may_give(own, role).is_err(), above, "{own} gives {role}");
            }
        }
    }
}
