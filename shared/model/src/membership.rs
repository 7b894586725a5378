//! One person's view of one chat.

use kernel::{ChatId, PatientId, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

use crate::chat::{Chat, ChatType};

/// How many moves of a read mark are kept, to tell when a message was read.
const KEPT_MARKS: usize = 50;

/// What a member has set for a chat and how far the member has read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// The chat.
    pub chat_id: ChatId,
    /// The member.
    pub user_id: UserId,
    /// The chat's type, to list by.
    pub kind: ChatType,
    /// The patient whose key seals the chat, if one does.
    pub patient_id: Option<PatientId>,
    /// Whether the member is in the chat now.
    pub active: bool,
    /// Kept at the top of the member's list.
    pub pinned: bool,
    /// No notifications.
    pub muted: bool,
    /// Out of the member's usual list.
    pub archived: bool,
    /// All messages up to this number are read.
    pub read_seq: u64,
    /// How many of those the member sent.
    pub read_own: u64,
    /// All messages up to this number have reached a device.
    pub delivered_seq: u64,
    /// When the delivery mark last moved.
    pub delivered_at: Option<Time>,
    /// The last moves of the read mark, oldest first.
    pub marks: Vec<ReadMark>,
}

/// A move of the read mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadMark {
    /// To this message.
    pub seq: u64,
    /// When.
    pub at: Time,
}

impl Membership {
    /// The membership of someone who comes in now; what was said before does not count as unread.
    pub fn new(chat_id: ChatId, user_id: UserId, chat: &Chat) -> Self {
        let own_sent = chat.members.get(&user_id).map_or(0, |member| member.sent);
        let message_seq = chat.message_seq;
        Self {
            chat_id,
            user_id,
            kind: chat.kind,
            patient_id: chat.patient_id.clone(),
            active: true,
            pinned: false,
            muted: false,
            archived: false,
            read_seq: message_seq,
            read_own: own_sent,
            delivered_seq: message_seq,
            delivered_at: None,
            marks: Vec::new(),
        }
    }

    /// The membership of someone who comes back: as new, with what the member had set.
    #[must_use]
    pub fn again(self, chat: &Chat) -> Self {
        let (pinned, muted) = (self.pinned, self.muted);
        Self { pinned, muted, ..Self::new(self.chat_id, self.user_id, chat) }
    }

    /// Messages of others after the read mark; a deleted one counts until the mark has passed it.
    pub fn unread(&self, chat: &Chat) -> u64 {
        let own = chat.members.get(&self.user_id).map_or(0, |member| member.sent);
        let after = chat.message_seq.saturating_sub(self.read_seq);
        after.saturating_sub(own.saturating_sub(self.read_own))
    }

    /// Moves the read mark forward to `seq`; `own` of the messages up to there are the member's. Says whether it moved.
    pub fn mark_read(&mut self, seq: u64, own: u64, at: Time) -> bool {
        if seq <= self.read_seq {
            return false;
        }
        self.read_seq = seq;
        self.read_own = own;
        self.mark_delivered(seq, at);
        self.marks.push(ReadMark { seq, at });
        let surplus = self.marks.len().saturating_sub(KEPT_MARKS);
        self.marks.drain(..surplus);
        true
    }

    /// Moves the delivery mark forward. Says whether it moved.
    pub fn mark_delivered(&mut self, seq: u64, at: Time) -> bool {
        if seq <= self.delivered_seq {
            return false;
        }
        self.delivered_seq = seq;
        self.delivered_at = Some(at);
        true
    }

    /// When message `seq` was read: to the move of the mark that passed it, or, where that is no longer kept, not
    /// after the oldest one that is.
    pub fn read_at(&self, seq: u64) -> Option<Time> {
        self.marks.iter().find(|mark| mark.seq >= seq).map(|mark| mark.at)
    }
}

/// Memberships, by [`membership_id`].
pub const MEMBERSHIPS: Collection<Membership> = Collection::top("memberships", &[]);

/// The document id of a membership.
pub fn membership_id(chat: &ChatId, user: &UserId) -> String {
    format!("{chat}_{user}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::chat::Member;

    fn chat(message_seq: u64, sent: u64) -> Chat {
        let at = Time::from_millis(0);
        let name = kernel::Sealed::from_text(String::new());
        let member = Member { name, role: kernel::Role::Doctor, admin: true, joined_at: at, left_at: None, sent };
        let user: UserId = "u".parse().unwrap();
        Chat {
            kind: ChatType::Direct,
            name: None,
            avatar: None,
            patient_id: None,
            phone_number: None,
            created_by: user.clone(),
            created_at: at,
            updated_at: at,
            deleted_at: None,
            message_seq,
            log_seq: 0,
            last_message: None,
            members: BTreeMap::from([(user, member)]),
        }
    }

    #[test]
    fn marks_only_move_forward_and_tell_when() {
        let mut membership = Membership::new("c".parse().unwrap(), "u".parse().unwrap(), &chat(2, 0));
        let at = Time::from_millis;
        assert!(membership.mark_read(5, 1, at(50)));
        assert!(!membership.mark_read(4, 1, at(60)));
        assert!(membership.mark_read(9, 1, at(90)));
        let times = (membership.read_at(3), membership.read_at(6), membership.read_at(10));
        assert_eq!(times, (Some(at(50)), Some(at(90)), None));
        assert_eq!(membership.delivered_seq, 9);
        for seq in 10..200_u32 {
            membership.mark_read(seq.into(), 1, at(i64::from(seq) * 10));
        }
        assert_eq!(membership.marks.len(), KEPT_MARKS);
    }

    #[test]
    fn own_messages_are_never_unread() {
        // Who joins at message 2 and then sends two of the next five has three to read.
        let mut membership = Membership::new("c".parse().unwrap(), "u".parse().unwrap(), &chat(2, 0));
        assert_eq!(membership.unread(&chat(2, 0)), 0);
        assert_eq!(membership.unread(&chat(7, 2)), 3);
        membership.mark_read(4, 1, Time::from_millis(1));
        assert_eq!(membership.unread(&chat(7, 2)), 2);
        membership.mark_read(7, 2, Time::from_millis(2));
        assert_eq!(membership.unread(&chat(7, 2)), 0);
    }
}
