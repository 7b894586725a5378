use std::collections::BTreeMap;

use kernel::{MessageId, Phi, Random, RandomExt};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::{DraftNote, DraftSection, DraftSentence, Suggestion};

/// A note as the scribe wrote it, for a clinician to correct and save.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GeneratedNote {
    /// An id of this draft; nothing is saved under it.
    #[schema(example = "7d2f3c1e-5a4b-4c8d-9e0f-112233445566")]
    id: String,
    /// Which engine wrote it: `extractive-1`, or `gemini:` and the model's name.
    #[schema(example = "extractive-1")]
    engine: String,
    /// Its template.
    #[schema(example = "soap")]
    template_type: String,
    /// The text of each of the template's sections; empty where nothing was said about it.
    #[schema(example = json!({"subjective": "The patient reports headaches.", "objective": "", "assessment": "", "plan": "Rest."}))]
    sections: BTreeMap<String, String>,
    /// Which messages each sentence rests on, by section.
    evidence: BTreeMap<String, Vec<GeneratedSentence>>,
    /// What a clinician may want to add.
    suggestions: Vec<GeneratedSuggestion>,
}

/// A sentence and the messages it rests on.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GeneratedSentence {
    /// The sentence.
    #[schema(example = "The patient reports headaches.")]
    text: String,
    /// The messages, at least one.
    message_ids: Vec<MessageId>,
}

/// Something that a clinician may want to add to a section.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GeneratedSuggestion {
    /// Its id.
    #[schema(example = "0b1c2d3e-5a4b-4c8d-9e0f-112233445566")]
    id: String,
    /// For which section.
    #[schema(example = "plan")]
    section: String,
    /// What.
    #[schema(example = "Consider follow-up visit")]
    suggested_text: String,
    /// `medication`, `symptom`, `action` or `finding`.
    #[serde(rename = "type")]
    #[schema(example = "action")]
    kind: String,
    /// The messages it rests on, at least one.
    message_ids: Vec<MessageId>,
}

impl GeneratedNote {
    /// What an engine wrote, by this template.
    pub(crate) fn of(note: &DraftNote, suggestions: &[Suggestion], template: &str, random: &dyn Random) -> Phi<Self> {
        let evidence =
            |section: &DraftSection| (section.id.clone(), section.sentences.iter().map(Into::into).collect());
        Phi::new(Self {
            id: random.uuid().to_string(),
            engine: note.engine.clone(),
            template_type: template.to_owned(),
            sections: note.sections.iter().map(|one| (one.id.clone(), one.text().into_disclosed())).collect(),
            evidence: note.sections.iter().filter(|section| !section.sentences.is_empty()).map(evidence).collect(),
            suggestions: suggestions.iter().map(|one| GeneratedSuggestion::of(one, random)).collect(),
        })
    }
}

impl From<&DraftSentence> for GeneratedSentence {
    fn from(sentence: &DraftSentence) -> Self {
        Self { text: sentence.text.disclose().clone(), message_ids: sentence.evidence.clone() }
    }
}

impl GeneratedSuggestion {
    fn of(suggestion: &Suggestion, random: &dyn Random) -> Self {
        Self {
            id: random.uuid().to_string(),
            section: suggestion.section.clone(),
            suggested_text: suggestion.text.disclose().clone(),
            kind: suggestion.kind.name().to_owned(),
            message_ids: suggestion.evidence.clone(),
        }
    }
}
