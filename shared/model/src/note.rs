//! Clinical notes.

use std::collections::BTreeMap;

use kernel::{ChatId, MessageId, PatientId, Sealed, Time, UserId};
use serde::{Deserialize, Serialize};
use store::Collection;

/// A clinical note. Sealed under the patient's key, else the chat's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// The chat it rests on.
    pub chat_id: ChatId,
    /// The patient it is about, where there is a chart.
    pub patient_id: Option<PatientId>,
    /// Who wrote it.
    pub created_by: UserId,
    /// What kind of consultation it was.
    pub consultation_type: Option<String>,
    /// Sealed: why the patient came.
    pub visit_reason: Option<Sealed>,
    /// Which template it follows.
    pub template_type: String,
    /// Sealed: what it says, as [`NoteBody`] in JSON.
    pub body: Sealed,
    /// Not yet final.
    pub is_draft: bool,
    /// When it was signed, and by whom.
    pub signed: Option<Signed>,
    /// Which version this is, from 1.
    pub version: u32,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// When it was deleted.
    pub deleted_at: Option<Time>,
}

/// A signature under a note.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signed {
    /// Who signed.
    pub by: UserId,
    /// When.
    pub at: Time,
}

/// What a note says. Personal data: exists in memory only, and sealed in [`Note::body`].
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoteBody {
    /// The text of each section, by section id.
    pub sections: BTreeMap<String, String>,
    /// Which messages each sentence rests on, by section id, where the scribe wrote it.
    pub evidence: BTreeMap<String, Vec<CitedSentence>>,
    /// What the scribe suggests to add.
    pub suggestions: Vec<NoteSuggestion>,
    /// Which engine wrote the first draft, if one did.
    pub engine: Option<String>,
}

impl std::fmt::Debug for NoteBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NoteBody({} sections)", self.sections.len())
    }
}

/// A sentence and what it rests on. Personal data.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CitedSentence {
    /// The sentence.
    pub text: String,
    /// The messages.
    pub message_ids: Vec<MessageId>,
}

/// Something the scribe suggests. Personal data.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoteSuggestion {
    /// Its id in the note.
    pub id: String,
    /// For which section.
    pub section: String,
    /// What.
    pub suggested_text: String,
    /// Of which kind: medication, symptom, action or finding.
    #[serde(rename = "type")]
    pub kind: String,
    /// The messages it rests on.
    pub message_ids: Vec<MessageId>,
    /// Whether the author took it.
    pub is_accepted: bool,
}

/// Notes, by note id.
pub const NOTES: Collection<Note> = Collection::top("notes", &[]);
