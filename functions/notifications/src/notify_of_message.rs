//! A message makes one notification for each member but its sender.

use std::time::Duration;

use conversations::{OpenChat, Places, chat_subject, content_of_kind, members_now, notification_place, preview_of};
use events::{Delivery, Emit, Failure};
use kernel::{ChatId, NotificationId, Phi, UserId};
use model::chat::{CHATS, Chat, Happening, sequence_id};
use model::event::{ChatLogGrew, NotificationsCreated};
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use model::message::{Message, MessageKind, Priority, message_id, messages};
use model::notification::{Notification, NotificationType, id_for_message, notifications};
use model::preferences::{PREFERENCES, Preferences};
use store::{Document, Key, Store};
use web::{ApiError, Job};

/// How many recipients go in one commit: well below the store's limit with one document each.
const CHUNK: usize = 150;
/// The clocks of two instances differ by less.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

/// Tells the members of a chat that a message was sent.
///
/// A crash between two commits leaves some told and some not; the next delivery goes on with those whose document is
/// not there. After the last commit, which marks the delivery, nothing more happens.
pub(crate) async fn notify_of_message(job: Job, delivery: Delivery<ChatLogGrew>) -> Result<(), Failure> {
    let Happening::MessageSent { seq } = delivery.event.happening else { return Ok(()) };
    if delivery.is_done(&job.store).await? {
        return Ok(());
    }
    let Some(news) = News::read(&job, &delivery.event.chat_id, seq).await? else { return Ok(()) };
    let mut chunks = news.recipients.chunks(CHUNK).peekable();
    while let Some(chunk) = chunks.next() {
        let told = news.who_wants(&job.store, chunk).await?;
        let is_last = chunks.peek().is_none();
        news.tell(&job, &told, is_last.then_some(&delivery)).await?;
    }
    Ok(())
}

/// A message that is to be told of.
struct News {
    id: NotificationId,
    chat_id: ChatId,
    notification: Notification,
    is_urgent: bool,
    /// Everyone who was in the chat when it was sent and still is, but its sender.
    recipients: Vec<UserId>,
}

impl News {
    /// `None` where the chat or the message is gone by now.
    async fn read(job: &Job, chat_id: &ChatId, seq: u64) -> Result<Option<Self>, ApiError> {
        let keys = [Key::new(CHATS.path(), chat_id.as_str()), Key::new(messages(chat_id).path(), sequence_id(seq))];
        let mut found = job.store.get_keys(&keys).await?.into_iter();
        let chat = found.next().flatten().map(store::typed::<Chat>).transpose()?.map(|doc| doc.value);
        let message = found.next().flatten().map(store::typed::<Message>).transpose()?.map(|doc| doc.value);
        let living = chat.filter(|chat| chat.deleted_at.is_none()).zip(message.filter(|m| m.deleted_at.is_none()));
        let Some((chat, message)) = living else { return Ok(None) };
        let key = job.app.vault.key(&job.store, &chat_subject(chat_id, chat.patient_id.as_ref())).await?;
        // Who may not see the message now is not told of it, though still in the roster.
        let members = members_now(&job.app, &job.store, chat_id, &chat).await?;
        Self::write(job, &OpenChat { id: chat_id.clone(), chat, key }, &message, &members)
    }

    fn write(job: &Job, open: &OpenChat, message: &Message, members: &[UserId]) -> Result<Option<Self>, ApiError> {
        let tenant = &job.store.database().tenant;
        let message_id = message_id(&open.id, message.seq);
        let Some(id) = id_for_message(&message_id) else { return Ok(None) };
        let places = Places::of(tenant, &open.id);
        let is_urgent = message.priority == Priority::Urgent;
        let word = if is_urgent { "Urgent" } else { "New" };
        let title = open.name_of(&places, &message.sender)?.map(|name| format!("{word} message from {name}"));
        let body = match &message.content {
            Some(content) if message.kind == MessageKind::Text => {
                preview_of(&open.key.open(&places.content(&message_id), content)?)
            }
            _ => Phi::new(content_of_kind(message.kind).to_owned()),
        };
        let place = notification_place(tenant, &id);
        let notification = Notification {
            kind: NotificationType::Message,
            chat_id: Some(open.id.clone()),
            patient_id: open.chat.patient_id.clone(),
            message_id: Some(message_id),
            emergency_id: None,
            title: open.key.seal(&place.field("title"), &title),
            body: open.key.seal(&place.field("body"), &body),
            is_read: false,
            read_at: None,
            created_at: message.created_at,
        };
        let was_there = message.created_at.plus(CLOCKS_DIFFER);
        let was_in = |user: &&UserId| open.chat.member(user).is_some_and(|member| member.joined_at <= was_there);
        let recipients = members.iter().filter(was_in).filter(|user| **user != message.sender).cloned().collect();
        Ok(Some(Self { id, chat_id: open.id.clone(), notification, is_urgent, recipients }))
    }

    /// Those of these members who have not said that they want none. One round trip.
    async fn who_wants(&self, store: &Store, members: &[UserId]) -> Result<Vec<UserId>, store::Error> {
        let membership = |user: &UserId| Key::new(MEMBERSHIPS.path(), membership_id(&self.chat_id, user));
        let preferences = |user: &UserId| Key::new(PREFERENCES.path(), user.as_str());
        let keys: Vec<Key> = members.iter().map(membership).chain(members.iter().map(preferences)).collect();
        let mut memberships = store.get_keys(&keys).await?;
        let preferences = memberships.split_off(members.len());
        let mut wanting = Vec::with_capacity(members.len());
        for (user, (membership, preferences)) in members.iter().zip(memberships.into_iter().zip(preferences)) {
            if self.is_wanted(membership, preferences)? {
                wanting.push(user.clone());
            }
        }
        Ok(wanting)
    }

    fn is_wanted(&self, membership: Option<Document>, preferences: Option<Document>) -> Result<bool, store::Error> {
        let membership = membership.map(store::typed::<Membership>).transpose()?;
        let is_muted = membership.is_some_and(|doc| doc.value.muted) && !self.is_urgent;
        let preferences = preferences.map(store::typed::<Preferences>).transpose()?;
        Ok(!is_muted && preferences.is_none_or(|doc| doc.value.notifications_enabled))
    }

    /// Makes the notifications that are not there yet, with the event that tells of them. The last commit of a
    /// delivery marks it.
    async fn tell(
        &self,
        job: &Job,
        users: &[UserId],
        last_of: Option<&Delivery<ChatLogGrew>>,
    ) -> Result<(), store::Error> {
        let now = job.app.now();
        let created = job.app.occurs(NotificationsCreated { notification_id: self.id.clone(), user_ids: Vec::new() });
        let keys: Vec<Key> = users.iter().map(|u| Key::new(notifications(u).path(), self.id.as_str())).collect();
        job.store
            .transact("notify-of-message", async |tx| {
                let before = tx.get_keys(keys.clone()).await?;
                let missing = users.iter().zip(before).filter(|(_, document)| document.is_none());
                let new: Vec<UserId> = missing.map(|(user, _)| user.clone()).collect();
                let expires_at = self.notification.expires_at();
                for user in &new {
                    tx.create_until(&notifications(user), self.id.as_str(), &self.notification, expires_at)?;
                }
                if !new.is_empty() {
                    tx.emit(&created.with(NotificationsCreated { notification_id: self.id.clone(), user_ids: new }))?;
                }
                last_of.map_or(Ok(()), |delivery| delivery.mark(&tx, now))
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use events::Delivery;
    use kernel::{EventId, Role, UserId};
    use model::chat::ChatType;
    use model::event::{Envelope, Event};
    use testkit::{Build, Fault, TestApp};
    use web::Function;

    use super::*;

    testkit::on_both_platforms! {
        builds;
        each_member_but_the_sender_is_told_once, who_wants_none_gets_none, an_urgent_message_reaches_muted_members,
        a_crash_between_commits_tells_nobody_twice, who_came_later_and_what_is_gone_is_not_told,
    }

    type Told = Arc<Mutex<BTreeMap<UserId, u32>>>;

    /// An application with one more function, which counts whom the events name.
    async fn app(build: Build) -> (TestApp, Told) {
        let told = Told::default();
        let seen = told.clone();
        let count = move |_: Job, delivery: Delivery<NotificationsCreated>| {
            let seen = seen.clone();
            async move {
                let mut all = seen.lock().unwrap();
                delivery.event.user_ids.into_iter().for_each(|user| *all.entry(user).or_default() += 1);
                Ok(())
            }
        };
        let counter = Function::new("counter").on::<NotificationsCreated, _, _>("test-counter", count);
        (TestApp::build(build, vec![crate::function(), counter]).await, told)
    }

    fn sent(app: &TestApp, id: &str, chat_id: &ChatId, seq: u64) -> Envelope {
        let happening = Happening::MessageSent { seq };
        let event = ChatLogGrew { chat_id: chat_id.clone(), log_seq: seq, happening };
        Envelope {
            id: id.parse::<EventId>().unwrap(),
            name: ChatLogGrew::NAME.to_owned(),
            tenant: app.tenant.clone(),
            occurred_at: app.app.now(),
            lane: event.lane(),
            data: serde_json::to_value(event).unwrap(),
        }
    }

    async fn count(app: &TestApp, user: &UserId) -> u64 {
        app.store.count(&notifications(user), &notifications(user).all()).await.unwrap()
    }

    async fn each_member_but_the_sender_is_told_once(build: Build) {
        let (app, told) = app(build).await;
        let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Patient, "Bob").await);
        let chat = app.chat(ChatType::Direct, None, &[&ann.id, &bob.id]).await;
        let message = app.say(&chat, &ann, "How are you\nfeeling today?").await;
        app.settle().await;
        for again in ["e1", "e2", "e2"] {
            app.deliver(sent(&app, again, &chat, 1)).await;
        }

        assert_eq!(app.get("/api/v1/notifications").by(&ann).expect(200).await["data"], serde_json::json!([]));
        let list = app.get("/api/v1/notifications").by(&bob).expect(200).await;
        let now = app.app.now().to_string();
        let expected = serde_json::json!([{
            "id": format!("n-{}", message.id), "type": "message", "title": "New message from Ann",
            "body": "How are you feeling today?", "data": {"chatId": chat, "messageId": message.id},
            "isRead": false, "readAt": null, "createdAt": now, "timestamp": now,
        }]);
        assert_eq!(list["data"], expected);
        assert_eq!(*told.lock().unwrap(), BTreeMap::from([(bob.id, 1)]));
        assert_eq!(app.parked().await, Vec::<String>::new());
    }

    async fn who_wants_none_gets_none(build: Build) {
        let (app, _) = app(build).await;
        let ann = app.user(Role::Doctor, "Ann").await;
        let (muted, off, on) =
            (app.user(Role::Nurse, "M").await, app.user(Role::Nurse, "F").await, app.user(Role::Nurse, "N").await);
        let chat = app.chat(ChatType::CareTeam, None, &[&ann.id, &muted.id, &off.id, &on.id]).await;
        app.change_membership(&chat, &muted, |membership| membership.muted = true).await;
        let none = Preferences { notifications_enabled: false, ..Preferences::default() };
        app.store.transact("test", async |tx| tx.put(&PREFERENCES, off.id.as_str(), &none)).await.unwrap();
        app.say(&chat, &ann, "hello").await;
        app.settle().await;
        let counts = (count(&app, &muted.id).await, count(&app, &off.id).await, count(&app, &on.id).await);
        assert_eq!(counts, (0, 0, 1));

        // Who changes their mind is not told of the past by a late second delivery.
        app.deliver(sent(&app, "e1", &chat, 1)).await;
        app.change_membership(&chat, &muted, |membership| membership.muted = false).await;
        app.deliver(sent(&app, "e1", &chat, 1)).await;
        assert_eq!(count(&app, &muted.id).await, 0);
    }

    async fn an_urgent_message_reaches_muted_members(build: Build) {
        let (app, _) = app(build).await;
        let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Nurse, "Bob").await);
        let chat = app.chat(ChatType::Direct, None, &[&ann.id, &bob.id]).await;
        app.change_membership(&chat, &bob, |membership| membership.muted = true).await;
        app.say(&chat, &ann, "no hurry").await;
        app.say_with(&chat, &ann, "come at once", Priority::Urgent).await;
        app.settle().await;
        let list = app.get("/api/v1/notifications").by(&bob).expect(200).await;
        assert_eq!(list["pagination"]["total"], 1);
        assert_eq!(list["data"][0]["title"], "Urgent message from Ann");
    }

    async fn a_crash_between_commits_tells_nobody_twice(build: Build) {
        let (app, told) = app(build).await;
        let ann = app.user(Role::Doctor, "Ann").await;
        let others = app.many_users(Role::Nurse, "Nurse", 2 * CHUNK + 10).await;
        let people: Vec<&UserId> = std::iter::once(&ann.id).chain(&others).collect();
        let chat = app.chat(ChatType::Broadcast, None, &people).await;
        app.faults.plan("notifications", 1, Fault::NotCommitted);
        app.faults.plan("notifications", 2, Fault::AnswerLost);
        app.say(&chat, &ann, "hello all").await;
        app.settle().await;
        app.deliver(sent(&app, "e2", &chat, 1)).await;

        assert!(app.faults.are_over());
        assert_eq!(count(&app, &ann.id).await, 0);
        for user in &others {
            assert_eq!(count(&app, user).await, 1);
        }
        // An event whose commit's answer got lost waits in the outbox.
        app.sweep().await;
        app.settle().await;
        let once: BTreeMap<UserId, u32> = others.into_iter().map(|user| (user, 1)).collect();
        assert_eq!(*told.lock().unwrap(), once);
        assert_eq!(app.parked().await, Vec::<String>::new());
    }

    async fn who_came_later_and_what_is_gone_is_not_told(build: Build) {
        let (app, _) = app(build).await;
        let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Nurse, "Bob").await);
        let chat = app.chat(ChatType::CareTeam, None, &[&ann.id, &bob.id]).await;
        let later = app.app.now().plus(Duration::from_secs(60));
        app.change_chat(&chat, |chat| chat.members.get_mut(&bob.id).unwrap().joined_at = later).await;
        app.say(&chat, &ann, "before").await;
        app.settle().await;
        assert_eq!(count(&app, &bob.id).await, 0);

        app.clock.advance(Duration::from_secs(120));
        let message = app.say(&chat, &ann, "after").await;
        app.settle().await;
        assert_eq!(count(&app, &bob.id).await, 1);
        app.delete_message(&message.id).await;
        app.deliver(sent(&app, "e1", &chat, 2)).await;
        app.deliver(sent(&app, "e2", &chat, 99)).await;
        app.deliver(sent(&app, "e3", &"no-chat".parse().unwrap(), 1)).await;
        assert_eq!(count(&app, &bob.id).await, 1);
        assert_eq!(app.parked().await, Vec::<String>::new());
    }
}
