use std::sync::{Arc, OnceLock};

use access::password::Passwords;
use access::token::Tokens;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use events::{Bus, Handler, Handlers, InProcessBus, Outbox};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use vault::Vault;
use web::{App, Function, Limits, Need, Parts, Schedule, SessionGate, Settings, Tenants, needs_of};

use crate::health::Facts;
use crate::layers::{VERSION, with_layers};
use crate::{Platform, TriggerAuth, health, triggers, undeclared};

/// Where the keys that check access tokens are: an operation of `identity`.
const PUBLIC_KEYS: &str = "/.well-known/jwks.json";

/// Functions joined with a platform.
pub struct Assembled {
    /// The application.
    pub app: App,
    /// Everything it serves.
    pub router: Router,
    /// How events travel.
    pub bus: BusOf,
    /// The API's document.
    pub openapi: OpenApi,
    /// All recurring work.
    pub schedules: Vec<Schedule>,
    functions: Vec<Function>,
}

/// How events travel.
#[derive(Clone)]
pub enum BusOf {
    /// Within this process.
    InProcess(Arc<InProcessBus>),
    /// Over another service, which calls the trigger paths.
    Remote(Arc<dyn Bus>),
}

impl BusOf {
    /// As the port.
    pub fn as_bus(&self) -> &dyn Bus {
        match self {
            Self::InProcess(bus) => bus.as_ref(),
            Self::Remote(bus) => bus.as_ref(),
        }
    }
}

/// Joins functions and a platform, of which they get what they say that they need. `auth` checks who calls the trigger paths; `None` leaves them out.
pub fn assemble(
    platform: Platform,
    functions: Vec<Function>,
    settings: Settings,
    tokens: Tokens,
    passwords: Passwords,
    auth: Option<TriggerAuth>,
) -> Assembled {
    let handlers: Arc<OnceLock<Handlers>> = Arc::default();
    let app_cell: Arc<OnceLock<App>> = Arc::default();
    let bus = match platform.bus.clone() {
        Some(bus) => BusOf::Remote(bus),
        None => {
            let cell = app_cell.clone();
            let open = Arc::new(move |tenant: kernel::TenantId| {
                let app = cell.get().cloned();
                let opened: futures::future::BoxFuture<'static, _> =
                    Box::pin(async move { app?.tenants.open(&tenant).await.ok().flatten() });
                opened
            });
            BusOf::InProcess(InProcessBus::start(handlers.clone(), open, platform.clock.clone()))
        }
    };
    let shared_bus: Arc<dyn Bus> = match &bus {
        BusOf::InProcess(bus) => bus.clone(),
        BusOf::Remote(bus) => bus.clone(),
    };
    let listener = Arc::new(Outbox::new(shared_bus, platform.backend.clone()));
    let tenants = Tenants::new(
        platform.backend.clone(),
        platform.registry.clone(),
        Some(listener),
        platform.clock.clone(),
        platform.random.clone(),
    );
    let needs = needs_of(&functions);
    let app = App::new(Parts {
        tenants,
        vault: Vault::new(platform.key_wrap.clone(), platform.random.clone(), platform.clock.clone()),
        tokens: undeclared::tokens(&needs, tokens),
        passwords,
        outside: Arc::new(accounts::Outsiders::new(settings.outside.clone())),
        limits: Limits::new(settings.limits, platform.clock.clone()),
        sessions: SessionGate::new(platform.clock.clone(), settings.session_idle),
        live: undeclared::live(&needs, platform.live.clone()),
        messages: platform.messages.clone(),
        shows_again: Arc::new(charts::WhileTiesLast),
        blobs: undeclared::blobs(&needs, Need::Files, platform.blobs.clone()),
        checkpoints: undeclared::blobs(&needs, Need::Checkpoints, platform.checkpoints.clone()),
        clock: platform.clock.clone(),
        random: platform.random.clone(),
        settings,
    });
    // The cells are new, so these are the first values.
    let _ = app_cell.set(app.clone());
    let bound = Handlers::new(functions.iter().flat_map(|f| &f.handlers).map(|spec| bind(&app, spec)).collect());
    let _ = handlers.set(bound.clone());

    let schedules: Vec<Schedule> = functions.iter().flat_map(|function| function.schedules.clone()).collect();
    let mut api = OpenApiRouter::with_openapi(web::document(VERSION));
    let mut raw = Router::new();
    for function in &functions {
        api = api.merge(function.api.clone());
        raw = raw.merge(function.raw.clone());
    }
    let (api, openapi) = api.merge(health::routes()).split_for_parts();
    if !openapi.paths.paths.contains_key(PUBLIC_KEYS) {
        // Whoever checks tokens finds the keys at every service: the gateway asks the one that it can reach.
        raw = raw.route(PUBLIC_KEYS, get(public_keys));
    }
    let mut router = api
        .layer(axum::middleware::from_fn_with_state(app.clone(), web::idempotency))
        .layer(axum::middleware::from_fn_with_state(app.clone(), web::audit))
        .layer(axum::middleware::from_fn_with_state(app.clone(), web::built_in_sign_in))
        .merge(raw);
    if let Some(auth) = auth {
        router = router.merge(triggers::routes(bound, schedules.clone(), bus.clone(), auth));
    }
    if let Some(outbox) = platform.dev_outbox.clone() {
        router = router.merge(crate::dev_outbox::routes(outbox));
    }
    if let Some(urls) = platform.blob_urls.clone() {
        router = router.merge(crate::files::routes(urls));
    }
    let names = functions.iter().map(|function| function.name).collect();
    let facts = Facts { functions: names, needs, platform: platform.name, bus: bus.clone() };
    let router = with_layers(router, &app, facts, &openapi);
    Assembled { app, router, bus, openapi, schedules, functions }
}

async fn public_keys(State(app): State<App>) -> Json<serde_json::Value> {
    Json(app.tokens.jwks())
}

/// The document of these functions' API, without running them.
pub fn openapi(functions: Vec<Function>) -> OpenApi {
    let mut api = OpenApiRouter::with_openapi(web::document(VERSION));
    for function in functions {
        api = api.merge(function.api);
    }
    api.merge(health::routes()).into_openapi()
}

fn bind(app: &App, spec: &web::EventHandler) -> Handler {
    let (app, run) = (app.clone(), spec.run.clone());
    Handler {
        event: spec.event,
        name: spec.name,
        run: Arc::new(move |envelope| {
            let (app, run) = (app.clone(), run.clone());
            Box::pin(async move {
                let store = app.tenants.open(&envelope.tenant).await?;
                let store =
                    store.ok_or_else(|| events::Failure::GiveUp(format!("there is no tenant {}", envelope.tenant)))?;
                run(web::Job { app, store }, envelope).await
            })
        }),
    }
}

impl Assembled {
    /// Runs what functions asked to be run before the first request.
    pub async fn begin(&self) {
        for start in self.functions.iter().flat_map(|function| &function.on_start) {
            start(self.app.clone()).await;
        }
    }

    /// Runs what functions asked to be run at the end.
    pub async fn end(&self) {
        for stop in self.functions.iter().flat_map(|function| &function.on_stop) {
            stop(self.app.clone()).await;
        }
        self.app.live.close().await;
    }

    /// Publishes what waits in the outboxes of all tenants for longer than `age`.
    pub async fn sweep(&self, age: std::time::Duration) {
        triggers::sweep_all(&self.app, self.bus.as_bus(), age).await;
    }
}
