//! One client's connection, over whichever protocol: what is new in its user's inbox goes out, what the client asks
//! for is done, one thing after the other.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use model::inbox::{INBOX_HEADS, Told};
use serde_json::{Value, json};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use web::{ApiError, App, Caller, ClientInfo, Code};

use crate::closing::Closing;
use crate::command::Command;
use crate::event_id::EventIds;
use crate::followed::Followed;
use crate::hub::{Call, Hub, Seat};
use crate::render::Frame;

/// After so many pings without any answer the client is given up.
const MISSED_PINGS: u8 = 2;
/// How soon a look is repeated that failed.
const RETRY: Duration = Duration::from_secs(2);
/// How long a new connection that named no event id leaves room for a `resume` frame before it delivers.
const ROOM_TO_RESUME: Duration = Duration::from_millis(500);
/// Frames a second, and at once.
const FRAMES: (u32, u32) = (30, 60);
/// Typing signals a second, and at once; more are dropped without a word.
const TYPINGS: (u32, u32) = (2, 6);

/// What a connection does without being asked, and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rhythm {
    /// How often it looks into its inbox without being woken.
    pub(crate) look: Duration,
    /// How often it asks whether its session still counts.
    pub(crate) session_check: Duration,
    /// How often it pings its client.
    pub(crate) ping: Duration,
}

impl Rhythm {
    /// As it is in service.
    pub(crate) const USUAL: Self =
        Self { look: Duration::from_secs(60), session_check: Duration::from_secs(15), ping: Duration::from_secs(25) };
}

/// Which part of an inbox a connection shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feed {
    /// All.
    Everything,
    /// All but notifications.
    Chats,
    /// Notifications alone.
    Notifications,
}

impl Feed {
    pub(crate) const fn shows(self, told: &Told) -> bool {
        let is_notification = matches!(told, Told::Notification { .. });
        match self {
            Self::Everything => true,
            Self::Chats => !is_notification,
            Self::Notifications => is_notification,
        }
    }
}

/// What comes from the client.
pub(crate) enum Inbound<R> {
    /// A sign of life.
    Alive,
    /// Something it asks for.
    Asked {
        /// The event's name.
        event: String,
        /// Its data.
        data: Value,
        /// How to answer.
        reply: R,
    },
    /// Something that is no frame at all.
    Malformed(ApiError),
}

/// The way to the client.
pub(crate) trait Outlet: Send {
    /// How one frame of the client is answered.
    type Reply: Send;
    /// Whether the connection has to ping; else the protocol does it by itself.
    const PINGS: bool;

    /// Sends a frame, with its event id if it is from the inbox; waits while the client is slow, but not for long.
    fn deliver(&mut self, frame: &Frame, id: Option<&str>) -> impl Future<Output = Result<(), Stop>> + Send;
    /// Answers the client's frame.
    fn answer(
        &mut self,
        reply: Self::Reply,
        answer: Result<Option<Frame>, Frame>,
    ) -> impl Future<Output = Result<(), Stop>> + Send;
    /// Sends a ping.
    fn ping(&mut self) -> impl Future<Output = Result<(), Stop>> + Send;
    /// Says goodbye; what the client still sends is not heard.
    fn close(
        self,
        closing: Closing,
        inbound: impl Stream<Item = Inbound<Self::Reply>> + Unpin + Send,
    ) -> impl Future<Output = ()> + Send;
}

/// Why a connection stops.
pub(crate) enum Stop {
    /// The client went away.
    Gone,
    /// The server ends it.
    Close(Closing),
}

impl From<Closing> for Stop {
    fn from(closing: Closing) -> Self {
        Self::Close(closing)
    }
}

/// A connection whose caller is known.
pub(crate) struct Connection<O> {
    pub(crate) app: App,
    pub(crate) caller: Caller,
    pub(crate) seat: Seat,
    pub(crate) outlet: O,
    pub(crate) feed: Feed,
    pub(crate) ids: EventIds,
    /// All entries up to this number are shown or not to be shown.
    pub(crate) position: u64,
    /// The entries after the first and up to the second number were shown on this connection.
    pub(crate) shown: (u64, u64),
    pub(crate) typing: DefaultDirectRateLimiter,
    pub(crate) followed: Followed,
    pub(crate) client: ClientInfo,
    frames: DefaultDirectRateLimiter,
    missed_pings: u8,
    /// Until then nothing is delivered.
    room_to_resume: Option<Instant>,
    look: Interval,
    rhythm: Rhythm,
}

impl<O: Outlet> Connection<O> {
    /// Takes a caller in. Whatever is told from now on will be delivered.
    pub(crate) fn open(
        app: App,
        hub: &Arc<Hub>,
        (caller, client): (Caller, ClientInfo),
        outlet: O,
        feed: Feed,
    ) -> Result<Self, (O, Closing)> {
        let person = (caller.tenant().clone(), caller.user().clone());
        let seat = match hub.join(&app, person, caller.session().clone()) {
            Ok(seat) => seat,
            Err(closing) => return Err((outlet, closing)),
        };
        Ok(Self {
            ids: EventIds::of(caller.tenant(), caller.user()),
            app,
            caller,
            seat,
            outlet,
            feed,
            position: 0,
            shown: (0, 0),
            typing: limit(TYPINGS),
            followed: Followed::default(),
            client,
            frames: limit(FRAMES),
            missed_pings: 0,
            room_to_resume: None,
            look: every(Rhythm::USUAL.look),
            rhythm: Rhythm::USUAL,
        })
    }

    /// Serves the client until one of both ends it.
    pub(crate) async fn run(
        mut self,
        mut inbound: impl Stream<Item = Inbound<O::Reply>> + Unpin + Send,
        last_event_id: Option<String>,
    ) {
        let stop = match self.begin(last_event_id).await {
            Ok(()) => self.go_on(&mut inbound).await.err().unwrap_or(Stop::Gone),
            Err(stop) => stop,
        };
        if let Stop::Close(closing) = stop {
            metrics::counter!("realtime_closed_total", "code" => closing.code.to_string()).increment(1);
            self.outlet.close(closing, inbound).await;
        }
    }

    /// Finds the place in the inbox and says hello.
    async fn begin(&mut self, last_event_id: Option<String>) -> Result<(), Stop> {
        self.seat.hub().is_listening().await;
        let head = loop {
            match self.head().await {
                Ok(head) => break head,
                Err(error) => {
                    ApiError::from(error).log();
                    tokio::select! {
                        () = tokio::time::sleep(RETRY) => {}
                        closing = self.seat.hung_up() => return Err(closing.into()),
                    }
                }
            }
        };
        self.move_to(head);
        let Some(last) = last_event_id else {
            self.room_to_resume = O::PINGS.then(|| Instant::now() + ROOM_TO_RESUME);
            return self.say_hello().await;
        };
        let resumable = self.resumable(&last, head).await;
        if let Some(number) = resumable {
            self.move_to(number);
        }
        self.say_hello().await?;
        self.finish_resume(resumable.is_some()).await
    }

    const fn move_to(&mut self, number: u64) {
        self.position = number;
        self.shown = (number, number);
    }

    async fn say_hello(&mut self) -> Result<(), Stop> {
        let last = self.ids.id(self.position);
        let message = match self.feed {
            Feed::Notifications => "Connected to notifications",
            Feed::Everything | Feed::Chats => "Connected",
        };
        let data = json!({ "userId": self.caller.user(), "lastEventId": last, "message": message });
        self.outlet.deliver(&Frame::new("connected", data), None).await
    }

    async fn go_on(
        &mut self,
        inbound: &mut (impl Stream<Item = Inbound<O::Reply>> + Unpin + Send),
    ) -> Result<(), Stop> {
        let mut session = every(self.rhythm.session_check);
        let mut ping = every(self.rhythm.ping);
        loop {
            let room = self.room_to_resume;
            tokio::select! {
                call = self.seat.called(room.is_none()) => self.heed(call).await?,
                came = inbound.next() => match came {
                    None => return Err(Stop::Gone),
                    Some(came) => self.take(came).await?,
                },
                () = until(room) => {
                    self.room_to_resume = None;
                    self.catch_up().await?;
                }
                _ = self.look.tick(), if room.is_none() => self.catch_up().await?,
                _ = session.tick() => self.check_session().await?,
                _ = ping.tick(), if O::PINGS => self.ping().await?,
            }
        }
    }

    async fn heed(&mut self, call: Call) -> Result<(), Stop> {
        match call {
            Call::Inbox => self.catch_up().await,
            Call::HangUp(closing) => Err(closing.into()),
            Call::Passing(_) if !self.shows_passing() => Ok(()),
            Call::Passing(passing) => {
                let frame = Frame::new(passing.event.clone(), passing.data.clone());
                self.outlet.deliver(&frame, None).await
            }
        }
    }

    fn shows_passing(&self) -> bool {
        self.feed != Feed::Notifications && self.caller.principal.may_see_phi()
    }

    async fn take(&mut self, came: Inbound<O::Reply>) -> Result<(), Stop> {
        self.missed_pings = 0;
        if matches!(came, Inbound::Alive) {
            return Ok(());
        }
        if self.frames.check().is_err() {
            let error = ApiError::new(Code::RateLimited, "Too many frames. Connect again and send fewer.");
            self.outlet.deliver(&error_frame(&error, None), None).await?;
            return Err(Closing::FLOOD.into());
        }
        match came {
            Inbound::Alive => {}
            Inbound::Malformed(error) => self.outlet.deliver(&error_frame(&error, None), None).await?,
            Inbound::Asked { event, data, reply } => {
                let answer = match Command::read(&event, &data) {
                    Ok(command) => self.perform(command).await?,
                    Err(error) => Err(error),
                };
                let answer = answer.map_err(|error| {
                    error.log();
                    error_frame(&error, Some((&event, &data)))
                });
                self.outlet.answer(reply, answer).await?;
            }
        }
        if self.room_to_resume.take().is_some() {
            self.catch_up().await?;
        }
        Ok(())
    }

    async fn check_session(&mut self) -> Result<(), Stop> {
        let live = self.app.sessions.is_live(&self.caller.store, self.caller.session()).await;
        match live {
            Ok(false) => Err(Closing::SIGNED_OUT.into()),
            Ok(true) => Ok(()),
            // Nobody is thrown out because the store does not answer; the next check is soon.
            Err(error) => {
                ApiError::from(error).log();
                Ok(())
            }
        }
    }

    async fn ping(&mut self) -> Result<(), Stop> {
        if self.missed_pings >= MISSED_PINGS {
            return Err(Closing::SILENT.into());
        }
        self.missed_pings += 1;
        self.outlet.ping().await
    }

    /// The number of the inbox's last entry.
    pub(crate) async fn head(&self) -> Result<u64, store::Error> {
        let head = self.caller.store.get(&INBOX_HEADS, self.caller.user().as_str()).await?;
        Ok(head.map_or(0, |doc| doc.value.last))
    }

    /// Looks again soon.
    pub(crate) fn look_soon(&mut self) {
        self.look.reset_after(RETRY);
    }
}

/// An error as a client is told of it, with what it belongs to.
pub(crate) fn error_frame(error: &ApiError, of: Option<(&str, &Value)>) -> Frame {
    let body = error.body(kernel::Time::from_millis(0));
    let mut data = json!({ "code": error.code(), "message": error.message() });
    if let Some(details) = body["error"]["details"].as_object().filter(|details| !details.is_empty()) {
        data["field"] = details.get("field").cloned().unwrap_or(Value::Null);
        data["details"] = Value::Object(details.clone());
    }
    if let Some((event, sent)) = of {
        data["event"] = event.chars().take(60).collect::<String>().into();
        if let Some(client_id) = sent["clientId"].as_str().filter(|id| id.len() <= 100) {
            data["clientId"] = client_id.into();
        }
    }
    Frame::new("error", data)
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn limit((per_second, at_once): (u32, u32)) -> DefaultDirectRateLimiter {
    let at_least_one = |n: u32| std::num::NonZeroU32::new(n).unwrap_or(std::num::NonZeroU32::MIN);
    RateLimiter::direct(Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(at_once)))
}

#[cfg(test)]
mod tests;
