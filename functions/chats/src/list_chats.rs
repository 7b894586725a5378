use std::cmp::Reverse;

use axum::extract::State;
use charts::Asking;
use conversations::{OpenChat, open_many};
use garde::Validate;
use kernel::{ChatId, Time};
use model::chat::{Chat, ChatType};
use model::membership::{MEMBERSHIPS, Membership};
use serde::{Deserialize, Serialize};
use web::{ApiError, App, Caller, Json, Listed, Pagination, Problems, Query, decode_cursor, encode_cursor};

use crate::wire::ChatSummary;

/// Which of the caller's chats.
#[derive(Deserialize, Validate, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListChatsQuery {
    /// Only of this type, such as `Care Team`.
    #[serde(rename = "type")]
    #[garde(skip)]
    #[param(example = "Care Team")]
    kind: Option<ChatType>,
    /// Only those that the caller has pinned, or has not.
    #[garde(skip)]
    pinned: Option<bool>,
    /// Those that the caller has put away, instead of the others.
    #[serde(default)]
    #[garde(skip)]
    archived: bool,
    /// Counts from 1.
    #[garde(range(min = 1, max = 100_000))]
    #[param(minimum = 1, maximum = 100_000)]
    page: Option<u32>,
    /// How many on a page; 20 unless told.
    #[garde(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `nextCursor` of the page before; wins over `page`.
    #[garde(length(max = 400))]
    #[param(max_length = 400)]
    cursor: Option<String>,
}

/// Where a chat stands in the list: pinned ones first, then by their last message.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Rank(Reverse<bool>, Reverse<i64>, ChatId);

impl Rank {
    fn of(id: &ChatId, chat: &Chat, own: &Membership) -> Self {
        let activity: Time = chat.last_message.as_ref().map_or(chat.created_at, |last| last.at);
        Self(Reverse(own.pinned), Reverse(activity.as_millis()), id.clone())
    }
}

/// The caller's chats
///
/// Pinned ones first, then those with the latest messages. One query and one read, however many chats there are.
#[utoipa::path(
    get, path = "/api/v1/chats", tag = "chats", security(("bearer" = [])),
    params(ListChatsQuery),
    responses((status = 200, body = Listed<ChatSummary>), Problems),
)]
pub(crate) async fn list_chats(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListChatsQuery>,
) -> Result<Json<Listed<ChatSummary>>, ApiError> {
    caller.trail.action("chat.list");
    caller.must_see_phi()?;
    let start: Option<Rank> = query.cursor.as_deref().map(|text| decode_cursor("cursor", text)).transpose()?;
    let asking = Asking::of(&app, &caller);
    let chats = open_many(&asking, wanted_memberships(&caller, &query).await?).await?;
    let mut ranked: Vec<(Rank, OpenChat, Membership)> =
        chats.into_iter().map(|(open, own)| (Rank::of(&open.id, &open.chat, &own), open, own)).collect();
    ranked.sort_by(|one, other| one.0.cmp(&other.0));

    let (page, limit) = (query.page.unwrap_or(1), query.limit.unwrap_or(20));
    let skip = match &start {
        Some(start) => ranked.partition_point(|(rank, ..)| rank <= start),
        None => (page as usize - 1) * limit as usize,
    };
    let shown = || ranked.iter().skip(skip).take(limit as usize);
    shown().filter_map(|(_, open, _)| open.chat.patient_id.as_ref()).for_each(|patient| asking.saw(patient));
    let data = shown().map(|(_, open, own)| ChatSummary::of(caller.tenant(), open, own)).collect::<Result<_, _>>()?;
    let has_more = ranked.len() > skip.saturating_add(limit as usize);
    let next_cursor = shown().next_back().filter(|_| has_more).map(|(rank, ..)| encode_cursor(rank));
    let pagination = Pagination { total: ranked.len() as u64, page, limit, next_cursor };
    Ok(Json(Listed { data, pagination }))
}

async fn wanted_memberships(caller: &Caller, query: &ListChatsQuery) -> Result<Vec<Membership>, ApiError> {
    let mine = MEMBERSHIPS.all().eq("userId", caller.user().as_str()).eq("active", true);
    let found = caller.store.query(&MEMBERSHIPS, &mine).await?.into_iter().map(|doc| doc.value);
    let is_wanted = |own: &Membership| {
        query.kind.is_none_or(|kind| own.kind == kind)
            && query.pinned.is_none_or(|pinned| own.pinned == pinned)
            && own.archived == query.archived
    };
    Ok(found.filter(is_wanted).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing::{Team, create, each, get, listed, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        pinned_ones_come_first_then_the_latest, pages_and_filters, any_number_costs_the_same, bad_questions_are_named,
    }

    async fn pinned_ones_come_first_then_the_latest(app: TestApp) {
        let Team { ann, bob, chat: first, .. } = Team::of(&app).await;
        let minute = || app.clock.advance(Duration::from_secs(60));
        minute();
        let second = create(&app, &ann, "Internal Staff", &[&bob]).await;
        minute();
        let third = create(&app, &ann, "Broadcast", &[&bob]).await;
        minute();
        say(&app, &ann, &first, "Thanks  for\nthe update").await;
        app.post(&format!("/api/v1/chats/{second}/pin")).by(&bob).expect(200).await;

        let list = get(&app, &bob, "/api/v1/chats").await;
        assert_eq!(each(&list["data"], "id"), [&second, &first, &third].map(String::as_str));
        assert_eq!(each(&get(&app, &ann, "/api/v1/chats").await["data"], "id")[0], first);
        let shown = listed(&app, &bob, &first).await;
        assert_eq!((&shown["lastMessage"], &shown["unreadCount"]), (&json!("Thanks for the update"), &json!(1)));
        assert_eq!(shown["lastMessageTime"], "2026-01-15T10:03:00.000Z");
        assert_eq!(listed(&app, &ann, &first).await["unreadCount"], 0);
        assert_eq!(list["pagination"], json!({"total": 3, "page": 1, "limit": 20, "nextCursor": null}));
    }

    async fn pages_and_filters(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let mut made = Vec::new();
        for n in 0..5 {
            made.push(create(&app, &ann, if n == 2 { "Broadcast" } else { "Care Team" }, &[]).await);
            app.clock.advance(Duration::from_secs(1));
        }
        made.reverse();
        let list = async |query: &str| get(&app, &ann, &format!("/api/v1/chats?{query}")).await;
        assert_eq!(each(&list("limit=2&page=2").await["data"], "id"), made[2..4]);
        let mut seen = Vec::new();
        let mut query = "limit=2".to_owned();
        loop {
            let page = list(&query).await;
            assert_eq!(page["pagination"]["total"], 5);
            seen.extend(each(&page["data"], "id"));
            let Some(cursor) = page["pagination"]["nextCursor"].as_str() else { break };
            query = format!("limit=2&cursor={cursor}");
        }
        assert_eq!(seen, made);
        assert_eq!(each(&list("type=Broadcast").await["data"], "id"), made[2..3]);
        assert_eq!(list("type=Care%20Team").await["pagination"]["total"], 4);
        let path = format!("/api/v1/chats/{}/membership", made[0]);
        app.put(&path).by(&ann).json(&json!({"archived": true, "pinned": true})).expect(200).await;
        assert_eq!(list("").await["pagination"]["total"], 4);
        assert_eq!(each(&list("archived=true&pinned=true").await["data"], "id"), made[..1]);
        assert_eq!(list("pinned=true").await["pagination"]["total"], 0);
    }

    async fn any_number_costs_the_same(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let mut costs = Vec::new();
        for _ in 0..2 {
            let wanted = if costs.is_empty() { 1 } else { 60 };
            while get(&app, &ann, "/api/v1/chats").await["pagination"]["total"].as_u64().unwrap() < wanted {
                create(&app, &ann, "Care Team", &[]).await;
            }
            app.settle().await;
            let before = app.store.meter().counts();
            assert_eq!(each(&get(&app, &ann, "/api/v1/chats?limit=100").await["data"], "id").len() as u64, wanted);
            let cost = app.store.meter().counts() - before;
            costs.push((cost.queries, cost.gets, cost.commits));
        }
        // The commit is the audit entry's.
        assert_eq!(costs, [(1, 1, 1), (1, 1, 1)]);
        // With none of the keys at hand they come in the same read; the others are the session's: whether it is live, and,
        // every five minutes, that it is in use.
        app.clock.advance(Duration::from_secs(6 * 60));
        let before = app.store.meter().counts();
        get(&app, &ann, "/api/v1/chats?limit=100").await;
        let cost = app.store.meter().counts() - before;
        assert_eq!((cost.queries, cost.gets), (1, 3));
    }

    async fn bad_questions_are_named(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        for (query, field) in [
            ("type=Club", "type"),
            ("pinned=maybe", "pinned"),
            ("page=0", "page"),
            ("limit=101", "limit"),
            ("cursor=x", "cursor"),
            ("owner=me", "owner"),
        ] {
            let named = app.get(&format!("/api/v1/chats?{query}")).by(&ann).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named, field);
        }
        app.get("/api/v1/chats").refused(401, "UNAUTHORIZED").await;
    }
}
