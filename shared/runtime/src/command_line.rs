//! The command line of a function's program: it serves, or says what it is.

use std::fmt::Write;

use web::{Function, needs_of};

use crate::{Config, VERSION};

/// What somebody who starts a program wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The service.
    Serve,
    /// This text.
    Text(String),
}

/// Reads a program's arguments. Anything but `--help` and `--version` is an error that says so.
pub(crate) fn read(function: &Function, mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Asked> {
    let Some(first) = arguments.next() else { return Ok(Asked::Serve) };
    match first.as_str() {
        "--help" | "-h" => Ok(Asked::Text(help(function))),
        "--version" | "-V" => Ok(Asked::Text(format!("{} {VERSION}\n", function.name))),
        other => anyhow::bail!(
            "{} does not know \"{other}\": it takes --help or --version, and is configured by environment variables",
            function.name
        ),
    }
}

fn help(function: &Function) -> String {
    let paths = &function.api.get_openapi().paths.paths;
    let operations: usize = paths.values().map(|item| operations_of(item)).sum();
    let mut text = format!("{} {VERSION}: a function of ConsentMD, as an HTTP service\n\n", function.name);
    let mut line = |what: std::fmt::Arguments<'_>| drop(writeln!(text, "{what}"));
    line(format_args!("Serves until SIGTERM, which it follows within ten seconds:"));
    line(format_args!("  {operations} operations of the API{}", if function.service.sockets { ", and sockets" } else { "" }));
    for handler in &function.handlers {
        line(format_args!("  POST /triggers/events/{}  ({})", handler.name, handler.event));
    }
    for schedule in &function.schedules {
        line(format_args!("  POST /triggers/schedules/{}  (every {} s)", schedule.name, schedule.every.as_secs()));
    }
    line(format_args!("  GET /health, /health/live, /health/ready, /metrics, /api/openapi.json, /api/docs"));
    line(format_args!("\nOptions:\n  -h, --help     says this\n  -V, --version  says the version"));
    line(format_args!("\nEnvironment variables in the cloud (what is wrong is told at start, all at once):"));
    let needs = needs_of(std::slice::from_ref(function));
    for variable in Config::VARIABLES.iter().filter(|variable| variable.is_deployed(&needs)) {
        line(format_args!("  {:<31}{}", variable.name, variable.purpose));
        line(format_args!("  {:<31}default: {}", "", variable.default));
    }
    text
}

fn operations_of(item: &utoipa::openapi::PathItem) -> usize {
    let methods = [&item.get, &item.put, &item.post, &item.delete, &item.patch, &item.head, &item.options, &item.trace];
    methods.iter().filter(|method| method.is_some()).count()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use web::Need;

    use super::*;

    fn function() -> Function {
        Function::new("weather").needs([Need::Files]).every("measure", Duration::from_secs(60), |_| async { Ok(()) })
    }

    fn asked(arguments: &[&str]) -> anyhow::Result<Asked> {
        read(&function(), arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn without_arguments_it_serves() {
        assert_eq!(asked(&[]).unwrap(), Asked::Serve);
    }

    #[test]
    fn help_names_what_is_served_and_the_variables_of_its_needs() {
        let Asked::Text(help) = asked(&["--help"]).unwrap() else { panic!("no text") };
        for part in ["weather 0.", "POST /triggers/schedules/measure  (every 60 s)", "BLOBS_BUCKET", "KMS_KEY_RING"] {
            assert!(help.contains(part), "{part} in {help}");
        }
        assert!(!help.contains("SIGNING_KEY_PEM") && !help.contains("KEY_FILE"), "{help}");
        assert_eq!(asked(&["-h"]).unwrap(), Asked::Text(help));
    }

    #[test]
    fn the_version_stands_alone_and_anything_else_is_refused() {
        assert_eq!(asked(&["--version"]).unwrap(), Asked::Text(format!("weather {VERSION}\n")));
        let error = asked(&["--port", "1"]).unwrap_err().to_string();
        assert!(error.contains("--port") && error.contains("environment"), "{error}");
    }
}
