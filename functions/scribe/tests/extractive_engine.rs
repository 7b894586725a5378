//! The extractive engine on real talk and on made-up talk: it says nothing that was not said, and cites everything.

mod common;

use std::path::Path;

use common::{conversation, faults, visits};
use kernel::Phi;
use model::note_template::NoteTemplate;
use proptest::prelude::*;
use scribe::engine::extractive::ExtractiveEngine;
use scribe::engine::{Conversation, DraftNote, EngineError, ScribeEngine, Speaker, Suggestion, SuggestionKind};

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn write(conversation: &Conversation, template: &str) -> Result<(DraftNote, Vec<Suggestion>), EngineError> {
    let template = NoteTemplate::find_built_in(template).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(ExtractiveEngine.write_note(conversation, &template))
}

fn demo() -> Conversation {
    visits(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/visit.csv")).swap_remove(0).conversation
}

fn readable(note: &DraftNote) -> String {
    let mut text = format!("engine: {}\n", note.engine);
    for section in &note.sections {
        text.push_str(&format!("\n{}\n", section.id.to_uppercase()));
        for sentence in &section.sentences {
            let evidence: Vec<&str> = sentence.evidence.iter().map(|id| id.as_str()).collect();
            text.push_str(&format!("{} [{}]\n", sentence.text.disclose(), evidence.join(" ")));
        }
    }
    text
}

#[test]
fn the_demo_visit_as_a_soap_note() {
    let (note, _) = write(&demo(), "soap").unwrap();
    insta::assert_snapshot!(readable(&note));
}

#[test]
fn the_demo_visit_in_the_finer_templates() {
    for template in ["comprehensive", "cardiology"] {
        let (note, _) = write(&demo(), template).unwrap();
        insta::assert_snapshot!(template, readable(&note));
    }
}

#[test]
fn suggestions_start_with_the_plans_medications() {
    let (_, suggestions) = write(&demo(), "soap").unwrap();
    let first = &suggestions[0];
    assert_eq!((first.kind, first.section.as_str()), (SuggestionKind::Medication, "plan"));
    assert!(first.text.disclose().contains("Lasix to 80 mg"));
    assert!(suggestions.iter().all(|suggestion| !suggestion.evidence.is_empty()));
}

#[test]
fn the_same_conversation_makes_the_same_note() {
    assert_eq!(write(&demo(), "soap").unwrap(), write(&demo(), "soap").unwrap());
}

fn check(conversation: &Conversation, id: &str) {
    for template in NoteTemplate::built_in() {
        let note = match write(conversation, &template.id) {
            Ok((note, _)) => note,
            Err(EngineError::NothingToWrite) => continue,
            Err(error) => panic!("{id}: {error}"),
        };
        let order: Vec<&str> = note.sections.iter().map(|section| section.id.as_str()).collect();
        assert_eq!(order, template.sections.iter().map(|section| section.id.as_str()).collect::<Vec<_>>());
        let faults = faults(&note, conversation);
        assert!(faults.is_empty(), "{id}, {}: {faults:#?}", template.id);
        let text = readable(&note).to_lowercase();
        assert!(!text.contains("dragon") && !text.contains("finalize the note"), "{id}: a command got into the note");
    }
}

#[test]
fn the_demo_visit_is_told_without_a_fault() {
    check(&demo(), "demo");
}

/// Runs where the data set is; see `tests/data/README.md`.
#[test]
fn every_visit_of_the_data_set_is_told_without_a_fault() {
    let Ok(folder) = std::env::var("ACI_BENCH_DIR") else {
        return;
    };
    for file in ["train.csv", "valid.csv"] {
        let visits = visits(&Path::new(&folder).join(file));
        assert!(visits.len() >= 20, "{file} is not the data set");
        for visit in visits {
            check(&visit.conversation, &visit.id);
        }
    }
}

#[test]
fn small_talk_alone_makes_no_note() {
    let talk = conversation(
        "[doctor] good morning , how are you ?\n[patient] great , thanks .\n[doctor] hey dragon , finalize the note .",
    );
    assert!(matches!(write(&talk, "soap"), Err(EngineError::NothingToWrite)));
    assert!(matches!(write(&Conversation::default(), "soap"), Err(EngineError::NothingToWrite)));
}

#[test]
fn a_message_that_is_cited_twice_stands_once_in_the_evidence() {
    let mut talk = conversation("[doctor] do you have any chest pain ?\n[patient] no .");
    talk.turns[1].message_id = talk.turns[0].message_id.clone();
    let (note, _) = write(&talk, "soap").unwrap();
    assert_eq!(note.sections[0].sentences[0].evidence.len(), 1);
}

#[test]
fn neither_debug_nor_errors_show_what_was_said() {
    let talk = conversation("[patient] my canary hurts and i have a fever .");
    let (note, suggestions) = write(&talk, "soap").unwrap();
    assert!(!format!("{talk:?} {note:?} {suggestions:?}").contains("canary"));
}

/// Bits of talk that are apt to go wrong side by side.
const BITS: &[&str] = &[
    "i",
    "i'm",
    "i , i",
    "you",
    "your",
    "my",
    "do n't",
    "ca n't",
    "no",
    "not",
    "never",
    "yes",
    "uh",
    ",",
    ".",
    "?",
    "-",
    "ex-",
    "...",
    "okay",
    "so",
    "and",
    "but",
    "if",
    "when",
    "lasix",
    "20",
    "milligrams",
    "twenty",
    "one",
    "hundred",
    "left",
    "right",
    "knee",
    "pain",
    "fever",
    "have",
    "had",
    "take",
    "takes",
    "feel",
    "think",
    "denies",
    "hey",
    "dragon",
    "show me",
    "increase",
    "order",
    "an mri",
    "i want you to",
    "for your",
    "hypertension",
    "do you have any",
    "are you taking",
    "have you had",
    "how long",
    "chills",
    "or",
    "on your heart exam",
    "i do appreciate",
    "a murmur",
    "does that sound like a plan",
    "sounds good",
    "we",
    "he",
    "it's",
    "that",
    "\u{e9}l\u{e8}ve",
    "\u{1F600}",
    "1/2",
    "3.5",
    "%",
    "(",
    "\"",
    "gon na",
    "--",
    "all right",
    "of",
    "to",
    "50 -year-old",
    "male",
    "female",
    "accompanied by",
    "surgery",
    "mother",
    "diabetes",
];

fn any_turn() -> impl Strategy<Value = (u8, Vec<usize>)> {
    (0..3_u8, proptest::collection::vec(0..BITS.len(), 0..30))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_talk_however_broken_makes_it_panic_or_invent(turns in proptest::collection::vec(any_turn(), 0..25)) {
        let mut talk = conversation("");
        for (index, (speaker, bits)) in turns.iter().enumerate() {
            let text: Vec<&str> = bits.iter().map(|&bit| BITS[bit]).collect();
            talk.turns.push(scribe::engine::Turn {
                message_id: format!("t{index}").parse().unwrap(),
                speaker: [Speaker::Clinician, Speaker::Patient, Speaker::Other][usize::from(*speaker)],
                text: Phi::new(text.join(" ")),
            });
        }
        check_made_up(&talk)?;
    }

    #[test]
    fn any_text_is_taken(text in "\\PC{0,200}", more in "[a-z ,.?']{0,300}") {
        let talk = conversation(&format!("[doctor] {more} ?\n[patient] {text}\n[doctor] {more} {text}"));
        check_made_up(&talk)?;
    }
}

fn check_made_up(talk: &Conversation) -> Result<(), TestCaseError> {
    match write(talk, "comprehensive") {
        Ok((note, _)) => {
            let faults = faults(&note, talk);
            prop_assert!(faults.is_empty(), "{faults:#?}");
        }
        Err(EngineError::NothingToWrite) => {}
        Err(error) => prop_assert!(false, "{error}"),
    }
    Ok(())
}

/// The promise is for release builds; elsewhere only the shape of the growth is looked at, by hand.
#[cfg(not(debug_assertions))]
#[test]
fn five_hundred_turns_take_less_than_fifty_milliseconds() {
    let demo = demo();
    let mut long = Conversation::default();
    while long.turns.len() < 500 {
        long.turns.extend(demo.turns.iter().cloned());
    }
    long.turns.truncate(500);
    write(&long, "soap").unwrap();
    // The quickest of a few runs: the others tell what else the machine does.
    let run = || {
        let start = std::time::Instant::now();
        write(&long, "soap").unwrap();
        start.elapsed()
    };
    let took = (0..15).map(|_| run()).min().unwrap();
    assert!(took < std::time::Duration::from_millis(50), "{took:?}");
}
