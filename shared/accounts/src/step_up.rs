use access::password::{PasswordError, Verified};
use kernel::{Phi, Role, UserId};
use model::user::{USERS, User};
use store::Store;
use vault::Subject;
use web::{ApiError, App, Caller, ClientInfo, Entry, Record};

use crate::attempts::{self, Counter, too_many};
use crate::second_factor::Factor;

/// Asks the caller for the second factor before something that matters, such as signing a note or breaking the glass.
///
/// An account without a second factor passes. Else `mfa_code`, a code of the app or a backup code, is used up. Without
/// one the answer is 403 with `details.mfaRequired`; a wrong one is 403 and counted: after five in 15 minutes, 429 for a
/// while.
pub async fn step_up(app: &App, caller: &Caller, mfa_code: Option<&str>) -> Result<(), ApiError> {
    // Neither the proof nor its failure is an effect of the request.
    let store = caller.store.clone().without_companions();
    let user = own(&store, caller).await?;
    if user.sign_in.mfa.is_none() {
        return Ok(());
    }
    let factor =
        prove(app, caller, &user, Proof { action: "auth.step-up", password: None, code: Some(mfa_code) }).await?;
    let Some(factor) = factor else { return Ok(()) };
    let entry = app.entry("auth.step-up", caller.trail.client()).by(&caller.principal);
    let id = caller.user().as_str();
    let spent = store
        .transact("step-up", async |tx| {
            let own = Counter::of_user(caller.user());
            own.must_be_open(&tx, app.now()).await?;
            let Some(mut user) = tx.get(&USERS, id).await?.map(|doc| doc.value) else { return Ok(false) };
            let Some(mfa) = user.sign_in.mfa.as_mut().filter(|_| user.active) else { return Ok(false) };
            if !factor.spend(mfa) {
                return Ok(false);
            }
            tx.put(&USERS, id, &user)?;
            own.clear(&tx);
            tx.record(&entry)?;
            Ok::<_, ApiError>(true)
        })
        .await?;
    if spent { Ok(()) } else { Err(wrong_code()) }
}

async fn own(store: &Store, caller: &Caller) -> Result<User, ApiError> {
    let found = store.get(&USERS, caller.user().as_str()).await?.map(|doc| doc.value);
    found.filter(User::may_sign_in).ok_or_else(|| ApiError::unauthorized("This account is closed. Sign in again."))
}

/// What a signed-in user proves once more.
#[derive(Debug)]
pub struct Proof<'a> {
    /// What for, as the audit log names it.
    pub action: &'static str,
    /// The password, where it is asked for, with the name of its field.
    pub password: Option<(&'static str, Phi<String>)>,
    /// The second factor, where it is asked for: what was given.
    pub code: Option<Option<&'a str>>,
}

/// Checks what a signed-in user proves. A failure is counted, and written down before the answer. The second factor is
/// to be spent by the transaction that acts on it; there is none where the account has none. That transaction calls
/// [`Counter::must_be_open`] too, so that of many guesses at once no more are heard than of one after the other.
pub async fn prove(app: &App, caller: &Caller, user: &User, proof: Proof<'_>) -> Result<Option<Factor>, ApiError> {
    let store = caller.store.clone().without_companions();
    let client = caller.trail.client();
    let counters = [Counter::of_user(caller.user())];
    let entry = || app.entry(proof.action, client).by(&caller.principal);
    if let Some(left) = attempts::locked(&store, &counters, app.now()).await?.into_iter().flatten().next() {
        entry().denied("locked").write(&store).await?;
        return Err(too_many(left));
    }
    let who = Some((caller.user(), user.role));
    let failure = |reason, answer| Failure { counters: &counters, entry: entry().denied(reason), who, answer };
    if let Some((field, password)) = &proof.password
        && !verify_password(app, Some(user), password).await?.ok
    {
        let wrong = ApiError::forbidden("The password is wrong.").detail("field", *field);
        return Err(failure("wrong-password", wrong).count(app, &store, client).await?);
    }
    let (Some(given), Some(mfa)) = (proof.code, &user.sign_in.mfa) else { return Ok(None) };
    let Some(code) = given else {
        entry().denied("second-factor-missing").write(&store).await?;
        return Err(ApiError::forbidden("Send mfaCode: a code of your authenticator app, or a backup code.")
            .detail("mfaRequired", true));
    };
    let tenant = &store.database().tenant;
    let key = app.vault.key(&store, &Subject::User(caller.user().clone())).await?;
    let blind = app.vault.blind_index(&store).await?;
    match Factor::find(&key, &blind, tenant, caller.user(), mfa, (code, app.now()))? {
        Some(factor) => Ok(Some(factor)),
        None => Err(failure("wrong-code", wrong_code()).count(app, &store, client).await?),
    }
}

fn wrong_code() -> ApiError {
    ApiError::forbidden("The code is wrong, or was used before. Codes of the app change every 30 seconds.")
        .detail("mfaRequired", true)
}

/// An attempt that failed: what counts it, what the audit log says, and the answer.
#[derive(Debug)]
pub struct Failure<'a> {
    /// On what it is counted.
    pub counters: &'a [Counter],
    /// Its entry.
    pub entry: Entry,
    /// Who it was about, if that is known.
    pub who: Option<(&'a UserId, Role)>,
    /// The answer.
    pub answer: ApiError,
}

impl Failure<'_> {
    /// Counts it and writes it down in one commit; where a lock begins by it, that too. Answers the answer.
    pub async fn count(self, app: &App, store: &Store, client: &ClientInfo) -> Result<ApiError, ApiError> {
        let mut locked = app.entry("auth.locked", client);
        if let Some((user, role)) = self.who {
            locked = locked.of(user, role);
        }
        let now = app.now();
        store
            .transact("attempt-failed", async |tx| {
                if attempts::fail(&tx, self.counters, now).await? {
                    tx.record(&locked)?;
                }
                tx.record(&self.entry)
            })
            .await?;
        Ok(self.answer)
    }
}

/// Whether a password belongs to an account, or to none. Takes as long either way.
pub async fn verify_password(app: &App, user: Option<&User>, password: &Phi<String>) -> Result<Verified, ApiError> {
    let stored = user.map(|user| user.password_hash.as_str());
    match app.passwords.verify(stored, password.clone()).await {
        // An account without a password has some other text there. To outsiders it is no account.
        Err(PasswordError::UnreadableHash) => app.passwords.verify(None, password.clone()).await,
        verified => verified,
    }
    .map_err(ApiError::internal)
}
