use axum::extract::State;
use charts::Asking;
use conversations::{NamedUser, named_users, open};
use garde::Validate;
use http::StatusCode;
use kernel::{PatientId, Phi, UserId};
use model::chat::ChatType;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Problems};

use crate::new_chat::{NewChat, Outcome, Wanted};
use crate::wire::{ChatSummary, chat_name};

/// A chat to make.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateChatBody {
    /// Its name: 1 to 255 characters. A Direct chat needs none.
    #[garde(custom(chat_name))]
    #[schema(example = "Care Team - John Doe", min_length = 1, max_length = 255)]
    name: Option<String>,
    /// `Direct`, `Care Team`, `Family Update`, `Internal Staff`, `Broadcast` or `SMS`.
    #[serde(rename = "type")]
    #[garde(skip)]
    kind: ChatType,
    /// The patient it is about.
    #[garde(skip)]
    patient_id: Option<PatientId>,
    /// Who takes part beside the caller: up to 999; in a Direct chat exactly one.
    #[serde(default)]
    #[garde(custom(few_enough))]
    #[schema(max_items = 999)]
    participant_ids: Vec<UserId>,
    /// The telephone number an SMS chat is bridged to, in the international form; of no use to other types.
    #[garde(custom(international))]
    #[schema(example = "+1234567890", pattern = r"^\+[1-9][0-9]{6,14}$")]
    phone_number: Option<String>,
}

fn few_enough(ids: &[UserId], (): &()) -> garde::Result {
    let most = model::chat::MAX_MEMBERS - 1;
    if ids.len() > most {
        return Err(garde::Error::new(format!("participantIds: at most {most}")));
    }
    Ok(())
}

fn international(number: &Option<String>, (): &()) -> garde::Result {
    let is_number = |text: &str| {
        let digits = text.strip_prefix('+').unwrap_or("");
        (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|c| c.is_ascii_digit())
    };
    if number.as_deref().is_none_or(is_number) {
        return Ok(());
    }
    Err(garde::Error::new("phoneNumber: + and 7 to 15 digits, such as +1234567890"))
}

/// Make a chat
///
/// The caller is its admin. A second Direct chat with the same person is not made: the first one is answered, with 200.
#[utoipa::path(
    post, path = "/api/v1/chats", tag = "chats", security(("bearer" = [])),
    request_body = CreateChatBody,
    responses(
        (status = 201, body = ChatSummary, description = "Made"),
        (status = 200, body = ChatSummary, description = "The Direct chat that was there"),
        Problems
    ),
)]
pub(crate) async fn create_chat(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<CreateChatBody>,
) -> Result<(StatusCode, Json<ChatSummary>), ApiError> {
    caller.trail.action("chat.create");
    caller.must_see_phi()?;
    let body = completed(body, caller.user())?;
    let people = people_of(&app, &caller, &body).await?;
    let wanted = Wanted {
        kind: body.kind,
        name: body.name.map(|name| Phi::new(name.trim().to_owned())),
        patient_id: body.patient_id,
        phone_number: body.phone_number.map(Phi::new),
        people,
    };
    match NewChat::of(&app, &caller, wanted).await?.save(&app, &caller).await? {
        Outcome::Made(open, own) => Ok((StatusCode::CREATED, Json(ChatSummary::of(caller.tenant(), &open, &own)?))),
        Outcome::Before(chat_id) => {
            let open = open(&Asking::of(&app, &caller), &chat_id).await?;
            let (own, _) = open.memberships(&caller.store, caller.user(), 0).await?;
            let own = own.ok_or_else(|| ApiError::not_found("chat"))?;
            Ok((StatusCode::OK, Json(ChatSummary::of(caller.tenant(), &open, &own)?)))
        }
    }
}

/// The body with what its type asks for; its participants are others, each once.
fn completed(mut body: CreateChatBody, creator: &UserId) -> Result<CreateChatBody, ApiError> {
    body.participant_ids.retain(|id| id != creator);
    body.participant_ids.sort_unstable();
    body.participant_ids.dedup();
    if body.kind == ChatType::Direct && body.participant_ids.len() != 1 {
        return Err(ApiError::field("participantIds", "participantIds: a Direct chat has exactly one other person"));
    }
    if body.kind != ChatType::Direct && body.name.is_none() {
        return Err(ApiError::field("name", "name: only a Direct chat can be without one"));
    }
    if body.kind != ChatType::Sms {
        body.phone_number = None;
    } else if body.phone_number.is_none() {
        return Err(ApiError::field("phoneNumber", "phoneNumber: an SMS chat needs one"));
    }
    Ok(body)
}

/// The creator and the others, all of whom the type admits.
async fn people_of(app: &App, caller: &Caller, body: &CreateChatBody) -> Result<Vec<NamedUser>, ApiError> {
    let mut ids = vec![caller.user().clone()];
    ids.extend(body.participant_ids.iter().cloned());
    let mut people = named_users(app, &caller.store, &ids).await?.into_iter();
    let creator = people.next().flatten().ok_or_else(|| ApiError::unauthorized("The account is not active."))?;
    if !body.kind.admits(creator.role) {
        return Err(ApiError::forbidden("Only staff make chats of this type."));
    }
    let others: Option<Vec<NamedUser>> = people.collect();
    let others =
        others.ok_or_else(|| ApiError::field("participantIds", "participantIds: names someone who is not known"))?;
    if !others.iter().all(|person| body.kind.admits(person.role)) {
        let message = format!("participantIds: a chat of type {} is for staff only", body.kind.name());
        return Err(ApiError::field("participantIds", message));
    }
    Ok(std::iter::once(creator).chain(others).collect())
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::membership::MEMBERSHIPS;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use crate::testing::{create, each, get, listed, say, text};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        the_maker_is_admin_and_all_see_it, what_is_wrong_is_named, two_people_have_one_direct_chat,
        types_have_their_rules, strangers_are_not_told_apart, a_thousand_people, half_a_chat_is_none,
        both_at_once_make_one_direct_chat,
    }

    async fn both_at_once_make_one_direct_chat(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let bob = app.user(Role::Patient, "Bob").await;
        let make = |by: &TestUser, other: &TestUser| {
            app.post("/api/v1/chats").by(by).json(&json!({"type": "Direct", "participantIds": [other.id]})).send()
        };
        let answers = tokio::join!(make(&ann, &bob), make(&bob, &ann), make(&ann, &bob));
        let statuses = [answers.0.status, answers.1.status, answers.2.status].map(|status| status.as_u16());
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert_eq!((&answers.0.body["id"], &answers.1.body["id"]), (&answers.2.body["id"], &answers.2.body["id"]));
    }

    async fn a_thousand_people(app: TestApp) {
        let ann = app.user(Role::Admin, "Ann").await;
        let bob = app.user(Role::Patient, "Bob").await;
        let mut ids = app.many_users(Role::Patient, "Person of a quite ordinary name, number", 998).await;
        ids.push(bob.id.clone());
        let body = json!({"name": "News", "type": "Broadcast", "participantIds": ids});
        let make = || app.post("/api/v1/chats").by(&ann).header("idempotency-key", "once").json(&body).expect(201);
        let chat = make().await;
        assert_eq!(chat["participantCount"], 1000);
        assert_eq!(make().await["id"], chat["id"]);
        let chat = text(&chat["id"]);
        let message = say(&app, &ann, &chat, "Good morning").await;
        assert_eq!(listed(&app, &bob, &chat).await["unreadCount"], 1);
        app.post(&format!("/api/v1/messages/{message}/read")).by(&bob).expect(200).await;

        let key = store::Key::new("chats", chat.as_str());
        let document = app.store.get_keys(&[key]).await.unwrap().pop().flatten().unwrap();
        let bytes = serde_json::to_vec(&document.fields).unwrap().len();
        assert!(bytes < store::MAX_DOCUMENT_BYTES / 2, "{bytes}");
        let shown = get(&app, &bob, &format!("/api/v1/chats/{chat}")).await;
        assert_eq!(shown["participants"].as_array().unwrap().len(), 1000);
        let receipts = get(&app, &ann, &format!("/api/v1/messages/{message}/receipts?limit=100&page=10")).await;
        assert_eq!((receipts["data"].as_array().unwrap().len(), &receipts["pagination"]["total"]), (99, &json!(999)));

        let cy = app.user(Role::Patient, "Cy").await;
        let add = || app.post(&format!("/api/v1/chats/{chat}/participants")).by(&ann).json(&json!({"userId": cy.id}));
        assert_eq!(add().refused(400, "VALIDATION_ERROR").await, "userId");
        app.delete(&format!("/api/v1/chats/{chat}/participants/{}", bob.id)).by(&bob).expect(204).await;
        add().expect(201).await;
    }

    /// As a crash between the commits of a large chat leaves it.
    async fn half_a_chat_is_none(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let whole = create(&app, &ann, "Care Team", &[]).await;
        let id = model::membership::membership_id(&whole.parse().unwrap(), &ann.id);
        let mut own = app.store.get(&MEMBERSHIPS, &id).await.unwrap().unwrap().value;
        own.chat_id = "half".parse().unwrap();
        let id = model::membership::membership_id(&own.chat_id, &ann.id);
        app.store.transact("test", async |tx| tx.put(&MEMBERSHIPS, &id, &own)).await.unwrap();
        assert_eq!(each(&get(&app, &ann, "/api/v1/chats").await["data"], "id"), [whole]);
        app.get("/api/v1/chats/half").by(&ann).refused(404, "NOT_FOUND").await;
        app.post("/api/v1/chats/half/pin").by(&ann).refused(404, "NOT_FOUND").await;
    }

    async fn made(app: &TestApp, by: &TestUser, body: Value) -> Value {
        app.post("/api/v1/chats").by(by).json(&body).expect(201).await
    }

    async fn the_maker_is_admin_and_all_see_it(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let bob = app.user(Role::Patient, "Bob").await;
        let ids = [&bob.id, &bob.id, &ann.id];
        let patient = app.patient(&ann, "Bob").await;
        app.link(&patient, &bob.id).await;
        let body = json!({"name": " Care ", "type": "Care Team", "patientId": patient, "participantIds": ids});
        let chat = made(&app, &ann, body).await;
        assert_eq!(
            (&chat["name"], &chat["type"], &chat["patientId"]),
            (&json!("Care"), &json!("Care Team"), &json!(patient))
        );
        assert_eq!(
            (&chat["participantCount"], &chat["isAdmin"], &chat["unreadCount"]),
            (&json!(2), &json!(true), &json!(0))
        );
        assert_eq!(chat["createdAt"], "2026-01-15T10:00:00.000Z");

        let details = get(&app, &bob, &format!("/api/v1/chats/{}", text(&chat["id"]))).await;
        let mut people: Vec<Value> = details["participants"].as_array().unwrap().clone();
        people.sort_by_key(|person| text(&person["name"]));
        assert_eq!(people[0]["name"], "Ann");
        assert_eq!((&people[0]["role"], &people[0]["isAdmin"]), (&json!("Doctor"), &json!(true)));
        assert_eq!((&people[1]["role"], &people[1]["isAdmin"]), (&json!("Patient"), &json!(false)));
        assert_eq!(details["isAdmin"], false);
        assert_eq!(listed(&app, &bob, &text(&chat["id"])).await["name"], "Care");
    }

    async fn what_is_wrong_is_named(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let bob = app.user(Role::Doctor, "Bob").await;
        let wrong =
            async |body: Value| app.post("/api/v1/chats").by(&ann).json(&body).refused(400, "VALIDATION_ERROR").await;
        assert_eq!(wrong(json!({"type": "Care Team"})).await, "name");
        assert_eq!(wrong(json!({"type": "Care Team", "name": " "})).await, "name");
        assert_eq!(wrong(json!({"type": "Care Team", "name": "x".repeat(256)})).await, "name");
        assert_eq!(wrong(json!({"type": "Club", "name": "x"})).await, "type");
        assert_eq!(wrong(json!({"name": "x"})).await, "type");
        assert_eq!(wrong(json!({"type": "SMS", "name": "x"})).await, "phoneNumber");
        assert_eq!(wrong(json!({"type": "SMS", "name": "x", "phoneNumber": "12345"})).await, "phoneNumber");
        assert_eq!(wrong(json!({"type": "Care Team", "name": "x", "patientId": "../p"})).await, "patientId");
        assert_eq!(
            wrong(json!({"type": "Care Team", "name": "x", "participantIds": ["a b"]})).await,
            "participantIds[0]"
        );
        assert_eq!(wrong(json!({"type": "Care Team", "name": "x", "participantIds": "u"})).await, "participantIds");
        let many: Vec<String> = (0..1000).map(|n| format!("u{n}")).collect();
        assert_eq!(wrong(json!({"type": "Care Team", "name": "x", "participantIds": many})).await, "participantIds");
        assert_eq!(wrong(json!({"type": "Direct"})).await, "participantIds");
        assert_eq!(wrong(json!({"type": "Direct", "participantIds": [ann.id]})).await, "participantIds");
        let three = json!({"type": "Direct", "participantIds": [bob.id, "u2"]});
        assert_eq!(wrong(three).await, "participantIds");
        assert_eq!(wrong(json!({"type": "Care Team", "name": "x", "createdBy": "u"})).await, "createdBy");
    }

    async fn two_people_have_one_direct_chat(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let bob = app.user(Role::Patient, "Bob").await;
        let first = made(&app, &ann, json!({"type": "Direct", "participantIds": [bob.id]})).await;
        assert_eq!(first["name"], "Bob");
        let chat = text(&first["id"]);
        assert_eq!(listed(&app, &bob, &chat).await["name"], "Ann");

        let again = app.post("/api/v1/chats").by(&bob).json(&json!({"type": "Direct", "participantIds": [ann.id]}));
        assert_eq!(again.expect(200).await["id"], first["id"]);
        assert_eq!(get(&app, &bob, "/api/v1/chats").await["pagination"]["total"], 1);

        app.delete(&format!("/api/v1/chats/{chat}")).by(&ann).expect(204).await;
        let next = made(&app, &bob, json!({"type": "Direct", "participantIds": [ann.id]})).await;
        assert_ne!(next["id"], first["id"]);
    }

    async fn types_have_their_rules(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let cy = app.user(Role::Patient, "Cy").await;
        let staff = json!({"type": "Internal Staff", "name": "x", "participantIds": [cy.id]});
        let field = app.post("/api/v1/chats").by(&ann).json(&staff).refused(400, "VALIDATION_ERROR").await;
        assert_eq!(field, "participantIds");
        let staff = json!({"type": "Internal Staff", "name": "x"});
        app.post("/api/v1/chats").by(&cy).json(&staff).refused(403, "FORBIDDEN").await;
        made(&app, &ann, staff).await;

        let sms = made(&app, &ann, json!({"type": "SMS", "name": "x", "phoneNumber": "+1234567890"})).await;
        assert_eq!(sms["phoneNumber"], "+1234567890");
        let family = json!({"type": "Family Update", "name": "x", "phoneNumber": "+1234567890"});
        assert_eq!(made(&app, &ann, family).await["phoneNumber"], Value::Null);

        let news = create(&app, &ann, "Broadcast", &[&cy]).await;
        let send = |by| app.post(&format!("/api/v1/chats/{news}/messages")).by(by).json(&json!({"content": "hi"}));
        send(&cy).refused(403, "FORBIDDEN").await;
        send(&ann).expect(201).await;
    }

    async fn strangers_are_not_told_apart(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let bob = app.user(Role::Nurse, "Bob").await;
        app.store
            .transact("test", async |tx| {
                let mut user = tx.get(&model::user::USERS, bob.id.as_str()).await?.unwrap().value;
                user.active = false;
                tx.put(&model::user::USERS, bob.id.as_str(), &user)
            })
            .await
            .unwrap();
        let answer = async |id: &str| {
            let body = json!({"type": "Care Team", "name": "x", "participantIds": [id]});
            let response = app.post("/api/v1/chats").by(&ann).json(&body).send().await;
            (response.status, response.body["error"].clone())
        };
        let unknown = answer("nobody").await;
        assert_eq!(unknown, answer(bob.id.as_str()).await);
        assert_eq!(unknown.1["details"]["field"], "participantIds");
        assert_eq!(each(&get(&app, &ann, "/api/v1/chats").await["data"], "id"), Vec::<String>::new());

        let waiting = app.user_verified(Role::Doctor, "New", false).await;
        let body = json!({"type": "Care Team", "name": "x"});
        app.post("/api/v1/chats").by(&waiting).json(&body).refused(403, "FORBIDDEN").await;
        app.get("/api/v1/chats").by(&waiting).refused(403, "FORBIDDEN").await;
    }
}
