use axum::extract::State;
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
    caller.must_see_phi()?;
    let (open, message) = open_message(&app, &caller.store, &message_id, caller.user()).await?;
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
