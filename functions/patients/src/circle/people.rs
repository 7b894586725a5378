//! The names of people, opened in one batch.

use std::collections::{BTreeSet, HashMap};

use kernel::{Phi, Role, UserId};
use model::user::{USERS, User};
use serde::Serialize;
use store::Store;
use utoipa::ToSchema;
use vault::{Place, Subject};
use web::{ApiError, App};

/// A person, as lists show one.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PersonView {
    /// Who.
    pub(crate) id: UserId,
    /// The name; `null` where the account is gone.
    #[schema(example = "Dr. Dana Reyes")]
    pub(crate) name: Option<String>,
    /// What the person is in the clinic; `null` where the account is gone.
    pub(crate) role: Option<Role>,
}

/// A person's account and name.
pub(crate) struct Person {
    /// The account.
    pub(crate) account: User,
    /// The name; `None` where its key is destroyed.
    pub(crate) name: Option<Phi<String>>,
}

/// People by id; those who have no account are not in it.
pub(crate) struct People(HashMap<UserId, Person>);

impl People {
    /// Reads these people: two round trips at most.
    pub(crate) async fn read(app: &App, store: &Store, ids: BTreeSet<UserId>) -> Result<Self, ApiError> {
        let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let subjects: Vec<Subject> = ids.iter().cloned().map(Subject::User).collect();
        let accounts = async { store.get_many(&USERS, &texts).await.map_err(ApiError::from) };
        let keys = async { app.vault.keys(store, &subjects).await.map_err(ApiError::from) };
        let (accounts, keys) = tokio::try_join!(accounts, keys)?;
        let mut people = HashMap::new();
        for (id, account) in ids.into_iter().zip(accounts) {
            let Some(account) = account.map(|doc| doc.value) else { continue };
            let place = Place::new(&store.database().tenant, "users", id.as_str(), "name");
            let key = keys.get(&Subject::User(id.clone()));
            let name = key.map(|key| key.open(&place, &account.name)).transpose()?;
            people.insert(id, Person { account, name });
        }
        Ok(Self(people))
    }

    /// The person with this id.
    pub(crate) fn get(&self, id: &UserId) -> Option<&Person> {
        self.0.get(id)
    }

    /// Somebody's name. A named disclosure.
    pub(crate) fn name(&self, id: &UserId) -> Option<String> {
        Some(self.get(id)?.name.as_ref()?.disclose().clone())
    }

    /// A person as lists show one. A named disclosure.
    pub(crate) fn show(&self, id: &UserId) -> PersonView {
        PersonView { id: id.clone(), name: self.name(id), role: self.get(id).map(|person| person.account.role) }
    }
}
