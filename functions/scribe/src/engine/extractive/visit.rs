//! Walks through a visit, utterance by utterance, and gathers its findings.

use std::collections::{HashSet, VecDeque};

use super::clauses::{Clause, Utterance, utterances};
use super::clinician::{self, Stage, Visit};
use super::commands::without_commands;
use super::exchange;
use super::finding::{Draft, Finding, Topic, parts};
use super::patient::{self, Asked};
use super::reply::{Reply, reply};
use super::retell::Pronoun;
use super::speakers;
use crate::engine::phrases::phrases;
use crate::engine::words::{Word, has, says};
use crate::engine::{Conversation, Speaker};

/// Every finding, ordered by topic as a note is, and within a topic as it was said.
pub(super) fn findings(conversation: &Conversation) -> Vec<Finding> {
    let mut utterances = utterances(conversation);
    speakers::settle(&mut utterances);
    for utterance in &mut utterances {
        utterance.clauses = without_commands(std::mem::take(&mut utterance.clauses));
    }
    let mut walk = Walk { visit: Visit::new(pronoun(&utterances)), speaks_first: true, found: Vec::new() };
    let mut asked: Vec<Clause> = Vec::new();
    for utterance in &utterances {
        match utterance.speaker {
            Speaker::Clinician => asked = walk.clinician(utterance, asked),
            Speaker::Patient => {
                walk.patient(utterance, &asked);
                // What the patient adds after "okay" no longer answers.
                asked.clear();
            }
            Speaker::Other => {
                walk.other(utterance, &asked);
                asked.clear();
            }
        }
    }
    let mut found = without_repetition(walk.found);
    found.extend(summary(&found));
    found.sort_by_key(|finding| finding.topic);
    found
}

/// An assessment starts with who the patient is and why they come, in the words of the introduction.
fn summary(found: &[Finding]) -> Option<Finding> {
    let introduction = found.iter().find(|finding| finding.topic == Topic::Complaint && finding.is_introduction)?;
    Some(Finding { topic: Topic::Summary, ..introduction.clone() })
}

/// How the clinician introduces the patient, if all introductions agree, and the patient is alone.
fn pronoun(utterances: &[Utterance]) -> Pronoun {
    if is_accompanied(utterances) {
        return Pronoun::Unclear;
    }
    let clauses = utterances
        .iter()
        .filter(|utterance| utterance.speaker == Speaker::Clinician)
        .flat_map(|utterance| &utterance.clauses);
    let mut said = clauses.filter_map(|clause| clinician::pronoun_of(super::leads::without_lead(&clause.words)));
    let Some(first) = said.next() else {
        return Pronoun::Unknown;
    };
    if said.all(|other| other == first) { first } else { Pronoun::Unknown }
}

phrases! { ACCOMPANIED = "
    accompanied by | brought in by | brought by | hey dad | so dad | hi dad | hey mom | so mom | hi mom | dad how | mom how |
    your son | your daughter | dad tell | mom tell | with her mother | with his mother | with her father | with his father
" }

/// Whether someone else has a good part in the talk, so that it is not plain who "i" and "you" are.
fn is_accompanied(utterances: &[Utterance]) -> bool {
    let count = |speaker: Speaker| -> usize {
        let of_speaker = utterances.iter().filter(|utterance| utterance.speaker == speaker);
        of_speaker.flat_map(|utterance| &utterance.clauses).map(|clause| clause.words.len()).sum()
    };
    let by_clinician = utterances.iter().filter(|utterance| utterance.speaker == Speaker::Clinician);
    let is_said = by_clinician.flat_map(|utterance| &utterance.clauses).any(|clause| ACCOMPANIED.within(&clause.words));
    is_said || count(Speaker::Other) * 4 > count(Speaker::Patient)
}

struct Walk {
    visit: Visit,
    /// Nobody has been spoken to yet.
    speaks_first: bool,
    found: Vec<Finding>,
}

impl Walk {
    /// Takes in what a clinician says, and gives back the questions that are open after it.
    fn clinician(&mut self, utterance: &Utterance, before: Vec<Clause>) -> Vec<Clause> {
        // A heading holds for one breath: later the talk may have moved on without saying so.
        self.visit.problem = None;
        let speaks_first = std::mem::replace(&mut self.speaks_first, false);
        if is_dictation(utterance, speaks_first) {
            self.speaks_first = speaks_first;
            for clause in &utterance.clauses {
                self.found.extend(clinician::dictated(&clause.words, &mut self.visit));
            }
            return before;
        }
        // "okay" after a question, before the answer, leaves the question open.
        let mut open = if utterance.clauses.is_empty() { before } else { Vec::new() };
        for clause in &utterance.clauses {
            if clause.is_question {
                self.visit.move_on(&clause.words);
                open.push(clause.clone());
                continue;
            }
            let found = clinician::statement(&clause.words, &mut self.visit);
            if !found.is_empty() || clause.words.len() > 4 {
                open.clear();
            }
            for finding in found {
                self.add(finding);
            }
        }
        open
    }

    /// Adds a finding; an assessment under a heading takes the place of the bare heading.
    fn add(&mut self, finding: Finding) {
        if let Some(last) = self.found.last() {
            let heading = last.text.trim_end_matches('.');
            if last.topic == Topic::Assessment
                && finding.text.strip_prefix(heading).is_some_and(|rest| rest.starts_with(':'))
                && finding.topic == Topic::Assessment
            {
                self.found.pop();
            }
        }
        self.found.push(finding);
    }

    /// Takes in what the patient says, first of all as an answer.
    fn patient(&mut self, utterance: &Utterance, asked: &[Clause]) {
        let Some(first) = utterance.clauses.first() else {
            return;
        };
        let question = question_in_force(asked);
        let mut used = 0;
        if let Some(question) = question {
            let after: Vec<Word> =
                utterance.clauses[1..].iter().flat_map(|clause| clause.words.iter().cloned()).collect();
            if let Some((finding, words)) = exchange::told(&question.words, &first.words, &after, self.visit.pronoun) {
                self.found.push(finding);
                used = words;
            } else if let Some(finding) = self.answered(question, first) {
                self.found.push(finding);
                used = first.words.len();
            }
        }
        self.agreement(utterance, asked);
        let context = question.map_or(Asked { words: &[], is_open: false }, |question| Asked {
            words: &question.words,
            is_open: OPEN_QUESTIONS.within(&question.words),
        });
        let rest = Clause { words: first.words[used..].to_vec(), is_question: first.is_question };
        for clause in std::iter::once(&rest).chain(&utterance.clauses[1..]).filter(|clause| !clause.is_question) {
            self.found.extend(patient::statement(&clause.words, context, self.visit.pronoun));
        }
    }

    /// Takes in what someone else says: answers and statements, word for word.
    fn other(&mut self, utterance: &Utterance, asked: &[Clause]) {
        let Some(first) = utterance.clauses.first() else {
            return;
        };
        let after: Vec<Word> = utterance.clauses[1..].iter().flat_map(|clause| clause.words.iter().cloned()).collect();
        let answered = question_in_force(asked).and_then(|question| {
            let told =
                exchange::told(&question.words, &first.words, &after, Pronoun::Unclear).map(|(finding, _)| finding);
            told.or_else(|| exchange::quoted(&question.words, &first.words, Pronoun::Unclear))
        });
        let used = usize::from(answered.is_some());
        self.found.extend(answered);
        for clause in utterance.clauses[used..].iter().filter(|clause| !clause.is_question) {
            self.found.extend(patient::statement_of_other(&clause.words));
        }
    }

    /// An answer that is no plain yes or no.
    fn answered(&self, question: &Clause, answer: &Clause) -> Option<Finding> {
        if let Some(named) = exchange::named(&question.words, &answer.words, self.visit.pronoun) {
            return Some(named);
        }
        let stands_alone = !patient::is_fragment(&answer.words) && reply(&answer.words) == Reply::Open;
        if stands_alone || self.visit.stage == Stage::Plan || answer.is_question {
            return None;
        }
        exchange::quoted(&question.words, &answer.words, self.visit.pronoun)
    }

    /// "does that sound like a plan ?" "that sounds fine".
    fn agreement(&mut self, utterance: &Utterance, asked: &[Clause]) {
        let asks = asked.iter().find(|clause| ASKS_AGREEMENT.within(&clause.words));
        let Some(asks) = asks.filter(|_| self.visit.stage == Stage::Plan) else {
            return;
        };
        let agrees = utterance.clauses.iter().find(|clause| {
            AGREES.within(&clause.words) && clause.words.len() <= 10 && !says(&clause.words, "but|not|no")
        });
        if let Some(answer) = agrees {
            let draft = Draft::new(Topic::Plan, parts("the patient agrees with the plan"), &asks.words);
            self.found.extend(draft.resting_on(&answer.words).finish_with(0));
        }
    }
}

phrases! { ASKS_AGREEMENT = "
    sound like a plan | sound good | that sound | okay with that | sound okay | agree with | sound like a good plan | sound all right
" }
phrases! { AGREES = "
    sounds good | sounds fine | sounds like a plan | sounds great | yes | yeah | sure | perfect | sounds okay | that's fine |
    it does | that does | sounds like a good | absolutely | yep
" }

// Questions that open a subject.
phrases! { OPEN_QUESTIONS = "
    going on | brings you | can i help | what happened | tell me about | tell me what | how are you feeling | been feeling |
    how have you been | what's going on | what seems | how can i | tell me how | tell me more | what's been | your symptoms |
    how did | describe | what are your | bring you
" }

/// Only a dictation is this long and speaks to nobody.
fn is_dictation(utterance: &Utterance, speaks_first: bool) -> bool {
    let words = || utterance.clauses.iter().flat_map(|clause| &clause.words);
    let addresses = |word: &Word| {
        matches!(word.low.as_str(), "you" | "your" | "you'd" | "i" | "let's" | "me" | "we" | "hi" | "hello")
    };
    let is_about = |word: &Word| matches!(word.low.as_str(), "he" | "she" | "his" | "her" | "patient");
    (speaks_first || words().any(is_about) || words().count() >= 25)
        && words().count() >= 12
        && !words().any(addresses)
        && !utterance.clauses.iter().any(|clause| clause.is_question)
}

/// The question that an answer answers: the last one, or, where that is only "anything like that ?", the one before.
fn question_in_force(asked: &[Clause]) -> Option<&Clause> {
    let is_echo = |clause: &Clause| has(&clause.words, "anything like that") && clause.words.len() <= 5;
    let last = asked.last()?;
    if is_echo(last) && asked.len() > 1 { asked.get(asked.len() - 2) } else { Some(last) }
}

/// How far back a repetition is looked for; far enough for talk, and a bound on the work for endless ones.
const REMEMBERED: usize = 40;

/// Leaves out what was found before in the same words, or with the same and more words nearby under the same topic.
fn without_repetition(found: Vec<Finding>) -> Vec<Finding> {
    let mut texts: HashSet<String> = HashSet::new();
    let mut recent: VecDeque<(Topic, HashSet<String>)> = VecDeque::with_capacity(REMEMBERED);
    let mut kept = Vec::with_capacity(found.len());
    for finding in found {
        let text = finding.text.to_lowercase();
        let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let words: HashSet<String> = parts.map(str::to_owned).collect();
        let is_contained = recent.iter().any(|(topic, other)| *topic == finding.topic && other.is_superset(&words));
        if is_contained || !texts.insert(text) {
            continue;
        }
        if recent.len() == REMEMBERED {
            recent.pop_front();
        }
        recent.push_back((finding.topic, words));
        kept.push(finding);
    }
    kept
}
