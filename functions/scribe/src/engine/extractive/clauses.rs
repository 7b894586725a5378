//! Talk as utterances and clauses. Written chat has full stops; recognised speech often has none, and is cut where
//! people start anew ("so i", "and then", "do you").

use super::clean::{clean, is_sound};
use super::starts::is_start;
use crate::engine::phrases::phrases;
use crate::engine::words::{Word, has_at, read, says, starts};
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
    let pieces = if sentence.len() > LONGEST_WHOLE { cut_run_on(sentence) } else { vec![sentence] };
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

const SUBJECTS: &[&str] = &[
    "i", "you", "we", "he", "she", "it", "they", "that", "that's", "it's", "there", "there's", "he's", "she's", "this",
    "i'd", "you'd", "we'd", "let's",
];

/// Words that may follow "so" or "now" at the start of a new clause.
const STARTERS: &[&str] = &[
    "the", "your", "my", "for", "on", "in", "what", "what's", "how", "how's", "do", "are", "is", "does", "did", "have",
    "when", "if", "looking", "now", "tell", "any", "let", "just", "can", "was", "were", "as", "at", "with", "where",
    "based", "continue", "to", "next",
];

/// Words after which a subject belongs to what came before.
const BINDERS: &[&str] = &[
    "that", "what", "when", "if", "because", "how", "where", "as", "while", "since", "which", "who", "whether", "why",
    "like", "until", "before", "after", "than", "so", "and", "or", "but", "though", "although", "do", "did", "does",
    "have", "had", "has", "am", "are", "is", "was", "were", "can", "could", "would", "will", "should", "the", "a",
    "to", "of", "for", "with", "in", "on", "at", "by", "think", "thought", "know", "believe", "said", "say", "guess",
    "hope", "sure", "feel", "see", "not", "whenever", "once", "unless", "means", "notice", "noticed", "mean", "about",
    "my", "your", "his", "her", "this", "some", "any", "more", "up", "every", "time", "cause", "wish", "told", "let",
    "make", "things", "tell", "way", "whatever", "seems", "from", "be", "hey",
];

// Ways in which a new clause opens without any joining word.
phrases! { OPENERS = "
    i am going to | i want to | i want you | i would like | i'd like | i do not | i am | i have | we are going to | let's |
    do you | are you | have you | did you | can you | does it | does that | is it | is there | how long | how often |
    how many | how much | how about | what about | what kind | have they | were you | had you | could you | would you |
    any other | tell me | when did | i will | we will | you are going to | you should | you need to | i think | i know |
    on examination | on exam | on physical | for your first | for your second | for your third | for your next |
    for your last | for your other | hey dragon | it's | there is | there's | there are | i also | i recommend |
    i encourage | open up your | what are
" }

fn cut_run_on(words: Vec<Word>) -> Vec<Vec<Word>> {
    // Whoever writes commas writes full stops too; without any mark only a model can tell.
    let is_unmarked = !words.iter().any(Word::is_mark);
    let mut pieces = Vec::new();
    let mut piece: Vec<Word> = Vec::new();
    for at in 0..words.len() {
        let says_something = piece.len() > 30 || super::leads::lead_length(&piece) < piece.len();
        let is_bound = is_purpose(&words, at) || is_correction(&words, at);
        let starts = || {
            let unmarked = || opens_exam(&words, at) || is_start(&words, at, piece.len());
            starts_clause(&words, at) || (is_unmarked && !holds_on(&words[at - 1].low) && unmarked())
        };
        if says_something && !is_bound && starts() && !reaches_on(&piece, &words[at..]) {
            let rest = piece.split_off(open_end(&piece));
            pieces.push(std::mem::replace(&mut piece, rest));
        }
        piece.push(words[at].clone());
    }
    pieces.push(piece);
    pieces
}

/// Where the piece should have ended: before a last "but at night", which belongs to what follows.
fn open_end(piece: &[Word]) -> usize {
    let last_words = piece.len().saturating_sub(7).max(3)..piece.len();
    let opens = |at: &usize| {
        let next = piece.get(at + 1).map_or("", |word| word.low.as_str());
        matches!(piece[*at].low.as_str(), "and" | "but")
            && matches!(next, "at" | "in" | "for" | "when" | "if" | "with" | "once" | "after")
    };
    last_words.rev().find(opens).unwrap_or(piece.len())
}

/// "so i could breathe": what it was done for, not what came next.
fn is_purpose(words: &[Word], at: usize) -> bool {
    let word = |offset: usize| words.get(at + offset).map_or("", |word| word.low.as_str());
    let starts_at = usize::from(word(0) == "so");
    let follows_so = starts_at == 1 || (at > 0 && words[at - 1].low == "so");
    follows_so
        && matches!(word(starts_at + 1), "can" | "could" | "would" | "will")
        && matches!(word(starts_at), "i" | "you" | "we" | "they" | "it" | "he" | "she")
}

/// "penicillin , i'm sorry , amoxicillin": a correction must stay with what it corrects.
fn is_correction(words: &[Word], at: usize) -> bool {
    CORRECTS.at(words, at).is_some()
}

phrases! { pub(super) CORRECTS = "
    i am sorry | sorry i mean | excuse me | scratch that | strike that | i misspoke | correction | i mean to say | no wait | no sorry
" }

/// Words that never end a sentence.
fn holds_on(word: &str) -> bool {
    if GOVERNING.is(word)
        || matches!(
            word,
            "thinking" | "saying" | "guessing" | "assuming" | "meaning" | "feeling" | "once" | "get" | "means"
        )
    {
        return true;
    }

    const HOLDS: &[&str] = &[
        "the", "a", "an", "to", "of", "for", "with", "in", "at", "by", "my", "your", "his", "her", "and", "or", "but",
        "because", "if", "when", "not", "is", "are", "am", "was", "very", "no", "from", "than", "we", "i",
    ];
    HOLDS.contains(&word)
}

/// Whether the piece so far has a word that governs what follows too: cutting "i'm not sure if it's the season and i'm
/// getting a cold" in two would make a fact of the second half.
fn reaches_on(piece: &[Word], rest: &[Word]) -> bool {
    let is_joined =
        matches!(rest[0].low.as_str(), "and" | "but") && !says(&rest[..rest.len().min(3)], "and then|and so|and now");
    let is_place = piece.len() <= 7 && piece.iter().any(|word| matches!(word.low.as_str(), "exam" | "examination"));
    let governs = |word: &Word| GOVERNING.is(&word.low);
    let start = &piece[super::leads::lead_length(piece)..];
    let is_subordinate =
        starts(start, "if|when|whenever|once|unless|after|before|until|as|while|since|although|though|because")
            .is_some();
    let goes_on = is_joined
        || matches!(rest[0].low.as_str(), "i" | "it's" | "there's" | "there" | "you" | "we" | "let's" | "your");
    (is_subordinate && goes_on && piece.len() < 22)
        || (is_joined && piece.iter().any(governs) && INTENDS.at(rest, 1).is_none())
        || (is_place && start.first().is_some_and(|word| word.low == "on") && rest[0].low != "okay")
}

// What a clinician is going to do is no part of what they think.
phrases! { INTENDS = "
    i want to | i want you | i am going to | i would like | i'd like | i will | let's | we are going to | we will | i also want | i do want
" }

phrases! { GOVERNING = "
    if | whether | think | thought | thinks | sure | hope | hoping | guess | maybe | unless | wonder | wondering | unsure |
    suppose | believe | might | could | doubt | afraid | worried | case | hopefully | possibly | perhaps | wish | supposed |
    would | probably | concerned | think's
" }

fn starts_clause(words: &[Word], at: usize) -> bool {
    let word = words[at].low.as_str();
    let next = words.get(at + 1).map_or("", |word| word.low.as_str());
    let previous = words[at - 1].low.as_str();
    let subject_follows = SUBJECTS.contains(&next);
    match word {
        "okay" => true,
        "all" if next == "right" => previous != "," || words.get(at + 2).is_some(),
        "so" => next != "that" && (subject_follows || STARTERS.contains(&next)),
        "now" => subject_follows || STARTERS.contains(&next),
        "and" | "but" => {
            let question = [
                "do", "are", "have", "did", "how", "what", "any", "then", "so", "is", "when", "does", "on", "for",
                "now", "if", "also",
            ];
            subject_follows && !binds_phrase(words, at) || question.contains(&next) && !is_list_and(words, at)
        }
        "because" => false,
        _ => !binds(previous) && OPENERS.at(words, at).is_some(),
    }
}

/// Whether the word before keeps a subject or question word to itself.
fn binds(previous: &str) -> bool {
    BINDERS.contains(&previous) || SUBJECTS.contains(&previous) || previous.ends_with("ing")
}

/// "on your lung exam": the next part of the examination.
fn opens_exam(words: &[Word], at: usize) -> bool {
    let ahead = &words[at..words.len().min(at + 6)];
    ahead[0].low == "on" && ahead.iter().skip(1).any(|word| matches!(word.low.as_str(), "exam" | "examination"))
}

/// "between you and i", "and that pain": the "and" joins two things, not two clauses.
fn binds_phrase(words: &[Word], at: usize) -> bool {
    let after = words.get(at + 2).map_or("", |word| word.low.as_str());
    matches!(words[at + 1].low.as_str(), "that" | "this") && !is_verb_like(after)
}

fn is_verb_like(word: &str) -> bool {
    matches!(
        word,
        "is" | "was"
            | "has"
            | "had"
            | "will"
            | "would"
            | "can"
            | "could"
            | "does"
            | "did"
            | "means"
            | "shows"
            | "should"
            | "helps"
            | "seems"
            | "happened"
            | "hurts"
            | "makes"
            | "just"
            | "really"
            | "really's"
    )
}

/// "nausea and any vomiting", "and on the left": a list goes on.
fn is_list_and(words: &[Word], at: usize) -> bool {
    let next = words[at + 1].low.as_str();
    let after = words.get(at + 2).map_or("", |word| word.low.as_str());
    match next {
        "on" | "for" => after != "your",
        "do" | "are" | "have" | "did" => after != "you" && after != "they" && after != "your",
        "is" | "does" => !matches!(after, "it" | "that" | "there" | "the" | "your"),
        _ => false,
    }
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
