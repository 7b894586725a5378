//! Beginning and ending sessions. A session and the family of its one-time refresh tokens have the same id.

use access::Principal;
use access::refresh::RefreshToken;
use events::Emit;
use kernel::{FamilyId, Role, SessionId, TenantId, Time, UserId};
use model::event::SessionsEnded;
use model::session::{EndReason, SESSIONS, Session};
use store::{Direction, Doc, Op, Query, Store, Transaction};
use web::{ApiError, App, ClientInfo};
use zeroize::Zeroizing;

/// The most sessions that one transaction ends: each is a write, and the event that names them is a document.
const ENDED_AT_ONCE: u32 = 300;

/// A session that begins, ready to be written together with other documents.
pub(crate) struct Beginning {
    id: SessionId,
    session: Session,
    refresh: RefreshToken,
}

impl Beginning {
    /// A session of this user, from this client.
    pub(crate) fn new(app: &App, tenant: &TenantId, user: UserId, client: ClientInfo) -> Self {
        let id = SessionId::generate(app.random.as_ref());
        let refresh = RefreshToken::generate(tenant.clone(), family_of(&id), app.random.as_ref());
        let now = app.now();
        let session = Session {
            user_id: user,
            user_agent: client.user_agent,
            ip: client.ip,
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(app.settings.session_life),
            ended: None,
            refresh_hash: refresh.hash(),
            family_hash: refresh.family_hash(),
            rotations: 0,
        };
        Self { id, session, refresh }
    }

    /// Its id.
    pub(crate) const fn id(&self) -> &SessionId {
        &self.id
    }

    /// Writes the session.
    pub(crate) fn save(&self, tx: &Transaction) -> Result<(), store::Error> {
        tx.create_until(&SESSIONS, self.id.as_str(), &self.session, self.session.kept_until())
    }

    /// Its tokens, once it is written.
    pub(crate) fn tokens(self, app: &App, role: Role, verified: bool) -> Result<TokenPair, ApiError> {
        let tenant = self.refresh.tenant().clone();
        let principal = Principal { user: self.session.user_id, tenant, role, session: self.id, verified };
        TokenPair::issue(app, &principal, &self.refresh)
    }
}

/// What a client gets to act for a session.
pub(crate) struct TokenPair {
    /// The access token.
    pub(crate) access: String,
    /// The refresh token.
    pub(crate) refresh: Zeroizing<String>,
}

impl TokenPair {
    /// A new access token, with this refresh token.
    pub(crate) fn issue(app: &App, principal: &Principal, refresh: &RefreshToken) -> Result<Self, ApiError> {
        let access = app.tokens.issue(principal, app.now()).map_err(ApiError::internal)?;
        Ok(Self { access, refresh: refresh.expose() })
    }
}

/// The family of a session's refresh tokens.
#[expect(clippy::expect_used, reason = "the text of one id is a text that every id may have")]
pub(crate) fn family_of(session: &SessionId) -> FamilyId {
    session.as_str().parse().expect("an id")
}

/// The session of a family of refresh tokens.
#[expect(clippy::expect_used, reason = "the text of one id is a text that every id may have")]
pub(crate) fn session_of(family: &FamilyId) -> SessionId {
    family.as_str().parse().expect("an id")
}

/// Writes a session that was there, to be kept as long as it says now.
pub(crate) fn put(tx: &Transaction, id: &SessionId, session: &Session) -> Result<(), store::Error> {
    tx.put_until(&SESSIONS, id.as_str(), session, session.kept_until())
}

/// A user's live sessions, those that live longest first.
pub(crate) fn live_of(user: &UserId, now: Time) -> Query {
    SESSIONS
        .all()
        .eq("userId", user.as_str())
        .filter("expiresAt", Op::Greater, now.to_string())
        .order("expiresAt", Direction::Descending)
}

/// Ends those of these sessions that are the user's and live, and answers which they were. From then on their access
/// tokens are refused here, and within seconds elsewhere.
pub(crate) async fn end(
    app: &App,
    store: &Store,
    user: &UserId,
    ids: &[String],
    reason: EndReason,
) -> Result<Vec<SessionId>, ApiError> {
    let now = app.now();
    let ended = app.occurs(SessionsEnded { user_id: user.clone(), session_ids: Vec::new() });
    let session_ids = store
        .transact("end-sessions", async |tx| {
            let found = tx.get_many(&SESSIONS, ids).await?.into_iter().flatten();
            let mut session_ids: Vec<SessionId> = Vec::new();
            for mut doc in found.filter(|doc| doc.value.user_id == *user && doc.value.is_live(now)) {
                let Ok(id) = doc.id.parse() else { continue };
                doc.value.end(now, reason);
                put(&tx, &id, &doc.value)?;
                session_ids.push(id);
            }
            if !session_ids.is_empty() {
                tx.emit(&ended.with(SessionsEnded { user_id: user.clone(), session_ids: session_ids.clone() }))?;
            }
            Ok::<_, store::Error>(session_ids)
        })
        .await?;
    for id in &session_ids {
        app.sessions.forget(&store.database().tenant, id);
    }
    Ok(session_ids)
}

/// Which of a user's live sessions end.
pub(crate) enum Which {
    /// All of them.
    All,
    /// All but this one.
    AllBut(SessionId),
    /// Those that began before that, but for one.
    BegunBefore(Time, Option<SessionId>),
}

impl Which {
    fn has(&self, doc: &Doc<Session>) -> bool {
        match self {
            Self::All => true,
            Self::AllBut(kept) => doc.id != kept.as_str(),
            Self::BegunBefore(time, kept) => {
                doc.value.created_at < *time && kept.as_ref().is_none_or(|kept| doc.id != kept.as_str())
            }
        }
    }
}

/// Ends a user's live sessions, in as many commits as it takes.
pub(crate) async fn end_all(
    app: &App,
    store: &Store,
    user: &UserId,
    which: Which,
    reason: EndReason,
) -> Result<(), ApiError> {
    // Each part stands for itself, so an Idempotency-Key must not take the first for the whole.
    let quiet = store.clone().without_companions();
    // Ended sessions are no longer in the query's answer, so every turn asks for what is left.
    loop {
        let live = live_of(user, app.now()).limit(ENDED_AT_ONCE);
        let found = quiet.query(&SESSIONS, &live).await?;
        let is_last = found.len() < ENDED_AT_ONCE as usize;
        let ids: Vec<String> = found.into_iter().filter(|doc| which.has(doc)).map(|doc| doc.id).collect();
        let ended = end(app, &quiet, user, &ids, reason).await?;
        if is_last || ended.is_empty() {
            return Ok(());
        }
    }
}
