//! Takes out of talk what carries nothing: fillers, words cut off, words said twice. It never takes out a number, a
//! negation that is said once, or a word of content.

use super::lexicon::is_number;
use crate::engine::words::{Word, has_at};

/// Sounds that fill a pause or say "I am listening".
const SOUNDS: &[&str] = &[
    "uh", "um", "umm", "uhm", "mm", "hmm", "hmmm", "hm", "mm-hmm", "mhm", "mm-hm", "uh-huh", "ah", "ahh", "eh", "oh",
    "huh", "ow", "wow", "aw", "gosh", "ugh", "ooh",
];

/// Whether the word is only a sound.
pub(super) fn is_sound(word: &Word) -> bool {
    SOUNDS.contains(&word.low.as_str())
}

/// The words without what carries nothing.
pub(super) fn clean(words: Vec<Word>) -> Vec<Word> {
    let words = without_fillers(&words);
    let words = without_cut_off_words(words);
    without_vocatives(tidy_marks(without_repeats(words)))
}

/// "it hurts , doctor" is said to the doctor, not about one.
fn without_vocatives(mut words: Vec<Word>) -> Vec<Word> {
    const TITLES: &[&str] = &["doctor", "doc", "sir", "ma'am", "maam"];
    let goes = |at: usize| {
        let after_comma = at.checked_sub(1).is_some_and(|before| words[before].low == ",");
        after_comma && TITLES.contains(&words[at].low.as_str()) && words.get(at + 1).is_none_or(Word::is_mark)
    };
    let gone: Vec<bool> = (0..words.len()).map(|at| goes(at) || (at + 1 < words.len() && goes(at + 1))).collect();
    let mut at = 0;
    words.retain(|_| {
        at += 1;
        !gone[at - 1]
    });
    words
}

fn without_fillers(words: &[Word]) -> Vec<Word> {
    let mut kept = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let length = filler_length(words, at, kept.last());
        if length == 0 {
            kept.push(words[at].clone());
            at += 1;
            continue;
        }
        at += length;
        // ", uh ," held two commas that only the pause wanted.
        let was_apart = kept.last().is_some_and(|before| before.low == ",");
        if was_apart && words.get(at).is_some_and(|after| after.low == ",") {
            kept.pop();
            at += 1;
        }
    }
    kept
}

/// How many words from `at` on are filler.
fn filler_length(words: &[Word], at: usize, before: Option<&Word>) -> usize {
    if is_sound(&words[at]) {
        return 1;
    }
    let previous = before.map_or("", |word| word.low.as_str());
    let following = |offset: usize| words.get(at + offset).map_or("", |word| word.low.as_str());
    if has_at(words, at, "you know") {
        let asks = ["do", "did", "as", "if", "let", "that", "what", "how", "when", "would", "not", "will", "should"];
        let names_something = [
            "that", "what", "how", "if", "when", "where", "why", "who", "the", "about", "any", "anything", "of",
            "whether",
        ];
        let is_question_end = following(2) == "?";
        let is_object = names_something.contains(&following(2)) && !matches!(previous, "," | "");
        return if asks.contains(&previous) || is_object || is_question_end { 0 } else { 2 };
    }
    if has_at(words, at, "i mean") && previous != "what" && following(2) != "that" {
        return 2;
    }
    let stands_alone = matches!(previous, "," | "" | "and" | "but" | "so") && following(1) == ",";
    let is_loose =
        matches!(words[at].low.as_str(), "like" | "actually" | "basically" | "honestly" | "obviously" | "literally");
    // "it was like , a tiny bit high"
    let is_hedge = words[at].low == "like"
        && following(1) == ","
        && !matches!(previous, "things" | "symptoms" | "feel" | "feels" | "look" | "looks" | "sounds");
    usize::from((stands_alone && is_loose) || is_hedge)
}

/// "if i'm ex- exerting": the cut-off word goes where the speaker starts again or breaks off.
fn without_cut_off_words(words: Vec<Word>) -> Vec<Word> {
    let goes = |at: usize| {
        let low = words[at].low.as_str();
        let Some(stem) = low.strip_suffix('-').filter(|stem| !stem.is_empty()) else {
            return false;
        };
        match words.get(at + 1) {
            Some(_) if stem.len() <= 3 && !matches!(stem, "non" | "pre" | "mid" | "pro" | "low") => true,
            Some(next) => next.is_mark() || next.low.chars().next() == stem.chars().next(),
            // The end of a turn cuts a sentence off, mostly not a word.
            None => stem.chars().count() == 1,
        }
    };
    let keep: Vec<bool> = (0..words.len()).map(|at| !goes(at)).collect();
    let last = words.len().saturating_sub(1);
    let mut kept = Vec::with_capacity(words.len());
    for (at, mut word) in words.into_iter().enumerate() {
        if !keep[at] {
            continue;
        }
        if at == last && word.low.len() > 1 && word.low.ends_with('-') {
            word.low.pop();
            word.said = word.said.trim_end_matches('-').to_owned();
        }
        kept.push(word);
    }
    kept
}

/// Words that may stand twice in a row in good English.
const MAY_REPEAT: &[&str] = &["had", "that", "had had"];

/// "i , i just", "i feel , i feel bloated": the first of the two goes.
fn without_repeats(words: Vec<Word>) -> Vec<Word> {
    let mut kept: Vec<Word> = Vec::with_capacity(words.len());
    for word in words {
        let is_mark = word.is_mark();
        kept.push(word);
        if !is_mark {
            while drop_repeat(&mut kept) || drop_false_start(&mut kept) || drop_lost_subject(&mut kept) {}
        }
    }
    kept
}

fn drop_repeat(kept: &mut Vec<Word>) -> bool {
    for length in (1..=6).rev() {
        let Some(second) = kept.len().checked_sub(length) else {
            continue;
        };
        let mut end = second;
        while end > 0 && matches!(kept[end - 1].low.as_str(), "," | "..." | "-") {
            end -= 1;
        }
        let Some(first) = end.checked_sub(length) else {
            continue;
        };
        let same = (0..length).all(|offset| is_restart(&kept[first + offset], &kept[second + offset]));
        if !same {
            continue;
        }
        let is_plain = kept[second..].iter().all(|word| !word.is_mark() && !is_number(&word.low));
        let may_stand = length == 1 && end == second && MAY_REPEAT.contains(&kept[second].low.as_str());
        if is_plain && !may_stand {
            kept.drain(first..second);
            return true;
        }
    }
    false
}

/// "on your on the neurological exam", "on your i do see": what was started with "your" goes on as something else.
fn drop_false_start(kept: &mut Vec<Word>) -> bool {
    const DETERMINERS: &[&str] = &["your", "my", "the", "a", "an"];
    const PREPOSITIONS: &[&str] = &["on", "in", "of", "at", "to", "for", "with"];
    let [.., first, determiner, last] = kept.as_slice() else {
        return false;
    };
    if !DETERMINERS.contains(&determiner.low.as_str()) || !PREPOSITIONS.contains(&last.low.as_str()) {
        return false;
    }
    // A repeated preposition takes its first try with it; another one only the determiner.
    let from = kept.len() - if first.low == last.low { 3 } else { 2 };
    kept.drain(from..kept.len() - 1);
    true
}

/// "i do n't i ca n't think", "i she wanted": a subject that is followed by a subject was not meant.
fn drop_lost_subject(kept: &mut Vec<Word>) -> bool {
    const SUBJECTS: &[&str] = &["i", "they", "she", "he", "we"];
    let low = |back: usize| kept.len().checked_sub(back).map_or("", |at| kept[at].low.as_str());
    if !SUBJECTS.contains(&low(1)) {
        return false;
    }
    let length = if SUBJECTS.contains(&low(2)) && low(2) != low(1) {
        1
    } else if low(3) == low(1)
        && matches!(low(2), "do" | "am" | "have" | "can" | "was" | "did" | "would" | "could" | "just" | "still")
    {
        2
    } else if low(4) == low(1)
        && low(2) == "not"
        && matches!(low(3), "do" | "am" | "have" | "can" | "was" | "did" | "would" | "could")
    {
        3
    } else {
        return false;
    };
    let last = kept.len() - 1;
    kept.drain(last - length..last);
    true
}

/// The same word, or its contraction ("it , it's").
fn is_restart(first: &Word, second: &Word) -> bool {
    first.low == second.low
        || second.low.strip_prefix(first.low.as_str()).is_some_and(|rest| matches!(rest, "'s" | "'d"))
}

/// No comma at the start, at the end, or beside another mark.
fn tidy_marks(words: Vec<Word>) -> Vec<Word> {
    let mut kept: Vec<Word> = Vec::with_capacity(words.len());
    for word in words {
        let is_soft = matches!(word.low.as_str(), "," | "-" | "..." | ":");
        let after_mark = kept.last().is_none_or(Word::is_mark);
        if is_soft && after_mark {
            continue;
        }
        if word.is_mark() && !is_soft && word.low != "%" && kept.last().is_some_and(|last| last.low == ",") {
            kept.pop();
        }
        kept.push(word);
    }
    while kept.last().is_some_and(|last| matches!(last.low.as_str(), "," | "-" | ":")) {
        kept.pop();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::words::{quote, read};

    fn cleaned(text: &str) -> String {
        quote(&clean(read(text, 0)))
    }

    #[test]
    fn fillers_and_restarts_go() {
        for (said, clean) in [
            ("i , i just feel out of sorts", "i just feel out of sorts"),
            ("um , the , the , the last year , you know , it , it's been", "the last year it's been"),
            ("i feel , i feel bloated", "i feel bloated"),
            ("if i'm ex- exerting any energy", "if i'm exerting any energy"),
            ("we do mon- , i , i monitor it", "we do, i monitor it"),
            ("distention to-", "distention to"),
            ("just when i'm doing doing the projects", "just when i'm doing the projects"),
            ("it hurts , doctor , every day", "it hurts, every day"),
            ("i do n't i ca n't think of it", "i can't think of it"),
            ("i she wanted me to", "she wanted me to"),
        ] {
            assert_eq!(cleaned(said), clean);
        }
    }

    #[test]
    fn numbers_negations_and_content_stay() {
        for said in
            ["one one", "20 , 20 milligrams", "i had had it", "do you know what it is", "as you know", "not like that"]
        {
            assert_eq!(cleaned(said).replace(',', ""), said.replace(" ,", ""), "{said}");
        }
        assert_eq!(cleaned("no , no pain"), "no pain");
    }
}
