use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use access::decision::{Action, Asker, Decision, Reason, Record, decide};
use axum::extract::State;
use charts::Asking;
use garde::Validate;
use kernel::{Day, PatientId, Time};
use model::consent::DataKind;
use model::patient::{Circle, PATIENTS, Patient, WORDS_INDEX, holder_of_role, holder_of_user};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Cursor, Direction, Doc, Query as StoreQuery};
use utoipa::ToSchema;
use vault::{Subject, SubjectKey};
use web::{ApiError, App, Caller, Json, Listed, Pagination, Problems, Query, decode_cursor, encode_cursor};

use crate::identity::Identity;

/// The longest beginning of a word that the index knows, in characters.
const INDEXED: usize = 12;

/// How far `page` leads where all patients of a clinic are listed: what is before a page is read too.
const DEEPEST_PAGE: u32 = 100;

/// Which patients.
#[derive(Deserialize, Validate, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListPatientsQuery {
    /// Beginnings of words of the name, of the MRN or of the telephone number, all of which have to be there; case and
    /// accents do not matter.
    #[garde(inner(length(chars, max = 200)))]
    #[param(example = "John", max_length = 200)]
    search: Option<String>,
    /// Counts from 1. Where all patients of the clinic are listed, up to 100; `cursor` leads further.
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

/// A patient in a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedPatient {
    /// The patient's id.
    id: PatientId,
    /// The medical record number.
    #[schema(example = "MRN-001234")]
    mrn: String,
    /// The name.
    #[schema(example = "John Doe")]
    name: String,
    /// The birth date.
    #[schema(value_type = Day, example = "1985-03-15")]
    date_of_birth: String,
}

/// Where a patient stands in the list: the newest record first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Rank(Reverse<i64>, PatientId);

/// A patient that the caller may see, and why.
struct Seen {
    rank: Rank,
    patient: Patient,
    reasons: Vec<Reason>,
}

/// List patients
///
/// Those whom the caller may see, newest records first; `total` counts these alone.
///
/// Who may see whom changes with consents and time, so everyone in question is decided upon at each call. That reads the
/// documents of all patients with whom the caller has to do (two queries), or, for admins, of all who have one of the
/// words (one query), and the data keys of the page. Admins without words get the pages that the store has (a query and a
/// count), since nobody is left out.
#[utoipa::path(
    get, path = "/api/v1/patients", tag = "patients", security(("bearer" = [])),
    params(ListPatientsQuery),
    responses((status = 200, body = Listed<ListedPatient>), Problems),
)]
pub(crate) async fn list_patients(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListPatientsQuery>,
) -> Result<Json<Listed<ListedPatient>>, ApiError> {
    caller.must_see_phi()?;
    caller.trail.action("patient.list").purpose(caller.purpose);
    let start: Option<Rank> = query.cursor.as_deref().map(|text| decode_cursor("cursor", text)).transpose()?;
    let typed = typed_words(query.search.as_deref())?;
    let (page, limit) = (query.page.unwrap_or(1), query.limit.unwrap_or(20));
    if typed.is_empty() && sees_all(&app, &caller) {
        return all(&app, &caller, (page, limit), start).await;
    }
    let mut seen = visible(&app, &caller, candidates(&app, &caller, &typed).await?).await?;
    if typed.iter().any(|word| word.chars().count() > INDEXED) {
        seen = with_whole_words(&app, &caller, seen, &typed).await?;
    }
    seen.sort_by(|one, other| one.rank.cmp(&other.rank));

    let skip = match &start {
        Some(start) => seen.partition_point(|one| one.rank <= *start),
        None => (page as usize - 1) * limit as usize,
    };
    let total = seen.len();
    let shown: Vec<Seen> = seen.into_iter().skip(skip).take(limit as usize).collect();
    let has_more = total > skip.saturating_add(shown.len());
    let next_cursor = shown.last().filter(|_| has_more).map(|last| encode_cursor(&last.rank));
    let pagination = Pagination { total: total as u64, page, limit, next_cursor };
    Ok(Json(Listed { data: disclose(&app, &caller, shown).await?, pagination }))
}

/// The folded words of what somebody typed. A telephone number is one word, however it is written.
fn typed_words(search: Option<&str>) -> Result<Vec<String>, ApiError> {
    let Some(text) = search.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    let is_number = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')'));
    let words = if is_number {
        vault::words(&text.chars().filter(char::is_ascii_digit).collect::<String>())
    } else {
        vault::words(text)
    };
    if words.is_empty() {
        return Err(ApiError::field("search", "search: has no word in it"));
    }
    Ok(words)
}

/// Whether the caller may see the identity of every patient there is, for this purpose: also of one with whom nobody has
/// to do.
fn sees_all(app: &App, caller: &Caller) -> bool {
    let nobody = Circle::default();
    let record = Record { user_id: None, circle: &nobody, is_deleted: false, is_of_age: true };
    let action = Action::Read(DataKind::Demographics);
    decide(Asker::from(&caller.principal), record, &action, caller.purpose, app.now()).is_allowed()
}

/// A page of all patients, for those who see all of them.
async fn all(
    app: &App,
    caller: &Caller,
    (page, limit): (u32, u32),
    start: Option<Rank>,
) -> Result<Json<Listed<ListedPatient>>, ApiError> {
    if start.is_none() && page > DEEPEST_PAGE {
        return Err(ApiError::field("page", format!("page: leads to page {DEEPEST_PAGE}; go on with cursor")));
    }
    let skip = if start.is_some() { 0 } else { (page - 1) * limit };
    let after = start.map(|Rank(Reverse(millis), id)| Cursor {
        values: vec![json!(Time::from_millis(millis))],
        id: id.into_string(),
    });
    let everyone = PATIENTS.all().eq("deletedAt", Value::Null).order("createdAt", Direction::Descending);
    let one_page = everyone.clone().after(after).limit(skip + limit + 1);
    let (store, patients) = (&caller.store, PATIENTS);
    let (total, mut found) = tokio::try_join!(store.count(&patients, &everyone), store.query(&patients, &one_page))?;
    let has_more = found.len() > (skip + limit) as usize;
    found.truncate((skip + limit) as usize);
    let shown = visible(app, caller, found.split_off((skip as usize).min(found.len()))).await?;
    let next_cursor = shown.last().filter(|_| has_more).map(|last| encode_cursor(&last.rank));
    let pagination = Pagination { total, page, limit, next_cursor };
    Ok(Json(Listed { data: disclose(app, caller, shown).await?, pagination }))
}

/// The patients in question, by one or two queries.
async fn candidates(app: &App, caller: &Caller, typed: &[String]) -> Result<Vec<Doc<Patient>>, ApiError> {
    let blind = app.vault.blind_index(&caller.store).await?;
    let tokens: Vec<String> = typed.iter().flat_map(|word| blind.search(WORDS_INDEX, word)).collect();
    // The longest word is the rarest, most often.
    let rarest = typed.iter().zip(&tokens).max_by_key(|(word, _)| word.len()).map(|(_, token)| token);
    let found = if let Some(token) = rarest.filter(|_| caller.principal.role.is_admin()) {
        query(caller, PATIENTS.all().contains("words", token.as_str())).await?
    } else {
        let held = |holder: String| query(caller, PATIENTS.all().contains("holders", holder));
        let mine = held(holder_of_user(caller.user()));
        let (mut mine, of_role) = tokio::try_join!(mine, held(holder_of_role(caller.principal.role)))?;
        mine.extend(of_role);
        mine
    };
    let has_words = |patient: &Patient| {
        let words: HashSet<&str> = patient.words.iter().map(String::as_str).collect();
        tokens.iter().all(|token| words.contains(token.as_str()))
    };
    let by_id: BTreeMap<String, Doc<Patient>> =
        found.into_iter().filter(|doc| has_words(&doc.value)).map(|doc| (doc.id.clone(), doc)).collect();
    Ok(by_id.into_values().collect())
}

async fn query(caller: &Caller, query: StoreQuery) -> Result<Vec<Doc<Patient>>, ApiError> {
    Ok(caller.store.query(&PATIENTS, &query).await?)
}

/// Those of them whose identity the caller may see now.
async fn visible(app: &App, caller: &Caller, found: Vec<Doc<Patient>>) -> Result<Vec<Seen>, ApiError> {
    let asking = Asking::of(app, caller);
    let mut seen = Vec::with_capacity(found.len());
    for doc in found {
        let Ok(id) = doc.id.parse::<PatientId>() else { continue };
        let decision = asking.decide(&id, &doc.value, &Action::Read(DataKind::Demographics)).await?;
        if let Decision::Allow(reasons) = decision {
            let rank = Rank(Reverse(doc.value.created_at.as_millis()), id);
            seen.push(Seen { rank, patient: doc.value, reasons });
        }
    }
    Ok(seen)
}

/// Those whose words really begin with what was typed, where that is longer than what the index knows.
async fn with_whole_words(
    app: &App,
    caller: &Caller,
    seen: Vec<Seen>,
    typed: &[String],
) -> Result<Vec<Seen>, ApiError> {
    let keys = keys(app, caller, &seen).await?;
    let mut kept = Vec::with_capacity(seen.len());
    for one in seen {
        let Some(key) = keys.get(&Subject::Patient(one.rank.1.clone())) else { continue };
        let words = Identity::open_with(caller.tenant(), &one.rank.1, &one.patient, key)?.words();
        if typed.iter().all(|typed| words.iter().any(|word| word.starts_with(typed.as_str()))) {
            kept.push(one);
        }
    }
    Ok(kept)
}

/// Shows a page. A named disclosure: each patient goes on the trail.
async fn disclose(app: &App, caller: &Caller, shown: Vec<Seen>) -> Result<Vec<ListedPatient>, ApiError> {
    let keys = keys(app, caller, &shown).await?;
    let mut listed = Vec::with_capacity(shown.len());
    for Seen { rank: Rank(_, id), patient, reasons } in shown {
        // A destroyed key leaves nothing to show.
        let Some(key) = keys.get(&Subject::Patient(id.clone())) else { continue };
        caller.trail.patient(&id).because(reasons.iter().map(Reason::code));
        let Identity { name, date_of_birth, mrn, .. } = Identity::open_with(caller.tenant(), &id, &patient, key)?;
        listed.push(ListedPatient { id, mrn: mrn.disclose().to_owned(), name, date_of_birth });
    }
    Ok(listed)
}

async fn keys(app: &App, caller: &Caller, patients: &[Seen]) -> Result<HashMap<Subject, SubjectKey>, ApiError> {
    let subjects: Vec<Subject> = patients.iter().map(|one| Subject::Patient(one.rank.1.clone())).collect();
    Ok(app.vault.keys(&caller.store, &subjects).await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use model::audit::AuditEntry;
    use model::consent::{DataKind, Grantee, Purpose, Scope};
    use model::patient::Emergency;
    use serde_json::{Value, json};
    use store::Counts;
    use testkit::{TestApp, TestUser};

    use crate::testing::{entries, id_of, register};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        everyone_lists_whom_they_may_see, search_goes_by_beginnings_of_words, pages_hold_together,
        what_ends_leaves_the_list, bad_questions_are_named, it_costs_two_queries_and_a_read,
        admins_page_through_everybody, admins_without_the_ground_list_like_others,
    }

    async fn patient(app: &TestApp, by: &TestUser, name: &str, mrn: &str, phone: Value) -> String {
        app.clock.advance(Duration::from_secs(1));
        let body = json!({"name": name, "mrn": mrn, "dateOfBirth": "1985-03-15", "phoneNumber": phone});
        register(app, by, &body).await
    }

    async fn names(app: &TestApp, by: &TestUser, query: &str) -> Vec<String> {
        let list = app.get(&format!("/api/v1/patients{query}")).by(by).expect(200).await;
        let data = list["data"].as_array().unwrap();
        assert_eq!(list["pagination"]["total"], data.len());
        data.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }

    async fn everyone_lists_whom_they_may_see(app: TestApp) {
        let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Doctor, "Bob").await);
        let (admin, pat) = (app.user(Role::ClinicAdmin, "Ada").await, app.user(Role::Patient, "Pat").await);
        let one = patient(&app, &ann, "One", "MRN-1", Value::Null).await;
        let two = patient(&app, &ann, "Two", "MRN-2", Value::Null).await;
        patient(&app, &bob, "Three", "MRN-3", Value::Null).await;
        assert_eq!(names(&app, &ann, "").await, ["Two", "One"]);
        assert_eq!(names(&app, &bob, "").await, ["Three"]);
        assert_eq!(names(&app, &admin, "").await, ["Three", "Two", "One"]);
        assert_eq!(names(&app, &pat, "").await, Vec::<String>::new());
        app.link(&id_of(&one), &pat.id).await;
        assert_eq!(names(&app, &pat, "").await, ["One"]);
        app.consent(&id_of(&two), &bob.id, |consent| consent.grantee = Grantee::Role { role: Role::Doctor }).await;
        assert_eq!(names(&app, &bob, "").await, ["Three", "Two"]);
        assert_eq!(names(&app, &ann, "").await, ["Two", "One"], "and nobody twice");
        let log = entries(&app, "patient.list").await;
        let is_hers = |entry: &&AuditEntry| entry.user_id.as_ref() == Some(&ann.id);
        let mine: Vec<_> = log.iter().filter(is_hers).collect();
        assert!(mine.len() == 2 && mine.iter().all(|entry| entry.patients.len() == 2));
        assert!(mine.iter().all(|entry| entry.because.contains(&"created".to_owned())));
        let new = app.user_verified(Role::Doctor, "New", false).await;
        app.get("/api/v1/patients").by(&new).refused(403, "FORBIDDEN").await;
        app.get("/api/v1/patients").refused(401, "UNAUTHORIZED").await;
        // Research needs a consent, whoever asks.
        let list = app.get("/api/v1/patients").by(&admin).header("x-purpose", "research").expect(200).await;
        assert_eq!(list["pagination"]["total"], 0);
    }

    async fn search_goes_by_beginnings_of_words(app: TestApp) {
        let (ann, admin) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Admin, "Ada").await);
        patient(&app, &ann, "Zoë Müller-Lüdenscheidt", "MRN-001234", json!("+15550142877")).await;
        patient(&app, &ann, "John Doe", "K_77", json!("+4930123456")).await;
        patient(&app, &ann, "Christopherson", "MRN-9", Value::Null).await;
        for user in [&ann, &admin] {
            for (typed, expected) in [
                ("zoe", "Zoë"),
                ("MULLER", "Zoë"),
                ("M%C3%BCll", "Zoë"),
                ("zo%20lud", "Zoë"),
                ("mrn-001234", "Zoë"),
                ("MRN001234", "Zoë"),
                ("0012", "Zoë"),
                ("%2B15550142877", "Zoë"),
                ("(555)%20014-28", "Zoë"),
                ("doe+john", "John"),
                ("k_77", "John"),
                ("k77", "John"),
                ("30123", "John"),
                ("493012", "John"),
                ("christophers", "Christ"),
                ("christopherso", "Christ"),
                ("christopherson", "Christ"),
            ] {
                let found = names(&app, user, &format!("?search={typed}")).await;
                assert!(found.len() == 1 && found[0].starts_with(expected), "{typed}: {found:?}");
            }
            for typed in ["oe", "john+zoe", "christophersen", "nobody", "142877"] {
                assert_eq!(names(&app, user, &format!("?search={typed}")).await, Vec::<String>::new(), "{typed}");
            }
            assert_eq!(names(&app, user, "?search=").await.len(), 3);
            assert_eq!(names(&app, user, "?search=mrn").await.len(), 2);
        }
        let bob = app.user(Role::Doctor, "Bob").await;
        assert_eq!(names(&app, &bob, "?search=zoe").await, Vec::<String>::new());
    }

    async fn pages_hold_together(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        for n in 1..=5 {
            patient(&app, &ann, &format!("P {n}"), &format!("MRN-{n}"), Value::Null).await;
        }
        let get = async |query: &str| app.get(&format!("/api/v1/patients?{query}")).by(&ann).expect(200).await;
        let first = get("limit=2").await;
        let cursor = first["pagination"]["nextCursor"].as_str().unwrap().to_owned();
        assert_eq!(first["pagination"], json!({"total": 5, "page": 1, "limit": 2, "nextCursor": cursor}));
        assert_eq!(first["data"][0]["mrn"], "MRN-5");
        let id = first["data"][0]["id"].clone();
        assert_eq!(first["data"][0], json!({"id": id, "mrn": "MRN-5", "name": "P 5", "dateOfBirth": "1985-03-15"}));
        // One who comes meanwhile moves the pages, and not what follows the cursor.
        patient(&app, &ann, "P 6", "MRN-6", Value::Null).await;
        let second = get(&format!("limit=2&cursor={cursor}")).await;
        assert_eq!((&second["data"][0]["name"], &second["data"][1]["name"]), (&json!("P 3"), &json!("P 2")));
        let last = get("limit=4&page=2").await;
        assert_eq!((last["data"].as_array().unwrap().len(), &last["pagination"]["nextCursor"]), (2, &Value::Null));
        assert_eq!(get("limit=4&page=3").await["data"], json!([]));
    }

    async fn what_ends_leaves_the_list(app: TestApp) {
        let (ann, bob, fay) =
            (app.user(Role::Doctor, "A").await, app.user(Role::Doctor, "B").await, app.user(Role::Family, "F").await);
        let id = id_of(&patient(&app, &ann, "One", "MRN-1", Value::Null).await);
        let now = app.app.now();
        let hour = Duration::from_secs(3600);
        app.change_patient(&id, |patient| {
            patient.circle.emergencies.push(Emergency {
                id: "e1".parse().unwrap(),
                user_id: bob.id.clone(),
                from: now,
                until: now.plus(hour),
            });
        })
        .await;
        let consent = app.consent(&id, &fay.id, |consent| consent.until = Some(now.plus(2 * hour))).await;
        assert_eq!((names(&app, &bob, "").await.len(), names(&app, &fay, "").await.len()), (1, 1));
        app.clock.advance(hour);
        let (bob, fay) = (app.sign_in_again(&bob).await, app.sign_in_again(&fay).await);
        assert_eq!((names(&app, &bob, "").await.len(), names(&app, &fay, "").await.len()), (0, 1));
        app.revoke(&id, &consent).await;
        assert_eq!(names(&app, &fay, "").await.len(), 0);
        // Nor is one in it of whom other things may be seen.
        app.consent(&id, &fay.id, |consent| consent.scope = Scope::Kinds { kinds: vec![DataKind::Vitals] }).await;
        assert_eq!(names(&app, &fay, "").await.len(), 0);
    }

    async fn bad_questions_are_named(app: TestApp) {
        let ann = app.user(Role::Doctor, "Ann").await;
        let long = format!("search={}", "x".repeat(201));
        for (query, field) in [
            ("page=0", "page"),
            ("limit=101", "limit"),
            ("cursor=zz", "cursor"),
            ("search=--", "search"),
            (long.as_str(), "search"),
            ("q=x", "q"),
        ] {
            let named = app.get(&format!("/api/v1/patients?{query}")).by(&ann).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named, field);
        }
    }

    async fn admins_page_through_everybody(app: TestApp) {
        let (ann, admin) = (app.user(Role::Doctor, "Ann").await, app.user(Role::ClinicAdmin, "Ada").await);
        for n in 0..6 {
            // Two at each moment: the order among them does not change from page to page.
            app.clock.advance(Duration::from_secs(u64::from(n % 2 == 0)));
            app.patient(&ann, &format!("P {n}")).await;
        }
        let gone = app.patient(&ann, "Gone").await;
        let now = app.app.now();
        app.change_patient(&gone, |patient| patient.deleted_at = Some(now)).await;
        let get = async |query: &str| app.get(&format!("/api/v1/patients?{query}")).by(&admin).expect(200).await;
        let listed = |page: &Value| -> Vec<String> {
            page["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
        };
        let whole = get("limit=6").await;
        assert_eq!(whole["pagination"], json!({"total": 6, "page": 1, "limit": 6, "nextCursor": null}));
        let mut sorted = listed(&whole);
        for pair in sorted.chunks_mut(2) {
            pair.sort();
        }
        assert_eq!(sorted, ["P 4", "P 5", "P 2", "P 3", "P 0", "P 1"], "the newest first");

        let (mut walked, mut next) = (Vec::new(), "limit=4".to_owned());
        let before = app.store.meter().counts();
        let first = get(&next).await;
        // A count and a query, which reads one more than it shows; the keys are at hand.
        let spent = app.store.meter().counts() - before;
        assert_eq!((spent.queries, spent.documents_read), (2, 5));
        walked.extend(listed(&first));
        next = format!("limit=4&cursor={}", first["pagination"]["nextCursor"].as_str().unwrap());
        let last = get(&next).await;
        walked.extend(listed(&last));
        assert_eq!((walked, &last["pagination"]["nextCursor"]), (listed(&whole), &Value::Null));
        assert_eq!(last["pagination"]["total"], 6);
        assert_eq!(listed(&get("limit=4&page=2").await), listed(&last));
        assert_eq!(get("limit=4&page=100").await["data"], json!([]));
        let deep = app.get("/api/v1/patients?limit=4&page=101").by(&admin);
        assert_eq!(deep.refused(400, "VALIDATION_ERROR").await, "page");
        let log = entries(&app, "patient.list").await;
        assert!(log.iter().any(|entry| entry.patients.len() == 6 && entry.because == ["admin"]));
    }

    async fn admins_without_the_ground_list_like_others(app: TestApp) {
        let (ann, admin) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Admin, "Ada").await);
        let one = app.patient(&ann, "One").await;
        app.patient(&ann, "Two").await;
        let research = |consent: &mut model::consent::Consent| consent.purposes = vec![Purpose::Research];
        app.consent(&one, &admin.id, research).await;
        let list = app.get("/api/v1/patients").by(&admin).header("x-purpose", "research").expect(200).await;
        assert_eq!((&list["pagination"]["total"], &list["data"][0]["name"]), (&json!(1), &json!("One")));
        assert_eq!(names(&app, &admin, "").await.len(), 2);
    }

    async fn it_costs_two_queries_and_a_read(app: TestApp) {
        let (ann, bob) = (app.user(Role::Doctor, "Ann").await, app.user(Role::Doctor, "Bob").await);
        for n in 0..5 {
            patient(&app, if n < 3 { &ann } else { &bob }, &format!("P {n}"), &format!("MRN-{n}"), Value::Null).await;
        }
        let other = app.second_instance(vec![crate::function()]).await;
        names(&other, &bob, "").await;
        let before = other.store.meter().counts();
        names(&other, &ann, "").await;
        // Her three patients, three keys, and the audit entry's commit.
        let session = 1;
        let expected =
            Counts { gets: 1 + session, queries: 2, commits: 1, documents_read: 6 + session, documents_written: 1 };
        assert_eq!(other.store.meter().counts() - before, expected);
    }
}
