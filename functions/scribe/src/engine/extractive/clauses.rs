//! Talk as utterances and clauses. Written chat has full stops; recognised speech often has none, and is cut where
//! people start anew ("so i", "and then", "do you").

use super::clean::{clean, is_sound};
use super::run_on;
use crate::engine::words::{Word, has_at, read};
use crate::engine::{Conversation, Speaker};

/// One sentence, or a part of a run-on that can stand alone.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    pub(super) words: Vec<Word>,
    pub(super) is_question: bool,
}

/// What one speaker says before another has more than a sound to say.
#[derive(Debug, Clone)]
pub(super) struct Utterance {
    pub(super) speaker: Speaker,
    pub(super) clauses: Vec<Clause>,
}

/// The whole conversation as utterances.
pub(super) fn utterances(conversation: &Conversation) -> Vec<Utterance> {
    let mut all: Vec<(Speaker, Vec<Word>)> = Vec::new();
    let mut interrupted: Option<usize> = None;
    for (turn, said) in conversation.turns.iter().enumerate() {
        let words = read(said.text.disclose(), turn);
        let broken_off = words.last().is_some_and(|word| word.low.len() > 1 && word.low.ends_with('-'));
        let goes_on = interrupted.filter(|&index| all[index].0 == said.speaker);
        let index = match goes_on {
            Some(index) => {
                let restart = words.iter().position(|word| !word.is_mark()).unwrap_or(words.len());
                let earlier = std::mem::take(&mut all[index].1);
                all[index].1 = resume(earlier, &words[restart..]);
                index
            }
            None => {
                all.push((said.speaker, words));
                all.len() - 1
            }
        };
        if broken_off {
            interrupted = Some(index);
        } else if goes_on.is_some() || !is_listening(&all[index].1) {
            interrupted = None;
        }
    }
    all.into_iter().map(|(speaker, words)| Utterance { speaker, clauses: clauses(clean(words)) }).collect()
}

/// Joins what was broken off and what follows; the hyphen that stands for the break goes.
fn resume(mut earlier: Vec<Word>, rest: &[Word]) -> Vec<Word> {
    if let Some(last) = earlier.last_mut() {
        last.low = last.low.trim_end_matches('-').to_owned();
        last.said = last.said.trim_end_matches('-').to_owned();
    }
    earlier.extend_from_slice(rest);
    earlier
}

/// Only "mm-hmm" or "okay".
fn is_listening(words: &[Word]) -> bool {
    words.iter().all(|word| {
        word.is_mark()
            || is_sound(word)
            || matches!(word.low.as_str(), "okay" | "right" | "all" | "yeah" | "yes" | "sure" | "yep")
    })
}

/// Cuts cleaned words into clauses.
pub(super) fn clauses(words: Vec<Word>) -> Vec<Clause> {
    let mut found = Vec::new();
    let mut sentence: Vec<Word> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if !word.ends_sentence() || is_inside_number(&words, at) {
            sentence.push(word.clone());
            continue;
        }
        end_sentence(std::mem::take(&mut sentence), word.low == "?", &mut found);
    }
    end_sentence(sentence, false, &mut found);
    found
}

/// "a hundred . four" is one number, badly written.
fn is_inside_number(words: &[Word], at: usize) -> bool {
    let is_number = |index: Option<usize>| {
        index.and_then(|i| words.get(i)).is_some_and(|word| super::lexicon::is_number(&word.low))
    };
    words[at].low == "."
        && is_number(at.checked_sub(1))
        && is_number(Some(at + 1))
        && !words[at + 1].said.starts_with(char::is_uppercase)
}

fn end_sentence(sentence: Vec<Word>, has_question_mark: bool, found: &mut Vec<Clause>) {
    let (sentence, had_tag) = without_tag(sentence);
    let asked = has_question_mark && !had_tag;
    let pieces = if sentence.len() > LONGEST_WHOLE { run_on::cut(sentence) } else { vec![sentence] };
    let count = pieces.len();
    for (index, words) in pieces.into_iter().enumerate() {
        let words = trimmed(words);
        if words.is_empty() {
            continue;
        }
        let is_last = index + 1 == count;
        let is_question = (asked && is_last) || ((!has_question_mark || !is_last) && is_question_form(&words));
        found.push(Clause { words, is_question });
    }
}

/// A sentence of at most this many words stays whole.
const LONGEST_WHOLE: usize = 9;

/// "we will do that , okay ?" tells, it does not ask; "that's the constipation , right ?" asks.
fn without_tag(mut sentence: Vec<Word>) -> (Vec<Word>, bool) {
    for tag in [", all right", ", okay", ", you know"] {
        let length = tag.split(' ').count();
        if sentence.len() > length + 1 && has_at(&sentence, sentence.len() - length, tag) {
            sentence.truncate(sentence.len() - length);
            return (sentence, true);
        }
    }
    (sentence, false)
}

/// Without marks at both ends and without what the next sentence was to begin with ("... , and again").
fn trimmed(mut words: Vec<Word>) -> Vec<Word> {
    const DANGLING: &[&str] = &["and", "but", "because", "um", "which", "or", "that's", "the", "and then", "and so"];
    const DANGLING_AFTER_MARK: &[&str] = &["so", "well", "then", "again"];
    while let Some((last, before)) = words.split_last() {
        let after_mark = before.last().is_some_and(|word| word.is_mark() || matches!(word.low.as_str(), "and" | "but"));
        let dangles = last.is_mark() && last.low != "%"
            || DANGLING.contains(&last.low.as_str())
            || (after_mark && DANGLING_AFTER_MARK.contains(&last.low.as_str()));
        if !dangles {
            break;
        }
        words.pop();
    }
    let start = words.iter().position(|word| !word.is_mark()).unwrap_or(words.len());
    words.drain(..start);
    words
}

const AUXILIARIES: &[&str] =
    &["do", "does", "did", "are", "is", "was", "were", "have", "has", "had", "can", "could", "would", "will", "should"];
const ASKED: &[&str] = &[
    "you", "it", "they", "he", "she", "there", "that", "this", "your", "the", "any", "i", "we", "anyone", "anybody",
    "anything", "those", "these",
];

/// A question by its form, where no mark tells.
pub(super) fn is_question_form(words: &[Word]) -> bool {
    let start = super::leads::lead_length(words);
    let word = |offset: usize| words.get(start + offset).map_or("", |word| word.low.as_str());
    match word(0) {
        "how" | "how's" => word(1) != "to",
        "what" | "what's" | "where" | "why" | "which" | "who" => !matches!(word(1), "i" | "we" | "that" | "this"),
        "when" => AUXILIARIES.contains(&word(1)),
        "any" => words.len() - start <= 20,
        "has" | "does" | "did" | "is" | "was" | "were" | "could" | "would" => true,
        auxiliary if AUXILIARIES.contains(&auxiliary) => ASKED.contains(&word(1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::words::quote;

    fn cut(text: &str) -> Vec<String> {
        let mark = |clause: &Clause| format!("{}{}", quote(&clause.words), if clause.is_question { "?" } else { "" });
        clauses(clean(read(text, 0))).iter().map(mark).collect()
    }

    #[test]
    fn written_sentences_are_kept() {
        assert_eq!(cut("I have pain. Is it bad? We'll see, okay?"), ["I have pain", "Is it bad?", "We'll see"]);
        assert_eq!(cut("a fever of a hundred . four right now"), ["a fever of a hundred. four right now"]);
    }

    #[test]
    fn run_on_speech_is_cut_where_people_start_anew() {
        assert_eq!(
            cut(
                "okay alright so four days ago you started feeling badly okay now were you having chills and do you have pain"
            ),
            [
                "okay alright so four days ago you started feeling badly",
                "okay now were you having chills?",
                "and do you have pain?"
            ]
        );
        assert_eq!(
            cut("i used to smoke a lot when i was a kid and i take lisinopril every morning"),
            ["i used to smoke a lot when i was a kid", "and i take lisinopril every morning"]
        );
    }
}
