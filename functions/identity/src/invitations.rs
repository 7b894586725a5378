//! Accounts that an administrator makes: they have no password until the person follows the link in the invitation.

use ::accounts::{OneTime, Posted};
use kernel::{Email, Phi, Role, TenantId, UserId};
use model::one_time::TokenKind;
use store::{Store, Transaction};
use web::{ApiError, App};
use zeroize::Zeroizing;

use crate::accounts::{Details, Person, Prepared, or_taken};
use crate::mail::{self, INVITATION_PAGE};

/// Someone who is invited.
#[derive(Debug)]
pub struct Invited {
    /// The name that others see.
    pub name: Phi<String>,
    /// Where the invitation goes.
    pub email: Email,
    /// What the person will be.
    pub role: Role,
}

/// An invitation, ready to be written together with the account.
pub(crate) struct Invitation {
    token: OneTime,
    letter: Posted,
}

impl Invitation {
    /// To this account, by e-mail.
    pub(crate) fn to(app: &App, tenant: &TenantId, account: &Prepared, email: &Email) -> Self {
        let token = OneTime::new(app, tenant, &account.id, TokenKind::Invitation);
        let letter = mail::invitation(app, Phi::new(email.disclose().to_owned()), &token);
        let letter = letter.seal(app, tenant, &account.id, account.account_key(tenant).subject_key());
        Self { token, letter }
    }

    /// Writes it; after the commit it goes out.
    pub(crate) fn save(&self, tx: &Transaction) -> Result<(), store::Error> {
        self.token.save(tx)?;
        self.letter.save(tx)
    }

    /// The link in it.
    pub(crate) fn link(&self, app: &App) -> Zeroizing<String> {
        self.token.link(app, INVITATION_PAGE)
    }
}

/// Makes a verified account and invites its person; answers who it is and the link, which is also sent. For the first
/// administrator and for an administrator's tools: nobody asks whether the caller may.
pub async fn invite(app: &App, store: &Store, invited: Invited) -> Result<(UserId, Zeroizing<String>), ApiError> {
    let Invited { name, email, role } = invited;
    let person = Person { name, email: email.clone(), role, verified: true };
    let account = Prepared::without_password(app, store, person, Details::default()).await?;
    let invitation = Invitation::to(app, &store.database().tenant, &account, &email);
    let entry = app.entry("user.invite", &web::ClientInfo::default()).entity("user", account.id.as_str());
    store
        .transact("invite", async |tx| {
            account.save(&tx)?;
            web::Record::record(&tx, &entry)?;
            invitation.save(&tx)
        })
        .await
        .map_err(or_taken)?;
    Ok((account.keep(app), invitation.link(app)))
}
