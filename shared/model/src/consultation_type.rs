//! Consultation types: what kind of visit a note is about, and what that tells the scribe.
//!
//! To add one, add an entry to [`CONSULTATION_TYPES`].

use serde::Serialize;

/// A kind of visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsultationType {
    /// Its key, such as `follow_up`.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// One line about it.
    pub description: &'static str,
    /// What the scribe is told about such a visit.
    pub ai_context_modifier: &'static str,
}

/// Every consultation type.
pub const CONSULTATION_TYPES: &[ConsultationType] = &[
    ConsultationType {
        id: "initial_consultation",
        name: "Initial Consultation",
        description: "First visit with patient, comprehensive history",
        ai_context_modifier: "This is an initial consultation. Cover the presenting problem, the past medical, family \
                              and social history, the current medications and the allergies as far as they were talked about.",
    },
    ConsultationType {
        id: "follow_up",
        name: "Follow-up",
        description: "Follow-up appointment for established patient",
        ai_context_modifier: "This is a follow-up visit of an established patient. Concentrate on what has changed since \
                              the last visit, the response to treatment, and changes to the plan.",
    },
    ConsultationType {
        id: "annual_physical",
        name: "Annual Physical",
        description: "Yearly preventive examination",
        ai_context_modifier: "This is a yearly preventive examination. Cover the state of chronic conditions, the review \
                              of systems, the examination, and screening or vaccinations that were talked about.",
    },
    ConsultationType {
        id: "urgent_care",
        name: "Urgent Care",
        description: "Acute problem that cannot wait for an appointment",
        ai_context_modifier: "This is an urgent visit for an acute problem. Concentrate on its onset and course, warning \
                              signs that were asked for and their answers, the immediate treatment, and when to come back.",
    },
    ConsultationType {
        id: "telehealth",
        name: "Telehealth Visit",
        description: "Visit by video, telephone or chat",
        ai_context_modifier: "This is a remote visit. Findings can only be what was seen on video, measured by the patient \
                              or said; mark values that the patient measured as reported by the patient.",
    },
    ConsultationType {
        id: "specialist_referral",
        name: "Specialist Referral",
        description: "Visit on referral by another clinician",
        ai_context_modifier: "This is a visit on referral. State the question of the referral if it was said, the findings \
                              that bear on it, and the answer for the referring clinician.",
    },
    ConsultationType {
        id: "medication_review",
        name: "Medication Review",
        description: "Review of current medications, effects and side effects",
        ai_context_modifier: "This is a medication review. Name each medication with dose and frequency exactly as said, \
                              how it is taken, its effects and side effects, and every change.",
    },
    ConsultationType {
        id: "pre_operative",
        name: "Pre-operative Evaluation",
        description: "Assessment before a procedure",
        ai_context_modifier: "This is an evaluation before a procedure. Cover the planned procedure, earlier anaesthesia, \
                              medications to stop or continue, allergies, and instructions that were given.",
    },
    ConsultationType {
        id: "post_operative",
        name: "Post-operative Follow-up",
        description: "Follow-up after a procedure",
        ai_context_modifier: "This is a follow-up after a procedure. Cover recovery, pain, the wound, function, \
                              complications that were asked for and their answers, and restrictions.",
    },
    ConsultationType {
        id: "mental_health",
        name: "Mental Health Visit",
        description: "Psychiatric or psychological consultation",
        ai_context_modifier: "This is a mental health visit. Cover mood, sleep, appetite, stressors, treatment, and \
                              questions about self-harm with their answers word for word.",
    },
    ConsultationType {
        id: "chronic_care",
        name: "Chronic Care Management",
        description: "Regular review of long-term conditions",
        ai_context_modifier: "This is a review of long-term conditions. Go through each condition: control, home \
                              measurements, adherence, and the plan for it.",
    },
    ConsultationType {
        id: "pediatric_well_child",
        name: "Well-child Visit",
        description: "Preventive examination of a child",
        ai_context_modifier: "This is a preventive visit of a child; an accompanying adult may speak. Cover growth, feeding, \
                              sleep, development, vaccinations, and say who reported what.",
    },
];

impl ConsultationType {
    /// The consultation type with this key.
    pub fn find(id: &str) -> Option<&'static Self> {
        CONSULTATION_TYPES.iter().find(|kind| kind.id == id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_type_has_its_own_key_and_tells_the_scribe_something() {
        let keys: BTreeSet<&str> = CONSULTATION_TYPES.iter().map(|kind| kind.id).collect();
        assert_eq!(keys.len(), CONSULTATION_TYPES.len());
        for kind in CONSULTATION_TYPES {
            let key_is_plain = kind.id.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
            assert!(key_is_plain && kind.ai_context_modifier.starts_with("This is a"), "{}", kind.id);
            assert!(!kind.ai_context_modifier.contains("  "), "{}", kind.id);
        }
    }

    #[test]
    fn the_wire_shape_is_that_of_the_api() {
        let json = serde_json::to_value(ConsultationType::find("initial_consultation").unwrap()).unwrap();
        assert_eq!(json["name"], "Initial Consultation");
        assert!(json["aiContextModifier"].as_str().unwrap().starts_with("This is an initial consultation"));
        assert_eq!(ConsultationType::find("none"), None);
    }
}
