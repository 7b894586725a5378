//! A `consentmd` process of its own, and people who use it over HTTP.
#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses a part of this")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// A server process. It is killed when this goes away.
pub struct Server {
    pub url: String,
    child: Child,
    output: Arc<Mutex<String>>,
}

impl Server {
    /// Starts one on a free port, and waits until it serves.
    pub fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_consentmd"))
            .arg("run")
            .env_clear()
            .env("DATA_DIR", data)
            .env("PORT", "0")
            .env("LOG", "debug,h2=info,hyper=info")
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let output = Arc::new(Mutex::new(String::new()));
        let (sender, receiver) = std::sync::mpsc::channel();
        let (kept, stdout) = (output.clone(), child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("ConsentMD serves at ") {
                    let _ = sender.send(url.to_owned());
                }
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let url = receiver.recv_timeout(Duration::from_secs(60)).expect("the server starts within a minute");
        Self { url, child, output }
    }

    /// All that it printed so far.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// As a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As Ctrl-C and Cloud Run do: SIGTERM. Answers whether it ended well.
    pub fn terminate(mut self) -> bool {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Someone who is signed in.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub token: String,
    client: reqwest::Client,
    url: String,
}

impl Person {
    /// A demo account.
    pub async fn demo(server: &Server, who: &str) -> Self {
        let body = json!({"email": format!("{who}@demo.example"), "password": "consentmd-demo"});
        Self::enter(server, "/api/v1/auth/login", body, "user").await
    }

    /// A new account.
    pub async fn register(server: &Server, body: Value) -> Self {
        Self::enter(server, "/api/v1/auth/register", body, "data").await
    }

    async fn enter(server: &Server, path: &str, body: Value, user: &str) -> Self {
        let client = connect::http::client(Duration::from_secs(30)).unwrap();
        let answer = client.post(format!("{}{path}", server.url)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        let answer: Value = answer.json().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self { id: text(&answer[user]["id"]), token: text(&answer["token"]), client, url: server.url.clone() }
    }

    /// The same person at the same server's next process, which has the same keys.
    pub fn at(&self, server: &Server) -> Self {
        Self { url: server.url.clone(), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.token).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.try_post(path, body).await.unwrap()
    }

    /// `None` where the server went away.
    pub async fn try_post(&self, path: &str, body: Value) -> Option<Value> {
        let sent = self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.token).json(&body).send().await;
        let answer = sent.ok()?;
        let status = answer.status();
        let body: Value = answer.json().await.ok()?;
        assert!(status.is_success(), "{path}: {body}");
        Some(body)
    }
}

/// Asks again until the answer fits, for at most 30 seconds.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("within 30 s: {what}"))
}
