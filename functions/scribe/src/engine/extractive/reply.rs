//! Reads whether an answer is a plain yes, a plain no, or neither.

use crate::engine::phrases::{Phrases, phrases};
use crate::engine::words::Word;

/// What an answer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// A plain yes; the first words of the answer, as many as given, are used up.
    Yes(usize),
    /// A plain no; likewise.
    No(usize),
    /// Neither, or a yes or no with a but.
    Open,
}

phrases! { NO = "
    no | nope | nah | not at all | none of that | none | not that i have noticed | not that i know of |
    not that i am aware of | not that i can think of | not that i can tell | i do not | i have not | i am not |
    i did not | never | nothing like that | none of those
" }
phrases! { YES = "
    yes | yeah | yep | yup | correct | i do | i am | i have | i did | that's right | that's correct | absolutely |
    i sure do | i certainly am | it is | it does | exactly | definitely | they do | i was | it has
" }

// What may follow a yes or no without adding to it.
phrases! { NO_AGAIN = "
    nothing like that | not really | not at all | none of that | none | no | nope | i do not | i have not | i am not
    | i did not | not that i have noticed | not that i know of | not that i am aware of | not that i can think of |
    it does not | i do not think so | i have not noticed | i have not had any | i have not noticed any |
    not that i can tell | never | nothing | none of those | that's it | not right now | thank god |
    not that i remember | not that i recall | it has not | they have not | i do not have any | that's good |
    it's not
" }
phrases! { YES_AGAIN = "
    yes | yeah | i do | i am | i have | i did | that's right | correct | i was | it does | it is | that's correct |
    it has | i sure do | definitely | absolutely
" }

// What takes back a part of a yes or no.
phrases! { BUT = "
    but | just | only | except | although | though | other than | besides | maybe | sometimes | a little | a bit |
    occasionally | well | usually | not all | some | mostly | kind of | sort of | it depends | when | if | unless |
    not really | not exactly | more | yes | yeah
" }

/// Reads the answer's first clause.
pub(super) fn reply(answer: &[Word]) -> Reply {
    let start = after_pause(answer, 0);
    for (first, again, plain) in [(&*NO, &*NO_AGAIN, Reply::No as fn(usize) -> Reply), (&*YES, &*YES_AGAIN, Reply::Yes)]
    {
        let Some(length) = first.at(answer, start) else {
            continue;
        };
        // "i do n't like it" and "i have a cough" are statements that happen to start like an answer.
        if length > 1 && !is_pause(&answer[start..], length) {
            continue;
        }
        let used = used_up(answer, start + length, again);
        return if BUT.at(answer, used).is_some() { Reply::Open } else { plain(used) };
    }
    Reply::Open
}

/// How far a yes or no is only said again.
fn used_up(answer: &[Word], from: usize, again: &Phrases) -> usize {
    let mut at = after_pause(answer, from);
    while let Some(length) = again.at(answer, at).filter(|length| is_pause(&answer[at..], *length)) {
        at = after_pause(answer, at + length);
    }
    at
}

fn after_pause(words: &[Word], from: usize) -> usize {
    let is_empty = |word: &Word| {
        word.is_mark() || matches!(word.low.as_str(), "well" | "okay" | "oh" | "so" | "ma'am" | "sir" | "doctor")
    };
    words[from..].iter().position(|word| !is_empty(word)).map_or(words.len(), |offset| from + offset)
}

/// Whether the phrase of that length is followed by a pause, a new subject or the end.
fn is_pause(words: &[Word], length: usize) -> bool {
    const NEW_START: &[&str] = &["i", "no", "nothing", "yes", "it's", "just", "but", "so", "and", "my"];
    words.get(length).is_none_or(|next| next.is_mark() || NEW_START.contains(&next.low.as_str()))
}
