use audit_tree::Proof;
use axum::extract::State;
use kernel::AuditId;
use model::audit::{AUDIT, AuditEntry};
use model::patient::PATIENTS;
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Code, Json, Path, Problems};

use crate::admin::is_admin;
use crate::{ledger, tree_error};

/// When a fresh entry is sealed at the latest, in seconds, where all is well.
const SEALED_AFTER: u64 = 180;

/// Shows that an entry is in the log that a checkpoint signs. `shared/audit-tree/verify_proof.py` checks it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditProof {
    /// The entry.
    entry_id: AuditId,
    /// Its number in the tree, from 0.
    #[schema(example = 42)]
    index: u64,
    /// How many entries the tree has.
    #[schema(example = 300)]
    tree_size: u64,
    /// The entry's hash: SHA-256 of a zero byte and the leaf, in hexadecimal digits, as all hashes here.
    leaf_hash: String,
    /// The leaf: exactly what was hashed. `null` for the patient whom the entry is about, since it names the address and the
    /// device of whoever acted.
    leaf: Option<String>,
    /// The hashes beside the way from the leaf to the root (RFC 9162, section 2.1.3).
    path: Vec<String>,
    /// The root of the tree.
    root: String,
    /// The checkpoint, which says size and root: a JWS, signed with a key of `/.well-known/jwks.json`.
    checkpoint: String,
}

/// Prove that an entry is in the audit log
///
/// For administrators, whoever did what the entry says, and the patients whose charts it is about.
#[utoipa::path(
    get, path = "/api/v1/audit-logs/{entryId}/proof", tag = "audit", security(("bearer" = [])),
    params(("entryId" = AuditId, Path, description = "The entry")),
    responses((status = 200, body = AuditProof, description = "The proof"), Problems),
)]
pub(crate) async fn get_proof(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<AuditId>,
) -> Result<Json<AuditProof>, ApiError> {
    caller.trail.action("audit.prove").entity("audit-entry", &id);
    caller.must_see_phi()?;
    let no_entry = || ApiError::not_found("audit entry");
    let entry = caller.store.get(&AUDIT, id.as_str()).await?.ok_or_else(no_entry)?.value;
    let may_see_all = is_admin(&caller) || entry.user_id.as_ref() == Some(caller.user());
    if !may_see_all && !is_about(&caller, &entry).await? {
        caller.trail.denied("not-the-subject");
        return Err(no_entry());
    }
    let proof = ledger(&app, &caller.store).prove(&id).await.map_err(tree_error)?.ok_or_else(not_sealed)?;
    let Proof { index, size, leaf, leaf_hash, path, root, checkpoint } = proof;
    Ok(Json(AuditProof {
        entry_id: id,
        index,
        tree_size: size,
        leaf_hash: hex::encode(leaf_hash),
        leaf: may_see_all.then_some(leaf),
        path: path.iter().map(hex::encode).collect(),
        root: hex::encode(root),
        checkpoint,
    }))
}

/// Whether one of the charts is the caller's own.
async fn is_about(caller: &Caller, entry: &AuditEntry) -> Result<bool, ApiError> {
    let ids: Vec<String> = entry.patients.iter().map(ToString::to_string).collect();
    let patients = caller.store.get_many(&PATIENTS, &ids).await?;
    Ok(patients.into_iter().flatten().any(|patient| patient.value.user_id.as_ref() == Some(caller.user())))
}

fn not_sealed() -> ApiError {
    ApiError::new(
        Code::NotFound,
        "The entry is there and not sealed yet, so it has no proof. Ask again in a few minutes.",
    )
    .detail("sealed", false)
    .retry_after(SEALED_AFTER)
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::audit::{AUDIT, AuditEntry};
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use crate::testing::{entry_of, seal, write};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        admins_actor_and_subject_get_it, others_learn_nothing, a_fresh_entry_waits, an_altered_entry_has_none,
    }

    fn path(id: &str) -> String {
        format!("/api/v1/audit-logs/{id}/proof")
    }

    /// What a doctor did with the chart of a patient who has an account.
    async fn entry(app: &TestApp) -> (String, TestUser, TestUser) {
        let (doctor, pat) = (app.user(Role::Doctor, "Dan").await, app.user(Role::Patient, "Pat").await);
        let patient = app.patient(&doctor, "Pat").await;
        app.link(&patient, &pat.id).await;
        let id = write(app, entry_of(app, "patient.read", doctor.id.as_str()).patient(&patient)).await;
        (id, doctor, pat)
    }

    async fn admins_actor_and_subject_get_it(app: TestApp) {
        let (id, doctor, pat) = entry(&app).await;
        let admin = app.user(Role::Admin, "Ada").await;
        seal(&app).await;
        for user in [&admin, &doctor] {
            let proof = app.get(&path(&id)).by(user).expect(200).await;
            let leaf: Value = serde_json::from_str(proof["leaf"].as_str().unwrap()).unwrap();
            assert_eq!((&leaf["id"], &leaf["entry"]["action"]), (&json!(id), &json!("patient.read")));
            assert_eq!((&proof["entryId"], &proof["index"], &proof["treeSize"]), (&json!(id), &json!(0), &json!(1)));
            assert_eq!(proof["root"], proof["leafHash"], "a tree of one");
            assert_eq!(proof["checkpoint"].as_str().unwrap().split('.').count(), 3);
        }
        let theirs = app.get(&path(&id)).by(&pat).expect(200).await;
        assert_eq!((&theirs["leaf"], &theirs["index"]), (&json!(null), &json!(0)), "not from where the doctor read it");
        let log = app.audit_log().await;
        let read = log.iter().find(|entry| entry.user_id.as_ref() == Some(&pat.id)).unwrap();
        assert_eq!((read.action.as_str(), read.entity_id.as_deref()), ("audit.prove", Some(id.as_str())));
    }

    async fn others_learn_nothing(app: TestApp) {
        let (id, ..) = entry(&app).await;
        seal(&app).await;
        for role in [Role::Doctor, Role::Patient, Role::Family, Role::Receptionist] {
            let other = app.user(role, "Otto").await;
            let there = app.get(&path(&id)).by(&other).expect(404).await;
            let not_there = app.get(&path("nothing")).by(&other).expect(404).await;
            assert_eq!(there["error"], not_there["error"], "{role}");
        }
        let unverified = app.user_verified(Role::Admin, "Uma", false).await;
        app.get(&path(&id)).by(&unverified).refused(403, "FORBIDDEN").await;
        app.get(&path(&id)).refused(401, "UNAUTHORIZED").await;
        app.get("/api/v1/audit-logs/a.b/proof").by(&unverified).refused(400, "VALIDATION_ERROR").await;
    }

    async fn a_fresh_entry_waits(app: TestApp) {
        let (id, doctor, _) = entry(&app).await;
        let answer = app.get(&path(&id)).by(&doctor).send().await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]["details"]["sealed"]), (404, &json!(false)));
        assert_eq!(answer.headers.get("retry-after").unwrap(), "180");
    }

    async fn an_altered_entry_has_none(app: TestApp) {
        let (id, doctor, pat) = entry(&app).await;
        seal(&app).await;
        let entry: AuditEntry = app.store.get(&AUDIT, &id).await.unwrap().unwrap().value;
        let altered = AuditEntry { action: "patient.list".to_owned(), ..entry };
        app.store.transact("tamper", async |tx| tx.put(&AUDIT, &id, &altered)).await.unwrap();
        for user in [doctor, pat] {
            app.get(&path(&id)).by(&user).refused(500, "INTERNAL_SERVER_ERROR").await;
        }
    }
}
