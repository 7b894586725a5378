//! Conversations and who takes part in them.

use std::collections::BTreeMap;

use kernel::{ChatId, PatientId, Role, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

use crate::message::MessageKind;

/// The most people who can be in one chat: the roster stays below a quarter of the store's 1 MiB document.
pub const MAX_MEMBERS: usize = 1000;

/// What a chat is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChatType {
    /// Two people.
    Direct,
    /// Those who care for a patient.
    #[serde(rename = "Care Team")]
    CareTeam,
    /// A patient's relatives and their clinicians.
    #[serde(rename = "Family Update")]
    FamilyUpdate,
    /// Staff only.
    #[serde(rename = "Internal Staff")]
    InternalStaff,
    /// Only chat admins write.
    Broadcast,
    /// Bridged to a telephone number.
    #[serde(rename = "SMS")]
    Sms,
}

impl ChatType {
    /// Every type.
    pub const ALL: [Self; 6] =
        [Self::Direct, Self::CareTeam, Self::FamilyUpdate, Self::InternalStaff, Self::Broadcast, Self::Sms];

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "Direct",
            Self::CareTeam => "Care Team",
            Self::FamilyUpdate => "Family Update",
            Self::InternalStaff => "Internal Staff",
            Self::Broadcast => "Broadcast",
            Self::Sms => "SMS",
        }
    }

    /// Whether a person of this role may take part.
    pub const fn admits(self, role: Role) -> bool {
        match self {
            Self::InternalStaff => role.is_staff(),
            _ => true,
        }
    }
}

/// A conversation. Sealed under the chat's key.
///
/// The document holds the roster, so that one read tells whether someone may take part, and the counters from which
/// everyone's unread count follows; it is rewritten with every message, which bounds a chat to the store's sustained
/// rate for one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chat {
    /// What it is for.
    pub kind: ChatType,
    /// Sealed: its name; a Direct chat without one is named after the other person.
    pub name: Option<Sealed>,
    /// Where its picture is.
    pub avatar: Option<String>,
    /// The patient it is about.
    pub patient_id: Option<PatientId>,
    /// Sealed: the telephone number of an SMS chat.
    pub phone_number: Option<Sealed>,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Time,
    /// When its name, picture or roster last changed.
    pub updated_at: Time,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Time>,
    /// The number of the last message; messages count from 1 without gaps.
    pub message_seq: u64,
    /// The number of the last entry in the chat's log.
    pub log_seq: u64,
    /// The last message, for lists.
    pub last_message: Option<LastMessage>,
    /// Everyone who is or was in the chat.
    pub members: BTreeMap<UserId, Member>,
}

/// The last message of a chat, for lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastMessage {
    /// Which it is.
    pub seq: u64,
    /// Who sent it.
    pub sender: UserId,
    /// Of which kind.
    pub kind: MessageKind,
    /// Sealed: its beginning; `None` once deleted.
    pub preview: Option<Sealed>,
    /// When it was sent.
    pub at: Time,
}

/// Someone in a chat's roster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Sealed under the chat's key: the person's name, so that a page of messages needs no other reads.
    pub name: Sealed,
    /// The person's role when last looked up.
    pub role: Role,
    /// Whether the person may change the chat.
    pub admin: bool,
    /// When the person came in.
    pub joined_at: Time,
    /// When the person left, if so.
    pub left_at: Option<Time>,
    /// How many messages the person has sent, which never count as unread.
    pub sent: u64,
}

impl Chat {
    /// The entry of someone who takes part now.
    pub fn member(&self, user: &UserId) -> Option<&Member> {
        self.members.get(user).filter(|member| member.left_at.is_none())
    }

    /// Everyone who takes part now.
    pub fn current_members(&self) -> impl Iterator<Item = (&UserId, &Member)> {
        self.members.iter().filter(|(_, member)| member.left_at.is_none())
    }

    /// Whether someone may send messages.
    pub fn may_send(&self, user: &UserId) -> bool {
        self.member(user).is_some_and(|member| self.kind != ChatType::Broadcast || member.admin)
    }

    /// The chat's admins who are still in it.
    pub fn admins(&self) -> impl Iterator<Item = &UserId> {
        self.current_members().filter(|(_, member)| member.admin).map(|(user, _)| user)
    }
}

/// Chats, by chat id.
pub const CHATS: Collection<Chat> = Collection::top("chats", &[]);

/// An entry in a chat's log: what happened, in order, for live delivery. Kept for eight days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// What happened.
    pub what: Happening,
    /// Who did it.
    pub by: UserId,
    /// When.
    pub at: Time,
}

/// What happens in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum Happening {
    /// The chat was made, or given a new name or picture.
    ChatChanged,
    /// The chat was deleted.
    ChatDeleted,
    /// Someone came in.
    MemberAdded {
        /// Who.
        user: UserId,
    },
    /// Someone left or was removed. That person is told too.
    MemberRemoved {
        /// Who.
        user: UserId,
    },
    /// A message was sent.
    MessageSent {
        /// Which.
        seq: u64,
    },
    /// A message was edited.
    MessageEdited {
        /// Which.
        seq: u64,
    },
    /// A message was deleted.
    MessageDeleted {
        /// Which.
        seq: u64,
    },
}

/// A chat's log, by entry number (see [`sequence_id`]).
pub fn log(chat: &ChatId) -> Collection<LogEntry> {
    Collection::below("chats", chat.as_str(), "log", &[])
}

/// The document id of a number: ten digits, so that ids sort as numbers do.
pub fn sequence_id(seq: u64) -> String {
    format!("{seq:010}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_names_of_the_api() {
        for kind in ChatType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    #[test]
    fn staff_chats_admit_staff_only() {
        assert!(ChatType::InternalStaff.admits(Role::Nurse));
        assert!(!ChatType::InternalStaff.admits(Role::Patient));
        assert!(ChatType::CareTeam.admits(Role::Family));
    }
}
