use kernel::{ChatId, MessageId, TenantId, UserId};
use vault::Place;

/// Where a chat's sealed fields stand. Each method names one field; nothing else may seal or open it.
#[derive(Debug)]
pub struct Places<'a> {
    tenant: &'a TenantId,
    chat: &'a ChatId,
}

impl<'a> Places<'a> {
    /// The places of a chat.
    pub const fn of(tenant: &'a TenantId, chat: &'a ChatId) -> Self {
        Self { tenant, chat }
    }

    /// The chat's name.
    pub fn name(&self) -> Place<'a> {
        Place::new(self.tenant, "chats", self.chat.as_str(), "name")
    }

    /// The telephone number of an SMS chat.
    pub fn phone_number(&self) -> Place<'a> {
        Place::new(self.tenant, "chats", self.chat.as_str(), "phoneNumber")
    }

    /// A member's name; `user` is the field within the roster.
    pub fn member_name<'u>(&self, user: &'u UserId) -> Place<'u>
    where
        'a: 'u,
    {
        Place::new(self.tenant, "chats.members", self.chat.as_str(), user.as_str())
    }

    /// What a message says.
    pub fn content<'m>(&self, message: &'m MessageId) -> Place<'m>
    where
        'a: 'm,
    {
        Place::new(self.tenant, "messages", message.as_str(), "content")
    }

    /// The beginning of a message in lists.
    pub fn preview<'m>(&self, message: &'m MessageId) -> Place<'m>
    where
        'a: 'm,
    {
        Place::new(self.tenant, "messages", message.as_str(), "preview")
    }

    /// What an earlier version of a message said; `version` is its document id.
    pub fn version<'m>(&self, message: &'m MessageId, version: &'m str) -> Place<'m>
    where
        'a: 'm,
    {
        Place::new(self.tenant, "versions", message.as_str(), version)
    }
}
