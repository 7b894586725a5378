//! The word lists, and what can be asked of them. The lists themselves are text files in `lexicon/`.

use std::sync::LazyLock;

use crate::engine::phrases::{WordMap, phrases};
use crate::engine::words::Word;

macro_rules! lists {
    ($($name:ident = $file:literal;)*) => {$(
        static $name: LazyLock<WordMap<()>> =
            LazyLock::new(|| entries(include_str!(concat!("../../../lexicon/", $file))));
    )*};
}

lists! {
    SYMPTOMS = "symptoms.txt";
    CONDITIONS = "conditions.txt";
    DRUGS = "drugs.txt";
    TESTS = "tests.txt";
    BODY = "body.txt";
    EXAM = "exam.txt";
    FAMILY = "family.txt";
    SOCIAL = "social.txt";
    BRANDS = "brands.txt";
    ACRONYMS = "acronyms.txt";
}

fn entries(text: &'static str) -> WordMap<()> {
    text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).map(|word| (word, ())).collect()
}

pub(super) fn is_symptom(word: &str) -> bool {
    SYMPTOMS.contains_key(word)
}

pub(super) fn is_condition(word: &str) -> bool {
    CONDITIONS.contains_key(word)
}

/// Endings that medications have by their international names.
const DRUG_ENDINGS: &[&str] = &[
    "pril",
    "sartan",
    "olol",
    "statin",
    "cillin",
    "mycin",
    "azole",
    "prazole",
    "dipine",
    "oxetine",
    "gliptin",
    "gliflozin",
    "mab",
    "tinib",
    "triptan",
    "floxacin",
    "cycline",
    "parin",
    "xaban",
    "thiazide",
    "formin",
    "setron",
];

/// A medication by list, or by an ending that hardly any other word has.
pub(in crate::engine) fn is_drug(word: &str) -> bool {
    DRUGS.contains_key(word) || (word.len() > 6 && DRUG_ENDINGS.iter().any(|ending| word.ends_with(ending)))
}

/// A medication's own name, not a word such as "pill".
pub(in crate::engine) fn is_drug_name(word: &str) -> bool {
    phrases! { GENERAL = "
        medication | medications | medicine | medicines | meds | med | pill | pills | tablet | tablets | capsule |
        capsules | cream | creams | drops | prescription | prescriptions | treatment | injection | injections |
        supplement | supplements | spray | shampoo | brace | boot | cast | crutches | splint | sling | fish | lotion
        | antibiotic | antibiotics | steroid | steroids | iron | vitamin | vitamins | inhaler | inhalers
    " }
    is_drug(word) && !GENERAL.is(word)
}

pub(super) fn is_test(word: &str) -> bool {
    TESTS.contains_key(word)
}

pub(super) fn is_body(word: &str) -> bool {
    BODY.contains_key(word)
}

pub(super) fn is_exam(word: &str) -> bool {
    EXAM.contains_key(word)
}

pub(super) fn is_family(word: &str) -> bool {
    FAMILY.contains_key(word)
}

pub(super) fn is_social(word: &str) -> bool {
    SOCIAL.contains_key(word)
}

/// How the word is written inside a sentence of a note.
pub(super) fn written(word: &str) -> String {
    let low = word.to_lowercase();
    let (stem, possessive) = low.strip_suffix("'s").map_or((low.as_str(), ""), |stem| (stem, "'s"));
    if ACRONYMS.contains_key(stem) {
        return match stem.strip_suffix('s').filter(|singular| ACRONYMS.contains_key(singular)) {
            Some(singular) => format!("{}s{possessive}", singular.to_uppercase()),
            None => format!("{}{possessive}", stem.to_uppercase()),
        };
    }
    if BRANDS.contains_key(stem) || low == "i" || low.starts_with("i'") || is_title(&low) {
        return capital(word);
    }
    word.to_owned()
}

fn is_title(low: &str) -> bool {
    matches!(low, "dr." | "mr." | "mrs." | "ms.")
}

/// The text with a capital at its start.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

const NUMBER_WORDS: &[&str] = &[
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "thousand",
    "half",
    "quarter",
    "dozen",
];

static NUMBERS: LazyLock<WordMap<usize>> =
    LazyLock::new(|| NUMBER_WORDS.iter().enumerate().map(|(at, word)| (*word, at)).collect());

/// A number in digits or as a word.
pub(super) fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        || NUMBERS.contains_key(word)
        || word.split_once('-').is_some_and(|(left, _)| NUMBERS.contains_key(left))
}

/// What a number's word stands for; nothing for "half" and "dozen", which stand with other numbers.
pub(in crate::engine) fn number_value(word: &str) -> Option<u32> {
    if let Some((tens, unit)) = word.split_once('-') {
        let (tens, unit) = (number_value(tens)?, number_value(unit)?);
        return (tens >= 20 && unit < 10).then_some(tens + unit);
    }
    let index = u32::try_from(*NUMBERS.get(word)?).ok()?;
    match index {
        0..=20 => Some(index),
        21..=27 => Some((index - 18) * 10),
        28 => Some(100),
        29 => Some(1000),
        _ => None,
    }
}

phrases! { MEASURES = "
    day | days | week | weeks | month | months | year | years | hour | hours | minutes | daily | weekly | nightly | twice | once |
    mg | milligram | milligrams | mcg | ml | units | grams | gram | percent | % | degrees | pounds | pound | centimeters | inches |
    yesterday | morning | night | nights | weekend | times | ago | since
" }

/// Units and stretches of time, which make a number a fact.
pub(super) fn is_measure(word: &str) -> bool {
    MEASURES.is(word)
}

/// How many clinical words there are, weighted by how much each makes a sentence worth keeping.
pub(super) fn weight(words: &[Word]) -> f32 {
    words.iter().map(|word| word_weight(&word.low)).sum()
}

fn word_weight(word: &str) -> f32 {
    if is_drug(word) || is_condition(word) || is_symptom(word) {
        2.0
    } else if is_test(word) || is_exam(word) || is_family(word) || is_social(word) {
        1.5
    } else if is_body(word) || is_number(word) || is_measure(word) {
        1.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_their_capitals() {
        for (said, written_as) in
            [("lasix", "Lasix"), ("mri", "MRI"), ("mris", "MRIs"), ("i've", "I've"), ("knee", "knee"), ("dr.", "Dr.")]
        {
            assert_eq!(written(said), written_as);
        }
    }

    #[test]
    fn an_unlisted_medication_is_known_by_its_ending() {
        assert!(is_drug("perindopril") && is_drug_name("lasix"));
        assert!(!is_drug("april") && !is_drug("knee") && !is_drug_name("pill"));
    }

    #[test]
    fn the_lists_are_lower_case_and_without_stray_marks() {
        let lists = [&SYMPTOMS, &CONDITIONS, &DRUGS, &TESTS, &BODY, &EXAM, &FAMILY, &SOCIAL, &BRANDS, &ACRONYMS];
        for list in lists {
            assert!(list.len() > 20);
            for word in list.keys() {
                assert!(
                    word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-'".contains(c)),
                    "{word}"
                );
            }
        }
    }
}
