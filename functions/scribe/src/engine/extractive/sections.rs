//! Which section of a template a finding goes to.

use model::note_template::{NoteTemplate, TemplateSection};

use super::finding::Topic;

/// The sections that a topic may stand in, the fittest first. A template has few of them; a topic that finds none of
/// its sections is left out of the note.
const fn homes(topic: Topic) -> &'static [&'static str] {
    match topic {
        Topic::Complaint => &[
            "chief_complaint",
            "presenting_problem",
            "reason_for_visit",
            "hpi",
            "history_of_present_illness",
            "subjective",
            "history",
        ],
        Topic::History => &[
            "hpi",
            "history_of_present_illness",
            "symptoms",
            "presenting_problem",
            "history",
            "subjective",
            "chief_complaint",
        ],
        Topic::Review => &[
            "ros",
            "review_of_systems",
            "symptoms",
            "hpi",
            "history_of_present_illness",
            "presenting_problem",
            "subjective",
            "history",
        ],
        Topic::PastMedical => &[
            "past_medical",
            "past_medical_history",
            "medical_history",
            "hpi",
            "history",
            "subjective",
            "symptoms",
            "presenting_problem",
        ],
        Topic::Psychiatric => {
            &["psychiatric_history", "past_medical", "past_medical_history", "hpi", "history", "subjective", "symptoms"]
        }
        Topic::Medications => &[
            "medications",
            "current_medications",
            "past_medical",
            "hpi",
            "psychiatric_history",
            "history",
            "subjective",
            "symptoms",
        ],
        Topic::Allergies => {
            &["allergies", "past_medical", "hpi", "history", "subjective", "symptoms", "presenting_problem"]
        }
        Topic::Family => &[
            "family_history",
            "past_medical",
            "past_medical_history",
            "psychiatric_history",
            "hpi",
            "history",
            "subjective",
            "symptoms",
        ],
        Topic::Social => &[
            "social_history",
            "past_medical",
            "past_medical_history",
            "psychiatric_history",
            "hpi",
            "history",
            "subjective",
            "symptoms",
        ],
        Topic::Vitals => {
            &["vital_signs", "vitals", "objective", "physical_exam", "physical_examination", "exam", "cardiac_exam"]
        }
        Topic::CardiacExam => {
            &["cardiac_exam", "physical_exam", "physical_examination", "exam", "objective", "vital_signs"]
        }
        Topic::MentalExam => &["mental_status_exam", "physical_exam", "physical_examination", "exam", "objective"],
        Topic::Exam => {
            &["physical_exam", "physical_examination", "exam", "objective", "cardiac_exam", "mental_status_exam"]
        }
        Topic::Results => {
            &["results", "labs", "objective", "physical_exam", "physical_examination", "cardiac_exam", "assessment"]
        }
        Topic::Summary | Topic::Assessment => &["assessment", "impression", "assessment_and_plan", "assessment_plan"],
        Topic::Plan => &["plan", "treatment_plan", "assessment_and_plan", "assessment_plan", "instructions"],
    }
}

/// The place of the topic's section in the template.
pub(super) fn section_of(topic: Topic, template: &NoteTemplate) -> Option<usize> {
    let place =
        |home: &&str| template.sections.iter().position(|section| section.id == *home || key(section) == **home);
    homes(topic).iter().find_map(place)
}

/// A section's heading as a key, for templates whose keys are of the tenant's own making.
fn key(section: &TemplateSection) -> String {
    let plain = section.full_name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    plain.collect()
}

#[cfg(test)]
mod tests {
    use model::note_template::NoteTemplate;

    use super::*;

    fn home(topic: Topic, template: &NoteTemplate) -> &str {
        section_of(topic, template).map_or("-", |place| template.sections[place].id.as_str())
    }

    #[test]
    fn every_topic_has_a_place_in_the_general_templates() {
        let soap = NoteTemplate::find_built_in("soap").unwrap();
        let full = NoteTemplate::find_built_in("comprehensive").unwrap();
        let heart = NoteTemplate::find_built_in("cardiology").unwrap();
        let psychiatry = NoteTemplate::find_built_in("psychiatry").unwrap();
        let table = [
            (Topic::Complaint, "subjective", "chief_complaint", "chief_complaint", "presenting_problem"),
            (Topic::History, "subjective", "hpi", "symptoms", "presenting_problem"),
            (Topic::Review, "subjective", "ros", "symptoms", "presenting_problem"),
            (Topic::Medications, "subjective", "medications", "symptoms", "psychiatric_history"),
            (Topic::Allergies, "subjective", "allergies", "symptoms", "presenting_problem"),
            (Topic::Family, "subjective", "past_medical", "symptoms", "psychiatric_history"),
            (Topic::Vitals, "objective", "physical_exam", "vital_signs", "-"),
            (Topic::CardiacExam, "objective", "physical_exam", "cardiac_exam", "-"),
            (Topic::MentalExam, "objective", "physical_exam", "-", "mental_status_exam"),
            (Topic::Results, "objective", "physical_exam", "cardiac_exam", "assessment"),
            (Topic::Plan, "plan", "plan", "plan", "plan"),
        ];
        for (topic, in_soap, in_full, in_heart, in_psychiatry) in table {
            assert_eq!(home(topic, &soap), in_soap, "{topic:?}");
            assert_eq!(home(topic, &full), in_full, "{topic:?}");
            assert_eq!(home(topic, &heart), in_heart, "{topic:?}");
            assert_eq!(home(topic, &psychiatry), in_psychiatry, "{topic:?}");
        }
    }

    #[test]
    fn a_section_of_a_tenants_own_is_found_by_its_heading() {
        let mut template = NoteTemplate::find_built_in("soap").unwrap();
        template.sections[3].id = "p".to_owned();
        template.sections[3].full_name = "Treatment Plan".to_owned();
        assert_eq!(section_of(Topic::Plan, &template), Some(3));
    }
}
