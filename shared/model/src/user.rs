//! Accounts.

use kernel::{Role, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

use crate::sign_in::SignIn;

/// A person's account. Sealed under the user's own key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Sealed: the folded e-mail address.
    pub email: Sealed,
    /// Sealed: the name that others see.
    pub name: Sealed,
    /// Sealed: the telephone number.
    pub phone_number: Option<Sealed>,
    /// A professional title, such as "MD".
    pub title: Option<String>,
    /// Which image is the avatar: the last part of its blob's name.
    pub avatar: Option<String>,
    /// What the person is in this tenant.
    pub role: Role,
    /// Whether an admin has verified a staff account. Patients and families are verified from the start.
    pub verified: bool,
    /// Whether the account can sign in.
    pub active: bool,
    /// The password's hash, Argon2id or, from an older system, bcrypt.
    pub password_hash: String,
    /// When the account was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// When someone last signed in to it.
    pub last_login_at: Option<Time>,
    /// What it knows of signing in, beside the password.
    #[serde(default)]
    pub sign_in: SignIn,
    /// When it was deleted. It stays, closed, since charts and chats name it.
    #[serde(default)]
    pub deleted_at: Option<Time>,
    /// Blind index: beginnings of the words of the name and of the address.
    #[serde(default)]
    pub words: Vec<String>,
}

impl User {
    /// Whether a sign-in may succeed.
    pub const fn may_sign_in(&self) -> bool {
        self.active
    }

    /// Whether a password or a code of ours may sign in, or be given: not where an outside issuer made the account.
    pub const fn may_sign_in_here(&self) -> bool {
        self.may_sign_in() && !self.sign_in.outside
    }

    /// Whether an outside issuer's word is not enough to open this account, which was here before: it would lead past a
    /// second factor, or to an administrator's rights.
    pub const fn is_guarded(&self) -> bool {
        self.role.is_admin() || self.sign_in.mfa.is_some()
    }

    /// Whether the person has shown that the address is theirs.
    pub const fn email_is_verified(&self) -> bool {
        self.sign_in.email_verified_at.is_some()
    }

    /// Whether the person may see personal data of others: staff accounts only once verified.
    pub const fn may_see_phi(&self) -> bool {
        self.active && (self.verified || !self.role.is_staff())
    }
}

/// All accounts, by user id.
pub const USERS: Collection<User> = Collection::top("users", &[]);

/// Who has an e-mail address: what makes it unique. The id is the address's blind index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmailOwner {
    /// The account.
    pub user_id: UserId,
}

/// Taken e-mail addresses, by blind index.
pub const EMAIL_OWNERS: Collection<EmailOwner> = Collection::top("email-owners", &[]);

/// The label of the blind index of [`User::words`].
pub const WORDS_INDEX: &str = "user.words";

/// The label of the e-mail's blind index.
pub const EMAIL_INDEX: &str = "user.email";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_sees_personal_data_once_verified() {
        let user = |role, verified, active| User {
            email: Sealed::from_text(String::new()),
            name: Sealed::from_text(String::new()),
            phone_number: None,
            title: None,
            avatar: None,
            role,
            verified,
            active,
            password_hash: String::new(),
            created_at: Time::from_millis(0),
            updated_at: Time::from_millis(0),
            last_login_at: None,
            sign_in: SignIn::default(),
            deleted_at: None,
            words: Vec::new(),
        };
        for role in Role::ALL {
            let waits = !matches!(role, Role::Patient | Role::Family);
            assert_eq!(user(role, false, true).may_see_phi(), !waits, "{role}");
            assert!(user(role, true, true).may_see_phi(), "{role}");
            assert!(!user(role, true, false).may_see_phi(), "{role}: closed");
        }
    }
}
