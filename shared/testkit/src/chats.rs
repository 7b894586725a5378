use std::collections::BTreeMap;

use charts::Asking;
use conversations::{MessageView, NewMessage, Places, chat_subject, send};
use kernel::{ChatId, MessageId, PatientId, Phi, UserId};
use model::chat::{CHATS, Chat, ChatType, Member, sequence_id};
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use model::message::{MessageKind, Priority, messages, parse_message_id};
use model::patient::{PATIENTS, Relation};
use model::user::USERS;
use vault::{Place, Subject};

use crate::{TestApp, TestUser};

/// How many memberships are written at once.
const CHUNK: usize = 300;

/// Chats and messages as documents, for functions that do not make them.
impl TestApp {
    /// A chat of these people, the first of whom made it. A patient that it is about is made where there is none.
    pub async fn chat(&self, kind: ChatType, patient_id: Option<PatientId>, people: &[&UserId]) -> ChatId {
        let id = ChatId::generate(self.app.random.as_ref());
        if let Some(patient_id) = &patient_id {
            self.care_for(patient_id, kind, &id, people).await;
        }
        let key = self.app.vault.ensure_key(&self.store, &chat_subject(&id, patient_id.as_ref())).await.unwrap();
        let places = Places::of(&self.tenant, &id);
        let now = self.app.now();
        let mut members = BTreeMap::new();
        for (n, user) in people.iter().enumerate() {
            let (name, role) = self.name_and_role(user).await;
            let name = key.seal(&places.member_name(user), &name);
            let member = Member { name, role, admin: n == 0, joined_at: now, left_at: None, sent: 0 };
            members.insert((*user).clone(), member);
        }
        let chat = Chat {
            kind,
            name: Some(key.seal(&places.name(), &Phi::new("Test Chat".to_owned()))),
            avatar: None,
            patient_id,
            phone_number: None,
            created_by: people[0].clone(),
            created_at: now,
            updated_at: now,
            deleted_at: None,
            message_seq: 0,
            log_seq: 0,
            last_message: None,
            members,
        };
        for chunk in people.chunks(CHUNK) {
            let write = self.store.transact("test-chat", async |tx| {
                for user in chunk {
                    let membership = Membership::new(id.clone(), (*user).clone(), &chat);
                    tx.put(&MEMBERSHIPS, &membership_id(&id, user), &membership)?;
                }
                tx.put(&CHATS, id.as_str(), &chat)
            });
            write.await.unwrap();
        }
        id
    }

    /// As making a chat about a patient does: staff in a Care Team chat has a care relationship. A patient who is not there
    /// is made, by the first of these people.
    async fn care_for(&self, patient_id: &PatientId, kind: ChatType, chat: &ChatId, people: &[&UserId]) {
        if self.store.get(&PATIENTS, patient_id.as_str()).await.unwrap().is_none() {
            self.patient_with_id(patient_id, people[0], "Pat Patient").await;
        }
        let mut relating: Vec<UserId> = Vec::new();
        for user in people.iter().copied().filter(|_| kind == ChatType::CareTeam) {
            if self.name_and_role(user).await.1.is_staff() {
                relating.push(user.clone());
            }
        }
        self.change_patient(patient_id, |patient| {
            for user in &relating {
                patient.relate(user, |relation| drop(relation.chats.replace(chat.clone())));
            }
        })
        .await;
    }

    async fn name_and_role(&self, id: &UserId) -> (Phi<String>, kernel::Role) {
        let user = self.store.get(&USERS, id.as_str()).await.unwrap().unwrap().value;
        let key = self.app.vault.key(&self.store, &Subject::User(id.clone())).await.unwrap();
        let name = key.open(&Place::new(&self.tenant, "users", id.as_str(), "name"), &user.name).unwrap();
        (name, user.role)
    }

    /// Says something in a chat.
    pub async fn say(&self, chat: &ChatId, by: &TestUser, text: &str) -> MessageView {
        self.say_with(chat, by, text, Priority::Normal).await
    }

    /// Says something in a chat that matters so much.
    pub async fn say_with(&self, chat: &ChatId, by: &TestUser, text: &str, priority: Priority) -> MessageView {
        let new =
            NewMessage { chat_id: chat.clone(), kind: MessageKind::Text, content: Phi::new(text.to_owned()), priority };
        let account = self.store.get(&USERS, by.id.as_str()).await.unwrap().unwrap().value;
        let asking = Asking::for_user(&self.app, &self.store, &by.id, &account);
        send(&asking, new).await.unwrap().view
    }

    /// Changes a chat's document.
    pub async fn change_chat(&self, id: &ChatId, change: impl Fn(&mut Chat)) {
        let write = self.store.transact("test-change-chat", async |tx| {
            let mut chat = tx.get(&CHATS, id.as_str()).await?.unwrap().value;
            change(&mut chat);
            tx.put(&CHATS, id.as_str(), &chat)
        });
        write.await.unwrap();
    }

    /// Takes someone out of a chat, and what the chat gave that person with it.
    pub async fn leave(&self, chat: &ChatId, user: &TestUser) {
        let now = self.app.now();
        let about = self.store.get(&CHATS, chat.as_str()).await.unwrap().unwrap().value.patient_id;
        if let Some(patient) = about {
            let leaving = |relation: &mut Relation| drop(relation.chats.take(chat));
            self.change_patient(&patient, |patient| patient.relate(&user.id, leaving)).await;
        }
        self.change_chat(chat, |chat| chat.remove(&user.id, now)).await;
        self.change_membership(chat, user, |membership| membership.active = false).await;
    }

    /// Changes what a member has set.
    pub async fn change_membership(&self, chat: &ChatId, user: &TestUser, change: impl Fn(&mut Membership)) {
        let id = membership_id(chat, &user.id);
        let write = self.store.transact("test-membership", async |tx| {
            let mut membership = tx.get(&MEMBERSHIPS, &id).await?.unwrap().value;
            change(&mut membership);
            tx.put(&MEMBERSHIPS, &id, &membership)
        });
        write.await.unwrap();
    }

    /// Lets a message say something else.
    pub async fn edit_message(&self, id: &MessageId, text: &str) {
        let (chat_id, seq) = parse_message_id(id).unwrap();
        let chat = self.store.get(&CHATS, chat_id.as_str()).await.unwrap().unwrap().value;
        let subject = chat_subject(&chat_id, chat.patient_id.as_ref());
        let key = self.app.vault.key(&self.store, &subject).await.unwrap();
        let content = key.seal(&Places::of(&self.tenant, &chat_id).content(id), &Phi::new(text.to_owned()));
        let now = self.app.now();
        let write = self.store.transact("test-edit-message", async |tx| {
            let mut message = tx.get(&messages(&chat_id), &sequence_id(seq)).await?.unwrap().value;
            (message.content, message.edited_at) = (Some(content.clone()), Some(now));
            tx.put(&messages(&chat_id), &sequence_id(seq), &message)
        });
        write.await.unwrap();
    }

    /// Deletes a message.
    pub async fn delete_message(&self, id: &MessageId) {
        let now = self.app.now();
        let (chat, seq) = parse_message_id(id).unwrap();
        let write = self.store.transact("test-delete-message", async |tx| {
            let mut message = tx.get(&messages(&chat), &sequence_id(seq)).await?.unwrap().value;
            (message.content, message.deleted_at) = (None, Some(now));
            tx.put(&messages(&chat), &sequence_id(seq), &message)
        });
        write.await.unwrap();
    }
}
