//! Visits for the tests, and a check of notes that shares no code with the engine.

use std::collections::HashSet;

use kernel::{MessageId, Phi};
use scribe::engine::{Conversation, DraftNote, Speaker, Turn};

/// One visit of ACI-BENCH.
pub(crate) struct Visit {
    pub(crate) id: String,
    pub(crate) conversation: Conversation,
}

/// The visits of a file.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
pub(crate) fn visits(path: &std::path::Path) -> Vec<Visit> {
    let rows = csv::Reader::from_path(path).unwrap().into_records();
    rows.map(|row| row.unwrap())
        .map(|row| Visit { id: row[1].to_owned(), conversation: conversation(&row[2]) })
        .collect()
}

/// A turn per line; a line without a mark goes on with the turn before.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
pub(crate) fn conversation(dialogue: &str) -> Conversation {
    let mut turns: Vec<Turn> = Vec::new();
    for line in dialogue.lines() {
        let (speaker, text) = match line.split_once("] ") {
            Some(("[doctor", text)) => (Speaker::Clinician, text.to_owned()),
            Some(("[patient", text)) => (Speaker::Patient, text.to_owned()),
            Some((mark, text)) if mark.starts_with('[') => (Speaker::Other, text.to_owned()),
            _ if turns.is_empty() => (Speaker::Other, line.to_owned()),
            _ => {
                let last = turns.last_mut().unwrap();
                last.text = Phi::new(format!("{} {line}", last.text.disclose()));
                continue;
            }
        };
        let message_id = format!("t{}", turns.len()).parse().unwrap();
        turns.push(Turn { message_id, speaker, text: Phi::new(text) });
    }
    Conversation { turns, ..Conversation::default() }
}

/// Everything that is wrong with a note, in words.
pub(crate) fn faults(note: &DraftNote, conversation: &Conversation) -> Vec<String> {
    let mut faults = Vec::new();
    for sentence in note.sections.iter().flat_map(|section| &section.sentences) {
        let text = sentence.text.disclose();
        let evidence: Vec<&str> = sentence.evidence.iter().filter_map(|id| text_of(id, conversation)).collect();
        if evidence.is_empty() || evidence.len() != sentence.evidence.len() {
            faults.push(format!("no evidence: {text}"));
            continue;
        }
        let said = words(&evidence.join(" | "));
        faults.extend(fault(&words(text), &said).map(|fault| format!("{fault}: {text}")));
        let is_sentence = text.ends_with(['.', '?', '!', '"']) && !text.starts_with(char::is_lowercase);
        if !is_sentence {
            faults.push(format!("not a sentence: {text}"));
        }
    }
    faults
}

fn text_of<'a>(id: &MessageId, conversation: &'a Conversation) -> Option<&'a str> {
    let turn = conversation.turns.iter().find(|turn| turn.message_id == *id)?;
    Some(turn.text.disclose())
}

fn fault(written: &[String], said: &[String]) -> Option<String> {
    let stems: HashSet<String> = said.iter().map(|word| stem(word)).collect();
    let numbers = numbers(said);
    for word in written {
        let is_number = word.chars().any(|c| c.is_ascii_digit());
        // "132/80" and "97.1" are two numbers with a sign between them.
        let is_said = || word.split(['/', '.']).all(|part| numbers.contains(part.trim_matches(['+', '-'])));
        if is_number && !said.contains(word) && !is_said() {
            return Some(format!("number {word}"));
        }
        let is_known = said.contains(word) || stems.contains(&stem(word)) || FRAME.contains(&word.as_str());
        let is_unit = word == "mg" && said.iter().any(|word| word.starts_with("milligram"));
        if !is_number && !is_known && !is_unit {
            return Some(format!("word {word}"));
        }
    }
    let negations = |words: &[String]| words.iter().filter(|word| NEGATIONS.contains(&word.as_str())).count();
    (negations(written) > negations(said)).then(|| "negation".to_owned())
}

/// What a sentence may have without anyone having said it.
const FRAME: &[&str] = &[
    "the",
    "a",
    "patient",
    "reports",
    "denies",
    "denied",
    "states",
    "asked",
    "answered",
    "answer",
    "was",
    "that",
    "is",
    "are",
    "were",
    "has",
    "have",
    "had",
    "does",
    "do",
    "did",
    "to",
    "not",
    "no",
    "he",
    "she",
    "they",
    "his",
    "her",
    "their",
    "him",
    "them",
    "himself",
    "herself",
    "themselves",
    "duration",
    "onset",
    "frequency",
    "agrees",
    "with",
    "plan",
    "an",
    "or",
    "accompanying",
    "person",
    "as",
    "said",
    "would",
    "s",
    "feeling",
    "can",
];

const NEGATIONS: &[&str] = &[
    "not", "no", "never", "none", "nothing", "nobody", "without", "denies", "denied", "neither", "nor", "nope", "nah",
    "negative",
];

/// Lower-case words and numbers, with contractions opened.
fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace('\u{2019}', "'");
    let mut spaced = format!(" {} ", text.replace(|c: char| !(c.is_alphanumeric() || "'.+/-".contains(c)), " "));
    for (from, to) in [
        (" ca n't", " can not"),
        (" wo n't", " will not"),
        ("can't", "can not"),
        ("won't", "will not"),
        (" n't", " not"),
        (" -year", "-year"),
        (" 'd", "'d"),
        (" 's", "'s"),
        ("n't", " not"),
        ("cannot", "can not"),
        (" gon na", " going to"),
        (" wan na", " want to"),
        (" got ta", " got to"),
        ("gonna", "going to"),
        ("wanna", "want to"),
        ("gotta", "got to"),
        ("kinda", "kind of"),
        ("sorta", "sort of"),
        ("alright", "all right"),
        ("'cause", "because"),
        (" dont ", " do not "),
        (" cant ", " can not "),
        (" im ", " i am "),
    ] {
        spaced = spaced.replace(from, to);
    }
    let trimmed = spaced.split_whitespace().map(|word| word.trim_matches(['\'', '.', '-', '/']));
    trimmed.filter(|word| !word.is_empty()).flat_map(opened).collect()
}

fn opened(word: &str) -> Vec<String> {
    for (ending, verb) in [("'m", "am"), ("'ve", "have"), ("'re", "are"), ("'ll", "will")] {
        if let Some(subject) = word.strip_suffix(ending) {
            return vec![subject.to_owned(), verb.to_owned()];
        }
    }
    vec![word.strip_suffix("'s").unwrap_or(word).to_owned()]
}

/// A crude stem: the first letters, as many as grammar leaves alone.
fn stem(word: &str) -> String {
    let endings = ["ying", "ies", "ied", "ing", "es", "ed", "s", "y", "e"];
    let rest = endings.iter().find_map(|ending| word.strip_suffix(ending).filter(|rest| rest.len() >= 3));
    let rest = rest.unwrap_or(word);
    let mut letters: Vec<char> = rest.chars().collect();
    letters.dedup();
    letters.into_iter().collect()
}

/// Every number that someone may have meant by the number words.
fn numbers(said: &[String]) -> HashSet<String> {
    let mut found: HashSet<String> = HashSet::new();
    for at in 0..said.len() {
        for length in 1..=5.min(said.len() - at) {
            let values: Option<Vec<u32>> = said[at..at + length].iter().map(|word| value(word)).collect();
            let Some(values) = values else { break };
            found.extend(meanings(&values).iter().map(u32::to_string));
        }
        found.extend(said[at].split(|c: char| !c.is_ascii_digit()).map(str::to_owned));
    }
    found
}

fn meanings(values: &[u32]) -> Vec<u32> {
    let mut sum = 0;
    for value in values {
        sum = if matches!(value, 100 | 1000) { sum.max(1) * value } else { sum + value };
    }
    let digits = values.split_first().filter(|(first, rest)| **first < 10 && !rest.is_empty());
    std::iter::once(sum).chain(digits.map(|(first, rest)| first * 100 + rest.iter().sum::<u32>())).collect()
}

fn value(word: &str) -> Option<u32> {
    if let Some((tens, unit)) = word.split_once('-') {
        return Some(value(tens)? + value(unit)?);
    }
    const UNITS: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let place =
        |list: &[&str]| list.iter().position(|other| *other == word).and_then(|place| u32::try_from(place).ok());
    match word {
        "hundred" => Some(100),
        "thousand" => Some(1000),
        _ => place(&UNITS).or_else(|| place(&TENS).map(|place| (place + 2) * 10)),
    }
}
