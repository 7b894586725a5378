use kernel::{Email, Phi, Role, UserId};
use model::outside::OUTSIDE_TIES;
use model::sign_in::SignIn;
use model::user::{EMAIL_INDEX, EMAIL_OWNERS, EmailOwner, USERS, User};
use vault::{FreshKey, Place, Subject};
use web::ApiError;

use super::arrival::{Admitted, Arrival, closed};
use crate::search_words;

/// Stands where a password's hash would: no password has it.
pub(crate) const NO_PASSWORD: &str = "none";

impl Arrival<'_> {
    /// Ties a person who is not known yet to an account: a new one, unless one with the same address is the same person's.
    pub(super) async fn welcome(&self) -> Result<Admitted, ApiError> {
        let Some(email) = &self.outsider.email else {
            return Err(ApiError::forbidden("The service where you signed in does not tell your e-mail address."));
        };
        let Some(role) = self.outsider.role.or(self.outsider.default_role) else {
            return Err(ApiError::forbidden("Your role at the service where you signed in has no meaning here."));
        };
        let email_index = self.index.exact(EMAIL_INDEX, email.disclose());
        let owner = self.store.get(&EMAIL_OWNERS, &email_index).await?.map(|doc| doc.value.user_id);
        match owner {
            Some(owner) if self.outsider.links_by_email && self.outsider.email_verified => {
                self.link(&owner, &email_index, email, role).await
            }
            // Whether somebody else has an account with this address is nobody's business: this one gets its own.
            taken => self.make(email, role, taken.is_none().then_some(email_index.as_str())).await,
        }
    }

    /// Ties the person to the account that has the same address. It keeps its name and role. Without a verified address
    /// on our side too, somebody could register with another's address and wait for the owner to come; and an account
    /// that is guarded here by more than an address is not for an issuer to open.
    async fn link(&self, owner: &UserId, email_index: &str, email: &Email, role: Role) -> Result<Admitted, ApiError> {
        let account = self.store.get(&USERS, owner.as_str()).await?.map(|doc| doc.value);
        match account {
            Some(account) if may_be_linked(&account) => {}
            _ => return self.make(email, role, None).await,
        }
        let tie = self.tie(owner, false, None);
        let linked = self
            .store
            .transact("outside-link", async |tx| {
                let (still, account) = tx.get_both((&EMAIL_OWNERS, email_index), (&USERS, owner.as_str())).await?;
                let session = self.session(&tx).await?;
                let (Some(still), Some(account)) = (still, account) else { return Ok(Admitted::Again) };
                if still.value.user_id != *owner || session.is_some() || !may_be_linked(&account.value) {
                    return Ok(Admitted::Again);
                }
                if !account.value.may_sign_in() {
                    return Err(closed());
                }
                tx.create(&OUTSIDE_TIES, &self.tie_id, &tie)?;
                self.enter(&tx, owner, &account.value, session)?;
                Ok::<_, ApiError>(Admitted::As(owner.clone(), Box::new(account.value)))
            })
            .await;
        overtaken(linked)
    }

    /// Makes an account. It has its address to itself only where the issuer says that it is verified.
    async fn make(&self, email: &Email, role: Role, free_address: Option<&str>) -> Result<Admitted, ApiError> {
        let id = UserId::generate(self.app.random.as_ref());
        let key = self.app.vault.fresh_key(&self.store.database().tenant, &Subject::User(id.clone())).await?;
        let account = self.account(&id, &key, email, role);
        let claimed = free_address.filter(|_| self.outsider.email_verified);
        let tie = self.tie(&id, true, None);
        let made = self
            .store
            .transact("outside-account", async |tx| {
                let session = self.session(&tx).await?;
                if session.is_some() {
                    // Another request of the same person has begun it, and made the account.
                    return Ok(Admitted::Again);
                }
                key.save(&tx)?;
                tx.create(&USERS, id.as_str(), &account)?;
                tx.create(&OUTSIDE_TIES, &self.tie_id, &tie)?;
                if let Some(index) = claimed {
                    tx.create(&EMAIL_OWNERS, index, &EmailOwner { user_id: id.clone() })?;
                }
                self.enter(&tx, &id, &account, session)?;
                Ok::<_, ApiError>(Admitted::As(id.clone(), Box::new(account.clone())))
            })
            .await;
        let made = overtaken(made)?;
        if matches!(made, Admitted::As(..)) {
            self.app.vault.remember(key);
        }
        Ok(made)
    }

    fn account(&self, id: &UserId, key: &FreshKey, email: &Email, role: Role) -> User {
        let place = Place::new(&self.store.database().tenant, "users", id.as_str(), "name");
        let seal = |field, text: &str| key.key().seal(&place.field(field), &Phi::new(text.to_owned()));
        let local_part = || Phi::new(email.disclose().split('@').next().unwrap_or_default().to_owned());
        let name = self.outsider.name.clone().unwrap_or_else(local_part);
        let now = self.app.now();
        User {
            email: seal("email", email.disclose()),
            name: seal("name", name.disclose()),
            phone_number: None,
            title: None,
            avatar: None,
            role,
            verified: self.verifies(role),
            active: true,
            password_hash: NO_PASSWORD.to_owned(),
            created_at: now,
            updated_at: now,
            last_login_at: Some(now),
            sign_in: SignIn {
                outside: true,
                email_verified_at: self.outsider.email_verified.then_some(now),
                ..SignIn::default()
            },
            deleted_at: None,
            words: search_words(&self.index, &name, email),
        }
    }

    /// Whether the issuer's word is enough for this role.
    pub(super) const fn verifies(&self, role: Role) -> bool {
        !role.is_staff() || self.outsider.verifies_staff
    }
}

const fn may_be_linked(account: &User) -> bool {
    account.email_is_verified() && !account.is_guarded()
}

/// Of several first requests of one person, one makes the account.
fn overtaken(outcome: Result<Admitted, ApiError>) -> Result<Admitted, ApiError> {
    match outcome {
        Err(error) if error.code() == web::Code::DuplicateEntry => Ok(Admitted::Again),
        other => other,
    }
}
