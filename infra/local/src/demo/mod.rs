//! A real consultation, played over HTTP and WebSockets as two people would: sign in, talk turn by turn with read
//! receipts and notifications, have the scribe write a note with its evidence, save it as a draft.

#![expect(clippy::print_stdout, reason = "it shows what happens in a terminal")]

mod api;
mod note;
mod socket;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use runtime::{Config, PlatformKind};
use serde_json::{Value, json};

use self::api::Person;
use self::socket::Socket;
use crate::visit::{self, Speaker, Turn, Visit};
use crate::{accounts, functions};

/// How to play.
#[derive(Debug, Args)]
pub struct Options {
    /// Where the server is; without it, the server at `http://127.0.0.1:$PORT` if one runs, else one that is started
    /// for the demo with a data folder that goes away with it.
    #[arg(long)]
    url: Option<String>,
    /// Milliseconds between turns, to read along.
    #[arg(long, default_value_t = 0)]
    pace: u64,
}

/// Plays it.
pub async fn play(options: Options) -> anyhow::Result<()> {
    let config = Config::from_env(PlatformKind::Local, &functions::needs())?;
    let usual = format!("http://127.0.0.1:{}", config.port);
    if let Some(url) = &options.url {
        return consult(url, options.pace).await;
    }
    if api::is_up(&usual).await {
        println!("A server runs at {usual}.");
        return consult(&usual, options.pace).await;
    }
    let folder = tempfile::tempdir()?;
    let config = Config { port: 0, data_dir: folder.path().to_owned(), ..config };
    println!("No server runs at {usual}; starting one for this demo.");
    let serving = runtime::start(config, functions::all()).await?;
    accounts::seed(&serving.assembled.app).await?;
    let played = consult(&format!("http://{}", serving.address), options.pace).await;
    serving.stop().await?;
    played
}

async fn consult(url: &str, pace: u64) -> anyhow::Result<()> {
    let visit = visit::shipped()?;
    let began = Instant::now();
    heading("Signing in");
    let doctor = Person::sign_in(url, accounts::DOCTOR).await?;
    let patient = Person::sign_in(url, accounts::PATIENT).await?;
    println!("  {} and {} have access tokens.", doctor.name, patient.name);
    let mut doctor_socket = Socket::connect(url, &doctor).await?;
    let mut patient_socket = Socket::connect(url, &patient).await?;
    println!("  Both are connected to the live stream.");

    let chat = doctor.post("/api/v1/chats", json!({"type": "Direct", "participantIds": [patient.id]})).await?;
    let chat_id = chat["id"].as_str().context("the chat has no id")?.to_owned();
    println!("  A Direct chat between them is open.");

    heading(&format!("The visit ({}, ACI-BENCH, CC BY 4.0), {} turns over the WebSocket", visit.id, visit.turns.len()));
    let tally = talk(&visit, &chat_id, &mut doctor_socket, &mut patient_socket, pace).await?;
    println!(
        "\n  {} messages; delivered to the other's socket in {} ms (median), {} ms (slowest); {} read receipts, {} live notifications.",
        visit.turns.len(),
        tally.median_ms(),
        tally.slowest_ms(),
        tally.receipts,
        tally.notifications
    );
    for person in [&doctor, &patient] {
        let unread = person.get("/api/v1/notifications/unread/count").await?;
        println!("  {} has {} unread notifications stored.", person.name, unread["count"]);
    }

    heading("The scribe");
    let note = note::generate(&doctor, &chat_id, &mut doctor_socket).await?;
    let numbers = message_numbers(&doctor, &chat_id).await?;
    note::show(&doctor, &note, &numbers).await?;
    let saved = note::save_draft(&doctor, &chat_id, &note).await?;
    heading("Saved");
    println!(
        "  Draft note {} (version {}), by {}.",
        saved["id"].as_str().unwrap_or("?"),
        saved["version"],
        doctor.name
    );
    println!("  {:.1} s from sign-in to the saved draft.", began.elapsed().as_secs_f64());
    Ok(())
}

#[derive(Default)]
struct Tally {
    delivery: Vec<Duration>,
    receipts: usize,
    notifications: usize,
}

impl Tally {
    fn median_ms(&self) -> u128 {
        let mut sorted = self.delivery.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).map_or(0, Duration::as_millis)
    }

    fn slowest_ms(&self) -> u128 {
        self.delivery.iter().max().map_or(0, Duration::as_millis)
    }
}

/// Each turn is sent by its speaker, arrives at the other, is read there, and the receipt comes back.
async fn talk(
    visit: &Visit,
    chat: &str,
    doctor: &mut Socket,
    patient: &mut Socket,
    pace: u64,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    for (index, turn) in visit.turns.iter().enumerate() {
        let (speaker, listener) = match turn.speaker {
            Speaker::Doctor => (&mut *doctor, &mut *patient),
            Speaker::Patient => (&mut *patient, &mut *doctor),
        };
        let sent = Instant::now();
        speaker.send("message:send", json!({"chatId": chat, "content": turn.text, "type": "text"})).await?;
        let received = listener.wait_for("message:received", |data| data["content"] == turn.text.as_str()).await?;
        tally.delivery.push(sent.elapsed());
        let id = received["id"].as_str().context("the message has no id")?.to_owned();
        ensure!(received["sender"]["id"] == speaker.user_id(), "the message has another sender than its speaker");
        listener.send("message:read", json!({"messageId": id})).await?;
        speaker.wait_for("message:read", |data| data["messageId"] == id.as_str()).await?;
        tally.receipts += 1;
        listener.wait_for("notification:new", |data| data["messageId"] == id.as_str()).await?;
        tally.notifications += 1;
        show_turn(turn, index + 1, visit.turns.len());
        tokio::time::sleep(Duration::from_millis(pace)).await;
    }
    Ok(tally)
}

fn show_turn(turn: &Turn, number: usize, of: usize) {
    let who = match turn.speaker {
        Speaker::Doctor => "doctor ",
        Speaker::Patient => "patient",
    };
    println!("  [{number:>3}/{of}] {who} ✓✓ {}", note::wrapped(&turn.text, 24));
}

/// The number of each message in the chat, to cite it by.
async fn message_numbers(person: &Person, chat: &str) -> anyhow::Result<std::collections::HashMap<String, u64>> {
    let mut numbers = std::collections::HashMap::new();
    let mut path = format!("/api/v1/chats/{chat}/messages?limit=100");
    loop {
        let page = person.get(&path).await?;
        let messages = page["data"].as_array().context("the page has no messages")?;
        for message in messages {
            if let (Some(id), Some(seq)) = (message["id"].as_str(), message["seq"].as_u64()) {
                numbers.insert(id.to_owned(), seq);
            }
        }
        match messages.first().and_then(|m: &Value| m["id"].as_str()).filter(|_| messages.len() == 100) {
            Some(first) => path = format!("/api/v1/chats/{chat}/messages?limit=100&before={first}"),
            None => return Ok(numbers),
        }
    }
}

fn heading(text: &str) {
    println!("\n== {text}");
}
