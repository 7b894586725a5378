use axum::extract::State;
use charts::Asking;
use conversations::{MessageView, open};
use kernel::ChatId;
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems, Query};

use crate::window::{MessagesPagination, MessagesQuery};
use crate::wire::{ChatSummary, ParticipantView};

/// A chat with who takes part and a page of its messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChatDetails {
    #[serde(flatten)]
    chat: ChatSummary,
    /// Who takes part.
    participants: Vec<ParticipantView>,
    /// The messages of the page, oldest first.
    messages: Vec<MessageView>,
    /// Which page that is.
    pagination: MessagesPagination,
}

/// A chat with its messages
///
/// The newest ones, unless told.
#[utoipa::path(
    get, path = "/api/v1/chats/{chatId}", tag = "chats", security(("bearer" = [])),
    params(("chatId" = ChatId, Path, description = "The chat"), MessagesQuery),
    responses((status = 200, body = ChatDetails), Problems),
)]
pub(crate) async fn get_chat(
    State(app): State<App>,
    caller: Caller,
    Path(chat_id): Path<ChatId>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<ChatDetails>, ApiError> {
    caller.trail.action("chat.read").entity("chat", &chat_id);
    caller.must_see_phi()?;
    let open = open(&Asking::of(&app, &caller), &chat_id).await?;
    let window = query.window(&chat_id, open.chat.message_seq)?;
    let (messages, own) = window.show(&caller.store, &open, caller.user()).await?;
    Ok(Json(ChatDetails {
        chat: ChatSummary::of(caller.tenant(), &open, &own)?,
        participants: ParticipantView::all(caller.tenant(), &open)?,
        messages,
        pagination: window.pagination(&chat_id, open.chat.message_seq),
    }))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing::{Team, each, get, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        it_shows_participants_and_messages_in_order, strangers_find_no_chat,
    }

    async fn it_shows_participants_and_messages_in_order(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        for n in 1..=5 {
            say(&app, if n % 2 == 0 { &bob } else { &ann }, &chat, &format!("m{n}")).await;
        }
        let path = format!("/api/v1/chats/{chat}");
        let shown = get(&app, &ann, &path).await;
        assert_eq!(each(&shown["messages"], "content"), ["m1", "m2", "m3", "m4", "m5"]);
        assert_eq!(shown["messages"][1]["sender"], json!({"id": bob.id, "name": "Bob"}));
        assert_eq!((&shown["name"], &shown["type"]), (&json!("Team"), &json!("Care Team")));
        assert_eq!(shown["participants"].as_array().unwrap().len(), 3);
        assert_eq!((&shown["unreadCount"], &shown["pagination"]["total"]), (&json!(2), &json!(5)));

        let part = get(&app, &ann, &format!("{path}?limit=2&offset=1")).await;
        assert_eq!(each(&part["messages"], "content"), ["m3", "m4"]);
        let cursor = part["pagination"]["nextCursor"].as_str().unwrap();
        let older = get(&app, &ann, &format!("{path}?limit=2&before={cursor}")).await;
        assert_eq!(each(&older["messages"], "content"), ["m1", "m2"]);
        assert_eq!(app.get(&format!("{path}?limit=101")).by(&ann).refused(400, "VALIDATION_ERROR").await, "limit");
        assert_eq!(app.get(&format!("{path}?offset=-1")).by(&ann).refused(400, "VALIDATION_ERROR").await, "offset");
    }

    async fn strangers_find_no_chat(app: TestApp) {
        let Team { chat, .. } = Team::of(&app).await;
        let eve = app.user(Role::SuperAdmin, "Eve").await;
        let answer = async |chat: &str| {
            let response = app.get(&format!("/api/v1/chats/{chat}")).by(&eve).send().await;
            (response.status, response.body)
        };
        let theirs = answer(&chat).await;
        assert_eq!(theirs.0, 404);
        assert_eq!(theirs, answer("nobody-knows").await);
    }
}
