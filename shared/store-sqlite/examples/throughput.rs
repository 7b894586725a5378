//! Measures commits per second, one task and many: `cargo run --release -p store-sqlite --example throughput [folder]`.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use store::{Backend, Database, Fields, Key, Precondition, Write};
use store_sqlite::SqliteBackend;

const HOW_LONG: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("throughput.tmp"), PathBuf::from);
    let backend = Arc::new(SqliteBackend::open(folder.clone(), Vec::new()));
    for tasks in [1, 8, 64, 256] {
        let started = Instant::now();
        let counts = join_all((0..tasks).map(|task| tokio::spawn(commits(Arc::clone(&backend), tasks, task)))).await;
        let commits: u64 = counts.into_iter().collect::<Result<Vec<u64>, _>>()?.into_iter().sum();
        let per_second = commits as f64 / started.elapsed().as_secs_f64();
        writeln!(std::io::stdout(), "{tasks:>4} tasks: {per_second:>8.0} commits/s")?;
    }
    backend.close().await;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// Commits small documents for a while and says how many.
async fn commits(backend: Arc<SqliteBackend>, tasks: usize, task: usize) -> u64 {
    let database = Database {
        tenant: "bench".parse().expect("a tenant's name"),
        project: String::new(),
        name: "bench".to_owned(),
        prefix: String::new(),
    };
    let fields = Fields::from_iter([("text".to_owned(), "x".repeat(400).into())]);
    let started = Instant::now();
    let mut done = 0;
    while started.elapsed() < HOW_LONG {
        let key = Key::new(format!("chats/{tasks}-{task}/messages"), format!("{done:08}"));
        let write = Write::Put { key, fields: fields.clone(), expire_at: None, precondition: Precondition::Absent };
        backend.commit(&database, &[write]).await.expect("a commit");
        done += 1;
    }
    done
}
