use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use events::{Delivery, Failure};
use futures::future::BoxFuture;
use model::event::{Envelope, Event};
use store::Store;
use utoipa_axum::router::OpenApiRouter;

use crate::{App, Need, Needs, Service};

/// What an event handler or a schedule works with.
#[derive(Debug, Clone)]
pub struct Job {
    /// The application.
    pub app: App,
    /// The documents of the tenant it is about.
    pub store: Store,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

type Run<I> = Arc<dyn Fn(Job, I) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// A handler of an event, as the runtime sees it.
#[derive(Clone)]
pub struct EventHandler {
    /// The event's name.
    pub event: &'static str,
    /// The handler's name; it must never change.
    pub name: &'static str,
    /// What it does.
    pub run: Run<Envelope>,
}

/// Work that recurs for every tenant.
#[derive(Clone)]
pub struct Schedule {
    /// The schedule's name.
    pub name: &'static str,
    /// How often.
    pub every: Duration,
    /// What it does.
    pub run: Run<()>,
}

type Start = Arc<dyn Fn(App) -> BoxFuture<'static, ()> + Send + Sync>;

/// A function: its routes with their document, its event handlers and its schedules, as one value. The runtime serves
/// one of them in a container or all of them in one process; a handler never learns which.
pub struct Function {
    /// Its name: the crate, the container and the Cloud Run service.
    pub name: &'static str,
    /// REST, with its document.
    pub api: OpenApiRouter<App>,
    /// Routes without a document: sockets.
    pub raw: Router<App>,
    /// Event handlers.
    pub handlers: Vec<EventHandler>,
    /// Schedules.
    pub schedules: Vec<Schedule>,
    /// Run once, when the application stands and before the first request.
    pub on_start: Vec<Start>,
    /// Run once at the end, before the process goes.
    pub on_stop: Vec<Start>,
    /// What it uses of its platform.
    pub needs: Needs,
    /// How its container runs.
    pub service: Service,
}

impl Function {
    /// A function that does nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            api: OpenApiRouter::default(),
            raw: Router::new(),
            handlers: Vec::new(),
            schedules: Vec::new(),
            on_start: Vec::new(),
            on_stop: Vec::new(),
            needs: Needs::new(),
            service: Service::default(),
        }
    }

    /// Adds REST operations.
    #[must_use]
    pub fn routes(mut self, routes: OpenApiRouter<App>) -> Self {
        self.api = self.api.merge(routes);
        self
    }

    /// Adds routes that are no REST operations.
    #[must_use]
    pub fn raw_routes(mut self, routes: Router<App>) -> Self {
        self.raw = self.raw.merge(routes);
        self
    }

    /// Adds an event handler. `name` must be unique and never change.
    #[must_use]
    pub fn on<E, F, W>(mut self, name: &'static str, handler: F) -> Self
    where
        E: Event,
        F: Fn(Job, Delivery<E>) -> W + Clone + Send + Sync + 'static,
        W: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let run: Run<Envelope> = Arc::new(move |job, envelope| {
            let handler = handler.clone();
            Box::pin(async move { handler(job, Delivery::decode(&envelope, name)?).await })
        });
        self.handlers.push(EventHandler { event: E::NAME, name, run });
        self
    }

    /// Adds recurring work. `name` must be unique.
    #[must_use]
    pub fn every<F, W>(mut self, name: &'static str, every: Duration, work: F) -> Self
    where
        F: Fn(Job) -> W + Send + Sync + 'static,
        W: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.schedules.push(Schedule { name, every, run: Arc::new(move |job, ()| Box::pin(work(job))) });
        self
    }

    /// Says what it uses of its platform; it gets nothing else.
    #[must_use]
    pub fn needs(mut self, needs: impl IntoIterator<Item = Need>) -> Self {
        self.needs.extend(needs);
        self
    }

    /// Says how its container runs, where the usual will not do.
    #[must_use]
    pub const fn service(mut self, service: Service) -> Self {
        self.service = service;
        self
    }

    /// Adds something to do before the first request; it must not wait for the network.
    #[must_use]
    pub fn on_start<F, W>(mut self, start: F) -> Self
    where
        F: Fn(App) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        self.on_start.push(Arc::new(move |app| Box::pin(start(app))));
        self
    }

    /// Adds something to do at the end.
    #[must_use]
    pub fn on_stop<F, W>(mut self, stop: F) -> Self
    where
        F: Fn(App) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        self.on_stop.push(Arc::new(move |app| Box::pin(stop(app))));
        self
    }
}

/// What any of these functions need.
pub fn needs_of(functions: &[Function]) -> Needs {
    functions.iter().flat_map(|function| function.needs.iter().copied()).collect()
}
