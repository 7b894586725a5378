//! The paths that Pub/Sub, Eventarc and Cloud Scheduler call.
//!
//! `POST /triggers/events/{handler}` delivers an event to one handler (one push subscription each), in any of the
//! forms of [`decode_envelope`]; `POST /triggers/schedules/{name}` runs recurring work. Both want a Google-signed OIDC
//! token. 204 acknowledges, 503 asks to be called again; what can never succeed is parked and acknowledged.

mod decode;

use std::sync::Arc;
use std::time::Duration;

use access::oidc::OidcVerifier;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use events::{Bus, Handlers, Outcome};
use http::{HeaderMap, StatusCode};
use web::{ApiError, App, Code, Job, Schedule};

pub use decode::decode_envelope;

use crate::BusOf;

/// Who may call the trigger paths.
#[derive(Clone)]
pub enum TriggerAuth {
    /// Holders of an OIDC token that this verifier accepts.
    Oidc(Arc<OidcVerifier>),
    /// Anyone: for emulators, which send no tokens. The configuration allows it with an emulator only.
    EmulatorWithoutTokens,
}

#[derive(Clone)]
struct Triggers {
    handlers: Handlers,
    schedules: Arc<Vec<Schedule>>,
    bus: BusOf,
    auth: TriggerAuth,
}

pub(crate) fn routes(handlers: Handlers, schedules: Vec<Schedule>, bus: BusOf, auth: TriggerAuth) -> Router<App> {
    let triggers = Triggers { handlers, schedules: Arc::new(schedules), bus, auth };
    Router::new()
        .route("/triggers/events/{handler}", post(deliver))
        .route("/triggers/schedules/{name}", post(run_schedule))
        .layer(axum::Extension(triggers))
}

async fn deliver(
    State(app): State<App>,
    axum::Extension(triggers): axum::Extension<Triggers>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    triggers.check(&headers).await?;
    let handler = triggers.handlers.named(&name).ok_or_else(|| ApiError::not_found("event handler"))?;
    let envelope = decode_envelope(&headers, &body)
        .map_err(|error| ApiError::new(Code::InvalidRequest, format!("The body is no event: {error}.")))?;
    if envelope.name != handler.event {
        // A subscription without a filter, as the emulator's, brings the whole family.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let store = app.tenants.open(&envelope.tenant).await?;
    let Some(store) = store else {
        if app.tenants.is_registered(&envelope.tenant).await? {
            // Suspended: the event waits, in Pub/Sub, for the tenant's return.
            return Err(ApiError::new(Code::ExternalServiceError, "The tenant is suspended; to be delivered again."));
        }
        tracing::error!(tenant = %envelope.tenant, event_id = %envelope.id, "an event of an unknown tenant was dropped");
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    Ok(match handler.deliver(&envelope, &store, app.now()).await {
        Outcome::Done | Outcome::Parked => StatusCode::NO_CONTENT.into_response(),
        Outcome::Retry => ApiError::new(Code::ExternalServiceError, "To be delivered again.").into_response(),
    })
}

async fn run_schedule(
    State(app): State<App>,
    axum::Extension(triggers): axum::Extension<Triggers>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    triggers.check(&headers).await?;
    if name == SWEEP {
        sweep_all(&app, triggers.bus.as_bus(), SWEEP_AGE).await;
        return Ok(StatusCode::NO_CONTENT);
    }
    let schedule = triggers
        .schedules
        .iter()
        .find(|schedule| schedule.name == name)
        .ok_or_else(|| ApiError::not_found("schedule"))?;
    if run_for_all(&app, schedule).await {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::new(Code::ExternalServiceError, "Some tenants failed; the log has the causes."))
}

impl Triggers {
    async fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let TriggerAuth::Oidc(verifier) = &self.auth else { return Ok(()) };
        if headers.contains_key("x-serverless-authorization") {
            // Cloud Run has checked that one instead, and left the other to whoever wrote it.
            return Err(ApiError::unauthorized("This path takes its token in Authorization alone."));
        }
        let token = headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or("");
        verifier.verify(token).await.map(drop).map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "a trigger call was refused");
            ApiError::unauthorized("This path wants the OIDC token of a known service account.")
        })
    }
}

/// The outbox sweeper's schedule, which every process serves and one has to be called for, once a minute.
pub const SWEEP: &str = "outbox-sweep";
pub(crate) const SWEEP_AGE: Duration = Duration::from_secs(30);

/// Publishes what waits in all outboxes for longer than `age`, and removes expired documents.
pub(crate) async fn sweep_all(app: &App, bus: &dyn Bus, age: Duration) {
    let tenants = match app.tenants.all().await {
        Ok(tenants) => tenants,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the tenants cannot be listed");
            return;
        }
    };
    for tenant in tenants {
        let Ok(Some(store)) = app.tenants.open(&tenant).await else { continue };
        match events::sweep(&store, bus, app.now(), age).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(%tenant, count, "events that had stayed in the outbox were published"),
            Err(error) => tracing::error!(%tenant, error = &error as &dyn std::error::Error, "the outbox sweep failed"),
        }
        if let Err(error) = store.purge_expired(app.now()).await {
            tracing::error!(%tenant, error = &error as &dyn std::error::Error, "expired documents were not removed");
        }
    }
}

/// Runs recurring work for every tenant; whether all went well.
pub(crate) async fn run_for_all(app: &App, schedule: &Schedule) -> bool {
    let tenants = match app.tenants.all().await {
        Ok(tenants) => tenants,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the tenants cannot be listed");
            return false;
        }
    };
    let mut all_well = true;
    for tenant in tenants {
        let Ok(Some(store)) = app.tenants.open(&tenant).await else {
            all_well = false;
            continue;
        };
        if let Err(error) = (schedule.run)(Job { app: app.clone(), store }, ()).await {
            all_well = false;
            tracing::error!(%tenant, schedule = schedule.name, error = &error as &dyn std::error::Error, "recurring work failed");
        }
    }
    all_well
}
