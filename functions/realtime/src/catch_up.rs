//! Delivering from the inbox: live and after an absence alike.

use std::sync::Arc;
use std::time::Duration;

use model::chat::sequence_id;
use model::inbox::{InboxEntry, KEPT, inbox};
use serde_json::json;
use tokio::time::Instant;
use web::ApiError;

use crate::connection::{Connection, Outlet, Stop};
use crate::render::{Frame, render};

/// How many entries are read and shown at a time.
const BATCH: u32 = 100;
/// A batch that takes longer to send is read anew: who may see what may have changed.
const FRESH: Duration = Duration::from_secs(1);

impl<O: Outlet> Connection<O> {
    /// Delivers everything after the connection's position. What fails for a passing reason is tried again soon.
    pub(crate) async fn catch_up(&mut self) -> Result<(), Stop> {
        self.deliver_rest().await.map(|_| ())
    }

    /// Goes back to an event id the client has, and delivers what came after it.
    pub(crate) async fn resume(&mut self, last_event_id: &str) -> Result<(), Stop> {
        let head = match self.head().await {
            Ok(head) => head,
            Err(error) => {
                ApiError::from(error).log();
                self.position
            }
        };
        let resumable = self.resumable(last_event_id, head).await;
        match resumable {
            Some(number) if number < self.shown.0 => {
                self.position = number;
                self.finish_resume(true).await?;
                // Where the store failed on the way, the rest comes later and has not been shown yet.
                if self.position >= self.shown.0 {
                    self.shown.0 = number;
                }
                Ok(())
            }
            Some(number) => {
                self.position = self.position.max(number);
                self.finish_resume(true).await
            }
            None => self.finish_resume(false).await,
        }
    }

    /// The number to resume from: of an id of this user's, with everything after it still kept.
    pub(crate) async fn resumable(&self, last_event_id: &str, head: u64) -> Option<u64> {
        let number = self.ids.number(last_event_id).filter(|number| *number <= head)?;
        if number == head {
            return Some(number);
        }
        let next = self.caller.store.get(&inbox(self.caller.user()), &sequence_id(number + 1)).await;
        let oldest_kept = self.app.now().minus(KEPT);
        match next {
            Ok(next) => next.filter(|doc| doc.value.at >= oldest_kept).map(|_| number),
            Err(error) => {
                ApiError::from(error).log();
                None
            }
        }
    }

    /// Delivers what was missed, or says that it is not known any more.
    pub(crate) async fn finish_resume(&mut self, is_known: bool) -> Result<(), Stop> {
        let frame = if is_known {
            let count = self.deliver_rest().await?;
            Frame::new("resumed", json!({ "count": count, "lastEventId": self.ids.id(self.position) }))
        } else {
            Frame::new("resync", json!({ "lastEventId": self.ids.id(self.position) }))
        };
        self.outlet.deliver(&frame, None).await
    }

    /// Says how many frames it delivered.
    async fn deliver_rest(&mut self) -> Result<u64, Stop> {
        let mut count = 0;
        loop {
            match self.deliver_batch().await? {
                Ok((_, true)) => return Ok(count),
                Ok((sent, false)) => count += sent,
                Err(error) => {
                    error.log();
                    self.look_soon();
                    return Ok(count);
                }
            }
        }
    }

    /// Says how many frames it delivered, and whether there was nothing to deliver.
    async fn deliver_batch(&mut self) -> Result<Result<(u64, bool), Arc<ApiError>>, Stop> {
        let batch = match self.next_entries().await {
            Ok(batch) => batch,
            Err(error) => return Ok(Err(Arc::new(error.into()))),
        };
        if batch.is_empty() {
            return Ok(Ok((0, true)));
        }
        let (numbers, entries): (Vec<u64>, Vec<InboxEntry>) = batch.into_iter().unzip();
        let shown: Vec<InboxEntry> = entries.iter().filter(|entry| self.feed.shows(&entry.what)).cloned().collect();
        let read_at = Instant::now();
        let mut frames = match render(&self.app, &self.seat.hub().shelf, &self.caller, &shown).await {
            Ok(rendered) => {
                let noted = self.followed.write(&self.app, &self.caller, &self.client, rendered.chats).await;
                if let Err(error) = noted {
                    return Ok(Err(Arc::new(error.into())));
                }
                rendered.frames.into_iter()
            }
            Err(error) => return Ok(Err(error)),
        };
        let mut sent = 0;
        for (number, entry) in numbers.into_iter().zip(&entries) {
            if read_at.elapsed() > FRESH {
                break;
            }
            if let Some(closing) = self.seat.is_hung_up() {
                return Err(closing.into());
            }
            let frame = if self.feed.shows(&entry.what) { frames.next().flatten() } else { None };
            // Who resumes late has been shown the latest already.
            let was_shown = self.shown.0 < number && number <= self.shown.1;
            if let Some(frame) = frame.filter(|_| !was_shown) {
                let id = self.ids.id(number);
                self.outlet.deliver(&frame, Some(&id)).await?;
                sent += 1;
            }
            self.position = number;
            self.shown.1 = self.shown.1.max(number);
        }
        metrics::counter!("realtime_events_total").increment(sent);
        Ok(Ok((sent, false)))
    }

    /// The next entries with their numbers. One that is damaged is passed over.
    async fn next_entries(&mut self) -> Result<Vec<(u64, InboxEntry)>, store::Error> {
        let inbox = inbox(self.caller.user());
        loop {
            let next = inbox.all().id_from(sequence_id(self.position + 1)).limit(BATCH);
            let entries = match self.caller.store.query(&inbox, &next).await {
                Ok(entries) => entries,
                Err(store::Error::Damaged { .. }) => match self.next_single().await? {
                    Some(entry) => return Ok(vec![entry]),
                    None => continue,
                },
                Err(error) => return Err(error),
            };
            return Ok(entries.into_iter().filter_map(|doc| Some((doc.id.parse().ok()?, doc.value))).collect());
        }
    }

    /// The next entry by itself; where that is the damaged one, the position moves past it.
    async fn next_single(&mut self) -> Result<Option<(u64, InboxEntry)>, store::Error> {
        let number = self.position + 1;
        match self.caller.store.get(&inbox(self.caller.user()), &sequence_id(number)).await {
            Ok(Some(doc)) => Ok(Some((number, doc.value))),
            Ok(None) => {
                self.position = number;
                Ok(None)
            }
            Err(error @ store::Error::Damaged { .. }) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a damaged inbox entry is passed over");
                self.position = number;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
