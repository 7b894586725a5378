use model::chart::{CodeSystem, MedicalCode};
use web::ApiError;

use crate::rules::wrong;

/// For what happens to people.
pub(crate) const OF_CONDITIONS: &[CodeSystem] = &[CodeSystem::Icd10, CodeSystem::Icd10Cm, CodeSystem::Snomed];
/// For what they take, and what they bear ill.
pub(crate) const OF_SUBSTANCES: &[CodeSystem] = &[CodeSystem::RxNorm, CodeSystem::Atc, CodeSystem::Snomed];

/// A code of one of these terminologies, in its usual spelling. Its form is checked, and not whether the terminology has
/// it.
pub(crate) fn read(code: Option<MedicalCode>, systems: &[CodeSystem]) -> Result<Option<MedicalCode>, ApiError> {
    let Some(MedicalCode { system, code }) = code else { return Ok(None) };
    if !systems.contains(&system) {
        let names: Vec<&str> = systems.iter().map(|system| system.name()).collect();
        return Err(wrong("code.system", format!("here one of {}", names.join(", "))));
    }
    let code = code.trim().to_ascii_uppercase();
    let (is_right, form) = match system {
        CodeSystem::Icd10 => (is_icd_10(&code), "a letter and two digits, then a point and one or two digits: E11.9"),
        CodeSystem::Icd10Cm => (is_icd_10_cm(&code), "three characters, then a point and up to four: E11.65"),
        CodeSystem::Snomed => (is_snomed(&code), "6 to 18 digits, the last of which checks the others: 44054006"),
        CodeSystem::RxNorm => (is_digits(&code, 1..=8), "1 to 8 digits: 6809"),
        CodeSystem::Atc => (is_atc(&code), "a code of one of the five levels: A10BA02"),
    };
    if is_right {
        Ok(Some(MedicalCode { system, code }))
    } else {
        Err(wrong("code.code", format!("{}: {form}", system.name())))
    }
}

fn is_digits(code: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&code.len()) && code.bytes().all(|c| c.is_ascii_digit())
}

/// <https://icd.who.int/browse10>: three characters, and a fourth and fifth after a point.
fn is_icd_10(code: &str) -> bool {
    let (category, rest) = code.split_once('.').map_or((code, None), |(category, rest)| (category, Some(rest)));
    let category_ok =
        category.len() == 3 && category.as_bytes()[0].is_ascii_uppercase() && is_digits(&category[1..], 2..=2);
    category_ok && rest.is_none_or(|rest| is_digits(rest, 1..=2))
}

/// ICD-10-CM Official Guidelines, section I.A.2: three to seven characters, the first a letter, the second a digit.
fn is_icd_10_cm(code: &str) -> bool {
    let (category, rest) = code.split_once('.').map_or((code, None), |(category, rest)| (category, Some(rest)));
    let bytes = category.as_bytes();
    let is_alphanumeric = |text: &str| text.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let category_ok = bytes.len() == 3
        && bytes[0].is_ascii_uppercase()
        && bytes[1].is_ascii_digit()
        && (bytes[2].is_ascii_digit() || bytes[2].is_ascii_uppercase());
    category_ok && rest.is_none_or(|rest| (1..=4).contains(&rest.len()) && is_alphanumeric(rest))
}

/// SNOMED CT identifiers: 6 to 18 digits without a leading zero, the last a Verhoeff check digit
/// (SNOMED CT Release File Specifications, 6.5).
fn is_snomed(code: &str) -> bool {
    is_digits(code, 6..=18) && !code.starts_with('0') && verhoeff(code) == 0
}

/// The check of Verhoeff over the dihedral group of order ten: 0 where the last digit fits the others.
fn verhoeff(digits: &str) -> u8 {
    const MULTIPLIED: [[u8; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    const PERMUTED: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    digits.bytes().rev().enumerate().fold(0, |check, (place, digit)| {
        let permuted = PERMUTED[place % 8][usize::from(digit - b'0')];
        MULTIPLIED[usize::from(check)][usize::from(permuted)]
    })
}

/// <https://www.whocc.no/atc/structure_and_principles>: a letter, two digits, a letter, a letter, two digits, level by
/// level.
fn is_atc(code: &str) -> bool {
    let form = [true, false, false, true, true, false, false];
    let fits = |(c, is_letter): (u8, bool)| if is_letter { c.is_ascii_uppercase() } else { c.is_ascii_digit() };
    matches!(code.len(), 1 | 3 | 4 | 5 | 7) && code.bytes().zip(form).all(fits)
}

#[cfg(test)]
mod tests {
    use CodeSystem::{Atc, Icd10, Icd10Cm, RxNorm, Snomed};

    use super::*;

    #[test]
    fn codes_have_the_form_of_their_terminology() {
        let all = [Icd10, Icd10Cm, Snomed, RxNorm, Atc];
        let read = |system, code: &str| read(Some(MedicalCode { system, code: code.to_owned() }), &all);
        for (system, good) in [
            (Icd10, "E11.9"),
            (Icd10, "i10"),
            (Icd10, "M00.01"),
            (Icd10Cm, "E11.65"),
            (Icd10Cm, "C7A.00"),
            (Icd10Cm, "S52.521A"),
            (Snomed, "44054006"),
            (Snomed, "22298006"),
            (Snomed, "195967001"),
            (RxNorm, "6809"),
            (Atc, "A10BA02"),
            (Atc, "J01CA"),
        ] {
            assert!(read(system, good).is_ok(), "{good}");
        }
        for (system, bad) in [
            (Icd10, "E1"),
            (Icd10, "E11."),
            (Icd10, "E11.999"),
            (Icd10, "é1"),
            (Icd10Cm, "EE1"),
            (Icd10Cm, "E11.12345"),
            (Snomed, "44054007"),
            (Snomed, "12345"),
            (RxNorm, ""),
            (RxNorm, "123456789"),
            (Atc, "A1"),
            (Atc, "10BA02"),
            (Atc, "A10BA0"),
        ] {
            assert!(read(system, bad).is_err(), "{bad}");
        }
        assert_eq!(read(Icd10, " e11.9 ").unwrap().unwrap().code, "E11.9");
    }

    #[test]
    fn each_kind_has_its_terminologies() {
        let code = Some(MedicalCode { system: Atc, code: "A10BA02".to_owned() });
        assert!(read(code.clone(), OF_CONDITIONS).is_err() && read(code, OF_SUBSTANCES).is_ok());
        assert_eq!(read(None, OF_CONDITIONS).unwrap(), None);
    }
}
