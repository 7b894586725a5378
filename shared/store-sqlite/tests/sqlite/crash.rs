//! `kill -9` takes nothing that was acknowledged, and leaves no half of a commit.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;
use store::{Backend, Document, Precondition, Query};
use store_sqlite::SqliteBackend;

use crate::{database, folder, put_if};

/// Set for the child only: where it writes, and in which round.
const CHILD_FOLDER: &str = "STORE_SQLITE_CRASH_FOLDER";
const CHILD_ROUND: &str = "STORE_SQLITE_CRASH_ROUND";
const ROUNDS: usize = 3;
const TASKS: usize = 8;

/// Runs itself as a child that commits without end, kills it in the middle, and looks what is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_commits_survive_a_kill() {
    if let (Ok(folder), Ok(round)) = (std::env::var(CHILD_FOLDER), std::env::var(CHILD_ROUND)) {
        return commit_without_end(PathBuf::from(folder), round).await;
    }
    let folder = folder("crash");
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::acknowledged_commits_survive_a_kill", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD_FOLDER, &folder)
            .env(CHILD_ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut take =
            |line: String| line.strip_prefix("acknowledged ").is_some_and(|id| acknowledged.insert(id.to_owned()));
        let mut seen = 0;
        while seen < 150 + 100 * round {
            let line = lines.next().expect("the child goes on until it is killed").unwrap();
            seen += usize::from(take(line));
        }
        child.kill().unwrap();
        // What it had said before it died counts too; the last line may be cut.
        for line in lines.map_while(Result::ok).filter(|line| line.ends_with('.')) {
            take(line);
        }
        assert!(!child.wait().unwrap().success(), "the child was killed and did not end by itself");

        check(&folder, &acknowledged).await;
    }
    assert!(acknowledged.len() >= 750, "{}", acknowledged.len());
}

async fn check(folder: &std::path::Path, acknowledged: &BTreeSet<String>) {
    let backend = SqliteBackend::open(folder.to_owned(), Vec::new());
    let all = async |collection: &str| -> BTreeSet<String> {
        let documents = backend.query(&database("crash"), &Query::all(collection)).await.unwrap();
        documents.into_iter().map(|document: Document| document.key.id).collect()
    };
    let (notes, copies) = (all("notes").await, all("chats/c1/copies").await);
    let lost: Vec<&String> = acknowledged.difference(&notes).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged commits are lost: {lost:?}", lost.len(), acknowledged.len());
    assert_eq!(notes, copies, "both documents of a commit are there, or none");
    backend.close().await;
}

/// Several tasks, so that commits go in groups; two documents in each commit.
async fn commit_without_end(folder: PathBuf, round: String) {
    let backend = Arc::new(SqliteBackend::open(folder, Vec::new()));
    let commit_forever = |task: usize| {
        let (backend, round) = (Arc::clone(&backend), round.clone());
        async move {
            for n in 0_u64.. {
                let id = format!("{round}-{task}-{n}.");
                let fields = json!({"text": "x".repeat(300)});
                let writes = [
                    put_if("notes", &id, fields.clone(), Precondition::Absent),
                    put_if("chats/c1/copies", &id, fields, Precondition::Absent),
                ];
                backend.commit(&database("crash"), &writes).await.unwrap();
                writeln!(std::io::stdout().lock(), "acknowledged {id}").unwrap();
            }
        }
    };
    join_all((0..TASKS).map(|task| tokio::spawn(commit_forever(task)))).await;
}
