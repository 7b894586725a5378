use std::net::SocketAddr;
use std::sync::Arc;

use access::Principal;
use access::oidc::CHECKED_SIGNATURE;
use access::token::TokenError;
use axum::extract::{ConnectInfo, FromRequestParts, OptionalFromRequestParts};
use http::HeaderMap;
use http::request::Parts;
use kernel::{SessionId, TenantId, UserId};
use model::consent::Purpose;
use store::{Companion, Store};

use crate::trail::TrailOf;
use crate::{ApiError, App, Code, Settings, Trail};

/// Who asks, with the tenant's store. As an extractor it refuses a request without a valid access token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// The tenant's documents. Its commits carry the audit entry.
    pub store: Store,
    /// What this leaves in the audit log.
    pub trail: Trail,
    /// For what the caller asks: the header `X-Purpose`, else treatment.
    pub purpose: Purpose,
}

impl Caller {
    /// The caller of an access token, if its session still counts, for treatment.
    pub async fn of_token(app: &App, token: &str) -> Result<Self, ApiError> {
        Self::on_trail(app, token, Trail::new(app, ClientInfo::default()), Purpose::default()).await
    }

    async fn on_trail(app: &App, token: &str, trail: Trail, purpose: Purpose) -> Result<Self, ApiError> {
        let principal = Self::principal(app, token, trail.client()).await?;
        let ended = || ApiError::unauthorized("The session has ended. Sign in again.");
        let store = app.tenants.open(&principal.tenant).await?.ok_or_else(ended)?;
        if !app.sessions.is_live(&store, &principal.session).await? {
            return Err(ended());
        }
        trail.by(&principal);
        let store = store.with_companion(Arc::new(trail.clone()));
        Ok(Self { principal, store, trail, purpose })
    }

    /// Who speaks with a token: one of ours, else one of an outside issuer.
    async fn principal(app: &App, token: &str, client: &ClientInfo) -> Result<Principal, ApiError> {
        let invalid = || ApiError::unauthorized("The access token is not valid. Sign in again.");
        match app.tokens.verify(token, app.now()) {
            Ok(principal) => Ok(principal),
            Err(TokenError::Expired) => {
                let told = "The access token has expired. Get a new one from POST /api/v1/auth/refresh.";
                Err(ApiError::unauthorized(told))
            }
            Err(TokenError::Invalid) => app.outside.principal(app, token, client).await?.ok_or_else(invalid),
        }
    }

    /// The same caller for one more thing that is done, with an audit entry of its own: a socket's commands. Ends with
    /// [`Caller::done`].
    #[must_use]
    pub fn anew(&self, app: &App, client: ClientInfo) -> Self {
        let trail = Trail::new(app, client);
        trail.by(&self.principal);
        let store = self.store.clone().without_companions().with_companion(Arc::new(trail.clone()));
        Self { principal: self.principal.clone(), store, trail, purpose: self.purpose }
    }

    /// Writes the audit entry that no commit has carried. `succeeded`: whether it was done.
    pub async fn done(&self, succeeded: bool) -> Result<(), store::Error> {
        self.trail.finish(&self.store, succeeded).await
    }

    /// The caller's user id.
    pub const fn user(&self) -> &UserId {
        &self.principal.user
    }

    /// The caller's tenant.
    pub const fn tenant(&self) -> &TenantId {
        &self.principal.tenant
    }

    /// The caller's session.
    pub const fn session(&self) -> &SessionId {
        &self.principal.session
    }

    /// Refuses callers who may not see personal data of others: staff accounts that no admin has verified.
    pub fn must_see_phi(&self) -> Result<(), ApiError> {
        if self.principal.may_see_phi() {
            return Ok(());
        }
        self.trail.denied("unverified");
        Err(ApiError::forbidden(
            "Your account waits for an administrator to verify it. Until then you can complete your profile.",
        ))
    }

    /// With a write that goes along with every commit.
    #[must_use]
    pub(crate) fn with_companion(mut self, companion: Arc<dyn Companion>) -> Self {
        self.store = self.store.with_companion(companion);
        self
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let token = bearer(&parts.headers).ok_or_else(|| {
            ApiError::unauthorized("Sign in and send the access token as Authorization: Bearer <token>.")
        })?;
        let purpose = purpose(&parts.headers)?;
        let held = parts.extensions.get::<TrailOf>().cloned();
        let trail = held.as_ref().map_or_else(|| Trail::new(app, ClientInfo::default()), |held| held.trail.clone());
        let caller = Self::on_trail(app, token, trail, purpose).await?;
        app.sessions.used(&caller.store, caller.session()).await?;
        if let Some(held) = held {
            *held.store.lock() = Some(caller.store.clone());
        }
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// `Option<Caller>`: no access token at all is `None`; one that is there has to be valid.
impl OptionalFromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, ApiError> {
        if bearer(&parts.headers).is_none() {
            return Ok(None);
        }
        <Self as FromRequestParts<App>>::from_request_parts(parts, app).await.map(Some)
    }
}

/// The client's bearer token. API Gateway puts a token of its own into `Authorization` and adds the client's as a line of
/// `X-Forwarded-Authorization`, below one that the client may have sent: the last one is what the gateway has checked. Whoever
/// wrote it, a token counts only once it is verified, so that a header of the client's own gains nothing.
///
/// Where the client sent none, `Authorization` alone is there, with a token that Cloud Run has taken for its own check and
/// whose signature it has removed: that is nobody's here.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut forwarded = headers.get_all("x-forwarded-authorization").into_iter().peekable();
    let header = if forwarded.peek().is_some() {
        // A proxy may have joined lines into one.
        forwarded.last()?.to_str().ok()?.rsplit(',').next()?
    } else {
        headers.get(http::header::AUTHORIZATION)?.to_str().ok()?
    };
    let (scheme, token) = header.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.ends_with(CHECKED_SIGNATURE)).then_some(token)
}

fn purpose(headers: &HeaderMap) -> Result<Purpose, ApiError> {
    let Some(value) = headers.get("x-purpose") else { return Ok(Purpose::default()) };
    let named = value.to_str().unwrap_or("");
    let found = Purpose::ALL.into_iter().find(|purpose| purpose.name() == named);
    found.ok_or_else(|| {
        ApiError::field("X-Purpose", "X-Purpose: one of treatment, care-coordination, billing and research")
    })
}

/// Where a request comes from, for the session list and the audit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The client's address.
    pub ip: Option<String>,
    /// What it calls itself, at most 200 characters.
    pub user_agent: Option<String>,
}

impl FromRequestParts<App> for ClientInfo {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers, &parts.extensions, &app.settings))
    }
}

impl ClientInfo {
    /// The client of a request with these headers.
    pub fn of(headers: &HeaderMap, extensions: &http::Extensions, settings: &Settings) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_string());
        // A proxy may add a line of its own below the client's.
        let lines = headers.get_all("x-forwarded-for").into_iter().map(|line| line.to_str().unwrap_or("?"));
        let forwarded = lines.collect::<Vec<_>>().join(",");
        let ip = client_ip(peer, Some(forwarded.as_str()).filter(|text| !text.is_empty()), settings.trusted_proxies);
        let agent = headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
        let user_agent = agent.map(|agent| agent.chars().take(200).collect());
        Self { ip, user_agent }
    }
}

/// The right-most entry of `X-Forwarded-For` that no trusted proxy wrote about another: entries to its left are the
/// client's own claim.
fn client_ip(peer: Option<String>, forwarded: Option<&str>, trusted_proxies: usize) -> Option<String> {
    if trusted_proxies == 0 {
        return peer;
    }
    let hops: Vec<&str> = forwarded?.split(',').map(str::trim).collect();
    let index = hops.len().checked_sub(trusted_proxies)?;
    hops.get(index)?.parse::<std::net::IpAddr>().ok().map(|ip| ip.to_string())
}

/// The tenant of a request that carries no token: its `X-Tenant` header, else the configured default.
#[derive(Debug, Clone)]
pub struct SignInTenant {
    /// Which.
    pub id: TenantId,
    /// Its documents.
    pub store: Store,
}

impl SignInTenant {
    /// The tenant with this id.
    pub async fn of(app: &App, id: TenantId) -> Result<Self, ApiError> {
        let store = app.tenants.open(&id).await?.ok_or_else(unknown_tenant)?;
        Ok(Self { id, store })
    }
}

impl FromRequestParts<App> for SignInTenant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let named = match parts.headers.get("x-tenant") {
            Some(value) => Some(value.to_str().ok().and_then(|id| id.parse().ok()).ok_or_else(unknown_tenant)?),
            None => app.settings.default_tenant.clone(),
        };
        let id =
            named.ok_or_else(|| ApiError::new(Code::InvalidRequest, "Name your clinic in the X-Tenant header."))?;
        Self::of(app, id).await
    }
}

fn unknown_tenant() -> ApiError {
    ApiError::new(Code::InvalidRequest, "The X-Tenant header names no clinic that is served here.")
        .detail("field", "X-Tenant")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_forge_its_address() {
        let peer = || Some("10.0.0.1".to_owned());
        assert_eq!(client_ip(peer(), Some("6.6.6.6"), 0), peer());
        assert_eq!(client_ip(peer(), Some("6.6.6.6, 203.0.113.7"), 1).as_deref(), Some("203.0.113.7"));
        assert_eq!(client_ip(peer(), Some("6.6.6.6, 203.0.113.7, 10.0.0.9"), 2).as_deref(), Some("203.0.113.7"));
        assert_eq!(client_ip(peer(), Some("203.0.113.7"), 2), None);
        assert_eq!(client_ip(peer(), Some("x"), 1), None);
    }

    #[test]
    fn a_line_of_the_clients_own_counts_for_nothing() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6".parse().unwrap());
        headers.append("x-forwarded-for", "203.0.113.7".parse().unwrap());
        let settings = Settings { trusted_proxies: 1, ..Settings::default() };
        let client = ClientInfo::of(&headers, &http::Extensions::new(), &settings);
        assert_eq!(client.ip.as_deref(), Some("203.0.113.7"));
    }

    fn bearer_of(lines: &[(&'static str, &'static str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        bearer(&headers).map(str::to_owned)
    }

    const GATEWAY: (&str, &str) = ("authorization", "Bearer header.claims.SIGNATURE_REMOVED_BY_GOOGLE");

    #[test]
    fn a_token_comes_from_authorization_alone_without_a_gateway() {
        assert_eq!(bearer_of(&[("authorization", "Bearer a.b.c")]).as_deref(), Some("a.b.c"));
        assert_eq!(bearer_of(&[("authorization", "bearer  a.b.c ")]).as_deref(), Some("a.b.c"));
        assert_eq!(bearer_of(&[("authorization", "Basic a.b.c")]), None);
        assert_eq!(bearer_of(&[("x-serverless-authorization", "Bearer a.b.c")]), None);
        assert_eq!(bearer_of(&[]), None);
    }

    #[test]
    fn the_gateway_keeps_the_clients_token_apart() {
        let client = ("x-forwarded-authorization", "bearer client");
        assert_eq!(bearer_of(&[GATEWAY, client]).as_deref(), Some("client"));
        assert_eq!(bearer_of(&[("authorization", "Bearer gateway"), client]).as_deref(), Some("client"));
        // What stands there is not a bearer token: then the gateway's is not the client's either.
        assert_eq!(bearer_of(&[("authorization", "Bearer gateway"), ("x-forwarded-authorization", "Basic x")]), None);
        assert_eq!(bearer_of(&[("authorization", "Bearer gateway"), ("x-forwarded-authorization", "")]), None);
    }

    #[test]
    fn the_token_that_the_gateway_checked_counts_and_not_one_that_the_client_put_before_it() {
        let own = ("x-forwarded-authorization", "Bearer own");
        let checked = ("x-forwarded-authorization", "Bearer checked");
        assert_eq!(bearer_of(&[own, GATEWAY, checked]).as_deref(), Some("checked"));
        let joined = ("x-forwarded-authorization", "Bearer own, Bearer checked");
        assert_eq!(bearer_of(&[GATEWAY, joined]).as_deref(), Some("checked"));
    }

    #[test]
    fn the_gateways_own_token_is_nobodys() {
        assert_eq!(bearer_of(&[GATEWAY]), None);
        assert_eq!(bearer_of(&[("x-forwarded-authorization", GATEWAY.1)]), None);
    }
}
