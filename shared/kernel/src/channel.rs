use serde::{Deserialize, Serialize};

/// A way to reach a person outside of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// E-mail; the recipient is an address.
    Email,
    /// A text message; the recipient is a telephone number in E.164.
    Sms,
    /// WhatsApp; the recipient is a telephone number in E.164.
    WhatsApp,
    /// A push notification; the recipient is a device's token.
    Push,
}

impl Channel {
    /// Its name, for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::WhatsApp => "whatsapp",
            Self::Push => "push",
        }
    }
}

impl std::fmt::Display for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
