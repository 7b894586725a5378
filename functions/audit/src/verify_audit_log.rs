use std::time::Duration;

use audit_tree::{Problem, ProblemKind, Verification, Verify};
use axum::extract::State;
use garde::Validate;
use kernel::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Json, Problems, Query};

use crate::admin::Admin;
use crate::{ledger, tree_error};

/// How long one answer may take; a gateway waits 15 s.
const BUDGET: Duration = Duration::from_secs(8);

/// Which part to verify.
#[derive(Debug, Deserialize, Validate, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerifyQuery {
    /// From the checkpoint that begins with this entry on: `nextFrom` of the part before; 0 unless told.
    #[garde(skip)]
    from: Option<u64>,
    /// Up to the first checkpoint with so many entries; all of it unless told.
    #[garde(range(min = 1))]
    #[param(minimum = 1)]
    to: Option<u64>,
}

/// What verifying the audit log found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditVerification {
    /// Whether nothing is wrong in what was verified.
    intact: bool,
    /// What is wrong first, in the log's order.
    problem: Option<AuditProblem>,
    /// How many entries were verified.
    entries: u64,
    /// In how many checkpoints.
    checkpoints: u64,
    /// The size of the tree with the last of them.
    tree_size: u64,
    /// Its root: SHA-256, in hexadecimal digits.
    root: String,
    /// Up to which time it holds the log; entries are sealed when they are two minutes old.
    sealed_until: Option<Time>,
    /// How many entries were taken in late. In an intact log as well, whoever writes to it belatedly shows here.
    late_entries: u64,
    /// How many entries of a time that is sealed are not in the tree yet: late ones, which the hourly sweep takes in.
    waiting_entries: u64,
    /// Ask again with this as `from` for the rest; `null` where there is none.
    next_from: Option<u64>,
    /// When it was verified.
    verified_at: Time,
}

/// Something that is wrong with the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditProblem {
    /// What kind of thing.
    kind: AuditProblemKind,
    /// Which entry, where it is about one.
    entry_id: Option<String>,
    /// The entry's number in the tree, or that of the first that may be touched.
    index: Option<u64>,
    /// The entry's time.
    at: Option<String>,
    /// Which file or document, where it is about one.
    #[schema(example = "clinic/audit/000000000000.json")]
    place: Option<String>,
    /// What is wrong.
    #[schema(example = "Entry 7c1e (number 42, of 2026-01-15T10:00:42.000Z) was altered after it was sealed.")]
    message: String,
}

/// What kind of thing is wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AuditProblemKind {
    /// An entry is not what was sealed.
    EntryAltered,
    /// An entry that was sealed is gone.
    EntryRemoved,
    /// An entry was put in after its time was sealed.
    EntryInserted,
    /// A checkpoint's file is gone.
    CheckpointMissing,
    /// A checkpoint's file is not what was written.
    CheckpointAltered,
    /// A document of the tree is not what the checkpoints make it.
    TreeAltered,
}

impl From<Problem> for AuditProblem {
    fn from(problem: Problem) -> Self {
        let Problem { kind, entry, number, at, place, message } = problem;
        let kind = match kind {
            ProblemKind::EntryAltered => AuditProblemKind::EntryAltered,
            ProblemKind::EntryRemoved => AuditProblemKind::EntryRemoved,
            ProblemKind::EntryInserted => AuditProblemKind::EntryInserted,
            ProblemKind::CheckpointMissing => AuditProblemKind::CheckpointMissing,
            ProblemKind::CheckpointAltered => AuditProblemKind::CheckpointAltered,
            ProblemKind::TreeAltered => AuditProblemKind::TreeAltered,
        };
        Self { kind, entry_id: entry, index: number, at, place, message }
    }
}

/// Verify the audit log
///
/// Checks the signed checkpoints, which stand in the file store, and that the database agrees with them: every entry that was
/// sealed is there as it was, none was put in since, and the tree that proofs are made of is theirs. Names the first thing that
/// is wrong. A long log is verified in parts: ask again from `nextFrom` until it is `null`.
#[utoipa::path(
    get, path = "/api/v1/audit-logs/verify", tag = "audit", security(("bearer" = [])),
    params(VerifyQuery),
    responses((status = 200, body = AuditVerification, description = "What was found"), Problems),
)]
pub(crate) async fn verify_audit_log(
    State(app): State<App>,
    Admin(caller): Admin,
    Query(query): Query<VerifyQuery>,
) -> Result<Json<AuditVerification>, ApiError> {
    caller.trail.action("audit.verify");
    let asked = Verify { from: query.from.unwrap_or(0), to: query.to, budget: Some(BUDGET) };
    let now = app.now();
    let found = ledger(&app, &caller.store).verify(asked, now).await.map_err(tree_error)?;
    let found = found.ok_or_else(|| {
        ApiError::field("from", "from: no checkpoint begins with this entry; take it from nextFrom, or begin with 0")
    })?;
    let Verification { entries, checkpoints, size, root, until, late, waiting, problem, next } = found;
    if let Some(problem) = &problem {
        tracing::error!(kind = ?problem.kind, entry = problem.entry, index = problem.number, "the audit log is not intact");
    }
    Ok(Json(AuditVerification {
        intact: problem.is_none(),
        problem: problem.map(Into::into),
        entries,
        checkpoints,
        tree_size: size,
        root,
        sealed_until: until,
        late_entries: late,
        waiting_entries: waiting,
        next_from: next,
        verified_at: now,
    }))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use model::audit::{AUDIT, AuditEntry};
    use serde_json::json;
    use testkit::TestApp;

    use crate::testing::{entry_of, seal, write};

    const PATH: &str = "/api/v1/audit-logs/verify";

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        an_altered_entry_is_named, a_log_is_verified_in_parts, only_admins_verify,
    }

    async fn an_altered_entry_is_named(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        let empty = app.get(PATH).by(&admin).expect(200).await;
        assert_eq!(
            (&empty["intact"], &empty["entries"], &empty["sealedUntil"]),
            (&json!(true), &json!(0), &json!(null))
        );
        write(&app, entry_of(&app, "note.read", "u1")).await;
        let id = write(&app, entry_of(&app, "note.read", "u2")).await;
        seal(&app).await;
        let intact = app.get(PATH).by(&admin).expect(200).await;
        assert_eq!(
            (&intact["intact"], &intact["problem"], &intact["nextFrom"]),
            (&json!(true), &json!(null), &json!(null))
        );
        // The entry of the verification before is the third.
        assert_eq!((&intact["entries"], &intact["checkpoints"]), (&json!(3), &json!(1)));
        assert_eq!(intact["root"].as_str().unwrap().len(), 64);

        let altered: AuditEntry = app.store.get(&AUDIT, &id).await.unwrap().unwrap().value;
        let altered = AuditEntry { user_id: Some("u9".parse().unwrap()), ..altered };
        app.store.transact("tamper", async |tx| tx.put(&AUDIT, &id, &altered)).await.unwrap();
        let named = app.get(PATH).by(&admin).expect(200).await;
        assert_eq!((&named["intact"], &named["problem"]["kind"]), (&json!(false), &json!("entry-altered")));
        assert_eq!(named["problem"]["entryId"], id);
        assert!(named["problem"]["message"].as_str().unwrap().contains("altered"));
    }

    async fn a_log_is_verified_in_parts(app: TestApp) {
        let admin = app.user(Role::ClinicAdmin, "Ada").await;
        for _ in 0..3 {
            write(&app, entry_of(&app, "note.read", "u1")).await;
            seal(&app).await;
        }
        let first = app.get(&format!("{PATH}?to=2")).by(&admin).expect(200).await;
        assert_eq!((&first["treeSize"], &first["nextFrom"]), (&json!(2), &json!(2)));
        let rest = app.get(&format!("{PATH}?from=2")).by(&admin).expect(200).await;
        assert_eq!((&rest["entries"], &rest["treeSize"], &rest["nextFrom"]), (&json!(1), &json!(3), &json!(null)));
        assert_eq!(app.get(&format!("{PATH}?from=77")).by(&admin).refused(400, "VALIDATION_ERROR").await, "from");
        assert_eq!(app.get(&format!("{PATH}?to=0")).by(&admin).refused(400, "VALIDATION_ERROR").await, "to");
        assert_eq!(app.get(&format!("{PATH}?from=-1")).by(&admin).refused(400, "VALIDATION_ERROR").await, "from");
    }

    async fn only_admins_verify(app: TestApp) {
        let doctor = app.user(Role::Doctor, "Dan").await;
        app.get(PATH).by(&doctor).refused(403, "FORBIDDEN").await;
        app.get(PATH).refused(401, "UNAUTHORIZED").await;
    }
}
