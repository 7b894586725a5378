//! Firestore's Admin API, with operations that take a number of questions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use google_setup::{GoogleProject, Waits};
use serde_json::{Value, json};

use super::{Answer, QUICK, Request, Service, refusal, serve};

const DATABASE: &str = "projects/p/databases/north";
/// Enums as numbers, which is what the client asks for.
const CREATING: u8 = 1;
const DONE: u8 = 2;
const NEEDS_REPAIR: u8 = 3;

/// What a finished operation brings about.
#[derive(Clone)]
enum Effect {
    Database(String, Value),
    Index(String),
    Ttl(String),
    Nothing,
}

struct Operation {
    left: u32,
    effect: Effect,
    kind: &'static str,
    done: Option<Value>,
}

/// A refusal of requests to come.
pub(crate) struct Refusal {
    pub(crate) method: &'static str,
    pub(crate) path_has: &'static str,
    pub(crate) times: u32,
    pub(crate) answer: (u16, &'static str, &'static str),
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) databases: BTreeMap<String, Value>,
    pub(crate) indexes: Vec<Value>,
    pub(crate) fields: BTreeMap<String, Value>,
    pub(crate) schedules: Vec<Value>,
    /// How many questions an operation takes.
    pub(crate) takes: u32,
    /// Operations on paths that have this text fail with these words.
    pub(crate) operation_fails: Option<(&'static str, &'static str)>,
    pub(crate) refusals: Vec<Refusal>,
    /// The number of the request, counted from 0, that is answered by "permission denied".
    pub(crate) crash_at: Option<usize>,
    pub(crate) requests: Vec<Request>,
    operations: BTreeMap<String, Operation>,
}

/// The server.
#[derive(Default)]
pub(crate) struct FakeFirestore(pub(crate) Mutex<State>);

impl FakeFirestore {
    pub(crate) async fn start() -> (Arc<Self>, GoogleProject) {
        Self::start_waiting(QUICK).await
    }

    pub(crate) async fn start_waiting(waits: Waits) -> (Arc<Self>, GoogleProject) {
        let fake = Arc::new(Self::default());
        fake.0.lock().unwrap().takes = 2;
        let project = serve(fake.clone(), waits).await;
        (fake, project)
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    /// The requests that change something, as "METHOD path".
    pub(crate) fn changes(&self) -> Vec<String> {
        let of = |state: &mut State| -> Vec<String> {
            let changes = state.requests.iter().filter(|request| request.is_change());
            changes.map(|request| format!("{} {}", request.method, request.name().replace(DATABASE, "D"))).collect()
        };
        self.with(of)
    }

    pub(crate) fn requests(&self, method: &str, path_has: &str) -> Vec<Request> {
        let of = |state: &mut State| -> Vec<Request> {
            state.requests.iter().filter(|r| r.method == method && r.path.contains(path_has)).cloned().collect()
        };
        self.with(of)
    }
}

impl Service for FakeFirestore {
    fn answer(&self, request: Request) -> Answer {
        self.0.lock().unwrap().answer(request)
    }
}

impl State {
    fn answer(&mut self, request: Request) -> Answer {
        let number = self.requests.len();
        self.requests.push(request.clone());
        assert_eq!(request.query.get("$alt").map(String::as_str), Some("json;enum-encoding=int"), "{request:?}");
        if self.crash_at == Some(number) {
            return refusal(403, "PERMISSION_DENIED", "The caller does not have permission");
        }
        let matching =
            |r: &&mut Refusal| r.times > 0 && r.method == request.method && request.path.contains(r.path_has);
        if let Some(found) = self.refusals.iter_mut().find(matching) {
            found.times -= 1;
            return refusal(found.answer.0, found.answer.1, found.answer.2);
        }
        if request.method == "GET" {
            self.tick();
        }
        let name = request.name().to_owned();
        let parts: Vec<&str> = name.split('/').collect();
        let database = parts.iter().take(4).copied().collect::<Vec<_>>().join("/");
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["projects", "p", "databases"]) => self.create_database(&request),
            ("GET", ["projects", "p", "databases", id]) => {
                let missing = || (404, "NOT_FOUND", format!("Project 'p' or database '{id}' does not exist."));
                self.databases.get(&database).cloned().ok_or_else(missing)
            }
            ("GET", [_, _, _, _, "operations", _]) => Ok(self.told(&name)),
            _ if !self.databases.contains_key(&database) => {
                refusal(404, "NOT_FOUND", format!("no database {database}"))
            }
            ("GET", [.., "collectionGroups", "-", "indexes"]) => Ok(page(&request, "indexes", &self.indexes)),
            ("POST", [.., "collectionGroups", collection, "indexes"]) => self.create_index(&name, collection, &request),
            ("GET", [.., "collectionGroups", "-", "fields"]) => {
                let filter = request.query.get("filter").map(String::as_str);
                assert_eq!(filter, Some("indexConfig.usesAncestorConfig:false OR ttlConfig:*"));
                Ok(page(&request, "fields", &self.fields.values().cloned().collect::<Vec<_>>()))
            }
            ("PATCH", [.., "collectionGroups", _, "fields", _]) => Ok(self.update_field(&name, &request)),
            ("GET", [.., "backupSchedules"]) => Ok(json!({"backupSchedules": self.schedules})),
            ("POST", [.., "backupSchedules"]) => self.create_schedule(&request),
            _ => refusal(400, "INVALID_ARGUMENT", format!("no such call: {} {name}", request.method)),
        }
    }

    fn create_database(&mut self, request: &Request) -> Answer {
        let name = format!("projects/p/databases/{}", request.query["databaseId"]);
        if self.databases.contains_key(&name) {
            return refusal(409, "ALREADY_EXISTS", "Database already exists. Please use another database_id");
        }
        let mut database = request.body.clone();
        database["name"] = json!(name);
        database["uid"] = json!("8f2b0f4c-6f0c-4f7e-9a3e-1f1d2b3c4d5e");
        database["createTime"] = json!("2026-01-05T10:00:00.123456Z");
        database["versionRetentionPeriod"] = json!("604800s");
        database["etag"] = json!("IPDXmJbl8PoDMPLA0tOY4vkC");
        Ok(self.operation(&name, "Database", Effect::Database(name.clone(), database), request))
    }

    fn create_index(&mut self, parent: &str, collection: &str, request: &Request) -> Answer {
        let mut index = request.body.clone();
        let fields = index["fields"].as_array_mut().unwrap();
        let order = fields.last().unwrap().get("order").cloned().unwrap_or(json!(1));
        fields.push(json!({"fieldPath": "__name__", "order": order}));
        let same = |other: &Value| {
            other["fields"] == index["fields"] && other["name"].as_str().unwrap().contains(&format!("/{collection}/"))
        };
        if self.indexes.iter().any(same) {
            return refusal(409, "ALREADY_EXISTS", "index already exists");
        }
        let name = format!("{parent}/CICAgJ{}", self.indexes.len());
        index["name"] = json!(name);
        index["state"] = json!(CREATING);
        self.indexes.push(index);
        Ok(self.operation(DATABASE, "Index", Effect::Index(name), request))
    }

    fn update_field(&mut self, name: &str, request: &Request) -> Value {
        assert_eq!(request.body["name"], json!(name));
        let default = format!("{DATABASE}/collectionGroups/__default__/fields/*");
        let inherited = json!({"name": name, "indexConfig": {"usesAncestorConfig": true, "ancestorField": default,
            "indexes": [{"queryScope": 1, "fields": [{"fieldPath": "*", "order": 1}], "state": DONE}]}});
        let field = self.fields.entry(name.to_owned()).or_insert(inherited);
        let mask = request.query["updateMask"].clone();
        let mut effect = Effect::Nothing;
        for path in mask.split(',') {
            assert!(request.body.get(path).is_some(), "{request:?}");
            match path {
                "ttlConfig" => {
                    field["ttlConfig"] = json!({"state": CREATING});
                    effect = Effect::Ttl(name.to_owned());
                }
                // What is false or empty is left out of Google's JSON.
                "indexConfig" => field["indexConfig"] = json!({"ancestorField": default}),
                other => panic!("{other}"),
            }
        }
        self.operation(DATABASE, "Field", effect, request)
    }

    fn create_schedule(&mut self, request: &Request) -> Answer {
        let kind = |schedule: &Value| schedule.get("dailyRecurrence").is_some();
        if self.schedules.iter().any(|other| kind(other) == kind(&request.body)) {
            return refusal(409, "ALREADY_EXISTS", "the database has such a schedule");
        }
        let mut schedule = request.body.clone();
        schedule["name"] = json!(format!("{DATABASE}/backupSchedules/{}", self.schedules.len()));
        schedule["createTime"] = json!("2026-01-05T10:00:00.123456Z");
        self.schedules.push(schedule.clone());
        Ok(schedule)
    }

    fn operation(&mut self, below: &str, kind: &'static str, effect: Effect, request: &Request) -> Value {
        let name = format!("{below}/operations/op{}", self.operations.len());
        let fails = self.operation_fails.filter(|(path_has, _)| request.path.contains(path_has));
        let done = fails.map(|(_, message)| json!({"error": {"code": 9, "message": message}}));
        self.operations.insert(name.clone(), Operation { left: self.takes, effect, kind, done });
        self.told(&name)
    }

    /// Time goes by.
    fn tick(&mut self) {
        let mut effects = Vec::new();
        for operation in self.operations.values_mut().filter(|operation| operation.left > 0) {
            operation.left -= 1;
            if operation.left == 0 {
                effects.push((operation.effect.clone(), operation.done.is_some()));
            }
        }
        for (effect, failed) in effects {
            match effect {
                Effect::Database(name, database) if !failed => drop(self.databases.insert(name, database)),
                Effect::Index(name) => {
                    let index = self.indexes.iter_mut().find(|index| index["name"] == json!(name)).unwrap();
                    index["state"] = json!(if failed { NEEDS_REPAIR } else { DONE });
                }
                Effect::Ttl(name) => {
                    self.fields.get_mut(&name).unwrap()["ttlConfig"] =
                        json!({"state": if failed { NEEDS_REPAIR } else { DONE }});
                }
                Effect::Database(..) | Effect::Nothing => {}
            }
        }
    }

    fn told(&self, name: &str) -> Value {
        let operation = &self.operations[name];
        let (metadata, resource) = match &operation.effect {
            Effect::Database(_, database) => ("CreateDatabaseMetadata", database.clone()),
            Effect::Index(name) => ("IndexOperationMetadata", json!({"name": name})),
            Effect::Ttl(name) => ("FieldOperationMetadata", json!({"name": name})),
            Effect::Nothing => ("FieldOperationMetadata", json!({})),
        };
        let kind = |kind: &str| json!(format!("type.googleapis.com/google.firestore.admin.v1.{kind}"));
        let mut told = json!({"name": name, "metadata": {"@type": kind(metadata)}});
        if operation.left == 0 {
            told["done"] = json!(true);
            match &operation.done {
                Some(failed) => told["error"] = failed["error"].clone(),
                None => {
                    told["response"] = resource;
                    told["response"]["@type"] = kind(operation.kind);
                }
            }
        }
        told
    }
}

/// Two at a time, so that every list has pages.
fn page(request: &Request, name: &str, all: &[Value]) -> Value {
    let token = request.query.get("pageToken").filter(|token| !token.is_empty());
    let from: usize = token.map_or(0, |token| token.parse().unwrap());
    let mut page = json!({name: all.iter().skip(from).take(2).collect::<Vec<_>>()});
    if from + 2 < all.len() {
        page["nextPageToken"] = json!((from + 2).to_string());
    }
    page
}
