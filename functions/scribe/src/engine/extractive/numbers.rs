//! Spoken numbers as digits, where there is one way to read them: a plain cardinal before a unit or a stretch of time,
//! and two readings with "over" between them. Everything else stays as it was said.

use super::lexicon::number_value;
use crate::engine::phrases::phrases;

phrases! { UNITS = "
    mg | milligram | milligrams | mcg | micrograms | ml | units | gram | grams | percent | % | degrees | pounds | centimeters |
    inches | week | weeks | month | months | year | years | day | days | hour | hours | minutes | times | tablets | puffs | beats
" }

/// The words with their numbers in digits.
pub(super) fn in_digits(words: Vec<String>) -> Vec<String> {
    let mut written: Vec<String> = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let length = words[at..].iter().take_while(|word| number_value(word).is_some()).count();
        let is_part = words[at] == "hundred" || words[at] == "thousand";
        let follows_number = written.last().is_some_and(|last| is_number_like(last) || (is_part && last == "a"));
        match in_digits_at(&words[at..], length, follows_number) {
            Some((digits, used)) => {
                written.extend(digits);
                at += used;
            }
            None => {
                written.extend_from_slice(&words[at..at + length.max(1)]);
                at += length.max(1);
            }
        }
    }
    let unit = |word: String| if matches!(word.as_str(), "milligram" | "milligrams") { "mg".to_owned() } else { word };
    written.into_iter().map(unit).collect()
}

/// The number that starts here, `length` words long as it was said, in digits, and how many words that takes.
fn in_digits_at(words: &[String], length: usize, follows_number: bool) -> Option<(Vec<String>, usize)> {
    if length == 0 || follows_number {
        return None;
    }
    if let Some((reading, used)) = reading(words, length) {
        return Some((vec![reading], used));
    }
    let value = cardinal(&words[..length])?.to_string();
    let after = words.get(length)?;
    if UNITS.is(after) {
        return Some((vec![value], length));
    }
    // "six to eight weeks" has one unit for both.
    let second = &words[length + 1..];
    let second_length = second.iter().take_while(|word| number_value(word).is_some()).count();
    let joins = matches!(after.as_str(), "to" | "or") && second.get(second_length).is_some_and(|unit| UNITS.is(unit));
    let second_value = cardinal(&second[..second_length]).filter(|_| joins)?.to_string();
    Some((vec![value, after.clone(), second_value], length + 1 + second_length))
}

/// "a hundred", "half", "1.5": a run behind one of these is a part of a larger number.
fn is_number_like(word: &str) -> bool {
    matches!(word, "half" | "point" | "." | "and" | "to" | "between") || word.starts_with(|c: char| c.is_ascii_digit())
}

/// The value of "six hundred", "twenty five", "ten"; nothing for "one fifty", which is said for more than one number.
fn cardinal(run: &[String]) -> Option<u32> {
    let values: Vec<u32> = run.iter().map(|word| number_value(word)).collect::<Option<_>>()?;
    match values[..] {
        [value] => Some(value),
        [tens @ 20..=90, unit @ 1..=9] => Some(tens + unit),
        [count @ 1..=9, factor @ (100 | 1000)] => Some(count * factor),
        [count @ 1..=9, 100, rest @ 1..=99] => Some(count * 100 + rest),
        _ => None,
    }
}

/// "one thirty two over eighty" and "three out of six".
fn reading(words: &[String], length: usize) -> Option<(String, usize)> {
    let joint = words.get(length)?.as_str();
    if matches!(joint, "." | "point") {
        return decimal(words, length);
    }
    let (skipped, is_pressure) = match joint {
        "over" => (1, true),
        "out" if words.get(length + 1)? == "of" => (2, false),
        _ => return None,
    };
    let second = &words[length + skipped..];
    let second_length = second.iter().take_while(|word| number_value(word).is_some()).count();
    let (upper, lower) = if is_pressure {
        (spoken_pressure(&words[..length])?, spoken_pressure(&second[..second_length])?)
    } else {
        (cardinal(&words[..length])?, cardinal(&second[..second_length])?)
    };
    // A murmur is graded "two over six", too.
    let is_grade = upper <= lower && lower <= if is_pressure { 6 } else { 10 };
    // "one thirty over seventy to eighty" is a range, not a reading.
    let goes_on =
        words.get(length + skipped + second_length).is_some_and(|next| matches!(next.as_str(), "to" | "or" | "point"));
    let is_sane = !goes_on && (is_grade || (is_pressure && upper > lower && lower >= 20));
    is_sane.then(|| (format!("{upper}/{lower}"), length + skipped + second_length))
}

/// "ninety seven . one" is how recognition writes "ninety-seven point one".
fn decimal(words: &[String], length: usize) -> Option<(String, usize)> {
    let tenth = number_value(words.get(length + 1)?).filter(|tenth| *tenth < 10)?;
    let is_end = words.get(length + 2).is_none_or(|next| number_value(next).is_none());
    let whole = cardinal(&words[..length])?;
    is_end.then(|| (format!("{whole}.{tenth}"), length + 2))
}

/// A blood pressure is said digit group by digit group: "one thirty two" is 132.
fn spoken_pressure(run: &[String]) -> Option<u32> {
    let values: Vec<u32> = run.iter().map(|word| number_value(word)).collect::<Option<_>>()?;
    match values[..] {
        [hundreds @ 1..=2, tens @ 20..=90, unit @ 1..=9] => Some(hundreds * 100 + tens + unit),
        [hundreds @ 1..=2, rest @ 10..=99] => Some(hundreds * 100 + rest),
        _ => cardinal(run),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        in_digits(text.split(' ').map(str::to_owned).collect()).join(" ")
    }

    #[test]
    fn clear_numbers_are_written_in_digits() {
        for (said, expected) in [
            ("six hundred milligrams every six hours", "600 mg every 6 hours"),
            ("one thirty two over eighty", "132/80"),
            ("one eighty over ninety five in the er", "180/95 in the er"),
            ("a three out of six murmur", "a 3/6 murmur"),
            ("in twenty five days", "in 25 days"),
            ("a two over six murmur", "a 2/6 murmur"),
            ("about ninety seven . one today", "about 97.1 today"),
            ("zero point four mg", "0.4 mg"),
            ("for six to eight weeks", "for 6 to 8 weeks"),
            ("three or four times", "3 or 4 times"),
            ("two ibuprofen two hundred milligram tablets", "two ibuprofen 200 mg tablets"),
        ] {
            assert_eq!(written(said), expected);
        }
    }

    #[test]
    fn unclear_numbers_stay() {
        for said in ["one fifty mg", "five ten mg", "one of them", "two", "once over eighty", "10 out of ten"] {
            assert_eq!(written(said), said);
        }
    }
}
