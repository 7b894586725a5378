//! Words that open a sentence and say nothing: "okay , so , well".

use crate::engine::phrases::phrases;
use crate::engine::words::Word;

phrases! { LEADS = "
    okay | so | and | but | well | now | then | yeah | yes | yep | yup | all right | actually | basically | because
    | sure | alrighty | like i said | as i said | as you know | of course | again | correct | absolutely | honestly
    | great | perfect | excellent | gotcha | got it | um | or | also | thanks | thank you | let's see | to be honest
    | i guess | you know what | anyway | anyways | lastly | first of all | and then | hey | hi | hello
" }

/// Openers that carry meaning unless a comma or a new subject follows: "right knee", "good appetite".
const LOOSE_LEADS: &[&str] =
    &["right", "good", "fine", "exactly", "awesome", "wonderful", "nice", "definitely", "overall"];

/// How many words at the start say nothing, marks included.
pub(super) fn lead_length(words: &[Word]) -> usize {
    let mut at = 0;
    loop {
        let here = lead_at(words, at);
        if here == 0 {
            return at;
        }
        at += here;
    }
}

fn lead_at(words: &[Word], at: usize) -> usize {
    let Some(word) = words.get(at) else {
        return 0;
    };
    if word.is_mark() {
        return 1;
    }
    if let Some(length) = LEADS.at(words, at) {
        return length;
    }
    let next = words.get(at + 1).map_or("", |word| word.low.as_str());
    let is_loose = LOOSE_LEADS.contains(&word.low.as_str());
    usize::from(
        is_loose
            && matches!(next, "" | "," | "so" | "and" | "but" | "i" | "it" | "you" | "well" | "okay" | "now" | "all"),
    )
}

/// The words without their lead.
pub(super) fn without_lead(words: &[Word]) -> &[Word] {
    &words[lead_length(words)..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::words::{quote, read};

    #[test]
    fn only_empty_openers_go() {
        let rest = |text: &str| quote(without_lead(&read(text, 0)));
        assert_eq!(rest("okay , all right , so , you know what , my knee"), "my knee");
        assert_eq!(rest("right , it hurts"), "it hurts");
        assert_eq!(rest("right knee pain"), "right knee pain");
        assert_eq!(rest("no , not really"), "no, not really");
        assert_eq!(rest("okay"), "");
    }
}
