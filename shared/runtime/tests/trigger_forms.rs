//! The forms in which the same event can arrive, as recorded or documented (see `fixtures`).

#![expect(clippy::unwrap_used, reason = "test helpers fail by panicking, as the tests do")]

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use model::chat::Happening;
use model::event::{ChatLogGrew, Envelope, Event};
use runtime::decode_envelope;

/// The headers and the body of a request's text.
fn request(text: &str) -> (HeaderMap, &[u8]) {
    let (head, body) = text.split_once("\n\n").unwrap();
    let headers = head.lines().skip(1).map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
    });
    (headers.collect(), body.as_bytes())
}

fn log_grew() -> Envelope {
    let event =
        ChatLogGrew { chat_id: "chat-1".parse().unwrap(), log_seq: 7, happening: Happening::MessageSent { seq: 3 } };
    Envelope {
        id: "event-1".parse().unwrap(),
        name: ChatLogGrew::NAME.to_owned(),
        tenant: "clinic-a".parse().unwrap(),
        occurred_at: "2024-01-15T10:00:00Z".parse().unwrap(),
        lane: event.lane(),
        data: serde_json::to_value(event).unwrap(),
    }
}

#[test]
fn an_event_is_the_same_in_every_form() {
    for (form, text) in [
        ("wrapped push", include_str!("fixtures/pubsub-wrapped.http")),
        ("unwrapped push", include_str!("fixtures/pubsub-unwrapped.http")),
        ("CloudEvent, binary", include_str!("fixtures/cloudevent-binary.http")),
        ("CloudEvent, structured", include_str!("fixtures/cloudevent-structured.http")),
        ("CloudEvent, structured, base64", include_str!("fixtures/cloudevent-structured-base64.http")),
    ] {
        let (headers, body) = request(text);
        let decoded = decode_envelope(&headers, body);
        assert_eq!(decoded.unwrap_or_else(|error| panic!("{form}: {error}")), log_grew(), "{form}");
    }
}

#[test]
fn a_schedulers_call_is_no_event() {
    let (headers, body) = request(include_str!("fixtures/scheduler.http"));
    assert_eq!(headers["x-cloudscheduler"], "true");
    decode_envelope(&headers, body).unwrap_err();
}
