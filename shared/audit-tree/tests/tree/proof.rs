use std::path::Path;
use std::process::Command;

use audit_tree::merkle::root_of_path;
use audit_tree::{Error, Proof};
use kernel::AuditId;
use serde_json::{Value, json};
use testkit::TestApp;

use crate::{RAW, ledger, sealed, write};

testkit::on_both_platforms! {
    functions: Vec::new;
    every_entry_has_a_proof,
    what_is_not_sealed_or_was_altered_has_none,
}

async fn prove(app: &TestApp, id: &str) -> Result<Option<Proof>, Error> {
    ledger(app).prove(&id.parse::<AuditId>().unwrap()).await
}

async fn every_entry_has_a_proof(app: TestApp) {
    let mut ids = sealed(&app, 290).await;
    ids.extend(sealed(&app, 1).await);
    ids.extend(sealed(&app, 230).await);
    for (number, id) in ids.iter().enumerate().filter(|(n, _)| n % 29 == 0 || (250..260).contains(n) || *n > 515) {
        let proof = prove(&app, id).await.unwrap().unwrap();
        assert_eq!((proof.index, proof.size), (number as u64, 521));
        assert_eq!(root_of_path(proof.index, proof.size, &proof.leaf_hash, &proof.path), Some(proof.root));
        let said = app.tokens.verify_statement(audit_tree::STATEMENT_TYPE, &proof.checkpoint).unwrap();
        assert_eq!((&said["size"], &said["root"]), (&json!(521), &json!(hex::encode(proof.root))));
        assert_eq!(serde_json::from_str::<Value>(&proof.leaf).unwrap()["id"], id.as_str());
    }
    let before = app.store.meter().counts();
    prove(&app, &ids[7]).await.unwrap();
    let counts = app.store.meter().counts() - before;
    assert!(counts.gets <= 4 && counts.documents_read <= 8, "a proof is cheap: {counts:?}");
}

async fn what_is_not_sealed_or_was_altered_has_none(app: TestApp) {
    let ids = sealed(&app, 3).await;
    let young = write(&app, 1).await;
    assert_eq!(prove(&app, &young[0]).await.unwrap(), None);
    assert_eq!(prove(&app, "nobody").await.unwrap(), None);
    let mut fields = app.store.get(&RAW, &ids[1]).await.unwrap().unwrap().value;
    fields["action"] = "patient.list".into();
    app.store.transact("tamper", async |tx| tx.put(&RAW, &ids[1], &fields)).await.unwrap();
    let error = prove(&app, &ids[1]).await.unwrap_err();
    assert!(matches!(error, Error::Broken { .. }) && !error.is_retryable(), "{error}");
}

/// Runs the script of the docs; `None` where there is no Python.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn python(proof: &Value) -> Option<(bool, String)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proof.json");
    std::fs::write(&file, proof.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verify_proof.py");
    let Ok(output) = Command::new("python3").arg(script).arg(&file).output() else {
        assert!(std::env::var("REQUIRE_EMULATORS").as_deref() != Ok("1"), "python3 is required and not there");
        eprintln!("skipped: there is no python3");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8(said).unwrap()))
}

#[tokio::test]
async fn the_script_of_the_docs_agrees() {
    let app = TestApp::on_sqlite(Vec::new()).await;
    let ids = sealed(&app, 300).await;
    for number in [0, 1, 255, 256, 299] {
        let proof = prove(&app, &ids[number]).await.unwrap().unwrap();
        let path: Vec<String> = proof.path.iter().map(hex::encode).collect();
        let good = json!({
            "entryId": ids[number], "index": proof.index, "treeSize": proof.size, "leaf": proof.leaf,
            "leafHash": hex::encode(proof.leaf_hash), "path": path, "root": hex::encode(proof.root),
            "checkpoint": proof.checkpoint,
        });
        let Some((is_good, said)) = python(&good) else { return };
        assert!(is_good && said.starts_with("OK: entry"), "{said}");
        let mut without_leaf = good.clone();
        without_leaf["leaf"] = Value::Null;
        assert!(python(&without_leaf).unwrap().0);

        if number != 255 {
            continue;
        }
        let other_leaf = proof.leaf.replace("patient.read", "patient.list");
        let other_root = hex::encode(audit_tree::merkle::leaf_hash(b"other"));
        let shorter = &path[..path.len() - 1];
        let tampered = [
            ("leaf", json!(other_leaf)),
            ("leafHash", json!(other_root)),
            ("index", json!((number + 1) % 300)),
            ("index", json!(300)),
            ("treeSize", json!(301)),
            ("path", json!(shorter)),
            ("root", json!(other_root)),
            ("entryId", json!("other")),
        ];
        for (field, value) in tampered {
            let mut bad = good.clone();
            bad[field] = value;
            let (is_good, said) = python(&bad).unwrap();
            assert!(!is_good && said.starts_with("BAD: "), "{field}: {said}");
        }
    }
}
