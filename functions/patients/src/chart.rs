//! A chart with the parts that an operation needs, read in one round trip with the patient.

use std::collections::BTreeMap;

use access::decision::Action;
use charts::{Asking, BirthDate, ChartPlaces, OpenChart};
use kernel::{ChartItemId, PatientId, Phi, TenantId, Time, UserId};
use model::chart::{
    Allergy, CHART, ChartPart, Condition, Diagnosis, FORMER, FormerItem, Item, MOST_ITEMS, Medication, Part, chart,
    former_id, former_items,
};
use model::patient::PATIENTS;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Document, Key, Transaction, typed};
use vault::{Subject, Vault};
use web::ApiError;

use crate::identity::birth_date;

/// The longest sealed part, in bytes: what the store takes, without the rest of the document.
const LONGEST_BODY: usize = 1_000_000;
/// How many former states of an item an answer shows.
const SHOWN_FORMER: u32 = 20;

/// What a part of a chart is a list of.
pub(crate) trait Entry: Clone + Serialize + DeserializeOwned + Send {
    /// The part.
    const PART: Part;
    /// What one is called, for people.
    const WORD: &'static str;
}

impl Entry for Diagnosis {
    const PART: Part = Part::Diagnoses;
    const WORD: &'static str = "diagnosis";
}

impl Entry for Medication {
    const PART: Part = Part::Medications;
    const WORD: &'static str = "medication";
}

impl Entry for Allergy {
    const PART: Part = Part::Allergies;
    const WORD: &'static str = "allergy";
}

impl Entry for Condition {
    const PART: Part = Part::Conditions;
    const WORD: &'static str = "condition";
}

/// A chart that may be seen or changed, with some of its parts.
pub(crate) struct Chart<'a> {
    pub(crate) open: OpenChart,
    pub(crate) tenant: &'a TenantId,
    parts: BTreeMap<&'static str, ChartPart>,
}

/// Who changes something, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) at: Time,
}

impl<'a> Chart<'a> {
    /// The chart with these parts, if this may be done with it; the key comes in the same read where it is not at hand.
    pub(crate) async fn read(
        asking: &Asking<'a>,
        id: &PatientId,
        action: &Action,
        parts: &[Part],
    ) -> Result<Self, ApiError> {
        let subject = Subject::Patient(id.clone());
        let mut keys = keys(id, parts);
        let needs_key = !asking.app().vault.is_kept(asking.store(), &subject);
        keys.extend(needs_key.then(|| Vault::document_key(&subject)));
        let mut found = asking.store().get_keys(&keys).await?;
        let key = if needs_key { found.pop().flatten() } else { None };
        let mut found = found.into_iter();
        let patient = found.next().flatten().map(typed).transpose()?;
        // Decided before the key is unwrapped, which takes its time.
        let (patient, reasons) = asking.allow(id, patient, action).await?;
        if let Some(key) = key {
            asking.app().vault.admit(asking.store(), key).await?;
        }
        let open = OpenChart { id: id.clone(), patient, key: asking.key(id).await?, reasons };
        Self::of(asking, open, parts, found)
    }

    /// The same in a transaction: the commit fails, and the closure runs again, where any of it has changed by then.
    pub(crate) async fn enter(
        asking: &Asking<'a>,
        tx: &Transaction,
        id: &PatientId,
        action: &Action,
        parts: &[Part],
    ) -> Result<Self, ApiError> {
        let mut found = tx.get_keys(keys(id, parts)).await?.into_iter();
        let patient = found.next().flatten().map(typed).transpose()?;
        let open = asking.admit(id, patient, action).await?;
        Self::of(asking, open, parts, found)
    }

    fn of(
        asking: &Asking<'a>,
        open: OpenChart,
        parts: &[Part],
        found: impl Iterator<Item = Option<Document>>,
    ) -> Result<Self, ApiError> {
        let mut read = BTreeMap::new();
        for (part, document) in parts.iter().zip(found) {
            if let Some(document) = document {
                read.insert(part.name(), typed::<ChartPart>(document)?.value);
            }
        }
        Ok(Self { open, tenant: asking.tenant(), parts: read })
    }

    /// The patient's birth date.
    pub(crate) fn born(&self) -> Result<Option<BirthDate>, ApiError> {
        birth_date(self.tenant, &self.open)
    }

    /// The items of a part that was read. A named disclosure.
    pub(crate) fn items<T: Entry>(&self) -> Result<Vec<Item<T>>, ApiError> {
        let Some(part) = self.parts.get(T::PART.name()) else { return Ok(Vec::new()) };
        let place = ChartPlaces::of(self.tenant, &self.open.id).item(CHART, T::PART.name());
        Ok(self.open.key.open_json(&place, &part.body)?.into_disclosed())
    }

    /// Adds an item to a part that was read.
    pub(crate) fn add<T: Entry>(
        &self,
        tx: &Transaction,
        id: &ChartItemId,
        entry: T,
        by: By<'_>,
    ) -> Result<Item<T>, ApiError> {
        let mut items = self.items::<T>()?;
        if items.len() >= MOST_ITEMS {
            return Err(ApiError::field(T::WORD, format!("{}: a chart holds at most {MOST_ITEMS}", T::WORD)));
        }
        let item = Item {
            id: id.clone(),
            version: 1,
            created_by: by.user.clone(),
            created_at: by.at,
            updated_by: by.user.clone(),
            updated_at: by.at,
            entry,
        };
        items.push(item.clone());
        self.put(tx, items, by.at)?;
        Ok(item)
    }

    /// The item of a part that was read, by its id.
    pub(crate) fn item<T: Entry>(&self, id: &ChartItemId) -> Result<Item<T>, ApiError> {
        let found = self.items::<T>()?.into_iter().find(|item| item.id == *id);
        found.ok_or_else(|| ApiError::not_found(T::WORD))
    }

    /// Gives an item that was read another state, and keeps the one that it had.
    pub(crate) fn replace<T: Entry>(
        &self,
        tx: &Transaction,
        former: Item<T>,
        entry: T,
        by: By<'_>,
    ) -> Result<Item<T>, ApiError> {
        let former_id = former_id(&former.id, former.version);
        let place = ChartPlaces::of(self.tenant, &self.open.id).item(FORMER, &former_id);
        let kept = FormerItem {
            part: T::PART,
            item_id: former.id.clone(),
            version: former.version,
            replaced_by: by.user.clone(),
            replaced_at: by.at,
            body: self.open.key.seal_json(&place, &Phi::new(former.clone()))?,
        };
        // Put: of two corrections of one version, the one that commits second is run again by the part's own condition,
        // and told so by its version.
        tx.put(&former_items(&self.open.id), &former_id, &kept)?;
        let item =
            Item { version: former.version + 1, updated_by: by.user.clone(), updated_at: by.at, entry, ..former };
        let mut items = self.items::<T>()?;
        items.iter_mut().filter(|other| other.id == item.id).for_each(|other| *other = item.clone());
        self.put(tx, items, by.at)?;
        Ok(item)
    }

    fn put<T: Entry>(&self, tx: &Transaction, items: Vec<Item<T>>, at: Time) -> Result<(), ApiError> {
        let place = ChartPlaces::of(self.tenant, &self.open.id).item(CHART, T::PART.name());
        let body = self.open.key.seal_json(&place, &Phi::new(items))?;
        if body.as_text().len() > LONGEST_BODY {
            let message = format!("{}: the chart has too much text of this kind; shorten it", T::WORD);
            return Err(ApiError::field(T::WORD, message));
        }
        Ok(tx.put(&chart(&self.open.id), T::PART.name(), &ChartPart { body, updated_at: at })?)
    }

    /// The newest former states of an item, newest first, with who replaced them and when: one read. A named disclosure.
    pub(crate) async fn former<T: Entry>(
        &self,
        asking: &Asking<'_>,
        item: &Item<T>,
    ) -> Result<Vec<(FormerItem, Item<T>)>, ApiError> {
        let newest = (1..item.version).rev().take(SHOWN_FORMER as usize);
        let ids: Vec<String> = newest.map(|version| former_id(&item.id, version)).collect();
        let found = asking.store().get_many(&former_items(&self.open.id), &ids).await?;
        let places = ChartPlaces::of(self.tenant, &self.open.id);
        let opened = found.into_iter().flatten().map(|doc| {
            let state = self.open.key.open_json(&places.item(FORMER, &doc.id), &doc.value.body)?;
            Ok((doc.value, state.into_disclosed()))
        });
        opened.collect()
    }
}

/// The patient, then the parts.
fn keys(id: &PatientId, parts: &[Part]) -> Vec<Key> {
    let path = chart(id).path();
    let patient = Key::new(PATIENTS.path(), id.as_str());
    std::iter::once(patient).chain(parts.iter().map(|part| Key::new(path.clone(), part.name()))).collect()
}
