//! What the engine found to say, before it knows the template.

use std::collections::BTreeSet;

use super::lexicon::{capital, written};
use super::numbers::in_digits;
use crate::engine::phrases::phrases;
use crate::engine::support;
use crate::engine::words::{Word, join, read};

/// What a finding is about. The order is that of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Topic {
    /// Why the patient comes.
    Complaint,
    /// The course of the present problem.
    History,
    /// Symptoms that were asked for, with their answers.
    Review,
    /// Earlier illnesses and operations.
    PastMedical,
    /// Earlier or present mental illness and its treatment.
    Psychiatric,
    /// What is taken.
    Medications,
    /// Allergies.
    Allergies,
    /// Illnesses of relatives.
    Family,
    /// Work, home and habits.
    Social,
    /// Measured values.
    Vitals,
    /// Findings of heart and circulation.
    CardiacExam,
    /// Findings of mood, thought and orientation.
    MentalExam,
    /// Other findings of the examination.
    Exam,
    /// Results of tests.
    Results,
    /// Who the patient is and why they come, as the assessment's first sentence.
    Summary,
    /// What the clinician makes of it.
    Assessment,
    /// What is going to be done.
    Plan,
}

/// One sentence with the turns it comes from.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) topic: Topic,
    pub(super) text: String,
    pub(super) turns: BTreeSet<usize>,
    /// It says who the patient is.
    pub(super) is_introduction: bool,
}

/// A sentence that is being built, with the words that it is built from.
pub(super) struct Draft<'a> {
    pub(super) topic: Topic,
    pub(super) parts: Vec<String>,
    /// The very words that it tells; their negations and its own are the same in number.
    pub(super) source: Vec<&'a [Word]>,
    /// Words that it rests on without telling them, such as a heading's.
    pub(super) also: Vec<&'a [Word]>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(topic: Topic, parts: Vec<String>, source: &'a [Word]) -> Self {
        Self { topic, parts, source: vec![source], also: Vec::new() }
    }

    pub(super) fn resting_on(mut self, words: &'a [Word]) -> Self {
        self.also.push(words);
        self
    }

    pub(super) fn telling(mut self, words: &'a [Word]) -> Self {
        self.source.push(words);
        self
    }

    /// The finding, if its text is a sentence and loses or adds no negation.
    pub(super) fn finish(self) -> Option<Finding> {
        let negated: usize = self.source.iter().map(|words| support::negations(words)).sum();
        self.finish_with(negated)
    }

    /// The finding, if it negates that many times.
    pub(super) fn finish_with(self, negations: usize) -> Option<Finding> {
        let text = sentence(&self.parts)?;
        if support::negations(&read(&text, 0)) != negations {
            return None;
        }
        let turns = self.source.iter().chain(&self.also).flat_map(|words| words.iter().map(|word| word.turn)).collect();
        Some(Finding { topic: self.topic, text, turns, is_introduction: false })
    }
}

/// Words as a sentence with its capital and stop.
fn sentence(parts: &[String]) -> Option<String> {
    let said = in_digits(parts.iter().filter(|part| !part.is_empty()).cloned().collect());
    let words: Vec<String> =
        said.iter().enumerate().map(|(at, part)| if at == 0 { written(part) } else { within(part) }).collect();
    let text = join(words.iter().map(String::as_str)).replace("can not", "cannot");
    let text = text.trim_matches(|c: char| matches!(c, ',' | '.' | ':' | ';' | '-' | ' '));
    if text.chars().filter(|c| c.is_alphanumeric()).count() < 2 {
        return None;
    }
    let stop = if text.trim_end_matches('"').ends_with(['.', '?', '!']) { "" } else { "." };
    Some(format!("{}{stop}", capital(text)))
}

phrases! { COMMON = "
    a | an | the | it | it's | that | that's | there | there's | this | they | he | she | no | not | since | some | my | when | if | after | every |
    sometimes | about | probably | just | maybe | slight | mild | severe | for | in | on | at | from | with | around | over | almost |
    more | most | usually | only | both | all | last | two | three | four | five | one | he's | she's | his | her | their | any | little
" }

/// A word within a sentence: one that began a sentence when it was said loses its capital, unless it may be a name.
fn within(part: &str) -> String {
    let low = part.to_lowercase();
    if COMMON.is(&low) { low } else { written(part) }
}

/// Fixed words, for the start of a sentence.
pub(super) fn parts(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The words as they stand.
pub(super) fn plain(words: &[Word]) -> Vec<String> {
    words.iter().map(|word| word.plain().to_owned()).collect()
}
