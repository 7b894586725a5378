//! Logs: lines for people on a terminal, else JSON as Cloud Logging reads it; and the metrics' registry.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::sync::OnceLock;

use kernel::{Clock, SystemClock};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Begins to log. `project` makes trace names that Cloud Logging joins with the load balancer's.
pub(crate) fn start(project: Option<String>) {
    // Not `EnvFilter`: its patterns cost more time at start than everything else together.
    let filter = std::env::var("LOG").ok().and_then(|text| text.parse().ok());
    let is_terminal = std::io::stdout().is_terminal();
    let filter: Targets = filter.unwrap_or_else(|| usual_filter(is_terminal));
    let registry = tracing_subscriber::registry().with(filter);
    let started = if is_terminal {
        registry.with(fmt::layer().compact().with_target(false)).try_init()
    } else {
        registry.with(fmt::layer().fmt_fields(JsonFields).event_format(CloudFormat { project })).try_init()
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// Lines with the target `metric` are measurements for Cloud Monitoring, of no use to a person on a terminal.
fn usual_filter(is_terminal: bool) -> Targets {
    let usual = Targets::new().with_default(LevelFilter::INFO);
    if is_terminal { usual.with_target("metric", LevelFilter::OFF) } else { usual }
}

/// The metrics of this process.
pub(crate) fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::debug!("metrics were started before");
        }
        handle
    })
}

/// The fields of a span, as the inside of a JSON object.
struct JsonFields;

impl<'w> FormatFields<'w> for JsonFields {
    fn format_fields<R: tracing_subscriber::field::RecordFields>(
        &self,
        mut writer: Writer<'w>,
        fields: R,
    ) -> std::fmt::Result {
        let mut collected = Collected::default();
        fields.record(&mut collected);
        write!(writer, "{}", Value::Object(collected.0))
    }
}

#[derive(Default)]
struct Collected(Map<String, Value>);

impl Visit for Collected {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
        self.0.insert(field.name().to_owned(), text.into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}

/// One JSON object a line: <https://cloud.google.com/logging/docs/structured-logging>.
struct CloudFormat {
    project: Option<String>,
}

impl<S, N> FormatEvent<S, N> for CloudFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let mut line = Map::new();
        if let Some(scope) = context.event_scope() {
            for span in scope.from_root() {
                let extensions = span.extensions();
                let fields = extensions.get::<FormattedFields<N>>().and_then(|f| serde_json::from_str(&f.fields).ok());
                if let Some(Value::Object(fields)) = fields {
                    line.extend(fields);
                }
            }
        }
        let mut collected = Collected::default();
        event.record(&mut collected);
        line.extend(collected.0);
        if let (Some(project), Some(trace)) =
            (&self.project, line.get("trace").and_then(Value::as_str).map(str::to_owned))
        {
            line.insert("logging.googleapis.com/trace".to_owned(), json!(format!("projects/{project}/traces/{trace}")));
        }
        let severity = match *event.metadata().level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "INFO",
            Level::DEBUG | Level::TRACE => "DEBUG",
        };
        line.insert("severity".to_owned(), severity.into());
        line.insert("time".to_owned(), SystemClock.now().to_string().into());
        line.insert("target".to_owned(), event.metadata().target().into());
        writeln!(writer, "{}", Value::Object(line))
    }
}
