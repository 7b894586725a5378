use runtime::Config;
use serde_json::{Map, Value, json};
use web::{Function, Need};

/// What every function uses, and so none has to say.
const COMMON: [&str; 3] = ["documents", "events", "keys"];

/// By function: how its container runs, what it may use and which variables it reads.
pub(super) fn services(functions: &[Function]) -> Value {
    Value::Object(functions.iter().map(service).collect::<Map<_, _>>())
}

fn service(function: &Function) -> (String, Value) {
    let service = &function.service;
    let mut needs: Vec<&str> = COMMON.into_iter().chain(function.needs.iter().map(|need| Need::name(*need))).collect();
    needs.sort_unstable();
    let variables = Config::VARIABLES.iter().filter(|variable| variable.is_deployed(&function.needs));
    let settings = json!({
        "cpu": "1",
        "memory": format!("{}Mi", service.memory_mib),
        "concurrency": service.concurrency,
        "timeoutSeconds": service.timeout.as_secs(),
        "sockets": service.sockets,
        "needs": needs,
        "environment": variables.map(|variable| variable.name).collect::<Vec<_>>(),
    });
    (function.name.to_owned(), settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_has_what_it_declares_and_no_more() {
        let services = services(&crate::functions::all());
        let needs = |name: &str| services[name]["needs"].clone();
        assert_eq!(needs("chats"), json!(["documents", "events", "keys"]));
        assert_eq!(needs("audit"), json!(["checkpoints", "documents", "events", "keys", "signing"]));
        let reads = |name: &str, variable: &str| {
            services[name]["environment"].as_array().unwrap().iter().any(|known| known == variable)
        };
        assert!(reads("audit", "SIGNING_KEY_PEM") && reads("audit", "CHECKPOINTS_BUCKET"));
        assert!(
            !reads("chats", "SIGNING_KEY_PEM")
                && !reads("chats", "BLOBS_BUCKET")
                && reads("chats", "VERIFYING_KEYS_PEM")
        );
        assert!(!reads("chats", "KEY_FILE") && !reads("chats", "FIRESTORE_EMULATOR_HOST"));
    }

    #[test]
    fn cloud_run_takes_what_is_declared() {
        for function in crate::functions::all() {
            let service = function.service;
            assert!((1..=3600).contains(&service.timeout.as_secs()), "{}", function.name);
            assert!((1..=1000).contains(&service.concurrency), "{}", function.name);
            // A gen2 instance has 512 MiB at least; one CPU goes with 4 GiB at most.
            assert!((512..=4096).contains(&service.memory_mib), "{}", function.name);
        }
    }
}
