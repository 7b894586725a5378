use axum::extract::State;
use conversations::{Change, OpenChat, Places, for_member, named_users, open, turn};
use garde::Validate;
use http::StatusCode;
use kernel::{ChatId, UserId};
use model::chat::{CHATS, Chat, ChatType, Happening, MAX_MEMBERS, Member};
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Code, Json, Path, Problems};

use crate::wire::{ParticipantView, must_be_admin};

/// Who is to take part.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddParticipantBody {
    /// The user.
    #[garde(skip)]
    user_id: UserId,
}

/// Add a participant
///
/// By an admin of the chat. The new participant sees what was said before; none of it counts as unread.
#[utoipa::path(
    post, path = "/api/v1/chats/{chatId}/participants", tag = "chats", security(("bearer" = [])),
    params(("chatId" = ChatId, Path, description = "The chat")),
    request_body = AddParticipantBody,
    responses((status = 201, body = ParticipantView, description = "Added"), Problems),
)]
pub(crate) async fn add_chat_participant(
    State(app): State<App>,
    caller: Caller,
    Path(chat_id): Path<ChatId>,
    Json(body): Json<AddParticipantBody>,
) -> Result<(StatusCode, Json<ParticipantView>), ApiError> {
    caller.must_see_phi()?;
    let OpenChat { chat, key, .. } = open(&app, &caller.store, &chat_id, caller.user()).await?;
    must_be_admin(&chat, caller.user())?;
    let person = named_users(&app, &caller.store, std::slice::from_ref(&body.user_id)).await?.pop().flatten();
    let person = person.ok_or_else(|| ApiError::field("userId", "userId: names someone who is not known"))?;

    let membership = membership_id(&chat_id, &person.id);
    let _turn = turn(&caller.store, &chat_id).await;
    let change = Change::now(&app, &chat_id, caller.user());
    let member = person.as_member(&key, &Places::of(caller.tenant(), &chat_id), false, change.at());
    caller
        .store
        .transact("add-participant", async |tx| {
            let (chat, known) = tx.get_both((&CHATS, chat_id.as_str()), (&MEMBERSHIPS, &membership)).await?;
            let mut chat = for_member(chat, caller.user())?;
            must_be_admin(&chat, caller.user())?;
            must_have_room(&mut chat, &person.id)?;
            if !chat.kind.admits(person.role) {
                let message = format!("userId: a chat of type {} is for staff only", chat.kind.name());
                return Err(ApiError::field("userId", message));
            }
            let sent = chat.members.get(&person.id).map_or(0, |before| before.sent);
            chat.members.insert(person.id.clone(), Member { sent, ..member.clone() });
            chat.updated_at = change.at();
            let own = match known {
                Some(known) => known.value.again(&chat),
                None => Membership::new(chat_id.clone(), person.id.clone(), &chat),
            };
            tx.put(&MEMBERSHIPS, &membership, &own)?;
            change.append(&tx, chat, Happening::MemberAdded { user: person.id.clone() })?;
            Ok(())
        })
        .await?;
    let view = ParticipantView {
        id: person.id,
        name: person.name.into_disclosed(),
        role: member.role,
        is_admin: member.admin,
        joined_at: member.joined_at,
    };
    Ok((StatusCode::CREATED, Json(view)))
}

fn must_have_room(chat: &mut Chat, user: &UserId) -> Result<(), ApiError> {
    if chat.kind == ChatType::Direct {
        return Err(ApiError::field("chatId", "chatId: a Direct chat stays between its two people; make a group"));
    }
    if chat.member(user).is_some() {
        return Err(ApiError::new(Code::DuplicateEntry, "This user takes part already.").detail("field", "userId"));
    }
    let is_full = chat.current_members().count() >= MAX_MEMBERS;
    if is_full || !(chat.members.contains_key(user) || chat.make_room()) {
        return Err(ApiError::field("userId", format!("userId: the chat is full; it takes {MAX_MEMBERS} people")));
    }
    Ok(())
}
