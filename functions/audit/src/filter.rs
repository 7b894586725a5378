//! Which entries are asked for, and which index finds them.
//!
//! The store answers for one of these, the first that is given: the entity (kind and id), the patient, the user, the action;
//! else for all by time. Times bound it in each case. What is asked beside is looked for among those.

use kernel::{PatientId, Time, UserId};
use model::audit::{AUDIT, AuditEntry, SHARDS};
use serde_json::json;
use store::{Cursor, Direction, Doc, Op, Query, Store};
use web::{ApiError, Code};

/// How many entries are read at once where the store does not answer for all that is asked.
const PAGE: u32 = 500;
/// How many entries are looked through for one request, at most.
const MOST_EXAMINED: u64 = 10_000;

/// What is asked for; all of it has to hold.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) user_id: Option<UserId>,
    pub(crate) patient_id: Option<PatientId>,
    pub(crate) entity_type: Option<String>,
    pub(crate) entity_id: Option<String>,
    pub(crate) action: Option<String>,
    /// From then on.
    pub(crate) from: Option<Time>,
    /// Before then.
    pub(crate) below: Option<Time>,
}

impl Filter {
    /// The store's part, newest first, and for how many of the filters it answers.
    fn query(&self) -> (Query, usize) {
        let all = AUDIT.all();
        let (query, answered) = match self {
            Self { entity_type: Some(kind), entity_id: Some(id), .. } => {
                (all.eq("entityType", kind.as_str()).eq("entityId", id.as_str()), 2)
            }
            Self { patient_id: Some(patient), .. } => (all.contains("patients", patient.as_str()), 1),
            Self { user_id: Some(user), .. } => (all.eq("userId", user.as_str()), 1),
            Self { action: Some(action), .. } => (all.eq("action", action.as_str()), 1),
            _ => (all.filter("shard", Op::In, json!((0..SHARDS).collect::<Vec<u8>>())), 0),
        };
        let bounds = [(Op::GreaterOrEqual, self.from), (Op::Less, self.below)];
        let query = bounds.into_iter().fold(query, |query, (op, bound)| match bound {
            Some(bound) => query.filter("at", op, bound.to_string()),
            None => query,
        });
        (query.order("at", Direction::Descending), answered)
    }

    fn given(&self) -> usize {
        let Self { user_id, patient_id, entity_type, entity_id, action, .. } = self;
        let given =
            [user_id.is_some(), patient_id.is_some(), entity_type.is_some(), entity_id.is_some(), action.is_some()];
        given.into_iter().filter(|given| *given).count()
    }

    fn matches(&self, entry: &AuditEntry) -> bool {
        fn holds<T: PartialEq>(asked: Option<&T>, is: Option<&T>) -> bool {
            asked.is_none() || asked == is
        }
        holds(self.user_id.as_ref(), entry.user_id.as_ref())
            && holds(self.entity_type.as_ref(), entry.entity_type.as_ref())
            && holds(self.entity_id.as_ref(), entry.entity_id.as_ref())
            && holds(self.action.as_ref(), Some(&entry.action))
            && self.patient_id.as_ref().is_none_or(|patient| entry.patients.contains(patient))
    }

    /// The entries after a place, `skip` of them left out, at most `limit`.
    pub(crate) async fn page(
        &self,
        store: &Store,
        after: Option<Cursor>,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<Doc<AuditEntry>>, ApiError> {
        let (query, answered) = self.query();
        let query = query.after(after);
        if answered == self.given() {
            let wanted = u32::try_from(skip + limit).unwrap_or(u32::MAX);
            return Ok(store.query(&AUDIT, &query.limit(wanted)).await?.into_iter().skip(skip).collect());
        }
        let mut found = self.examine(store, query, skip + limit).await?;
        found.drain(..skip.min(found.len()));
        Ok(found)
    }

    /// How many entries there are.
    pub(crate) async fn count(&self, store: &Store) -> Result<u64, ApiError> {
        let (query, answered) = self.query();
        let count = store.count(&AUDIT, &query).await?;
        if answered == self.given() {
            return Ok(count);
        }
        if count > MOST_EXAMINED {
            return Err(too_many());
        }
        Ok(self.examine(store, query, usize::MAX).await?.len() as u64)
    }

    /// The first entries of a query that all filters hold for.
    async fn examine(&self, store: &Store, query: Query, limit: usize) -> Result<Vec<Doc<AuditEntry>>, ApiError> {
        let mut query = query.limit(PAGE);
        let (mut found, mut examined) = (Vec::new(), 0);
        loop {
            let page = store.query(&AUDIT, &query).await?;
            examined += page.len() as u64;
            let is_last = page.len() < PAGE as usize;
            query.after = page.last().map(place);
            found.extend(page.into_iter().filter(|doc| self.matches(&doc.value)));
            if found.len() >= limit || is_last {
                found.truncate(limit);
                return Ok(found);
            }
            if examined > MOST_EXAMINED {
                return Err(too_many());
            }
        }
    }
}

/// The place after an entry.
pub(crate) fn place(doc: &Doc<AuditEntry>) -> Cursor {
    Cursor { values: vec![doc.value.at.to_string().into()], id: doc.id.clone() }
}

fn too_many() -> ApiError {
    let message = "There are too many entries to look through for this combination: give startDate and endDate closer together, \
                   or ask for an entity (entityType and entityId), a patient or a user.";
    ApiError::new(Code::ValidationError, message).detail("field", "startDate")
}
