//! Recordings that are heard.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connect::speech::{Listening, OperationName, Progress, Speech, StoredRecording, Transcript};
use connect_google::{GoogleSpeech, GoogleSpeechConfig};
use kernel::Phi;
use serde_json::{Value, json};
use wiremock::matchers::{body_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(crate) const OPERATION: &str = "projects/p/locations/us/operations/9182736450";
pub(crate) const RECOGNIZE: &str = "/v2/projects/p/locations/us/recognizers/_:recognize";
pub(crate) const BATCH: &str = "/v2/projects/p/locations/us/recognizers/_:batchRecognize";

pub(crate) fn config(server: &MockServer) -> GoogleSpeechConfig {
    GoogleSpeechConfig::new("p", "us", "chirp_3").unwrap().at(server.uri())
}

pub(crate) fn speech(server: &MockServer) -> GoogleSpeech {
    GoogleSpeech::new(config(server))
}

pub(crate) fn listening() -> Listening {
    Listening { language: "en-US".to_owned(), speakers: Some((2, 4)) }
}

pub(crate) fn operation() -> OperationName {
    OperationName(OPERATION.to_owned())
}

pub(crate) async fn answers(server: &MockServer, at: &str, answer: Value) {
    Mock::given(path(at)).respond_with(ResponseTemplate::new(200).set_body_json(answer)).mount(server).await;
}

/// As Google sends it: offsets as durations, zero ones left out.
fn word(text: &str, start: Option<&str>, end: &str, speaker: &str) -> Value {
    let mut word = json!({"endOffset": end, "word": text, "speakerLabel": speaker});
    if let Some(start) = start {
        word["startOffset"] = json!(start);
    }
    word
}

fn heard() -> Value {
    json!([
        {
            "alternatives": [{
                "transcript": " How are you? Fine, thanks.",
                "confidence": 0.92,
                "words": [
                    word("How", None, "0.400s", "1"), word("are", Some("0.400s"), "0.600s", "1"),
                    word("you?", Some("0.600s"), "1.250s", "1"), word("Fine,", Some("1.900s"), "2.300s", "2"),
                    word("thanks.", Some("2.300s"), "2.960s", "2")
                ]
            }],
            "resultEndOffset": "3.100s",
            "languageCode": "en-us"
        },
        {
            "alternatives": [{
                "transcript": "And the knee?",
                "words": [
                    word("And", Some("3.500s"), "3.700s", "1"), word("the", Some("3.700s"), "3.800s", "1"),
                    word("knee?", Some("3.800s"), "4.005s", "1")
                ]
            }],
            "resultEndOffset": "4.500s",
            "languageCode": "en-us"
        },
        {"resultEndOffset": "60s", "languageCode": "en-us"}
    ])
}

fn lines(transcript: &Transcript) -> Vec<(u64, u64, &str, &str)> {
    let line = |segment: &'_ connect::speech::Segment| (segment.start_ms, segment.end_ms);
    let segments = transcript.segments.iter();
    segments.map(|s| (line(s).0, line(s).1, s.speaker.as_deref().unwrap_or("?"), s.text.disclose().as_str())).collect()
}

fn expected() -> Vec<(u64, u64, &'static str, &'static str)> {
    vec![(0, 1250, "1", "How are you?"), (1900, 2960, "2", "Fine, thanks."), (3500, 4005, "1", "And the knee?")]
}

fn recognition() -> Value {
    json!({
        "model": "chirp_3",
        "languageCodes": ["en-US"],
        "features": {
            "enableWordTimeOffsets": true,
            "enableAutomaticPunctuation": true,
            "diarizationConfig": {"minSpeakerCount": 2, "maxSpeakerCount": 4}
        },
        "autoDecodingConfig": {}
    })
}

#[tokio::test]
async fn a_short_recording_is_heard_at_once() {
    let server = MockServer::start().await;
    let sent = json!({"config": recognition(), "content": STANDARD.encode(b"fLaC sound")});
    let answer = json!({"results": heard(), "metadata": {"requestId": "6f", "totalBilledDuration": "60s"}});
    Mock::given(method("POST"))
        .and(path(RECOGNIZE))
        .and(body_json(sent))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .expect(1)
        .mount(&server)
        .await;
    let transcript = speech(&server).transcribe(Phi::new(b"fLaC sound".to_vec()), &listening()).await.unwrap();
    assert_eq!(lines(&transcript), expected());
    assert!(!transcript.is_simulated);
    let confidence: Vec<_> = transcript.segments.iter().map(|segment| segment.confidence).collect();
    assert_eq!(confidence, [Some(0.92), Some(0.92), None]);
    assert!(!format!("{transcript:?}").contains("knee"));
}

/// A job that crashed asks again in another process, by the name alone.
#[tokio::test]
async fn a_stored_recording_is_heard_by_an_operation() {
    let server = MockServer::start().await;
    let sent = json!({
        "config": recognition(),
        "files": [{"uri": "gs://bucket/tenant/recording.flac"}],
        "recognitionOutputConfig": {"inlineResponseConfig": {}}
    });
    let metadata = json!({
        "@type": "type.googleapis.com/google.cloud.speech.v2.OperationMetadata",
        "createTime": "2026-01-15T10:00:00.000001Z",
        "updateTime": "2026-01-15T10:00:02.000001Z",
        "resource": "projects/p/locations/us/recognizers/_",
        "method": "google.cloud.speech.v2.Speech.BatchRecognize",
        "progressPercent": 35
    });
    Mock::given(method("POST"))
        .and(path(BATCH))
        .and(body_json(sent))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"name": OPERATION})))
        .expect(1)
        .mount(&server)
        .await;
    let running = json!({"name": OPERATION, "metadata": metadata, "done": false});
    Mock::given(method("GET"))
        .and(path(format!("/v2/{OPERATION}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(running))
        .up_to_n_times(1)
        .mount(&server)
        .await;

    let recording = StoredRecording("gs://bucket/tenant/recording.flac".to_owned());
    let name = speech(&server).start(&recording, &listening()).await.unwrap();
    assert_eq!(name, operation());
    let kept: OperationName = serde_json::from_str(&serde_json::to_string(&name).unwrap()).unwrap();
    assert_eq!(speech(&server).progress(&kept).await.unwrap(), Progress::Running { percent: Some(35) });
    answers(
        &server,
        &format!("/v2/{OPERATION}"),
        done_with(json!({"inlineResult": {"transcript": {"results": heard()}}})),
    )
    .await;
    let Progress::Done(transcript) = speech(&server).progress(&kept).await.unwrap() else { panic!("it is done") };
    assert_eq!(lines(&transcript), expected());
}

pub(crate) fn done_with(file: Value) -> Value {
    let response = json!({
        "@type": "type.googleapis.com/google.cloud.speech.v2.BatchRecognizeResponse",
        "results": {"gs://bucket/tenant/recording.flac": file},
        "totalBilledDuration": "5s"
    });
    json!({"name": OPERATION, "done": true, "response": response})
}

async fn transcribed(results: Value) -> Transcript {
    let server = MockServer::start().await;
    answers(&server, RECOGNIZE, json!({"results": results})).await;
    speech(&server).transcribe(Phi::new(vec![0]), &listening()).await.unwrap()
}

#[tokio::test]
async fn silence_is_a_transcript_without_segments() {
    assert_eq!(transcribed(json!([])).await.segments, []);
    assert_eq!(transcribed(json!([{"alternatives": [], "resultEndOffset": "3s"}])).await.segments, []);
    let server = MockServer::start().await;
    for file in [json!({"inlineResult": {}}), json!({"inlineResult": {"transcript": {}}, "error": {}})] {
        server.reset().await;
        answers(&server, &format!("/v2/{OPERATION}"), done_with(file)).await;
        let silence = Transcript { segments: Vec::new(), is_simulated: false };
        assert_eq!(speech(&server).progress(&operation()).await.unwrap(), Progress::Done(silence));
    }
}

#[tokio::test]
async fn without_the_words_times_those_of_whole_results_count() {
    let transcript = transcribed(json!([
        {"alternatives": [{"transcript": "One."}], "resultEndOffset": "1.500s"},
        {"alternatives": [{"transcript": "Two.", "words": [{"word": "Two.", "speakerLabel": "2"}]}], "resultEndOffset": "4s"},
        {"alternatives": [{"transcript": "Three."}]}
    ]))
    .await;
    assert_eq!(lines(&transcript), [(0, 1500, "?", "One."), (1500, 4000, "2", "Two."), (4000, 4000, "?", "Three.")]);
}

/// Languages without spaces keep their text; where words and transcript differ, the words are what is known of turns.
#[tokio::test]
async fn the_text_of_a_turn_is_cut_out_of_the_transcript() {
    let words = |texts: [&str; 3]| {
        json!([
            word(texts[0], None, "1s", "1"),
            word(texts[1], Some("1s"), "2s", "1"),
            word(texts[2], Some("2s"), "3s", "2")
        ])
    };
    for (transcript, spoken, first, second) in [
        ("頭が痛いそうです", ["頭が", "痛い", "そうです"], "頭が痛い", "そうです"),
        ("\"No no,\" no.", ["No", "no,", "no."], "\"No no,\"", "no."),
        ("Dr. Smith five", ["doctor", "smith", "5"], "doctor smith", "5"),
    ] {
        let alternative = json!({"transcript": transcript, "words": words(spoken)});
        let result = transcribed(json!([{"alternatives": [alternative], "resultEndOffset": "3s"}])).await;
        assert_eq!(lines(&result), [(0, 2000, "1", first), (2000, 3000, "2", second)]);
    }
}

#[tokio::test]
async fn features_are_asked_for_as_configured() {
    let server = MockServer::start().await;
    answers(&server, RECOGNIZE, json!({})).await;
    let speech = GoogleSpeech::new(config(&server).without_word_times());
    let alone = Listening { language: "es-US".to_owned(), speakers: None };
    speech.transcribe(Phi::new(vec![0]), &alone).await.unwrap();
    let several = Listening { speakers: Some((0, 0)), ..alone };
    speech.transcribe(Phi::new(vec![0]), &several).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let features = |n: usize| requests[n].body_json::<Value>().unwrap()["config"]["features"].clone();
    assert_eq!(features(0), json!({"enableAutomaticPunctuation": true}));
    assert_eq!(features(1)["diarizationConfig"], json!({"minSpeakerCount": 1, "maxSpeakerCount": 1}));
}

#[tokio::test]
async fn nothing_is_asked_before_it_is_needed() {
    let server = MockServer::start().await;
    let speech = speech(&server);
    assert_eq!(
        (speech.name(), format!("{speech:?}").as_str()),
        ("google-speech-to-text", "GoogleSpeech(projects/p/locations/us/recognizers/_)")
    );
    assert!(server.received_requests().await.unwrap().is_empty());
}
