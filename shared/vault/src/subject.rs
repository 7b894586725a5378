use std::fmt;

use kernel::{ChatId, PatientId, UserId};

/// Whose data key seals a field: the patient's, else the chat's, else the user's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A person in care: everything in their chart.
    Patient(PatientId),
    /// A conversation: its messages, files and calls.
    Chat(ChatId),
    /// A person with an account: name, address, notifications.
    User(UserId),
    /// The tenant itself: what belongs to nobody in particular, and the blind indexes.
    Tenant,
}

impl Subject {
    /// The id of the subject's key in [`crate::DATA_KEYS`].
    pub fn key_id(&self) -> String {
        match self {
            Self::Patient(id) => format!("patient_{id}"),
            Self::Chat(id) => format!("chat_{id}"),
            Self::User(id) => format!("user_{id}"),
            Self::Tenant => "tenant".to_owned(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_ids_tell_the_kind_apart() {
        assert_eq!(Subject::Chat("7".parse().unwrap()).key_id(), "chat_7");
        assert_eq!(Subject::User("7".parse().unwrap()).to_string(), "user_7");
        assert_eq!(Subject::Patient("tenant".parse().unwrap()).key_id(), "patient_tenant");
        assert_eq!(Subject::Tenant.key_id(), "tenant");
    }
}
