//! What the clinician may want to note besides: the plan's medications and actions, symptoms and findings.

use kernel::Phi;
use model::note_template::NoteTemplate;

use super::finding::{Finding, Topic};
use super::lexicon::{is_drug_name, is_symptom, is_test};
use super::sections::section_of;
use crate::engine::words::read;
use crate::engine::{Conversation, Suggestion, SuggestionKind};

/// As many suggestions as anyone reads.
const MOST: usize = 8;

/// Suggestions from the findings, the plan's first.
pub(super) fn of(findings: &[Finding], conversation: &Conversation, template: &NoteTemplate) -> Vec<Suggestion> {
    let mut ranked: Vec<(u8, Suggestion)> =
        findings.iter().filter_map(|finding| suggestion(finding, conversation, template)).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, suggestion)| suggestion).take(MOST).collect()
}

fn suggestion(finding: &Finding, conversation: &Conversation, template: &NoteTemplate) -> Option<(u8, Suggestion)> {
    let words = read(&finding.text, 0);
    let any = |test: fn(&str) -> bool| words.iter().any(|word| test(&word.low));
    let (rank, kind, confidence) = match finding.topic {
        Topic::Plan if any(is_drug_name) => (0, SuggestionKind::Medication, 0.9),
        Topic::Plan => (1, SuggestionKind::Action, if any(is_test) { 0.85 } else { 0.7 }),
        Topic::Exam | Topic::CardiacExam | Topic::MentalExam | Topic::Results => (2, SuggestionKind::Finding, 0.75),
        Topic::History | Topic::Review if any(is_symptom) && !finding.text.contains('"') => {
            (3, SuggestionKind::Symptom, 0.6)
        }
        _ => return None,
    };
    let section = section_of(finding.topic, template)?;
    let evidence = super::cited(finding, conversation).evidence;
    let suggestion = Suggestion {
        section: template.sections[section].id.clone(),
        text: Phi::new(finding.text.clone()),
        kind,
        evidence,
        confidence,
    };
    Some((rank, suggestion))
}
