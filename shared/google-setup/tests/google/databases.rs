//! A tenant's database against a server that answers as Firestore's Admin API does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::QUICK;
use crate::support::firestore::{FakeFirestore, Refusal};
use google_setup::{DatabasePlan, Databases, FirestorePlan, Made, Problem, SetupError, Waits};
use serde_json::json;

const NAME: &str = "projects/p/databases/north";

fn plan() -> DatabasePlan {
    let file = json!({
        "indexes": {
            "audit-action-at": {"collection": "audit", "nested": false, "fields": [
                {"path": "action", "order": "ASCENDING"}, {"path": "at", "order": "DESCENDING"}]},
            "messages-words-sequence": {"collection": "messages", "nested": true, "fields": [
                {"path": "words", "array": "CONTAINS"}, {"path": "sequence", "order": "ASCENDING"}]},
            "sessions-user-at": {"collection": "sessions", "nested": false, "fields": [
                {"path": "user", "order": "ASCENDING"}, {"path": "at", "order": "ASCENDING"}]}
        },
        "ttl": [{"collection": "sessions", "nested": false}], "ttlField": "_expireAt",
        "unindexed": [{"collection": "audit", "nested": false, "field": "at"},
                      {"collection": "users", "nested": false, "field": "_write"}]
    });
    let firestore: FirestorePlan = serde_json::from_value(file).unwrap();
    DatabasePlan::new("north".parse().unwrap(), "nam5", firestore)
}

/// A database as Terraform makes it, told with enums by name.
fn existing() -> serde_json::Value {
    json!({"name": NAME, "uid": "8f2b0f4c-6f0c-4f7e-9a3e-1f1d2b3c4d5e", "locationId": "nam5", "type": "FIRESTORE_NATIVE",
        "concurrencyMode": "PESSIMISTIC", "versionRetentionPeriod": "604800s", "appEngineIntegrationMode": "DISABLED",
        "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED", "databaseEdition": "STANDARD",
        "deleteProtectionState": "DELETE_PROTECTION_ENABLED", "etag": "IPDXmJbl8PoDMPLA0tOY4vkC"})
}

fn with_existing(fake: &FakeFirestore) {
    fake.with(|state| drop(state.databases.insert(NAME.to_owned(), existing())));
}

#[tokio::test]
async fn a_database_is_made_with_all_it_needs_and_waited_for() {
    let (fake, project) = FakeFirestore::start().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let databases = Databases::new(project).telling(move |step| heard.lock().unwrap().push(step.to_string()));
    assert_eq!(databases.check(&plan()).await.unwrap(), [Problem::NoDatabase { database: NAME.to_owned() }]);
    assert_eq!(databases.ensure(&plan()).await.unwrap(), Made::Made);

    let created = &fake.requests("POST", "/v1/projects/p/databases")[0];
    assert_eq!(created.query["databaseId"], "north");
    // FIRESTORE_NATIVE, PITR and delete protection enabled, STANDARD.
    let wanted = json!({"locationId": "nam5", "type": 1, "pointInTimeRecoveryEnablement": 1, "deleteProtectionState": 2,
        "databaseEdition": 1});
    assert_eq!(created.body, wanted);
    let mut changes = fake.changes();
    changes[1..].sort();
    assert_eq!(
        changes,
        [
            "POST projects/p/databases",
            "PATCH D/collectionGroups/audit/fields/at",
            "PATCH D/collectionGroups/sessions/fields/_expireAt",
            "PATCH D/collectionGroups/users/fields/_write",
            "POST D/backupSchedules",
            "POST D/backupSchedules",
            "POST D/collectionGroups/audit/indexes",
            "POST D/collectionGroups/messages/indexes",
            "POST D/collectionGroups/sessions/indexes",
        ]
    );
    assert!(databases.check(&plan()).await.unwrap().is_empty());
    let told = told.lock().unwrap();
    assert_eq!(told[0], format!("asked for {NAME}"));
    let index = format!("index messages (words contains, sequence) in {NAME} is there");
    assert!(told.contains(&index), "{told:#?}");
}

#[tokio::test]
async fn indexes_settings_and_schedules_are_asked_for_exactly() {
    let (fake, project) = FakeFirestore::start().await;
    let plan = DatabasePlan {
        prefix: "north-".to_owned(),
        encryption_key: Some("projects/p/locations/us/keyRings/r/cryptoKeys/firestore".to_owned()),
        ..plan()
    };
    Databases::new(project).ensure(&plan).await.unwrap();
    let body = |method: &str, path: &str| {
        let requests = fake.requests(method, path);
        assert_eq!(requests.len(), 1, "{path}");
        requests[0].body.clone()
    };
    let key = &fake.requests("POST", "/v1/projects/p/databases")[0].body["cmekConfig"];
    assert_eq!(*key, json!({"kmsKeyName": "projects/p/locations/us/keyRings/r/cryptoKeys/firestore"}));
    // Scope COLLECTION; ASCENDING is 1, DESCENDING 2, CONTAINS 1.
    assert_eq!(
        body("POST", "/collectionGroups/north-audit/indexes"),
        json!({"queryScope": 1, "fields": [{"fieldPath": "action", "order": 1}, {"fieldPath": "at", "order": 2}]})
    );
    assert_eq!(
        body("POST", "/collectionGroups/messages/indexes"),
        json!({"queryScope": 1, "fields": [{"fieldPath": "words", "arrayConfig": 1}, {"fieldPath": "sequence", "order": 1}]})
    );
    let ttl = format!("{NAME}/collectionGroups/north-sessions/fields/_expireAt");
    assert_eq!(body("PATCH", &ttl), json!({"name": ttl, "ttlConfig": {}, "indexConfig": {}}));
    assert_eq!(fake.requests("PATCH", &ttl)[0].query["updateMask"], "ttlConfig,indexConfig");
    let unindexed = format!("{NAME}/collectionGroups/north-users/fields/_write");
    assert_eq!(body("PATCH", &unindexed), json!({"name": unindexed, "indexConfig": {}}));
    assert_eq!(fake.requests("PATCH", &unindexed)[0].query["updateMask"], "indexConfig");
    let schedules: Vec<_> = fake.requests("POST", "/backupSchedules").into_iter().map(|r| r.body).collect();
    assert_eq!(
        schedules,
        [
            json!({"retention": "604800s", "dailyRecurrence": {}}),
            json!({"retention": "8467200s", "weeklyRecurrence": {"day": 7}})
        ]
    );
}

#[tokio::test]
async fn what_is_there_is_left_alone() {
    let (fake, project) = FakeFirestore::start().await;
    let databases = Databases::new(project);
    databases.ensure(&plan()).await.unwrap();
    let before = fake.changes().len();
    assert_eq!(databases.ensure(&plan()).await.unwrap(), Made::WasThere);
    assert_eq!(fake.changes().len(), before);
}

#[tokio::test]
async fn a_database_of_terraforms_gets_only_what_it_lacks() {
    let (fake, project) = FakeFirestore::start().await;
    with_existing(&fake);
    let index = json!({"name": format!("{NAME}/collectionGroups/audit/indexes/CICAgOi3"), "queryScope": "COLLECTION",
        "fields": [{"fieldPath": "action", "order": "ASCENDING"}, {"fieldPath": "at", "order": "DESCENDING"},
                   {"fieldPath": "__name__", "order": "DESCENDING"}], "state": "READY", "density": "SPARSE_ALL"});
    let field = json!({"name": format!("{NAME}/collectionGroups/sessions/fields/_expireAt"), "ttlConfig": {"state": "ACTIVE"},
        "indexConfig": {"usesAncestorConfig": true, "indexes": [{"queryScope": "COLLECTION", "state": "READY",
            "fields": [{"fieldPath": "*", "order": "ASCENDING"}]}]}});
    fake.with(|state| {
        state.indexes.push(index);
        state.fields.insert(field["name"].as_str().unwrap().to_owned(), field);
        state.schedules.push(json!({"name": "s", "retention": "259200s", "dailyRecurrence": {}}));
        state.schedules.push(json!({"name": "w", "retention": "8467200s", "weeklyRecurrence": {"day": "MONDAY"}}));
    });
    let databases = Databases::new(project);
    let told: Vec<String> = databases.check(&plan()).await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "index messages (words contains, sequence) is missing",
            "index sessions (user, at) is missing",
            "audit.at is indexed and should not be",
            "sessions._expireAt is indexed and should not be",
            "users._write is indexed and should not be",
            "the time that daily backups are kept is 3 days, not 7 days",
        ]
    );
    assert!(fake.changes().is_empty());
    assert_eq!(databases.ensure(&plan()).await.unwrap(), Made::WasThere);
    let expiry = fake.requests("PATCH", "/sessions/fields/_expireAt");
    assert_eq!(expiry[0].query["updateMask"], "indexConfig");
    assert_eq!(fake.changes().len(), 5, "{:?}", fake.changes());
}

#[tokio::test]
async fn a_database_with_other_settings_is_refused_and_not_touched() {
    let (fake, project) = FakeFirestore::start().await;
    let mut other = existing();
    other["locationId"] = json!("eur3");
    other["type"] = json!("DATASTORE_MODE");
    other["pointInTimeRecoveryEnablement"] = json!("POINT_IN_TIME_RECOVERY_DISABLED");
    other["deleteProtectionState"] = json!("DELETE_PROTECTION_DISABLED");
    fake.with(|state| drop(state.databases.insert(NAME.to_owned(), other)));
    let databases = Databases::new(project);
    let error = databases.ensure(&plan()).await.unwrap_err();
    let told = error.to_string();
    assert!(matches!(error, SetupError::Differs { ref problems, .. } if problems.len() == 4), "{told}");
    assert_eq!(
        told,
        format!(
            "{NAME} is there already, but not as planned; nothing was changed: location is eur3, not nam5; type is \
             DATASTORE_MODE, not FIRESTORE_NATIVE; point-in-time recovery is off, not on; delete protection is off, not on"
        )
    );
    assert!(fake.changes().is_empty());
    let problems = databases.check(&plan()).await.unwrap();
    assert!(problems.iter().any(|p| p.to_string() == "point-in-time recovery is off, not on"), "{problems:?}");
    assert!(problems.iter().any(|p| p.to_string() == "there is no weekly backup schedule"), "{problems:?}");
}

#[tokio::test]
async fn a_run_that_ends_anywhere_is_finished_by_the_next() {
    let (fake, project) = FakeFirestore::start().await;
    let databases = Databases::new(project);
    let mut plan = plan();
    plan.firestore.indexes.pop_first();
    plan.firestore.unindexed.clear();
    databases.ensure(&plan).await.unwrap();
    let requests = fake.with(|state| state.requests.len());
    for number in 0..requests {
        fake.with(|state| {
            *state = crate::support::firestore::State::default();
            state.takes = 1;
            state.crash_at = Some(number);
        });
        // How often is asked depends on what runs at the same time; a run that asked less was not hit.
        let first = databases.ensure(&plan).await;
        let hit = fake.with(|state| state.requests.len() > number);
        assert_eq!(first.is_err(), hit, "request {number}: {first:?}");
        assert!(hit || number > 8, "request {number}");
        fake.with(|state| state.crash_at = None);
        databases.ensure(&plan).await.unwrap();
        assert!(databases.check(&plan).await.unwrap().is_empty(), "request {number}");
        let made = fake.with(|state| (state.indexes.len(), state.fields.len(), state.schedules.len()));
        assert_eq!(made, (2, 1, 2), "request {number}");
    }
}

#[tokio::test]
async fn what_another_run_asked_for_is_waited_for() {
    let (fake, project) = FakeFirestore::start_waiting(Waits { overall: Duration::from_millis(100), ..QUICK }).await;
    with_existing(&fake);
    fake.with(|state| state.takes = u32::MAX);
    let databases = Databases::new(project.clone());
    let error = databases.ensure(&plan()).await.unwrap_err();
    assert!(matches!(error, SetupError::NotInTime { .. }), "{error}");
    assert!(error.to_string().ends_with("run the same command again, which goes on from there"), "{error}");
    let problems = databases.check(&plan()).await.unwrap();
    assert!(problems.contains(&Problem::IndexNotReady { index: "sessions (user, at)".to_owned() }), "{problems:?}");
    assert!(problems.contains(&Problem::TtlNotActive { field: "sessions._expireAt".to_owned() }), "{problems:?}");
    assert!(problems.iter().all(Problem::passes), "{problems:?}");

    let changes = fake.changes().len();
    let ready = |state: &mut crate::support::firestore::State| {
        state.indexes.iter_mut().for_each(|index| index["state"] = json!(2));
        state
            .fields
            .values_mut()
            .filter(|f| f.get("ttlConfig").is_some())
            .for_each(|f| f["ttlConfig"] = json!({"state": 2}));
    };
    let databases = Databases::new(project.waiting(QUICK));
    let waiting = tokio::spawn(async move { databases.ensure(&plan()).await });
    while fake.requests("GET", "/fields").len() < 12 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    fake.with(ready);
    assert_eq!(waiting.await.unwrap().unwrap(), Made::WasThere);
    assert_eq!(fake.changes().len(), changes);
}

#[tokio::test]
async fn an_operation_that_fails_says_why() {
    let (fake, project) = FakeFirestore::start().await;
    fake.with(|state| state.operation_fails = Some(("/projects/p/databases", "the key cannot be used")));
    let databases = Databases::new(project);
    let error = databases.ensure(&plan()).await.unwrap_err().to_string();
    assert_eq!(error, format!("{NAME} failed: FAILED_PRECONDITION: the key cannot be used"));

    with_existing(&fake);
    fake.with(|state| state.operation_fails = Some(("/audit/indexes", "too many index entries")));
    let error = databases.ensure(&plan()).await.unwrap_err().to_string();
    let index = format!("index audit (action, at descending) in {NAME}");
    assert_eq!(error, format!("{index} failed: FAILED_PRECONDITION: too many index entries"));
    // The other ones are there, and the next run tells what to do with the broken one.
    assert_eq!(databases.check(&plan()).await.unwrap().len(), 1);
    let error = databases.ensure(&plan()).await.unwrap_err().to_string();
    assert!(error.contains("audit (action, at descending) needs repair"), "{error}");
    assert!(error.contains("delete the index"), "{error}");
}

#[tokio::test]
async fn expiry_that_needs_repair_is_asked_for_again() {
    let (fake, project) = FakeFirestore::start().await;
    with_existing(&fake);
    fake.with(|state| state.operation_fails = Some(("/fields/_expireAt", "a document is in the way")));
    let databases = Databases::new(project);
    databases.ensure(&plan()).await.unwrap_err();
    let problems = databases.check(&plan()).await.unwrap();
    assert_eq!(problems, [Problem::NoTtl { field: "sessions._expireAt".to_owned() }]);
    fake.with(|state| state.operation_fails = None);
    databases.ensure(&plan()).await.unwrap();
    let expiry = fake.requests("PATCH", "/fields/_expireAt");
    assert_eq!(
        expiry.iter().map(|r| r.query["updateMask"].as_str()).collect::<Vec<_>>(),
        ["ttlConfig,indexConfig", "ttlConfig"]
    );
}

#[tokio::test]
async fn a_refusal_names_the_role_and_a_full_project_what_to_do() {
    let (fake, project) = FakeFirestore::start().await;
    let databases = Databases::new(project);
    let refuse = |method, path_has, answer| {
        fake.with(|state| state.refusals = vec![Refusal { method, path_has, times: 1, answer }]);
    };
    refuse("POST", "/databases", (403, "PERMISSION_DENIED", "The caller does not have permission"));
    let error = databases.ensure(&plan()).await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("create of {NAME} was refused: the account needs datastore.databases.create")),
        "{error}"
    );
    assert!(error.contains("roles/datastore.owner"), "{error}");
    refuse("POST", "/databases", (429, "RESOURCE_EXHAUSTED", "Project p exceeded its quota."));
    let error = databases.ensure(&plan()).await.unwrap_err();
    assert!(matches!(error, SetupError::Quota { .. }), "{error}");
    assert!(error.to_string().contains("a project has 100 databases"), "{error}");
    assert_eq!(fake.requests("POST", "/databases").len(), 2);

    with_existing(&fake);
    refuse("POST", "/indexes", (403, "PERMISSION_DENIED", "no"));
    let error = databases.ensure(&plan()).await.unwrap_err().to_string();
    assert!(error.contains("roles/datastore.indexAdmin"), "{error}");
    refuse("POST", "/backupSchedules", (403, "PERMISSION_DENIED", "no"));
    let error = databases.ensure(&plan()).await.unwrap_err().to_string();
    assert!(error.contains("roles/datastore.backupSchedulesAdmin"), "{error}");
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let (fake, project) = FakeFirestore::start().await;
    let unavailable = (503, "UNAVAILABLE", "try again");
    let aborted = (409, "ABORTED", "Aborted due to cross-transaction contention.");
    let refuse = |method, path_has, times, answer| Refusal { method, path_has, times, answer };
    fake.with(|state| {
        state.refusals = vec![
            refuse("POST", "/databases", 1, unavailable),
            refuse("GET", "/operations/", 2, unavailable),
            refuse("POST", "/indexes", 3, aborted),
            refuse("PATCH", "/fields/", 1, aborted),
            refuse("POST", "/backupSchedules", 1, unavailable),
        ];
    });
    assert_eq!(Databases::new(project).ensure(&plan()).await.unwrap(), Made::Made);
    assert!(fake.with(|state| state.refusals.iter().all(|refusal| refusal.times == 0)));
}

#[tokio::test]
async fn a_database_that_somebody_makes_at_the_same_time_is_waited_for() {
    let (fake, project) = FakeFirestore::start().await;
    let exists = (409, "ALREADY_EXISTS", "Database already exists. Please use another database_id");
    fake.with(|state| {
        state.refusals = vec![Refusal { method: "POST", path_has: "/databases", times: 1, answer: exists }]
    });
    let databases = Databases::new(project);
    let waiting = tokio::spawn(async move { databases.ensure(&plan()).await });
    while fake.requests("GET", NAME).len() < 4 {
        tokio::task::yield_now().await;
    }
    with_existing(&fake);
    assert_eq!(waiting.await.unwrap().unwrap(), Made::WasThere);
}
