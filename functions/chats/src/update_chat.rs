use axum::extract::State;
use conversations::{Change, OpenChat, Places, chat_subject, for_member, turn};
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
            let mut chat = for_member(chat, caller.user())?;
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
