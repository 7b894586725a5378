use kernel::{EmergencyId, PatientId, TenantId};
use model::patient::MRN_INDEX;
use vault::{BlindIndex, Place};

/// Where a chart's sealed fields stand. Each method names one document; nothing else may seal or open its fields.
#[derive(Debug, Clone, Copy)]
pub struct ChartPlaces<'a> {
    tenant: &'a TenantId,
    patient: &'a PatientId,
}

impl<'a> ChartPlaces<'a> {
    /// The places of a chart.
    pub const fn of(tenant: &'a TenantId, patient: &'a PatientId) -> Self {
        Self { tenant, patient }
    }

    /// The patient's name.
    pub fn name(&self) -> Place<'a> {
        self.identity("name")
    }

    /// The birth date.
    pub fn date_of_birth(&self) -> Place<'a> {
        self.identity("dateOfBirth")
    }

    /// The medical record number.
    pub fn mrn(&self) -> Place<'a> {
        self.identity("mrn")
    }

    /// The rest of the identity part.
    pub fn details(&self) -> Place<'a> {
        self.identity("details")
    }

    fn identity(&self, field: &'a str) -> Place<'a> {
        Place::new(self.tenant, "patients", self.patient.as_str(), field)
    }

    /// An item of the chart, sealed as a whole: `kind` is its collection's name, `id` its document's.
    pub const fn item(&self, kind: &'a str, id: &'a str) -> Place<'a> {
        Place::new(self.tenant, kind, id, "body")
    }
}

/// Where the sealed fields of an emergency's review stand: `reason` and `comment`.
pub fn review_place<'a>(tenant: &'a TenantId, id: &'a EmergencyId) -> Place<'a> {
    Place::new(tenant, "break-glass-reviews", id.as_str(), "reason")
}

/// By what a medical record number is found in [`model::patient::MRN_OWNERS`]: in upper and lower case it is the same.
pub fn mrn_index(blind: &BlindIndex, mrn: &str) -> String {
    blind.exact(MRN_INDEX, &mrn.to_ascii_uppercase())
}
