//! From a chat's log into inboxes.

use kernel::{ChatId, Role, UserId};
use model::chat::{CHATS, Happening, LogEntry, log, sequence_id};
use model::event::{ChatLogGrew, Envelope, Event, OUTBOX};
use model::inbox::{FAN_OUTS, FanOut, INBOX_HEADS, Told, inbox};
use testkit::{TestApp, TestUser};
use web::Job;

use crate::common::{happen, make_chat, remove};

testkit::on_both_platforms! {
    functions: || vec![realtime::function()];
    entries_come_in_order_and_once, a_delivery_in_any_order_changes_nothing, a_thousand_members_are_told,
    a_half_told_chat_is_told_to_its_end, who_is_removed_is_told_that_alone, expired_entries_are_passed_over,
}

async fn told(app: &TestApp, user: &UserId) -> Vec<Told> {
    let inbox = inbox(user);
    let found = app.store.query(&inbox, &inbox.all()).await.unwrap();
    let head = app.store.get(&INBOX_HEADS, user.as_str()).await.unwrap().map_or(0, |doc| doc.value.last);
    let numbers: Vec<String> = found.iter().map(|doc| doc.id.clone()).collect();
    assert_eq!(numbers, (1..=head).map(sequence_id).collect::<Vec<_>>());
    found.into_iter().map(|doc| doc.value.what).collect()
}

fn happenings(told: &[Told]) -> Vec<Happening> {
    told.iter()
        .map(|told| match told {
            Told::Chat { happening, .. } => happening.clone(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Delivers an event to the fan-out as a bus does.
async fn deliver(app: &TestApp, chat: &ChatId, log_seq: u64) {
    let event = ChatLogGrew { chat_id: chat.clone(), log_seq, happening: Happening::MessageSent { seq: log_seq } };
    let envelope = Envelope {
        id: kernel::EventId::generate(app.app.random.as_ref()),
        name: ChatLogGrew::NAME.to_owned(),
        tenant: app.tenant.clone(),
        occurred_at: app.app.now(),
        lane: event.lane(),
        data: serde_json::to_value(&event).unwrap(),
    };
    let function = realtime::function();
    let handler = function.handlers.iter().find(|handler| handler.name == "realtime-fan-out").unwrap();
    (handler.run)(Job { app: app.app.clone(), store: app.store.clone() }, envelope).await.unwrap();
}

async fn entries_come_in_order_and_once(app: TestApp) {
    let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Bob").await);
    let chat = make_chat(&app, &[&ann, &bob]).await;
    for n in 0..12 {
        app.say(&chat, if n % 2 == 0 { &ann } else { &bob }, "hi").await;
    }
    app.settle().await;

    let all: Vec<Happening> = (1..=12).map(|seq| Happening::MessageSent { seq }).collect();
    assert_eq!(happenings(&told(&app, &ann.id).await), all);
    assert_eq!(happenings(&told(&app, &bob.id).await), all);
    assert!(app.store.query(&OUTBOX, &OUTBOX.all()).await.unwrap().is_empty());
}

async fn a_delivery_in_any_order_changes_nothing(app: TestApp) {
    let ann = app.user(Role::Doctor, "Ann").await;
    let chat = make_chat(&app, &[&ann]).await;
    for _ in 0..3 {
        app.say(&chat, &ann, "hi").await;
    }
    tokio::join!(deliver(&app, &chat, 3), deliver(&app, &chat, 1), deliver(&app, &chat, 3), deliver(&app, &chat, 2));
    app.settle().await;
    deliver(&app, &chat, 2).await;
    assert_eq!(told(&app, &ann.id).await.len(), 3);
}

/// A chat of so many, most of whom have no account.
async fn crowd(app: &TestApp, ann: &TestUser, size: usize) -> (ChatId, Vec<UserId>) {
    let chat = make_chat(app, &[ann]).await;
    let mut people: Vec<UserId> = (1..size).map(|_| UserId::generate(app.app.random.as_ref())).collect();
    app.change_chat(&chat, |chat| {
        let like_ann = chat.members[&ann.id].clone();
        chat.members.extend(people.iter().map(|user| (user.clone(), like_ann.clone())));
    })
    .await;
    people.push(ann.id.clone());
    people.sort();
    (chat, people)
}

async fn a_thousand_members_are_told(app: TestApp) {
    let ann = app.user(Role::Doctor, "Ann").await;
    let (chat, people) = crowd(&app, &ann, 1000).await;
    app.say(&chat, &ann, "one").await;
    app.say(&chat, &ann, "two").await;
    app.settle().await;

    let expected = [Happening::MessageSent { seq: 1 }, Happening::MessageSent { seq: 2 }];
    for user in people.iter().step_by(37).chain([&ann.id]) {
        assert_eq!(happenings(&told(&app, user).await), expected);
    }
    let ids: Vec<String> = people.iter().map(|user| user.as_str().to_owned()).collect();
    let heads = app.store.get_many(&INBOX_HEADS, &ids).await.unwrap();
    assert!(heads.into_iter().all(|head| head.is_some_and(|doc| doc.value.last == 2)));
    let stand = app.store.get(&FAN_OUTS, chat.as_str()).await.unwrap().unwrap().value;
    assert_eq!(stand, FanOut { done: 2, reached: None });
}

/// A process that died between two commits leaves the rest to the next delivery.
async fn a_half_told_chat_is_told_to_its_end(app: TestApp) {
    let ann = app.user(Role::Doctor, "Ann").await;
    let (chat, people) = crowd(&app, &ann, 8).await;
    let entry = LogEntry { what: Happening::ChatChanged, by: ann.id.clone(), at: app.app.now() };
    let half = FanOut { done: 0, reached: Some(people[3].clone()) };
    app.store
        .transact("test-half", async |tx| {
            let mut value = tx.get(&CHATS, chat.as_str()).await?.unwrap().value;
            value.log_seq = 1;
            tx.put(&CHATS, chat.as_str(), &value)?;
            tx.put(&log(&chat), &sequence_id(1), &entry)?;
            tx.put(&FAN_OUTS, chat.as_str(), &half)
        })
        .await
        .unwrap();
    deliver(&app, &chat, 1).await;
    for (n, user) in people.iter().enumerate() {
        assert_eq!(told(&app, user).await.len(), usize::from(n > 3), "{n}");
    }
}

async fn who_is_removed_is_told_that_alone(app: TestApp) {
    let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Bob").await);
    let chat = make_chat(&app, &[&ann, &bob]).await;
    app.say(&chat, &ann, "before").await;
    app.settle().await;
    remove(&app, &chat, &ann, &bob).await;
    app.say(&chat, &ann, "after").await;
    app.settle().await;

    let removed = Happening::MemberRemoved { user: bob.id.clone() };
    let before = Happening::MessageSent { seq: 1 };
    assert_eq!(happenings(&told(&app, &bob.id).await), [before.clone(), removed.clone()]);
    assert_eq!(happenings(&told(&app, &ann.id).await), [before, removed, Happening::MessageSent { seq: 2 }]);
}

async fn expired_entries_are_passed_over(app: TestApp) {
    let ann = app.user(Role::Doctor, "Ann").await;
    let chat = make_chat(&app, &[&ann]).await;
    happen(&app, &chat, &ann.id, Happening::ChatChanged, |chat| chat.log_seq += 500).await;
    app.settle().await;
    assert_eq!(happenings(&told(&app, &ann.id).await), [Happening::ChatChanged]);
    let stand = app.store.get(&FAN_OUTS, chat.as_str()).await.unwrap().unwrap().value;
    assert_eq!(stand, FanOut { done: 501, reached: None });
}
