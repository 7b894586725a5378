use axum::extract::State;
use charts::Asking;
use conversations::{NotificationView, show_notifications};
use garde::Validate;
use kernel::{NotificationId, Time};
use model::notification::notifications;
use serde::{Deserialize, Serialize};
use store::{Cursor, Direction};
use utoipa::IntoParams;
use web::{ApiError, App, Caller, Json, Listed, Pagination, Problems, Query, decode_cursor, encode_cursor};

/// Which notifications.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotificationsQuery {
    /// How many on a page; 20 unless told.
    #[garde(range(min = 1, max = 100))]
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    #[garde(length(max = 400))]
    cursor: Option<String>,
    /// `true`: only those that are not read.
    #[serde(default)]
    #[garde(skip)]
    unread: bool,
}

/// Where a page ended.
#[derive(Serialize, Deserialize)]
struct End {
    page: u32,
    at: Time,
    id: NotificationId,
}

/// List my notifications
///
/// Newest first. The texts are shown by the rules of this moment: of a chat that you have left, or of a deleted message,
/// only that there was something.
#[utoipa::path(
    get, path = "/api/v1/notifications", tag = "notifications", security(("bearer" = [])),
    responses((status = 200, body = Listed<NotificationView>, description = "A page of them"), Problems),
)]
pub(crate) async fn list_notifications(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<NotificationsQuery>,
) -> Result<Json<Listed<NotificationView>>, ApiError> {
    caller.trail.action("notification.list");
    caller.must_see_phi()?;
    let before: Option<End> = wanted.cursor.as_deref().map(|text| decode_cursor("cursor", text)).transpose()?;
    let page = before.as_ref().map_or(1, |end| end.page.saturating_add(1));
    let after = before.map(|end| Cursor { values: vec![end.at.to_string().into()], id: end.id.into_string() });
    let limit = wanted.limit.unwrap_or(20);

    let mine = notifications(caller.user());
    let all = if wanted.unread { mine.all().eq("isRead", false) } else { mine.all() };
    let one_page = all.clone().order("createdAt", Direction::Descending).after(after).limit(limit + 1);
    let (total, mut found) = tokio::try_join!(caller.store.count(&mine, &all), caller.store.query(&mine, &one_page))?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);

    let data = show_notifications(&Asking::of(&app, &caller), found).await?;
    let end = data.last().filter(|_| has_more).map(|last| End { page, at: last.created_at, id: last.id.clone() });
    let next_cursor = end.as_ref().map(encode_cursor);
    Ok(Json(Listed { data, pagination: Pagination { total, page, limit, next_cursor } }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::{ChatId, Role};
    use model::chat::ChatType;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};
    use vault::Subject;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        pages_are_newest_first, texts_are_hidden_from_who_may_no_longer_see_them, an_edited_message_shows_what_it_says_now,
        bad_questions_are_refused, a_page_costs_three_calls,
    }

    async fn two(app: &TestApp) -> (TestUser, TestUser, ChatId) {
        let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Bob").await);
        let chat = app.chat(ChatType::Direct, None, &[&ann.id, &bob.id]).await;
        (ann, bob, chat)
    }

    async fn say(app: &TestApp, chat: &ChatId, by: &TestUser, texts: &[&str]) {
        for text in texts {
            app.clock.advance(Duration::from_secs(1));
            app.say(chat, by, text).await;
        }
        app.settle().await;
    }

    fn bodies(list: &Value) -> Vec<&str> {
        list["data"].as_array().unwrap().iter().map(|one| one["body"].as_str().unwrap()).collect()
    }

    async fn pages_are_newest_first(app: TestApp) {
        let (ann, bob, chat) = two(&app).await;
        say(&app, &chat, &ann, &["one", "two", "three", "four", "five"]).await;
        let get = async |query: &str| app.get(&format!("/api/v1/notifications?{query}")).by(&bob).expect(200).await;

        let first = get("limit=2").await;
        assert_eq!(bodies(&first), ["five", "four"]);
        let cursor = first["pagination"]["nextCursor"].as_str().unwrap().to_owned();
        assert_eq!(first["pagination"], json!({"total": 5, "page": 1, "limit": 2, "nextCursor": cursor}));
        let second = get(&format!("limit=2&cursor={cursor}")).await;
        assert_eq!((bodies(&second), &second["pagination"]["page"]), (vec!["three", "two"], &json!(2)));
        let cursor = second["pagination"]["nextCursor"].as_str().unwrap();
        let third = get(&format!("limit=2&cursor={cursor}")).await;
        assert_eq!((bodies(&third), &third["pagination"]["nextCursor"]), (vec!["one"], &Value::Null));

        let id = first["data"][0]["id"].as_str().unwrap();
        app.put(&format!("/api/v1/notifications/{id}/read")).by(&bob).expect(200).await;
        let unread = get("unread=true&limit=4").await;
        assert_eq!(bodies(&unread), ["four", "three", "two", "one"]);
        assert_eq!(unread["pagination"], json!({"total": 4, "page": 1, "limit": 4, "nextCursor": null}));
        assert_eq!(bodies(&get("unread=false").await).len(), 5);
    }

    async fn texts_are_hidden_from_who_may_no_longer_see_them(app: TestApp) {
        let (ann, bob, chat) = two(&app).await;
        say(&app, &chat, &ann, &["canary"]).await;
        let message = app.say(&chat, &ann, "second canary").await;
        let other = app.chat(ChatType::Direct, Some("pat-1".parse().unwrap()), &[&ann.id, &bob.id]).await;
        let consent = app.consent(&"pat-1".parse().unwrap(), &bob.id, |_| ()).await;
        say(&app, &other, &ann, &["of a patient"]).await;
        let get = async || app.get("/api/v1/notifications").by(&bob).expect(200).await;
        assert_eq!(bodies(&get().await), ["of a patient", "second canary", "canary"]);

        let hidden = "You are no longer in that chat, or the message was deleted.";
        app.revoke(&"pat-1".parse().unwrap(), &consent).await;
        assert_eq!(bodies(&get().await), [hidden, "second canary", "canary"]);
        app.consent(&"pat-1".parse().unwrap(), &bob.id, |_| ()).await;
        app.delete_message(&message.id).await;
        assert_eq!(bodies(&get().await), ["of a patient", hidden, "canary"]);
        app.leave(&chat, &bob).await;
        let list = get().await;
        assert_eq!(bodies(&list), ["of a patient", hidden, hidden]);
        assert_eq!(list["data"][2]["title"], "A message you can no longer see");
        assert!(!list.to_string().contains("canary") && list["data"][2]["data"]["chatId"] == chat.as_str());

        // A destroyed key hides too, and so does a deleted chat.
        let patient = Subject::Patient("pat-1".parse().unwrap());
        let now = app.app.now();
        app.store.transact("test", async |tx| app.app.vault.destroy_key(&tx, &patient, now)).await.unwrap();
        app.app.vault.forget(&app.tenant, &patient);
        assert_eq!(bodies(&get().await), [hidden; 3]);
        let third = app.chat(ChatType::Direct, None, &[&ann.id, &bob.id]).await;
        say(&app, &third, &ann, &["soon gone"]).await;
        assert_eq!(bodies(&get().await)[0], "soon gone");
        app.change_chat(&third, |chat| chat.deleted_at = Some(now)).await;
        assert_eq!(bodies(&get().await)[0], hidden);
    }

    async fn an_edited_message_shows_what_it_says_now(app: TestApp) {
        let (ann, bob, chat) = two(&app).await;
        let message = app.say(&chat, &ann, "typo").await;
        app.settle().await;
        app.edit_message(&message.id, "corrected").await;
        let list = app.get("/api/v1/notifications").by(&bob).expect(200).await;
        assert_eq!(bodies(&list), ["corrected"]);
    }

    async fn bad_questions_are_refused(app: TestApp) {
        let bob = app.user(Role::Patient, "Bob").await;
        let ask = |query: &str| app.get(&format!("/api/v1/notifications?{query}")).by(&bob);
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=many", "limit"),
            ("unread=perhaps", "unread"),
            ("cursor=%00", "cursor"),
            ("cursor=e30", "cursor"),
            ("page=2", "page"),
        ] {
            assert_eq!(ask(query).refused(400, "VALIDATION_ERROR").await, field, "{query}");
        }
        app.get("/api/v1/notifications").refused(401, "UNAUTHORIZED").await;
        let unverified = app.user_verified(Role::Nurse, "Una", false).await;
        app.get("/api/v1/notifications").by(&unverified).refused(403, "FORBIDDEN").await;
    }

    async fn a_page_costs_three_calls(app: TestApp) {
        let (ann, bob, chat) = two(&app).await;
        say(&app, &chat, &ann, &["one", "two", "three"]).await;
        app.get("/api/v1/notifications").by(&bob).expect(200).await;
        let before = app.store.meter().counts();
        app.get("/api/v1/notifications").by(&bob).expect(200).await;
        let spent = app.store.meter().counts() - before;
        // A count and a query of three, one round trip for the chat and the three messages, and the audit entry.
        assert_eq!((spent.queries, spent.gets, spent.commits, spent.documents_read), (2, 1, 1, 7));
    }
}
