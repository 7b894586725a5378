//! Recordings that are not heard, and what is told of it.

use connect::speech::{OperationName, Speech, SpeechError, StoredRecording};
use connect_google::{GoogleSpeech, GoogleSpeechConfig};
use kernel::Phi;
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::speech::{BATCH, OPERATION, RECOGNIZE, answers, done_with, listening, operation, speech};

/// Whatever a canary is in must not be told.
fn error(code: u16, status: &str) -> Value {
    json!({"error": {"code": code, "message": "canary words of a patient", "status": status}})
}

fn recording() -> StoredRecording {
    StoredRecording("gs://bucket/canary.flac".to_owned())
}

fn is_discreet(error: &SpeechError) {
    let mut told = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        told = format!("{told} {cause} {cause:?}");
        source = cause.source();
    }
    assert!(!told.contains("canary"), "{told}");
}

async fn fails(at: &str, code: u16, answer: Value) -> (SpeechError, usize) {
    let server = MockServer::start().await;
    Mock::given(path(at)).respond_with(ResponseTemplate::new(code).set_body_json(answer)).mount(&server).await;
    let error = match at {
        RECOGNIZE => speech(&server).transcribe(Phi::new(b"canary".to_vec()), &listening()).await.unwrap_err(),
        BATCH => speech(&server).start(&recording(), &listening()).await.unwrap_err(),
        _ => speech(&server).progress(&operation()).await.unwrap_err(),
    };
    is_discreet(&error);
    (error, server.received_requests().await.unwrap().len())
}

#[tokio::test]
async fn a_refusal_says_whether_to_try_again() {
    for (code, status, is_retryable, told) in [
        (400, "INVALID_ARGUMENT", false, "the speech service cannot use this recording"),
        (401, "UNAUTHENTICATED", false, "the speech service refuses the call (UNAUTHENTICATED)"),
        (403, "PERMISSION_DENIED", false, "the speech service refuses the call (PERMISSION_DENIED)"),
        (404, "NOT_FOUND", false, "the stored recording is not there"),
        (429, "RESOURCE_EXHAUSTED", true, "the speech service takes no more calls now"),
        (500, "INTERNAL", true, "the speech service is not available (INTERNAL)"),
        (504, "DEADLINE_EXCEEDED", true, "the speech service did not answer in time"),
    ] {
        let (failure, calls) = fails(BATCH, code, error(code, status)).await;
        assert_eq!(failure.is_retryable(), is_retryable, "{failure}");
        assert!(failure.to_string().starts_with(told), "{failure}");
        assert_eq!(calls, 1, "Google may have started an operation");
    }
}

#[tokio::test]
async fn an_overloaded_service_is_asked_again_where_that_does_nothing_twice() {
    let server = MockServer::start().await;
    let away = ResponseTemplate::new(503).set_body_json(error(503, "UNAVAILABLE"));
    Mock::given(path(RECOGNIZE)).respond_with(away).up_to_n_times(1).mount(&server).await;
    answers(&server, RECOGNIZE, json!({})).await;
    speech(&server).transcribe(Phi::new(vec![0]), &listening()).await.unwrap();
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
    let (failure, calls) = fails(BATCH, 503, error(503, "UNAVAILABLE")).await;
    assert!(failure.is_retryable());
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn what_is_too_large_is_not_sent() {
    let server = MockServer::start().await;
    let failure = speech(&server).transcribe(Phi::new(vec![0; 10_000_001]), &listening()).await.unwrap_err();
    assert!(matches!(failure, SpeechError::TooLong) && !failure.is_retryable());
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_not_repeated() {
    let wrong = json!({"results": [{"alternatives": "canary words"}]});
    let (failure, _) = fails(RECOGNIZE, 200, wrong).await;
    assert!(matches!(failure, SpeechError::NotUnderstood(_)), "{failure:?}");
    let (failure, _) = fails(BATCH, 200, json!({})).await;
    assert!(matches!(failure, SpeechError::NotUnderstood("the operation has no name")), "{failure:?}");
    let other = json!({"@type": "type.googleapis.com/google.protobuf.Empty", "canary": "canary"});
    for answer in [
        json!({"name": OPERATION, "done": true}),
        json!({"name": OPERATION, "done": true, "response": other}),
        done_with(json!({})),
        done_with(json!({"inlineResult": {"transcript": {"results": "canary"}}})),
    ] {
        let (failure, _) = fails(&format!("/v2/{OPERATION}"), 200, answer).await;
        assert!(matches!(failure, SpeechError::NotUnderstood(_)) && !failure.is_retryable(), "{failure:?}");
    }
}

/// The numbers are those of `google.rpc.Code`.
#[tokio::test]
async fn an_operation_that_failed_says_why() {
    let status = |code: i32| json!({"code": code, "message": "canary", "details": []});
    let failed = |code: i32| json!({"name": OPERATION, "done": true, "error": status(code)});
    let of_file = |code: i32| done_with(json!({"error": status(code)}));
    for (answer, told) in [
        (failed(13), "the speech service is not available (INTERNAL)"),
        (failed(3), "the speech service cannot use this recording"),
        (of_file(5), "the stored recording is not there"),
        (of_file(7), "the speech service refuses the call (PERMISSION_DENIED)"),
        (of_file(8), "the speech service takes no more calls now"),
    ] {
        let (failure, _) = fails(&format!("/v2/{OPERATION}"), 200, answer).await;
        assert!(failure.to_string().starts_with(told), "{failure}");
    }
}

#[tokio::test]
async fn an_operation_that_is_gone_is_to_be_started_anew() {
    let (failure, _) = fails(&format!("/v2/{OPERATION}"), 404, error(404, "NOT_FOUND")).await;
    assert!(matches!(failure, SpeechError::NoOperation) && !failure.is_retryable(), "{failure:?}");
    let server = MockServer::start().await;
    for name in ["", "simulated/file:a", "projects/p/locations/us/recognizers/_"] {
        let failure = speech(&server).progress(&OperationName(name.to_owned())).await.unwrap_err();
        assert!(matches!(failure, SpeechError::NoOperation), "{name}: {failure:?}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_connection() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let config = GoogleSpeechConfig::new("p", "us", "chirp_3").unwrap().at(format!("http://127.0.0.1:{port}"));
    let failure = GoogleSpeech::new(config).progress(&operation()).await.unwrap_err();
    assert!(failure.is_retryable(), "{failure:?}");
}
