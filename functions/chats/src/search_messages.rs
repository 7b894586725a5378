use std::collections::HashSet;

use axum::extract::State;
use charts::Asking;
use conversations::{MessageView, OpenChat, Places, TOLD_READ_UP_TO, is_read, open, show};
use garde::Validate;
use kernel::{ChatId, Phi};
use model::message::{Message, WORDS_INDEX, messages};
use serde::{Deserialize, Serialize};
use store::{Cursor, Direction, Doc};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems, Query, decode_cursor, encode_cursor};

/// How many messages with the rarest-looking word are opened for one answer.
const LOOKED_THROUGH: u32 = 200;

/// What to look for.
#[derive(Deserialize, Validate, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchMessagesQuery {
    /// Whole words, all of which are in the message, in any order; case and accents do not matter.
    #[garde(length(chars, min = 2, max = 100))]
    #[param(example = "headache aspirin", min_length = 2, max_length = 100)]
    q: String,
    /// How many at most; 20 unless told.
    #[garde(range(min = 1, max = 50))]
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    #[garde(length(max = 400))]
    #[param(max_length = 400)]
    cursor: Option<String>,
}

/// The messages found.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundMessages {
    /// The messages, newest first.
    data: Vec<MessageView>,
    /// How to go on.
    pagination: FoundPagination,
}

/// How to go on with a search.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FoundPagination {
    /// How many fit on a page.
    #[schema(example = 20)]
    limit: u32,
    /// Ask with this to look on; `null` once the whole chat was looked through. A page with one may hold fewer messages
    /// than asked for, or none.
    next_cursor: Option<String>,
}

/// Search a chat's messages
///
/// By whole words, newest first. Of very long messages the first 300 different words are found.
#[utoipa::path(
    get, path = "/api/v1/chats/{chatId}/search", tag = "chats", security(("bearer" = [])),
    params(("chatId" = ChatId, Path, description = "The chat"), SearchMessagesQuery),
    responses((status = 200, body = FoundMessages), Problems),
)]
pub(crate) async fn search_messages(
    State(app): State<App>,
    caller: Caller,
    Path(chat_id): Path<ChatId>,
    Query(query): Query<SearchMessagesQuery>,
) -> Result<Json<FoundMessages>, ApiError> {
    caller.trail.action("message.search").entity("chat", &chat_id);
    caller.must_see_phi()?;
    let words: HashSet<String> = vault::words(&query.q).into_iter().collect();
    let longest = words.iter().max_by_key(|word| (word.chars().count(), word.as_str()));
    let longest = longest.ok_or_else(|| ApiError::field("q", "q: has no word in it"))?;
    let below: Option<u32> = query.cursor.as_deref().map(|text| decode_cursor("cursor", text)).transpose()?;
    let limit = query.limit.unwrap_or(20);
    let open = open(&Asking::of(&app, &caller), &chat_id).await?;

    let hash = app.vault.blind_index(&caller.store).await?.exact(WORDS_INDEX, longest);
    // Of one word every candidate matches, and one more than fits tells whether to go on.
    let look = if words.len() == 1 { limit + 1 } else { LOOKED_THROUGH };
    let candidates = candidates(&caller, &chat_id, &hash, below.map(u64::from), look).await?;
    let (found, looked_to) = matching(&caller, &open, &candidates, &words, limit as usize)?;
    let is_all = candidates.len() < look as usize && looked_to == candidates.last().map(|doc| doc.value.seq);
    let next_cursor = looked_to.filter(|_| !is_all).map(|seq| encode_cursor(&seq));

    let (own, others) = open.memberships(&caller.store, caller.user(), TOLD_READ_UP_TO).await?;
    let places = Places::of(caller.tenant(), &chat_id);
    let views = found.into_iter().map(|message| {
        show(&open, &places, message, is_read(&open.chat, caller.user(), own.as_ref(), &others, message))
    });
    let data = views.collect::<Result<_, _>>()?;
    Ok(Json(FoundMessages { data, pagination: FoundPagination { limit, next_cursor } }))
}

/// Messages with a word, newest first, below a number.
async fn candidates(
    caller: &Caller,
    chat_id: &ChatId,
    hash: &str,
    below: Option<u64>,
    look: u32,
) -> Result<Vec<Doc<Message>>, ApiError> {
    let collection = messages(chat_id);
    let after = below.map(|seq| Cursor { values: vec![seq.into()], id: model::chat::sequence_id(seq) });
    let query = collection.all().contains("words", hash).order("seq", Direction::Descending).after(after).limit(look);
    Ok(caller.store.query(&collection, &query).await?)
}

/// Those that have all the words, as many as fit, and up to which message that is sure.
fn matching<'a>(
    caller: &Caller,
    open: &OpenChat,
    candidates: &'a [Doc<Message>],
    words: &HashSet<String>,
    limit: usize,
) -> Result<(Vec<&'a Message>, Option<u64>), ApiError> {
    let places = Places::of(caller.tenant(), &open.id);
    let mut found = Vec::new();
    let mut looked_to = None;
    for message in candidates.iter().map(|doc| &doc.value) {
        if found.len() == limit {
            break;
        }
        looked_to = Some(message.seq);
        let Some(sealed) = &message.content else { continue };
        let id = model::message::message_id(&open.id, message.seq);
        let content: Phi<String> = open.key.open(&places.content(&id), sealed)?;
        let said: HashSet<String> = vault::words(content.disclose()).into_iter().collect();
        if words.is_subset(&said) {
            found.push(message);
        }
    }
    Ok((found, looked_to))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::TestApp;

    use crate::testing::{Team, create, each, get, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        whole_words_in_any_order, pages_go_on, bad_questions_are_named,
    }

    async fn whole_words_in_any_order(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let other = create(&app, &ann, "Care Team", &[]).await;
        say(&app, &ann, &other, "Headache elsewhere").await;
        say(&app, &ann, &chat, "Headache since Monday, took aspirin").await;
        say(&app, &bob, &chat, "Aspirin helps with the HEADACHE?").await;
        say(&app, &bob, &chat, "Müller has no headaches").await;
        let found = async |q: &str| {
            let list = get(&app, &ann, &format!("/api/v1/chats/{chat}/search?q={q}")).await;
            assert_eq!(list["pagination"]["nextCursor"], Value::Null, "{q}");
            each(&list["data"], "seq")
        };
        assert_eq!(found("headache").await, ["2", "1"]);
        assert_eq!(found("aspirin+headache").await, ["2", "1"]);
        assert_eq!(found("monday%20headache").await, ["1"]);
        assert_eq!(found("MULLER").await, ["3"]);
        assert_eq!(found("head").await, Vec::<String>::new());
        assert_eq!(found("headache+tuesday").await, Vec::<String>::new());
    }

    async fn pages_go_on(app: TestApp) {
        let Team { ann, chat, .. } = Team::of(&app).await;
        for n in 1..=5 {
            say(&app, &ann, &chat, if n == 3 { "pain" } else { "pain again" }).await;
        }
        for (q, all) in [("pain", vec!["5", "4", "3", "2", "1"]), ("pain+again", vec!["5", "4", "2", "1"])] {
            let mut path = format!("/api/v1/chats/{chat}/search?q={q}&limit=2");
            let mut seen = Vec::new();
            loop {
                let page = get(&app, &ann, &path).await;
                seen.extend(each(&page["data"], "seq"));
                let Some(cursor) = page["pagination"]["nextCursor"].as_str() else { break };
                path = format!("/api/v1/chats/{chat}/search?q={q}&limit=2&cursor={cursor}");
            }
            assert_eq!(seen, all);
        }
    }

    async fn bad_questions_are_named(app: TestApp) {
        let Team { ann, chat, .. } = Team::of(&app).await;
        let ask = |query: &str| app.get(&format!("/api/v1/chats/{chat}/search?{query}")).by(&ann);
        let long = format!("q={}", "x".repeat(101));
        for query in ["", "q=x", "q=--", long.as_str()] {
            assert_eq!(ask(query).refused(400, "VALIDATION_ERROR").await, "q", "{query}");
        }
        assert_eq!(ask("q=xy&limit=51").refused(400, "VALIDATION_ERROR").await, "limit");
        assert_eq!(ask("q=xy&cursor=zz").refused(400, "VALIDATION_ERROR").await, "cursor");
        let eve = app.user(Role::Nurse, "Eve").await;
        app.get(&format!("/api/v1/chats/{chat}/search?q=xy")).by(&eve).refused(404, "NOT_FOUND").await;
        assert_eq!(ask("q=xy").expect(200).await["data"], json!([]));
    }
}
