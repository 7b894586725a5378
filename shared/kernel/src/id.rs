//! Typed ids. On the wire an id is an opaque string of 1 to 80 letters, digits, `-` and `_`; anything else is refused
//! while it is parsed, so that an id can stand in a storage path, a log line or a URL as it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Random, RandomExt};

/// The longest id accepted, in characters.
pub const MAX_ID_LENGTH: usize = 80;

/// The text given is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to {MAX_ID_LENGTH} letters, digits, '-' or '_'")]
pub struct InvalidId;

fn check(text: &str) -> Result<(), InvalidId> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    // "__x__" is a name that Firestore keeps for itself.
    let reserved = text.starts_with("__") && text.ends_with("__");
    if text.is_empty() || text.len() > MAX_ID_LENGTH || reserved || !text.bytes().all(allowed) {
        return Err(InvalidId);
    }
    Ok(())
}

fn id_schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .min_length(Some(1))
        .max_length(Some(MAX_ID_LENGTH))
        .pattern(Some("^[A-Za-z0-9_-]+$"))
        .into()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A new random id (UUID version 4), so that ids spread over a whole collection.
            pub fn generate(random: &dyn Random) -> Self {
                Self(random.uuid().to_string())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id's text, without a copy.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                check(&text)?;
                Ok(Self(text))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::try_from(text).map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                id_schema()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

ids! {
    /// One clinic or group of clinics with a database of its own.
    TenantId,
    /// A person with an account.
    UserId,
    /// A person's chart.
    PatientId,
    /// A conversation.
    ChatId,
    /// A message; made by `model::chat::message_id`, so that it tells its chat.
    MessageId,
    /// A sign-in on one device.
    SessionId,
    /// All refresh tokens that descend from one sign-in.
    FamilyId,
    /// An in-app notification.
    NotificationId,
    /// A message to a person outside of the application: an e-mail, an SMS.
    OutgoingId,
    /// A code for signing in that was asked for.
    OtpRequestId,
    /// A clinical note.
    NoteId,
    /// A scribe job.
    JobId,
    /// A domain event.
    EventId,
    /// An entry of the audit log.
    AuditId,
    /// A consent in a patient's chart.
    ConsentId,
    /// An emergency access to a patient's chart.
    EmergencyId,
    /// An invitation to tie a user to a patient's chart.
    InvitationId,
    /// A postal address of a user.
    AddressId,
    /// An item of a patient's chart: a diagnosis, a medication, an allergy, a condition, a set of vitals.
    ChartItemId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_text_is_an_id() {
        for good in ["a", "4b0c-9_Z", &"x".repeat(80)] {
            assert_eq!(good.parse::<ChatId>().unwrap().as_str(), good);
        }
        for bad in ["", "a/b", "a.b", "..", "é", "a b", "a\n", "__all__", &"x".repeat(81)] {
            assert_eq!(bad.parse::<ChatId>(), Err(InvalidId), "{bad:?}");
        }
    }

    #[test]
    fn a_bad_id_in_json_names_the_rule() {
        let error = serde_json::from_str::<UserId>("\"../x\"").unwrap_err().to_string();
        assert!(error.contains("letters, digits"), "{error}");
    }
}
