//! The identity part of a record: who somebody is, opened and sealed, found and shown.

use std::collections::BTreeSet;

use charts::{BirthDate, ChartPlaces, OpenChart};
use kernel::{Day, PatientId, Phi, TenantId, Time, UserId};
use model::patient::{Patient, PatientDetails, WORDS_INDEX};
use serde::Serialize;
use utoipa::ToSchema;
use vault::{BlindIndex, SubjectKey};
use web::ApiError;

use crate::mrn::Mrn;

/// Who somebody is. Personal data: it has no `Debug`.
#[derive(Clone, PartialEq)]
pub(crate) struct Identity {
    pub(crate) name: String,
    /// `YYYY-MM-DD`.
    pub(crate) date_of_birth: String,
    pub(crate) mrn: Mrn,
    pub(crate) details: PatientDetails,
}

impl Identity {
    /// Opens the identity part of a chart. A named disclosure.
    pub(crate) fn open(tenant: &TenantId, chart: &OpenChart) -> Result<Self, ApiError> {
        Self::open_with(tenant, &chart.id, &chart.patient, &chart.key)
    }

    /// The same for a patient of a list.
    pub(crate) fn open_with(
        tenant: &TenantId,
        id: &PatientId,
        patient: &Patient,
        key: &SubjectKey,
    ) -> Result<Self, ApiError> {
        let places = ChartPlaces::of(tenant, id);
        let mrn = key.open(&places.mrn(), &patient.mrn)?;
        Ok(Self {
            name: key.open(&places.name(), &patient.name)?.into_disclosed(),
            date_of_birth: key.open(&places.date_of_birth(), &patient.date_of_birth)?.into_disclosed(),
            mrn: Mrn::stored(mrn.into_disclosed()),
            details: key.open_json(&places.details(), &patient.details)?.into_disclosed(),
        })
    }

    /// Seals it into the patient's document, with the words by which it is found.
    pub(crate) fn seal_into(
        &self,
        patient: &mut Patient,
        places: &ChartPlaces<'_>,
        key: &SubjectKey,
        blind: &BlindIndex,
    ) -> Result<(), ApiError> {
        patient.name = key.seal(&places.name(), &Phi::new(self.name.clone()));
        patient.date_of_birth = key.seal(&places.date_of_birth(), &Phi::new(self.date_of_birth.clone()));
        patient.mrn = key.seal(&places.mrn(), &Phi::new(self.mrn.disclose().to_owned()));
        patient.details = key.seal_json(&places.details(), &Phi::new(self.details.clone()))?;
        let tokens: BTreeSet<String> = self.texts().iter().flat_map(|text| blind.tokens(WORDS_INDEX, text)).collect();
        patient.words = tokens.into_iter().collect();
        Ok(())
    }

    /// The words by which it is found, folded.
    pub(crate) fn words(&self) -> Vec<String> {
        self.texts().iter().flat_map(|text| vault::words(text)).collect()
    }

    /// What is found by its words' beginnings: the name; the MRN as it is written and in one word; the telephone number
    /// with its country code and, since people leave that out, without its first one to three digits.
    fn texts(&self) -> Vec<String> {
        let mrn = self.mrn.disclose();
        let mut texts = vec![self.name.clone(), mrn.to_owned(), mrn.replace(['-', '_'], "")];
        let digits = self.details.phone_number.as_deref().map(|number| number.trim_start_matches('+'));
        let endings = digits.into_iter().flat_map(|digits| (0..=3).filter_map(|from| digits.get(from..)));
        texts.extend(endings.map(str::to_owned));
        texts
    }
}

/// The birth date of a chart; `None` where an import left something else there.
pub(crate) fn birth_date(tenant: &TenantId, chart: &OpenChart) -> Result<Option<BirthDate>, ApiError> {
    let place = ChartPlaces::of(tenant, &chart.id).date_of_birth();
    Ok(chart.key.open(&place, &chart.patient.date_of_birth)?.disclose().parse().ok())
}

/// A patient's identity, as those see it who may.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatientView {
    /// The patient's id.
    id: PatientId,
    /// The medical record number.
    #[schema(example = "MRN-001234")]
    mrn: String,
    /// The patient's account, once tied.
    user_id: Option<UserId>,
    /// The name.
    #[schema(example = "John Doe")]
    name: String,
    /// The birth date.
    #[schema(value_type = Day, example = "1985-03-15")]
    date_of_birth: String,
    /// The postal address.
    #[schema(example = "123 Main St, Springfield, IL")]
    address: Option<String>,
    /// The telephone number.
    #[schema(example = "+1234567890")]
    phone_number: Option<String>,
    /// The e-mail address.
    #[schema(example = "john@example.com")]
    email: Option<String>,
    /// Whom to call.
    #[schema(example = "Jane Doe")]
    emergency_contact: Option<String>,
    /// At which number.
    #[schema(example = "+1987654321")]
    emergency_contact_phone: Option<String>,
    /// The blood group.
    #[schema(example = "O+")]
    blood_type: Option<String>,
    /// The sex that clinical ranges go by.
    #[schema(example = "male")]
    sex: Option<String>,
    /// Staff assigned to the patient.
    assignee_ids: Vec<UserId>,
    /// The version of this part, from 1; also the `ETag`.
    #[schema(example = 1)]
    version: u32,
    /// When the record was made.
    created_at: Time,
    /// When this part was last changed.
    updated_at: Time,
}

impl PatientView {
    /// The version.
    pub(crate) const fn version(&self) -> u32 {
        self.version
    }

    /// Shows a patient's identity. A named disclosure.
    pub(crate) fn of(id: PatientId, patient: &Patient, identity: Identity) -> Self {
        let Identity { name, date_of_birth, mrn, details } = identity;
        let relations = patient.circle.relations.iter();
        let assigned = relations.filter(|(_, relation)| relation.assigned.is_some());
        Self {
            id,
            mrn: mrn.disclose().to_owned(),
            user_id: patient.user_id.clone(),
            name,
            date_of_birth,
            address: details.address,
            phone_number: details.phone_number,
            email: details.email,
            emergency_contact: details.emergency_contact,
            emergency_contact_phone: details.emergency_contact_phone,
            blood_type: details.blood_type,
            sex: details.sex,
            assignee_ids: assigned.map(|(user, _)| user.clone()).collect(),
            version: patient.version,
            created_at: patient.created_at,
            updated_at: patient.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patient_is_found_by_name_number_and_telephone() {
        let identity = Identity {
            name: "Zoë Müller".to_owned(),
            date_of_birth: "1985-03-15".to_owned(),
            mrn: Mrn::read("MRN-001234").unwrap(),
            details: PatientDetails { phone_number: Some("+15550142877".to_owned()), ..PatientDetails::default() },
        };
        let words = identity.words();
        for word in ["zoe", "muller", "mrn", "001234", "mrn001234", "15550142877", "5550142877"] {
            assert!(words.iter().any(|found| found == word), "{word}: {words:?}");
        }
    }
}
