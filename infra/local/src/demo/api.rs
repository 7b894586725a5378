use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::accounts::{self, Account};

const PATIENCE: Duration = Duration::from_secs(30);

/// Whether a ConsentMD server answers there.
pub(crate) async fn is_up(url: &str) -> bool {
    let Ok(client) = connect::http::client(Duration::from_secs(1)) else { return false };
    let Ok(response) = client.get(format!("{url}/health")).send().await else { return false };
    response.json::<Value>().await.is_ok_and(|body| body["functions"].is_array())
}

/// Someone who is signed in.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) token: String,
    url: String,
    client: reqwest::Client,
}

impl Person {
    pub(crate) async fn sign_in(url: &str, account: &Account) -> anyhow::Result<Self> {
        let client = connect::http::client(PATIENCE)?;
        let body = json!({"email": account.email, "password": accounts::PASSWORD});
        let request = client.post(format!("{url}/api/v1/auth/login")).header("x-tenant", accounts::TENANT);
        let answer = answer(request.json(&body).send().await?, "sign in").await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("the sign-in's answer is not complete");
        Ok(Self {
            id: text(&answer["user"]["id"])?,
            name: text(&answer["user"]["name"])?,
            token: text(&answer["token"])?,
            url: url.to_owned(),
            client,
        })
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        answer(request.send().await?, path).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.post_with(path, body, &[]).await
    }

    pub(crate) async fn post_with(&self, path: &str, body: Value, headers: &[(&str, &str)]) -> anyhow::Result<Value> {
        let mut request = self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.json(&body).send().await?, path).await
    }
}

async fn answer(response: reqwest::Response, what: &str) -> anyhow::Result<Value> {
    let status = response.status();
    let body: Value = response.json().await.unwrap_or(Value::Null);
    if !status.is_success() {
        bail!("{what}: {status}: {}", body["error"]["message"].as_str().unwrap_or("no message"));
    }
    Ok(body)
}
