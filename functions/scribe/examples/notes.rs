//! Writes the extractive engine's note for every visit of an ACI-BENCH file, one JSON object per line:
//! `cargo run -p scribe --release --example notes -- train.csv soap`. For measuring; see `infra/local/data`.

#![expect(clippy::print_stdout, reason = "a tool for the command line")]

use kernel::{MessageId, Phi};
use model::note_template::NoteTemplate;
use scribe::engine::extractive::ExtractiveEngine;
use scribe::engine::{Conversation, EngineError, ScribeEngine, Speaker, Turn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("give the path of an ACI-BENCH csv file")?;
    let template = arguments.next().unwrap_or_else(|| "soap".to_owned());
    let template = NoteTemplate::find_built_in(&template).ok_or("no such template")?;
    for row in csv::Reader::from_path(path)?.into_records() {
        let row = row?;
        let conversation = Conversation { turns: turns(&row[2])?, ..Conversation::default() };
        let sections: Vec<_> = match ExtractiveEngine.write_note(&conversation, &template).await {
            Ok((note, _)) => note
                .sections
                .iter()
                .map(|section| {
                    let sentences: Vec<_> =
                        section.sentences.iter().map(|s| serde_json::json!([s.text.disclose(), s.evidence])).collect();
                    serde_json::json!({"id": section.id, "sentences": sentences})
                })
                .collect(),
            Err(EngineError::NothingToWrite) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        println!("{}", serde_json::json!({"id": &row[1], "dataset": &row[0], "sections": sections}));
    }
    Ok(())
}

/// A turn per marked line; a line without a mark goes on with the turn before.
fn turns(dialogue: &str) -> Result<Vec<Turn>, kernel::id::InvalidId> {
    let mut turns: Vec<Turn> = Vec::new();
    for line in dialogue.lines() {
        let (speaker, text) = match line.split_once(']') {
            Some(("[doctor", text)) => (Speaker::Clinician, text),
            Some(("[patient", text)) => (Speaker::Patient, text),
            Some((mark, text)) if mark.starts_with('[') => (Speaker::Other, text),
            _ => match turns.last_mut() {
                Some(last) => {
                    last.text = Phi::new(format!("{} {line}", last.text.disclose()));
                    continue;
                }
                None => (Speaker::Other, line),
            },
        };
        let message_id: MessageId = format!("t{}", turns.len()).parse()?;
        turns.push(Turn { message_id, speaker, text: Phi::new(text.trim().to_owned()) });
    }
    Ok(turns)
}
