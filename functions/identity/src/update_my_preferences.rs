use axum::extract::State;
use garde::Validate;
use kernel::Time;
use model::note_template::NoteTemplate;
use model::preferences::{PREFERENCES, Preferences};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Problems};

use crate::get_my_preferences::MyPreferences;
use crate::rules;
use crate::wire::present;

/// What changes; what is not named stays.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateMyPreferences {
    /// The key of a note template.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(known_default)))]
    #[schema(value_type = String, required = false, example = "apso")]
    default_template: Option<String>,
    /// Keys of note templates, at most 20.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(known_favorites)))]
    #[schema(value_type = Vec<String>, required = false, example = json!(["soap", "cardiology"]), max_items = 20)]
    favorite_templates: Option<Vec<String>>,
    /// Whether the scribe proposes a note when a call ends.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = false)]
    auto_scribe: Option<bool>,
    /// Whether any notification is made.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = true)]
    notifications_enabled: Option<bool>,
    /// Whether notifications also go by e-mail.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = true)]
    email_notifications: Option<bool>,
    /// Whether notifications also go by SMS.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = false)]
    sms_notifications: Option<bool>,
    /// How the frontend looks.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = true)]
    dark_mode: Option<bool>,
    /// A BCP 47 language tag.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(rules::language)))]
    #[schema(value_type = String, required = false, example = "en")]
    language: Option<String>,
    /// An IANA time zone.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(rules::timezone)))]
    #[schema(value_type = String, required = false, example = "America/New_York")]
    timezone: Option<String>,
}

/// The preferences as they are then.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreferencesUpdated {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    /// All preferences.
    preferences: MyPreferences,
}

const MOST_FAVORITES: usize = 20;

fn known_default(id: &str, (): &()) -> garde::Result {
    known("defaultTemplate", id)
}

fn known_favorites(ids: &[String], (): &()) -> garde::Result {
    if ids.len() > MOST_FAVORITES {
        return Err(garde::Error::new(format!("favoriteTemplates: at most {MOST_FAVORITES} templates")));
    }
    ids.iter().try_for_each(|id| known("favoriteTemplates", id))
}

fn known(field: &str, id: &str) -> garde::Result {
    if NoteTemplate::find_built_in(id).is_some() {
        return Ok(());
    }
    Err(garde::Error::new(format!("{field}: no key of a template; see GET /api/v1/templates")))
}

impl UpdateMyPreferences {
    fn apply(self, before: Preferences, now: Time) -> Preferences {
        let mut favorites = self.favorite_templates.unwrap_or(before.favorite_templates);
        let mut seen = std::collections::HashSet::new();
        favorites.retain(|id| seen.insert(id.clone()));
        Preferences {
            default_template: self.default_template.unwrap_or(before.default_template),
            favorite_templates: favorites,
            auto_scribe: self.auto_scribe.unwrap_or(before.auto_scribe),
            notifications_enabled: self.notifications_enabled.unwrap_or(before.notifications_enabled),
            email_notifications: self.email_notifications.unwrap_or(before.email_notifications),
            sms_notifications: self.sms_notifications.unwrap_or(before.sms_notifications),
            dark_mode: self.dark_mode.unwrap_or(before.dark_mode),
            language: self.language.unwrap_or(before.language),
            timezone: self.timezone.map_or(before.timezone, |name| rules::canonical_timezone(&name).to_owned()),
            updated_at: Some(now),
        }
    }
}

/// Update my preferences
#[utoipa::path(
    put, path = "/api/v1/users/me/preferences", tag = "users", security(("bearer" = [])),
    request_body = UpdateMyPreferences,
    responses((status = 200, body = PreferencesUpdated, description = "All preferences"), Problems),
)]
pub(crate) async fn update_my_preferences(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<UpdateMyPreferences>,
) -> Result<Json<PreferencesUpdated>, ApiError> {
    let id = caller.user().as_str();
    let updated = caller
        .store
        .transact("update-preferences", async |tx| {
            let before = tx.get(&PREFERENCES, id).await?.map(|doc| doc.value).unwrap_or_default();
            let updated = body.clone().apply(before, app.now());
            tx.put(&PREFERENCES, id, &updated)?;
            Ok::<_, store::Error>(updated)
        })
        .await?;
    Ok(Json(PreferencesUpdated { success: true, preferences: updated.into() }))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        what_is_named_changes, two_at_once_lose_nothing, what_is_wrong_is_named,
    }

    const PREFERENCES: &str = "/api/v1/users/me/preferences";

    async fn what_is_named_changes(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let body = json!({"defaultTemplate": "apso", "autoScribe": false, "darkMode": true, "timezone": "america/new_york",
                          "favoriteTemplates": ["cardiology", "soap", "cardiology"]});
        let answer = app.put(PREFERENCES).by(&ann).json(&body).expect(200).await;
        let expected = json!({
            "defaultTemplate": "apso", "favoriteTemplates": ["cardiology", "soap"], "autoScribe": false,
            "notificationsEnabled": true, "emailNotifications": true, "smsNotifications": false, "darkMode": true,
            "language": "en", "timezone": "America/New_York",
        });
        assert_eq!(answer, json!({"success": true, "preferences": expected}));
        assert_eq!(app.get(PREFERENCES).by(&ann).expect(200).await, expected);
        let body = json!({"language": "hi", "favoriteTemplates": []});
        let answer = app.put(PREFERENCES).by(&ann).json(&body).expect(200).await["preferences"].clone();
        assert_eq!((&answer["language"], &answer["favoriteTemplates"]), (&json!("hi"), &json!([])));
        assert_eq!((&answer["defaultTemplate"], &answer["darkMode"]), (&json!("apso"), &json!(true)));
        let ben = app.user(Role::Doctor, "Ben").await;
        assert_eq!(app.get(PREFERENCES).by(&ben).expect(200).await["defaultTemplate"], "soap");
    }

    async fn two_at_once_lose_nothing(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let put = |body| app.put(PREFERENCES).by(&ann).json(&body).expect(200);
        tokio::join!(put(json!({"darkMode": true})), put(json!({"language": "de"})));
        let preferences = app.get(PREFERENCES).by(&ann).expect(200).await;
        assert_eq!((&preferences["darkMode"], &preferences["language"]), (&json!(true), &json!("de")));
    }

    async fn what_is_wrong_is_named(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        for (field, wrong) in [
            ("defaultTemplate", json!("SOAP")),
            ("defaultTemplate", json!(null)),
            ("favoriteTemplates", json!("soap")),
            ("favoriteTemplates", json!(["soap", "dentistry"])),
            ("favoriteTemplates", json!(vec!["soap"; 21])),
            ("darkMode", json!("yes")),
            ("language", json!("english")),
            ("timezone", json!("Chicago")),
            ("timezone", json!("")),
            ("updatedAt", json!("2024-01-15T10:00:00Z")),
        ] {
            let body = json!({field: wrong.clone()});
            let named = app.put(PREFERENCES).by(&ann).json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named, field, "{wrong}");
        }
        app.put(PREFERENCES).json(&json!({})).refused(401, "UNAUTHORIZED").await;
    }
}
