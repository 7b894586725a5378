use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a user is in the tenant. The names are those of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Role {
    /// Runs the installation, over all tenants.
    SuperAdmin,
    /// Runs a clinic.
    ClinicAdmin,
    /// Runs a tenant's accounts.
    Admin,
    /// A physician.
    Doctor,
    /// A nurse.
    Nurse,
    /// A medical assistant.
    Assistant,
    /// The front desk.
    Receptionist,
    /// A pharmacist.
    Pharmacist,
    /// A person in care.
    Patient,
    /// A relative of a person in care.
    Family,
}

/// The text given is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a role is one of SuperAdmin, ClinicAdmin, Admin, Doctor, Nurse, Assistant, Receptionist, Pharmacist, Patient, Family"
)]
pub struct InvalidRole;

impl Role {
    /// Every role.
    pub const ALL: [Self; 10] = [
        Self::SuperAdmin,
        Self::ClinicAdmin,
        Self::Admin,
        Self::Doctor,
        Self::Nurse,
        Self::Assistant,
        Self::Receptionist,
        Self::Pharmacist,
        Self::Patient,
        Self::Family,
    ];

    /// The role's name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SuperAdmin => "SuperAdmin",
            Self::ClinicAdmin => "ClinicAdmin",
            Self::Admin => "Admin",
            Self::Doctor => "Doctor",
            Self::Nurse => "Nurse",
            Self::Assistant => "Assistant",
            Self::Receptionist => "Receptionist",
            Self::Pharmacist => "Pharmacist",
            Self::Patient => "Patient",
            Self::Family => "Family",
        }
    }

    /// Administers accounts.
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::SuperAdmin | Self::ClinicAdmin | Self::Admin)
    }

    /// Cares for patients.
    pub const fn is_clinical(self) -> bool {
        matches!(self, Self::Doctor | Self::Nurse | Self::Assistant | Self::Pharmacist)
    }

    /// Works at the clinic, in care or not. An admin has to verify such an account before it sees personal data.
    pub const fn is_staff(self) -> bool {
        self.is_admin() || self.is_clinical() || matches!(self, Self::Receptionist)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = InvalidRole;
    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or(InvalidRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_wire() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert_eq!("doctor".parse::<Role>(), Err(InvalidRole));
    }
}
