use access::Principal;
use access::outside::Outsider;
use kernel::{Role, SessionId, UserId};
use model::outside::{HEARD_INDEX, OUTSIDE_TIES, OutsideTie, SESSIONS_INDEX, TIES_INDEX};
use model::session::{SESSIONS, Session};
use model::user::User;
use store::{Store, Transaction};
use vault::BlindIndex;
use web::{ApiError, App, ClientInfo, Entry, Record};

/// How often it is tried again where somebody else changes the same account meanwhile.
const ATTEMPTS: usize = 5;

/// Someone whom an issuer vouches for comes with a token.
pub(super) struct Arrival<'a> {
    pub(super) app: &'a App,
    pub(super) store: &'a Store,
    pub(super) outsider: &'a Outsider,
    pub(super) index: BlindIndex,
    pub(super) tie_id: String,
    /// What the issuer says of the person, as a hash.
    pub(super) heard: String,
    session_id: SessionId,
    client: &'a ClientInfo,
    entry: Entry,
}

/// How one attempt to let somebody in ended.
pub(super) enum Admitted {
    /// In this account.
    As(UserId, Box<User>),
    /// Another request was quicker: look again.
    Again,
}

impl<'a> Arrival<'a> {
    pub(super) async fn new(
        app: &'a App,
        store: &'a Store,
        outsider: &'a Outsider,
        client: &'a ClientInfo,
    ) -> Result<Self, ApiError> {
        let index = app.vault.blind_index(store).await?;
        // What follows the subject cannot be mistaken for a part of it: JSON tells where each text ends.
        let exact = |label, parts: &[&str]| index.exact(label, &serde_json::json!(parts).to_string());
        let session_id = exact(SESSIONS_INDEX, &[&outsider.issuer, &outsider.subject, &outsider.sign_in]);
        Ok(Self {
            tie_id: exact(TIES_INDEX, &[&outsider.issuer, &outsider.subject]),
            heard: exact(
                HEARD_INDEX,
                &[
                    outsider.name.as_ref().map_or("", |name| name.disclose()),
                    outsider.email.as_ref().map_or("", |email| email.disclose()),
                    if outsider.email_verified { "verified" } else { "" },
                    outsider.role.map_or("", Role::name),
                ],
            ),
            session_id: session_id.parse().map_err(ApiError::internal)?,
            entry: app.entry("auth.outside-sign-in", client),
            app,
            store,
            outsider,
            index,
            client,
        })
    }

    /// Finds or makes the account and the session.
    pub(super) async fn admit(self) -> Result<Principal, ApiError> {
        for _ in 0..ATTEMPTS {
            let tie = self.store.get(&OUTSIDE_TIES, &self.tie_id).await?.map(|doc| doc.value);
            let admitted = match tie {
                Some(tie) => self.follow(&tie).await?,
                None => self.welcome().await?,
            };
            if let Admitted::As(user, account) = admitted {
                return Ok(Principal {
                    user,
                    tenant: self.store.database().tenant.clone(),
                    role: account.role,
                    session: self.session_id,
                    verified: account.verified,
                });
            }
        }
        let cause = format!("{ATTEMPTS} attempts to admit an outsider were overtaken");
        Err(ApiError::unavailable("Too many changes to the same account at once. Please try again.", cause))
    }

    /// A tie of this person to an account. Where the issuer names no role now, it is the one that it last named.
    pub(super) fn tie(&self, user: &UserId, follows: bool, heard_role: Option<Role>) -> OutsideTie {
        let (heard, heard_at) = (self.heard.clone(), self.outsider.issued_at);
        OutsideTie { user_id: user.clone(), follows, heard, heard_role: self.outsider.role.or(heard_role), heard_at }
    }

    /// The session of this sign-in, as it was found.
    pub(super) async fn session(&self, tx: &Transaction) -> Result<Option<Session>, store::Error> {
        Ok(tx.get(&SESSIONS, self.session_id.as_str()).await?.map(|doc| doc.value))
    }

    /// The id of that session.
    pub(super) const fn session_id(&self) -> &SessionId {
        &self.session_id
    }

    /// Begins the session, or lets it live as long as this token. One that has ended stays so, whatever the issuer says.
    pub(super) fn enter(
        &self,
        tx: &Transaction,
        user: &UserId,
        account: &User,
        found: Option<Session>,
    ) -> Result<(), ApiError> {
        let (now, settings) = (self.app.now(), &self.app.settings);
        let Some(mut session) = found else {
            let session = Session {
                user_id: user.clone(),
                user_agent: self.client.user_agent.clone(),
                ip: self.client.ip.clone(),
                created_at: now,
                last_seen_at: now,
                expires_at: self.outsider.expires_at.min(now.plus(settings.session_life)),
                ended: None,
                // No refresh token has these hashes: the issuer refreshes.
                refresh_hash: "none".to_owned(),
                family_hash: "none".to_owned(),
                rotations: 0,
            };
            tx.record(&self.entry.clone().of(user, account.role))?;
            return Ok(tx.create_until(&SESSIONS, self.session_id.as_str(), &session, session.kept_until())?);
        };
        if session.ended.is_some() || session.user_id != *user {
            return Err(ApiError::unauthorized("The session has ended. Sign in again."));
        }
        let expires_at = self.outsider.expires_at.min(session.created_at.plus(settings.session_life));
        // A token that was issued since shows that somebody was there.
        let seen = session.last_seen_at.max(self.outsider.issued_at.min(now));
        let is_news = expires_at > session.expires_at
            || session.is_idle(now, settings.session_idle) && seen > session.last_seen_at;
        if is_news {
            session.expires_at = session.expires_at.max(expires_at);
            session.last_seen_at = seen;
            tx.put_until(&SESSIONS, self.session_id.as_str(), &session, session.kept_until())?;
        }
        Ok(())
    }
}

/// What the owner of an account is told that has become more than the issuer may open.
pub(super) fn only_here() -> ApiError {
    ApiError::unauthorized("This account is signed in to here only, with its password and its second factor.")
}

/// What the owner of a closed account is told.
pub(super) fn closed() -> ApiError {
    ApiError::unauthorized("This account is closed. Ask your clinic.")
}
