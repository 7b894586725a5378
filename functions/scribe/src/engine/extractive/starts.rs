//! Where a new sentence starts in speech without marks, by a small model: weights for the words around a gap, learnt from
//! transcripts that have marks. The weights are the file `lexicon/sentence_starts.txt`, which says where they come from.

use std::sync::LazyLock;

use crate::engine::phrases::WordMap;
use crate::engine::words::Word;

static WEIGHTS: LazyLock<WordMap<f32>> = LazyLock::new(|| {
    let lines = include_str!("../../../lexicon/sentence_starts.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(key, weight)| Some((key, weight.parse().ok()?)))
        .collect()
});

/// A start is believed from this score on. Below 0, because a start that is missed makes two sentences one.
const BELIEVED: f32 = -0.8;

/// Whether a sentence starts at `at`, the one before having started `since` words ago.
pub(super) fn is_start(words: &[Word], at: usize, since: usize) -> bool {
    let word = |index: Option<usize>, none: &'static str| {
        index.and_then(|index| words.get(index)).map_or(none, |word| &word.low)
    };
    let (before, earlier) = (word(at.checked_sub(1), "^"), word(at.checked_sub(2), "^"));
    let (next, second, third) = (word(Some(at), "$"), word(Some(at + 1), "$"), word(Some(at + 2), "$"));
    let keys = [
        format!("p {before}"),
        format!("n {next}"),
        format!("m {before} {next}"),
        format!("f {next} {second}"),
        format!("b {earlier} {before}"),
        format!("t {next} {second} {third}"),
        format!("l {}", since.min(12)),
        "bias".to_owned(),
    ];
    keys.iter().filter_map(|key| WEIGHTS.get(key.as_str())).sum::<f32>() > BELIEVED
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::words::read;

    #[test]
    fn the_weights_are_read() {
        assert!(WEIGHTS.len() > 1000 && WEIGHTS.contains_key("bias"));
    }

    #[test]
    fn a_new_subject_starts_and_an_object_does_not() {
        let words = read("your heart rate looks good you do not have a fever", 0);
        let starts: Vec<usize> = (1..words.len()).filter(|&at| is_start(&words, at, at)).collect();
        assert_eq!(starts, [5]);
    }
}
