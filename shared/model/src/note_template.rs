//! Note templates: which sections a clinical note has, and in which order.
//!
//! The built-in ones are data in [`NoteTemplate::built_in`]; to add one, add a line there. A tenant's own templates are
//! stored documents of the same shape.

use serde::{Deserialize, Serialize};

/// One section of a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateSection {
    /// The section's key in a note, such as `subjective`.
    pub id: String,
    /// A short label for a narrow screen, such as `S`.
    pub label: String,
    /// The section's heading, such as `Subjective`.
    pub full_name: String,
    /// A note cannot be finalised while this section is empty.
    pub required: bool,
}

/// The layout of a clinical note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NoteTemplate {
    /// The template's key, such as `soap`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// One line about it.
    pub description: String,
    /// The medical specialty it is made for.
    pub specialty: String,
    /// Its sections, in the order in which they are read.
    pub sections: Vec<TemplateSection>,
}

/// The key of the template that is used where none is chosen.
pub const DEFAULT_TEMPLATE: &str = "soap";

impl NoteTemplate {
    /// The templates that every tenant has.
    pub fn built_in() -> Vec<Self> {
        BUILT_IN.iter().map(Layout::build).collect()
    }

    /// The built-in template with this key.
    pub fn find_built_in(id: &str) -> Option<Self> {
        BUILT_IN.iter().find(|layout| layout.id == id).map(Layout::build)
    }

    /// The section with this key.
    pub fn section(&self, id: &str) -> Option<&TemplateSection> {
        self.sections.iter().find(|section| section.id == id)
    }
}

/// A built-in template as it is written down here.
struct Layout {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    specialty: &'static str,
    sections: &'static [Section],
}

/// Key, label, heading, required.
type Section = (&'static str, &'static str, &'static str, bool);

impl Layout {
    fn build(&self) -> NoteTemplate {
        let section = |&(id, label, full_name, required): &Section| TemplateSection {
            id: id.to_owned(),
            label: label.to_owned(),
            full_name: full_name.to_owned(),
            required,
        };
        NoteTemplate {
            id: self.id.to_owned(),
            name: self.name.to_owned(),
            description: self.description.to_owned(),
            specialty: self.specialty.to_owned(),
            sections: self.sections.iter().map(section).collect(),
        }
    }
}

const SUBJECTIVE: Section = ("subjective", "S", "Subjective", true);
const OBJECTIVE: Section = ("objective", "O", "Objective", true);
const ASSESSMENT: Section = ("assessment", "A", "Assessment", true);
const PLAN: Section = ("plan", "P", "Plan", true);
const CHIEF_COMPLAINT: Section = ("chief_complaint", "CC", "Chief Complaint", true);

const BUILT_IN: &[Layout] = &[
    Layout {
        id: "soap",
        name: "SOAP Note",
        description: "Subjective, Objective, Assessment, Plan",
        specialty: "General Medicine",
        sections: &[SUBJECTIVE, OBJECTIVE, ASSESSMENT, PLAN],
    },
    Layout {
        id: "apso",
        name: "APSO Note",
        description: "Assessment, Plan, Subjective, Objective: the conclusion first",
        specialty: "General Medicine",
        sections: &[ASSESSMENT, PLAN, SUBJECTIVE, OBJECTIVE],
    },
    Layout {
        id: "comprehensive",
        name: "Comprehensive Note",
        description: "Full history and physical examination",
        specialty: "General Medicine",
        sections: &[
            CHIEF_COMPLAINT,
            ("hpi", "HPI", "History of Present Illness", true),
            ("ros", "ROS", "Review of Systems", false),
            ("past_medical", "PMH", "Past Medical History", false),
            ("medications", "Meds", "Medications", false),
            ("allergies", "All", "Allergies", false),
            ("physical_exam", "PE", "Physical Examination", false),
            ASSESSMENT,
            PLAN,
        ],
    },
    Layout {
        id: "psychiatry",
        name: "Psychiatry Note",
        description: "Presenting problem, psychiatric history and mental status examination",
        specialty: "Psychiatry",
        sections: &[
            ("presenting_problem", "PP", "Presenting Problem", true),
            ("psychiatric_history", "PsyH", "Psychiatric History", false),
            ("mental_status_exam", "MSE", "Mental Status Examination", true),
            ASSESSMENT,
            PLAN,
        ],
    },
    Layout {
        id: "cardiology",
        name: "Cardiology Note",
        description: "Specialty template for cardiology",
        specialty: "Cardiology",
        sections: &[
            CHIEF_COMPLAINT,
            ("symptoms", "Sx", "Symptoms", true),
            ("vital_signs", "VS", "Vital Signs", false),
            ("cardiac_exam", "CE", "Cardiac Examination", false),
            ASSESSMENT,
            PLAN,
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_templates_have_exactly_these_sections() {
        let keys: Vec<(String, String)> = NoteTemplate::built_in()
            .into_iter()
            .map(|t| (t.id, t.sections.into_iter().map(|s| s.id).collect::<Vec<_>>().join(" ")))
            .collect();
        let expected = [
            ("soap", "subjective objective assessment plan"),
            ("apso", "assessment plan subjective objective"),
            (
                "comprehensive",
                "chief_complaint hpi ros past_medical medications allergies physical_exam assessment plan",
            ),
            ("psychiatry", "presenting_problem psychiatric_history mental_status_exam assessment plan"),
            ("cardiology", "chief_complaint symptoms vital_signs cardiac_exam assessment plan"),
        ];
        assert_eq!(keys, expected.map(|(id, sections)| (id.to_owned(), sections.to_owned())));
    }

    #[test]
    fn the_wire_shape_is_that_of_the_api() {
        let soap = NoteTemplate::find_built_in(DEFAULT_TEMPLATE).unwrap();
        let json = serde_json::to_value(&soap).unwrap();
        assert_eq!(json["name"], "SOAP Note");
        assert_eq!(json["specialty"], "General Medicine");
        assert_eq!(
            json["sections"][0],
            serde_json::json!({"id": "subjective", "label": "S", "fullName": "Subjective", "required": true})
        );
        assert_eq!(serde_json::from_value::<NoteTemplate>(json).unwrap(), soap);
    }

    #[test]
    fn an_unknown_template_or_section_is_none() {
        assert_eq!(NoteTemplate::find_built_in("SOAP"), None);
        let soap = NoteTemplate::find_built_in("soap").unwrap();
        assert_eq!(soap.section("hpi"), None);
        assert_eq!(soap.section("plan").unwrap().full_name, "Plan");
    }
}
