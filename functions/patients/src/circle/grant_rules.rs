//! What a consent must keep to.

use std::collections::BTreeSet;

use access::decision::Reason;
use charts::OpenChart;
use kernel::{ConsentId, Role, Time, UserId};
use model::chat::CHATS;
use model::consent::{Consent, Grantee, Proxy, Purpose, Scope};
use model::patient::{MOST_CONSENTS, Patient};
use model::user::{USERS, User};
use store::Transaction;
use web::{ApiError, Caller, Code};

use super::grant_consent::GrantConsentBody;

impl GrantConsentBody {
    /// The consent that is asked for, as far as it keeps the rules that hold for whoever gives it. What depends on the
    /// giver is for [`Asked::given_by`].
    pub(crate) async fn asked(
        self,
        caller: &Caller,
        chart: &OpenChart,
        id: ConsentId,
        now: Time,
    ) -> Result<Asked, ApiError> {
        let (from, until) = self.dates(now)?;
        let purposes = distinct(&self.purposes);
        if purposes.is_empty() {
            return Err(ApiError::field("purposes", "purposes: at least one"));
        }
        self.must_be_a_plain_proxy()?;
        self.scope_exists(caller, chart).await?;
        let grantee = self.grantee_exists(caller).await?;
        let consent = Consent {
            id,
            grantee: self.grantee,
            scope: normal(self.scope),
            purposes,
            channels: distinct(&self.channels),
            recording: self.recording,
            ai_use: self.ai_use,
            proxy: None,
            from,
            until,
            granted_by: caller.user().clone(),
            granted_at: now,
            revoked: None,
        };
        Ok(Asked { consent, is_proxy: self.proxy, grantee })
    }

    /// From when until when. A beginning that has passed is now: nobody consents to what has happened.
    fn dates(&self, now: Time) -> Result<(Time, Option<Time>), ApiError> {
        let from = self.from.map_or(now, |from| from.max(now));
        if self.until.is_some_and(|until| until <= from) {
            return Err(ApiError::field("until", "until: a time to come, and later than from"));
        }
        Ok((from, self.until))
    }

    fn must_be_a_plain_proxy(&self) -> Result<(), ApiError> {
        if !self.proxy {
            return Ok(());
        }
        if !matches!(self.grantee, Grantee::User { .. }) {
            return Err(ApiError::field("grantee", "grantee: only one person, by user id, can act for a patient"));
        }
        if matches!(self.scope, Scope::Chat { .. }) {
            return Err(ApiError::field(
                "scope",
                "scope: who acts for a patient does so for the chart, not for a chat",
            ));
        }
        let extra = [("recording", self.recording), ("aiUse", self.ai_use), ("channels", !self.channels.is_empty())];
        match extra.into_iter().find(|(_, is_given)| *is_given) {
            Some((field, _)) => {
                let message = format!("{field}: has no meaning for a proxy; give it in a consent of its own");
                Err(ApiError::field(field, message))
            }
            None => Ok(()),
        }
    }

    async fn scope_exists(&self, caller: &Caller, chart: &OpenChart) -> Result<(), ApiError> {
        match &self.scope {
            Scope::WholeChart => Ok(()),
            Scope::Kinds { kinds } if kinds.is_empty() => {
                Err(ApiError::field("scope.kinds", "scope.kinds: at least one part of the chart"))
            }
            Scope::Kinds { .. } => Ok(()),
            Scope::Chat { chat_id } => {
                let chat = caller.store.get(&CHATS, chat_id.as_str()).await?.map(|doc| doc.value);
                let is_about =
                    |chat: &model::chat::Chat| chat.deleted_at.is_none() && chat.patient_id.as_ref() == Some(&chart.id);
                if chat.as_ref().is_some_and(is_about) {
                    return Ok(());
                }
                Err(ApiError::field("scope.chatId", "scope.chatId: there is no such chat about this patient"))
            }
        }
    }

    /// The account of the person that it is given to, where it is given to one.
    async fn grantee_exists(&self, caller: &Caller) -> Result<Option<User>, ApiError> {
        match &self.grantee {
            Grantee::CareTeam => Ok(None),
            Grantee::Role { role } if role.is_staff() && !role.is_admin() => Ok(None),
            Grantee::Role { .. } => {
                let message = "grantee.role: one of Doctor, Nurse, Assistant, Pharmacist and Receptionist";
                Err(ApiError::field("grantee.role", message))
            }
            Grantee::User { user_id } => {
                let account = caller.store.get(&USERS, user_id.as_str()).await?.map(|doc| doc.value);
                account.filter(|account| account.active).map(Some).ok_or_else(|| {
                    ApiError::field("grantee.userId", "grantee.userId: there is no such account in this clinic")
                })
            }
        }
    }
}

/// A consent that is asked for.
pub(crate) struct Asked {
    /// As it is stored, but for the proxy.
    consent: Consent,
    is_proxy: bool,
    /// The account of the person that it is given to, where it is given to one.
    grantee: Option<User>,
}

impl Asked {
    /// The consent, if the caller may give it by what the transaction reads of the record.
    pub(crate) async fn given_by(
        &self,
        caller: &Caller,
        tx: &Transaction,
        chart: &OpenChart,
    ) -> Result<Consent, ApiError> {
        let by = Giver::of(chart);
        by.may_give(&self.consent.purposes)?;
        if let Grantee::User { user_id } = &self.consent.grantee
            && (chart.patient.user_id.as_ref() == Some(user_id) || user_id == caller.user())
        {
            let message = "grantee.userId: consent is given to somebody else than oneself and the patient";
            return Err(ApiError::field("grantee.userId", message));
        }
        let proxy = by.proxy(tx, self.is_proxy, self.grantee.as_ref()).await?;
        Ok(Consent { proxy, ..self.consent.clone() })
    }
}

/// Who gives a consent: the patient, or someone who acts for one.
struct Giver<'a> {
    /// The consents by which the caller acts for the patient; empty for the patient.
    proxies: Vec<&'a Consent>,
}

impl<'a> Giver<'a> {
    fn of(chart: &'a OpenChart) -> Self {
        let is_patient = chart.reasons.contains(&Reason::OwnRecord);
        let acts_by = |consent: &&Consent| !is_patient && chart.reasons.contains(&Reason::Proxy(consent.id.clone()));
        Self { proxies: chart.patient.circle.consents.iter().filter(acts_by).collect() }
    }

    /// Nobody gives more than they have.
    fn may_give(&self, purposes: &[Purpose]) -> Result<(), ApiError> {
        let has = |purpose: &Purpose| self.proxies.iter().any(|proxy| proxy.purposes.contains(purpose));
        match purposes.iter().find(|purpose| !self.proxies.is_empty() && !has(purpose)) {
            Some(purpose) => {
                let message = format!("purposes: you act for the patient, but not for {}", purpose.name());
                Err(ApiError::field("purposes", message))
            }
            None => Ok(()),
        }
    }

    /// As what somebody may act for the patient. Adults choose for themselves; for a child the guardian may whom the
    /// clinic tied to the record, and what a guardian gives to other relatives ends when the child is of age.
    async fn proxy(&self, tx: &Transaction, is_proxy: bool, grantee: Option<&User>) -> Result<Option<Proxy>, ApiError> {
        let is_patient = self.proxies.is_empty();
        let is_relative = grantee.is_some_and(|account| matches!(account.role, Role::Patient | Role::Family));
        let for_child = self.proxies.iter().all(|proxy| proxy.proxy == Some(Proxy::Minor));
        match (is_proxy, is_patient) {
            (true, true) => Ok(Some(Proxy::Adult)),
            (false, true) => Ok(None),
            (true, false) if self.is_verified_guardian(tx).await? => Ok(Some(Proxy::Minor)),
            (true, false) => {
                let message = "proxy: only the patient, or a child's guardian whom the clinic tied to the record, can \
                               let somebody act for the patient";
                Err(ApiError::field("proxy", message))
            }
            (false, false) if for_child && is_relative => {
                let message = "proxy: a child's relatives see the record as proxies, until the child is of age";
                Err(ApiError::field("proxy", message))
            }
            (false, false) => Ok(None),
        }
    }

    /// Whether the clinic's staff made the caller the guardian, rather than another guardian.
    async fn is_verified_guardian(&self, tx: &Transaction) -> Result<bool, ApiError> {
        let guardianships = self.proxies.iter().filter(|proxy| proxy.proxy == Some(Proxy::Minor));
        let granters: BTreeSet<&UserId> = guardianships.map(|proxy| &proxy.granted_by).collect();
        let ids: Vec<String> = granters.into_iter().map(ToString::to_string).collect();
        let accounts = tx.get_many(&USERS, &ids).await?;
        Ok(accounts.into_iter().flatten().any(|account| account.value.role.is_staff()))
    }
}

/// Puts a consent into the circle, if there is room.
pub(crate) fn add(patient: &mut Patient, consent: Consent, now: Time) -> Result<(), ApiError> {
    patient.circle.consents.push(consent);
    patient.index_holders(now);
    if patient.circle.consents.len() > MOST_CONSENTS {
        let message = format!("There are {MOST_CONSENTS} consents for this patient already. Revoke those not needed.");
        return Err(ApiError::new(Code::ValidationError, message));
    }
    Ok(())
}

fn normal(scope: Scope) -> Scope {
    match scope {
        Scope::Kinds { kinds } => Scope::Kinds { kinds: distinct(&kinds) },
        other => other,
    }
}

fn distinct<T: Ord + Copy>(all: &[T]) -> Vec<T> {
    let set: BTreeSet<T> = all.iter().copied().collect();
    set.into_iter().collect()
}
