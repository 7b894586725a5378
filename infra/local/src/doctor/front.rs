use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::Finding;

/// What a client meets at the address that it is given.
pub(super) async fn check(url: &str) -> Vec<Finding> {
    let url = url.trim_end_matches('/');
    vec![
        Finding::of(
            format!("{url} shows the public keys"),
            public_keys(url).await,
            "The gateway checks tokens by these: see that its configuration is deployed, and that DNS and certificate are there",
        ),
        Finding::of(
            format!("{url} turns away who brings no token"),
            refusal(url).await,
            "See which backend answers there: `gcloud api-gateway gateways describe` and the function's log",
        ),
    ]
}

async fn public_keys(url: &str) -> anyhow::Result<()> {
    let (status, body) = get(&format!("{url}/.well-known/jwks.json")).await?;
    ensure!(status == 200, "it answers {status}");
    let keys = body["keys"].as_array().map_or(0, Vec::len);
    ensure!(keys > 0, "the answer has no keys");
    Ok(())
}

/// The gateway's refusal or the function's: 401 in any case.
async fn refusal(url: &str) -> anyhow::Result<()> {
    let (status, _) = get(&format!("{url}/api/v1/users/me")).await?;
    ensure!(status == 401, "it answers {status} instead of 401");
    Ok(())
}

async fn get(url: &str) -> anyhow::Result<(u16, Value)> {
    let client = connect::http::client(Duration::from_secs(15))?;
    let answer = client.get(url).send().await.context("no answer")?;
    let status = answer.status().as_u16();
    Ok((status, answer.json().await.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn server(keys: Value, status: u16) -> MockServer {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_json(keys);
        Mock::given(path("/.well-known/jwks.json")).respond_with(answer).mount(&server).await;
        Mock::given(path("/api/v1/users/me")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
        server
    }

    #[tokio::test]
    async fn a_front_that_shows_keys_and_refuses_is_well() {
        let good = server(json!({"keys": [{"kid": "1"}]}), 401).await;
        let findings = check(&good.uri()).await;
        assert!(findings.len() == 2 && findings.iter().all(|finding| !finding.is_wrong()), "{findings:?}");
    }

    #[tokio::test]
    async fn keys_that_are_missing_and_doors_that_are_open_are_told() {
        let bad = server(json!({"keys": []}), 200).await;
        let findings = check(&format!("{}/", bad.uri())).await;
        assert!(findings.iter().all(Finding::is_wrong), "{findings:?}");
        assert!(findings[1].to_string().contains("answers 200 instead of 401"), "{findings:?}");
        let nobody = check("http://127.0.0.1:9").await;
        assert!(nobody.iter().all(|finding| finding.to_string().contains("no answer")), "{nobody:?}");
    }
}
