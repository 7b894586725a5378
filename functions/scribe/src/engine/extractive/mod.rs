//! The engine that runs offline. It takes sentences out of the conversation, leaves out small talk and commands to
//! machines, tells the patient's words in the third person where closed rules allow it, and quotes where they do not.
//! It knows no medicine beyond word lists, so it never concludes; it finds, orders and cites.
//!
//! The path of a word: [`clean`] and [`clauses`] make sentences of talk; [`speakers`] settles who said them;
//! [`exchange`], [`patient`] and [`clinician`] make findings of them; [`sections`] puts those into the template. To
//! teach it a turn of phrase, find the table in one of these files that holds its like.

mod clauses;
mod clean;
mod clinician;
mod commands;
mod exchange;
mod finding;
mod leads;
pub(super) mod lexicon;
mod numbers;
mod observed;
mod patient;
mod plan;
mod reply;
mod retell;
mod run_on;
mod sections;
mod speakers;
mod starts;
mod suggestions;
mod topics;
mod verbs;
mod visit;

use std::collections::HashMap;

use async_trait::async_trait;
use kernel::Phi;
use model::note_template::NoteTemplate;

use super::support::{self, Said};
use super::{Conversation, DraftNote, DraftSection, DraftSentence, EngineError, ScribeEngine, Suggestion};
use finding::Finding;

/// The engine's name. The number changes whenever the same conversation would make another note.
const NAME: &str = "extractive-1";

/// The engine that runs offline; the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExtractiveEngine;

#[async_trait]
impl ScribeEngine for ExtractiveEngine {
    fn name(&self) -> &str {
        NAME
    }

    async fn write_note(
        &self,
        conversation: &Conversation,
        template: &NoteTemplate,
    ) -> Result<(DraftNote, Vec<Suggestion>), EngineError> {
        write_note(conversation, template)
    }
}

/// Writes the note. The same conversation makes the same note.
fn write_note(
    conversation: &Conversation,
    template: &NoteTemplate,
) -> Result<(DraftNote, Vec<Suggestion>), EngineError> {
    let found = visit::findings(conversation);
    let count = found.len();
    let findings = supported(found, conversation);
    let dropped = count - findings.len();
    let mut sections: Vec<DraftSection> = template
        .sections
        .iter()
        .map(|section| DraftSection { id: section.id.clone(), sentences: Vec::new() })
        .collect();
    for finding in &findings {
        if let Some(place) = sections::section_of(finding.topic, template) {
            sections[place].sentences.push(cited(finding, conversation));
        }
    }
    if sections.iter().all(|section| section.sentences.is_empty()) {
        return Err(EngineError::NothingToWrite);
    }
    let suggestions = suggestions::of(&findings, conversation, template);
    Ok((DraftNote { engine: NAME.to_owned(), sections, dropped }, suggestions))
}

/// The check that any engine's sentences pass, in its strictest form.
fn supported(findings: Vec<Finding>, conversation: &Conversation) -> Vec<Finding> {
    let mut said: HashMap<usize, Said> = HashMap::new();
    for &turn in findings.iter().flat_map(|finding| &finding.turns) {
        said.entry(turn).or_insert_with(|| Said::in_text(conversation.turns[turn].text.disclose()));
    }
    let is_supported = |finding: &Finding| {
        let evidence: Vec<&Said> = finding.turns.iter().filter_map(|turn| said.get(turn)).collect();
        !evidence.is_empty() && support::every_word(&finding.text, &evidence).is_ok()
    };
    findings.into_iter().filter(is_supported).collect()
}

fn cited(finding: &Finding, conversation: &Conversation) -> DraftSentence {
    let mut evidence: Vec<kernel::MessageId> = Vec::with_capacity(finding.turns.len());
    for &turn in &finding.turns {
        let id = &conversation.turns[turn].message_id;
        if !evidence.contains(id) {
            evidence.push(id.clone());
        }
    }
    DraftSentence { text: Phi::new(finding.text.clone()), evidence }
}
