//! Which messages of a chat a page shows. Messages count from 1 without gaps, so a page is a range of numbers.

use conversations::{MessageView, OpenChat, Places, TOLD_READ_UP_TO, is_read, show};
use garde::Validate;
use kernel::{ChatId, MessageId, UserId};
use model::chat::sequence_id;
use model::membership::Membership;
use model::message::{message_id, messages, parse_message_id};
use serde::{Deserialize, Serialize};
use store::Store;
use utoipa::{IntoParams, ToSchema};
use web::ApiError;

/// Which messages: the newest ones, unless told. `page`, `offset`, `before` and `after` exclude each other.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessagesQuery {
    /// How many; 50 unless told.
    #[garde(range(min = 1, max = 100))]
    limit: Option<u32>,
    /// Counts pages from 1, the newest messages, backwards.
    #[garde(range(min = 1, max = 1_000_000))]
    page: Option<u32>,
    /// How many of the newest to leave out.
    #[garde(range(max = 100_000_000))]
    offset: Option<u32>,
    /// The messages before this one: `nextCursor`. May be called `cursor`.
    #[serde(alias = "cursor")]
    #[garde(skip)]
    before: Option<MessageId>,
    /// The messages after this one: `previousCursor`.
    #[garde(skip)]
    after: Option<MessageId>,
}

/// Where a page of messages is.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessagesPagination {
    /// How many messages the chat has, deleted ones included.
    #[schema(example = 125)]
    total: u64,
    /// This page, from 1; `null` where another way was asked.
    page: Option<u32>,
    /// How many fit on a page.
    #[schema(example = 50)]
    limit: u32,
    /// Ask with this as `before` for older messages; `null` where there are none.
    next_cursor: Option<MessageId>,
    /// Ask with this as `after` for newer messages; `null` where there are none yet.
    previous_cursor: Option<MessageId>,
}

/// The messages numbered `first` to `last`; none where `last` is smaller.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Window {
    first: u64,
    last: u64,
    limit: u32,
    page: Option<u32>,
}

impl MessagesQuery {
    /// The range, in a chat whose last message is number `newest`.
    pub(crate) fn window(&self, chat: &ChatId, newest: u64) -> Result<Window, ApiError> {
        let ways = [self.page.is_some(), self.offset.is_some(), self.before.is_some(), self.after.is_some()];
        if ways.into_iter().filter(|is_used| *is_used).count() > 1 {
            return Err(ApiError::field("before", "before: use one of page, offset, before and after"));
        }
        let limit = self.limit.unwrap_or(50);
        let count = u64::from(limit);
        let number = |field: &str, id: &MessageId| match parse_message_id(id) {
            Some((of, seq)) if of == *chat => Ok(seq),
            _ => Err(ApiError::field(field, format!("{field}: not a message of this chat"))),
        };
        if let Some(after) = &self.after {
            let first = number("after", after)?.saturating_add(1);
            let last = first.saturating_add(count - 1).min(newest);
            return Ok(Window { first, last, limit, page: None });
        }
        let page = if ways.contains(&true) { self.page } else { Some(1) };
        let last = match (&self.before, self.offset, page) {
            (Some(before), ..) => number("before", before)?.saturating_sub(1).min(newest),
            (None, Some(offset), _) => newest.saturating_sub(offset.into()),
            (None, None, page) => newest.saturating_sub(u64::from(page.unwrap_or(1) - 1) * count),
        };
        Ok(Window { first: last.saturating_sub(count - 1).max(1), last, limit, page })
    }
}

impl Window {
    pub(crate) fn pagination(&self, chat: &ChatId, newest: u64) -> MessagesPagination {
        let is_empty = self.last < self.first;
        let cursor = |seq: u64, leads_on: bool| (leads_on && !is_empty).then(|| message_id(chat, seq));
        MessagesPagination {
            total: newest,
            page: self.page,
            limit: self.limit,
            next_cursor: cursor(self.first, self.first > 1),
            previous_cursor: cursor(self.last, self.last < newest),
        }
    }

    /// The messages of the range, oldest first, and the reader's membership: one query and one read.
    pub(crate) async fn show(
        &self,
        store: &Store,
        open: &OpenChat,
        reader: &UserId,
    ) -> Result<(Vec<MessageView>, Membership), ApiError> {
        let collection = messages(&open.id);
        let range = collection.all().id_from(sequence_id(self.first)).id_below(sequence_id(self.last + 1));
        let found = async {
            let is_empty = self.last < self.first;
            if is_empty { Ok(Vec::new()) } else { store.query(&collection, &range).await.map_err(ApiError::from) }
        };
        let (found, (own, others)) = tokio::try_join!(found, open.memberships(store, reader, TOLD_READ_UP_TO))?;
        let own = own.ok_or_else(|| ApiError::not_found("chat"))?;
        let places = Places::of(&store.database().tenant, &open.id);
        let views = found.into_iter().map(|doc| {
            let is_read = is_read(&open.chat, reader, Some(&own), &others, &doc.value);
            show(open, &places, &doc.value, is_read)
        });
        Ok((views.collect::<Result<_, _>>()?, own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat() -> ChatId {
        "c".parse().unwrap()
    }

    fn ask(query: &str) -> Result<(u64, u64, Option<u64>, Option<u64>), ApiError> {
        let query: MessagesQuery = serde_json::from_str(query).unwrap();
        let window = query.window(&chat(), 25)?;
        let pagination = window.pagination(&chat(), 25);
        let seq = |id: Option<MessageId>| id.and_then(|id| parse_message_id(&id)).map(|(_, seq)| seq);
        Ok((window.first, window.last, seq(pagination.next_cursor), seq(pagination.previous_cursor)))
    }

    #[test]
    fn a_window_is_arithmetic() {
        assert_eq!(ask("{}").unwrap(), (1, 25, None, None));
        assert_eq!(ask(r#"{"limit": 10}"#).unwrap(), (16, 25, Some(16), None));
        assert_eq!(ask(r#"{"limit": 10, "page": 3}"#).unwrap(), (1, 5, None, Some(5)));
        assert_eq!(ask(r#"{"limit": 10, "offset": 3}"#).unwrap(), (13, 22, Some(13), Some(22)));
        assert_eq!(ask(r#"{"limit": 5, "before": "c_0000000016"}"#).unwrap(), (11, 15, Some(11), Some(15)));
        assert_eq!(ask(r#"{"limit": 5, "cursor": "c_0000000003"}"#).unwrap(), (1, 2, None, Some(2)));
        assert_eq!(ask(r#"{"limit": 5, "after": "c_0000000018"}"#).unwrap(), (19, 23, Some(19), Some(23)));
        assert_eq!(ask(r#"{"limit": 5, "after": "c_0000000023"}"#).unwrap(), (24, 25, Some(24), None));
    }

    #[test]
    fn beyond_the_ends_is_nothing() {
        for nothing in [r#"{"page": 9}"#, r#"{"offset": 25}"#, r#"{"before": "c_0000000001"}"#] {
            assert_eq!(ask(nothing).unwrap(), (1, 0, None, None), "{nothing}");
        }
        assert_eq!(ask(r#"{"after": "c_0000000025"}"#).unwrap(), (26, 25, None, None));
        assert_eq!(ask(r#"{"limit": 2, "before": "c_9999999999"}"#).unwrap(), (24, 25, Some(24), None));
    }

    #[test]
    fn another_chats_message_is_no_cursor() {
        assert!(ask(r#"{"before": "d_0000000001"}"#).is_err());
        assert!(ask(r#"{"after": "nonsense"}"#).is_err());
        assert!(ask(r#"{"after": "c_0000000001", "page": 2}"#).is_err());
    }
}
