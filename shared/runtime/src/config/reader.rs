use std::collections::BTreeMap;
use std::time::Duration;

use access::outside::{IssuerConfig, parse_issuers};
use web::RateLimits;

use super::variables;

/// Reads variables, and collects all that is wrong with them.
pub(super) struct Reader {
    vars: BTreeMap<String, String>,
    pub(super) problems: Vec<String>,
    /// Whether the configuration is for a service, and not for a command.
    pub(super) serves: bool,
}

impl Reader {
    pub(super) const fn new(vars: BTreeMap<String, String>, serves: bool) -> Self {
        Self { vars, problems: Vec::new(), serves }
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        debug_assert!(variables::ALL.iter().any(|variable| variable.name == name), "{name} is not in the table");
        self.vars.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub(super) fn optional<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.problems.push(problem(name, "has a value that cannot be used"));
        }
        value
    }

    pub(super) fn one<T>(&mut self, name: &'static str, default: T, parse: impl Fn(&str) -> Option<T>) -> T {
        self.optional(name, parse).unwrap_or(default)
    }

    /// A web address, without a slash at its end.
    pub(super) fn address(&mut self, name: &'static str) -> Option<String> {
        self.optional(name, |text| {
            let is_address = text.starts_with("https://") || text.starts_with("http://");
            (is_address && !text.contains(['#', '?'])).then(|| text.trim_end_matches('/').to_owned())
        })
    }

    /// A number of units of so many seconds each, at least one and at most a year's.
    pub(super) fn span(&mut self, name: &'static str, unit_seconds: u64, default: Duration) -> Duration {
        let most = 366 * 24 * 3600 / unit_seconds;
        let parse = |text: &str| text.parse().ok().filter(|units| (1..=most).contains(units));
        self.optional(name, parse).map_or(default, |units: u64| Duration::from_secs(units * unit_seconds))
    }

    pub(super) fn list(&mut self, name: &'static str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn issuers(&mut self) -> Vec<IssuerConfig> {
        let (given, file) = (self.text("OUTSIDE_ISSUERS"), self.text("OUTSIDE_ISSUERS_FILE"));
        let json = match (given, file) {
            (Some(_), Some(_)) => Err("OUTSIDE_ISSUERS and OUTSIDE_ISSUERS_FILE exclude each other".to_owned()),
            (Some(json), None) => Ok(json),
            (None, Some(path)) => std::fs::read_to_string(&path)
                .map_err(|error| format!("OUTSIDE_ISSUERS_FILE: {path} cannot be read: {error}")),
            (None, None) => return Vec::new(),
        };
        let parsed = json.and_then(|json| {
            let secret = |name: &str| self.vars.get(name).cloned();
            parse_issuers(&json, secret).map_err(|error| format!("OUTSIDE_ISSUERS: {error}"))
        });
        parsed.unwrap_or_else(|problem| {
            self.problems.push(problem);
            Vec::new()
        })
    }

    pub(super) fn limits(&mut self, local: bool) -> RateLimits {
        let mut limit = |name, of_local, of_google| {
            self.one(name, if local { of_local } else { of_google }, |text| {
                text.parse().ok().filter(|n| *n <= 1_000_000)
            })
        };
        RateLimits {
            per_minute: limit("RATE_LIMIT_PER_MINUTE", 6000, 100),
            auth_per_minute: limit("RATE_LIMIT_AUTH_PER_MINUTE", 600, 10),
            uploads_per_minute: limit("RATE_LIMIT_UPLOADS_PER_MINUTE", 100, 10),
        }
    }

    /// Says that a variable is missing, unless something is wrong with it already.
    pub(super) fn need(&mut self, name: &'static str, given: bool) {
        if !given && !self.problems.iter().any(|problem| problem.starts_with(name)) {
            self.problems.push(problem(name, "is not set"));
        }
    }

    /// Says that of two variables not both can count.
    pub(super) fn exclude(&mut self, first: &'static str, second: &'static str, are_both: bool) {
        if are_both {
            self.problems.push(format!("{first} and {second} exclude each other: unset one of them"));
        }
    }
}

fn problem(name: &str, what: &str) -> String {
    let known = variables::ALL.iter().find(|variable| variable.name == name);
    let help = known.map(|v| format!(": {}; for example {}", v.purpose, v.example)).unwrap_or_default();
    format!("{name} {what}{help}")
}
