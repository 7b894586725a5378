//! What a user prefers, with the defaults of the API.

use kernel::Time;
use serde::{Deserialize, Serialize};
use store::Collection;

/// A user's preferences. A missing document means the defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Preferences {
    /// The note template offered first.
    pub default_template: String,
    /// Templates kept at hand.
    pub favorite_templates: Vec<String>,
    /// Whether the scribe proposes a note when a call ends.
    pub auto_scribe: bool,
    /// Whether any notification is made.
    pub notifications_enabled: bool,
    /// Whether notifications also go by e-mail.
    pub email_notifications: bool,
    /// Whether notifications also go by SMS.
    pub sms_notifications: bool,
    /// How the frontend looks.
    pub dark_mode: bool,
    /// A BCP 47 language tag.
    pub language: String,
    /// An IANA time zone name.
    pub timezone: String,
    /// When they were last changed; `None` for the defaults.
    pub updated_at: Option<Time>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            default_template: "soap".to_owned(),
            favorite_templates: Vec::new(),
            auto_scribe: true,
            notifications_enabled: true,
            email_notifications: true,
            sms_notifications: false,
            dark_mode: false,
            language: "en".to_owned(),
            timezone: "UTC".to_owned(),
            updated_at: None,
        }
    }
}

/// Preferences, by user id.
pub const PREFERENCES: Collection<Preferences> = Collection::top("preferences", &[]);
