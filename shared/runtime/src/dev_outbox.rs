//! `GET /dev/outbox`: what simulated messengers would have sent, so that a person with a laptop can read a sign-in code or
//! follow a link. Only on one machine; see [`DevOutbox`].

use std::fmt::Write;
use std::sync::Arc;

use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use connect::messages::SimulatedMessage;
use http::{HeaderMap, header};
use serde_json::{Value, json};
use web::{ApiError, App};

use crate::DevOutbox;

const PATH: &str = "/dev/outbox";

pub(crate) fn routes(outbox: DevOutbox) -> Router<App> {
    Router::new().route(PATH, get(show)).layer(Extension(Arc::new(outbox)))
}

async fn show(outbox: Extension<Arc<DevOutbox>>, headers: HeaderMap) -> Result<Response, ApiError> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    // A page elsewhere could make a browser on this machine ask by a name that it points here.
    if !outbox.open_to_others && !is_this_machine(text(header::HOST)) {
        return Err(ApiError::not_found("path"));
    }
    let mut messages = Vec::new();
    for tenant in outbox.messages.tenants() {
        messages.extend(outbox.messages.messages(&tenant).into_iter().rev().map(|message| (tenant.clone(), message)));
    }
    if text(header::ACCEPT).contains("text/html") {
        return Ok(Html(page(messages.iter().map(|(tenant, message)| (tenant.as_str(), message)))).into_response());
    }
    let data: Vec<Value> = messages.iter().map(|(tenant, message)| as_json(tenant.as_str(), message)).collect();
    Ok(axum::Json(json!({"simulated": true, "data": data})).into_response())
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn as_json(tenant: &str, message: &SimulatedMessage) -> Value {
    json!({
        "tenant": tenant,
        "channel": message.channel,
        "kind": message.kind,
        "to": message.to.disclose(),
        "subject": message.subject.disclose(),
        "text": message.text.disclose(),
        "delivery": message.delivery,
        "at": message.at,
    })
}

fn page<'a>(messages: impl Iterator<Item = (&'a str, &'a SimulatedMessage)>) -> String {
    let mut body = String::new();
    for (tenant, message) in messages {
        let SimulatedMessage { channel, to, subject, text, delivery, at, .. } = message;
        let (to, subject, text) = (escaped(to.disclose()), escaped(subject.disclose()), escaped(text.disclose()));
        // Writing to a String does not fail.
        let _ = write!(
            body,
            "<hr><p><b>{subject}</b><br>{channel} to {to}, clinic {tenant}, {at}, {delivery:?}</p><pre>{}</pre>",
            linked(&text)
        );
    }
    if body.is_empty() {
        body.push_str("<p>Nothing yet.</p>");
    }
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>SIMULATED messages</title>\
         <h1>SIMULATED messages</h1><p>None of these left this machine. Newest first; gone when the process ends.</p>{body}</html>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Lines that are addresses, as links.
fn linked(escaped: &str) -> String {
    let line = |line: &str| match line.starts_with("http://") || line.starts_with("https://") {
        true => format!("<a href=\"{line}\">{line}</a>"),
        false => line.to_owned(),
    };
    escaped.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_this_machine() {
        for here in ["localhost", "localhost:8080", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080", "LOCALHOST:1"] {
            assert!(is_this_machine(here), "{here}");
        }
        for elsewhere in
            ["", "evil.example", "evil.example:8080", "localhost.evil.example", "10.0.0.1:8080", "[fe80::1]"]
        {
            assert!(!is_this_machine(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn what_is_shown_is_text() {
        assert_eq!(escaped("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
        assert_eq!(
            linked("Open:\nhttps://app/#token=1"),
            "Open:\n<a href=\"https://app/#token=1\">https://app/#token=1</a>"
        );
    }
}
