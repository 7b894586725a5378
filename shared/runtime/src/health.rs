use axum::extract::State;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Extension, Router};
use http::{StatusCode, header};
use kernel::Time;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};
use web::App;

use crate::VERSION;

/// What this process is.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) functions: Vec<&'static str>,
    pub(crate) platform: &'static str,
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
    /// `store`, `keys`.
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

/// Whether the process can serve: store and keys answer
#[utoipa::path(get, path = "/health/ready", tag = "ops", operation_id = "health_ready", responses((status = 200, body = Health), (status = 503, body = Health)))]
async fn ready(State(app): State<App>, facts: Extension<Facts>) -> impl IntoResponse {
    checked(app, facts.0).await
}

async fn checked(app: App, Facts { functions, platform }: Facts) -> impl IntoResponse {
    let store = app.tenants.registry().check().await;
    if let Err(error) = &store {
        tracing::error!(error = error as &dyn std::error::Error, "the store does not answer");
    }
    let keys = app.vault.ensure_key(app.tenants.registry(), &vault::Subject::Tenant).await;
    if let Err(error) = &keys {
        tracing::error!(error = error as &dyn std::error::Error, "the key service does not answer");
    }
    let checks = vec![Check { name: "store", ok: store.is_ok() }, Check { name: "keys", ok: keys.is_ok() }];
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

async fn metrics_text() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], crate::logs::metrics().render())
}
