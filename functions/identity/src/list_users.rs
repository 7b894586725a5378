use axum::extract::State;
use garde::Validate;
use kernel::Role;
use model::user::{USERS, User, WORDS_INDEX};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Cursor, Doc, Query as StoreQuery};
use utoipa::IntoParams;
use web::{ApiError, App, Caller, Json, Listed, Pagination, Problems, Query, decode_cursor, encode_cursor};

use crate::admin::Admin;
use crate::user_view::{UserDetails, open_all, searched};

/// How many accounts with the first of the words searched for are looked at.
const MOST_CANDIDATES: usize = 2000;
const BATCH: u32 = 500;
/// How far `page` leads; from there on only `cursor` does.
const DEEPEST: u32 = 5000;
/// Words are indexed up to this many characters.
const INDEXED_CHARACTERS: usize = 12;

/// Which accounts.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListUsersQuery {
    /// Only of this role.
    #[garde(skip)]
    #[param(example = "Doctor")]
    role: Option<Role>,
    /// Only those with words in the name or e-mail address that begin like each of these; case and accents aside.
    #[garde(inner(length(chars, min = 2, max = 200)))]
    #[param(min_length = 2, max_length = 200)]
    search: Option<String>,
    /// Only those who are verified, or are not.
    #[garde(skip)]
    verified: Option<bool>,
    /// Only open accounts, or only closed ones.
    #[garde(skip)]
    active: Option<bool>,
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

/// Where a page ended.
#[derive(Serialize, Deserialize)]
struct End {
    page: u32,
    id: String,
}

/// List users
///
/// All accounts of the clinic that are not deleted, in an order that does not change. For administrators.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "users", security(("bearer" = [])),
    responses((status = 200, body = Listed<UserDetails>, description = "A page of them"), Problems),
)]
pub(crate) async fn list_users(
    State(app): State<App>,
    Admin(caller): Admin,
    Query(wanted): Query<ListUsersQuery>,
) -> Result<Json<Listed<UserDetails>>, ApiError> {
    caller.trail.action("user.list").entity("user", "*");
    let after: Option<End> = wanted.cursor.as_deref().map(|text| decode_cursor("cursor", text)).transpose()?;
    let page = after.as_ref().map_or(wanted.page.unwrap_or(1), |end| end.page.saturating_add(1));
    let after = after.map(|end| end.id);
    let limit = wanted.limit.unwrap_or(20);
    let skip = if after.is_some() { 0 } else { (page - 1).saturating_mul(limit) };
    if skip > DEEPEST {
        return Err(ApiError::field("page", format!("page: leads to {DEEPEST} accounts; go on with cursor")));
    }
    let (total, mut data) = match &wanted.search {
        None => plain(&app, &caller, &wanted, after, skip, limit).await?,
        Some(text) => searching(&app, &caller, &wanted, text, after, skip, limit).await?,
    };
    let has_more = data.len() > limit as usize;
    data.truncate(limit as usize);
    let end = data.last().filter(|_| has_more).map(|last| End { page, id: last.id.as_str().to_owned() });
    let next_cursor = end.as_ref().map(encode_cursor);
    Ok(Json(Listed { data, pagination: Pagination { total, page, limit, next_cursor } }))
}

/// The accounts that the filters leave, by id.
fn filtered(wanted: &ListUsersQuery) -> StoreQuery {
    let mut query = USERS.all().eq("deletedAt", Value::Null);
    if let Some(role) = wanted.role {
        query = query.eq("role", role.name());
    }
    for (field, value) in [("verified", wanted.verified), ("active", wanted.active)] {
        if let Some(value) = value {
            query = query.eq(field, value);
        }
    }
    query
}

fn place(id: String) -> Cursor {
    Cursor { values: Vec::new(), id }
}

/// How many there are, and one page with one more.
async fn plain(
    app: &App,
    caller: &Caller,
    wanted: &ListUsersQuery,
    after: Option<String>,
    skip: u32,
    limit: u32,
) -> Result<(u64, Vec<UserDetails>), ApiError> {
    let all = filtered(wanted);
    let one_page = all.clone().after(after.map(place)).limit(skip + limit + 1);
    let users = USERS;
    let (total, found) = tokio::try_join!(caller.store.count(&users, &all), caller.store.query(&users, &one_page))?;
    let shown = found.into_iter().skip(skip as usize).collect();
    Ok((total, open_all(app, &caller.store, shown).await?))
}

/// The same for those whose name or address has all words that were typed.
async fn searching(
    app: &App,
    caller: &Caller,
    wanted: &ListUsersQuery,
    typed: &str,
    after: Option<String>,
    skip: u32,
    limit: u32,
) -> Result<(u64, Vec<UserDetails>), ApiError> {
    let tokens = app.vault.blind_index(&caller.store).await?.search(WORDS_INDEX, typed);
    let Some((first, others)) = tokens.split_first() else {
        return Err(ApiError::field("search", "search: type at least one letter or digit"));
    };
    let mut found = candidates(caller, &filtered(wanted).contains("words", first.as_str())).await?;
    found.retain(|doc| others.iter().all(|token| doc.value.words.contains(token)));
    // The index knows the beginning of a long word only.
    let long: Vec<String> =
        vault::words(typed).into_iter().filter(|word| word.chars().count() > INDEXED_CHARACTERS).collect();
    let is_after = |id: &str| after.as_deref().is_none_or(|after| id > after);
    if long.is_empty() {
        let total = found.len() as u64;
        found.retain(|doc| is_after(&doc.id));
        let shown = found.into_iter().skip(skip as usize).take(limit as usize + 1).collect();
        return Ok((total, open_all(app, &caller.store, shown).await?));
    }
    let mut opened = open_all(app, &caller.store, found).await?;
    opened.retain(|user| {
        let words = vault::words(searched(user).disclose());
        long.iter().all(|typed| words.iter().any(|word| word.starts_with(typed)))
    });
    let total = opened.len() as u64;
    opened.retain(|user| is_after(user.id.as_str()));
    Ok((total, opened.into_iter().skip(skip as usize).take(limit as usize + 1).collect()))
}

async fn candidates(caller: &Caller, query: &StoreQuery) -> Result<Vec<Doc<User>>, ApiError> {
    let mut found: Vec<Doc<User>> = Vec::new();
    loop {
        let after = found.last().map(|doc| place(doc.id.clone()));
        let mut batch = caller.store.query(&USERS, &query.clone().after(after).limit(BATCH)).await?;
        let is_last = batch.len() < BATCH as usize;
        found.append(&mut batch);
        if is_last {
            return Ok(found);
        }
        if found.len() >= MOST_CANDIDATES {
            let told =
                format!("search: more than {MOST_CANDIDATES} accounts begin like that; type more of the first word");
            return Err(ApiError::field("search", told));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kernel::Role;
    use serde_json::{Value, json};
    use store::Counts;
    use testkit::{TestApp, TestUser};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        an_admin_sees_all_accounts_in_pages, filters_and_search_find_exactly, others_are_refused, bad_questions_are_named,
        a_page_has_a_budget,
    }

    async fn list(app: &TestApp, by: &TestUser, query: &str) -> Value {
        app.get(&format!("/api/v1/users?{query}")).by(by).expect(200).await
    }

    fn names(list: &Value) -> BTreeSet<&str> {
        list["data"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect()
    }

    async fn an_admin_sees_all_accounts_in_pages(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        for n in 0..6 {
            app.user(Role::Patient, &format!("Pat {n}")).await;
        }
        let all = list(&app, &admin, "limit=100").await;
        assert_eq!(all["pagination"], json!({"total": 7, "page": 1, "limit": 100, "nextCursor": null}));
        let ada = all["data"].as_array().unwrap().iter().find(|user| user["id"] == admin.id.as_str()).unwrap();
        let now = app.app.now();
        let expected = json!({
            "id": admin.id, "name": "Ada", "email": format!("{}@example.com", admin.id), "phoneNumber": null, "role": "Admin",
            "title": null, "avatar": null, "verified": true, "active": true, "createdAt": now, "updatedAt": now,
            "lastLoginAt": null, "deletedAt": null,
        });
        assert_eq!(*ada, expected);

        let ids = |list: &Value| -> Vec<String> {
            list["data"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
        };
        let mut seen = Vec::new();
        let mut query = "limit=3".to_owned();
        loop {
            let page = list(&app, &admin, &query).await;
            seen.extend(ids(&page));
            let Some(cursor) = page["pagination"]["nextCursor"].as_str() else { break };
            query = format!("limit=3&cursor={cursor}");
        }
        assert_eq!(seen, ids(&all));
        assert_eq!(ids(&list(&app, &admin, "limit=3&page=2").await), seen[3..6]);
        assert!(ids(&list(&app, &admin, "limit=3&page=9").await).is_empty());
        let searched = list(&app, &admin, "search=pat&limit=4").await;
        assert_eq!((&searched["pagination"]["total"], ids(&searched).len()), (&json!(6), 4));
        let rest = format!("search=pat&limit=4&cursor={}", searched["pagination"]["nextCursor"].as_str().unwrap());
        assert_eq!(ids(&list(&app, &admin, &rest).await).len(), 2);
    }

    async fn filters_and_search_find_exactly(app: TestApp) {
        let admin = app.user(Role::ClinicAdmin, "Ada Admin").await;
        app.user(Role::Doctor, "Zoë O'Neil-Müller").await;
        app.user_verified(Role::Doctor, "Zola Neilson", false).await;
        app.user(Role::Patient, "Bartholomewson Neil").await;
        app.user(Role::Patient, "Bartholomewsmith Neil").await;
        for (query, expected) in [
            ("role=Doctor", &["Zoë O'Neil-Müller", "Zola Neilson"][..]),
            ("role=Doctor&verified=false", &["Zola Neilson"]),
            ("role=Doctor&active=false", &[]),
            ("search=zo", &["Zoë O'Neil-Müller", "Zola Neilson"]),
            ("search=zoe%20mul", &["Zoë O'Neil-Müller"]),
            ("search=mul%20zoe", &["Zoë O'Neil-Müller"]),
            ("search=zo&verified=true", &["Zoë O'Neil-Müller"]),
            ("search=zoe%20neilson", &[]),
            ("search=bartholomewso", &["Bartholomewson Neil"]),
            ("search=bartholomews", &["Bartholomewson Neil", "Bartholomewsmith Neil"]),
        ] {
            let found = list(&app, &admin, query).await;
            assert_eq!(names(&found), expected.iter().copied().collect(), "{query}");
            assert_eq!(found["pagination"]["total"], expected.len(), "{query}");
        }
        let by_address = format!("search={}%40example.com", &admin.id.as_str()[..8]);
        assert_eq!(names(&list(&app, &admin, &by_address).await), ["Ada Admin"].into());
    }

    async fn others_are_refused(app: TestApp) {
        app.get("/api/v1/users").refused(401, "UNAUTHORIZED").await;
        for role in Role::ALL.into_iter().filter(|role| !role.is_admin()) {
            let user = app.user(role, "X").await;
            app.get("/api/v1/users").by(&user).refused(403, "FORBIDDEN").await;
        }
        let unverified = app.user_verified(Role::ClinicAdmin, "X", false).await;
        app.get("/api/v1/users").by(&unverified).refused(403, "FORBIDDEN").await;
    }

    async fn bad_questions_are_named(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        for (query, field) in [
            ("role=Wizard", "role"),
            ("search=a", "search"),
            ("search=%20%2D", "search"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("page=0", "page"),
            ("page=100000", "page"),
            ("cursor=x", "cursor"),
            ("verified=maybe", "verified"),
            ("sort=name", "sort"),
        ] {
            let named = app.get(&format!("/api/v1/users?{query}")).by(&admin).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named, field, "{query}");
        }
    }

    async fn a_page_has_a_budget(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        app.many_users(Role::Patient, "Pat", 30).await;
        list(&app, &admin, "limit=20").await;
        let before = app.store.meter().counts();
        list(&app, &admin, "limit=20").await;
        let spent = app.store.meter().counts() - before;
        // The count, the page, and the audit entry.
        let expected = Counts { queries: 2, documents_read: 21, commits: 1, documents_written: 1, ..Counts::default() };
        assert_eq!(spent, expected);
    }
}
