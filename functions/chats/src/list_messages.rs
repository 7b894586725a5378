use axum::extract::State;
use charts::Asking;
use conversations::{MessageView, open};
use kernel::ChatId;
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems, Query};

use crate::window::{MessagesPagination, MessagesQuery};

/// A page of a chat's messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessagesPage {
    /// The messages, oldest first.
    data: Vec<MessageView>,
    /// Which page this is.
    pagination: MessagesPagination,
}

/// A chat's messages
///
/// The newest ones, unless told; from there on by cursor, to older and to newer ones.
#[utoipa::path(
    get, path = "/api/v1/chats/{chatId}/messages", tag = "chats", security(("bearer" = [])),
    params(("chatId" = ChatId, Path, description = "The chat"), MessagesQuery),
    responses((status = 200, body = MessagesPage), Problems),
)]
pub(crate) async fn list_messages(
    State(app): State<App>,
    caller: Caller,
    Path(chat_id): Path<ChatId>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<MessagesPage>, ApiError> {
    caller.trail.action("message.list").entity("chat", &chat_id);
    caller.must_see_phi()?;
    let open = open(&Asking::of(&app, &caller), &chat_id).await?;
    let window = query.window(&chat_id, open.chat.message_seq)?;
    let (data, _) = window.show(&caller.store, &open, caller.user()).await?;
    Ok(Json(MessagesPage { data, pagination: window.pagination(&chat_id, open.chat.message_seq) }))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::Value;
    use testkit::TestApp;

    use crate::testing::{Team, create, each, get, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        pages_lead_both_ways, a_page_costs_one_query, others_find_no_chat, bad_cursors_are_named,
    }

    async fn pages_lead_both_ways(app: TestApp) {
        let Team { ann, chat, .. } = Team::of(&app).await;
        for n in 1..=7 {
            say(&app, &ann, &chat, &n.to_string()).await;
        }
        let page = async |query: &str| get(&app, &ann, &format!("/api/v1/chats/{chat}/messages?limit=3{query}")).await;
        let newest = page("").await;
        assert_eq!(each(&newest["data"], "content"), ["5", "6", "7"]);
        assert_eq!(newest["pagination"]["previousCursor"], Value::Null);
        let cursor = |page: &Value, name: &str| page["pagination"][name].as_str().unwrap().to_owned();
        let older = page(&format!("&before={}", cursor(&newest, "nextCursor"))).await;
        assert_eq!(each(&older["data"], "content"), ["2", "3", "4"]);
        let oldest = page(&format!("&cursor={}", cursor(&older, "nextCursor"))).await;
        assert_eq!(each(&oldest["data"], "content"), ["1"]);
        assert_eq!(oldest["pagination"]["nextCursor"], Value::Null);
        let newer = page(&format!("&after={}", cursor(&oldest, "previousCursor"))).await;
        assert_eq!(each(&newer["data"], "content"), ["2", "3", "4"]);
        assert_eq!(each(&page("&page=2").await["data"], "content"), ["2", "3", "4"]);
        assert_eq!(page("&page=4").await["data"], serde_json::json!([]));
    }

    async fn a_page_costs_one_query(app: TestApp) {
        let Team { ann, chat, .. } = Team::of(&app).await;
        for n in 1..=20 {
            say(&app, &ann, &chat, &n.to_string()).await;
        }
        app.settle().await;
        let before = app.store.meter().counts();
        get(&app, &ann, &format!("/api/v1/chats/{chat}/messages?limit=15")).await;
        let cost = app.store.meter().counts() - before;
        // The chat, then its messages and, beside them, who has read how far; and the audit entry.
        assert_eq!((cost.queries, cost.gets, cost.commits, cost.documents_read), (1, 2, 1, 1 + 15 + 3));
        assert_eq!(cost.documents_written, 1);
    }

    async fn others_find_no_chat(app: TestApp) {
        let Team { chat, .. } = Team::of(&app).await;
        let eve = app.user(Role::Admin, "Eve").await;
        app.get(&format!("/api/v1/chats/{chat}/messages")).by(&eve).refused(404, "NOT_FOUND").await;
    }

    async fn bad_cursors_are_named(app: TestApp) {
        let Team { ann, chat, .. } = Team::of(&app).await;
        let other = create(&app, &ann, "Care Team", &[]).await;
        let foreign = say(&app, &ann, &other, "x").await;
        for (query, field) in
            [("before=a%20b", "before"), (&*format!("after={foreign}"), "after"), ("page=1&offset=2", "before")]
        {
            let path = format!("/api/v1/chats/{chat}/messages?{query}");
            assert_eq!(app.get(&path).by(&ann).refused(400, "VALIDATION_ERROR").await, field);
        }
    }
}
