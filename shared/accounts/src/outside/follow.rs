use events::Emit;
use kernel::{Email, Phi};
use model::event::{AccessChanged, ProfileChanged};
use model::outside::{OUTSIDE_TIES, OutsideTie};
use model::user::{EMAIL_INDEX, EMAIL_OWNERS, EmailOwner, USERS, User};
use store::Transaction;
use vault::{Place, Subject};
use web::ApiError;

use super::arrival::{Admitted, Arrival, closed, only_here};
use crate::{end_sessions_until, search_words};

/// What an account is to say from now on, after news from its issuer.
struct News {
    /// What was there when this was made.
    before: User,
    after: User,
    /// Where the address changed: the index of the old one and, if nobody has it, of the new one.
    address: Option<(String, Option<String>)>,
}

impl News {
    fn changes_name(&self) -> bool {
        self.before.name != self.after.name || self.before.role != self.after.role
    }

    fn changes_access(&self) -> bool {
        (self.before.role, self.before.verified) != (self.after.role, self.after.verified)
    }
}

impl Arrival<'_> {
    /// Lets someone in who is known, and brings the account to what the issuer says now.
    pub(super) async fn follow(&self, tie: &OutsideTie) -> Result<Admitted, ApiError> {
        let user = &tie.user_id;
        let is_other = tie.heard != self.heard && tie.heard_at <= self.outsider.issued_at;
        // What is missing from half of an answer is no news.
        let is_news = tie.follows && is_other && self.outsider.is_complete;
        let news = if is_news { self.news(tie).await? } else { None };
        let at = self.app.now();
        let except = Some(self.session_id().clone());
        let profile_changed = self.app.occurs(ProfileChanged { user_id: user.clone() });
        let access_changed = self.app.occurs(AccessChanged { user_id: user.clone(), at, except });
        let admitted = self
            .store
            .transact("outside-sign-in", async |tx| {
                let (still, account) = tx.get_both((&OUTSIDE_TIES, &self.tie_id), (&USERS, user.as_str())).await?;
                let session = self.session(&tx).await?;
                let account = account.map(|doc| doc.value).filter(User::may_sign_in).ok_or_else(closed)?;
                if still.is_none_or(|still| still.value != *tie) {
                    return Ok(Admitted::Again);
                }
                if !tie.follows && account.is_guarded() {
                    return Err(only_here());
                }
                let Some(news) = &news else {
                    self.enter(&tx, user, &account, session)?;
                    return Ok::<_, ApiError>(Admitted::As(user.clone(), Box::new(account)));
                };
                if account != news.before {
                    return Ok(Admitted::Again);
                }
                if !self.move_address(&tx, tie, news).await? {
                    return Ok(Admitted::Again);
                }
                tx.put(&USERS, user.as_str(), &news.after)?;
                tx.put(&OUTSIDE_TIES, &self.tie_id, &self.tie(user, true, tie.heard_role))?;
                if news.changes_name() {
                    tx.emit(&profile_changed)?;
                }
                if news.changes_access() {
                    tx.emit(&access_changed)?;
                }
                self.enter(&tx, user, &news.after, session)?;
                Ok(Admitted::As(user.clone(), Box::new(news.after.clone())))
            })
            .await?;
        if matches!(admitted, Admitted::As(..)) && news.is_some_and(|news| news.changes_access()) {
            // The event's handler does it too, should this process end here.
            end_sessions_until(self.app, self.store, user, at, Some(self.session_id())).await?;
        }
        Ok(admitted)
    }

    /// The account as the issuer says it is now; `None` where there is no account.
    async fn news(&self, tie: &OutsideTie) -> Result<Option<News>, ApiError> {
        let user = &tie.user_id;
        let Some(before) = self.store.get(&USERS, user.as_str()).await?.map(|doc| doc.value) else { return Ok(None) };
        let key = self.app.vault.key(self.store, &Subject::User(user.clone())).await?;
        let place = Place::new(&self.store.database().tenant, "users", user.as_str(), "name");
        let old_name = key.open(&place, &before.name)?;
        let old_email = key.open(&place.field("email"), &before.email)?;
        let old_email: Email = old_email.disclose().parse().map_err(ApiError::internal)?;
        let mut after = before.clone();
        let name = self.outsider.name.clone().unwrap_or_else(|| old_name.clone());
        if name != old_name {
            after.name = key.seal(&place, &name);
        }
        let email = self.outsider.email.clone().unwrap_or_else(|| old_email.clone());
        let mut address = None;
        if email != old_email {
            after.email = key.seal(&place.field("email"), &Phi::new(email.disclose().to_owned()));
            after.sign_in.email_verified_at = self.outsider.email_verified.then(|| self.app.now());
            address = Some(self.new_address(&old_email, &email).await?);
        }
        // Another role than the issuer named before. The same one again does not undo what an administrator decided.
        let new_role = self.outsider.role.filter(|role| tie.heard_role != Some(*role));
        if let Some(role) = new_role.filter(|role| *role != before.role) {
            (after.role, after.verified) = (role, self.verifies(role));
        }
        after.words = search_words(&self.index, &name, &email);
        after.updated_at = self.app.now();
        Ok(Some(News { before, after, address }))
    }

    async fn new_address(&self, old: &Email, new: &Email) -> Result<(String, Option<String>), ApiError> {
        let new = self.index.exact(EMAIL_INDEX, new.disclose());
        let is_free = self.store.get(&EMAIL_OWNERS, &new).await?.is_none();
        let old = self.index.exact(EMAIL_INDEX, old.disclose());
        Ok((old, Some(new).filter(|_| is_free && self.outsider.email_verified)))
    }

    /// Gives the old address free, if the account has it, and takes the new one. Says whether that is still so.
    async fn move_address(&self, tx: &Transaction, tie: &OutsideTie, news: &News) -> Result<bool, store::Error> {
        let Some((old, new)) = &news.address else { return Ok(true) };
        let owns_old = tx.get(&EMAIL_OWNERS, old).await?.is_some_and(|doc| doc.value.user_id == tie.user_id);
        if let Some(new) = new {
            if tx.get(&EMAIL_OWNERS, new).await?.is_some() {
                return Ok(false);
            }
            tx.create(&EMAIL_OWNERS, new, &EmailOwner { user_id: tie.user_id.clone() })?;
        }
        if owns_old {
            tx.delete(&EMAIL_OWNERS, old);
        }
        Ok(true)
    }
}
