use kernel::{Email, Phi, Role};
use serde_json::Value;

use super::config::IssuerConfig;
use super::text;

/// The longest name taken, in bytes; a longer one is cut.
const LONGEST_NAME: usize = 300;

/// What a token, or else the user endpoint, says of a person, in our words.
pub(crate) struct Mapped {
    pub(crate) email: Option<Email>,
    pub(crate) email_verified: bool,
    pub(crate) name: Option<Phi<String>>,
    pub(crate) role: Option<Role>,
}

impl Mapped {
    /// By this issuer's mapping. Each field comes from the token, and where the token lacks it, from `asked`. An address
    /// and whether it is verified come from the same place.
    pub(crate) fn of(config: &IssuerConfig, claims: &Value, asked: Option<&Value>) -> Self {
        let sources = || std::iter::once(claims).chain(asked);
        let names = &config.claims;
        let address = |source: &Value| Some((text(source, &names.email)?.parse().ok()?, says_verified(source, names)));
        let (email, email_verified) = sources().find_map(address).unzip();
        Self {
            email,
            email_verified: email_verified.unwrap_or(false),
            name: sources().find_map(|source| person_name(&text(source, &names.name)?)),
            role: sources().find_map(|source| role(config, at(source, &names.role)?)),
        }
    }
}

/// The value at a path of names joined by dots. A claim whose own name has dots in it (a URL) is found first.
pub(crate) fn at<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(path) {
        return Some(found);
    }
    path.split('.').try_fold(claims, |value, name| value.get(name))
}

fn says_verified(source: &Value, names: &super::Claims) -> bool {
    // Some providers write booleans as text.
    at(source, &names.email_verified).is_some_and(|said| said == true || said == "true")
}

/// On one line and not too long, as names are everywhere here.
fn person_name(text: &str) -> Option<Phi<String>> {
    let mut line: String = text.chars().filter(|c| !c.is_control()).collect();
    let end = (0..=LONGEST_NAME.min(line.len())).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
    line.truncate(end);
    let trimmed = line.trim();
    (!trimmed.is_empty()).then(|| Phi::new(trimmed.to_owned()))
}

/// The first of the given values that the map knows, in the order in which they are given.
fn role(config: &IssuerConfig, given: &Value) -> Option<Role> {
    let known = |value: &Value| config.roles.get(value.as_str()?).copied();
    match given {
        Value::Array(many) => many.iter().find_map(known),
        one => known(one),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_into_objects() {
        let claims = json!({"sub": 7, "realm": {"roles": ["x"]}, "https://a.example/role": "doctor"});
        assert_eq!(at(&claims, "realm.roles"), Some(&json!(["x"])));
        assert_eq!(at(&claims, "https://a.example/role"), Some(&json!("doctor")));
        assert_eq!(at(&claims, "realm.roles.deep"), None);
        assert_eq!(text(&claims, "sub").as_deref(), Some("7"));
        assert_eq!(text(&claims, "realm"), None);
    }

    #[test]
    fn names_are_one_line() {
        assert_eq!(person_name(" Ann\n Lee ").unwrap().disclose(), "Ann Lee");
        assert!(person_name("\u{0}\n ").is_none());
        assert!(person_name(&"é".repeat(400)).unwrap().disclose().len() <= LONGEST_NAME);
    }
}
