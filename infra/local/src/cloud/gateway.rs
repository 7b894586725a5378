//! The document that API Gateway is configured with, `infra/gateway/openapi.json`: which path leads to which function, and
//! which calls need an access token. `infra/gateway/README.md` says how it is used.
//!
//! It is no copy of the API's document. The gateway routes by method and path and checks tokens; it does not enforce
//! parameters and bodies, and what it does not know it may refuse at deployment only. So operations keep their name,
//! their path parameters, and whether they are public. Schemas, examples, bodies, answers, headers and query parameters
//! stay in `infra/openapi.json`; requests reach the functions with all of theirs.
//!
//! What the vendor's documentation asks for, and where it stands here:
//!
//! - OpenAPI 3.0, backends by name in `x-google-api-management`, an address with its path appended: `backend`.
//! - Nothing but what is listed passes, so that a browser's preflights are operations too, public ones (`preflight`):
//!   API Gateway's 3.x format has no switch that lets them through.
//! - A parameter is a whole segment and a path has no slash at the end: `check_path`.
//! - `security` of the whole document, which an operation can only empty: what forgets to say is protected. Alternatives
//!   may be added to the list for other issuers; see the README.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use access::token::CONSENTMD;
use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value, json};
use web::Function;

/// Operations of the API's document that the gateway does not have, and why.
pub const LEFT_OUT: [(&str, &str); 3] = [
    ("GET /health", "each function has its own: it is asked at the function, by probes and by `consentmd doctor`"),
    ("GET /health/live", "Cloud Run's probes ask it within the container"),
    ("GET /health/ready", "Cloud Run's probes ask it within the container"),
];

/// How long the gateway waits for a function's answer, unless the function says that it needs longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// What an answer takes beside the longest wait that a function knows of: a cold start, reads, the way back.
const MARGIN: Duration = Duration::from_secs(10);

/// The API's document calls a call with an access token so.
const BEARER: &str = "bearer";

/// An operation, and the function that serves it.
struct Operation {
    function: &'static str,
    method: String,
    path: String,
    is_public: bool,
    described: Value,
}

/// The document, as text that does not change unless the operations do. `version` is the program's.
///
/// # Errors
/// Two functions between which a request could not be told apart, a name that is used twice, and a path or a security
/// requirement that API Gateway has no way to say.
pub fn document(functions: &[Function], version: &str) -> anyhow::Result<String> {
    let operations = operations(functions)?;
    check_ambiguity(&operations)?;
    let backends: BTreeMap<&str, Value> = operations.iter().map(|o| (o.function, backend(o.function))).collect();
    let document = json!({
        "openapi": "3.0.4",
        "info": {
            "title": "ConsentMD",
            "version": version,
            "description": "Which function serves what, for API Gateway. Generated; the API's document is infra/openapi.json.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "x-google-api-management": {"backends": backends},
        "security": [{CONSENTMD: []}],
        "components": {"securitySchemes": {CONSENTMD: access_tokens()}},
        "paths": paths(&operations)?,
    });
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(text)
}

/// Every operation that the gateway has, by path and method.
fn operations(functions: &[Function]) -> anyhow::Result<Vec<Operation>> {
    let mut all = BTreeMap::new();
    for function in functions {
        let document = serde_json::to_value(function.api.get_openapi())?;
        for (path, methods) in document["paths"].as_object().into_iter().flatten() {
            for (method, described) in methods.as_object().into_iter().flatten() {
                let name = format!("{} {path}", method.to_uppercase());
                if LEFT_OUT.iter().any(|(left_out, _)| *left_out == name) {
                    continue;
                }
                let operation = operation(function.name, method, path, described)
                    .with_context(|| format!("{name}, of the function {}", function.name))?;
                if let Some(other) = all.insert((path.clone(), method.clone()), operation) {
                    bail!("{name} is served by two functions: {} and {}", other.function, function.name);
                }
            }
        }
    }
    Ok(all.into_values().collect())
}

fn operation(function: &'static str, method: &str, path: &str, described: &Value) -> anyhow::Result<Operation> {
    ensure!(
        matches!(method, "get" | "post" | "put" | "delete"),
        "the gateway document knows no method {method}: add it here and to the CORS layer in runtime"
    );
    check_path(path)?;
    let is_public = match described.get("security").and_then(Value::as_array).map(Vec::as_slice) {
        None | Some([]) => true,
        Some([one]) if *one == json!({BEARER: []}) => false,
        Some(_) => bail!("its security is neither none nor {BEARER}, and the gateway document knows no other"),
    };
    let (method, path) = (method.to_owned(), path.to_owned());
    Ok(Operation { function, method, path, is_public, described: described.clone() })
}

/// API Gateway takes whole segments as parameters only, and no slash at the end.
fn check_path(path: &str) -> anyhow::Result<()> {
    let Some(segments) = path.strip_prefix('/') else { bail!("a path begins with a slash") };
    let is_word =
        |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c));
    for segment in segments.split('/') {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        ensure!(
            is_word(name.unwrap_or(segment)),
            "\"{segment}\" is no segment that API Gateway takes: letters, digits, '-', '_' and '.', or one parameter in braces"
        );
    }
    Ok(())
}

/// Where a request could go two ways, both have to be the same function's, and equally public.
fn check_ambiguity(operations: &[Operation]) -> anyhow::Result<()> {
    for (at, one) in operations.iter().enumerate() {
        for other in operations.iter().skip(at + 1) {
            let differ =
                one.function != other.function || (one.method == other.method && one.is_public != other.is_public);
            ensure!(
                !(differ && is_ambiguous(&one.path, &other.path)),
                "a request could be meant for {} of {} and for {} of {}: give one of them a path of its own",
                one.path,
                one.function,
                other.path,
                other.function
            );
        }
    }
    Ok(())
}

/// Whether a request could fit both paths with neither being the closer one: word for word beats a parameter, but only
/// where the other has no such advantage at another segment.
fn is_ambiguous(one: &str, other: &str) -> bool {
    let (one, other): (Vec<&str>, Vec<&str>) = (one.split('/').collect(), other.split('/').collect());
    let is_parameter = |segment: &str| segment.starts_with('{');
    let (mut one_is_closer, mut other_is_closer) = (false, false);
    for (a, b) in one.iter().zip(&other) {
        match (is_parameter(a), is_parameter(b)) {
            (false, false) if a != b => return false,
            (false, true) => one_is_closer = true,
            (true, false) => other_is_closer = true,
            _ => {}
        }
    }
    one.len() == other.len() && one_is_closer == other_is_closer
}

/// All paths, each with its operations and its preflight.
fn paths(operations: &[Operation]) -> anyhow::Result<BTreeMap<&str, Map<String, Value>>> {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for operation in operations {
        let methods = paths.entry(&operation.path).or_insert_with(|| preflight(operation));
        methods.insert(operation.method.clone(), routed(operation)?);
    }
    for (path, methods) in &paths {
        for id in methods.values().filter_map(|operation| operation["operationId"].as_str()) {
            // The gateway makes method names of them, in its own spelling.
            ensure!(ids.insert(id.replace('_', "").to_lowercase()), "{path}: the operation id {id} is used twice");
        }
    }
    Ok(paths)
}

/// What the gateway has to know of an operation.
fn routed(operation: &Operation) -> anyhow::Result<Value> {
    let described = &operation.described;
    let id = described["operationId"].as_str().context("an operation has no operationId")?;
    let is_identifier = |id: &str| id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    ensure!(is_identifier(id), "the operation id {id} has more than letters, digits and '_'");
    let successes = described["responses"].as_object().into_iter().flatten().map(|(status, _)| status.as_str());
    let successes = successes.filter(|status| status.starts_with('2'));
    let mut routed = json!({
        "operationId": id,
        "summary": described["summary"],
        "parameters": path_parameters(&operation.path),
        "responses": responses(successes),
        "x-google-backend": operation.function,
    });
    if operation.is_public {
        routed["security"] = json!([]);
    }
    Ok(routed)
}

/// A browser's question whether it may call this path. It carries no token; the function answers it, from its list of
/// origins. Whichever function that is: all have the same list.
fn preflight(operation: &Operation) -> Map<String, Value> {
    let name = |segment: &str| match segment.strip_prefix('{') {
        Some(parameter) => format!("by_{}", parameter.trim_end_matches('}')),
        None => segment.to_owned(),
    };
    let words: Vec<String> = operation.path.split('/').filter(|segment| !segment.is_empty()).map(name).collect();
    let id = words.join("_").replace(['-', '.'], "_");
    let preflight = json!({
        "operationId": format!("preflight_{id}"),
        "summary": "A browser's preflight",
        "parameters": path_parameters(&operation.path),
        "responses": responses(["200"]),
        "security": [],
        "x-google-backend": operation.function,
    });
    Map::from_iter([("options".to_owned(), preflight)])
}

/// The format wants answers, and the gateway passes on any.
fn responses<'a>(successes: impl IntoIterator<Item = &'a str>) -> BTreeMap<&'a str, Value> {
    let successes = successes.into_iter().map(|status| (status, json!({"description": "As in infra/openapi.json"})));
    successes.chain([("default", json!({"description": "An error"}))]).collect()
}

fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})).collect()
}

/// Where a function is. `jwtAudience` is said although it is the default: the format wants it or `disableAuth`, and only
/// the gateway's own account may call the functions.
fn backend(function: &str) -> Value {
    let address = format!("__BACKEND_{function}__");
    json!({
        "address": address,
        "jwtAudience": address,
        "pathTranslation": "APPEND_PATH_TO_ADDRESS",
        "protocol": "http/1.1",
        "deadline": deadline(function).as_secs_f64(),
    })
}

/// How long the gateway waits for this function. Cloud Run's own timeout must not be shorter.
pub fn deadline(function: &str) -> Duration {
    match function {
        "scribe" => scribe::INLINE_TIMEOUT + MARGIN,
        _ => PATIENCE,
    }
}

/// Our access tokens, from the one place where functions take them. By default the gateway would take them from URLs too,
/// where logs keep them.
fn access_tokens() -> Value {
    let from = |prefix: &str| json!({"header": "Authorization", "valuePrefix": prefix});
    json!({
        "type": "oauth2",
        "description": "The `token` that POST /api/v1/auth/login answers.",
        "flows": {"implicit": {"authorizationUrl": "", "scopes": {}}},
        "x-google-auth": {
            "issuer": CONSENTMD,
            "audiences": [CONSENTMD],
            "jwksUri": "__JWKS_URI__",
            "jwtLocations": [from("Bearer "), from("bearer ")],
        },
    })
}
