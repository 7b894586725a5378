//! The command line of a function's program: it serves, or says what it is.

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
    let operations: usize = function.api.get_openapi().paths.paths.values().map(operations_of).sum();
    let sockets = if function.service.sockets { ", and sockets" } else { "" };
    let mut lines = vec![
        format!("{} {VERSION}: a function of ConsentMD, as an HTTP service", function.name),
        "\nServes until SIGTERM, which it follows within ten seconds:".to_owned(),
        format!("  {operations} operations of the API{sockets}"),
    ];
    let events = function.handlers.iter();
    lines.extend(events.map(|handler| format!("  POST /triggers/events/{}  ({})", handler.name, handler.event)));
    let schedules = function.schedules.iter();
    lines.extend(schedules.map(|schedule| {
        format!("  POST /triggers/schedules/{}  (every {} s)", schedule.name, schedule.every.as_secs())
    }));
    lines.push("  GET /health, /health/live, /health/ready, /api/openapi.json, /api/docs".to_owned());
    lines.push("\nOptions:\n  -h, --help     says this\n  -V, --version  says the version".to_owned());
    lines.push("\nEnvironment variables (what is wrong is told at start, all at once):".to_owned());
    let needs = needs_of(std::slice::from_ref(function));
    for variable in Config::VARIABLES.iter().filter(|variable| variable.is_deployed(&needs)) {
        lines.push(format!("  {:<31}{}", variable.name, variable.purpose));
        lines.push(format!("  {:<31}default: {}", "", variable.default));
    }
    lines.join("\n") + "\n"
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
        for other in ["SIGNING_KEY_PEM", "KEY_FILE", "CHECKPOINTS_BUCKET"] {
            assert!(!help.lines().any(|line| line.trim_start().starts_with(other)), "{other} in {help}");
        }
        assert_eq!(asked(&["-h"]).unwrap(), Asked::Text(help));
    }

    #[test]
    fn the_version_stands_alone_and_anything_else_is_refused() {
        assert_eq!(asked(&["--version"]).unwrap(), Asked::Text(format!("weather {VERSION}\n")));
        let error = asked(&["--port", "1"]).unwrap_err().to_string();
        assert!(error.contains("--port") && error.contains("environment"), "{error}");
    }
}
