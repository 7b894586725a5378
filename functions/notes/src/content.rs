//! What a note says, on the wire, and the rules it keeps.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{ChatId, MessageId};
use model::message::parse_message_id;
use model::note::{CitedSentence, NoteBody, NoteSuggestion};
use model::note_template::NoteTemplate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::ApiError;

/// The longest section, in characters.
pub(crate) const MAX_SECTION_CHARS: usize = 20_000;
const MAX_SENTENCES: usize = 1_000;
const MAX_SENTENCE_CHARS: usize = MAX_SECTION_CHARS;
const MAX_CITED: usize = 100;
const MAX_SUGGESTIONS: usize = 50;

/// A sentence of a note and the messages it rests on.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NoteSentence {
    /// The sentence: 1 to 20,000 characters.
    #[schema(example = "The patient reports headaches for 3 days.", max_length = 20000)]
    text: String,
    /// The messages: 1 to 100 of the note's chat.
    message_ids: Vec<MessageId>,
}

/// Something the scribe suggests for a section.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NoteSuggestionView {
    /// Its id in the note.
    #[schema(example = "s1", max_length = 80)]
    id: String,
    /// For which section.
    #[schema(example = "plan")]
    section: String,
    /// What: 1 to 20,000 characters.
    #[schema(example = "Add follow-up in 3 months", max_length = 20000)]
    suggested_text: String,
    /// Of which kind.
    #[serde(rename = "type")]
    kind: NoteSuggestionType,
    /// The messages it rests on.
    #[serde(default)]
    message_ids: Vec<MessageId>,
    /// Whether the author took it.
    #[serde(default)]
    is_accepted: bool,
}

/// The kinds of suggestions.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NoteSuggestionType {
    /// A medication to start, stop or change.
    Medication,
    /// A symptom to follow up.
    Symptom,
    /// Something to do.
    Action,
    /// Something found.
    Finding,
}

impl NoteSuggestionType {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Medication, "medication"),
        (Self::Symptom, "symptom"),
        (Self::Action, "action"),
        (Self::Finding, "finding"),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Medication => "medication",
            Self::Symptom => "symptom",
            Self::Action => "action",
            Self::Finding => "finding",
        }
    }

    /// An unknown name can only be of a newer version; it is shown as the broadest kind.
    fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map_or(Self::Finding, |(kind, _)| kind)
    }
}

/// What a note says, as it came.
pub(crate) struct Content {
    pub(crate) sections: BTreeMap<String, String>,
    pub(crate) evidence: BTreeMap<String, Vec<NoteSentence>>,
    pub(crate) suggestions: Vec<NoteSuggestionView>,
    pub(crate) engine: Option<String>,
}

/// What it has to fit.
pub(crate) struct Frame<'a> {
    pub(crate) template: &'a NoteTemplate,
    pub(crate) is_draft: bool,
    pub(crate) chat_id: &'a ChatId,
    /// The number of the chat's last message.
    pub(crate) message_seq: u64,
}

impl Content {
    /// The content as it is stored, if it keeps the rules.
    pub(crate) fn checked(self, frame: &Frame<'_>) -> Result<NoteBody, ApiError> {
        self.check_sections(frame)?;
        for (section, sentences) in &self.evidence {
            frame.check_evidence(section, sentences)?;
        }
        frame.check_suggestions(&self.suggestions)?;
        let sentence =
            |sentence: NoteSentence| CitedSentence { text: sentence.text, message_ids: sentence.message_ids };
        let sentences =
            |(section, all): (String, Vec<NoteSentence>)| (section, all.into_iter().map(sentence).collect());
        Ok(NoteBody {
            sections: self.sections,
            evidence: self.evidence.into_iter().map(sentences).collect(),
            suggestions: self.suggestions.into_iter().map(Into::into).collect(),
            engine: self.engine,
        })
    }

    fn check_sections(&self, frame: &Frame<'_>) -> Result<(), ApiError> {
        for (id, text) in &self.sections {
            let field = format!("sections.{id}");
            frame.check_section(&field, id)?;
            if text.chars().count() > MAX_SECTION_CHARS {
                return Err(ApiError::field(&field, format!("{field}: at most {MAX_SECTION_CHARS} characters")));
            }
        }
        let is_empty = |id: &str| self.sections.get(id).is_none_or(|text| text.trim().is_empty());
        match frame.template.sections.iter().find(|section| section.required && is_empty(&section.id)) {
            Some(section) if !frame.is_draft => {
                let field = format!("sections.{}", section.id);
                let message = format!("{field}: a note needs it; save with isDraft true while it is empty");
                Err(ApiError::field(&field, message))
            }
            _ => Ok(()),
        }
    }
}

impl Frame<'_> {
    fn check_section(&self, field: &str, id: &str) -> Result<(), ApiError> {
        if self.template.section(id).is_some() {
            return Ok(());
        }
        let known: Vec<&str> = self.template.sections.iter().map(|section| section.id.as_str()).collect();
        let message = format!("{field}: the template {} has the sections {}", self.template.id, known.join(", "));
        Err(ApiError::field(field, message))
    }

    fn check_evidence(&self, section: &str, sentences: &[NoteSentence]) -> Result<(), ApiError> {
        let field = format!("evidence.{section}");
        self.check_section(&field, section)?;
        if sentences.len() > MAX_SENTENCES {
            return Err(ApiError::field(&field, format!("{field}: at most {MAX_SENTENCES} sentences")));
        }
        for (index, sentence) in sentences.iter().enumerate() {
            let field = format!("{field}[{index}]");
            check_text(&format!("{field}.text"), &sentence.text)?;
            let ids = format!("{field}.messageIds");
            if sentence.message_ids.is_empty() {
                return Err(ApiError::field(&ids, format!("{ids}: name at least one message")));
            }
            self.check_cited(&ids, &sentence.message_ids)?;
        }
        Ok(())
    }

    fn check_suggestions(&self, suggestions: &[NoteSuggestionView]) -> Result<(), ApiError> {
        if suggestions.len() > MAX_SUGGESTIONS {
            return Err(ApiError::field("suggestions", format!("suggestions: at most {MAX_SUGGESTIONS}")));
        }
        let mut ids = BTreeSet::new();
        for (index, suggestion) in suggestions.iter().enumerate() {
            let field = format!("suggestions[{index}]");
            let id = format!("{field}.id");
            // It stands in a path, as other ids do.
            if suggestion.id.parse::<MessageId>().is_err() || !ids.insert(suggestion.id.as_str()) {
                return Err(ApiError::field(&id, format!("{id}: {}, unlike the others", kernel::InvalidId)));
            }
            self.check_section(&format!("{field}.section"), &suggestion.section)?;
            check_text(&format!("{field}.suggestedText"), &suggestion.suggested_text)?;
            self.check_cited(&format!("{field}.messageIds"), &suggestion.message_ids)?;
        }
        Ok(())
    }

    fn check_cited(&self, field: &str, ids: &[MessageId]) -> Result<(), ApiError> {
        if ids.len() > MAX_CITED {
            return Err(ApiError::field(field, format!("{field}: at most {MAX_CITED} messages")));
        }
        let is_here = |id: &MessageId| {
            parse_message_id(id).is_some_and(|(chat, seq)| chat == *self.chat_id && seq <= self.message_seq)
        };
        if ids.iter().all(is_here) {
            return Ok(());
        }
        Err(ApiError::field(field, format!("{field}: names a message that is not in the note's chat")))
    }
}

fn check_text(field: &str, text: &str) -> Result<(), ApiError> {
    if text.trim().is_empty() || text.chars().count() > MAX_SENTENCE_CHARS {
        return Err(ApiError::field(field, format!("{field}: 1 to {MAX_SENTENCE_CHARS} characters, not only blanks")));
    }
    Ok(())
}

impl From<CitedSentence> for NoteSentence {
    fn from(sentence: CitedSentence) -> Self {
        Self { text: sentence.text, message_ids: sentence.message_ids }
    }
}

impl From<NoteSuggestionView> for NoteSuggestion {
    fn from(view: NoteSuggestionView) -> Self {
        let NoteSuggestionView { id, section, suggested_text, kind, message_ids, is_accepted } = view;
        Self { id, section, suggested_text, kind: kind.name().to_owned(), message_ids, is_accepted }
    }
}

impl From<NoteSuggestion> for NoteSuggestionView {
    fn from(suggestion: NoteSuggestion) -> Self {
        let NoteSuggestion { id, section, suggested_text, kind, message_ids, is_accepted } = suggestion;
        Self { id, section, suggested_text, kind: NoteSuggestionType::named(&kind), message_ids, is_accepted }
    }
}
