use model::preferences::{PREFERENCES, Preferences};
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, Caller, Json, Problems};

/// What a user prefers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MyPreferences {
    /// The note template offered first.
    #[schema(example = "soap")]
    default_template: String,
    /// Templates kept at hand.
    #[schema(example = json!(["soap", "cardiology"]))]
    favorite_templates: Vec<String>,
    /// Whether the scribe proposes a note when a call ends.
    #[schema(example = true)]
    auto_scribe: bool,
    /// Whether any notification is made.
    #[schema(example = true)]
    notifications_enabled: bool,
    /// Whether notifications also go by e-mail.
    #[schema(example = true)]
    email_notifications: bool,
    /// Whether notifications also go by SMS.
    #[schema(example = false)]
    sms_notifications: bool,
    /// How the frontend looks.
    #[schema(example = false)]
    dark_mode: bool,
    /// A BCP 47 language tag.
    #[schema(example = "en")]
    language: String,
    /// An IANA time zone.
    #[schema(example = "America/Chicago")]
    timezone: String,
}

impl From<Preferences> for MyPreferences {
    fn from(preferences: Preferences) -> Self {
        Self {
            default_template: preferences.default_template,
            favorite_templates: preferences.favorite_templates,
            auto_scribe: preferences.auto_scribe,
            notifications_enabled: preferences.notifications_enabled,
            email_notifications: preferences.email_notifications,
            sms_notifications: preferences.sms_notifications,
            dark_mode: preferences.dark_mode,
            language: preferences.language,
            timezone: preferences.timezone,
        }
    }
}

/// My preferences
///
/// With the defaults for whoever has chosen nothing yet.
#[utoipa::path(
    get, path = "/api/v1/users/me/preferences", tag = "users", security(("bearer" = [])),
    responses((status = 200, body = MyPreferences), Problems),
)]
pub(crate) async fn get_my_preferences(caller: Caller) -> Result<Json<MyPreferences>, ApiError> {
    let found = caller.store.get(&PREFERENCES, caller.user().as_str()).await?;
    Ok(Json(found.map(|doc| doc.value).unwrap_or_default().into()))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        there_are_defaults,
    }

    async fn there_are_defaults(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let defaults = json!({
            "defaultTemplate": "soap", "favoriteTemplates": [], "autoScribe": true, "notificationsEnabled": true,
            "emailNotifications": true, "smsNotifications": false, "darkMode": false, "language": "en", "timezone": "UTC",
        });
        assert_eq!(app.get("/api/v1/users/me/preferences").by(&ann).expect(200).await, defaults);
        app.get("/api/v1/users/me/preferences").refused(401, "UNAUTHORIZED").await;
    }
}
