//! Socket.IO, with the client that nobody here wrote.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use kernel::Role;
use serde_json::json;
use testkit::{TestApp, TestUser};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::common::{end_session, listen, make_chat, notify};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/js/socket_io.mjs");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_websocket() {
    with_client(&["websocket"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_polling() {
    with_client(&["polling"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_polling_and_then_websocket() {
    with_client(&["polling", "websocket"]).await;
}

/// Whether the client is there. Says that a test is skipped without it, and fails where `REQUIRE_NODE=1`.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn has_client() -> bool {
    let installed = Path::new(SCRIPT).with_file_name("node_modules/socket.io-client").exists();
    let node = std::process::Command::new("node").arg("--version").stdout(Stdio::null()).status().is_ok();
    if installed && node {
        return true;
    }
    assert!(
        std::env::var("REQUIRE_NODE").is_err(),
        "run `npm ci` in functions/realtime/tests/js; node has to be there"
    );
    eprintln!("skipped: needs node, and `npm ci` in functions/realtime/tests/js");
    false
}

async fn with_client(transports: &[&str]) {
    if !has_client() {
        return;
    }
    let app = TestApp::on_sqlite(vec![realtime::function()]).await;
    let ann = app.user(Role::Doctor, "Dr. Ann").await;
    let (bob, eve) = (app.user(Role::Patient, "Bob").await, app.user(Role::Patient, "Eve").await);
    let chat = make_chat(&app, &[&ann, &bob]).await;
    let address = listen(&app).await;
    let person = |user: &TestUser| json!({ "id": user.id, "token": user.token });
    let given = json!({
        "url": format!("http://{address}"), "transports": transports, "chat": chat,
        "ann": person(&ann), "bob": person(&bob), "eve": person(&eve),
    });
    let mut client = Command::new("node")
        .args([SCRIPT, &given.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut answers = client.stdin.take().unwrap();
    let mut asked = BufReader::new(client.stdout.take().unwrap()).lines();
    let script = async {
        while let Some(line) = asked.next_line().await.unwrap() {
            match line.as_str() {
                "do: notify" => drop(notify(&app, &chat, &[&bob.id], None).await),
                "do: end eve's session" => end_session(&app, &eve).await,
                "do: stop" => app.stop().await,
                other => panic!("the script says: {other}"),
            }
            answers.write_all(b"done\n").await.unwrap();
        }
        client.wait().await.unwrap()
    };
    let ended = tokio::time::timeout(Duration::from_secs(90), script).await.expect("the script ends in time");
    assert!(ended.success(), "the script failed; see above");
}
