use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument;
use utoipa::openapi::OpenApi;
use web::{ApiError, App};

use crate::health::{self, Facts};

/// This program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The largest JSON body; files go by signed URLs.
const MAX_BODY_BYTES: usize = 1024 * 1024;
const TRACE: HeaderName = HeaderName::from_static("x-cloud-trace-context");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What stands around every route, outermost last.
pub(crate) fn with_layers(router: Router<App>, app: &App, facts: Facts, openapi: &OpenApi) -> Router {
    let document = openapi.to_json().unwrap_or_default();
    router
        .merge(health::pages(document))
        .layer(axum::Extension(facts))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            ApiError::internal("a handler panicked; the log has the message").into_response()
        }))
        .layer(from_fn_with_state(app.clone(), web::limit))
        .layer(from_fn_with_state(app.clone(), web::render_errors))
        .layer(from_fn(secure))
        .layer(cors(&app.settings.allowed_origins))
        .layer(from_fn_with_state(app.clone(), observe))
        .with_state(app.clone())
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            header::IF_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("x-tenant"),
            HeaderName::from_static("x-purpose"),
            HeaderName::from_static("prefer"),
        ])
        // What a browser's program may read beside the body.
        .expose_headers([header::ETAG, header::LOCATION, header::RETRY_AFTER, HeaderName::from_static("x-request-id")])
        .allow_credentials(true)
        .max_age(Duration::from_secs(3600))
}

/// The headers of a service that answers with personal data and serves one page of its own.
async fn secure(request: Request, next: Next) -> Response {
    let is_page = request.uri().path().starts_with("/api/docs");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    set(header::X_FRAME_OPTIONS, "DENY");
    if is_page {
        let policy =
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
        set(header::CONTENT_SECURITY_POLICY, policy);
    } else {
        set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
        set(header::CACHE_CONTROL, "no-store");
    }
    response
}

/// One log line and one metric for a request. The path is the route's template: ids and queries stay out.
async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("(no route)", MatchedPath::as_str).to_owned();
    let trace = trace_of(request.headers())
        .unwrap_or_else(|| kernel::RandomExt::uuid(app.random.as_ref()).simple().to_string());
    let span = tracing::info_span!("http.request", trace, method = %method, route);
    request.extensions_mut().insert(web::RequestId(trace.clone()));
    let started = tokio::time::Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    let elapsed = started.elapsed();
    metrics::histogram!("http_request_seconds", "route" => route.clone(), "method" => method.to_string(), "status" => status.as_u16().to_string())
        .record(elapsed.as_secs_f64());
    span.in_scope(|| {
        let latency_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(status = status.as_u16(), latency_ms, "{method} {route} answered {}", status.as_u16());
        } else {
            tracing::info!(status = status.as_u16(), latency_ms, "{method} {route} answered {}", status.as_u16());
        }
    });
    if let Ok(value) = HeaderValue::from_str(&trace) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The trace that a load balancer began: `TRACE_ID/SPAN_ID;o=OPTIONS`.
fn trace_of(headers: &HeaderMap) -> Option<String> {
    let trace = headers.get(&TRACE)?.to_str().ok()?.split('/').next()?;
    let known = trace.len() == 32 && trace.bytes().all(|c| c.is_ascii_hexdigit());
    known.then(|| trace.to_owned())
}
