//! Text as words: the one way in which talk is taken apart here, for writing a note and for checking one.
//!
//! It undoes what speech recognition does to text ("do n't", "gon na", " ,"), and opens contractions ("i'm" is "i" and
//! "am"), so that the rules above it see plain words. A word remembers the form it was said in.

/// A word or a punctuation mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The plain word in lower case, or the mark.
    pub(super) low: String,
    /// The form it was said in; empty for the second part of an opened contraction.
    pub(super) said: String,
    /// The number of the turn it stands in.
    pub(super) turn: usize,
}

impl Word {
    pub(super) fn new(low: &str, said: &str, turn: usize) -> Self {
        Self { low: low.to_owned(), said: said.to_owned(), turn }
    }

    pub(super) fn is_mark(&self) -> bool {
        !self.low.chars().any(char::is_alphanumeric)
    }

    pub(super) fn ends_sentence(&self) -> bool {
        matches!(self.low.as_str(), "." | "?" | "!" | ";" | "...")
    }

    /// The word as it is written in a note that does not quote it.
    pub(super) fn plain(&self) -> &str {
        // An opened contraction has another form than was said; any other word keeps its capitals.
        if self.said.to_lowercase() == self.low { &self.said } else { &self.low }
    }
}

/// Contractions that can be read in one way only.
const OPENED: &[(&str, &[&str])] = &[
    ("i'm", &["i", "am"]),
    ("i've", &["i", "have"]),
    ("i'll", &["i", "will"]),
    ("you're", &["you", "are"]),
    ("you've", &["you", "have"]),
    ("you'll", &["you", "will"]),
    ("we're", &["we", "are"]),
    ("we've", &["we", "have"]),
    ("we'll", &["we", "will"]),
    ("they're", &["they", "are"]),
    ("they've", &["they", "have"]),
    ("they'll", &["they", "will"]),
    ("it'll", &["it", "will"]),
    ("that'll", &["that", "will"]),
    ("can't", &["can", "not"]),
    ("cannot", &["can", "not"]),
    ("won't", &["will", "not"]),
    ("gonna", &["going", "to"]),
    ("wanna", &["want", "to"]),
    ("gotta", &["got", "to"]),
    ("kinda", &["kind", "of"]),
    ("sorta", &["sort", "of"]),
    ("lotta", &["lot", "of"]),
    ("'cause", &["because"]),
    ("cuz", &["because"]),
    ("alright", &["all", "right"]),
    ("ok", &["okay"]),
    ("'em", &["them"]),
    ("im", &["i", "am"]),
    ("ive", &["i", "have"]),
    ("dont", &["do", "not"]),
    ("cant", &["can", "not"]),
    ("wont", &["will", "not"]),
];

/// Verbs that "n't" hangs on.
const NEGATED: &[&str] = &[
    "do", "does", "did", "is", "are", "was", "were", "have", "has", "had", "could", "would", "should", "might", "must",
    "need",
];

/// Pairs that a tokeniser took apart.
const SPLIT_PAIRS: &[(&str, &str, &str)] = &[
    ("gon", "na", "gonna"),
    ("wan", "na", "wanna"),
    ("got", "ta", "gotta"),
    ("ca", "n't", "can't"),
    ("wo", "n't", "won't"),
    ("ai", "n't", "ain't"),
    ("gim", "me", "give me"),
    ("lem", "me", "let me"),
];

const TITLES: &[&str] = &["dr", "mr", "mrs", "ms", "st", "vs"];

/// Takes a text apart.
pub(super) fn read(text: &str, turn: usize) -> Vec<Word> {
    let text = text.replace(['\u{2019}', '\u{2018}'], "'").replace('\u{2026}', " ... ").replace("--", " - ");
    let mut pieces = Vec::new();
    for chunk in text.split_whitespace() {
        split_marks(chunk, &mut pieces);
    }
    let mut words = Vec::with_capacity(pieces.len());
    let mut at = 0;
    while at < pieces.len() {
        at += push_word(&pieces, at, turn, &mut words);
    }
    words
}

/// Cuts marks off a chunk's ends; marks inside a word ("1/12/71", "x-ray", "12.5") belong to it.
fn split_marks(chunk: &str, pieces: &mut Vec<String>) {
    if matches!(chunk, "n't" | "'s" | "'m" | "'ve" | "'re" | "'ll" | "'d" | "'cause" | "'em")
        || chunk.starts_with("...")
    {
        pieces.push(chunk.to_owned());
        return;
    }
    let is_edge =
        |c: char| matches!(c, ',' | '?' | '!' | ';' | ':' | '"' | '(' | ')' | '[' | ']' | '\u{201c}' | '\u{201d}');
    let mut rest = chunk;
    while let Some(first) = rest.chars().next().filter(|&c| is_edge(c) || (c == '.' && rest.len() == 1)) {
        pieces.push(first.to_string());
        rest = &rest[first.len_utf8()..];
    }
    let mut tail = Vec::new();
    while let Some(last) = rest.chars().last() {
        let is_stop = last == '.' && !is_abbreviation(rest);
        let is_quote = last == '\'' && !rest.ends_with("s'");
        let is_unit = last == '%' && rest.len() > 1;
        if !(is_edge(last) || is_stop || is_quote || is_unit) {
            break;
        }
        tail.push(last.to_string());
        rest = &rest[..rest.len() - last.len_utf8()];
    }
    // A comma between two words without a space ("a lot,and") is a mark; within a number it is not.
    match rest.split_once(',') {
        Some((left, right))
            if !left.ends_with(|c: char| c.is_ascii_digit()) && !left.is_empty() && !right.is_empty() =>
        {
            pieces.extend([left.to_owned(), ",".to_owned(), right.to_owned()]);
        }
        _ if !rest.is_empty() => pieces.push(rest.to_owned()),
        _ => {}
    }
    pieces.extend(tail.into_iter().rev());
}

fn is_abbreviation(text: &str) -> bool {
    let stem = text.trim_end_matches('.').to_lowercase();
    TITLES.contains(&stem.as_str())
        || (stem.len() > 1 && stem.contains('.') && stem.chars().all(|c| c == '.' || c.is_alphabetic()))
}

/// Adds the word at `at`, and says how many pieces it took.
fn push_word(pieces: &[String], at: usize, turn: usize, words: &mut Vec<Word>) -> usize {
    let said = pieces[at].as_str();
    let low = said.to_lowercase();
    let next = pieces.get(at + 1).map(|piece| piece.to_lowercase());
    if let Some(next) = &next {
        if let Some((.., whole)) = SPLIT_PAIRS.iter().find(|(left, right, _)| *left == low && right == next) {
            push_opened(whole, whole, turn, words);
            return 2;
        }
        let is_suffix = next == "n't" || matches!(next.as_str(), "'s" | "'m" | "'ve" | "'re" | "'ll" | "'d");
        if is_suffix && low.chars().all(char::is_alphabetic) {
            let whole = format!("{said}{}", pieces[at + 1]);
            push_opened(&whole.to_lowercase(), &whole, turn, words);
            return 2;
        }
        // "mr . gutierrez" and "3 -year-old" are one thing each.
        if TITLES.contains(&low.as_str()) && next == "." {
            words.push(Word::new(&format!("{low}."), &format!("{said}."), turn));
            return 2;
        }
        if next.starts_with("-year") && low.chars().all(|c| c.is_ascii_digit()) {
            let whole = format!("{said}{}", pieces[at + 1]);
            words.push(Word::new(&whole.to_lowercase(), &whole, turn));
            return 2;
        }
    }
    push_opened(&low, said, turn, words);
    1
}

fn push_opened(low: &str, said: &str, turn: usize, words: &mut Vec<Word>) {
    if let Some((_, parts)) = OPENED.iter().find(|(whole, _)| *whole == low) {
        push_parts(parts, said, turn, words);
        return;
    }
    let stem = low
        .strip_suffix("n't")
        .or_else(|| low.strip_suffix("nt").filter(|stem| NEGATED.contains(stem) && stem.len() > 2));
    match stem {
        Some(stem) if NEGATED.contains(&stem) => push_parts(&[stem, "not"], said, turn, words),
        _ if low.contains(' ') => {
            for part in low.split(' ') {
                words.push(Word::new(part, part, turn));
            }
        }
        _ => words.push(Word::new(low, said, turn)),
    }
}

fn push_parts(parts: &[&str], said: &str, turn: usize, words: &mut Vec<Word>) {
    for (index, part) in parts.iter().enumerate() {
        words.push(Word::new(part, if index == 0 { said } else { "" }, turn));
    }
}

/// Whether the words of `phrase` stand at `at`. A `_` in the phrase is any one word.
pub(super) fn has_at(words: &[Word], at: usize, phrase: &str) -> bool {
    // Most phrases do not stand at most places, and the first letter tells.
    let first = phrase.bytes().next();
    if first != Some(b'_') && words.get(at).is_none_or(|word| word.low.bytes().next() != first) {
        return false;
    }
    let mut position = at;
    for part in phrase.split(' ') {
        match words.get(position) {
            Some(word) if part == "_" || word.low == part => position += 1,
            _ => return false,
        }
    }
    true
}

/// Where the phrase first stands.
pub(super) fn find(words: &[Word], phrase: &str) -> Option<usize> {
    (0..words.len()).find(|&at| has_at(words, at, phrase))
}

/// Whether the phrase stands anywhere.
pub(super) fn has(words: &[Word], phrase: &str) -> bool {
    find(words, phrase).is_some()
}

/// The longest of the phrases, written with `|` between them, that the words start with, as its number of words.
pub(super) fn starts(words: &[Word], phrases: &str) -> Option<usize> {
    let at_start = phrases.split('|').filter(|phrase| has_at(words, 0, phrase));
    at_start.map(|phrase| phrase.split(' ').count()).max()
}

/// Whether one of the phrases, written with `|` between them, stands anywhere.
pub(super) fn says(words: &[Word], phrases: &str) -> bool {
    phrases.split('|').any(|phrase| has(words, phrase))
}

/// Words and marks as text, without a sentence's capital and stop.
pub(super) fn join<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for part in parts {
        let hugs_left = matches!(part, "," | "." | "?" | "!" | ";" | ":" | "%" | ")" | "...") || part.starts_with("'s");
        if !(text.is_empty() || hugs_left || text.ends_with('(')) {
            text.push(' ');
        }
        text.push_str(part);
    }
    text
}

/// What was said, word for word, tidied only in its spaces.
pub(super) fn quote(words: &[Word]) -> String {
    join(words.iter().map(|word| word.said.as_str()).filter(|said| !said.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lows(text: &str) -> String {
        read(text, 0).iter().map(|word| word.low.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_marks_of_speech_recognition_are_undone() {
        assert_eq!(lows("i do n't , ca n't wait . gon na"), "i do not , can not wait . going to");
        assert_eq!(lows("I don\u{2019}t, I'm fine."), "i do not , i am fine .");
        assert_eq!(lows("mr . gutierrez saw dr. davis on 1/12/71 ."), "mr. gutierrez saw dr. davis on 1/12/71 .");
        assert_eq!(lows("a 3 -year-old , at 45 % , 1+ , 98.6"), "a 3-year-old , at 45 % , 1+ , 98.6");
        assert_eq!(lows("a lot,and 1,000 mg"), "a lot , and 1,000 mg");
        assert_eq!(lows(""), "");
    }

    #[test]
    fn a_quotation_keeps_the_form_it_was_said_in() {
        assert_eq!(quote(&read("I don't , ca n't , uh , wait .", 0)), "I don't, can't, uh, wait.");
    }

    #[test]
    fn phrases_are_found() {
        let words = read("and for your first problem", 0);
        assert!(has(&words, "for your _ problem") && !has(&words, "for your problem"));
        assert_eq!(starts(&words, "and|and for|for"), Some(2));
        assert_eq!(starts(&[], "and"), None);
        assert!(says(&words, "second|first problem"));
    }
}
