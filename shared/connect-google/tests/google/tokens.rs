//! Access tokens, and Gemini on Vertex AI by them. The token server checks what a service account signs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use connect::gemini::{GeminiClient, GeminiError, GenerateJson, TokenSource};
use connect_google::{GoogleTokens, NoToken, VertexAi};
use futures::future::try_join_all;
use kernel::{OsRandom, Phi};
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const EMAIL: &str = "scribe@p.iam.gserviceaccount.com";

/// A service account: its file, and the key that checks what it signs.
struct Account {
    _folder: TempDir,
    file: PathBuf,
    public: Vec<u8>,
}

fn account(server: &MockServer) -> Account {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key).unwrap();
    let lines: Vec<String> = STANDARD
        .encode(der.as_ref())
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    let account = json!({
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k1",
        "private_key": pem,
        "client_email": EMAIL,
        "client_id": "1",
        "token_uri": format!("{}/token", server.uri())
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("account.json");
    std::fs::write(&file, account.to_string()).unwrap();
    Account { _folder: folder, file, public: key.public_key().as_ref().to_vec() }
}

/// Google's token server: gives `token-1`, `token-2`, .. to whom it knows.
struct TokenServer {
    public: Vec<u8>,
    given: AtomicU32,
    expires_in: u32,
}

impl Respond for TokenServer {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let fields: Vec<(String, String)> = form_urlencoded::parse(&request.body).into_owned().collect();
        let field = |name: &str| fields.iter().find(|(known, _)| known == name).unwrap().1.clone();
        assert_eq!(field("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let assertion = field("assertion");
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public);
        public.verify(signed.as_bytes(), &URL_SAFE.decode(signature).unwrap()).unwrap();
        let claims = URL_SAFE.decode(signed.rsplit_once('.').unwrap().1).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["iss"], EMAIL);
        assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        let token = format!("token-{number}");
        let body = json!({"access_token": token, "expires_in": self.expires_in, "token_type": "Bearer"});
        ResponseTemplate::new(200).set_body_json(body)
    }
}

async fn token_server(server: &MockServer, expires_in: u32) -> Account {
    let account = account(server);
    let respond = TokenServer { public: account.public.clone(), given: AtomicU32::new(0), expires_in };
    Mock::given(method("POST")).and(path("/token")).respond_with(respond).mount(server).await;
    account
}

async fn gemini_answers(server: &MockServer, token: &str) {
    let answer = json!({"candidates": [{"content": {"parts": [{"text": "{\"a\": 1}"}]}, "finishReason": "STOP"}]});
    let at = "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-test:generateContent";
    Mock::given(method("POST"))
        .and(path(at))
        .and(header("authorization", format!("Bearer {token}").as_str()))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .mount(server)
        .await;
}

fn gemini(server: &MockServer, tokens: GoogleTokens) -> GeminiClient {
    let vertex = VertexAi::new("p", "us-central1", Some(server.uri()));
    let settings = vertex.settings("gemini-test", Arc::new(tokens)).unwrap();
    GeminiClient::new(settings.with_patience(1, Duration::ZERO)).unwrap()
}

async fn ask(gemini: &GeminiClient) -> Result<Value, GeminiError> {
    let ask = GenerateJson {
        instruction: "Write.".to_owned(),
        prompt: Phi::new("words".to_owned()),
        schema: json!({"type": "OBJECT"}),
        max_output_tokens: 64,
    };
    gemini.generate_json(&ask, &OsRandom).await.map(Phi::into_disclosed)
}

async fn asked_for_tokens(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().iter().filter(|request| request.url.path() == "/token").count()
}

#[tokio::test]
async fn gemini_on_vertex_ai_is_called_with_a_token_that_is_kept() {
    let server = MockServer::start().await;
    let account = token_server(&server, 3600).await;
    gemini_answers(&server, "token-1").await;
    let gemini = gemini(&server, GoogleTokens::of_service_account(&account.file));
    assert_eq!(asked_for_tokens(&server).await, 0, "nothing is asked before it is needed");
    for _ in 0..3 {
        assert_eq!(ask(&gemini).await.unwrap(), json!({"a": 1}));
    }
    assert_eq!(asked_for_tokens(&server).await, 1);
}

/// A token that ends within 20 s is not used again.
#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let server = MockServer::start().await;
    let account = token_server(&server, 15).await;
    gemini_answers(&server, "token-1").await;
    gemini_answers(&server, "token-2").await;
    let gemini = gemini(&server, GoogleTokens::of_service_account(&account.file));
    for _ in 0..2 {
        ask(&gemini).await.unwrap();
    }
    assert_eq!(asked_for_tokens(&server).await, 2);
}

#[tokio::test]
async fn all_who_wait_get_one_token() {
    let server = MockServer::start().await;
    let account = token_server(&server, 3600).await;
    let tokens = GoogleTokens::of_service_account(&account.file);
    try_join_all((0..20).map(|_| tokens.access_token())).await.unwrap();
    assert_eq!(asked_for_tokens(&server).await, 1);
}

#[tokio::test]
async fn a_token_that_is_not_given_may_be_later() {
    let server = MockServer::start().await;
    let account = account(&server);
    let refused = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
    let refused = ResponseTemplate::new(400).set_body_json(refused);
    Mock::given(path("/token")).respond_with(refused).mount(&server).await;
    let tokens = GoogleTokens::of_service_account(&account.file);
    let error = tokens.access_token().await.unwrap_err();
    let why = error.0.downcast_ref::<NoToken>().unwrap();
    assert!(matches!(why, NoToken::NotGiven(_)), "{why:?}");
    let told = format!("{error:?} {why} {tokens:?}");
    assert!(!told.contains("PRIVATE KEY"), "{told}");

    server.reset().await;
    let respond = TokenServer { public: account.public.clone(), given: AtomicU32::new(0), expires_in: 3600 };
    Mock::given(path("/token")).respond_with(respond).mount(&server).await;
    tokens.access_token().await.unwrap();
}

#[tokio::test]
async fn credentials_that_are_none_say_what_to_do() {
    let tokens = GoogleTokens::of_service_account("/nowhere/account.json");
    let error = tokens.access_token().await.unwrap_err();
    let told = error.0.downcast_ref::<NoToken>().unwrap().to_string();
    assert!(told.contains("GOOGLE_APPLICATION_CREDENTIALS"), "{told}");
    let server = MockServer::start().await;
    let failure = ask(&gemini(&server, tokens)).await.unwrap_err();
    assert!(matches!(failure, GeminiError::NoToken(_)), "{failure:?}");
    assert!(server.received_requests().await.unwrap().is_empty(), "no words leave without a token");
}
