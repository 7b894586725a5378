use access::decision::{Action, Asker, Decision, Reason, Record, Refusal, decide};
use axum::extract::State;
use charts::Asking;
use garde::Validate;
use kernel::{ChatId, ConsentId, EmergencyId, PatientId, Role, UserId};
use model::consent::{Channel, DataKind, Purpose};
use model::patient::{Circle, Patient};
use model::user::USERS;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

/// What to explain: may somebody do something with the record, for a purpose?
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExplainBody {
    /// Who.
    #[garde(skip)]
    user_id: UserId,
    /// Does what.
    #[garde(skip)]
    action: AskedAction,
    /// For what; treatment unless told.
    #[garde(skip)]
    #[serde(default)]
    purpose: Purpose,
    /// With which part of the chart: with `read` and `write`.
    #[garde(skip)]
    kind: Option<DataKind>,
    /// Over which channel: with `contact`.
    #[garde(skip)]
    channel: Option<Channel>,
    /// In which chat: with `chat`, and where wanted with `use-ai` and `record`.
    #[garde(skip)]
    chat_id: Option<ChatId>,
}

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum AskedAction {
    /// To see a part of the chart.
    Read,
    /// To add to it or change it.
    Write,
    /// To take part in a chat about the patient.
    Chat,
    /// To have an AI work on a chat, or on the chart.
    UseAi,
    /// To record a call.
    Record,
    /// To write to the patient over a channel.
    Contact,
    /// To give and revoke consents.
    Consent,
    /// To see who may see the record.
    SeeAccess,
    /// To delete the record.
    Delete,
}

/// Whether it is allowed, and why.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explanation {
    /// Whether it is allowed now.
    allowed: bool,
    /// All that allows it; empty where nothing does.
    reasons: Vec<ReasonView>,
    /// What stands in the way; `null` where it is allowed.
    refusal: Option<RefusalView>,
}

/// Something that allows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReasonView {
    /// For programs.
    #[schema(example = "consent")]
    pub(crate) code: String,
    /// For people.
    #[schema(example = "A consent allows it.")]
    pub(crate) text: &'static str,
    /// The consent.
    pub(crate) consent_id: Option<ConsentId>,
    /// The Care Team chat.
    pub(crate) chat_id: Option<ChatId>,
    /// The emergency.
    pub(crate) emergency_id: Option<EmergencyId>,
}

/// Something that stands in the way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefusalView {
    /// For programs.
    #[schema(example = "no-ground")]
    code: &'static str,
    /// For people.
    #[schema(example = "Nothing ties them to this patient: no care relationship, no consent, no emergency.")]
    text: &'static str,
}

impl From<&Reason> for ReasonView {
    fn from(reason: &Reason) -> Self {
        let code = reason.code();
        let code = code.split(':').next().unwrap_or(&code).to_owned();
        let text = reason.words();
        let mut view = Self { code, text, consent_id: None, chat_id: None, emergency_id: None };
        match reason {
            Reason::Consent(id) | Reason::Proxy(id) => view.consent_id = Some(id.clone()),
            Reason::CareTeamChat(id) => view.chat_id = Some(id.clone()),
            Reason::BreakGlass(id) => view.emergency_id = Some(id.clone()),
            Reason::OwnRecord | Reason::Created | Reason::Assigned | Reason::Admin => {}
        }
        view
    }
}

impl From<Decision> for Explanation {
    fn from(decision: Decision) -> Self {
        let view = |refusal: Refusal| RefusalView { code: refusal.code(), text: refusal.words() };
        match decision {
            Decision::Allow(reasons) => {
                Self { allowed: true, reasons: reasons.iter().map(ReasonView::from).collect(), refusal: None }
            }
            Decision::Deny(refusal) => Self { allowed: false, reasons: Vec::new(), refusal: Some(view(refusal)) },
        }
    }
}

/// Explain an access
///
/// May somebody do something with this record, for a purpose, at this moment, and why: by the very decision that every
/// operation asks. For those who may see who has access.
#[utoipa::path(
    post, path = "/api/v1/patients/{patientId}/consents/explain", tag = "consents", security(("bearer" = [])),
    params(("patientId" = PatientId, Path, description = "The patient")),
    request_body = ExplainBody,
    responses((status = 200, body = Explanation, description = "The answer"), Problems),
)]
pub(crate) async fn explain_access(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PatientId>,
    Json(body): Json<ExplainBody>,
) -> Result<Json<Explanation>, ApiError> {
    caller.trail.action("access.explain").entity("user", &body.user_id);
    let chart = Asking::of(&app, &caller).open(&id, &Action::SeeAccess).await?;
    let action = body.action()?;
    let account = caller.store.get(&USERS, body.user_id.as_str()).await?.map(|doc| doc.value);
    let decision = match account.filter(|account| account.active) {
        Some(account) => {
            let verified = account.verified || !account.role.is_staff();
            let theirs = Asking::for_person(&app, &caller.store, &body.user_id, account.role, verified);
            theirs.for_purpose(body.purpose).decide(&id, &chart.patient, &action).await?
        }
        None => nobody(&app, &body.user_id, &chart.patient, &action, body.purpose),
    };
    Ok(Json(decision.into()))
}

/// What is answered of who has no account: the same as of someone whom nothing ties to the patient.
fn nobody(app: &App, user: &UserId, patient: &Patient, action: &Action, purpose: Purpose) -> Decision {
    let asker = Asker { user, role: Role::Family, verified: true };
    let circle = Circle::default();
    let is_deleted = patient.deleted_at.is_some();
    let record = Record { user_id: None, circle: &circle, is_deleted, is_of_age: true };
    decide(asker, record, action, purpose, app.now())
}

impl ExplainBody {
    fn action(&self) -> Result<Action, ApiError> {
        let kind = || self.kind.ok_or_else(|| missing("kind", "the part of the chart"));
        self.must_not_have_more()?;
        Ok(match self.action {
            AskedAction::Read => Action::Read(kind()?),
            AskedAction::Write => Action::Write(kind()?),
            AskedAction::Chat => Action::Chat(self.chat_id.clone().ok_or_else(|| missing("chatId", "the chat"))?),
            AskedAction::UseAi => Action::UseAi(self.chat_id.clone()),
            AskedAction::Record => Action::Record(self.chat_id.clone()),
            AskedAction::Contact => Action::Contact(self.channel.ok_or_else(|| missing("channel", "the channel"))?),
            AskedAction::Consent => Action::Consent,
            AskedAction::SeeAccess => Action::SeeAccess,
            AskedAction::Delete => Action::Delete,
        })
    }

    /// What an action does not go by is refused rather than left aside.
    fn must_not_have_more(&self) -> Result<(), ApiError> {
        use AskedAction::{Chat, Contact, Read, Record, UseAi, Write};
        let has = [
            ("kind", self.kind.is_some(), matches!(self.action, Read | Write)),
            ("channel", self.channel.is_some(), matches!(self.action, Contact)),
            ("chatId", self.chat_id.is_some(), matches!(self.action, Chat | UseAi | Record)),
        ];
        match has.into_iter().find(|(_, is_given, is_used)| *is_given && !is_used) {
            Some((field, ..)) => Err(ApiError::field(field, format!("{field}: has no meaning with this action"))),
            None => Ok(()),
        }
    }
}

fn missing(field: &str, what: &str) -> ApiError {
    ApiError::field(field, format!("{field}: say {what}, which this action is about"))
}

#[cfg(test)]
mod tests {
    use model::consent::Grantee;
    use model::user::User;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        answers_are_those_of_the_decision, who_has_no_account_has_no_ground, questions_are_checked,
    }

    async fn explain(app: &TestApp, by: &TestUser, id: &PatientId, question: Value) -> Value {
        let path = format!("/api/v1/patients/{id}/consents/explain");
        app.post(&path).by(by).json(&question).expect(200).await
    }

    async fn answers_are_those_of_the_decision(app: TestApp) {
        let (doc, pharm) = (app.user(Role::Doctor, "Doc").await, app.user(Role::Pharmacist, "Phil").await);
        let id = app.patient(&doc, "Pat").await;
        let ask = async |question| explain(&app, &doc, &id, question).await;
        let read = |user: &TestUser, kind: &str| json!({"userId": user.id, "action": "read", "kind": kind});
        let none = json!({
            "allowed": false, "reasons": [],
            "refusal": {"code": "no-ground", "text": Refusal::NoGround.words()},
        });
        assert_eq!(ask(read(&pharm, "notes")).await, none);
        let consent = app.consent(&id, &pharm.id, |consent| consent.ai_use = true).await;
        let reason = |code: &str, text: &str, consent: Value| json!([{"code": code, "text": text, "consentId": consent, "chatId": null, "emergencyId": null}]);
        let allowed = |reasons: Value| json!({"allowed": true, "reasons": reasons, "refusal": null});
        let by_consent = || allowed(reason("consent", "A consent allows it.", json!(consent)));
        assert_eq!(ask(read(&pharm, "vitals")).await, by_consent());
        assert_eq!(ask(read(&pharm, "notes")).await["refusal"]["code"], "not-covered");
        let ai = json!({"userId": pharm.id, "action": "use-ai"});
        assert_eq!(ask(ai).await, by_consent());
        let billing = json!({"userId": pharm.id, "action": "read", "kind": "vitals", "purpose": "billing"});
        assert_eq!(ask(billing).await["refusal"]["code"], "other-purpose");
        let own = allowed(reason("created", "They made the record.", Value::Null));
        assert_eq!(ask(read(&doc, "notes")).await, own);
        // It is the same patient for all who may ask, and says whom the question was about.
        let log = app.audit_log().await;
        assert!(log.iter().all(|entry| entry.action == "access.explain" && entry.patients == [id.clone()]));
        assert!(log.iter().any(|entry| entry.entity_id.as_deref() == Some(doc.id.as_str())));
        let path = format!("/api/v1/patients/{id}/consents/explain");
        app.post(&path).by(&pharm).json(&read(&doc, "notes")).refused(403, "FORBIDDEN").await;
        let fam = app.user(Role::Family, "Fam").await;
        app.post(&path).by(&fam).json(&read(&doc, "notes")).refused(404, "NOT_FOUND").await;
    }

    async fn who_has_no_account_has_no_ground(app: TestApp) {
        let doc = app.user(Role::Doctor, "Doc").await;
        let (gone, fam) = (app.user(Role::Nurse, "Gone").await, app.user(Role::Family, "Fam").await);
        let id = app.patient(&doc, "Pat").await;
        app.consent(&id, &gone.id, |consent| consent.ai_use = true).await;
        app.consent(&id, &doc.id, |consent| consent.grantee = Grantee::Role { role: Role::Nurse }).await;
        let close = app.store.transact("test-close", async |tx| {
            let account: User = tx.get(&USERS, gone.id.as_str()).await?.unwrap().value;
            tx.put(&USERS, gone.id.as_str(), &User { active: false, ..account })
        });
        close.await.unwrap();
        for mut question in [
            json!({"action": "read", "kind": "notes"}),
            json!({"action": "use-ai"}),
            json!({"action": "contact", "channel": "sms"}),
            json!({"action": "delete"}),
        ] {
            let mut answers = Vec::new();
            for user in [&"nobody".parse().unwrap(), &gone.id, &fam.id] {
                question["userId"] = json!(user);
                answers.push(explain(&app, &doc, &id, question.clone()).await);
            }
            assert!(answers.iter().all(|answer| *answer == answers[0] && answer["allowed"] == false), "{answers:?}");
        }
    }

    async fn questions_are_checked(app: TestApp) {
        let doc = app.user(Role::Doctor, "Doc").await;
        let id = app.patient(&doc, "Pat").await;
        let path = format!("/api/v1/patients/{id}/consents/explain");
        for (question, named) in [
            (json!({"userId": doc.id, "action": "read"}), "kind"),
            (json!({"userId": doc.id, "action": "chat"}), "chatId"),
            (json!({"userId": doc.id, "action": "contact"}), "channel"),
            (json!({"userId": doc.id, "action": "delete", "kind": "notes"}), "kind"),
            (json!({"userId": doc.id, "action": "read", "kind": "notes", "channel": "sms"}), "channel"),
            (json!({"userId": doc.id, "action": "read", "kind": "notes", "chatId": "c"}), "chatId"),
            (json!({"userId": doc.id, "action": "fly"}), "action"),
            (json!({"action": "delete"}), "userId"),
        ] {
            let field = app.post(&path).by(&doc).json(&question).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(field, named, "{question}");
        }
    }
}
