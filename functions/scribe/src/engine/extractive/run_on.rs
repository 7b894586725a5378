//! Cuts run-on speech where people start anew: at words that start a clause, and, where there are no marks at all, where
//! a model believes that a sentence starts. It does not cut where that would make a fact of something supposed.

use super::leads::lead_length;
use super::starts::is_start;
use crate::engine::phrases::phrases;
use crate::engine::words::{Word, says, starts};

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

/// The clauses of a run-on.
pub(super) fn cut(words: Vec<Word>) -> Vec<Vec<Word>> {
    // Whoever writes commas writes full stops too; without any mark only a model can tell.
    let is_unmarked = !words.iter().any(Word::is_mark);
    let mut pieces = Vec::new();
    let mut piece: Vec<Word> = Vec::new();
    for at in 0..words.len() {
        let says_something = piece.len() > 30 || lead_length(&piece) < piece.len();
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
    let start = &piece[lead_length(piece)..];
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
