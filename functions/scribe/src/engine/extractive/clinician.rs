//! What the clinician tells: who the patient is, what was found, what it means and what is going to be done. What a
//! sentence is depends on its words and on how far the visit has come.

use super::commands::is_request_to_move;
use super::finding::{Draft, Finding, Topic, parts, plain};
use super::leads::without_lead;
use super::lexicon::{is_condition, is_drug_name, is_number, is_symptom, is_test, weight};
use super::observed::{self, exam_weight, without_aside};
use super::plan;
use super::retell::{PatientIs, Pronoun, retell};
use super::run_on::CORRECTS;
use super::topics::topic;
use super::verbs::is_finite;
use crate::engine::phrases::phrases;
use crate::engine::words::{Word, has_at, quote, says, starts};

/// How far the visit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Talk,
    Exam,
    Results,
    Plan,
}

/// The problem that is being talked about, as a heading.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    words: Vec<Word>,
    /// A sentence of the plan stands under it.
    is_planned: bool,
    /// A sentence of the assessment stands under it.
    is_assessed: bool,
}

/// What the scribe remembers of the visit so far.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) stage: Stage,
    pub(super) pronoun: Pronoun,
    pub(super) problem: Option<Problem>,
}

phrases! { EXAM_STARTS = "
    physical exam | physical examination | on your exam | on exam | on examination | examine you | listen to your heart |
    listen to your lungs | quick exam | your vital signs | your vitals | check you out | the exam |
    let me check it | let me take a look | let me examine | let me look at | let's look at your | let's take a look |
    let me listen | let me see your | taking a look at your | hurt when i | hurt if i | pain when i press
" }
phrases! { RESULTS_STARTS = "
    your results | results of | some of your results | your x-ray | x-rays | your labs | your mri | lab results | taking a look at your | looking at your x-ray | i reviewed your | i reviewed the
" }
phrases! { PLAN_STARTS = "
    assessment and plan | assessment and my plan | my assessment | my plan | for your first | your first problem |
    the plan | my impression | first problem | going to do is | like to do is | your diagnosis | my diagnosis | the diagnosis is
" }

impl Visit {
    pub(super) const fn new(pronoun: Pronoun) -> Self {
        Self { stage: Stage::Talk, pronoun, problem: None }
    }

    /// Moves on with what is said. A visit goes back to the examination where one is announced.
    pub(super) fn move_on(&mut self, words: &[Word]) {
        if PLAN_STARTS.within(words) {
            self.stage = Stage::Plan;
        } else if self.stage == Stage::Plan && says(words, "physical exam|quick exam|examine you|physical examination")
        {
            // It was no plan yet, only a problem by its name.
            self.stage = Stage::Exam;
            self.problem = None;
        } else if self.stage == Stage::Plan {
        } else if RESULTS_STARTS.within(words) && (self.stage >= Stage::Exam || says(words, "looking|look|reviewed")) {
            self.stage = Stage::Results;
        } else if EXAM_STARTS.within(words) {
            self.stage = Stage::Exam;
        }
    }
}

/// The findings of one clause.
pub(super) fn statement(words: &[Word], visit: &mut Visit) -> Vec<Finding> {
    visit.move_on(words);
    let words = without_lead(words);
    if words.is_empty() || is_request_to_move(words) {
        return Vec::new();
    }
    if let Some(finding) = introduction(words) {
        return vec![finding];
    }
    let mut findings = Vec::new();
    let words = match heading(words) {
        Some((problem, rest)) if visit.stage >= Stage::Exam => {
            visit.stage = Stage::Plan;
            findings.extend(Draft::new(Topic::Assessment, plain(problem), problem).finish());
            visit.problem = Some(Problem { words: problem.to_vec(), is_planned: false, is_assessed: false });
            without_lead(rest)
        }
        _ => words,
    };
    if (3..=60).contains(&words.len()) {
        findings.extend(finding(words, visit));
    }
    findings
}

/// "martha is a 50-year-old female who presents for".
fn introduction(words: &[Word]) -> Option<Finding> {
    let is_age = |at: usize| {
        let ages = ["year old", "-year-old", "years old"];
        words[at].low.contains("-year-old")
            || (is_number(&words[at].low) && ages.iter().any(|age| has_at(words, at + 1, age)))
    };
    let is_patient = says(words, "male|female|man|woman|gentleman|lady|boy|girl");
    if !is_patient || !(4..=70).contains(&words.len()) || !(0..words.len()).any(is_age) {
        return None;
    }
    let told = retell(words, PatientIs::You, Pronoun::Unknown, true)?;
    let finding = Draft::new(Topic::Complaint, told, words).finish()?;
    Some(Finding { is_introduction: true, ..finding })
}

/// What the clinician calls the patient, learnt from an introduction.
pub(super) fn pronoun_of(words: &[Word]) -> Option<Pronoun> {
    introduction(words)?;
    match (says(words, "female|woman|lady|girl"), says(words, "male|man|gentleman|boy")) {
        (true, false) => Some(Pronoun::She),
        (false, true) => Some(Pronoun::He),
        _ => None,
    }
}

phrases! { HEADINGS = "
    for your first problem | for your second problem | for your third problem | for your fourth problem |
    for your next problem | for your last problem | for your other problem | for the first problem |
    for your first issue | for your second issue | for your primary problem | for the second problem |
    for the third problem | for your next issue | for your third issue | for your problem | your first problem |
    in terms of | as far as | in regards to | with regards to | regarding | when it comes to | for your second |
    for your third | for your first | for your last issue | for the next problem | for his first problem |
    for her first problem | for your second concern | for your | for the | from a | for your primary problem you have | for your first problem you have | for the first problem you have |
    your next problem | your second problem | your third problem | your last problem
" }

// Where a heading's name ends.
phrases! { ENDS_HEADING = "
    i | we | let's | you | it | it's | so | that | i'd | what | standpoint | like | goes | continue | is | are | my | and |
    this | how | do | he | she | they | there | because | just | as | who | which | we'd | looks | again | really | to | if | at |
    okay | with | on | has | was | the | for | your | now | all
" }

/// A heading ("for your first problem of your sore throat") and what follows it.
fn heading(words: &[Word]) -> Option<(&[Word], &[Word])> {
    let is_joint = |word: &Word| {
        word.is_mark()
            || matches!(
                word.low.as_str(),
                "of" | "is" | "your" | "the" | "a" | "that" | "which" | "problem" | "concern" | "issue"
            )
    };
    let length = HEADINGS.at_start(words)?;
    let start = length + words[length..].iter().position(|word| !is_joint(word))?;
    let ends = |word: &Word| word.is_mark() || ENDS_HEADING.is(&word.low);
    let end = words[start..].iter().position(ends).map_or(words.len(), |offset| start + offset);
    let problem = &words[start..end];
    let names_illness = problem.iter().any(|word| is_condition(&word.low) || is_symptom(&word.low));
    if problem.len() > 6 || !names_illness {
        return None;
    }
    let goes_with_it = |word: &Word| {
        word.is_mark() || matches!(word.low.as_str(), "standpoint" | "goes" | "problem" | "is" | "concerned")
    };
    let rest = words[end..].iter().position(|word| !goes_with_it(word)).map_or(words.len(), |offset| end + offset);
    Some((problem, &words[rest..]))
}

fn finding(words: &[Word], visit: &mut Visit) -> Option<Finding> {
    if CORRECTS.within(words) {
        let is_plan = plan::told(words, Pronoun::Unknown).is_some() && weight(words) >= 2.0;
        return is_plan.then(|| under_heading(Topic::Plan, as_said(words), words, visit)).flatten();
    }
    if visit.stage == Stage::Talk {
        return recap(words, visit.pronoun).or_else(|| early_plan(words, visit));
    }
    let judges_first = (JUDGES_FIRST.at_start(words).is_some() || (CONCLUDES.within(words) && exam_weight(words) < 6))
        && plan::told(words, visit.pronoun).is_none();
    if let Some(finding) = judges_first.then(|| assessment(words, visit)).flatten() {
        return Some(finding);
    }
    if visit.pronoun == Pronoun::Unclear && plan::told(words, Pronoun::Unknown).is_some() {
        return unclear_plan(words, visit);
    }
    if let Some(told) = plan::told(words, visit.pronoun) {
        let is_planned = visit.stage == Stage::Plan || weight(words) >= 2.0;
        return is_planned.then(|| under_heading(Topic::Plan, told, words, visit)).flatten();
    }
    if visit.stage == Stage::Plan && names_dose(words) {
        let told = retell(words, PatientIs::You, visit.pronoun, false)?;
        return under_heading(Topic::Plan, told, words, visit);
    }
    let is_found = visit.stage < Stage::Plan || is_plainly_found(words);
    let found = is_found.then(|| observed::statement(words, visit)).flatten();
    found.or_else(|| inner_plan(words, visit)).or_else(|| assessment(words, visit))
}

fn as_said(words: &[Word]) -> Vec<String> {
    [parts("as said :"), vec![format!("\"{}.\"", quote(words))]].concat()
}

/// A plan that may be said to the patient or to someone beside, word for word where it says "you".
fn unclear_plan(words: &[Word], visit: &mut Visit) -> Option<Finding> {
    let told = plan::told(words, visit.pronoun).unwrap_or_else(|| as_said(words));
    (weight(words) >= 2.0).then(|| under_heading(Topic::Plan, told, words, visit)).flatten()
}

/// "tramadol , 50 milligrams": in the plan, a medication with its dose is a plan.
fn names_dose(words: &[Word]) -> bool {
    let has_dose = (0..words.len()).any(|at| is_number(&words[at].low) && starts(&words[at + 1..], DOSES).is_some());
    has_dose && words.iter().any(|word| is_drug_name(&word.low)) && words.len() <= 30
}

const DOSES: &str = "mg|milligrams|milligram|mcg|micrograms|units|puffs|tablets|hundred milligrams|grams|gram|ml";

/// In the plan only a finding in plain words is still one.
fn is_plainly_found(words: &[Word]) -> bool {
    exam_weight(words) >= 4 && !says(words, "if|will|going|want|could|may|might|i think|can")
}

/// "your nausea , i want to get an ultrasound": the plan begins within. Not behind a condition, which it would lose.
fn inner_plan(words: &[Word], visit: &mut Visit) -> Option<Finding> {
    let (at, _) = INTENDS.first(words).filter(|(at, _)| *at > 0 && visit.stage == Stage::Plan)?;
    if says(&words[..at], "if|when|unless|once|not|whether|until|because|that|think|what") {
        return None;
    }
    let told = plan::told(&words[at..], visit.pronoun)?;
    under_heading(Topic::Plan, told, &words[at..], visit)
}

phrases! { INTENDS = "i want to | i want you to | i am going to | i would like | i'd like | let's | we are going to | we will | i will" }

/// A plan before any examination: only where a medication or test is named with an action.
fn early_plan(words: &[Word], visit: &Visit) -> Option<Finding> {
    let is_strong = says(words, "order|prescribe|refer|increase|start you on|refill|schedule") && weight(words) >= 2.0;
    let told = is_strong.then(|| plan::told(words, visit.pronoun)).flatten()?;
    Draft::new(Topic::Plan, told, words).finish()
}

/// Puts the first sentence after a heading under it.
fn under_heading(topic: Topic, told: Vec<String>, words: &[Word], visit: &mut Visit) -> Option<Finding> {
    let Some(problem) = visit.problem.as_mut() else {
        return Draft::new(topic, told, words).finish();
    };
    let is_first = match topic {
        Topic::Plan => !std::mem::replace(&mut problem.is_planned, true),
        _ => !std::mem::replace(&mut problem.is_assessed, true),
    };
    if !is_first {
        return Draft::new(topic, told, words).finish();
    }
    let text = [plain(&problem.words), vec![":".to_owned()], told].concat();
    Draft::new(topic, text, words).telling(&problem.words).finish()
}

phrases! { RECAPS = "
    i know that you | i know you | i see that you | i see here that you | i see you | i understand that you |
    i understand you | i heard you | i heard that you | i saw that you | it looks like you | it says here that you |
    it says here you | i see here you | you said that you | you said you | you told me that you | you mentioned that you |
    you mentioned you | i see in your chart that you | it sounds like you | my nurse told me that you |
    the nurse said that you | i understand your | i see that your | i was told that you | i saw you | i hear you
" }

// What is talked about, not told.
phrases! { TALKED = "talked about | tell | the nurse | review of system | review of systems | talk about | see you | questions" }

/// What the clinician knows of the patient's history and says again.
fn recap(words: &[Word], pronoun: Pronoun) -> Option<Finding> {
    if weight(words) < 2.0 {
        return None;
    }
    if is_dictated(words) {
        let told = retell(words, PatientIs::You, pronoun, true)?;
        return Draft::new(dictated_topic(words), told, words).finish();
    }
    let length = RECAPS.at_start(words)?;
    let from = &words[length - 1..];
    if TALKED.within(from) || !(4..=40).contains(&from.len()) {
        return None;
    }
    let told = retell(from, PatientIs::You, pronoun, false)?;
    let is_complaint = says(from, "here for|came in|here because|here today|come in|here with");
    let topic = if is_complaint { Topic::Complaint } else { topic(from, &[]) };
    Draft::new(topic, told, from).resting_on(words).finish()
}

/// Dictation speaks of the patient as "he" or "she" and never to them.
fn is_dictated(words: &[Word]) -> bool {
    let is_heavy = weight(words) >= 4.0 && words.len() >= 6;
    is_heavy && says(words, "he|she|his|her|patient|he's|she's") && !says(words, "you|your|me|you'd|we|i")
}

/// A clause of a dictation, which follows the order of a note and needs no other cue.
pub(super) fn dictated(words: &[Word], visit: &mut Visit) -> Option<Finding> {
    let words = without_lead(words);
    if weight(words) < 2.0 || !(3..=60).contains(&words.len()) {
        return None;
    }
    if let Some(finding) = introduction(words) {
        return Some(finding);
    }
    let told = retell(words, PatientIs::You, visit.pronoun, true)?;
    let topic = match dictated_topic(words) {
        found @ (Topic::Results | Topic::Exam | Topic::CardiacExam) => found,
        _ if visit.stage == Stage::Plan && DICTATED_PLAN.within(words) => Topic::Plan,
        _ if visit.stage == Stage::Plan && words.iter().any(|word| is_condition(&word.low)) => Topic::Assessment,
        _ if visit.stage == Stage::Plan => Topic::Plan,
        told => told,
    };
    Draft::new(topic, told, words).finish()
}

phrases! { DICTATED_PLAN = "
    order | set | set up | follow | plan | injection | recommended | recommend | will | continue | start | repeat | refer | schedule |
    prescribe | injected | injecting | inject | counseled | applied
" }

fn dictated_topic(words: &[Word]) -> Topic {
    let shows = says(words, "show|shows|showed|reveals|demonstrates|normal|impression|obtained|intact");
    if shows && words.iter().any(|word| is_test(&word.low)) {
        Topic::Results
    } else if exam_weight(words) >= 3 && !says(words, "reports|pain for|states|complains") {
        Topic::Exam
    } else {
        topic(words, &[])
    }
}

// Openers after which nothing but a judgement follows.
phrases! { JUDGES_FIRST = "
    i think | i do think | i believe | i do believe | i suspect | i am concerned | i am worried | my impression | so i think
" }
// What makes a judgement of a sentence wherever it stands.
phrases! { CONCLUDES = "consistent with | due to | your diagnosis | diagnosis is | most likely due | suggestive of | concerning for" }
phrases! { JUDGES = "
    i think | i do think | i believe | i do believe | i suspect | i am concerned | i am worried | my impression |
    it looks like | it sounds like | you have | you do have | you have got | your symptoms | this is | that is | it's |
    that's | your | you are | that means | this means | so this means | there is | it is | i would say | the patient has |
    the patient is | has a | a history of | with | i feel like | you probably | you likely | it seems | they are | he has | she has
" }
phrases! { JUDGES_WITHIN = "
    consistent with | most likely | likely | diagnosis | signs of | suggestive of | concerning for | due to | related to |
    under control | well controlled | i think | i believe | stable | managing
" }
// Judgements in general, and talk about the visit.
phrases! { NO_JUDGEMENT = "
    people | patients | many reasons | possible causes | in general | going to | let me | let's | any questions | talk about |
    tell me | i wanted | first problem | second problem | i want to | show me | you can see | assessment and | my assessment | questions
" }

/// What the clinician makes of it.
fn assessment(words: &[Word], visit: &mut Visit) -> Option<Finding> {
    let is_about_problem = visit.problem.as_ref().is_some_and(|problem| !problem.is_assessed) && words.len() >= 4;
    let names_illness = words.iter().any(|word| is_condition(&word.low) || is_symptom(&word.low));
    let is_weighty = names_illness && weight(words) >= 2.0;
    let judges = JUDGES.at_start(words).is_some() || JUDGES_WITHIN.within(words);
    let is_opinion = starts(words, "i think|i do think|it looks like|it sounds like|it's|i believe").is_some()
        && says(
            words,
            "well|control|controlled|better|worse|stable|improving|improved|good|normal|fine|managing|great|doing",
        );
    let has_verb = words.iter().any(|word| is_finite(&word.low) || word.low == "are");
    if NO_JUDGEMENT.within(words) || !judges || !has_verb || !(is_weighty || (is_about_problem && is_opinion)) {
        return None;
    }
    let opener = starts(
        words,
        "that means that|this means that|that means|this means|so this means|what that means is|that i|which i",
    );
    let opener = opener.map_or(words, |length| &words[if words[length - 1].low == "i" { 1 } else { length }..]);
    let words = without_aside(opener);
    if words.len() < 4 {
        return None;
    }
    let told = retell(words, PatientIs::You, visit.pronoun, false)?;
    under_heading(Topic::Assessment, told, words, visit)
}
