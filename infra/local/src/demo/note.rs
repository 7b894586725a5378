use std::collections::HashMap;

use anyhow::Context;
use serde_json::{Value, json};

use super::api::Person;
use super::socket::Socket;

const TEMPLATE: &str = "soap";

/// Has the scribe write a note as a job, and waits for its end, which comes over the socket.
pub(crate) async fn generate(doctor: &Person, chat: &str, socket: &mut Socket) -> anyhow::Result<Value> {
    let body = json!({"chatId": chat, "templateType": TEMPLATE, "consultationType": "follow_up"});
    let job = doctor.post_with("/api/v1/scribe/generate-note", body, &[("prefer", "respond-async")]).await?;
    let id = job["jobId"].as_str().context("the job has no id")?.to_owned();
    println!("  Job {id} is {}.", job["state"].as_str().unwrap_or("?"));
    socket.wait_for("scribe:job", |data| data["jobId"] == id.as_str()).await?;
    let done = doctor.get(&format!("/api/v1/scribe/jobs/{id}")).await?;
    for stage in done["stages"].as_array().into_iter().flatten() {
        println!("    {} {}", stage["at"].as_str().unwrap_or(""), stage["name"].as_str().unwrap_or(""));
    }
    anyhow::ensure!(done["state"] == "succeeded", "the scribe failed: {}", done["error"]);
    Ok(done["result"].clone())
}

/// Shows a note in its template's order; the numbers are those of the messages that each sentence rests on.
pub(crate) async fn show(doctor: &Person, note: &Value, numbers: &HashMap<String, u64>) -> anyhow::Result<()> {
    println!("  Written by the engine \"{}\".", note["engine"].as_str().unwrap_or("?"));
    let templates = doctor.get("/api/v1/templates").await?;
    let template = templates["data"].as_array().into_iter().flatten().find(|template| template["id"] == TEMPLATE);
    let sections = template.and_then(|template| template["sections"].as_array()).context("the template is missing")?;
    for section in sections {
        println!("\n  {}", section["fullName"].as_str().unwrap_or("").to_uppercase());
        let id = section["id"].as_str().unwrap_or("");
        for sentence in note["evidence"][id].as_array().into_iter().flatten() {
            let cited = sentence["messageIds"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let cited: Vec<String> = cited.filter_map(|id| numbers.get(id)).map(|seq| format!("#{seq}")).collect();
            println!("    • {} [{}]", wrapped(sentence["text"].as_str().unwrap_or(""), 6), cited.join(" "));
        }
    }
    let suggestions: Vec<&Value> = note["suggestions"].as_array().into_iter().flatten().collect();
    if !suggestions.is_empty() {
        println!("\n  SUGGESTIONS");
        for suggestion in suggestions {
            let text = suggestion["suggestedText"].as_str().unwrap_or("");
            println!("    • ({}) {}", suggestion["type"].as_str().unwrap_or(""), wrapped(text, 6));
        }
    }
    Ok(())
}

/// Saves the note as a draft, with its evidence.
pub(crate) async fn save_draft(doctor: &Person, chat: &str, note: &Value) -> anyhow::Result<Value> {
    let draft = json!({
        "chatId": chat,
        "templateType": TEMPLATE,
        "consultationType": "follow_up",
        "sections": note["sections"],
        "evidence": note["evidence"],
        "suggestions": note["suggestions"],
        "engine": note["engine"],
        "isDraft": true,
    });
    let saved = doctor.post("/api/v1/clinical-notes", draft).await?;
    let id = saved["id"].as_str().context("the saved note has no id")?;
    doctor.get(&format!("/api/v1/clinical-notes/{id}")).await
}

/// A text in lines of at most 100 characters, the later ones indented.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > 100 - indent {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += length;
    }
    lines
}
