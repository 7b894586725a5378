//! What the clinician found: values, findings of the examination, results of tests.

use super::clinician::{Stage, Visit};
use super::finding::{Draft, Finding, Topic, parts};
use super::lexicon::{is_body, is_condition, is_exam, is_test, weight};
use super::retell::{PatientIs, Pronoun, retell};
use super::verbs::is_finite;
use crate::engine::phrases::phrases;
use crate::engine::words::{Word, starts};

phrases! { VALUES = "
    blood pressure | heart rate | vital signs | vitals | temperature | respiratory rate | respirations | oxygen |
    oxygenation | pulse ox | o2 | o2 sat | saturation | low-grade fever | bmi | no fever | not have a fever |
    breathing rate | pulse is | satting | pressure's
" }

phrases! { SHOWS = "
    show | shows | showed | showing | reveal | reveals | revealed | normal | look | looks | looked | elevated | negative |
    positive | results | result | high | low | is | was | were | are | demonstrates | reviewed | came back | evidence | stable |
    good | decreased | increased | unremarkable | within | no | pressure's
" }

// What is told of this patient, not of patients.
phrases! { TELLS = "
    you | your | shows | showed | show | reveals | normal | elevated | negative | positive | there is | there's | no | evidence |
    has | decreased | increased | unremarkable | looks
" }

// What is done in the room, not found.
phrases! { PROCESS = "
    going to | let me | let's | let you know | take a look | want to look | does that | tell me | calling out | show me |
    i asked | for you to | want you | can you | i want | assessment | talk about | do a quick | i would like | your doctor |
    i wanted | if you | so that you | i will | if i | i have got | i am moving | taking a look
" }

// What explains a finding, or is true of everyone.
phrases! { EXPLAINS = "
    means | you can see | people | patients | many reasons | possible causes | some causes | in general | usually we | we see that |
    typically | children | cases | sometimes we | we put | usually | it's called | is called | what we call | can happen | is when
" }

/// The finding that the words are, if any.
pub(super) fn statement(words: &[Word], visit: &Visit) -> Option<Finding> {
    if PROCESS.within(words) || EXPLAINS.within(words) {
        return None;
    }
    let has_test = words.iter().enumerate().any(|(at, word)| is_test(&word.low) && !is_vague_test(words, at));
    let shows = SHOWS.within(words);
    let topic = if VALUES.within(words) && shows && !has_test {
        Topic::Vitals
    } else if (has_test && shows)
        || (visit.stage == Stage::Results && weight(words) >= 2.0 && names_something(words) && TELLS.within(words))
    {
        Topic::Results
    } else if exam_weight(words) >= 2 {
        exam_topic(words)
    } else {
        return None;
    };
    // "that's on the nerves" points at something that is not in the note.
    if starts(words, "that|that's|those|which|these").is_some() && exam_weight(words) < 4 {
        return None;
    }
    let told = observed(words, visit.pronoun)?;
    // "on your facial exam" and "your right knee x-ray" name what is looked at and find nothing.
    let says_something =
        words.iter().any(|word| is_exam(&word.low) || is_finite(&word.low) || word.low == "no") || STATES.within(words);
    let names_only = if topic == Topic::Results { told.len() <= 4 } else { told.len() <= 4 && exam_weight(words) < 2 };
    if told.len() < 2 || names_only || !says_something {
        return None;
    }
    Draft::new(topic, told, words).finish()
}

fn names_something(words: &[Word]) -> bool {
    words.iter().any(|word| is_body(&word.low) || is_condition(&word.low) || is_exam(&word.low) || is_test(&word.low))
}

phrases! { STATES = "look | looks | looking | sound | sounds | feel | feels" }

fn is_vague_test(words: &[Word], at: usize) -> bool {
    let word = words[at].low.as_str();
    matches!(word, "stress" | "potassium" | "pulmonary" | "nuclear")
        || (matches!(word, "result" | "results" | "test" | "tests") && words.len() < 5)
}

/// How much the words speak the language of an examination.
pub(super) fn exam_weight(words: &[Word]) -> usize {
    words.iter().map(|word| usize::from(is_exam(&word.low)) * 2 + usize::from(is_body(&word.low))).sum()
}

phrases! { HEART = "
    heart | murmur | rhythm | jugular | edema | carotid | gallop | gallops | rub | rubs | pulse | pulses | jvd | cardiovascular |
    cardiac
" }
phrases! { MIND = "mood | affect | oriented | thought | insight | judgment | judgement | speech | alert" }

fn exam_topic(words: &[Word]) -> Topic {
    if HEART.within(words) {
        Topic::CardiacExam
    } else if MIND.within(words) {
        Topic::MentalExam
    } else {
        Topic::Exam
    }
}

phrases! { OBSERVED = "
    i do appreciate | i appreciate | i can appreciate | i do hear | i hear | i can hear | i do see | i see | i can see |
    i do feel | i feel | i can feel | i do notice | i notice | i do note | i note | i also appreciate | i do also appreciate |
    i also see | i also feel | i also hear | i did appreciate | i did hear | i am appreciating | i am hearing | i am feeling
" }
phrases! { NOT_OBSERVED = "
    i do not appreciate any | i do not appreciate | i do not hear any | i do not hear | i do not see any | i do not see |
    i do not feel any | i do not feel | i did not appreciate any | i did not appreciate | i did not see any |
    i did not hear any | i do not notice any | i do not note any | i can not appreciate any | i do not really appreciate any
" }

phrases! { PLACES = "on | in | over | at | for | when | with | your | his | her | and | by | around | under" }

/// "on your heart exam , i do appreciate a murmur" is "On heart exam: a murmur".
fn observed(words: &[Word], pronoun: Pronoun) -> Option<Vec<String>> {
    let words = without_aside(words);
    let words = after(
        words,
        "looking at|looking here at|so looking at|looking here first at|looking here at first at|looking here",
    );
    let words = after(words, "the results of|some of|here at|at");
    let words =
        starts(words, "that a|that the|that an|that is a|that|which").map_or(words, |length| &words[length.min(1)..]);
    let words = if matches!(words.first()?.low.as_str(), "your" | "his" | "her") { &words[1..] } else { words };
    for (phrases, replacement) in [(&*NOT_OBSERVED, "no"), (&*OBSERVED, "")] {
        let Some((at, length)) = phrases.first(words) else {
            continue;
        };
        let before = &words[..at];
        let is_joined = before.last().is_some_and(|word| {
            matches!(
                word.low.as_str(),
                "but" | "and" | "that" | "so" | "which" | "when" | "what" | "if" | "as" | "because"
            )
        });
        let is_place = before.is_empty() || PLACES.at_start(before).is_some();
        if is_joined || !is_place {
            break;
        }
        let thing = retell(&words[at + length..], PatientIs::You, pronoun, true)?;
        return Some([place(before, pronoun)?, parts(replacement), thing].concat());
    }
    retell(words, PatientIs::You, pronoun, false)
}

fn after<'a>(words: &'a [Word], openers: &str) -> &'a [Word] {
    starts(words, openers).map_or(words, |length| &words[length..])
}

/// "on your heart exam" before what was found there.
fn place(before: &[Word], pronoun: Pronoun) -> Option<Vec<String>> {
    let end = before.iter().rposition(|word| !word.is_mark()).map_or(0, |last| last + 1);
    if end == 0 {
        return Some(Vec::new());
    }
    let without_your: Vec<Word> = before[..end].iter().filter(|word| word.low != "your").cloned().collect();
    let mut told = retell(&without_your, PatientIs::You, pronoun, true)?;
    told.push(":".to_owned());
    Some(told)
}

phrases! { ASIDES = "
    , which i | , which we | , which you | which is good | which is great | , that's good | so that's good | that's good |
    , so that | , which is | , and that means | , so you | , so we | , that means | which i think | so that's great |
    , and that can | , as you can see | which i have | which we have | , so
" }

/// Cuts remarks about a finding: ", which we've heard in the past", ", so we'll have to see".
pub(super) fn without_aside(words: &[Word]) -> &[Word] {
    let aside = (3..words.len()).find(|&at| ASIDES.at(words, at).is_some());
    &words[..aside.unwrap_or(words.len())]
}
