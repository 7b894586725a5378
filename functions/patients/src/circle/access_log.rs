use std::collections::BTreeSet;

use axum::extract::State;
use garde::Validate;
use kernel::{AuditId, PatientId, Time, UserId};
use model::audit::{AUDIT, AuditEntry, Outcome};
use model::consent::{Purpose, consents};
use model::emergency::REVIEWS;
use serde::{Deserialize, Serialize};
use store::{Cursor, Direction, Doc, Store};
use utoipa::{IntoParams, ToSchema};
use web::{ApiError, App, Caller, Json, Listed, Pagination, Problems, Query, decode_cursor, encode_cursor};

use super::access_words::{because, did, tried};
use super::people::{People, PersonView};
use crate::own_record::own_record;

/// The most emergencies of one record that are told apart from others' in lists.
const MOST_EMERGENCIES: u32 = 500;

/// The action that declares an emergency, which is a reason for itself.
const EMERGENCY: &str = "patient.break-glass";

/// Which page.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccessLogQuery {
    /// How many on a page; 20 unless told.
    #[garde(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    #[garde(length(max = 400))]
    #[param(max_length = 400)]
    cursor: Option<String>,
}

/// Where a page ended.
#[derive(Serialize, Deserialize)]
struct End {
    page: u32,
    at: Time,
    id: AuditId,
}

/// Something that was done with the record, or refused.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccessView {
    /// The entry of the audit log.
    id: AuditId,
    /// When.
    at: Time,
    /// Who; `null` for the system itself.
    user: Option<PersonView>,
    /// What, for programs.
    #[schema(example = "patient.read")]
    action: String,
    /// Whether it was done or refused.
    outcome: Outcome,
    /// For what.
    purpose: Option<Purpose>,
    /// Who did what and why, in plain words.
    #[schema(example = "Dr. Dana Reyes (Doctor) read your chart, because they are in your care team.")]
    text: String,
    /// Whether somebody declared an emergency to do it.
    is_emergency: bool,
    /// Whether it was you.
    is_own: bool,
}

/// See who looked at my record
///
/// Everything that was done with the caller's own record or refused, when and why, newest first. Nothing is left out.
#[utoipa::path(
    get, path = "/api/v1/patients/me/access-log", tag = "consents", security(("bearer" = [])),
    responses((status = 200, body = Listed<AccessView>, description = "A page of it"), Problems),
)]
pub(crate) async fn my_access_log(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<AccessLogQuery>,
) -> Result<Json<Listed<AccessView>>, ApiError> {
    caller.trail.action("access-log.read");
    caller.must_see_phi()?;
    let id = own_record(&caller).await?;
    caller.trail.entity("patient", &id).patient(&id).because(["own-record".to_owned()]);
    let before: Option<End> = wanted.cursor.as_deref().map(|text| decode_cursor("cursor", text)).transpose()?;
    let page = before.as_ref().map_or(1, |end| end.page.saturating_add(1));
    let after = before.map(|end| Cursor { values: vec![end.at.to_string().into()], id: end.id.into_string() });
    let limit = wanted.limit.unwrap_or(20);

    let all = AUDIT.all().contains("patients", id.as_str());
    let one_page = all.clone().order("at", Direction::Descending).after(after).limit(limit + 1);
    let log = AUDIT;
    let (total, mut found) = tokio::try_join!(caller.store.count(&log, &all), caller.store.query(&log, &one_page))?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);

    let data = Plain::read(&app, &caller.store, caller.user(), &id, &found).await?.show(found);
    let end = data.last().filter(|_| has_more).map(|last| End { page, at: last.at, id: last.id.clone() });
    let next_cursor = end.as_ref().map(encode_cursor);
    Ok(Json(Listed { data, pagination: Pagination { total, page, limit, next_cursor } }))
}

/// What turns entries into plain words.
struct Plain<'a> {
    reader: &'a UserId,
    people: People,
    /// The consents and emergencies of this record: an entry about a list of patients names those of the others too.
    own: BTreeSet<String>,
}

impl<'a> Plain<'a> {
    async fn read(
        app: &App,
        store: &Store,
        reader: &'a UserId,
        id: &PatientId,
        found: &[Doc<AuditEntry>],
    ) -> Result<Self, ApiError> {
        let users = found.iter().filter_map(|doc| doc.value.user_id.clone()).collect();
        let named = found.iter().flat_map(|doc| &doc.value.because).filter_map(|reason| reason.split_once(':'));
        let of_consents = named.filter(|(code, _)| matches!(*code, "consent" | "proxy")).map(|(_, id)| id.to_owned());
        let asked: Vec<String> = of_consents.collect::<BTreeSet<_>>().into_iter().collect();
        let reviews = REVIEWS.all().eq("patientId", id.as_str()).limit(MOST_EMERGENCIES);
        let all = consents(id);
        let given = async { store.get_many(&all, &asked).await.map_err(ApiError::from) };
        let declared = async { store.query(&REVIEWS, &reviews).await.map_err(ApiError::from) };
        let (people, given, declared) = tokio::try_join!(People::read(app, store, users), given, declared)?;
        let mut own: BTreeSet<String> = given.into_iter().flatten().map(|doc| doc.id).collect();
        own.extend(declared.into_iter().map(|doc| doc.id));
        Ok(Self { reader, people, own })
    }

    fn show(&self, found: Vec<Doc<AuditEntry>>) -> Vec<AccessView> {
        let views = found.into_iter().filter_map(|doc| Some(self.view(doc.id.parse().ok()?, doc.value)));
        views.collect()
    }

    /// A named disclosure, of the names of those who looked to the one whose record it is.
    fn view(&self, id: AuditId, mut entry: AuditEntry) -> AccessView {
        let is_about_others = |code: &str| matches!(code, "consent" | "proxy" | "break-glass");
        entry.because.retain(|reason| {
            reason.split_once(':').is_none_or(|(code, id)| !is_about_others(code) || self.own.contains(id))
        });
        let by_emergency = entry.because.iter().any(|reason| reason.starts_with("break-glass:"));
        AccessView {
            id,
            at: entry.at,
            text: self.text(&entry),
            is_emergency: by_emergency || entry.action == EMERGENCY,
            is_own: entry.user_id.as_ref() == Some(self.reader),
            user: entry.user_id.as_ref().map(|user| self.people.show(user)),
            action: entry.action,
            outcome: entry.outcome,
            purpose: entry.purpose,
        }
    }

    fn text(&self, entry: &AuditEntry) -> String {
        let who = self.who(entry);
        let why = self.why(entry);
        match entry.outcome {
            Outcome::Allowed => format!("{who} {}{why}.", did(&entry.action)),
            Outcome::Denied => format!("{who} tried to {} and was refused.", tried(&entry.action)),
        }
    }

    fn who(&self, entry: &AuditEntry) -> String {
        let Some(user) = &entry.user_id else { return "The system".to_owned() };
        if user == self.reader {
            return "You".to_owned();
        }
        let name = self.people.name(user).unwrap_or_else(|| "Someone whose account is gone".to_owned());
        match entry.role {
            Some(role) => format!("{name} ({role})"),
            None => name,
        }
    }

    fn why(&self, entry: &AuditEntry) -> String {
        let purpose = match entry.purpose {
            Some(Purpose::Billing) => " for billing",
            Some(Purpose::Research) => " for research",
            Some(Purpose::CareCoordination) => " to arrange care",
            Some(Purpose::Treatment) | None => "",
        };
        if entry.action == EMERGENCY {
            return purpose.to_owned();
        }
        let reasons: BTreeSet<&str> = entry.because.iter().filter_map(|reason| because(reason)).collect();
        let reasons: Vec<&str> = reasons.into_iter().collect();
        match reasons.is_empty() {
            true => purpose.to_owned(),
            false => format!("{purpose}, because {}", reasons.join(" and ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use model::chat::ChatType;
    use serde_json::{Value, json};
    use testkit::TestApp;

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        everyone_who_looked_is_there_in_plain_words, pages_are_newest_first, lists_of_others_tell_nothing_of_them,
        only_ones_own_log_is_read,
    }

    fn texts(list: &Value) -> Vec<&str> {
        list["data"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect()
    }

    async fn everyone_who_looked_is_there_in_plain_words(app: TestApp) {
        let (pat, dana) = (app.user(Role::Patient, "Pat").await, app.user(Role::Doctor, "Dr. Dana Reyes").await);
        let (nia, ada) = (app.user(Role::Nurse, "Nia").await, app.user(Role::Admin, "Ada").await);
        let fam = app.user(Role::Family, "Fam").await;
        let id = app.patient(&ada, "Pat").await;
        app.link(&id, &pat.id).await;
        app.chat(ChatType::CareTeam, Some(id.clone()), &[&dana.id, &pat.id]).await;
        let access = format!("/api/v1/patients/{id}/access");
        let step = || app.clock.advance(Duration::from_secs(1));
        let body = json!({"grantee": {"type": "user", "userId": fam.id}, "scope": {"type": "whole-chart"}});
        app.post(&format!("/api/v1/patients/{id}/consents")).by(&pat).json(&body).expect(201).await;
        step();
        app.get(&access).by(&dana).header("x-purpose", "care-coordination").expect(200).await;
        step();
        app.get(&access).by(&nia).refused(404, "NOT_FOUND").await;
        step();
        let glass = json!({"reason": "Unconscious after a fall."});
        app.post(&format!("/api/v1/patients/{id}/break-glass")).by(&nia).json(&glass).expect(201).await;
        step();
        app.get(&access).by(&nia).expect(200).await;
        step();
        app.get(&access).by(&fam).refused(403, "FORBIDDEN").await;
        step();
        app.get(&access).by(&ada).expect(200).await;
        step();
        let list = app.get("/api/v1/patients/me/access-log").by(&pat).expect(200).await;
        let expected = [
            "Ada (Admin) looked who can see your record, because they administer the clinic.",
            "Fam (Family) tried to look who can see your record and was refused.",
            "Nia (Nurse) looked who can see your record, because they declared an emergency.",
            "Nia (Nurse) declared an emergency to see your record.",
            "Nia (Nurse) tried to look who can see your record and was refused.",
            "Dr. Dana Reyes (Doctor) looked who can see your record to arrange care, because they are in your care team.",
            "You gave a consent.",
        ];
        assert_eq!(texts(&list), expected);
        let emergencies: Vec<bool> =
            list["data"].as_array().unwrap().iter().map(|one| one["isEmergency"].as_bool().unwrap()).collect();
        assert_eq!(emergencies, [false, false, true, true, false, false, false]);
        let first = &list["data"][0];
        let at = app.app.now().minus(Duration::from_secs(1));
        assert_eq!(
            first,
            &json!({
                "id": first["id"], "at": at, "user": {"id": ada.id, "name": "Ada", "role": "Admin"},
                "action": "access.list", "outcome": "allowed", "purpose": "treatment", "text": expected[0],
                "isEmergency": false, "isOwn": false,
            })
        );
        assert_eq!(list["data"][6]["isOwn"], true);
        // Reading it is in it.
        let again = app.get("/api/v1/patients/me/access-log?limit=1").by(&pat).expect(200).await;
        assert_eq!(texts(&again), ["You read the log of who looked at your record."]);
    }

    async fn pages_are_newest_first(app: TestApp) {
        let (pat, doc) = (app.user(Role::Patient, "Pat").await, app.user(Role::Doctor, "Doc").await);
        let id = app.patient(&doc, "Pat").await;
        app.link(&id, &pat.id).await;
        for _ in 0..3 {
            app.clock.advance(Duration::from_secs(1));
            app.get(&format!("/api/v1/patients/{id}/access")).by(&doc).expect(200).await;
        }
        let log =
            async |query: &str| app.get(&format!("/api/v1/patients/me/access-log?{query}")).by(&pat).expect(200).await;
        let first = log("limit=2").await;
        let cursor = first["pagination"]["nextCursor"].as_str().unwrap();
        assert_eq!(first["pagination"], json!({"total": 3, "page": 1, "limit": 2, "nextCursor": cursor}));
        let second = log(&format!("limit=2&cursor={cursor}")).await;
        assert_eq!((texts(&second).len(), &second["pagination"]["page"]), (1, &json!(2)));
        let ids = |list: &Value| -> BTreeSet<String> {
            list["data"].as_array().unwrap().iter().map(|one| one["id"].to_string()).collect()
        };
        assert!(ids(&first).is_disjoint(&ids(&second)));
    }

    async fn lists_of_others_tell_nothing_of_them(app: TestApp) {
        let (pat, doc) = (app.user(Role::Patient, "Pat").await, app.user(Role::Doctor, "Doc").await);
        let (id, other) = (app.patient(&doc, "Pat").await, app.patient(&doc, "Other").await);
        app.link(&id, &pat.id).await;
        let entry = app.app.entry("patient.list", &web::ClientInfo::default()).of(&doc.id, Role::Doctor);
        let reasons = ["created", "consent:of-other", "break-glass:of-other"].map(str::to_owned);
        entry.patient(&id).patient(&other).because(reasons).write(&app.store).await.unwrap();
        let gone = app.app.entry("scribe.note-written", &web::ClientInfo::default()).of_user(&"gone".parse().unwrap());
        app.clock.advance(Duration::from_secs(1));
        gone.patient(&id).write(&app.store).await.unwrap();
        let list = app.get("/api/v1/patients/me/access-log").by(&pat).expect(200).await;
        let mut found = texts(&list);
        found.sort_unstable();
        let expected = [
            "Doc (Doctor) saw you in a list of patients, because they made your record.",
            "Someone whose account is gone had an AI draft a note about you.",
        ];
        assert_eq!(found, expected);
        assert!(!list.to_string().contains("of-other") && !list.to_string().contains(other.as_str()), "{list}");
        assert!(list["data"].as_array().unwrap().iter().all(|one| one["isEmergency"] == false));
    }

    async fn only_ones_own_log_is_read(app: TestApp) {
        let (pat, doc) = (app.user(Role::Patient, "Pat").await, app.user(Role::Doctor, "Doc").await);
        app.patient(&doc, "Pat").await;
        for user in [&pat, &doc] {
            app.get("/api/v1/patients/me/access-log").by(user).refused(404, "NOT_FOUND").await;
        }
        app.get("/api/v1/patients/me/access-log").refused(401, "UNAUTHORIZED").await;
    }
}
