//! API Gateway's document: complete, to the right functions, public where the API is and nowhere else; and the functions
//! behind it, as the gateway calls them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "common/contract.rs"]
mod contract;

use std::collections::{BTreeMap, BTreeSet};

use consentmd::cloud::gateway::{LEFT_OUT, deadline, document};
use consentmd::functions;
use contract::operations;
use http::Method;
use kernel::Role;
use serde_json::{Value, json};
use testkit::{Build, TestApp};
use web::{Function, Settings};

fn gateway() -> Value {
    serde_json::from_str(&document(&functions::all(), runtime::VERSION).unwrap()).unwrap()
}

fn api() -> Value {
    serde_json::from_str(&functions::document().unwrap()).unwrap()
}

fn is_preflight(name: &str) -> bool {
    name.starts_with("OPTIONS ")
}

#[test]
fn the_committed_document_is_the_codes() {
    let committed = include_str!("../../gateway/openapi.json");
    let made = document(&functions::all(), runtime::VERSION).unwrap();
    let differs = committed.lines().zip(made.lines()).enumerate().find(|(_, (old, new))| old != new);
    assert!(committed == made, "infra/gateway/openapi.json differs, first at {differs:?}: make it anew and commit it");
}

#[test]
fn it_has_every_operation_or_says_why_not() {
    let (gateway, api) = (gateway(), api());
    let through: BTreeSet<String> = operations(&gateway).into_keys().filter(|name| !is_preflight(name)).collect();
    let served: BTreeSet<String> = operations(&api).into_keys().collect();
    let left_out: BTreeSet<String> = LEFT_OUT.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert!(through.is_disjoint(&left_out));
    assert_eq!(&through | &left_out, served);
    let inside = |name: &&String| name.contains(" /api/v1/") || name.contains(" /.well-known/");
    assert_eq!(left_out.iter().find(inside), None, "what clients call is left out");
}

#[test]
fn each_operation_leads_to_the_function_that_serves_it() {
    let by_contract: BTreeMap<String, &str> =
        contract::rows().into_iter().map(|row| (row.operation, row.function)).collect();
    let gateway = gateway();
    let backends = gateway["x-google-api-management"]["backends"].as_object().unwrap();
    let mut used = BTreeSet::new();
    for (name, operation) in operations(&gateway) {
        let backend = operation["x-google-backend"].as_str().unwrap();
        assert!(backends.contains_key(backend), "{name}");
        used.insert(backend.to_owned());
        if !is_preflight(&name) {
            assert_eq!(by_contract[&name], backend, "{name}");
        }
    }
    assert_eq!(used, backends.keys().cloned().collect(), "a backend that nothing leads to");
}

#[test]
fn what_is_public_is_what_the_api_says_is_public() {
    let (gateway, api) = (gateway(), api());
    assert_eq!(gateway["security"], json!([{"consentmd": []}]), "whatever says nothing is protected");
    let rows = contract::rows();
    let public: BTreeSet<&str> =
        rows.iter().filter(|row| row.who == "public").map(|row| row.operation.as_str()).collect();
    for (name, operation) in operations(&gateway) {
        let is_public = operation.get("security") == Some(&json!([]));
        assert!(is_public || operation.get("security").is_none(), "{name}: an operation has rules of its own");
        if is_preflight(&name) {
            assert!(is_public, "{name}: a preflight carries no token");
        } else {
            assert_eq!(is_public, operations(&api)[&name].get("security").is_none(), "{name}");
            assert_eq!(is_public, public.contains(name.as_str()), "{name}");
        }
    }
}

#[test]
fn every_path_has_its_preflight_and_its_parameters() {
    let gateway = gateway();
    let mut ids = BTreeSet::new();
    for (path, methods) in gateway["paths"].as_object().unwrap() {
        assert!(methods.get("options").is_some(), "{path}");
        let declared: Vec<String> =
            path.split('/').filter(|part| part.starts_with('{')).map(|part| part.replace(['{', '}'], "")).collect();
        for operation in methods.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().unwrap();
            let names: Vec<&str> = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
            assert_eq!(names, declared, "{path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{path}");
        }
    }
}

#[test]
fn what_terraform_fills_in_is_named_and_nothing_else_looks_like_it() {
    let text = document(&functions::all(), runtime::VERSION).unwrap();
    assert!(!text.contains("${") && !text.contains("%{"), "Terraform would take it for a template");
    let gateway = gateway();
    let backends = gateway["x-google-api-management"]["backends"].as_object().unwrap();
    let mut wanted: BTreeSet<String> = backends.keys().map(|function| format!("__BACKEND_{function}__")).collect();
    wanted.insert("__JWKS_URI__".to_owned());
    let quoted = text.split('"').filter(|part| part.contains("__"));
    // "preflight__well_known_jwks_json" is a name.
    let found: BTreeSet<String> = quoted.filter(|part| part.starts_with("__")).map(str::to_owned).collect();
    assert_eq!(found, wanted);
    for (function, backend) in backends {
        assert_eq!(backend["address"], format!("__BACKEND_{function}__"));
        assert_eq!(backend["jwtAudience"], backend["address"]);
        assert_eq!(backend["pathTranslation"], "APPEND_PATH_TO_ADDRESS");
        assert_eq!(backend["deadline"], deadline(function).as_secs_f64());
        assert!((15..=60).contains(&deadline(function).as_secs()), "{function}: Cloud Run waits 60 s");
    }
    assert!(deadline("scribe") > scribe::INLINE_TIMEOUT);
    assert!(!backends.contains_key("realtime"), "sockets go past the gateway");
}

/// A function that serves these operations: method, path and whether it is public.
fn serving(name: &'static str, list: &[(&str, &str, bool)]) -> Function {
    let mut paths = json!({});
    for (number, (method, path, is_public)) in list.iter().enumerate() {
        let mut operation = json!({"operationId": format!("{name}_{number}"), "responses": {}});
        if !is_public {
            operation["security"] = json!([{"bearer": []}]);
        }
        paths[*path][*method] = operation;
    }
    let mut function = Function::new(name);
    let document = json!({"openapi": "3.1.0", "info": {"title": name, "version": "1"}, "paths": paths});
    *function.api.get_openapi_mut() = serde_json::from_value(document).unwrap();
    function
}

fn refusal(functions: &[Function]) -> String {
    format!("{:#}", document(functions, "1").unwrap_err())
}

#[test]
fn two_functions_never_contend_for_a_request() {
    let one = |path| serving("one", &[("get", path, false)]);
    let two = |path| serving("two", &[("get", path, false)]);
    assert!(refusal(&[one("/a"), two("/a")]).contains("GET /a is served by two functions: one and two"));
    for (a, b) in [("/a/{x}", "/a/{y}"), ("/a/{x}/b", "/a/c/{y}")] {
        assert!(refusal(&[one(a), two(b)]).contains("give one of them a path of its own"), "{a} and {b}");
    }
    for (a, b) in [("/a/{x}", "/a/me"), ("/a/{x}", "/a/{x}/b"), ("/a/{x}/b", "/a/{x}/c")] {
        assert!(document(&[one(a), two(b)], "1").is_ok(), "{a} and {b}");
    }
    let same = |is_public| serving("one", &[("get", "/a/{x}/b", false), ("get", "/a/c/{y}", is_public)]);
    assert!(document(&[same(false)], "1").is_ok(), "the function decides");
    assert!(refusal(&[same(true)]).contains("give one of them"), "which is public would be the gateway's guess");
}

#[test]
fn what_the_gateway_cannot_say_is_refused_here() {
    for path in ["/a/", "/a/{x}.json", "/a//b", "/a/{*rest}", "/a b"] {
        assert!(
            refusal(&[serving("one", &[("get", path, false)])]).contains("no segment that API Gateway takes"),
            "{path}"
        );
    }
    assert!(refusal(&[serving("one", &[("trace", "/a", false)])]).contains("no method trace"));
    let mut odd = serving("one", &[("get", "/a", false)]);
    let mut changed = serde_json::to_value(odd.api.get_openapi()).unwrap();
    changed["paths"]["/a"]["get"]["security"] = json!([{"bearer": []}, {}]);
    *odd.api.get_openapi_mut() = serde_json::from_value(changed).unwrap();
    assert!(refusal(&[odd]).contains("neither none nor bearer"));
}

/// The gateway's own token, as it comes to a container.
const GATEWAYS_TOKEN: &str = "Bearer e30.e30.SIGNATURE_REMOVED_BY_GOOGLE";
const ORIGIN: &str = "https://app.example";

async fn behind_the_gateway() -> TestApp {
    let settings = Settings { allowed_origins: vec![ORIGIN.to_owned()], ..Settings::default() };
    TestApp::build(Build { settings, ..Build::default() }, functions::all()).await
}

#[tokio::test]
async fn preflights_are_answered_without_a_clients_token_on_every_path() {
    let app = behind_the_gateway().await;
    for path in gateway()["paths"].as_object().unwrap().keys() {
        let path = path.replace(['{', '}'], "");
        let request = app.request(Method::OPTIONS, &path).header("authorization", GATEWAYS_TOKEN);
        let request = request.header("origin", ORIGIN).header("access-control-request-method", "PUT");
        let answer = request.header("access-control-request-headers", "authorization,idempotency-key").send().await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["access-control-allow-origin"]),
            (200, &ORIGIN.parse().unwrap())
        );
        let headers = answer.headers["access-control-allow-headers"].to_str().unwrap();
        assert!(headers.contains("authorization") && headers.contains("idempotency-key"), "{path}: {headers}");
    }
}

#[tokio::test]
async fn the_clients_token_counts_and_the_gateways_is_nobodys() {
    let app = behind_the_gateway().await;
    let user = app.user(Role::Doctor, "Ada").await;
    let client = format!("Bearer {}", user.token);
    let me = || app.get("/api/v1/users/me").header("authorization", GATEWAYS_TOKEN);
    assert_eq!(me().header("x-forwarded-authorization", &client).send().await.status, 200);
    assert_eq!(me().header("x-forwarded-authorization", "Bearer e30.e30.e30").send().await.status, 401);
    let refused = me().send().await;
    assert_eq!(refused.status, 401);
    assert!(refused.body["error"]["message"].as_str().unwrap().contains("Sign in and send"), "{}", refused.body);
    // A public call with a key: the gateway's token makes no caller of whoever signs in.
    let login = app.post("/api/v1/auth/forgot-password").header("authorization", GATEWAYS_TOKEN);
    let login = login.header("idempotency-key", "k1").json(&json!({"email": "nobody@clinic.example"})).send().await;
    assert!(login.status.is_success(), "{}", login.body);
}
