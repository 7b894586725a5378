use axum::extract::State;
use charts::Asking;
use conversations::{Change, NamedUser, OpenChat, Places, admit_in, named_users, open, turn};
use garde::Validate;
use http::StatusCode;
use kernel::{ChatId, UserId};
use model::chat::{CHATS, Chat, ChatType, Happening, MAX_MEMBERS, Member};
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use model::patient::PATIENTS;
use serde::Deserialize;
use store::Transaction;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Code, Json, Path, Problems};

use crate::care::{must_admit, must_care, settle};
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
    caller.trail.action("participant.add").entity("chat", &chat_id);
    caller.must_see_phi()?;
    let OpenChat { chat, key, .. } = open(&Asking::of(&app, &caller), &chat_id).await?;
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
            let mut chat = admit_in(&Asking::of(&app, &caller), &tx, &chat_id, chat).await?;
            must_be_admin(&chat, caller.user())?;
            must_have_room(&mut chat, &person.id)?;
            if !chat.kind.admits(person.role) {
                let message = format!("userId: a chat of type {} is for staff only", chat.kind.name());
                return Err(ApiError::field("userId", message));
            }
            must_consent(&app, &caller, &tx, (&chat_id, &chat), &person).await?;
            let sent = chat.members.get(&person.id).map_or(0, |before| before.sent);
            chat.members.insert(person.id.clone(), Member { sent, ..member.clone() });
            chat.updated_at = change.at();
            let own = match known {
                Some(known) => known.value.again(&chat),
                None => Membership::new(chat_id.clone(), person.id.clone(), &chat),
            };
            tx.put(&MEMBERSHIPS, &membership, &own)?;
            settle(&tx, &chat_id, &chat, change.at()).await?;
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

/// Where the chat is about a patient, that patient's rules decide who may come in.
async fn must_consent(
    app: &App,
    caller: &Caller,
    tx: &Transaction,
    (id, chat): (&ChatId, &Chat),
    person: &NamedUser,
) -> Result<(), ApiError> {
    let Some(patient_id) = &chat.patient_id else { return Ok(()) };
    let patient = tx.get(&PATIENTS, patient_id.as_str()).await?.ok_or_else(|| ApiError::not_found("chat"))?.value;
    must_care(&Asking::of(app, caller), chat.kind, patient_id, &patient).await?;
    let people = std::slice::from_ref(person);
    must_admit(app, &caller.store, (id, chat.kind), (patient_id, &patient), people, "userId").await
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

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use crate::testing::{Team, create, each, get, listed, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        who_comes_in_sees_all_and_owes_nothing, who_comes_back_is_revived, it_is_for_admins, a_direct_chat_stays_with_two,
        the_type_decides,
    }

    fn add(app: &TestApp, by: &TestUser, chat: &str, user: &str) -> testkit::TestRequest {
        app.post(&format!("/api/v1/chats/{chat}/participants")).by(by).json(&json!({"userId": user}))
    }

    async fn who_comes_in_sees_all_and_owes_nothing(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let dee = app.user(Role::Family, "Dee").await;
        say(&app, &ann, &chat, "before").await;
        let added = add(&app, &ann, &chat, dee.id.as_str()).expect(201).await;
        assert_eq!(
            (&added["name"], &added["role"], &added["isAdmin"]),
            (&json!("Dee"), &json!("Family"), &json!(false))
        );
        assert_eq!(listed(&app, &dee, &chat).await["unreadCount"], 0);
        say(&app, &bob, &chat, "after").await;
        assert_eq!(listed(&app, &dee, &chat).await["unreadCount"], 1);
        let seen = get(&app, &dee, &format!("/api/v1/chats/{chat}")).await;
        assert_eq!(each(&seen["messages"], "content"), ["before", "after"]);
        assert_eq!(seen["participants"].as_array().unwrap().len(), 4);
    }

    async fn who_comes_back_is_revived(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        say(&app, &bob, &chat, "one").await;
        app.put(&format!("/api/v1/chats/{chat}/membership")).by(&bob).json(&json!({"muted": true})).expect(200).await;
        let out = format!("/api/v1/chats/{chat}/participants/{}", bob.id);
        app.delete(&out).by(&ann).expect(204).await;
        say(&app, &ann, &chat, "two").await;
        add(&app, &ann, &chat, bob.id.as_str()).expect(201).await;
        let shown = listed(&app, &bob, &chat).await;
        assert_eq!((&shown["unreadCount"], &shown["isMuted"]), (&json!(0), &json!(true)));
        say(&app, &bob, &chat, "three").await;
        say(&app, &ann, &chat, "four").await;
        assert_eq!(listed(&app, &bob, &chat).await["unreadCount"], 1);
    }

    async fn it_is_for_admins(app: TestApp) {
        let Team { ann, bob, cy, chat } = Team::of(&app).await;
        let dee = app.user(Role::Nurse, "Dee").await;
        add(&app, &bob, &chat, dee.id.as_str()).refused(403, "FORBIDDEN").await;
        add(&app, &dee, &chat, dee.id.as_str()).refused(404, "NOT_FOUND").await;
        assert_eq!(add(&app, &ann, &chat, cy.id.as_str()).refused(409, "DUPLICATE_ENTRY").await, "userId");
        assert_eq!(add(&app, &ann, &chat, "nobody").refused(400, "VALIDATION_ERROR").await, "userId");
        assert_eq!(add(&app, &ann, &chat, "a b").refused(400, "VALIDATION_ERROR").await, "userId");
        assert_eq!(listed(&app, &dee, &chat).await, Value::Null);
    }

    async fn a_direct_chat_stays_with_two(app: TestApp) {
        let Team { ann, bob, cy, .. } = Team::of(&app).await;
        let chat = create(&app, &ann, "Direct", &[&bob]).await;
        assert_eq!(add(&app, &ann, &chat, cy.id.as_str()).refused(400, "VALIDATION_ERROR").await, "chatId");
    }

    async fn the_type_decides(app: TestApp) {
        let Team { ann, bob, cy, .. } = Team::of(&app).await;
        let chat = create(&app, &ann, "Internal Staff", &[]).await;
        assert_eq!(add(&app, &ann, &chat, cy.id.as_str()).refused(400, "VALIDATION_ERROR").await, "userId");
        add(&app, &ann, &chat, bob.id.as_str()).expect(201).await;
    }
}
