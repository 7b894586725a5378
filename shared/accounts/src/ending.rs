use events::Emit;
use kernel::{SessionId, Time, UserId};
use model::event::SessionsEnded;
use model::session::{EndReason, SESSIONS};
use store::{Direction, Op, Store};
use web::{ApiError, App};

/// The most sessions that one transaction ends: each is a write, and the event that names them is a document.
const AT_ONCE: u32 = 300;

/// Ends all of a user's sessions that began until `at`, but for one: what a user may do has changed by then, and their
/// tokens say what was. Harmless to repeat.
pub async fn end_sessions_until(
    app: &App,
    store: &Store,
    user: &UserId,
    at: Time,
    except: Option<&SessionId>,
) -> Result<(), ApiError> {
    let now = app.now();
    // Each part stands for itself, so an Idempotency-Key must not take the first for the whole.
    let quiet = store.clone().without_companions();
    let live = SESSIONS
        .all()
        .eq("userId", user.as_str())
        .filter("expiresAt", Op::Greater, now.to_string())
        .order("expiresAt", Direction::Descending)
        .limit(AT_ONCE);
    let mut after = None;
    loop {
        let found = store.query(&SESSIONS, &live.clone().after(after)).await?;
        let is_last = found.len() < AT_ONCE as usize;
        after = found
            .last()
            .map(|doc| store::Cursor { values: vec![doc.value.expires_at.to_string().into()], id: doc.id.clone() });
        let is_old = |doc: &store::Doc<model::session::Session>| {
            doc.value.created_at <= at && except.is_none_or(|except| doc.id != except.as_str())
        };
        let ids: Vec<String> = found.into_iter().filter(is_old).map(|doc| doc.id).collect();
        end(app, &quiet, user, &ids, now).await?;
        if is_last {
            return Ok(());
        }
    }
}

async fn end(app: &App, store: &Store, user: &UserId, ids: &[String], now: Time) -> Result<(), ApiError> {
    if ids.is_empty() {
        return Ok(());
    }
    let ended = app.occurs(SessionsEnded { user_id: user.clone(), session_ids: Vec::new() });
    let session_ids = store
        .transact("end-outdated-sessions", async |tx| {
            let mut session_ids: Vec<SessionId> = Vec::new();
            for mut doc in tx.get_many(&SESSIONS, ids).await?.into_iter().flatten() {
                let Ok(id) = doc.id.parse() else { continue };
                if !doc.value.is_live(now) {
                    continue;
                }
                doc.value.end(now, EndReason::AccountChanged);
                tx.put_until(&SESSIONS, &doc.id, &doc.value, doc.value.kept_until())?;
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
    Ok(())
}
