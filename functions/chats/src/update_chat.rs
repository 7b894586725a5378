use axum::extract::State;
use charts::Asking;
use conversations::{Change, OpenChat, Places, admit_in, chat_subject, turn};
use garde::Validate;
use kernel::{ChatId, Phi};
use model::chat::{CHATS, Happening};
use model::membership::{MEMBERSHIPS, membership_id};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::wire::{ChatSummary, chat_name, must_be_admin};

/// The longest address of a picture, in characters.
const MAX_AVATAR_CHARS: usize = 2048;

/// What to change of a chat; what is left out stays as it is.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateChatBody {
    /// The new name, 1 to 255 characters. Admins only.
    #[garde(custom(chat_name))]
    #[schema(example = "Updated Chat Name", min_length = 1, max_length = 255)]
    name: Option<String>,
    /// Where its new picture is: an https address or a path of this service; `null` for none. Admins only.
    #[serde(default, deserialize_with = "present")]
    #[garde(custom(picture))]
    #[schema(value_type = Option<String>, example = "https://files.example.com/avatars/7.png", max_length = 2048)]
    avatar: Option<Option<String>>,
    /// Whether the caller keeps it at the top; nobody else is touched.
    #[garde(skip)]
    is_pinned: Option<bool>,
}

/// Tells `null` from a field that is left out.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn picture(avatar: &Option<Option<String>>, (): &()) -> garde::Result {
    let Some(Some(address)) = avatar else { return Ok(()) };
    let is_path = address.starts_with('/') && !address.starts_with("//");
    let is_https = address.strip_prefix("https://").is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric()));
    let is_clean = !address.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '"' | '<' | '>'));
    if (is_path || is_https) && is_clean && address.chars().count() <= MAX_AVATAR_CHARS {
        return Ok(());
    }
    Err(garde::Error::new(format!(
        "avatar: an https address or a path that begins with /, at most {MAX_AVATAR_CHARS} characters"
    )))
}

/// Change a chat
///
/// Name and picture are everyone's and for the chat's admins to change; the pin is the caller's own.
#[utoipa::path(
    put, path = "/api/v1/chats/{chatId}", tag = "chats", security(("bearer" = [])),
    params(("chatId" = ChatId, Path, description = "The chat")),
    request_body = UpdateChatBody,
    responses((status = 200, body = ChatSummary), Problems),
)]
pub(crate) async fn update_chat(
    State(app): State<App>,
    caller: Caller,
    Path(chat_id): Path<ChatId>,
    Json(body): Json<UpdateChatBody>,
) -> Result<Json<ChatSummary>, ApiError> {
    caller.trail.action("chat.update").entity("chat", &chat_id);
    caller.must_see_phi()?;
    let membership = membership_id(&chat_id, caller.user());
    let name = body.name.map(|name| Phi::new(name.trim().to_owned()));
    let changes_chat = name.is_some() || body.avatar.is_some();
    let _turn = turn(&caller.store, &chat_id).await;
    let change = Change::now(&app, &chat_id, caller.user());
    let (chat, own, key) = caller
        .store
        .transact("update-chat", async |tx| {
            let (chat, own) = tx.get_both((&CHATS, chat_id.as_str()), (&MEMBERSHIPS, &membership)).await?;
            let mut chat = admit_in(&Asking::of(&app, &caller), &tx, &chat_id, chat).await?;
            let mut own = own.ok_or_else(|| ApiError::not_found("chat"))?.value;
            let key = app.vault.key(&caller.store, &chat_subject(&chat_id, chat.patient_id.as_ref())).await?;
            if changes_chat {
                must_be_admin(&chat, caller.user())?;
                if let Some(name) = &name {
                    chat.name = Some(key.seal(&Places::of(caller.tenant(), &chat_id).name(), name));
                }
                if let Some(avatar) = &body.avatar {
                    chat.avatar.clone_from(avatar);
                }
                chat.updated_at = change.at();
                chat = change.append(&tx, chat, Happening::ChatChanged)?;
            }
            if let Some(pinned) = body.is_pinned.filter(|pinned| *pinned != own.pinned) {
                own.pinned = pinned;
                tx.put(&MEMBERSHIPS, &membership, &own)?;
            }
            Ok::<_, ApiError>((chat, own, key))
        })
        .await?;
    Ok(Json(ChatSummary::of(caller.tenant(), &OpenChat { id: chat_id, chat, key }, &own)?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use testkit::TestApp;

    use crate::testing::{Team, get, listed, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        admins_rename_and_all_see_it, the_pin_is_ones_own, what_is_wrong_is_named, a_deleted_chat_is_gone,
    }

    async fn admins_rename_and_all_see_it(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let path = format!("/api/v1/chats/{chat}");
        let put = |by, body: Value| app.put(&path).by(by).json(&body);
        let changed = put(&ann, json!({"name": "Ward 7", "avatar": "https://x.org/a.png"})).expect(200).await;
        assert_eq!((&changed["name"], &changed["avatar"]), (&json!("Ward 7"), &json!("https://x.org/a.png")));
        assert_eq!(get(&app, &bob, &path).await["name"], "Ward 7");
        assert_eq!(put(&ann, json!({"avatar": null})).expect(200).await["avatar"], Value::Null);
        put(&bob, json!({"name": "Mine"})).refused(403, "FORBIDDEN").await;
        assert_eq!(put(&ann, json!({})).expect(200).await["name"], "Ward 7");
    }

    async fn the_pin_is_ones_own(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let body = json!({"isPinned": true});
        let changed = app.put(&format!("/api/v1/chats/{chat}")).by(&bob).json(&body).expect(200).await;
        assert_eq!(changed["isPinned"], true);
        assert_eq!(listed(&app, &ann, &chat).await["isPinned"], false);
    }

    async fn what_is_wrong_is_named(app: TestApp) {
        let Team { ann, chat, .. } = Team::of(&app).await;
        let put = |body: Value| app.put(&format!("/api/v1/chats/{chat}")).by(&ann).json(&body);
        for avatar in ["http://x.org/a", "javascript:alert(1)", "//x.org/a", "https://", "/a b", "a.png", ""] {
            assert_eq!(put(json!({"avatar": avatar})).refused(400, "VALIDATION_ERROR").await, "avatar", "{avatar}");
        }
        put(json!({"avatar": "/files/7"})).expect(200).await;
        assert_eq!(put(json!({"name": ""})).refused(400, "VALIDATION_ERROR").await, "name");
        assert_eq!(put(json!({"type": "Direct"})).refused(400, "VALIDATION_ERROR").await, "type");
        assert_eq!(put(json!({"isPinned": "yes"})).refused(400, "VALIDATION_ERROR").await, "isPinned");
    }

    async fn a_deleted_chat_is_gone(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let message = say(&app, &ann, &chat, "hi").await;
        let path = format!("/api/v1/chats/{chat}");
        app.delete(&path).by(&bob).refused(403, "FORBIDDEN").await;
        app.delete(&path).by(&ann).expect(204).await;
        app.delete(&path).by(&ann).refused(404, "NOT_FOUND").await;
        app.put(&path).by(&ann).json(&json!({"name": "x"})).refused(404, "NOT_FOUND").await;
        app.get(&format!("/api/v1/messages/{message}")).by(&bob).refused(404, "NOT_FOUND").await;
        app.post(&format!("/api/v1/messages/{message}/read")).by(&bob).refused(404, "NOT_FOUND").await;
        assert_eq!(listed(&app, &bob, &chat).await, Value::Null);
    }
}
