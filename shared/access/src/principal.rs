use kernel::{Role, SessionId, TenantId, UserId};

/// Who is asking, as an access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The account.
    pub user: UserId,
    /// The tenant that the account belongs to, and the only one that it may reach.
    pub tenant: TenantId,
    /// What the user is there.
    pub role: Role,
    /// The sign-in that this comes from.
    pub session: SessionId,
    /// Whether an admin has verified the account.
    pub verified: bool,
}

impl Principal {
    /// Whether this account may see personal data at all; whose is a decision of its own. Anyone can register as staff,
    /// so a staff account has to be verified first.
    pub const fn may_see_phi(&self) -> bool {
        self.verified || !self.role.is_staff()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_staff_accounts_wait_for_verification() {
        for role in Role::ALL {
            let mut principal = Principal {
                user: "u1".parse().unwrap(),
                tenant: "clinic".parse().unwrap(),
                role,
                session: "s1".parse().unwrap(),
                verified: false,
            };
            let waits = !matches!(role, Role::Patient | Role::Family);
            assert_eq!(principal.may_see_phi(), !waits, "{role}");
            principal.verified = true;
            assert!(principal.may_see_phi(), "{role}");
        }
    }
}
