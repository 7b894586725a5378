use axum::extract::State;
use charts::Asking;
use conversations::{MessageView, OpenChat, Places, TOLD_READ_UP_TO, is_read, open_message, show};
use kernel::MessageId;
use model::message::Message;
use web::{ApiError, App, Caller, Json, Path, Problems};

/// A message
///
/// For the members of its chat. Of a deleted one only that it was there.
#[utoipa::path(
    get, path = "/api/v1/messages/{messageId}", tag = "chats", security(("bearer" = [])),
    params(("messageId" = MessageId, Path, description = "The message")),
    responses((status = 200, body = MessageView), Problems),
)]
pub(crate) async fn get_message(
    State(app): State<App>,
    caller: Caller,
    Path(message_id): Path<MessageId>,
) -> Result<Json<MessageView>, ApiError> {
    caller.trail.action("message.read").entity("message", &message_id);
    caller.must_see_phi()?;
    let (open, message) = open_message(&Asking::of(&app, &caller), &message_id).await?;
    view_of(&caller, &open, &message).await.map(Json)
}

/// A message as the caller sees it, with one read for who has read it.
pub(crate) async fn view_of(caller: &Caller, open: &OpenChat, message: &Message) -> Result<MessageView, ApiError> {
    let (own, others) = open.memberships(&caller.store, caller.user(), TOLD_READ_UP_TO).await?;
    let is_read = is_read(&open.chat, caller.user(), own.as_ref(), &others, message);
    show(open, &Places::of(caller.tenant(), &open.id), message, is_read)
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing::{Team, get, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        read_means_read_by_whom_it_matters, strangers_find_no_message,
    }

    async fn read_means_read_by_whom_it_matters(app: TestApp) {
        let Team { ann, bob, cy, chat } = Team::of(&app).await;
        let message = say(&app, &ann, &chat, "hi").await;
        let path = format!("/api/v1/messages/{message}");
        let is_read = async |by| get(&app, by, &path).await["isRead"].as_bool().unwrap();
        assert_eq!([is_read(&ann).await, is_read(&bob).await, is_read(&cy).await], [false, false, false]);
        app.post(&format!("{path}/read")).by(&bob).expect(200).await;
        assert_eq!([is_read(&ann).await, is_read(&bob).await, is_read(&cy).await], [true, true, false]);
        let shown = get(&app, &cy, &path).await;
        assert_eq!(shown["sender"], json!({"id": ann.id, "name": "Ann"}));
        assert_eq!((&shown["chatId"], &shown["seq"], &shown["type"]), (&json!(chat), &json!(1), &json!("text")));
        assert_eq!((&shown["content"], &shown["priority"]), (&json!("hi"), &json!("normal")));
    }

    async fn strangers_find_no_message(app: TestApp) {
        let Team { ann, chat, .. } = Team::of(&app).await;
        let message = say(&app, &ann, &chat, "hi").await;
        let eve = app.user(Role::Doctor, "Eve").await;
        let answer = async |id: &str| app.get(&format!("/api/v1/messages/{id}")).by(&eve).send().await.body;
        let theirs = answer(&message).await;
        assert_eq!(theirs["error"]["code"], "NOT_FOUND");
        for id in ["nonsense", "x_0000000001", &format!("{chat}_0000000002")] {
            assert_eq!(answer(id).await, theirs);
        }
        assert_eq!(answer("a%20b").await["error"]["details"]["field"], "messageId");
    }
}
