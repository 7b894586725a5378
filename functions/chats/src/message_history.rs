use axum::extract::State;
use charts::Asking;
use conversations::{OpenChat, Places, open_message};
use kernel::{MessageId, Phi, Time, UserId};
use model::chat::sequence_id;
use model::message::{Message, versions};
use serde::Serialize;
use utoipa::ToSchema;
use web::{
    ApiError, App, Caller, Json, Listed, PageQuery, Pagination, Path, Problems, Query, decode_cursor, encode_cursor,
};

/// What a message said for a while.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageVersionView {
    /// Counts from 1, the first wording.
    #[schema(example = 1)]
    version: u64,
    /// What it said.
    #[schema(example = "How are you feeling today?")]
    content: String,
    /// Since when.
    written_at: Time,
    /// Until when; `null` for what it says now.
    replaced_at: Option<Time>,
}

/// A message's versions
///
/// Oldest first, what it says now last. The history of a deleted message is for its sender and the chat's admins.
#[utoipa::path(
    get, path = "/api/v1/messages/{messageId}/history", tag = "chats", security(("bearer" = [])),
    params(("messageId" = MessageId, Path, description = "The message"), PageQuery),
    responses((status = 200, body = Listed<MessageVersionView>), Problems),
)]
pub(crate) async fn get_message_history(
    State(app): State<App>,
    caller: Caller,
    Path(message_id): Path<MessageId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Listed<MessageVersionView>>, ApiError> {
    caller.trail.action("message.history").entity("message", &message_id);
    caller.must_see_phi()?;
    let (open, message) = open_message(&Asking::of(&app, &caller), &message_id).await?;
    may_see_history(&open, &message, caller.user())?;

    let earlier = u64::from(message.edits);
    let total = earlier + u64::from(message.content.is_some());
    let (page, limit) = (query.page(), query.limit());
    let first = match &query.cursor {
        Some(text) => decode_cursor::<u64>("cursor", text)?.max(1),
        None => u64::from(page - 1) * u64::from(limit) + 1,
    };
    let end = first.saturating_add(limit.into());
    let mut data = earlier_versions(&caller, &open, &message_id, first..end.min(earlier + 1)).await?;
    if let Some(sealed) = message.content.as_ref().filter(|_| (first..end).contains(&total)) {
        data.push(MessageVersionView {
            version: total,
            content: open
                .key
                .open(&Places::of(caller.tenant(), &open.id).content(&message_id), sealed)?
                .into_disclosed(),
            written_at: message.edited_at.unwrap_or(message.created_at),
            replaced_at: None,
        });
    }
    let next_cursor = (end <= total).then(|| encode_cursor(&end));
    Ok(Json(Listed { data, pagination: Pagination { total, page, limit, next_cursor } }))
}

fn may_see_history(open: &OpenChat, message: &Message, reader: &UserId) -> Result<(), ApiError> {
    if message.deleted_at.is_none() || message.sender == *reader || open.chat.is_admin(reader) {
        return Ok(());
    }
    Err(ApiError::not_found("message"))
}

async fn earlier_versions(
    caller: &Caller,
    open: &OpenChat,
    message_id: &MessageId,
    numbers: std::ops::Range<u64>,
) -> Result<Vec<MessageVersionView>, ApiError> {
    let places = Places::of(caller.tenant(), &open.id);
    let ids: Vec<String> = numbers.clone().map(sequence_id).collect();
    let found = caller.store.get_many(&versions(message_id), &ids).await?;
    let views =
        found.into_iter().zip(numbers).filter_map(|(doc, version)| doc.zip(Some(version))).map(|(doc, version)| {
            Ok(MessageVersionView {
                version,
                content: open
                    .key
                    .open(&places.version(message_id, &doc.id), &doc.value.content)
                    .map(Phi::into_disclosed)?,
                written_at: doc.value.written_at,
                replaced_at: Some(doc.value.replaced_at),
            })
        });
    views.collect()
}
