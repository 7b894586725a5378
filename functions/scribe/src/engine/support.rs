//! The check that every sentence of a note passes: it says nothing that its evidence does not say.
//!
//! It is a check of words, not of meaning, and so errs on the side of refusing: numbers, medications, sides of the body
//! and negations of a sentence must stand in the messages that it cites. [`every_word`] goes further and wants every
//! word that carries content, up to its grammatical form; the extractive engine meets that, a model that writes in its
//! own words cannot.

use std::collections::HashSet;

use super::extractive::lexicon::{is_drug_name, number_value};
use super::words::{Word, phrases, read};

/// Why a sentence is refused. It names the kind of trouble, never the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unsupported {
    /// A number that was not said.
    Number,
    /// A medication that was not named.
    Medication,
    /// Left, right or both, where that was not said.
    Side,
    /// A negation of something that was not negated.
    Negation,
    /// A word that was not said.
    Word,
}

/// Whether the facts of a sentence that can be told from its words stand in its evidence.
pub fn facts(sentence: &str, evidence: &[&str]) -> Result<(), Unsupported> {
    let said = Said::of(evidence);
    let words = read(sentence, 0);
    if !numbers(&words).iter().all(|number| said.numbers.contains(number)) {
        return Err(Unsupported::Number);
    }
    for word in &words {
        if is_drug_name(&word.low) && !said.has(&word.low) {
            return Err(Unsupported::Medication);
        }
        if is_side(&word.low) && !said.words.iter().any(|other| same_side(other, &word.low)) {
            return Err(Unsupported::Side);
        }
    }
    if negations(&words) > 0 && said.negations == 0 {
        return Err(Unsupported::Negation);
    }
    Ok(())
}

/// Whether, besides, every word of content stands there.
pub fn every_word(sentence: &str, evidence: &[&str]) -> Result<(), Unsupported> {
    facts(sentence, evidence)?;
    let said = Said::of(evidence);
    let words = read(sentence, 0);
    let is_supported = |word: &Word| word.is_mark() || is_digits(word) || is_frame(&word.low) || said.has(&word.low);
    if words.iter().all(is_supported) { Ok(()) } else { Err(Unsupported::Word) }
}

/// A number in digits, which [`facts`] has checked.
fn is_digits(word: &Word) -> bool {
    word.low.chars().all(|c| c.is_ascii_digit() || ".,/+-%".contains(c))
}

/// What the evidence says.
struct Said {
    words: HashSet<String>,
    stems: HashSet<String>,
    numbers: HashSet<String>,
    negations: usize,
}

impl Said {
    fn of(evidence: &[&str]) -> Self {
        let words: Vec<Word> = evidence.iter().enumerate().flat_map(|(turn, text)| read(text, turn)).collect();
        Self {
            stems: words.iter().map(|word| stem(&word.low)).collect(),
            numbers: numbers(&words).into_iter().collect(),
            negations: negations(&words),
            words: words.into_iter().map(|word| word.low).collect(),
        }
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(word) || self.stems.contains(&stem(word))
    }
}

/// A word without its grammatical ending; the same for all its forms, near enough.
fn stem(word: &str) -> String {
    let word = word.trim_end_matches('-').trim_end_matches("'s").trim_end_matches('\'');
    for ending in ["ying", "ies", "ied", "ing", "ed", "es", "ly", "s", "y", "e"] {
        let Some(rest) = word.strip_suffix(ending).filter(|rest| rest.chars().count() >= 3) else {
            continue;
        };
        return without_double(rest);
    }
    word.to_owned()
}

fn without_double(text: &str) -> String {
    let mut chars = text.chars().rev();
    match (chars.next(), chars.next()) {
        (Some(last), Some(before)) if last == before && !"aeiou".contains(last) => {
            text[..text.len() - last.len_utf8()].to_owned()
        }
        _ => text.to_owned(),
    }
}

/// Every number as its digits; spoken ones too ("twenty five" is 25, 20 and 5).
fn numbers(words: &[Word]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if word.low.chars().any(|c| c.is_ascii_digit()) {
            let digits = word.low.split(|c: char| !c.is_ascii_digit() && c != '.').filter(|run| !run.is_empty());
            found.extend(digits.map(|run| run.trim_matches('.').trim_start_matches('0').to_owned()));
            continue;
        }
        let Some(value) = number_value(&word.low) else {
            continue;
        };
        found.push(value.to_string());
        let next = words.get(at + 1).and_then(|next| number_value(&next.low));
        match next {
            Some(small) if value >= 20 && value < 100 && small < 10 => found.push((value + small).to_string()),
            Some(rest) if value < 10 && (10..100).contains(&rest) => {
                let after = words
                    .get(at + 2)
                    .and_then(|after| number_value(&after.low))
                    .filter(|after| *after < 10 && rest >= 20);
                found.push((value * 100 + rest).to_string());
                found.extend(after.map(|unit| (value * 100 + rest + unit).to_string()));
            }
            Some(factor @ (100 | 1000)) if value < 1000 => found.push((value * factor).to_string()),
            _ => {}
        }
    }
    found
}

fn is_side(word: &str) -> bool {
    matches!(word, "left" | "right" | "bilateral" | "bilaterally")
}

/// "both" and "bilateral" are the same claim.
fn same_side(said: &str, claimed: &str) -> bool {
    said == claimed || (claimed.starts_with("bilateral") && (said.starts_with("bilateral") || said == "both"))
}

const NEGATIONS: &[&str] = &[
    "no", "not", "never", "none", "nothing", "nobody", "nowhere", "neither", "nor", "without", "nope", "nah", "denies",
    "denied", "deny", "negative", "ain't",
];

/// How many words negate.
pub(super) fn negations(words: &[Word]) -> usize {
    words.iter().filter(|word| NEGATIONS.contains(&word.low.as_str())).count()
}

/// Words that a sentence may have without anyone having said them: those that only hold a sentence together, and the
/// closed list with which this project's sentences are framed.
fn is_frame(word: &str) -> bool {
    phrases! { FRAME = "
        patient | patient's | reports | denies | states | asked | answered | regarding | duration | onset |
        frequency | severity | agrees | plan | confirms | accompanying | person | exam | himself | herself |
        themselves | recommend | they | describes
    " }
    const GRAMMAR: &[&str] = &[
        "a", "an", "the", "is", "are", "was", "were", "be", "been", "being", "am", "has", "have", "had", "does", "do",
        "did", "to", "of", "in", "on", "at", "for", "with", "and", "or", "that", "this", "these", "there", "it", "he",
        "she", "his", "her", "him", "their", "them", "as", "by", "from", "about", "if", "will", "would", "not", "no",
        "can", "may",
    ];
    FRAME.is(word) || GRAMMAR.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_supported_in_any_form() {
        let evidence =
            ["i do n't take my lasix , twenty five mg , since 3 days", "have you had fevers on the right side ?"];
        for good in
            ["The patient does not take Lasix, 25 mg, since 3 days.", "The patient denies a fever on the right side."]
        {
            assert_eq!(every_word(good, &evidence), Ok(()), "{good}");
        }
    }

    #[test]
    fn each_kind_of_invention_is_caught() {
        let evidence = ["my left knee hurts , i take two advil"];
        for (bad, why) in [
            ("Takes 3 Advil.", Unsupported::Number),
            ("Takes 2 Tylenol.", Unsupported::Medication),
            ("Takes perindopril.", Unsupported::Medication),
            ("Right knee hurts.", Unsupported::Side),
            ("Bilateral knee pain.", Unsupported::Side),
            ("Denies knee hurts.", Unsupported::Negation),
            ("Left knee fracture.", Unsupported::Word),
        ] {
            assert_eq!(every_word(bad, &evidence), Err(why), "{bad}");
        }
        assert_eq!(facts("Left knee arthralgia.", &evidence), Ok(()));
    }

    #[test]
    fn spoken_numbers_are_numbers() {
        for (said, written) in [
            ("one thirty two over eighty", "132/80"),
            ("five hundred milligrams", "500 mg"),
            ("fifty-eight year old", "58-year-old"),
            ("twenty milligrams", "20 mg"),
            ("a1c of 7.5", "A1c 7.5"),
        ] {
            assert_eq!(facts(written, &[said]), Ok(()), "{said}");
        }
        assert_eq!(facts("25", &["twenty , and later five"]), Err(Unsupported::Number));
        assert_eq!(facts("80 mg", &["8 mg and 180 mg"]), Err(Unsupported::Number));
    }
}
