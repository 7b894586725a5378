//! Closed lists of phrases, and a quick way to find out which of them stands where.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::words::Word;

/// FNV-1a: quick for short words. The tables that use it hold our own words, so nobody can crowd them.
#[derive(Clone, Copy)]
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// A table of our own words.
pub(super) type WordMap<T> = HashMap<&'static str, T, BuildHasherDefault<Fnv>>;

/// A closed list of phrases, found by their first words.
pub(super) struct Phrases {
    by_first: WordMap<Vec<Vec<&'static str>>>,
}

impl Phrases {
    /// Reads a list that is written with `|` between its phrases.
    pub(super) fn of(text: &'static str) -> Self {
        let mut by_first: WordMap<Vec<Vec<_>>> = WordMap::default();
        for phrase in text.split('|') {
            let words: Vec<&str> = phrase.split_whitespace().collect();
            if let Some(first) = words.first() {
                by_first.entry(*first).or_default().push(words);
            }
        }
        for phrases in by_first.values_mut() {
            phrases.sort_by_key(|words| std::cmp::Reverse(words.len()));
        }
        Self { by_first }
    }

    /// The length of the longest phrase that stands at `at`.
    pub(super) fn at(&self, words: &[Word], at: usize) -> Option<usize> {
        let phrases = self.by_first.get(words.get(at)?.low.as_str())?;
        let stands = |phrase: &&Vec<&str>| {
            phrase.len() <= words.len() - at && phrase.iter().zip(&words[at..]).all(|(part, word)| word.low == *part)
        };
        phrases.iter().find(stands).map(Vec::len)
    }

    /// The length of the longest phrase that the words start with.
    pub(super) fn at_start(&self, words: &[Word]) -> Option<usize> {
        self.at(words, 0)
    }

    /// Where the first of the phrases stands, and its length.
    pub(super) fn first(&self, words: &[Word]) -> Option<(usize, usize)> {
        (0..words.len()).find_map(|at| self.at(words, at).map(|length| (at, length)))
    }

    /// Whether one of the phrases stands anywhere.
    pub(super) fn within(&self, words: &[Word]) -> bool {
        self.first(words).is_some()
    }

    /// Whether the word alone is one of the phrases.
    pub(super) fn is(&self, word: &str) -> bool {
        self.by_first.get(word).is_some_and(|phrases| phrases.iter().any(|phrase| phrase.len() == 1))
    }
}

/// A closed list of phrases as a static: `phrases! { GREETINGS = "good morning | hello" }`.
macro_rules! phrases {
    ($(#[$meta:meta])* $visibility:vis $name:ident = $text:literal) => {
        $(#[$meta])*
        $visibility static $name: std::sync::LazyLock<$crate::engine::phrases::Phrases> =
            std::sync::LazyLock::new(|| $crate::engine::phrases::Phrases::of($text));
    };
}
pub(super) use phrases;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::words::read;

    #[test]
    fn the_longest_phrase_that_stands_at_a_place_is_found() {
        let words = read("and for your first problem", 0);
        let phrases = Phrases::of("first | first problem | and");
        assert_eq!(
            (phrases.first(&words), phrases.at(&words, 3), phrases.at(&words, 9)),
            (Some((0, 1)), Some(2), None)
        );
        assert!(phrases.within(&words) && phrases.is("first") && !phrases.is("problem"));
    }
}
