//! What the patient tells.

use super::finding::{Draft, Finding, Topic, parts};
use super::leads::{lead_length, without_lead};
use super::lexicon::{is_condition, is_measure, is_number, is_symptom, weight};
use super::retell::{PatientIs, Pronoun, retell};
use super::run_on::CORRECTS;
use super::topics::topic;
use super::verbs::{is_base, is_finite};
use crate::engine::phrases::phrases;
use crate::engine::words::{Word, quote, starts};

/// A statement says something clinical from this weight on.
const WORTH_TELLING: f32 = 2.0;

/// A statement that cannot be told in the third person is quoted from this weight on.
const WORTH_QUOTING: f32 = 4.0;

/// What someone else tells is quoted from this weight on: where a parent speaks, nobody else does.
const WORTH_QUOTING_OF_OTHER: f32 = 3.0;

/// Longer statements lose the thread, and a reader with it.
const LONGEST: usize = 45;

/// What a statement answers.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The question, if there is one.
    pub(super) words: &'a [Word],
    /// The question opens a subject ("what's going on ?"), so that whatever answers it belongs into the note.
    pub(super) is_open: bool,
}

/// The finding that the words are, if any.
pub(super) fn statement(words: &[Word], asked: Asked<'_>, pronoun: Pronoun) -> Option<Finding> {
    let words = without_lead(words);
    if words.len() < 4 - usize::from(is_thing(words)) || words.len() > LONGEST || TALK.within(words) {
        return None;
    }
    let weight = weight(words);
    let is_answer = asked.is_open && words.len() >= 5 && matches!(words[0].low.as_str(), "i" | "my");
    if weight < WORTH_TELLING && !is_answer {
        return None;
    }
    let topic = topic(words, asked.words);
    let is_corrected = CORRECTS.within(words);
    if let Some(told) = told(words, pronoun).filter(|_| !is_corrected) {
        let draft = Draft::new(topic, told, words);
        return if asked.words.is_empty() { draft.finish() } else { draft.resting_on(asked.words).finish() };
    }
    (weight >= WORTH_QUOTING && words.len() >= 6).then(|| quoted(frame(pronoun), words, topic)).flatten()
}

/// What someone else than the patient tells, always word for word.
pub(super) fn statement_of_other(words: &[Word]) -> Option<Finding> {
    let words = without_lead(words);
    if words.len() < 5 || words.len() > LONGEST || weight(words) < WORTH_QUOTING_OF_OTHER || TALK.within(words) {
        return None;
    }
    quoted("an accompanying person states :", words, topic(words, &[]))
}

const fn frame(pronoun: Pronoun) -> &'static str {
    match pronoun {
        Pronoun::Unclear => "the patient or an accompanying person states :",
        _ => "the patient states :",
    }
}

fn quoted(frame: &str, words: &[Word], topic: Topic) -> Option<Finding> {
    let text = [parts(frame), vec![format!("\"{}.\"", quote(words))]].concat();
    Draft::new(topic, text, words).finish()
}

// Thanks, plans for the visit, questions about it.
phrases! { TALK = "
    thank you | thanks | nice to meet | good to see | sounds good | sounds like a | see you | dragon | dax | appreciate it |
    i appreciate | no questions | any questions | good morning | good afternoon | my goodness | nice weather | been better
" }

phrases! { OPENS_CLAUSE = "
    it | it's | that | that's | there | there's | this | the | they | he | she | he's | she's | sometimes | when | if | after |
    every | some | both | all | whenever | most | since | these | those | at | in | over | last | yesterday | occasionally | usually
" }

/// The statement in the third person.
fn told(words: &[Word], pronoun: Pronoun) -> Option<Vec<String>> {
    if pronoun == Pronoun::Unclear {
        return None;
    }
    let first = words[0].low.as_str();
    // "i believe two weeks ago" believes something of the question.
    if let Some(length) = starts(words, "i think|i believe|i guess|i would say|i want to say|i think that") {
        let has_verb = words[length..]
            .iter()
            .any(|word| is_finite(&word.low) || is_base(&word.low) || matches!(word.low.as_str(), "am"));
        if !has_verb {
            return None;
        }
    }
    if let Some(length) = starts(words, "i am feeling|i feel|i just feel|i am just feeling|i also feel") {
        let opens = |next: &Word| matches!(next.low.as_str(), "like" | "that" | "i" | "it" | "as" | "the" | "there");
        if !words.get(length).is_some_and(opens) {
            let rest = retell(&words[length..], PatientIs::I, pronoun, true)?;
            return Some([parts("the patient reports feeling"), rest].concat());
        }
    }
    if matches!(first, "i" | "i'd" | "my") {
        return retell(words, PatientIs::I, pronoun, false);
    }
    let is_clause = words.iter().any(|word| is_finite(&word.low));
    // "if i can remember to take it" leaves out what then.
    let is_half = starts(words, "if|when|after|since|whenever").is_some()
        && !words.iter().skip(3).any(|word| {
            matches!(word.low.as_str(), "," | "i" | "it" | "it's" | "my" | "there" | "that's" | "the" | "they")
        });
    if is_half {
        return None;
    }
    let frame = match (is_clause, OPENS_CLAUSE.is(first), is_thing(words)) {
        (true, true, _) => "the patient reports that",
        (false, _, true) => "the patient reports",
        _ => return None,
    };
    let rest = retell(words, PatientIs::I, pronoun, true)?;
    Some([parts(frame), rest].concat())
}

phrases! { OPENS_THING = "
    a | an | some | slight | mild | severe | little | bad | lack | no | occasional | constant | sharp | dull | more | really
" }

/// "a slight cough": a thing that can be reported.
fn is_thing(words: &[Word]) -> bool {
    let names = words.iter().take(5).any(|word| is_symptom(&word.low) || is_condition(&word.low));
    words.first().is_some_and(|first| OPENS_THING.is(&first.low)) && names
}

/// Whether the words say how long, how often or when.
pub(super) fn tells_time(words: &[Word]) -> bool {
    words.iter().any(|word| is_measure(&word.low) || is_number(&word.low))
}

/// Whether the answer is a fragment that says nothing without its question.
pub(super) fn is_fragment(words: &[Word]) -> bool {
    let rest = &words[lead_length(words)..];
    !rest.is_empty() && starts(rest, "i|i'd|it|it's|my|that's|there's|they|he|she").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::words::read;

    fn tell(text: &str) -> Option<String> {
        statement(&read(text, 0), Asked { words: &[], is_open: false }, Pronoun::She).map(|finding| finding.text)
    }

    #[test]
    fn statements_are_told_in_the_third_person() {
        for (said, expected) in [
            ("i feel bloated every once in a while", "The patient reports feeling bloated every once in a while."),
            ("i , uh , i've had this cough for three weeks", "The patient has had this cough for 3 weeks."),
            ("it hurts when i walk up the stairs", "The patient reports that it hurts when she walks up the stairs."),
            ("a slight cough", "The patient reports a slight cough."),
            (
                "we gave my painful knee some ice and advil",
                "The patient states: \"we gave my painful knee some ice and advil.\"",
            ),
        ] {
            let cleaned = super::super::clean::clean(read(said, 0));
            let told =
                statement(&cleaned, Asked { words: &[], is_open: false }, Pronoun::She).map(|finding| finding.text);
            assert_eq!(told.as_deref(), Some(expected));
        }
    }

    #[test]
    fn small_talk_is_not_told() {
        for said in ["thank you for the lasix doctor", "i love the fall", "okay", "my name is fine with me"] {
            assert_eq!(tell(said), None, "{said}");
        }
    }
}
