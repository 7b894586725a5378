//! What is said to a scribe or another machine, not to the patient: "hey dragon , show me the vital signs".

use super::clauses::Clause;
use crate::engine::phrases::phrases;
use crate::engine::words::Word;

const NAMES: &[&str] = &["dragon", "dax", "scribe", "siri", "alexa"];

const COMMANDS: &[&str] = &[
    "show", "order", "pull", "open", "finalize", "finalise", "add", "remind", "bring", "display", "give", "go",
    "refer", "schedule", "stop", "start", "close", "create", "get", "set", "find", "play", "record", "sign", "save",
    "look", "print", "send", "begin", "end",
];

/// Leaves out the clauses that are commands.
pub(super) fn without_commands(clauses: Vec<Clause>) -> Vec<Clause> {
    let mut kept = Vec::with_capacity(clauses.len());
    let mut awaits_command = false;
    for mut clause in clauses {
        if let Some(name) = clause.words.iter().position(|word| NAMES.contains(&word.low.as_str())) {
            // "so , the nurse told you about dax" is no command, and nothing for a note either.
            awaits_command = name + 2 >= clause.words.len() && is_call(&clause.words, name);
            clause.words.truncate(if is_call(&clause.words, name) { call_start(&clause.words, name) } else { 0 });
            if clause.words.is_empty() {
                continue;
            }
        } else if std::mem::take(&mut awaits_command)
            && clause
                .words
                .iter()
                .find(|word| !word.is_mark())
                .is_some_and(|word| COMMANDS.contains(&word.low.as_str()))
        {
            continue;
        }
        kept.push(clause);
    }
    kept
}

/// "hey dragon", "okay , dragon": someone calls the machine.
fn is_call(words: &[Word], name: usize) -> bool {
    call_start(words, name) < name || name == 0
}

fn call_start(words: &[Word], name: usize) -> usize {
    (0..name)
        .rev()
        .take(2)
        .find(|&at| matches!(words[at].low.as_str(), "hey" | "hi" | "okay" | "hello"))
        .unwrap_or(name)
}

/// Whether the words are said to someone who is to move or to breathe.
pub(super) fn is_request_to_move(words: &[Word]) -> bool {
    phrases! { REQUESTS = "
        take a deep breath | deep breath | squeeze my | push against | pull back | follow my finger | bend your |
        bend the tip | lift your | lie down | lay down | lean forward | open your mouth | say ah | let me know |
        hold your | look up | turn your | push your | raise your | come have a seat | stick out | close your | open your | open up | reach out your | walk across | keep your eyes | keep your head
    " }
    REQUESTS.within(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::extractive::clauses::clauses;
    use crate::engine::extractive::clean::clean;
    use crate::engine::words::{quote, read};

    #[test]
    fn commands_go_and_what_follows_stays() {
        let kept = |text: &str| -> Vec<String> {
            without_commands(clauses(clean(read(text, 0)))).iter().map(|clause| quote(&clause.words)).collect()
        };
        assert_eq!(kept("hey , dragon ? show me the vital signs . so , looking good"), ["so, looking good"]);
        assert_eq!(kept("hey , dragon , finalize the note ."), Vec::<String>::new());
        assert_eq!(
            kept("all right . hey dragon show me the x-ray okay your knee looks fine"),
            ["all right", "okay your knee looks fine"]
        );
        assert_eq!(kept("the nurse told you about dax . you have gout ."), ["you have gout"]);
    }
}
