//! The `Idempotency-Key` header: the same key and body take effect once and get the same answer.
//!
//! A key's document says `started` before the handler runs. Every commit of the handler turns it to `committed` (the
//! store's companion write), so that after a crash it is known whether the request took effect; the answer is kept
//! with it when the handler is done.

use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use kernel::{PatientId, Phi, Role, Sealed, Time};
use serde::{Deserialize, Serialize};
use store::{Collection, Kind, Precondition, Write};
use tracing::Instrument;
use vault::{Place, Subject};

use crate::{ApiError, App, Caller, Code};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// On an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// A request that began this long ago and has committed nothing is dead.
const ABANDONED: Duration = Duration::from_secs(120);
const PUBLIC: [&str; 9] = [
    "/api/v1/auth/register",
    "/api/v1/auth/login",
    "/api/v1/auth/refresh",
    "/api/v1/auth/verify-email",
    "/api/v1/auth/forgot-password",
    "/api/v1/auth/reset-password",
    "/api/v1/auth/request-otp",
    "/api/v1/auth/resend-otp",
    "/api/v1/auth/verify-otp",
];
/// The headers that are kept with an answer.
const KEPT_HEADERS: [HeaderName; 3] = [header::ETAG, header::LOCATION, HeaderName::from_static("preference-applied")];
/// More than any operation takes.
const MAX_BODY: usize = 6 * 1024 * 1024;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    /// Blind index of the method, the URI and the body.
    request: String,
    state: Progress,
    status: Option<u16>,
    /// Those of [`KEPT_HEADERS`] that the answer had.
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// Sealed under the caller's key: the answer's body.
    body: Option<Sealed>,
    /// The patients that it was about, and why it was allowed.
    #[serde(default)]
    about: About,
    at: Time,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct About {
    role: Option<Role>,
    patients: Vec<PatientId>,
    because: Vec<String>,
}

/// Decides whether an answer about patients may be given again: what allowed it may have been taken back since.
#[async_trait]
pub trait ShowsAgain: Send + Sync {
    /// Whether the caller may see again what was answered about these patients, for these reasons of then.
    async fn may_show(
        &self,
        app: &App,
        caller: &Caller,
        patients: &[PatientId],
        because: &[String],
    ) -> Result<bool, ApiError>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Progress {
    Started,
    Committed,
    Answered,
}

/// The label of the blind index of a caller's key: a document's id.
const KEY_INDEX: &str = "idempotency.key";
/// The label of the blind index of a request.
const REQUEST_INDEX: &str = "idempotency.request";

const KEYS: Collection<Kept> = Collection::top("idempotency-keys", &[]).expiring();

/// What a store has to know of the collection in which answers are kept.
pub fn idempotency_keys() -> Kind {
    KEYS.kind()
}

/// On a response's extensions: its answer is not kept for a second request with the same key, because it holds what the
/// caller may not see any more by then. For operations that change nothing.
#[derive(Debug, Clone, Copy)]
pub struct NotKept;

/// The middleware of all routes.
pub async fn idempotency(State(app): State<App>, request: Request, next: Next) -> Response {
    let mutates = matches!(*request.method(), Method::POST | Method::PUT | Method::DELETE | Method::PATCH);
    // Signing in and refreshing are for callers without a valid token, whatever they send along; they are safe to repeat.
    let is_public = PUBLIC.contains(&request.uri().path());
    if !mutates || is_public || !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    once(app, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn once(app: App, request: Request, next: Next) -> Result<Response, ApiError> {
    let key = request.headers().get(KEY).and_then(|key| key.to_str().ok()).unwrap_or("").to_owned();
    if key.is_empty() || key.len() > 200 {
        return Err(ApiError::field("Idempotency-Key", "Idempotency-Key: 1 to 200 visible characters"));
    }
    let (mut parts, body) = request.into_parts();
    // Signing in and the like have no caller yet; they are safe to repeat by themselves.
    if crate::caller::bearer(&parts.headers).is_none() {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    }
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    let body = axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| {
        ApiError::new(Code::ValidationError, "The body is too large.").with_status(StatusCode::PAYLOAD_TOO_LARGE)
    })?;
    // Keyed, since bodies hold passwords: a plain hash of one would tell which guess is right.
    let blind = app.vault.blind_index(&caller.store).await?;
    let id = blind.exact(KEY_INDEX, &hash(&[caller.user().as_str().as_bytes(), key.as_bytes()]));
    let uri = parts.uri.to_string();
    let request_hash = blind.exact(REQUEST_INDEX, &hash(&[parts.method.as_str().as_bytes(), uri.as_bytes(), &body]));
    let kept = kept_by(&request_hash, &app);

    let begun = caller
        .store
        .transact("idempotency-begin", async |tx| {
            let before = tx.get(&KEYS, &id).await?.map(|doc| doc.value);
            let dead = |k: &Kept| {
                k.state == Progress::Started && app.now().since(k.at) >= ABANDONED && k.request == request_hash
            };
            if before.as_ref().is_none_or(dead) {
                tx.put_until(&KEYS, &id, &kept(Progress::Started, None, None), app.now().plus(KEPT))?;
                return Ok::<_, store::Error>(None);
            }
            Ok(before)
        })
        .await?;
    if let Some(before) = begun {
        return replay(&app, &caller, &id, &request_hash, before).await;
    }

    let companion = Write::Put {
        key: store::Key::new(KEYS.path(), id.clone()),
        fields: as_fields(&kept(Progress::Committed, None, None))?,
        expire_at: Some(app.now().plus(KEPT)),
        precondition: Precondition::None,
    };
    parts.extensions.insert(caller.clone().with_companion(std::sync::Arc::new(companion)));
    // In a task of its own: a client that hangs up must neither stop the work halfway nor lose its answer.
    let work = async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        keep(&app, &caller, &id, response, kept_by(&request_hash, &app)).await
    };
    tokio::spawn(work.in_current_span()).await.unwrap_or_else(|panic| Err(ApiError::internal(panic)))
}

/// Makes the records of one request.
fn kept_by<'a>(
    request_hash: &'a str,
    app: &'a App,
) -> impl Fn(Progress, Option<u16>, Option<Sealed>) -> Kept + Copy + 'a {
    move |state, status, body| Kept {
        request: request_hash.to_owned(),
        state,
        status,
        headers: Vec::new(),
        body,
        about: About::default(),
        at: app.now(),
    }
}

async fn replay(app: &App, caller: &Caller, id: &str, request: &str, before: Kept) -> Result<Response, ApiError> {
    if before.request != request {
        return Err(ApiError::new(
            Code::InvalidRequest,
            "This Idempotency-Key was used for another request. Take a new one.",
        )
        .with_status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    match (before.state, before.status, before.body) {
        (Progress::Answered, Some(status), Some(sealed)) => {
            show_again(app, caller, id, &before.about).await?;
            let key = app.vault.key(&caller.store, &Subject::User(caller.user().clone())).await?;
            let body = key.open(&place(caller, id), &sealed)?.into_disclosed();
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            let mut response =
                if body.is_empty() { status.into_response() } else { (status, kind, body).into_response() };
            for (name, value) in before.headers {
                if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                    response.headers_mut().insert(name, value);
                }
            }
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        // Before that, its answer is likely on its way to be kept.
        (Progress::Committed, ..) if app.now().since(before.at) >= ABANDONED => Err(ApiError::new(
            Code::DuplicateEntry,
            "This request took effect, but its answer was not kept. Read the record instead of sending it again.",
        )),
        _ => Err(ApiError::new(Code::DuplicateEntry, "The first request with this Idempotency-Key is still at work.")
            .retry_after(1)),
    }
}

/// Lets a kept answer out again, on the trail.
async fn show_again(app: &App, caller: &Caller, id: &str, about: &About) -> Result<(), ApiError> {
    caller.trail.action("answer.repeat").entity("idempotency-key", id).because(about.because.iter().cloned());
    about.patients.iter().for_each(|patient| drop(caller.trail.patient(patient).clone()));
    // What one's role of then was shown, one's role of now may not be.
    let is_same_role = about.role == Some(caller.principal.role);
    let is_allowed = about.patients.is_empty()
        || is_same_role && app.shows_again.may_show(app, caller, &about.patients, &about.because).await?;
    if is_allowed {
        return Ok(());
    }
    caller.trail.denied("no-longer");
    Err(ApiError::not_found("record"))
}

/// Keeps the answer, or, where the request failed by no fault of the caller, forgets the key.
async fn keep(
    app: &App,
    caller: &Caller,
    id: &str,
    response: Response,
    kept: impl Fn(Progress, Option<u16>, Option<Sealed>) -> Kept,
) -> Result<Response, ApiError> {
    let status = response.status();
    if !status.is_success() || response.extensions().get::<NotKept>().is_some() {
        // Nothing took effect, or the commit's own mark says so: only a key that is still `started` is forgotten.
        caller
            .store
            .transact("idempotency-forget", async |tx| {
                if tx.get(&KEYS, id).await?.is_some_and(|doc| doc.value.state == Progress::Started) {
                    tx.delete(&KEYS, id);
                }
                Ok::<_, store::Error>(())
            })
            .await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(ApiError::internal)?.to_bytes();
    let text = Phi::new(String::from_utf8_lossy(&bytes).into_owned());
    let key = app.vault.key(&caller.store, &Subject::User(caller.user().clone())).await?;
    let sealed = key.seal(&place(caller, id), &text);
    let mut answer = kept(Progress::Answered, Some(status.as_u16()), Some(sealed));
    let (patients, because) = caller.trail.about();
    answer.about = About { role: Some(caller.principal.role), patients, because };
    answer.headers = KEPT_HEADERS
        .iter()
        .filter_map(|name| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.to_owned())))
        .collect();
    caller
        .store
        .transact("idempotency-keep", async |tx| tx.put_until(&KEYS, id, &answer, app.now().plus(KEPT)))
        .await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn place<'a>(caller: &'a Caller, id: &'a str) -> Place<'a> {
    Place { tenant: caller.tenant(), collection: "idempotency-keys", id, field: "body" }
}

fn as_fields(kept: &Kept) -> Result<store::Fields, ApiError> {
    match serde_json::to_value(kept).map_err(ApiError::internal)? {
        serde_json::Value::Object(fields) => Ok(fields),
        _ => Err(ApiError::internal("an idempotency record is an object")),
    }
}

fn hash(parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    hex::encode(context.finish())
}
