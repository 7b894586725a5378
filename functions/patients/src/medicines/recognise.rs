use std::collections::BTreeSet;

use model::chart::{CodeSystem, MedicalCode};

use super::table::{CLASSES, Class, NO_MEDICINE, NO_SUBSTANCE, OTHER_NAMES, SUBSTANCES};

/// The longest name of the table, in words.
const LONGEST_NAME: usize = 3;

/// What the table knows of a name that somebody wrote.
#[derive(Default)]
pub(super) struct Recognised {
    /// The substances in it.
    pub(super) substances: BTreeSet<&'static str>,
    /// The classes that it names itself, such as "penicillins": indexes of [`CLASSES`].
    pub(super) named_classes: BTreeSet<usize>,
    /// These, and the classes of its substances.
    pub(super) classes: BTreeSet<usize>,
    /// Its words without strengths, forms and salts.
    pub(super) words: BTreeSet<String>,
    /// Whether all that could be a substance is in the table.
    pub(super) is_whole: bool,
}

impl Recognised {
    /// Looks a name up, with its ATC code where there is one.
    pub(super) fn of(name: &str, code: Option<&MedicalCode>) -> Self {
        let mut found = Self::default();
        let words = vault::words(name);
        let mut unknown = 0;
        let mut at = 0;
        while at < words.len() {
            let lengths = (1..=LONGEST_NAME.min(words.len() - at)).rev();
            let known = lengths.into_iter().find(|length| found.take(&words[at..at + length].join(" ")));
            let word = &words[at];
            let says_nothing = word.starts_with(|c: char| c.is_ascii_digit()) || NO_SUBSTANCE.contains(&word.as_str());
            match known {
                Some(length) => found.words.extend(words[at..at + length].iter().cloned()),
                None if says_nothing => {}
                None => {
                    unknown += usize::from(!NO_MEDICINE.contains(&word.as_str()));
                    found.words.insert(word.clone());
                }
            }
            at += known.unwrap_or(1);
        }
        let has_code = code.is_some_and(|code| found.take_code(code));
        let is_something = !found.words.is_empty();
        found.is_whole = has_code || (is_something && unknown == 0);
        found
    }

    /// Takes a name of the table in.
    fn take(&mut self, name: &str) -> bool {
        let substances: Vec<&(&str, &str)> = match OTHER_NAMES.iter().find(|(other, _)| *other == name) {
            Some((_, all)) => SUBSTANCES.iter().filter(|(substance, _)| all.contains(substance)).collect(),
            None => SUBSTANCES.iter().filter(|(substance, _)| *substance == name).collect(),
        };
        for (substance, atc) in &substances {
            self.substances.insert(substance);
            self.classes.extend(classes_of(atc));
        }
        let named = CLASSES.iter().enumerate().filter(|(_, class)| class.words.contains(&name));
        let named: Vec<usize> = named.map(|(index, _)| index).collect();
        self.named_classes.extend(&named);
        self.classes.extend(&named);
        !substances.is_empty() || !named.is_empty()
    }

    /// Takes an ATC code in. From its fourth level on it tells a class; the fifth is a substance.
    fn take_code(&mut self, code: &MedicalCode) -> bool {
        if code.system != CodeSystem::Atc || code.code.len() < 5 {
            return false;
        }
        if let Some((substance, _)) = SUBSTANCES.iter().find(|(_, atc)| *atc == code.code) {
            self.substances.insert(substance);
        } else if code.code.len() == 5 {
            self.named_classes.extend(classes_of(&code.code));
        }
        self.classes.extend(classes_of(&code.code));
        true
    }
}

fn classes_of(atc: &str) -> impl Iterator<Item = usize> {
    let has = move |class: &Class| !atc.is_empty() && class.atc.iter().any(|beginning| atc.starts_with(beginning));
    CLASSES.iter().enumerate().filter(move |(_, class)| has(class)).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(name: &str) -> Vec<&'static str> {
        Recognised::of(name, None).classes.into_iter().map(|index| CLASSES[index].name).collect()
    }

    #[test]
    fn names_are_found_in_whatever_stands_around_them() {
        let substances = |name: &str| Recognised::of(name, None).substances.into_iter().collect::<Vec<_>>();
        assert_eq!(substances("Metformin HCl 1000mg XR"), ["metformin"]);
        assert_eq!(substances("Amoxicillin/clavulanate 875 mg"), ["amoxicillin", "clavulanic acid"]);
        assert_eq!(substances("Co-Amoxiclav"), ["amoxicillin", "clavulanic acid"]);
        assert_eq!(substances("Penicillin V potassium"), ["phenoxymethylpenicillin"]);
        assert_eq!(substances("ASPIRIN"), ["acetylsalicylic acid"]);
        assert_eq!(classes("Lisinopril"), ["ACE inhibitors"]);
        assert_eq!(classes("Beta-blockers"), ["beta blockers"]);
        assert_eq!(classes("sulfa drugs"), ["sulfonamide anti-infectives"]);
    }

    #[test]
    fn what_is_not_known_is_not_taken_for_known() {
        let is_whole = |name: &str| Recognised::of(name, None).is_whole;
        for known in ["Metformin 500 mg", "Insulin glargine", "Penicillin", "Peanuts", "NKDA", "Amoxicillin tablets"] {
            assert!(is_whole(known), "{known}");
        }
        for unknown in ["Foozol", "Amoxicillin + Foozol", "", "500 mg", "Potassium chloride", "अश्वगंधा"]
        {
            assert!(!is_whole(unknown), "{unknown}");
        }
        let atc = |code: &str| MedicalCode { system: CodeSystem::Atc, code: code.to_owned() };
        let brand = Recognised::of("Foozol", Some(&atc("J01CA08")));
        assert!(brand.is_whole && brand.substances.is_empty() && brand.classes.len() == 1);
        assert_eq!(Recognised::of("Foozol", Some(&atc("J01CA04"))).substances.len(), 1);
        assert!(!Recognised::of("Foozol", Some(&atc("J01"))).is_whole);
    }
}
