use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use access::oidc::{GOOGLE_ISSUERS, HttpJwks, OidcConfig, OidcVerifier};
use access::outside::{IssuerConfig, OutsideIssuers};
use access::password::{Cost, Passwords};
use anyhow::Context;
use kernel::{Clock, OsRandom, Random, SystemClock};
use store::Backend;
use tokio::net::TcpListener;
use tokio::sync::watch;
use web::{Function, needs_of};

use crate::command_line::{self, Asked};
use crate::triggers::{SWEEP_AGE, run_for_all, sweep_all};
use crate::{Assembled, BusOf, Config, PlatformKind, TriggerAuth, assemble};

/// After SIGTERM Cloud Run waits ten seconds; requests get most of them.
const DRAIN: Duration = Duration::from_secs(8);

/// A service that is running.
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    /// The application.
    pub assembled: Arc<Assembled>,
    stop: watch::Sender<bool>,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
    backend: Arc<dyn Backend>,
}

/// A function's program: serves it until SIGTERM, or says what `--help` and `--version` ask for. What keeps it from serving
/// is told in words, and then it ends with status 1.
#[expect(clippy::print_stderr, reason = "where there is no configuration, there is no log")]
pub async fn run(function: Function) -> ExitCode {
    match serve_or_tell(function).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve_or_tell(function: Function) -> anyhow::Result<()> {
    if let Asked::Text(text) = command_line::read(&function, std::env::args().skip(1))? {
        std::io::stdout().write_all(text.as_bytes())?;
        return Ok(());
    }
    let functions = vec![function];
    let config = Config::from_env(PlatformKind::Google, &needs_of(&functions))?;
    log(&config);
    let serving = start(config, functions).await?;
    stop_signal().await;
    tracing::info!("stopping");
    serving.stop().await
}

/// Begins to log: for people on a terminal, else as Cloud Logging reads it.
pub fn log(config: &Config) {
    crate::logs::start(config.project.clone());
}

/// An application that does not listen: what a command on the stored data works with.
pub struct Opened {
    /// The application.
    pub assembled: Arc<Assembled>,
    backend: Arc<dyn Backend>,
}

impl Opened {
    /// Lets events settle and closes the store. What has not settled within ten seconds waits in the outbox for a
    /// server.
    pub async fn close(self) {
        if let BusOf::InProcess(bus) = &self.assembled.bus {
            let _ = tokio::time::timeout(Duration::from_secs(10), bus.settle()).await;
        }
        self.backend.close().await;
    }
}

/// Chooses how this process speaks TLS; a second call changes nothing. [`open`] does it, and what asks other services
/// without opening an application has to.
pub fn use_one_tls_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Joins functions with the platform that `config` names, and listens to nobody.
pub fn open(config: Config, functions: Vec<Function>) -> anyhow::Result<Opened> {
    use_one_tls_provider();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let (platform, tokens) = match config.platform {
        PlatformKind::Local => crate::on_one_machine::open(&config, clock, random)?,
        PlatformKind::Google => crate::on_google::open(&config, clock, random)?,
    };
    let backend = platform.backend.clone();
    let auth = trigger_auth(&config, platform.clock.clone())?;
    let passwords = Passwords::new(Cost::default(), platform.random.clone())?;
    let mut settings = config.settings.clone();
    crate::on_google::use_vertex_ai(&config, &mut settings.scribe)?;
    settings.outside = outside_issuers(config.outside_issuers, &platform.clock)?;
    let assembled = Arc::new(assemble(platform, functions, settings, tokens, passwords, auth));
    Ok(Opened { assembled, backend })
}

/// Starts a service without waiting for its end.
pub async fn start(config: Config, functions: Vec<Function>) -> anyhow::Result<Serving> {
    crate::logs::metrics();
    let (host, port) = (config.host, config.port);
    let Opened { assembled, backend } = open(config, functions)?;
    let listener = TcpListener::bind((host, port))
        .await
        .with_context(|| format!("cannot listen on {host}:{port}: choose another PORT, or stop what uses it"))?;
    let address = listener.local_addr()?;
    assembled.begin().await;
    let (stop, stopped) = watch::channel(false);
    if matches!(assembled.bus, BusOf::InProcess(_)) {
        tokio::spawn(recur(assembled.clone(), stopped.clone()));
    }
    let service = assembled.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    let mut shutdown = stopped;
    let server = tokio::spawn(async move {
        axum::serve(listener, service)
            .with_graceful_shutdown(async move {
                let _ = shutdown.wait_for(|stop| *stop).await;
            })
            .await
    });
    tracing::info!(%address, "listening");
    Ok(Serving { address, assembled, stop, server, backend })
}

impl Serving {
    /// Ends it: sockets are told, requests drain, events settle, the store closes.
    pub async fn stop(self) -> anyhow::Result<()> {
        let _ = self.stop.send(true);
        self.assembled.end().await;
        if tokio::time::timeout(DRAIN, self.server).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        if let BusOf::InProcess(bus) = &self.assembled.bus
            && tokio::time::timeout(Duration::from_secs(1), bus.settle()).await.is_err()
        {
            tracing::info!("some events wait in the outbox for the next start");
        }
        self.backend.close().await;
        Ok(())
    }
}

fn outside_issuers(configs: Vec<IssuerConfig>, clock: &Arc<dyn Clock>) -> anyhow::Result<OutsideIssuers> {
    if configs.is_empty() {
        return Ok(OutsideIssuers::default());
    }
    Ok(OutsideIssuers::new(configs, &connect::http::client(Duration::from_secs(5))?, clock))
}

fn trigger_auth(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Option<TriggerAuth>> {
    if config.platform == PlatformKind::Local {
        return Ok(None);
    }
    let Some(audience) = config.trigger_audience.clone() else {
        return Ok(config.pubsub_emulator.is_some().then_some(TriggerAuth::EmulatorWithoutTokens));
    };
    let issuers = match &config.trigger_issuer {
        Some(issuer) => vec![issuer.clone()],
        None => GOOGLE_ISSUERS.iter().map(|issuer| (*issuer).to_owned()).collect(),
    };
    let service_accounts = config.trigger_accounts.clone();
    let accept = OidcConfig { issuers, audience, service_accounts, checked_before: config.iam_guarded };
    let source = HttpJwks::new(connect::http::client(Duration::from_secs(5))?, config.trigger_jwks_url.clone());
    let verifier = OidcVerifier::new(accept, Arc::new(source), clock);
    Ok(Some(TriggerAuth::Oidc(Arc::new(verifier))))
}

/// On one machine: what Cloud Scheduler does in the cloud. What a crash left in the outbox goes out first.
async fn recur(assembled: Arc<Assembled>, mut stopped: watch::Receiver<bool>) {
    assembled.sweep(Duration::ZERO).await;
    let tick = Duration::from_secs(30);
    let mut elapsed = Duration::ZERO;
    loop {
        tokio::select! {
            () = tokio::time::sleep(tick) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        elapsed += tick;
        sweep_all(&assembled.app, assembled.bus.as_bus(), SWEEP_AGE).await;
        for schedule in &assembled.schedules {
            let periods = |at: Duration| at.as_secs() / schedule.every.as_secs().max(1);
            if periods(elapsed) > periods(elapsed.saturating_sub(tick)) {
                run_for_all(&assembled.app, schedule).await;
            }
        }
    }
}

/// Waits for Ctrl-C or SIGTERM.
pub async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        let _ = interrupt.await;
        return;
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}
