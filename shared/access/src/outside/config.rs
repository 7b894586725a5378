use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jsonwebtoken::Algorithm;
use kernel::{Phi, Role, TenantId};
use serde::Deserialize;

/// The shortest shared secret, in bytes: as long as the hash (RFC 7518, section 3.2).
const SHORTEST_SECRET: usize = 32;

/// An issuer that is trusted, and how far.
#[derive(Debug, Clone)]
pub struct IssuerConfig {
    /// Its `iss`, to the letter.
    pub issuer: String,
    /// Whom its tokens have to be for; `None` only with a shared secret, for tokens that name nobody.
    pub audience: Option<String>,
    /// What its signatures are checked with.
    pub keys: KeySource,
    /// Which tenant its people are in.
    pub tenant: TenantRule,
    /// Where its claims are.
    pub claims: Claims,
    /// Its roles in our words.
    pub roles: BTreeMap<String, Role>,
    /// The role of those about whose role it says nothing that is known.
    pub default_role: Option<Role>,
    /// Whether its word is enough to verify staff.
    pub verifies_staff: bool,
    /// Whether an account with the same e-mail address is the same person's, where it says that the address is verified.
    pub link_by_email: bool,
    /// Where it tells what its tokens lack.
    pub user_endpoint: Option<UserEndpoint>,
    /// Where its people sign in.
    pub sign_in_url: Option<String>,
}

/// What signatures are checked with. The algorithm is part of it.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// Public keys that the issuer publishes (RFC 7517).
    Published {
        /// Where.
        url: String,
        /// The one algorithm that is taken.
        algorithm: PublicAlgorithm,
    },
    /// A secret that the issuer and we have in common: HS256.
    Shared {
        /// At least 32 bytes.
        secret: Phi<String>,
    },
}

/// An algorithm with public keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum PublicAlgorithm {
    /// RSA with SHA-256.
    #[default]
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
}

impl PublicAlgorithm {
    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::RS256 => Algorithm::RS256,
            Self::ES256 => Algorithm::ES256,
        }
    }
}

/// Which tenant an issuer's people are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantRule {
    /// All in this one.
    Fixed(TenantId),
    /// As the token says, among those that the issuer may speak for.
    Claim {
        /// The claim.
        claim: String,
        /// The tenants.
        allowed: BTreeSet<TenantId>,
    },
}

/// The names of an issuer's claims, as paths joined by dots.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Claims {
    /// Who.
    pub subject: String,
    /// The e-mail address.
    pub email: String,
    /// Whether it is verified.
    pub email_verified: String,
    /// The name.
    pub name: String,
    /// The role, or a list of them of which the first that is known counts.
    pub role: String,
}

impl Default for Claims {
    /// Those of OpenID Connect, and `role`.
    fn default() -> Self {
        let [subject, email, email_verified, name, role] =
            ["sub", "email", "email_verified", "name", "role"].map(str::to_owned);
        Self { subject, email, email_verified, name, role }
    }
}

/// Where an issuer tells about a person what its tokens lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEndpoint {
    /// The URL; `{sub}` in it stands for the person.
    pub url: String,
    /// For how long an answer is kept.
    pub kept: Duration,
}

/// What is wrong with the configuration of issuers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IssuerConfigError(String);

/// As the configuration has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    issuer: String,
    audience: Option<String>,
    jwks_url: Option<String>,
    algorithm: Option<PublicAlgorithm>,
    secret_variable: Option<String>,
    tenant: Option<TenantId>,
    tenant_claim: Option<String>,
    #[serde(default)]
    tenants: BTreeSet<TenantId>,
    #[serde(default)]
    claims: Claims,
    #[serde(default)]
    roles: BTreeMap<String, Role>,
    default_role: Option<Role>,
    #[serde(default)]
    verifies_staff: bool,
    #[serde(default)]
    link_by_email: bool,
    user_endpoint: Option<WrittenEndpoint>,
    sign_in_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenEndpoint {
    url: String,
    cache_seconds: Option<u64>,
}

/// Reads a JSON list of issuers. Secrets are not in it: it names the variables that hold them, which `variable` reads.
pub fn parse_issuers(
    json: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Vec<IssuerConfig>, IssuerConfigError> {
    let written: Vec<Written> =
        serde_json::from_str(json).map_err(|error| IssuerConfigError(format!("no list of issuers: {error}")))?;
    let mut issuers: Vec<IssuerConfig> = Vec::with_capacity(written.len());
    for one in written {
        let named = one.issuer.clone();
        let checked =
            one.checked(&variable).map_err(|reason| IssuerConfigError(format!("issuer {named:?}: {reason}")))?;
        if issuers.iter().any(|other| other.issuer == checked.issuer) {
            return Err(IssuerConfigError(format!("issuer {named:?} is there twice")));
        }
        issuers.push(checked);
    }
    Ok(issuers)
}

impl Written {
    fn checked(self, variable: &impl Fn(&str) -> Option<String>) -> Result<IssuerConfig, String> {
        if self.issuer.is_empty() || self.issuer == crate::token::CONSENTMD {
            return Err("an issuer has a name of its own".to_owned());
        }
        let keys = self.key_source(variable)?;
        if self.audience.is_none() && matches!(keys, KeySource::Published { .. }) {
            return Err(
                "\"audience\" is missing: without it, tokens for the issuer's other services would count".to_owned()
            );
        }
        let tenant = match (self.tenant, self.tenant_claim) {
            (Some(tenant), None) => TenantRule::Fixed(tenant),
            (None, Some(claim)) if !self.tenants.is_empty() => TenantRule::Claim { claim, allowed: self.tenants },
            (None, Some(_)) => return Err("\"tenants\" has to list those that \"tenantClaim\" may name".to_owned()),
            _ => return Err("one of \"tenant\" and \"tenantClaim\" is needed".to_owned()),
        };
        if self.roles.values().chain(&self.default_role).any(|role| *role == Role::SuperAdmin) {
            return Err("no outside role can be SuperAdmin, which is over all tenants".to_owned());
        }
        if self.roles.is_empty() && self.default_role.is_none() {
            return Err("\"roles\" or \"defaultRole\" is needed, else nobody could sign in".to_owned());
        }
        let endpoint = self.user_endpoint.map(WrittenEndpoint::checked).transpose()?;
        if let Some(url) = &self.sign_in_url {
            check_url("signInUrl", url)?;
        }
        Ok(IssuerConfig {
            issuer: self.issuer,
            audience: self.audience,
            keys,
            tenant,
            claims: self.claims,
            roles: self.roles,
            default_role: self.default_role,
            verifies_staff: self.verifies_staff,
            link_by_email: self.link_by_email,
            user_endpoint: endpoint,
            sign_in_url: self.sign_in_url,
        })
    }

    fn key_source(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<KeySource, String> {
        match (&self.jwks_url, &self.secret_variable) {
            (Some(url), None) => {
                check_url("jwksUrl", url)?;
                Ok(KeySource::Published { url: url.clone(), algorithm: self.algorithm.unwrap_or_default() })
            }
            (None, Some(_)) if self.algorithm.is_some() => {
                Err("with a shared secret the algorithm is HS256; leave \"algorithm\" out".to_owned())
            }
            (None, Some(name)) => match variable(name) {
                Some(secret) if secret.len() >= SHORTEST_SECRET => Ok(KeySource::Shared { secret: Phi::new(secret) }),
                Some(_) => Err(format!("the secret in the variable {name} has less than {SHORTEST_SECRET} bytes")),
                None => Err(format!("the variable {name}, which should hold its secret, is not set")),
            },
            _ => Err("one of \"jwksUrl\" and \"secretVariable\" is needed".to_owned()),
        }
    }
}

impl WrittenEndpoint {
    fn checked(self) -> Result<UserEndpoint, String> {
        check_url("userEndpoint.url", &self.url)?;
        let kept = self.cache_seconds.map_or(super::KEPT, Duration::from_secs);
        Ok(UserEndpoint { url: self.url, kept: kept.min(Duration::from_secs(3600)) })
    }
}

/// People's tokens and keys travel there: encrypted, unless it is this machine.
fn check_url(name: &str, url: &str) -> Result<(), String> {
    let parsed = reqwest::Url::parse(&url.replace("{sub}", "x")).map_err(|_| format!("\"{name}\" is no URL"))?;
    let is_here = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if parsed.scheme() == "https" || (parsed.scheme() == "http" && is_here) {
        return Ok(());
    }
    Err(format!("\"{name}\" has to begin with https://"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn laravel() -> Value {
        json!({
            "issuer": "https://laravel.example", "secretVariable": "LARAVEL_JWT_SECRET", "tenant": "clinic",
            "claims": {"role": "roles"}, "roles": {"doctor": "Doctor", "admin": "ClinicAdmin"}, "defaultRole": "Patient",
            "userEndpoint": {"url": "https://laravel.example/api/users/{sub}"}, "signInUrl": "https://laravel.example/login",
        })
    }

    fn parse(issuer: Value) -> Result<Vec<IssuerConfig>, IssuerConfigError> {
        let secret = |name: &str| (name == "LARAVEL_JWT_SECRET").then(|| "Canary".repeat(6));
        parse_issuers(&json!([issuer]).to_string(), secret)
    }

    #[test]
    fn an_issuer_is_read_and_its_secret_not_printed() {
        let issuers = parse(laravel()).unwrap();
        assert_eq!((issuers[0].claims.role.as_str(), issuers[0].claims.subject.as_str()), ("roles", "sub"));
        assert_eq!(issuers[0].roles["doctor"], Role::Doctor);
        assert!(!format!("{issuers:?}").contains("Canary"));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (field, value, told) in [
            ("issuer", json!("consentmd"), "a name of its own"),
            ("secretVariable", json!(null), "one of \"jwksUrl\""),
            ("secretVariable", json!("NOT_SET"), "NOT_SET"),
            ("jwksUrl", json!("https://laravel.example/jwks"), "one of \"jwksUrl\""),
            ("algorithm", json!("RS256"), "HS256"),
            ("algorithm", json!("HS256"), "no list of issuers"),
            ("tenant", json!(null), "tenantClaim"),
            ("tenantClaim", json!("tid"), "one of \"tenant\""),
            ("defaultRole", json!("SuperAdmin"), "SuperAdmin"),
            ("roles", json!({"doctor": "Wizard"}), "no list of issuers"),
            ("signInUrl", json!("http://laravel.example/login"), "https://"),
            ("userEndpoint", json!({"url": "laravel"}), "no URL"),
            ("spelling", json!(1), "spelling"),
        ] {
            let mut issuer = laravel();
            issuer[field] = value;
            let error = parse(issuer).unwrap_err().to_string();
            assert!(error.contains(told), "{field}: {error}");
        }
        let mut short = laravel();
        short["secretVariable"] = "SHORT".into();
        let error = parse_issuers(&json!([short]).to_string(), |_| Some("x".repeat(31))).unwrap_err().to_string();
        assert!(error.contains("32 bytes"), "{error}");
        let mut published = laravel();
        published["secretVariable"] = Value::Null;
        published["jwksUrl"] = "https://laravel.example/jwks".into();
        assert!(parse(published).unwrap_err().to_string().contains("audience"));
        let twice = json!([laravel(), laravel()]).to_string();
        assert!(parse_issuers(&twice, |_| Some("x".repeat(32))).unwrap_err().to_string().contains("twice"));
    }
}
