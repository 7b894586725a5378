//! The check that every sentence of a note passes: it says nothing that its evidence does not say.
//!
//! It is a check of words, not of meaning, and so errs on the side of refusing: numbers, medications, sides of the body
//! and negations of a sentence must stand in the messages that it cites. [`every_word`] goes further and wants every
//! word that carries content, up to its grammatical form; the extractive engine meets that, a model that writes in its
//! own words cannot.

use std::collections::HashSet;

use super::extractive::lexicon::{is_drug_name, number_value};
use super::phrases::phrases;
use super::words::{Word, read};

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
pub fn facts(sentence: &str, evidence: &[&Said]) -> Result<(), Unsupported> {
    facts_of(&read(sentence, 0), evidence)
}

/// Whether, besides, every word of content stands there.
pub fn every_word(sentence: &str, evidence: &[&Said]) -> Result<(), Unsupported> {
    let words = read(sentence, 0);
    facts_of(&words, evidence)?;
    let is_said = |word: &Word| evidence.iter().any(|said| said.has(unit(&word.low)));
    let is_supported = |word: &Word| word.is_mark() || is_digits(word) || is_frame(&word.low) || is_said(word);
    if words.iter().all(is_supported) { Ok(()) } else { Err(Unsupported::Word) }
}

fn facts_of(words: &[Word], evidence: &[&Said]) -> Result<(), Unsupported> {
    let said = |test: &dyn Fn(&Said) -> bool| evidence.iter().any(|said| test(said));
    if !numbers(words).iter().all(|number| said(&|said| said.numbers.contains(number))) {
        return Err(Unsupported::Number);
    }
    if !words.iter().all(|word| !is_drug_name(&word.low) || said(&|said| said.has(&word.low))) {
        return Err(Unsupported::Medication);
    }
    // "both times" claims no side.
    let mut claimed = sides(words).filter(|side| *side != "both");
    if !claimed.all(|side| said(&|said| said.sides.iter().any(|other| same_side(other, side)))) {
        return Err(Unsupported::Side);
    }
    if negations(words) > 0 && !said(&|said| said.is_negated) {
        return Err(Unsupported::Negation);
    }
    Ok(())
}

/// A unit under one name.
fn unit(word: &str) -> &str {
    if matches!(word, "milligram" | "milligrams") { "mg" } else { word }
}

/// A number in digits, which [`facts`] has checked.
fn is_digits(word: &Word) -> bool {
    word.low.chars().all(|c| c.is_ascii_digit() || ".,/+-%".contains(c))
}

/// What one message says, ready to be looked things up in.
pub struct Said {
    words: HashSet<String>,
    stems: HashSet<String>,
    sides: HashSet<String>,
    numbers: HashSet<String>,
    is_negated: bool,
}

impl Said {
    /// Reads a message.
    pub fn in_text(text: &str) -> Self {
        let words = read(text, 0);
        Self {
            stems: words.iter().map(|word| stem(&word.low)).collect(),
            sides: sides(&words).map(str::to_owned).collect(),
            numbers: numbers(&words).into_iter().collect(),
            is_negated: negations(&words) > 0,
            words: words.iter().map(|word| unit(&word.low).to_owned()).collect(),
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
            found.extend(digits.map(|run| without_leading_zeros(run.trim_matches('.')).to_owned()));
            continue;
        }
        let Some(value) = number_value(&word.low) else {
            continue;
        };
        found.push(value.to_string());
        if words.get(at + 1).is_some_and(|point| matches!(point.low.as_str(), "." | "point")) {
            let tenth = words.get(at + 2).and_then(|tenth| number_value(&tenth.low)).filter(|tenth| *tenth < 10);
            let tens = at
                .checked_sub(1)
                .and_then(|before| number_value(&words[before].low))
                .filter(|tens| *tens >= 20 && *tens < 100 && value < 10);
            found.extend(tenth.map(|tenth| format!("{}.{tenth}", value + tens.unwrap_or(0))));
        }
        let next = words.get(at + 1).and_then(|next| number_value(&next.low));
        match next {
            Some(small) if (20..100).contains(&value) && small < 10 => found.push((value + small).to_string()),
            Some(rest) if value < 10 && (10..100).contains(&rest) => {
                let after = words
                    .get(at + 2)
                    .and_then(|after| number_value(&after.low))
                    .filter(|after| *after < 10 && rest >= 20);
                found.push((value * 100 + rest).to_string());
                found.extend(after.map(|unit| (value * 100 + rest + unit).to_string()));
            }
            Some(factor @ (100 | 1000)) if value < 1000 => {
                let number = value * factor;
                found.push(number.to_string());
                let tens = words.get(at + 2).and_then(|tens| number_value(&tens.low)).filter(|tens| *tens < 100);
                let unit = words.get(at + 3).and_then(|unit| number_value(&unit.low)).filter(|unit| *unit < 10);
                found.extend(tens.map(|tens| (number + tens).to_string()));
                found.extend(
                    tens.zip(unit)
                        .filter(|(tens, _)| *tens >= 20)
                        .map(|(tens, unit)| (number + tens + unit).to_string()),
                );
            }
            _ => {}
        }
    }
    found
}

/// "08" is 8, and "0.4" stays.
fn without_leading_zeros(run: &str) -> &str {
    let zeros =
        run.bytes().zip(run.bytes().skip(1)).take_while(|(this, next)| *this == b'0' && next.is_ascii_digit()).count();
    &run[zeros..]
}

/// The sides of the body that are named. "all right", "right ," and "right now" name none, nor does "i left".
fn sides(words: &[Word]) -> impl Iterator<Item = &str> {
    let is_side = |at: usize| {
        let next = words.get(at + 1).filter(|next| !next.is_mark()).map_or("", |next| next.low.as_str());
        let before = at.checked_sub(1).map_or("", |before| words[before].low.as_str());
        match words[at].low.as_str() {
            "bilateral" | "bilaterally" | "both" => true,
            "right" => {
                const ELSEWHERE: &[&str] = &["now", "away", "here", "there", "so", "okay", "around", "before", "after"];
                let is_word_of_side = matches!(before, "the" | "my" | "your" | "on" | "his" | "her" | "to" | "that");
                before != "all" && !ELSEWHERE.contains(&next) && (!next.is_empty() || is_word_of_side)
            }
            "left" => !matches!(before, "i" | "we" | "he" | "she" | "they" | "you" | "patient"),
            _ => false,
        }
    };
    (0..words.len()).filter(move |&at| is_side(at)).map(|at| words[at].low.as_str())
}

/// "both" and "bilateral" are the same claim.
fn same_side(said: &str, claimed: &str) -> bool {
    let is_both = |word: &str| word.starts_with("bilateral") || word == "both";
    said == claimed || (is_both(claimed) && is_both(said))
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
        themselves | recommend | answer | said | denied | companion | they | describes
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

    fn facts(sentence: &str, evidence: &[&str]) -> Result<(), Unsupported> {
        let said: Vec<Said> = evidence.iter().map(|text| Said::in_text(text)).collect();
        super::facts(sentence, &said.iter().collect::<Vec<_>>())
    }

    fn every_word(sentence: &str, evidence: &[&str]) -> Result<(), Unsupported> {
        let said: Vec<Said> = evidence.iter().map(|text| Said::in_text(text)).collect();
        super::every_word(sentence, &said.iter().collect::<Vec<_>>())
    }

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
        assert_eq!(facts("Right knee pain.", &["all right , the knee , right ? right now"]), Err(Unsupported::Side));
        assert_eq!(facts("Bilateral knee pain.", &["both knees"]), Ok(()));
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
            ("one hundred twenty five pounds", "125 pounds"),
            ("ninety seven . one", "97.1"),
            ("zero point four mg", "0.4 mg"),
            ("a1c of 7.5", "A1c 7.5"),
        ] {
            assert_eq!(facts(written, &[said]), Ok(()), "{said}");
        }
        assert_eq!(facts("25", &["twenty , and later five"]), Err(Unsupported::Number));
        assert_eq!(facts("80 mg", &["8 mg and 180 mg"]), Err(Unsupported::Number));
    }
}
