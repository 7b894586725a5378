use access::decision::Action;
use charts::Asking;
use conversations::{Change, NamedUser, OpenChat, Places, chat_subject};
use kernel::{ChatId, PatientId, Phi};
use model::chat::{CHATS, Chat, ChatType, DIRECT_CHATS, DIRECT_INDEX, DirectChat, Happening, direct_pair};
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use store::Transaction;
use vault::{FreshKey, SubjectKey};
use web::{ApiError, App, Caller, Code};

use crate::care::{must_admit, must_care, settle};

/// How many memberships go in one commit.
const CHUNK: usize = 300;

/// What a chat is to be.
pub(crate) struct Wanted {
    pub(crate) kind: ChatType,
    pub(crate) name: Option<Phi<String>>,
    pub(crate) patient_id: Option<PatientId>,
    pub(crate) phone_number: Option<Phi<String>>,
    /// The creator first.
    pub(crate) people: Vec<NamedUser>,
}

/// A chat that is ready to be written.
pub(crate) struct NewChat {
    id: ChatId,
    chat: Chat,
    key: ChatKey,
    memberships: Vec<Membership>,
    /// Of a Direct chat: what makes it unique.
    pair: Option<String>,
}

/// A key made for the chat, or the key of the patient it is about.
enum ChatKey {
    Fresh(FreshKey),
    Patients(SubjectKey),
}

impl ChatKey {
    const fn key(&self) -> &SubjectKey {
        match self {
            Self::Fresh(fresh) => fresh.key(),
            Self::Patients(key) => key,
        }
    }
}

/// How writing a chat ended.
pub(crate) enum Outcome {
    /// It is made; with the creator's membership.
    Made(Box<OpenChat>, Box<Membership>),
    /// The two people have this Direct chat.
    Before(ChatId),
}

impl NewChat {
    /// Seals what is wanted under the patient's key, else a new one.
    pub(crate) async fn of(app: &App, caller: &Caller, wanted: Wanted) -> Result<Self, ApiError> {
        let id = ChatId::generate(app.random.as_ref());
        if let Some(patient) = &wanted.patient_id {
            may_be_about(app, caller, (&id, wanted.kind), patient, &wanted.people).await?;
        }
        let subject = chat_subject(&id, wanted.patient_id.as_ref());
        let key = match &wanted.patient_id {
            Some(_) => ChatKey::Patients(app.vault.ensure_key(&caller.store, &subject).await?),
            None => ChatKey::Fresh(app.vault.fresh_key(caller.tenant(), &subject).await?),
        };
        let pair = match wanted.people.as_slice() {
            [one, other] if wanted.kind == ChatType::Direct => {
                let index = app.vault.blind_index(&caller.store).await?;
                Some(index.exact(DIRECT_INDEX, &direct_pair(&one.id, &other.id)))
            }
            _ => None,
        };
        let places = Places::of(caller.tenant(), &id);
        let now = app.now();
        let member_of = |person: NamedUser| {
            let member = person.as_member(key.key(), &places, person.id == *caller.user(), now);
            (person.id, member)
        };
        let chat = Chat {
            kind: wanted.kind,
            name: wanted.name.map(|name| key.key().seal(&places.name(), &name)),
            avatar: None,
            patient_id: wanted.patient_id,
            phone_number: wanted.phone_number.map(|number| key.key().seal(&places.phone_number(), &number)),
            created_by: caller.user().clone(),
            created_at: now,
            updated_at: now,
            deleted_at: None,
            message_seq: 0,
            log_seq: 0,
            last_message: None,
            members: wanted.people.into_iter().map(member_of).collect(),
        };
        let memberships = chat.members.keys().map(|user| Membership::new(id.clone(), user.clone(), &chat)).collect();
        Ok(Self { id, chat, key, memberships, pair })
    }

    /// Writes it. Until the last commit, which has the chat itself, nobody sees anything of it: a membership without
    /// its chat is in no list. So a crash between the commits of a large chat leaves no chat that lacks members.
    pub(crate) async fn save(self, app: &App, caller: &Caller) -> Result<Outcome, ApiError> {
        let (before, last) = self.memberships.split_at(self.memberships.len().saturating_sub(CHUNK));
        let quiet = caller.store.clone().without_companions();
        for chunk in before.chunks(CHUNK) {
            quiet.transact("create-chat-members", async |tx| put_all(&tx, chunk)).await?;
        }
        let change = Change::now(app, &self.id, caller.user());
        let living = caller
            .store
            .transact("create-chat", async |tx| {
                if let Some(pair) = &self.pair {
                    if let Some(living) = living_direct(&tx, pair).await? {
                        return Ok::<_, ApiError>(Err(living));
                    }
                    tx.put(&DIRECT_CHATS, pair, &DirectChat { chat_id: self.id.clone() })?;
                }
                if let ChatKey::Fresh(fresh) = &self.key {
                    fresh.save(&tx)?;
                }
                if let Some(patient_id) = &self.chat.patient_id {
                    // Again, since the circle may have changed meanwhile.
                    let asking = Asking::of(app, caller);
                    let patient = asking.enter(&tx, patient_id, &Action::Chat(self.id.clone())).await?;
                    must_care(&asking, self.chat.kind, patient_id, &patient).await?;
                }
                settle(&tx, &self.id, &self.chat, change.at()).await?;
                put_all(&tx, last)?;
                Ok(Ok(change.append(&tx, self.chat.clone(), Happening::ChatChanged)?))
            })
            .await?;
        let chat = match living {
            Ok(chat) => chat,
            Err(before) => return Ok(Outcome::Before(before)),
        };
        let own = Membership::new(self.id.clone(), caller.user().clone(), &chat);
        let key = match self.key {
            ChatKey::Fresh(fresh) => app.vault.remember(fresh),
            ChatKey::Patients(key) => key,
        };
        Ok(Outcome::Made(Box::new(OpenChat { id: self.id, chat, key }), Box::new(own)))
    }
}

/// A chat is about a patient only where its maker has to do with that patient, and so have all whom it takes in.
async fn may_be_about(
    app: &App,
    caller: &Caller,
    chat: (&ChatId, ChatType),
    patient_id: &PatientId,
    people: &[NamedUser],
) -> Result<(), ApiError> {
    let asking = Asking::of(app, caller);
    let opened = asking.open(patient_id, &Action::Chat(chat.0.clone())).await;
    let opened = opened.map_err(|error| match error.code() {
        Code::NotFound | Code::Forbidden => {
            ApiError::field("patientId", "patientId: there is no such patient, or you have no access to the record")
        }
        _ => error,
    })?;
    must_care(&asking, chat.1, patient_id, &opened.patient).await?;
    must_admit(app, &caller.store, chat, (patient_id, &opened.patient), &people[1..], "participantIds").await
}

fn put_all(tx: &Transaction, memberships: &[Membership]) -> Result<(), store::Error> {
    memberships.iter().try_for_each(|m| tx.put(&MEMBERSHIPS, &membership_id(&m.chat_id, &m.user_id), m))
}

/// The Direct chat of two people that is not deleted, if there is one.
async fn living_direct(tx: &Transaction, pair: &str) -> Result<Option<ChatId>, store::Error> {
    let Some(before) = tx.get(&DIRECT_CHATS, pair).await? else { return Ok(None) };
    let chat = tx.get(&CHATS, before.value.chat_id.as_str()).await?;
    Ok(chat.filter(|doc| doc.value.deleted_at.is_none()).map(|_| before.value.chat_id))
}
