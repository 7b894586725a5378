//! What other functions' events put into inboxes, and how it is shown.

use events::Emit;
use kernel::{EventId, JobId, Role, UserId};
use model::chat::{ChatType, sequence_id};
use model::event::{Envelope, Event, MessageRead, NotificationsCreated, ScribeJobEnded};
use model::inbox::{INBOX_HEADS, inbox};
use model::message::message_id;
use model::scribe_job::SCRIBE_JOBS;
use serde_json::{Value, json};
use store::{Collection, Store};
use testkit::TestApp;

use crate::common::{Client, crowd, listen, make_chat, notify, remove};

testkit::on_both_platforms! {
    functions: || vec![realtime::function()];
    notifications_are_shown_to_members, everyone_is_told_once_of_a_notification, receipts_in_a_large_chat_stay_few,
    a_scribe_job_is_told_to_its_owner, a_damaged_entry_is_passed_over, a_revocation_holds_from_the_next_event,
    what_a_socket_shows_is_in_the_audit_log,
}

async fn notifications_are_shown_to_members(app: TestApp) {
    let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Bob").await);
    let new = app.user_verified(Role::Nurse, "New", false).await;
    let chat = make_chat(&app, &[&ann, &bob, &new]).await;
    let message = app.say(&chat, &ann, "How are you feeling today?").await;
    app.settle().await;
    let address = listen(&app).await;
    let (mut at_bob, mut at_new) = (Client::connect(address, &bob).await, Client::connect(address, &new).await);

    let id = notify(&app, &chat, &[&bob.id, &new.id], Some(message.id.clone())).await;
    let shown = at_bob.expect("notification:new").await;
    let now = app.app.now();
    let expected = json!({
        "id": id, "type": "message", "title": "New message", "body": "Hello", "timestamp": now,
        "chatId": chat, "messageId": message.id,
    });
    assert_eq!(shown, expected);
    // Who waits for verification learns that there is something, and nothing of it.
    let shown = at_new.expect("notification:new").await;
    assert_eq!(shown, json!({"id": id, "type": "message", "title": null, "body": null, "timestamp": now}));

    let bob_was_at = at_bob.leave().await;
    notify(&app, &chat, &[&bob.id], Some(message.id)).await;
    app.settle().await;
    remove(&app, &chat, &ann, &bob).await;
    app.settle().await;
    let mut at_bob = Client::reconnect(address, &bob, &bob_was_at).await;
    at_bob.expect("chat:member-removed").await;
    assert_eq!(at_bob.expect("resumed").await["count"], 1);
}

async fn a_revocation_holds_from_the_next_event(app: TestApp) {
    let (ann, fay) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Family, "Fay").await);
    let patient = app.patient(&ann, "Pat").await;
    let consent = app.consent(&patient, &fay.id, |_| ()).await;
    let chat = app.chat(ChatType::FamilyUpdate, Some(patient.clone()), &[&ann.id, &fay.id]).await;
    let address = listen(&app).await;
    let (mut at_ann, mut at_fay) = (Client::connect(address, &ann).await, Client::connect(address, &fay).await);
    app.say(&chat, &ann, "first").await;
    assert_eq!(at_fay.expect("message:received").await["content"], "first");
    app.revoke(&patient, &consent).await;
    app.say(&chat, &ann, "second").await;
    assert_eq!(at_ann.expect("message:received").await["content"], "first");
    assert_eq!(at_ann.expect("message:received").await["content"], "second");
    at_ann.send("user:typing", json!({"chatId": chat, "isTyping": true})).await;
    at_fay.send("message:send", json!({"chatId": chat, "content": "mine", "clientId": "c1"})).await;
    let refused = at_fay.expect("error").await;
    assert_eq!(refused["code"], "NOT_FOUND", "{refused}: and nothing came before it");
    app.consent(&patient, &fay.id, |_| ()).await;
    app.say(&chat, &ann, "third").await;
    assert_eq!(at_fay.expect("message:received").await["content"], "third");
}

async fn what_a_socket_shows_is_in_the_audit_log(app: TestApp) {
    let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Doctor, "Bob").await);
    let patient = app.patient(&ann, "Pat").await;
    let chat = app.chat(ChatType::CareTeam, Some(patient.clone()), &[&ann.id, &bob.id]).await;
    let address = listen(&app).await;
    let mut at_bob = Client::connect(address, &bob).await;
    let follows = async || {
        let log = app.audit_log().await.into_iter();
        log.filter(|e| e.action == "chat.follow" && e.user_id.as_ref() == Some(&bob.id)).collect::<Vec<_>>()
    };
    for (text, expected) in [("one", 1), ("two", 1), ("three", 1)] {
        app.say(&chat, &ann, text).await;
        at_bob.expect("message:received").await;
        let entries = follows().await;
        assert_eq!(entries.len(), expected, "one entry stands for a quarter of an hour");
        assert_eq!(
            (entries[0].entity_id.as_deref(), &entries[0].patients[..]),
            (Some(chat.as_str()), &[patient.clone()][..])
        );
    }
    at_bob.send("message:send", json!({"chatId": chat, "content": "mine", "clientId": "c1"})).await;
    at_bob.expect("message:sent").await;
    let sent = app.audit_log().await.into_iter().find(|e| e.action == "message.send").unwrap();
    assert_eq!((sent.user_id, sent.because), (Some(bob.id.clone()), vec![format!("care-team-chat:{chat}")]));
}

/// An event as it is delivered, once more with the same id.
fn envelope<E: Event>(app: &TestApp, id: &str, event: &E) -> Envelope {
    Envelope {
        id: id.parse::<EventId>().unwrap(),
        name: E::NAME.to_owned(),
        tenant: app.tenant.clone(),
        occurred_at: app.app.now(),
        lane: event.lane(),
        data: serde_json::to_value(event).unwrap(),
    }
}

async fn last(store: &Store, user: &UserId) -> u64 {
    store.get(&INBOX_HEADS, user.as_str()).await.unwrap().map_or(0, |doc| doc.value.last)
}

async fn everyone_is_told_once_of_a_notification(app: TestApp) {
    let users: Vec<UserId> = (0..450).map(|_| UserId::generate(app.app.random.as_ref())).collect();
    let created = NotificationsCreated { notification_id: "n1".parse().unwrap(), user_ids: users.clone() };
    for _ in 0..2 {
        app.deliver(envelope(&app, "e1", &created)).await;
    }
    for user in users.iter().step_by(50).chain(users.last()) {
        assert_eq!(last(&app.store, user).await, 1);
    }
    assert!(app.parked().await.is_empty());
}

async fn receipts_in_a_large_chat_stay_few(app: TestApp) {
    let ann = app.user(Role::Doctor, "Ann").await;
    let (chat, people) = crowd(&app, &ann, 60).await;
    app.say(&chat, &ann, "to all").await;
    app.settle().await;
    let others: Vec<&UserId> = people.iter().filter(|user| **user != ann.id).collect();
    let read = MessageRead {
        chat_id: chat.clone(),
        message_id: message_id(&chat, 1),
        user_id: others[0].clone(),
        at: app.app.now(),
    };
    for _ in 0..2 {
        app.deliver(envelope(&app, "e1", &read)).await;
    }
    let told = [last(&app.store, &ann.id).await, last(&app.store, others[0]).await, last(&app.store, others[1]).await];
    assert_eq!(told, [2, 2, 1]);
}

async fn a_scribe_job_is_told_to_its_owner(app: TestApp) {
    let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Doctor, "Bob").await);
    let address = listen(&app).await;
    let (mut at_ann, mut at_bob) = (Client::connect(address, &ann).await, Client::connect(address, &bob).await);
    let id = JobId::generate(app.app.random.as_ref());
    let now = app.app.now();
    let job: Value = json!({
        "requestedBy": ann.id, "chatId": "c1", "templateType": "SOAP", "state": "succeeded", "stages": [],
        "attempts": 1, "createdAt": now, "updatedAt": now,
    });
    let raw: Collection<Value> = Collection::top("scribe-jobs", &[]);
    assert_eq!(raw.path(), SCRIBE_JOBS.path());
    // Told to Bob too, who must not see another's job.
    let ended =
        [&ann, &bob].map(|user| app.app.occurs(ScribeJobEnded { job_id: id.clone(), user_id: user.id.clone() }));
    app.store
        .transact("test-job", async |tx| {
            tx.put(&raw, id.as_str(), &job)?;
            ended.iter().try_for_each(|ended| tx.emit(ended))
        })
        .await
        .unwrap();
    assert_eq!(at_ann.expect("scribe:job").await, json!({"jobId": id, "state": "succeeded"}));
    app.settle().await;
    assert!(at_bob.drain().await.is_empty());
}

async fn a_damaged_entry_is_passed_over(app: TestApp) {
    let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Bob").await);
    let chat = make_chat(&app, &[&ann, &bob]).await;
    let address = listen(&app).await;
    let bob_was_at = Client::connect(address, &bob).await.leave().await;
    for text in ["one", "two", "three"] {
        app.say(&chat, &ann, text).await;
    }
    app.settle().await;
    let raw: Collection<Value> = Collection::below("users", bob.id.as_str(), "inbox", &[]);
    assert_eq!(raw.path(), inbox(&bob.id).path());
    let damaged = json!({"what": {"told": "nonsense"}, "at": app.app.now()});
    app.store.transact("test-damage", async |tx| tx.put(&raw, &sequence_id(2), &damaged)).await.unwrap();

    let mut at_bob = Client::reconnect(address, &bob, &bob_was_at).await;
    for text in ["one", "three"] {
        assert_eq!(at_bob.expect("message:received").await["content"], text);
    }
    assert_eq!(at_bob.expect("resumed").await["count"], 2);
}
