use kernel::{ChartItemId, Day};
use model::chart::{
    Allergy, CheckKind, CheckReason, CheckStatus, Item, MedicalCode, Medication, MedicationCheck, Severity,
};

use super::recognise::Recognised;
use super::table::{CLASSES, CROSS_REACTIVE};

/// The medicine to check.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// Its item, where it is one of the chart's: it is not compared with itself.
    pub(crate) id: Option<&'a ChartItemId>,
    pub(crate) name: &'a str,
    pub(crate) code: Option<&'a MedicalCode>,
}

/// What it is compared with.
pub(crate) struct Others {
    /// The allergies that stand; `None` where the caller may not see them.
    allergies: Option<Vec<(Item<Allergy>, Recognised)>>,
    /// The current medications.
    medications: Vec<(Item<Medication>, Recognised)>,
}

impl Others {
    /// The allergies of these that stand, and the medications that are current. Each is looked up once.
    pub(crate) fn of(allergies: Option<Vec<Item<Allergy>>>, medications: Vec<Item<Medication>>, today: Day) -> Self {
        let allergy = |one: Item<Allergy>| {
            let known = Recognised::of(&one.entry.allergy, one.entry.code.as_ref());
            (one, known)
        };
        let medication = |one: Item<Medication>| {
            let known = Recognised::of(&one.entry.name, one.entry.code.as_ref());
            (one, known)
        };
        let standing =
            |all: Vec<Item<Allergy>>| all.into_iter().filter(|one| one.entry.is_active).map(allergy).collect();
        let current = medications.into_iter().filter(|one| one.entry.is_current(today));
        Self { allergies: allergies.map(standing), medications: current.map(medication).collect() }
    }
}

/// Compares a medicine with a chart.
pub(crate) fn check(subject: Subject<'_>, others: &Others) -> MedicationCheck {
    let medicine = Recognised::of(subject.name, subject.code);
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    if !medicine.is_whole {
        let text = format!(
            "{} is not, or not wholly, in the table of medicines: it was compared by name, not by ingredient or class.",
            subject.name
        );
        gaps.push(reason(CheckKind::UnknownMedicine, text, None, None));
    }
    for (allergy, known) in others.allergies.iter().flatten() {
        match against_allergy(subject.name, &medicine, known, allergy) {
            Some(finding) => findings.push(finding),
            None if known.is_whole => {}
            None => gaps.push(not_in_table("allergy", &allergy.entry.allergy, &allergy.id)),
        }
    }
    let compared = || others.medications.iter().filter(|(other, _)| Some(&other.id) != subject.id);
    for (other, known) in compared() {
        match against_medication(subject.name, &medicine, known, other) {
            Some(finding) => findings.push(finding),
            None if known.is_whole => {}
            None => gaps.push(not_in_table("medication", &other.entry.name, &other.id)),
        }
    }
    if others.allergies.is_none() {
        let text = "You may not see the patient's allergies, so they were not compared.".to_owned();
        gaps.push(reason(CheckKind::Withheld, text, None, None));
    }
    let status = match (findings.is_empty(), gaps.is_empty()) {
        (false, _) => CheckStatus::Alert,
        (true, false) => CheckStatus::NotChecked,
        (true, true) => CheckStatus::Ok,
    };
    findings.append(&mut gaps);
    MedicationCheck {
        status,
        reasons: findings,
        allergies_compared: count(others.allergies.as_ref().map_or(0, Vec::len)),
        medications_compared: count(compared().count()),
    }
}

/// The outcome for a medication that is stopped or over.
pub(crate) fn not_active() -> MedicationCheck {
    let text = "The medication is stopped or over, so that nothing was compared.".to_owned();
    MedicationCheck {
        status: CheckStatus::NotChecked,
        reasons: vec![reason(CheckKind::NotActive, text, None, None)],
        allergies_compared: 0,
        medications_compared: 0,
    }
}

/// Whether a check found a severe allergy.
pub(crate) fn has_severe_alert(check: &MedicationCheck) -> bool {
    check.reasons.iter().any(is_severe)
}

/// Whether all that a check says of severe allergies was said by a former one, in the very words.
pub(crate) fn says_nothing_worse(check: &MedicationCheck, former: &MedicationCheck) -> bool {
    check.reasons.iter().filter(|reason| is_severe(reason)).all(|reason| former.reasons.contains(reason))
}

fn is_severe(reason: &CheckReason) -> bool {
    reason.severity == Some(Severity::Severe)
}

fn against_allergy(
    name: &str,
    medicine: &Recognised,
    known: &Recognised,
    allergy: &Item<Allergy>,
) -> Option<CheckReason> {
    let Allergy { allergy: words, severity, .. } = &allergy.entry;
    let found = |kind, text| Some(reason(kind, text, Some(&allergy.id), Some(*severity)));
    let in_chart = format!("the chart has the allergy {words} ({})", severity_word(*severity));
    if is_same(medicine, known) {
        return found(CheckKind::Allergy, format!("{name}: {in_chart}."));
    }
    if let Some(class) = medicine.classes.intersection(&known.classes).next() {
        let kind = if known.named_classes.contains(class) { CheckKind::Allergy } else { CheckKind::CrossReactivity };
        return found(kind, format!("{name} is one of the {}, and {in_chart}.", CLASSES[*class].name));
    }
    let pair = pairs(medicine, known)
        .find(|(one, other)| CROSS_REACTIVE.contains(&(one, other)) || CROSS_REACTIVE.contains(&(other, one)))?;
    let text = format!("{name} is one of the {}, which can cross-react with {}, and {in_chart}.", pair.0, pair.1);
    found(CheckKind::CrossReactivity, text)
}

fn against_medication(
    name: &str,
    medicine: &Recognised,
    known: &Recognised,
    other: &Item<Medication>,
) -> Option<CheckReason> {
    let found = |kind, text| Some(reason(kind, text, Some(&other.id), None));
    let taken = &other.entry.name;
    if is_same(medicine, known) {
        return found(CheckKind::Duplicate, format!("The patient takes the same already: {taken}."));
    }
    let common = medicine.classes.intersection(&known.classes).find(|class| CLASSES[**class].is_taken_alone)?;
    let text = format!("{name} and {taken}, which the patient takes, are both {}.", CLASSES[*common].name);
    found(CheckKind::SameClass, text)
}

/// Whether one has a substance of the other, or where the table does not help, all its words.
fn is_same(medicine: &Recognised, known: &Recognised) -> bool {
    let has_substance = !medicine.substances.is_disjoint(&known.substances);
    let is_compared_by_name = known.substances.is_empty() || medicine.substances.is_empty();
    has_substance || (is_compared_by_name && !known.words.is_empty() && known.words.is_subset(&medicine.words))
}

/// The names of the classes of one with those of the other.
fn pairs<'a>(one: &'a Recognised, other: &'a Recognised) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
    let of_one = one.classes.iter().map(|class| CLASSES[*class].name);
    of_one.flat_map(|one| other.classes.iter().map(move |class| (one, CLASSES[*class].name)))
}

fn not_in_table(kind: &str, words: &str, id: &ChartItemId) -> CheckReason {
    let text = format!(
        "The {kind} {words} is not, or not wholly, in the table of medicines: it was compared by name, not by \
         ingredient or class."
    );
    reason(CheckKind::UnknownInChart, text, Some(id), None)
}

fn reason(kind: CheckKind, text: String, item: Option<&ChartItemId>, severity: Option<Severity>) -> CheckReason {
    CheckReason { kind, text, item_id: item.cloned(), severity }
}

const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Mild => "mild",
        Severity::Moderate => "moderate",
        Severity::Severe => "severe",
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use kernel::Time;

    use super::*;

    fn item<T>(id: &str, entry: T) -> Item<T> {
        let at = Time::from_millis(0);
        let user = || "d".parse().unwrap();
        Item {
            id: id.parse().unwrap(),
            version: 1,
            created_by: user(),
            created_at: at,
            updated_by: user(),
            updated_at: at,
            entry,
        }
    }

    fn others(allergies: &[(&str, Severity)], medications: &[&str]) -> Others {
        let allergy = |(name, severity): &(&str, Severity)| {
            item(
                "a1",
                Allergy {
                    allergy: (*name).to_owned(),
                    code: None,
                    severity: *severity,
                    reaction_description: None,
                    is_active: true,
                },
            )
        };
        let medication = |name: &&str| {
            let entry = Medication {
                name: (*name).to_owned(),
                code: None,
                dosage: None,
                frequency: None,
                start_date: None,
                end_date: None,
                prescribing_doctor_id: None,
                notes: None,
                is_active: true,
                check: not_active(),
                is_acknowledged: false,
            };
            item("m1", entry)
        };
        let (allergies, medications) = (allergies.iter().map(allergy), medications.iter().map(medication));
        Others::of(Some(allergies.collect()), medications.collect(), Day::of(Time::from_millis(0)))
    }

    fn kinds(name: &str, others: &Others) -> (CheckStatus, Vec<CheckKind>) {
        let check = check(Subject { id: None, name, code: None }, others);
        (check.status, check.reasons.iter().map(|reason| reason.kind).collect())
    }

    #[test]
    fn allergies_are_found_by_name_class_and_cross_reaction() {
        use CheckKind::{Allergy, CrossReactivity};
        use CheckStatus::{Alert, Ok};
        for (allergy, medicine, expected) in [
            ("Penicillin", "Amoxicillin 500 mg", Allergy),
            ("amoxicillin", "Augmentin", Allergy),
            ("Amoxicillin", "Ampicillin", CrossReactivity),
            ("Penicillin", "Cephalexin", CrossReactivity),
            ("Ceftriaxone", "Meropenem", CrossReactivity),
            ("Sulfa", "Bactrim DS", Allergy),
            ("NSAIDs", "Aspirin 81 mg", Allergy),
            ("Codeine", "Morphine sulfate", CrossReactivity),
            ("Foozol", "foozol 10mg tablets", Allergy),
        ] {
            let (status, kinds) = kinds(medicine, &others(&[(allergy, Severity::Mild)], &[]));
            assert_eq!((status, kinds[0]), (Alert, expected), "{allergy}, {medicine}");
        }
        for (allergy, medicine) in [("Penicillin", "Metformin"), ("Peanuts", "Lisinopril"), ("Sulfa", "Trimethoprim")] {
            assert_eq!(kinds(medicine, &others(&[(allergy, Severity::Severe)], &[])), (Ok, vec![]), "{allergy}");
        }
    }

    #[test]
    fn the_same_and_the_like_are_found() {
        use CheckKind::{Duplicate, SameClass};
        use CheckStatus::{Alert, Ok};
        assert_eq!(kinds("Glucophage", &others(&[], &["Metformin 500mg"])), (Alert, vec![Duplicate]));
        assert_eq!(kinds("Simvastatin", &others(&[], &["Lipitor", "Metformin"])), (Alert, vec![SameClass]));
        assert_eq!(kinds("Foozol", &others(&[], &["FOOZOL tablets"])).1[1], CheckKind::UnknownMedicine);
        assert_eq!(kinds("Phenytoin", &others(&[], &["Carbamazepine"])), (Ok, vec![]));
        assert_eq!(kinds("Metformin", &others(&[], &[])), (Ok, vec![]));
    }

    #[test]
    fn what_could_not_be_compared_is_said() {
        use CheckKind::{CrossReactivity, UnknownInChart, UnknownMedicine, Withheld};
        use CheckStatus::{Alert, NotChecked};
        assert_eq!(kinds("Foozol", &others(&[], &[])), (NotChecked, vec![UnknownMedicine]));
        assert_eq!(
            kinds("Metformin", &others(&[("Barzine", Severity::Mild)], &[])),
            (NotChecked, vec![UnknownInChart])
        );
        assert_eq!(kinds("Metformin", &others(&[], &["Barzine"])), (NotChecked, vec![UnknownInChart]));
        let both = others(&[("Penicillin", Severity::Severe)], &["Barzine"]);
        assert_eq!(kinds("Cefazolin", &both), (Alert, vec![CrossReactivity, UnknownInChart]));
        let hidden = Others { allergies: None, medications: Vec::new() };
        assert_eq!(kinds("Metformin", &hidden), (NotChecked, vec![Withheld]));
    }

    #[test]
    fn severe_allergies_stand_out() {
        let severe = |severity| {
            let others = others(&[("Penicillin", severity)], &["Amoxicillin"]);
            has_severe_alert(&check(Subject { id: None, name: "Amoxicillin", code: None }, &others))
        };
        assert!(severe(Severity::Severe) && !severe(Severity::Moderate));
    }
}
