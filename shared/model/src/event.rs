//! What functions tell each other. An event says what happened and names documents; it holds no personal data.
//!
//! To add one: a struct here, an [`Event`] for it, and `.on::<It>(..)` where it matters. Its name's part before the dot
//! is the topic family.

use kernel::{
    ChatId, EmergencyId, EventId, JobId, MessageId, NotificationId, OtpRequestId, OutgoingId, PatientId, SessionId,
    TenantId, Time, UserId,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Collection;

use crate::chat::Happening;

/// Something that happened.
pub trait Event: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// `family.what-happened`: letters and `-`. The family is the Pub/Sub topic.
    const NAME: &'static str;

    /// Events of one lane are best handled one after the other (those of one chat, say). Only a hint: handlers are
    /// right in any order.
    fn lane(&self) -> Option<String> {
        None
    }
}

/// An event with what delivery needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// Which event; the same at every delivery.
    pub id: EventId,
    /// Its name.
    pub name: String,
    /// In whose database it happened.
    pub tenant: TenantId,
    /// When.
    pub occurred_at: Time,
    /// See [`Event::lane`].
    pub lane: Option<String>,
    /// What [`Event`] of that name says.
    pub data: Value,
}

impl Envelope {
    /// The topic family.
    pub fn family(&self) -> &str {
        family(&self.name)
    }
}

/// The topic family of an event's name.
pub fn family(name: &str) -> &str {
    name.split_once('.').map_or(name, |(family, _)| family)
}

/// Events that are committed and not yet known to be published, by event id.
pub const OUTBOX: Collection<Envelope> = Collection::top("outbox", &[]);

/// That a handler has had an event, by [`effect_id`]. Kept for 30 days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// When.
    pub at: Time,
}

/// Effects, by [`effect_id`].
pub const EFFECTS: Collection<Effect> = Collection::top("effects", &[]).expiring();

/// The document id of an effect.
pub fn effect_id(event: &EventId, handler: &str) -> String {
    format!("{event}_{handler}")
}

/// An event that a handler cannot take, with the reason, for people to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parked {
    /// The event.
    pub event: Envelope,
    /// Which handler.
    pub handler: String,
    /// Why; no personal data.
    pub reason: String,
    /// When.
    pub at: Time,
}

/// Parked events, by [`effect_id`].
pub const PARKED: Collection<Parked> = Collection::top("parked", &[]);

macro_rules! events {
    ($($(#[$doc:meta])* $name:literal $event:ident $([$($lane:ident).+])? { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $event { $($(#[$field_doc])* pub $field: $type),* }

        impl Event for $event {
            const NAME: &'static str = $name;
            $(fn lane(&self) -> Option<String> {
                Some(self.$($lane).+.to_string())
            })?
        }
    )*

    /// The names of all events.
    pub const fn names() -> &'static [&'static str] {
        &[$($name),*]
    }};
}

events! {
    /// A chat's log has a new entry.
    "chats.log-grew" ChatLogGrew [chat_id] {
        /// The chat.
        chat_id: ChatId,
        /// The entry's number.
        log_seq: u64,
        /// What the entry says.
        happening: Happening,
    }

    /// A member's read mark moved.
    "chats.message-read" MessageRead [chat_id] {
        /// The chat.
        chat_id: ChatId,
        /// To this message.
        message_id: MessageId,
        /// Whose.
        user_id: UserId,
        /// When.
        at: Time,
    }

    /// Someone acknowledged an urgent message.
    "chats.message-acknowledged" MessageAcknowledged [chat_id] {
        /// The chat.
        chat_id: ChatId,
        /// Which.
        message_id: MessageId,
        /// Who.
        user_id: UserId,
        /// When.
        at: Time,
    }

    /// In-app notifications were made.
    "notifications.created" NotificationsCreated {
        /// The id, the same for each of these users.
        notification_id: NotificationId,
        /// For whom.
        user_ids: Vec<UserId>,
    }

    /// Someone declared an emergency to see a patient's record.
    "patients.glass-broken" GlassBroken {
        /// Which emergency: its review's id too.
        emergency_id: EmergencyId,
        /// Whose record.
        patient_id: PatientId,
        /// Who did.
        user_id: UserId,
    }

    /// A user's name or role changed.
    "identity.profile-changed" ProfileChanged {
        /// Who.
        user_id: UserId,
    }

    /// What a user may do changed: the role, the verification, or whether the account is open. Sessions that began before
    /// say what no longer holds.
    "identity.access-changed" AccessChanged {
        /// Who.
        user_id: UserId,
        /// When.
        at: Time,
        /// The session that has heard of it already.
        except: Option<SessionId>,
    }

    /// A message to someone outside of the application is to be sent.
    "identity.message-wanted" MessageWanted {
        /// Which.
        message_id: OutgoingId,
    }

    /// Someone made an account.
    "identity.registered" Registered {
        /// Who.
        user_id: UserId,
    }

    /// Someone forgot the password of an address, which may have an account or not.
    "identity.password-forgotten" PasswordForgotten {
        /// The address's blind index.
        address_index: String,
    }

    /// An account has a new password: its sessions from before end.
    "identity.password-changed" PasswordChanged {
        /// Whose.
        user_id: UserId,
        /// The session in which it was changed, which goes on.
        keep: Option<SessionId>,
    }

    /// Someone asked for a code, for an address or number that may have an account or not.
    "identity.code-requested" CodeRequested {
        /// The request.
        request_id: OtpRequestId,
        /// How often the code was asked for by then: 0 for the first time.
        round: u32,
    }

    /// Sessions ended.
    "identity.sessions-ended" SessionsEnded {
        /// Whose.
        user_id: UserId,
        /// Which.
        session_ids: Vec<SessionId>,
    }

    /// A scribe job waits.
    "scribe.job-requested" ScribeJobRequested {
        /// Which.
        job_id: JobId,
    }

    /// A scribe job ended, well or not.
    "scribe.job-ended" ScribeJobEnded {
        /// Which.
        job_id: JobId,
        /// Who asked for it.
        user_id: UserId,
    }
}
