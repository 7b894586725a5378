//! The Gemini client against a local server that answers as Google does.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect::gemini::{
    Credential, GeminiClient, GeminiError, GeminiSettings, GenerateJson, SecretText, TokenSource, TokenUnavailable,
};
use kernel::{OsRandom, Phi};
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn ask() -> GenerateJson {
    GenerateJson {
        instruction: "Write a note.".to_owned(),
        prompt: Phi::new("canary words of a patient".to_owned()),
        schema: json!({"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}),
        max_output_tokens: 1024,
    }
}

fn key() -> Credential {
    Credential::ApiKey(SecretText::new("test-key".to_owned()))
}

fn client_with(server: &MockServer, credential: Credential) -> GeminiClient {
    client_at(&server.uri(), credential)
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn client_at(address: &str, credential: Credential) -> GeminiClient {
    let settings = GeminiSettings::new(&format!("{address}/v1beta"), "gemini-test", credential)
        .unwrap()
        .with_timeout(Duration::from_secs(5))
        .with_patience(3, Duration::from_millis(40));
    GeminiClient::new(settings).unwrap()
}

fn finished(text: &str) -> Value {
    json!({
        "candidates": [{
            "content": {"parts": [{"text": text}], "role": "model"},
            "finishReason": "STOP",
            "index": 0,
            "avgLogprobs": -0.07
        }],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
        "modelVersion": "gemini-test-001",
        "responseId": "x"
    })
}

/// Asks once a server that always answers with this.
async fn answered(status: u16, body: Value) -> Result<Value, GeminiError> {
    let server = MockServer::start().await;
    let response = ResponseTemplate::new(status).set_body_json(body);
    Mock::given(method("POST")).respond_with(response).mount(&server).await;
    client_with(&server, key()).generate_json(&ask(), &OsRandom).await.map(Phi::into_disclosed)
}

#[tokio::test]
async fn the_request_is_what_google_expects_and_the_key_is_in_a_header() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1beta/models/gemini-test:generateContent"))
        .and(header("x-goog-api-key", "test-key"))
        .and(body_partial_json(json!({
            "systemInstruction": {"parts": [{"text": "Write a note."}]},
            "contents": [{"role": "user", "parts": [{"text": "canary words of a patient"}]}],
            "generationConfig": {
                "temperature": 0,
                "maxOutputTokens": 1024,
                "responseMimeType": "application/json",
                "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}
            }
        })))
        .respond_with(ResponseTemplate::new(200).set_body_json(finished("{\"a\": \"b\"}")))
        .expect(1)
        .mount(&server)
        .await;

    let answer = client_with(&server, key()).generate_json(&ask(), &OsRandom).await.unwrap();
    assert_eq!(answer.disclose(), &json!({"a": "b"}));
    assert_eq!(server.received_requests().await.unwrap()[0].url.query(), None);
}

struct FixedToken;

#[async_trait]
impl TokenSource for FixedToken {
    async fn access_token(&self) -> Result<SecretText, TokenUnavailable> {
        Ok(SecretText::new("test-token".to_owned()))
    }
}

#[tokio::test]
async fn vertex_ai_gets_an_access_token() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer test-token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(finished("{}")))
        .expect(1)
        .mount(&server)
        .await;
    let client = client_with(&server, Credential::AccessToken(Arc::new(FixedToken)));
    assert_eq!(client.generate_json(&ask(), &OsRandom).await.unwrap().disclose(), &json!({}));
}

#[tokio::test]
async fn thinking_is_left_out_and_parts_are_joined() {
    let parts = json!([{"text": "Let me see", "thought": true}, {"text": "{\"a\":"}, {"text": "1}"}]);
    let body = json!({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]});
    assert_eq!(answered(200, body).await.unwrap(), json!({"a": 1}));
}

#[tokio::test]
async fn a_blocked_prompt_or_answer_is_told_apart() {
    let prompt = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": []}});
    let error = answered(200, prompt).await.unwrap_err();
    assert_eq!(error.to_string(), "Gemini blocked the prompt (PROHIBITED_CONTENT)");

    let ratings = json!([{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true}]);
    let answer = json!({"candidates": [{"finishReason": "SAFETY", "index": 0, "safetyRatings": ratings}]});
    let error = answered(200, answer).await.unwrap_err();
    assert_eq!(error.to_string(), "Gemini blocked the answer (SAFETY)");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_cut_off_answer_is_no_answer_even_where_it_parses() {
    let body = json!({"candidates": [{"content": {"parts": [{"text": "{}"}]}, "finishReason": "MAX_TOKENS"}]});
    let error = answered(200, body).await.unwrap_err();
    assert!(matches!(error, GeminiError::Truncated) && !error.is_retryable());
}

#[tokio::test]
async fn an_answer_that_is_not_json_says_so_without_repeating_it() {
    let unfinished = json!({"candidates": [{"content": {"parts": [{"text": "{}"}]}, "finishReason": "OTHER"}]});
    let bodies = [finished("Here is canary"), finished(""), json!({"candidates": []}), json!(["canary"]), unfinished];
    for body in bodies {
        let error = answered(200, body).await.unwrap_err();
        assert!(matches!(error, GeminiError::NotUnderstood(_)), "{error:?}");
        assert!(error.is_retryable() && !format!("{error} {error:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused_for_good() {
    let body = json!({"error": {"code": 403, "message": "canary", "status": "PERMISSION_DENIED"}});
    let error = answered(403, body).await.unwrap_err();
    assert!(error.to_string().contains("HTTP 403 PERMISSION_DENIED"), "{error}");
    assert!(!error.is_retryable() && !format!("{error} {error:?}").contains("canary"));
    let odd = answered(400, json!({"error": {"status": "canary <b>"}})).await.unwrap_err();
    assert!(odd.to_string().contains("HTTP 400 UNKNOWN"), "{odd}");
}

fn quota_used_up(delay: &str) -> ResponseTemplate {
    ResponseTemplate::new(429).set_body_json(json!({"error": {
        "code": 429,
        "message": "You exceeded your current quota.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "PerMinute"}]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
        ]
    }}))
}

async fn serve_in_turn(first: ResponseTemplate, first_times: u64) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(first).up_to_n_times(first_times).mount(&server).await;
    let then = ResponseTemplate::new(200).set_body_json(finished("{\"a\": 2}"));
    Mock::given(method("POST")).respond_with(then).mount(&server).await;
    server
}

#[tokio::test]
async fn a_429_is_tried_again_after_the_time_google_names() {
    let server = serve_in_turn(quota_used_up("0.02s"), 2).await;
    let answer = client_with(&server, key()).generate_json(&ask(), &OsRandom).await.unwrap();
    assert_eq!(answer.disclose(), &json!({"a": 2}));
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn retries_end() {
    let server = serve_in_turn(quota_used_up("0.001s"), 99).await;
    let error = client_with(&server, key()).generate_json(&ask(), &OsRandom).await.unwrap_err();
    assert!(matches!(error, GeminiError::RateLimited { retry_after: Some(_) }), "{error:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_wait_that_no_caller_has_is_handed_back_at_once() {
    for limited in [quota_used_up("34s"), ResponseTemplate::new(429).insert_header("retry-after", "34")] {
        let server = serve_in_turn(limited, 99).await;
        let error = client_with(&server, key()).generate_json(&ask(), &OsRandom).await.unwrap_err();
        let expected = Some(Duration::from_secs(34));
        assert!(matches!(error, GeminiError::RateLimited { retry_after } if retry_after == expected), "{error:?}");
        assert!(error.is_retryable());
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_500_with_a_page_of_html_is_tried_again() {
    let server = serve_in_turn(ResponseTemplate::new(500).set_body_string("<html>500</html>"), 1).await;
    client_with(&server, key()).generate_json(&ask(), &OsRandom).await.unwrap();
    assert_eq!(server.received_requests().await.unwrap().len(), 2);

    let error = answered(503, json!({"error": {"code": 503, "status": "UNAVAILABLE"}})).await.unwrap_err();
    assert!(matches!(error, GeminiError::Unavailable { status: 503, .. }) && error.is_retryable());
}

#[tokio::test]
async fn silence_ends_with_the_timeout_and_costs_one_attempt() {
    let server = serve_in_turn(ResponseTemplate::new(200).set_delay(Duration::from_secs(60)), 99).await;
    let settings = GeminiSettings::new(&server.uri(), "m", key()).unwrap().with_timeout(Duration::from_millis(50));
    let error = GeminiClient::new(settings).unwrap().generate_json(&ask(), &OsRandom).await.unwrap_err();
    assert!(matches!(error, GeminiError::TimedOut) && error.is_retryable(), "{error:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_there_is_an_error_that_tells_no_secret() {
    let free_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = client_at(&format!("http://{free_port}"), key());
    let error = client.generate_json(&ask(), &OsRandom).await.unwrap_err();
    assert!(matches!(error, GeminiError::Unreachable(_)), "{error:?}");
    assert!(!format!("{error:?} {client:?}").contains("test-key"));
}

#[tokio::test]
async fn a_key_with_a_line_break_is_named_as_the_cause() {
    let server = MockServer::start().await;
    let broken = Credential::ApiKey(SecretText::new("test\nkey".to_owned()));
    let error = client_with(&server, broken).generate_json(&ask(), &OsRandom).await.unwrap_err();
    assert!(matches!(error, GeminiError::UnusableCredential));
}
