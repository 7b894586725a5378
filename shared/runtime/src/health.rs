use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use blobs::{BlobName, Blobs};
use http::{StatusCode, header};
use kernel::Time;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};
use web::{ApiError, App, Need, Needs};

use crate::{BusOf, VERSION};

/// What this process is.
#[derive(Clone)]
pub(crate) struct Facts {
    pub(crate) functions: Vec<&'static str>,
    pub(crate) needs: Needs,
    pub(crate) platform: &'static str,
    pub(crate) bus: BusOf,
}

/// How a service is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, or `unavailable` where a check failed.
    #[schema(example = "ok")]
    status: &'static str,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The functions in this process.
    functions: Vec<&'static str>,
    /// Where documents and events are.
    #[schema(example = "local")]
    platform: &'static str,
    /// What was checked.
    checks: Vec<Check>,
    /// When.
    timestamp: Time,
}

/// One thing that was checked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Check {
    /// `store`, `keys`, `bus`, and `files`, `checkpoints` where a function needs them.
    name: &'static str,
    /// Whether it answers.
    ok: bool,
}

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(live)).routes(routes!(ready))
}

/// How the service is
#[utoipa::path(get, path = "/health", tag = "ops", responses((status = 200, body = Health), (status = 503, body = Health)))]
async fn health(State(app): State<App>, facts: Extension<Facts>) -> impl IntoResponse {
    checked(app, facts.0).await
}

/// Whether the process lives
#[utoipa::path(get, path = "/health/live", tag = "ops", operation_id = "health_live", responses((status = 200, description = "It lives")))]
async fn live() -> &'static str {
    "ok"
}

/// Whether the process can serve: store, keys, bus and blobs answer
#[utoipa::path(get, path = "/health/ready", tag = "ops", operation_id = "health_ready", responses((status = 200, body = Health), (status = 503, body = Health)))]
async fn ready(State(app): State<App>, facts: Extension<Facts>) -> impl IntoResponse {
    checked(app, facts.0).await
}

async fn checked(app: App, facts: Facts) -> impl IntoResponse {
    let Facts { functions, needs, platform, bus } = facts;
    let (registry, nothing) = (app.tenants.registry(), nothing());
    let store = async { answers("store", registry.check().await) };
    let keys = async { answers("keys", app.vault.ensure_key(registry, &vault::Subject::Tenant).await) };
    let bus = async { answers("bus", bus.as_bus().check().await) };
    let blobs = async |need: Need, blobs: &Arc<dyn Blobs>| match needs.contains(&need) {
        true => Some(answers(need.name(), blobs.head(&nothing).await)),
        false => None,
    };
    let (files, checkpoints) = (blobs(Need::Files, &app.blobs), blobs(Need::Checkpoints, &app.checkpoints));
    let (store, keys, bus, files, checkpoints) = tokio::join!(store, keys, bus, files, checkpoints);
    let checks: Vec<Check> = [store, keys, bus].into_iter().chain(files).chain(checkpoints).collect();
    let ok = checks.iter().all(|check| check.ok);
    let body = Health {
        status: if ok { "ok" } else { "unavailable" },
        version: VERSION,
        functions,
        platform,
        checks,
        timestamp: app.now(),
    };
    (if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, axum::Json(body))
}

/// A check, whose failure goes to the log in full.
fn answers<T, E: std::error::Error + 'static>(name: &'static str, answer: Result<T, E>) -> Check {
    if let Err(error) = &answer {
        tracing::error!(
            check = name,
            error = error as &dyn std::error::Error,
            "a part of the platform does not answer"
        );
    }
    Check { name, ok: answer.is_ok() }
}

/// The name of a blob that is not there.
fn nothing() -> BlobName {
    // Unwrap safety: the text is a blob's name.
    #[expect(clippy::unwrap_used, reason = "letters and a slash are always a name")]
    "health/check".parse().unwrap()
}

/// The API's document and page, and the metrics.
pub(crate) fn pages(document: String) -> Router<App> {
    let page: Router<App> = SwaggerUi::new("/api/docs")
        .config(
            Config::from("/api/openapi.json")
                .validator_url("none")
                .try_it_out_enabled(true)
                .persist_authorization(false),
        )
        .into();
    let json = [(header::CONTENT_TYPE, "application/json")];
    Router::new()
        .route("/api/openapi.json", get(move || std::future::ready((json, document.clone()))))
        .route("/metrics", get(metrics_text))
        .route("/", get(|| std::future::ready(Html(FRONT))))
        .merge(page)
}

const FRONT: &str = "<!doctype html><html lang=\"en\"><title>ConsentMD</title><h1>ConsentMD</h1>\
<p><a href=\"/api/docs\">API reference</a> &middot; <a href=\"/health\">health</a></p></html>";

/// For whoever collects metrics. In the cloud that is a collector beside this process: what comes over the network there may
/// come from anyone.
async fn metrics_text(facts: Extension<Facts>, peer: Option<Extension<ConnectInfo<SocketAddr>>>) -> Response {
    let is_beside = peer.is_some_and(|peer| peer.0.0.ip().is_loopback());
    if facts.platform == "google" && !is_beside {
        return ApiError::not_found("page").into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], crate::logs::metrics().render()).into_response()
}
