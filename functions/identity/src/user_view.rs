//! Other people's accounts, as administrators see them and as a directory shows them.

use std::collections::HashMap;

use kernel::{Phi, Role, Sealed, TenantId, Time, UserId};
use model::user::User;
use serde::Serialize;
use store::{Doc, Store};
use utoipa::ToSchema;
use vault::{Place, Subject, SubjectKey};
use web::{ApiError, App};

use crate::avatars;

/// What stands for a name whose key was destroyed.
const ERASED: &str = "(erased)";

/// An account, as administrators and its owner see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserDetails {
    /// The user's id.
    pub(crate) id: UserId,
    /// The name that others see.
    #[schema(example = "John Doe")]
    pub(crate) name: String,
    /// The e-mail address, in lower case.
    #[schema(example = "john@example.com")]
    pub(crate) email: String,
    /// The telephone number, with the country code.
    #[schema(example = "+15550142877")]
    phone_number: Option<String>,
    /// What the user is in this clinic.
    #[schema(example = "Doctor")]
    role: Role,
    /// A professional title.
    #[schema(example = "MD")]
    title: Option<String>,
    /// A URL of the avatar image, which holds for at least a day.
    avatar: Option<String>,
    /// Whether an administrator has verified the account. Staff who are not see nobody's data.
    #[schema(example = true)]
    verified: bool,
    /// Whether the account can be signed in to.
    #[schema(example = true)]
    active: bool,
    /// When the account was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
    /// When someone last signed in to it.
    last_login_at: Option<Time>,
    /// When it was deleted.
    deleted_at: Option<Time>,
}

/// A person in the directory, as colleagues and those they care for see them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserCard {
    /// The user's id.
    id: UserId,
    /// The name.
    #[schema(example = "John Doe")]
    name: String,
    /// What the person is in this clinic.
    #[schema(example = "Doctor")]
    role: Role,
    /// A professional title.
    #[schema(example = "MD")]
    title: Option<String>,
    /// A URL of the avatar image, which holds for at least a day.
    avatar: Option<String>,
}

impl From<UserDetails> for UserCard {
    fn from(all: UserDetails) -> Self {
        let UserDetails { id, name, role, title, avatar, .. } = all;
        Self { id, name, role, title, avatar }
    }
}

/// Discloses one account to someone who may see it.
pub(crate) async fn open(app: &App, store: &Store, id: &UserId, user: User) -> Result<UserDetails, ApiError> {
    let keys = app.vault.keys(store, &[Subject::User(id.clone())]).await?;
    open_with(app, &store.database().tenant, &keys, id.clone(), user).await
}

/// Discloses accounts to someone who may see them, in their order, with one read for all keys.
pub(crate) async fn open_all(app: &App, store: &Store, found: Vec<Doc<User>>) -> Result<Vec<UserDetails>, ApiError> {
    let mut people = Vec::with_capacity(found.len());
    for doc in found {
        people.push((doc.id.parse::<UserId>().map_err(ApiError::internal)?, doc.value));
    }
    let subjects: Vec<Subject> = people.iter().map(|(id, _)| Subject::User(id.clone())).collect();
    let keys = app.vault.keys(store, &subjects).await?;
    let mut opened = Vec::with_capacity(people.len());
    for (id, user) in people {
        opened.push(open_with(app, &store.database().tenant, &keys, id, user).await?);
    }
    Ok(opened)
}

async fn open_with(
    app: &App,
    tenant: &TenantId,
    keys: &HashMap<Subject, SubjectKey>,
    id: UserId,
    user: User,
) -> Result<UserDetails, ApiError> {
    let avatar = avatars::url(app, tenant, &id, user.avatar.as_deref()).await?;
    let key = keys.get(&Subject::User(id.clone()));
    let open = |field: &str, sealed: &Sealed| match key {
        Some(key) => Ok(key.open(&Place::new(tenant, "users", id.as_str(), field), sealed)?.into_disclosed()),
        None => Ok::<_, ApiError>(ERASED.to_owned()),
    };
    Ok(UserDetails {
        name: open("name", &user.name)?,
        email: open("email", &user.email)?,
        phone_number: user.phone_number.as_ref().map(|sealed| open("phoneNumber", sealed)).transpose()?,
        role: user.role,
        title: user.title,
        avatar,
        verified: user.verified,
        active: user.active,
        created_at: user.created_at,
        updated_at: user.updated_at,
        last_login_at: user.last_login_at,
        deleted_at: user.deleted_at,
        id,
    })
}

/// The text that search words are compared with once it is open.
pub(crate) fn searched(user: &UserDetails) -> Phi<String> {
    Phi::new(format!("{} {}", user.email, user.name))
}
