//! `consentmd doctor`: looks at an installation as its configuration names it, changes nothing, and says what is wrong and
//! what to do about it.
//!
//! To add a check: a line in the part that it belongs to ([`platform`], [`google`], [`front`]), as a [`Finding`] with advice
//! where it is not well.

mod front;
mod google;
mod platform;

use std::fmt::{self, Write};

use anyhow::bail;
use clap::Args;
use runtime::{Config, PlatformKind};

use crate::functions;
use crate::project::Project;

/// What to look at beside the configuration.
#[derive(Debug, Args)]
pub struct Options {
    /// Where clients reach the API, to be asked too: the gateway's address or the domain (https://api.example.com).
    #[arg(long)]
    url: Option<String>,
}

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    what: String,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Well,
    /// Time alone mends it.
    Passing(String),
    /// What is wrong, and what to do.
    Wrong(String),
}

impl Finding {
    fn well(what: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Well }
    }

    fn passing(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Passing(problem.into()) }
    }

    fn wrong(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Wrong(problem.into()) }
    }

    /// Well, or an error with its causes and what to do about it.
    fn of<T, E: Into<anyhow::Error>>(what: impl Into<String>, outcome: Result<T, E>, advice: &str) -> Self {
        match outcome {
            Ok(_) => Self::well(what),
            Err(error) => Self::wrong(what, format!("{:#}. {advice}", error.into())),
        }
    }

    const fn is_wrong(&self) -> bool {
        matches!(self.state, State::Wrong(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Well => write!(f, "well     {}", self.what),
            State::Passing(problem) => write!(f, "waiting  {}: {problem}", self.what),
            State::Wrong(problem) => write!(f, "WRONG    {}: {problem}", self.what),
        }
    }
}

/// Checks everything, and answers with the report; an error, which holds the report too, where something is wrong.
pub async fn examine(options: Options) -> anyhow::Result<String> {
    runtime::use_one_tls_provider();
    let config = match Config::of_command(PlatformKind::Local, &functions::needs()) {
        Ok(config) => config,
        Err(problems) => {
            let findings = problems.0.into_iter().map(|problem| Finding::wrong("configuration", problem));
            return report(findings.collect());
        }
    };
    let mut findings = vec![Finding::well("configuration")];
    let project = Project::of(&config);
    if let Some(project) = &project {
        findings.extend(google::check(project, &config).await);
    }
    if let Some(url) = &options.url {
        findings.extend(front::check(url).await);
    }
    findings.extend(platform::check(config, project.as_ref()).await);
    report(findings)
}

fn report(findings: Vec<Finding>) -> anyhow::Result<String> {
    let mut text = String::new();
    for finding in &findings {
        writeln!(text, "{finding}")?;
    }
    let wrong = findings.iter().filter(|finding| finding.is_wrong()).count();
    if wrong > 0 {
        bail!("{wrong} of {} checks found something wrong\n\n{text}", findings.len());
    }
    writeln!(text, "{} checks, nothing wrong", findings.len())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_wrong_is_a_failure_that_shows_all() {
        let findings = vec![Finding::well("keys"), Finding::passing("index a", "being built"), Finding::well("bus")];
        let text = report(findings).unwrap();
        assert_eq!(text, "well     keys\nwaiting  index a: being built\nwell     bus\n3 checks, nothing wrong\n");
        let findings = vec![Finding::well("keys"), Finding::wrong("bus", "no answer. Do this")];
        let error = report(findings).unwrap_err().to_string();
        assert!(error.starts_with("1 of 2 checks found something wrong\n"), "{error}");
        assert!(error.contains("well     keys\nWRONG    bus: no answer. Do this\n"), "{error}");
    }

    #[test]
    fn an_error_is_told_with_its_causes_and_the_advice() {
        let outcome: anyhow::Result<()> = Err(anyhow::anyhow!("refused").context("cannot ask"));
        let finding = Finding::of("store", outcome, "Start it.");
        assert_eq!(finding.to_string(), "WRONG    store: cannot ask: refused. Start it.");
    }
}
