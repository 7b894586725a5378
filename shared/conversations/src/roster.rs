use kernel::{Phi, Role, Time, UserId};
use model::chat::Member;
use model::user::{USERS, User};
use store::{Key, Store};
use vault::{Place, Subject, SubjectKey};
use web::{ApiError, App};

use crate::Places;
use crate::open::admit_all;

/// A user as a chat's roster has them.
#[derive(Debug, Clone)]
pub struct NamedUser {
    /// Who.
    pub id: UserId,
    /// The name.
    pub name: Phi<String>,
    /// The role.
    pub role: Role,
    /// Whether the account may see personal data of others.
    pub may_see_phi: bool,
}

impl NamedUser {
    /// The user's entry in a chat's roster, sealed under the chat's key.
    pub fn as_member(&self, key: &SubjectKey, places: &Places<'_>, admin: bool, at: Time) -> Member {
        let name = key.seal(&places.member_name(&self.id), &self.name);
        Member { name, role: self.role, admin, joined_at: at, left_at: None, sent: 0 }
    }
}

/// These users with their names, in their order, in one round trip; `None` for each who has no active account.
pub async fn named_users(app: &App, store: &Store, ids: &[UserId]) -> Result<Vec<Option<NamedUser>>, ApiError> {
    let mut keys: Vec<Key> = ids.iter().map(|id| Key::new(USERS.path(), id.as_str())).collect();
    let subject = |id: &UserId| Subject::User(id.clone());
    let missing = ids.iter().map(subject).filter(|subject| !app.vault.is_kept(store, subject));
    keys.extend(missing.map(|subject| vault::Vault::document_key(&subject)));
    let mut documents = store.get_keys(&keys).await?;
    admit_all(app, store, documents.split_off(ids.len())).await?;
    let mut named = Vec::with_capacity(ids.len());
    for (document, id) in documents.into_iter().zip(ids) {
        let user = document.map(store::typed::<User>).transpose()?.map(|doc| doc.value).filter(|user| user.active);
        let Some(user) = user else {
            named.push(None);
            continue;
        };
        let place = Place::new(&store.database().tenant, "users", id.as_str(), "name");
        let name = app.vault.key(store, &subject(id)).await?.open(&place, &user.name)?;
        let may_see_phi = user.may_see_phi();
        named.push(Some(NamedUser { id: id.clone(), name, role: user.role, may_see_phi }));
    }
    Ok(named)
}
