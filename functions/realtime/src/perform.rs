//! Doing what a client asks for.

use charts::Asking;
use conversations::{NewMessage, acknowledge, admit, mark_delivered, mark_read, members_now, send, send_once};
use events::{Signal, SignalKind};
use kernel::{ChatId, NotificationId, Phi, UserId};
use model::chat::CHATS;
use model::message::MessageKind;
use model::notification::{Receipt, notifications, receipts};
use serde_json::{Value, json};
use web::{ApiError, Caller};

use crate::command::{Authenticate, Command, SendFrame, Typing};
use crate::connection::{Connection, Outlet, Stop};
use crate::event_id;
use crate::render::{Frame, as_data};

/// The frame that answers a command, if any does.
type Answer = Result<Option<Frame>, ApiError>;

impl<O: Outlet> Connection<O> {
    pub(crate) async fn perform(&mut self, command: Command) -> Result<Answer, Stop> {
        self.note_use(&command).await;
        Ok(match command {
            Command::Resume(resume) => {
                self.resume(&resume.last_event_id).await?;
                Ok(None)
            }
            Command::Join(of) => self.join(&of.chat_id).await?,
            Command::Ping => {
                let data = json!({ "lastEventId": self.ids.id(self.position) });
                Ok(Some(Frame::new("pong", data)))
            }
            Command::Authenticate(new) => self.authenticate(new).await,
            Command::Send(new) => self.send_message(new).await,
            Command::Typing(typing) => self.typing(typing).await.map(|()| None),
            Command::Read(of) => self.mark(of.message_id, Mark::Read).await,
            Command::Delivered(of) => self.mark(of.message_id, Mark::Delivered).await,
            Command::Acknowledge(of) => self.mark(of.message_id, Mark::Acknowledged).await,
            Command::AcknowledgeNotification(of) => self.acknowledge_notification(&of.notification_id).await,
        })
    }

    /// What a person does keeps the session awake; what a program does by itself does not.
    async fn note_use(&self, command: &Command) {
        let by_a_person =
            matches!(command, Command::Send(_) | Command::Typing(_) | Command::Read(_) | Command::Acknowledge(_));
        if by_a_person && let Err(error) = self.app.sessions.used(&self.caller.store, self.caller.session()).await {
            // The session may end too early; the command is not to blame.
            ApiError::from(error).log();
        }
    }

    /// A newer token of the same user: the connection goes on with what that one says.
    async fn authenticate(&mut self, new: Authenticate) -> Answer {
        let caller = Caller::of_token(&self.app, &new.token).await?;
        if caller.user() != self.caller.user() || caller.tenant() != self.caller.tenant() {
            return Err(ApiError::forbidden("This connection is another user's. Open one of your own."));
        }
        self.seat.change_session(caller.session());
        self.caller = caller;
        Ok(Some(Frame::new("authenticated", json!({ "userId": self.caller.user() }))))
    }

    async fn send_message(&self, new: SendFrame) -> Answer {
        let client_id = new.client_id;
        let caller = self.caller.anew(&self.app, self.client.clone());
        caller.trail.action("message.send").entity("chat", &new.chat_id);
        let message = NewMessage {
            chat_id: new.chat_id,
            kind: MessageKind::Text,
            content: Phi::new(new.content),
            priority: new.priority,
        };
        let asking = Asking::of(&self.app, &caller);
        let sending = async {
            caller.must_see_phi()?;
            match &client_id {
                // A client that came back and does not know whether its message arrived sends it again.
                Some(id) => send_once(&asking, message, &event_id::digest_of(id)).await,
                None => send(&asking, message).await,
            }
        };
        let sent = sending.await;
        caller.done(sent.is_ok()).await?;
        let sent = sent?;
        let data = json!({ "clientId": client_id, "message": as_data(&sent.view)? });
        Ok(Some(Frame::new("message:sent", data)))
    }

    async fn mark(&self, id: kernel::MessageId, mark: Mark) -> Answer {
        let caller = self.caller.anew(&self.app, self.client.clone());
        caller.trail.action(mark.action()).entity("message", &id);
        let asking = Asking::of(&self.app, &caller);
        let marking = async {
            caller.must_see_phi()?;
            match mark {
                Mark::Read => mark_read(&asking, &id).await.map(|_| None),
                Mark::Delivered => mark_delivered(&asking, &id).await.map(|()| None),
                Mark::Acknowledged => acknowledge(&asking, &id).await.map(|_| None),
            }
        };
        let marked = marking.await;
        caller.done(marked.is_ok()).await?;
        marked
    }

    async fn typing(&self, typing: Typing) -> Result<(), ApiError> {
        self.caller.must_see_phi()?;
        if self.typing.check().is_err() {
            return Ok(());
        }
        let members = self.read_members(&typing.chat_id).await?;
        let data = json!({ "chatId": typing.chat_id, "userId": self.caller.user(), "isTyping": typing.is_typing });
        self.pass(members, "user:typing", data).await;
        Ok(())
    }

    /// Says to the others that this user looks at a chat, and to this client who else is connected to this instance.
    async fn join(&mut self, chat_id: &ChatId) -> Result<Answer, Stop> {
        let members = match self.caller.must_see_phi() {
            Ok(()) => self.read_members(chat_id).await,
            Err(error) => Err(error),
        };
        let members = match members {
            Ok(members) => members,
            Err(error) => return Ok(Err(error)),
        };
        let present = self.seat.hub().present(self.caller.tenant(), &members);
        let present: Vec<Value> = present.iter().map(|user| json!({ "userId": user, "chatId": chat_id })).collect();
        let data = json!({ "chatId": chat_id, "userId": self.caller.user(), "connectedUsers": present });
        let frame = Frame::new("user:joined", data.clone());
        self.outlet.deliver(&frame, None).await?;
        self.pass(members, "user:joined", data).await;
        Ok(Ok(None))
    }

    async fn acknowledge_notification(&self, id: &NotificationId) -> Answer {
        let user = self.caller.user();
        let (own, receipts) = (notifications(user), receipts(user));
        let now = self.app.now();
        self.caller
            .store
            .transact("acknowledge-notification", async |tx| {
                let (notification, before) = tx.get_both((&own, id.as_str()), (&receipts, id.as_str())).await?;
                notification.ok_or_else(|| ApiError::not_found("notification"))?;
                if before.is_none() {
                    tx.create(&receipts, id.as_str(), &Receipt { delivered_at: now })?;
                }
                Ok::<_, ApiError>(None)
            })
            .await
    }

    /// The members of a chat that this user takes part in, who take part now.
    async fn read_members(&self, chat_id: &ChatId) -> Result<Vec<UserId>, ApiError> {
        let store = &self.caller.store;
        let chat = store.get(&CHATS, chat_id.as_str()).await?;
        let chat = admit(&Asking::of(&self.app, &self.caller), chat_id, chat).await?;
        members_now(&self.app, store, chat_id, &chat).await
    }

    /// Shows the other members something that nobody needs to see later.
    async fn pass(&self, mut users: Vec<UserId>, event: &str, data: Value) {
        users.retain(|user| user != self.caller.user());
        if users.is_empty() {
            return;
        }
        let kind = SignalKind::Passing { event: event.to_owned(), data };
        let signal = Signal { tenant: self.caller.tenant().clone(), users, kind };
        if let Err(error) = self.app.live.publish(signal).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a passing event was lost");
        }
    }
}

/// What is noted of a message.
enum Mark {
    Read,
    Delivered,
    Acknowledged,
}

impl Mark {
    const fn action(&self) -> &'static str {
        match self {
            Self::Read => "message.mark-read",
            Self::Delivered => "message.mark-delivered",
            Self::Acknowledged => "message.acknowledge",
        }
    }
}
