//! Conversations and who takes part in them.

use std::collections::BTreeMap;

use kernel::{ChatId, PatientId, Role, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

use crate::message::MessageKind;

/// The most people who can be in one chat: the roster stays below a quarter of the store's 1 MiB document.
pub const MAX_MEMBERS: usize = 1000;

/// The most people a chat remembers, those who left included: below the store's limit with the longest names, since
/// who left without having written is forgotten first.
pub const MAX_REMEMBERED: usize = 1500;

/// What a chat is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
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

    /// Whether someone may change the chat.
    pub fn is_admin(&self, user: &UserId) -> bool {
        self.member(user).is_some_and(|member| member.admin)
    }

    /// Takes someone out at `at`. Where that leaves no admin, the one who has been in for longest becomes it.
    pub fn remove(&mut self, user: &UserId, at: Time) {
        if let Some(member) = self.members.get_mut(user) {
            member.left_at = Some(at);
            member.admin = false;
        }
        if self.admins().next().is_some() {
            return;
        }
        let heir = self.current_members().min_by_key(|(_, member)| member.joined_at).map(|(user, _)| user.clone());
        if let Some(member) = heir.and_then(|heir| self.members.get_mut(&heir)) {
            member.admin = true;
        }
    }

    /// Forgets people who left without having written, until there is room for one more. Says whether there is.
    pub fn make_room(&mut self) -> bool {
        while self.members.len() >= MAX_REMEMBERED {
            let idle = self.members.iter().find(|(_, member)| member.left_at.is_some() && member.sent == 0);
            let Some(idle) = idle.map(|(user, _)| user.clone()) else { return false };
            self.members.remove(&idle);
        }
        true
    }

    /// The chat's admins who are still in it.
    pub fn admins(&self) -> impl Iterator<Item = &UserId> {
        self.current_members().filter(|(_, member)| member.admin).map(|(user, _)| user)
    }
}

/// Chats, by chat id.
pub const CHATS: Collection<Chat> = Collection::top("chats", &[]);

/// The chat that two people have with each other: what makes it unique.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectChat {
    /// Which it is, or was, where that was deleted.
    pub chat_id: ChatId,
}

/// Direct chats, by the blind index of their two people.
pub const DIRECT_CHATS: Collection<DirectChat> = Collection::top("direct-chats", &[]);

/// The label of that blind index.
pub const DIRECT_INDEX: &str = "chat.direct";

/// What that blind index is made of: the two ids, in either order.
pub fn direct_pair(one: &UserId, other: &UserId) -> String {
    format!("{}|{}", one.min(other), one.max(other))
}

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
    Collection::below("chats", chat.as_str(), "log", &[]).expiring()
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

    fn chat_of(members: &[(&str, i64, u64)]) -> Chat {
        let at = Time::from_millis(0);
        let member = |joined: i64, sent| Member {
            name: Sealed::from_text(String::new()),
            role: Role::Nurse,
            admin: false,
            joined_at: Time::from_millis(joined),
            left_at: None,
            sent,
        };
        Chat {
            kind: ChatType::CareTeam,
            name: None,
            avatar: None,
            patient_id: None,
            phone_number: None,
            created_by: "a".parse().unwrap(),
            created_at: at,
            updated_at: at,
            deleted_at: None,
            message_seq: 0,
            log_seq: 0,
            last_message: None,
            members: members.iter().map(|(id, joined, sent)| (id.parse().unwrap(), member(*joined, *sent))).collect(),
        }
    }

    #[test]
    fn a_group_is_never_without_an_admin() {
        let mut chat = chat_of(&[("a", 1, 0), ("b", 3, 0), ("c", 2, 0)]);
        let id = |text: &str| text.parse::<UserId>().unwrap();
        chat.members.get_mut(&id("a")).unwrap().admin = true;
        chat.remove(&id("b"), Time::from_millis(9));
        assert_eq!(chat.admins().collect::<Vec<_>>(), [&id("a")]);
        chat.remove(&id("a"), Time::from_millis(9));
        assert_eq!(chat.admins().collect::<Vec<_>>(), [&id("c")], "the longest-standing one who is still in");
        chat.remove(&id("c"), Time::from_millis(9));
        assert_eq!(chat.current_members().count(), 0);
    }

    #[test]
    fn who_left_silently_is_forgotten_for_room() {
        let ids: Vec<String> = (0..MAX_REMEMBERED).map(|n| format!("u{n:04}")).collect();
        let mut chat = chat_of(&ids.iter().map(|id| (id.as_str(), 1, 0)).collect::<Vec<_>>());
        assert!(!chat.make_room());
        let writer = chat.members.get_mut(&"u0003".parse().unwrap()).unwrap();
        (writer.left_at, writer.sent) = (Some(Time::from_millis(5)), 1);
        assert!(!chat.make_room(), "messages still show the writer's name");
        chat.members.get_mut(&"u0007".parse().unwrap()).unwrap().left_at = Some(Time::from_millis(5));
        assert!(chat.make_room());
        assert_eq!(chat.members.len(), MAX_REMEMBERED - 1);
    }

    #[test]
    fn a_pair_has_no_order() {
        let id = |text: &str| text.parse::<UserId>().unwrap();
        assert_eq!(direct_pair(&id("b"), &id("a")), direct_pair(&id("a"), &id("b")));
    }

    #[test]
    fn staff_chats_admit_staff_only() {
        assert!(ChatType::InternalStaff.admits(Role::Nurse));
        assert!(!ChatType::InternalStaff.admits(Role::Patient));
        assert!(ChatType::CareTeam.admits(Role::Family));
    }
}
