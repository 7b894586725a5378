use axum::extract::State;
use charts::Asking;
use conversations::{OpenChat, Places, has_read, open_message};
use kernel::{MessageId, Phi, Time, UserId};
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use model::message::{Acknowledgement, Message, acknowledgements};
use serde::Serialize;
use store::{Key, Store};
use utoipa::ToSchema;
use web::{
    ApiError, App, Caller, Json, Listed, PageQuery, Pagination, Path, Problems, Query, decode_cursor, encode_cursor,
};

/// How far a message has come with one of its recipients.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageReceipt {
    /// The recipient.
    user_id: UserId,
    /// The recipient's name.
    #[schema(example = "John Doe")]
    name: String,
    /// That it has reached a device; `null` where it has not.
    delivered: Option<ReceiptTime>,
    /// That it was read; `null` where it was not.
    read: Option<ReceiptTime>,
    /// When an urgent message was acknowledged.
    acknowledged_at: Option<Time>,
}

/// When something had happened at the latest.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptTime {
    /// The time of the mark that passed the message.
    at: Time,
}

/// Who has received, read and acknowledged a message
///
/// The members who were in the chat when it was sent and still are, without its sender.
#[utoipa::path(
    get, path = "/api/v1/messages/{messageId}/receipts", tag = "chats", security(("bearer" = [])),
    params(("messageId" = MessageId, Path, description = "The message"), PageQuery),
    responses((status = 200, body = Listed<MessageReceipt>), Problems),
)]
pub(crate) async fn get_message_receipts(
    State(app): State<App>,
    caller: Caller,
    Path(message_id): Path<MessageId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listed<MessageReceipt>>, ApiError> {
    caller.trail.action("message.receipts").entity("message", &message_id);
    caller.must_see_phi()?;
    let (open, message) = open_message(&Asking::of(&app, &caller), &message_id).await?;
    let recipients: Vec<&UserId> = open
        .chat
        .current_members()
        .filter(|(user, member)| **user != message.sender && member.joined_at <= message.created_at)
        .map(|(user, _)| user)
        .collect();
    let start: Option<UserId> = query.cursor.as_deref().map(|text| decode_cursor("cursor", text)).transpose()?;
    let (page, limit) = (query.page(), query.limit());
    let skip = match &start {
        Some(start) => recipients.partition_point(|user| *user <= start),
        None => (page as usize - 1) * limit as usize,
    };
    let shown: Vec<&UserId> = recipients.iter().skip(skip).take(limit as usize).copied().collect();
    let has_more = recipients.len() > skip.saturating_add(limit as usize);
    let next_cursor = shown.last().filter(|_| has_more).map(encode_cursor);
    let data = receipts(&caller.store, &open, &message_id, &message, &shown).await?;
    Ok(Json(Listed { data, pagination: Pagination { total: recipients.len() as u64, page, limit, next_cursor } }))
}

/// The receipts of these recipients, in one read.
async fn receipts(
    store: &Store,
    open: &OpenChat,
    id: &MessageId,
    message: &Message,
    users: &[&UserId],
) -> Result<Vec<MessageReceipt>, ApiError> {
    let given = acknowledgements(id).path();
    let mut keys: Vec<Key> =
        users.iter().map(|user| Key::new(MEMBERSHIPS.path(), membership_id(&open.id, user))).collect();
    keys.extend(users.iter().map(|user| Key::new(given.clone(), user.as_str())));
    let mut memberships = store.get_keys(&keys).await?;
    let acknowledged = memberships.split_off(users.len());
    let places = Places::of(&store.database().tenant, &open.id);
    let mut receipts = Vec::with_capacity(users.len());
    for ((user, membership), acknowledged) in users.iter().zip(memberships).zip(acknowledged) {
        let own = membership.map(store::typed::<Membership>).transpose()?.map(|doc| doc.value);
        let acknowledged = acknowledged.map(store::typed::<Acknowledgement>).transpose()?;
        let read_at =
            own.as_ref().filter(|own| has_read(&open.chat, own, message)).and_then(|own| own.read_at(message.seq));
        let delivered_at = own.and_then(|own| own.delivered_at.filter(|_| own.delivered_seq >= message.seq));
        let earliest = [read_at, delivered_at].into_iter().flatten().min();
        receipts.push(MessageReceipt {
            user_id: (*user).clone(),
            name: open.name_of(&places, user).map(Phi::into_disclosed)?,
            delivered: earliest.map(|at| ReceiptTime { at }),
            read: read_at.map(|at| ReceiptTime { at }),
            acknowledged_at: acknowledged.map(|doc| doc.value.at),
        });
    }
    Ok(receipts)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use charts::Asking;
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::TestApp;

    use crate::testing::{Team, each, get, say, say_urgently};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        each_recipient_has_one, who_came_later_is_none, they_come_in_pages,
    }

    async fn each_recipient_has_one(app: TestApp) {
        let Team { ann, bob, cy, chat } = Team::of(&app).await;
        let id = say_urgently(&app, &ann, &chat, "come").await;
        let receipts = async |by| {
            let list = get(&app, by, &format!("/api/v1/messages/{id}/receipts")).await;
            let of = |user: &testkit::TestUser| {
                list["data"].as_array().unwrap().iter().find(|one| one["userId"] == user.id.as_str()).cloned().unwrap()
            };
            assert_eq!(list["pagination"]["total"], 2);
            (of(&bob), of(&cy))
        };
        let (bobs, _) = receipts(&ann).await;
        assert_eq!(
            bobs,
            json!({"userId": bob.id, "name": "Bob", "delivered": null, "read": null, "acknowledgedAt": null})
        );
        let asking = Asking::for_person(&app.app, &app.store, &cy.id, Role::Patient, true);
        conversations::mark_delivered(&asking, &id.parse().unwrap()).await.unwrap();
        app.clock.advance(Duration::from_secs(60));
        app.post(&format!("/api/v1/messages/{id}/read")).by(&bob).expect(200).await;
        app.post(&format!("/api/v1/messages/{id}/acknowledge")).by(&bob).expect(200).await;
        let (bobs, cys) = receipts(&cy).await;
        let later = "2026-01-15T10:01:00.000Z";
        assert_eq!(
            (&bobs["read"]["at"], &bobs["delivered"]["at"], &bobs["acknowledgedAt"]),
            (&json!(later), &json!(later), &json!(later))
        );
        assert_eq!((&cys["delivered"]["at"], &cys["read"]), (&json!("2026-01-15T10:00:00.000Z"), &Value::Null));
    }

    async fn who_came_later_is_none(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let id = say(&app, &ann, &chat, "hi").await;
        app.clock.advance(Duration::from_secs(1));
        let dee = app.user(Role::Nurse, "Dee").await;
        let body = json!({"userId": dee.id});
        app.post(&format!("/api/v1/chats/{chat}/participants")).by(&ann).json(&body).expect(201).await;
        app.post(&format!("/api/v1/messages/{id}/read")).by(&dee).expect(200).await;
        app.delete(&format!("/api/v1/chats/{chat}/participants/{}", bob.id)).by(&bob).expect(204).await;
        let list = get(&app, &ann, &format!("/api/v1/messages/{id}/receipts")).await;
        assert_eq!(each(&list["data"], "name"), ["Cy"]);
        assert_eq!(get(&app, &ann, &format!("/api/v1/messages/{id}")).await["isRead"], false);
        app.get(&format!("/api/v1/messages/{id}/receipts")).by(&bob).refused(404, "NOT_FOUND").await;
    }

    async fn they_come_in_pages(app: TestApp) {
        let Team { ann, chat, .. } = Team::of(&app).await;
        let id = say(&app, &ann, &chat, "hi").await;
        let path = format!("/api/v1/messages/{id}/receipts?limit=1");
        let first = get(&app, &ann, &path).await;
        let cursor = first["pagination"]["nextCursor"].as_str().unwrap();
        let second = get(&app, &ann, &format!("{path}&cursor={cursor}")).await;
        assert_eq!(get(&app, &ann, &format!("{path}&page=2")).await["data"], second["data"]);
        assert_eq!(second["pagination"]["nextCursor"], Value::Null);
        assert_ne!(first["data"], second["data"]);
    }
}
