//! What all ways of signing in have in common: locks, the second factor, the session, the entries in the audit log.

use std::time::Duration;

use accounts::{Counter, Factor, Failure, locked, network, too_many};
use kernel::{OtpRequestId, UserId};
use model::sign_in::{ATTEMPTS, OTP_REQUESTS, OtpRequest};
use model::user::{USERS, User};
use serde::Serialize;
use store::Transaction;
use utoipa::ToSchema;
use vault::BlindIndex;
use web::{ApiError, App, ClientInfo, Entry, Json, Record, SignInTenant};

use crate::accounts::AccountKey;
use crate::cookie::RefreshCookie;
use crate::sessions::Beginning;
use crate::verify_otp;
use crate::wire::AccountSummary;

/// A session that began.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedIn {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    /// The access token: send it as `Authorization: Bearer <token>`. It holds for 15 minutes.
    #[schema(example = "eyJhbGciOiJFUzI1NiIs...")]
    token: String,
    /// The refresh token, good for one POST /api/v1/auth/refresh. Browsers also get it as a cookie.
    #[schema(example = "clinic.0b1c...")]
    refresh_token: String,
    /// Who signed in.
    user: AccountSummary,
}

/// What somebody has shown first.
pub(crate) enum First {
    /// The password; with its hash made anew, where the stored one is of an older form.
    Password { upgraded: Option<String> },
    /// A code that was sent, by its request and its hash.
    Code { request: OtpRequestId, hash: String },
}

impl First {
    fn refusal(&self) -> ApiError {
        match self {
            Self::Password { .. } => wrong(),
            Self::Code { .. } => verify_otp::not_good(),
        }
    }
}

/// One attempt to sign in.
pub(crate) struct Attempt<'a> {
    app: &'a App,
    tenant: &'a SignInTenant,
    client: &'a ClientInfo,
    action: &'static str,
    /// The client's network.
    address: Option<String>,
    counters: Counters,
    /// How long the lock lasts under which this attempt is heard.
    lock: Option<Duration>,
}

/// On what failures are counted.
struct Counters {
    /// For the address or number given, from wherever.
    identifier: Counter,
    /// For it, from the client's network; and for that network. None where the network is not known.
    network: Option<(Counter, Counter)>,
}

impl Counters {
    fn all(&self) -> Vec<Counter> {
        let network = self.network.iter().flat_map(|(pair, address)| [pair.clone(), address.clone()]);
        std::iter::once(self.identifier.clone()).chain(network).collect()
    }
}

/// An account that an attempt is about.
pub(crate) type Found = (UserId, User);

impl<'a> Attempt<'a> {
    /// An attempt at the address or number with this blind index. `action` is its name in the audit log.
    pub(crate) fn new(
        app: &'a App,
        tenant: &'a SignInTenant,
        client: &'a ClientInfo,
        (blind, index): (&BlindIndex, &str),
        action: &'static str,
    ) -> Self {
        let address = network(blind, client);
        let of_network = |address| (Counter::of_pair(index, address), Counter::of_address(address));
        let network = address.as_deref().map(of_network);
        let counters = Counters { identifier: Counter::of_identifier(index), network };
        Self { app, tenant, client, action, address, counters, lock: None }
    }

    /// Refuses while too many attempts at this address or number have failed from the client's network, whether or not
    /// it has an account.
    ///
    /// Other locks, of the address or number and of the network, are for strangers: whoever comes from where someone has
    /// signed in to the account before gets in all the same. That must not tell who has an account, so under such a lock
    /// every attempt is checked, and all that do not get in are answered as the lock answers. The same reads, writes, work
    /// and answers with and without an account.
    pub(crate) async fn must_be_heard(&mut self, found: Option<&Found>) -> Result<(), ApiError> {
        let counters = self.counters.all();
        let locks = locked(&self.tenant.store, &counters, self.app.now()).await?;
        self.lock = locks.iter().flatten().max().copied();
        let of_pair = locks.get(1).copied().flatten();
        if let (Some(left), Some(_)) = (self.lock, of_pair) {
            self.entry(found).denied("locked").write(&self.tenant.store).await?;
            return Err(too_many(left));
        }
        Ok(())
    }

    /// Counts a failure and writes it down; `answer` comes back to be given, where no lock has another.
    pub(crate) async fn failed(&self, found: Option<&Found>, reason: &'static str, answer: ApiError) -> ApiError {
        match self.lock {
            None => self.count(&self.counters.all(), found, reason, answer).await,
            // The lock grows no longer by it, and those who are let in under it have few guesses too.
            Some(left) => {
                let pair: Vec<Counter> = self.counters.network.iter().map(|(pair, _)| pair.clone()).collect();
                self.count(&pair, found, "locked", too_many(left)).await
            }
        }
    }

    /// Asks for the second factor where there is one, and begins the session.
    pub(crate) async fn finish(
        self,
        found: Found,
        first: First,
        mfa_code: Option<&str>,
    ) -> Result<(RefreshCookie, Json<SignedIn>), ApiError> {
        let Self { app, tenant, client, .. } = self;
        if self.lock.is_some() && !self.is_known(Some(&found.1)) {
            return Err(self.failed(Some(&found), "locked", first.refusal()).await);
        }
        let key = AccountKey::of(app, &tenant.store, &found.0).await?;
        let factor = self.second_factor(&found, &key, mfa_code).await?;
        let session = Beginning::new(app, &tenant.id, found.0.clone(), client.clone());
        let entry = self.entry(Some(&found)).entity("session", session.id().as_str()).because(reasons(&first, &factor));
        let user = tenant
            .store
            .transact("sign-in", async |tx| {
                let user = self.admit(&tx, &found, &first, factor.as_ref()).await?;
                tx.put(&USERS, found.0.as_str(), &user)?;
                session.save(&tx)?;
                tx.record(&entry)?;
                Ok::<_, ApiError>(user)
            })
            .await;
        let user = match user {
            Err(refused) if refused.status().is_client_error() => {
                self.entry(Some(&found)).denied("overtaken").write(&tenant.store).await?;
                return Err(refused);
            }
            written => written?,
        };
        let summary = AccountSummary::open(&key, &user)?;
        let tokens = session.tokens(app, user.role, user.verified)?;
        let cookie = RefreshCookie::with(app, &tokens.refresh)?;
        let refresh_token = tokens.refresh.to_string();
        Ok((cookie, Json(SignedIn { success: true, token: tokens.access, refresh_token, user: summary })))
    }

    /// The account as it is to be written, if all that was shown still counts: it may have been closed, got another
    /// password or been locked, and the codes may have been used, while they were checked.
    async fn admit(
        &self,
        tx: &Transaction,
        found: &Found,
        first: &First,
        factor: Option<&Factor>,
    ) -> Result<User, ApiError> {
        let now = self.app.now();
        let (id, seen) = found;
        let identifier = &self.counters.identifier;
        let (user, attempts) = tx.get_both((&USERS, id.as_str()), (&ATTEMPTS, identifier.id())).await?;
        let current =
            user.map(|doc| doc.value).filter(|user| user.may_sign_in() && user.password_hash == seen.password_hash);
        let mut user = current.ok_or_else(|| first.refusal())?;
        let lock = attempts.as_ref().and_then(|doc| doc.value.locked_for(now));
        if let Some(left) = lock.filter(|_| !self.is_known(Some(&user))) {
            return Err(too_many(left));
        }
        self.admit_network(tx).await?;
        match first {
            First::Password { upgraded } => user.password_hash = upgraded.clone().unwrap_or(user.password_hash),
            First::Code { request, hash } => {
                let asked = tx.get(&OTP_REQUESTS, request.as_str()).await?.map(|doc| doc.value);
                let is_it = |asked: &OtpRequest| now < asked.expires_at && asked.code_hash.as_ref() == Some(hash);
                asked.filter(is_it).ok_or_else(|| first.refusal())?;
                tx.delete(&OTP_REQUESTS, request.as_str());
            }
        }
        if let Some(mfa) = user.sign_in.mfa.as_mut() {
            let own = Counter::of_user(id);
            own.must_be_open(tx, now).await?;
            // Else it was switched on, or the code was used, meanwhile.
            if !factor.is_some_and(|factor| factor.spend(mfa)) {
                return Err(wrong_code());
            }
            own.clear(tx);
        }
        if attempts.is_some() {
            identifier.clear(tx);
        }
        if let Some(address) = &self.address {
            user.sign_in.remember(address);
        }
        user.last_login_at = Some(now);
        Ok(user)
    }

    /// Refuses a pair that was locked meanwhile. Takes back what failed from this network at this account before: whoever
    /// got in has mistyped, and guessed nothing. What failed at other accounts stays counted.
    async fn admit_network(&self, tx: &Transaction) -> Result<(), ApiError> {
        let Some((pair, address)) = &self.counters.network else { return Ok(()) };
        let mut found = tx.get_many(&ATTEMPTS, &[pair.id().to_owned(), address.id().to_owned()]).await?.into_iter();
        let (of_pair, of_address) = (found.next().flatten(), found.next().flatten());
        let Some(of_pair) = of_pair.map(|doc| doc.value) else { return Ok(()) };
        if let Some(left) = of_pair.locked_for(self.app.now()) {
            return Err(too_many(left));
        }
        if let Some(of_address) = of_address.map(|doc| doc.value) {
            address.take_back(tx, of_address, of_pair.failures)?;
        }
        pair.clear(tx);
        Ok(())
    }

    async fn second_factor(
        &self,
        found: &Found,
        key: &AccountKey<'_>,
        mfa_code: Option<&str>,
    ) -> Result<Option<Factor>, ApiError> {
        let (id, user) = found;
        let Some(mfa) = &user.sign_in.mfa else { return Ok(None) };
        let store = &self.tenant.store;
        let Some(code) = mfa_code else {
            self.entry(Some(found)).denied("second-factor-missing").write(store).await?;
            let message = "Send mfaCode too: a code of your authenticator app, or a backup code.";
            return Err(ApiError::unauthorized(message).detail("mfaRequired", true));
        };
        let own = [Counter::of_user(id)];
        if let Some(left) = locked(store, &own, self.app.now()).await?.into_iter().flatten().next() {
            self.entry(Some(found)).denied("locked").write(store).await?;
            return Err(too_many(left));
        }
        let blind = self.app.vault.blind_index(store).await?;
        let given = (code, self.app.now());
        match Factor::find(key.subject_key(), &blind, &self.tenant.id, id, mfa, given)? {
            Some(factor) => Ok(Some(factor)),
            None => {
                // Whoever is here knows the password, so the lock is the user's own, from wherever they come.
                let own: Vec<Counter> =
                    own.into_iter().chain(self.counters.network.iter().map(|(_, all)| all.clone())).collect();
                Err(self.count(&own, Some(found), "wrong-code", wrong_code()).await)
            }
        }
    }

    async fn count(
        &self,
        counters: &[Counter],
        found: Option<&Found>,
        reason: &'static str,
        answer: ApiError,
    ) -> ApiError {
        let who = found.map(|(id, user)| (id, user.role));
        let failure = Failure { counters, entry: self.entry(found).denied(reason), who, answer };
        failure.count(self.app, &self.tenant.store, self.client).await.unwrap_or_else(std::convert::identity)
    }

    fn entry(&self, found: Option<&Found>) -> Entry {
        let entry = self.app.entry(self.action, self.client);
        found.map_or(entry.clone(), |(id, user)| entry.of(id, user.role))
    }

    fn is_known(&self, user: Option<&User>) -> bool {
        self.address.as_deref().is_some_and(|address| user.is_some_and(|user| user.sign_in.knows(address)))
    }
}

/// Makes a new account's first client a known one.
pub(crate) fn remember_client(user: &mut User, blind: &BlindIndex, client: &ClientInfo) {
    if let Some(address) = network(blind, client) {
        user.sign_in.remember(&address);
    }
}

fn reasons(first: &First, factor: &Option<Factor>) -> Vec<String> {
    let first = match first {
        First::Password { .. } => "password",
        First::Code { .. } => "code",
    };
    let second = factor.as_ref().map(|factor| match factor {
        Factor::Step(_) => "authenticator",
        Factor::Backup(_) => "backup-code",
    });
    std::iter::once(first).chain(second).map(str::to_owned).collect()
}

/// One answer for whatever is wrong.
pub(crate) fn wrong() -> ApiError {
    ApiError::unauthorized("There is no account with this e-mail address and password.")
}

fn wrong_code() -> ApiError {
    ApiError::unauthorized("The code is wrong, or was used before. Codes of the app change every 30 seconds.")
        .detail("mfaRequired", true)
}
