//! Making accounts and opening what is sealed in them.

use ::accounts::search_words;
use access::password::check_new;
use kernel::{Email, Phi, Phone, Role, Sealed, TenantId, UserId};
use model::sign_in::{Identifier, PHONE_INDEX};
use model::user::{EMAIL_INDEX, EMAIL_OWNERS, EmailOwner, USERS, User};
use store::{Store, Transaction};
use vault::{FreshKey, Place, Subject, SubjectKey};
use web::{ApiError, App, Caller, Code};

/// An account to be made.
pub struct NewAccount {
    /// The name that others see.
    pub name: Phi<String>,
    /// The address to sign in with; one account each.
    pub email: Email,
    /// The password, in clear.
    pub password: Phi<String>,
    /// What the person is in this tenant.
    pub role: Role,
    /// Whether the person may act in that role at once.
    pub verified: bool,
}

/// A person who gets an account, whatever the person will sign in with.
pub(crate) struct Person {
    pub(crate) name: Phi<String>,
    pub(crate) email: Email,
    pub(crate) role: Role,
    pub(crate) verified: bool,
}

/// Stands where a password's hash would, until there is one: no password has it.
const NO_PASSWORD: &str = "none";

/// What an account may have besides.
#[derive(Default)]
pub(crate) struct Details {
    pub(crate) phone_number: Option<Phone>,
    pub(crate) title: Option<String>,
}

/// Makes an account that nobody is signed in to: for seeds and for administrators' tools.
pub async fn create_account(app: &App, store: &Store, new: NewAccount) -> Result<UserId, ApiError> {
    let prepared = Prepared::new(app, store, new, Details::default()).await?;
    store.transact("create-account", async |tx| prepared.save(&tx)).await.map_err(or_taken)?;
    Ok(prepared.keep(app))
}

/// A new account, ready to be written together with other documents.
pub(crate) struct Prepared {
    pub(crate) id: UserId,
    pub(crate) user: User,
    email_index: String,
    key: FreshKey,
}

impl Prepared {
    /// Checks the password, hashes it, and seals the account under a key of its own.
    pub(crate) async fn new(app: &App, store: &Store, new: NewAccount, details: Details) -> Result<Self, ApiError> {
        let NewAccount { name, email, password, role, verified } = new;
        let phone_number = details.phone_number.as_ref();
        check_new(&password, &[name.disclose(), email.disclose(), phone_number.map_or("", Phone::disclose)])
            .map_err(|weak| ApiError::field("password", format!("password: {weak}")))?;
        let password_hash = app.passwords.hash(password).await.map_err(ApiError::internal)?;
        Self::seal(app, store, Person { name, email, role, verified }, details, password_hash).await
    }

    /// Seals an account that has no password yet.
    pub(crate) async fn without_password(
        app: &App,
        store: &Store,
        person: Person,
        details: Details,
    ) -> Result<Self, ApiError> {
        Self::seal(app, store, person, details, NO_PASSWORD.to_owned()).await
    }

    async fn seal(
        app: &App,
        store: &Store,
        person: Person,
        details: Details,
        password_hash: String,
    ) -> Result<Self, ApiError> {
        let Person { name, email, role, verified } = person;
        let tenant = &store.database().tenant;
        let id = UserId::generate(app.random.as_ref());
        let index = app.vault.blind_index(store).await?;
        let email_index = index.exact(EMAIL_INDEX, email.disclose());
        let key = app.vault.fresh_key(tenant, &Subject::User(id.clone())).await?;
        let account = AccountKey { key: key.key().clone(), tenant, user: &id };
        let now = app.now();
        let user = User {
            email: account.seal("email", &Phi::new(email.disclose().to_owned())),
            name: account.seal("name", &name),
            phone_number: details.phone_number.as_ref().map(|phone| account.seal_phone(phone)),
            title: details.title,
            avatar: None,
            role,
            verified,
            active: true,
            password_hash,
            created_at: now,
            updated_at: now,
            last_login_at: None,
            sign_in: model::sign_in::SignIn::default(),
            deleted_at: None,
            words: search_words(&index, &name, &email),
        };
        Ok(Self { id, user, email_index, key })
    }

    /// Writes the account. The transaction ends with what [`or_taken`] understands where the address has an account.
    pub(crate) fn save(&self, tx: &Transaction) -> Result<(), store::Error> {
        self.key.save(tx)?;
        tx.create(&EMAIL_OWNERS, &self.email_index, &EmailOwner { user_id: self.id.clone() })?;
        tx.create(&USERS, self.id.as_str(), &self.user)
    }

    /// The key, to open the account again.
    pub(crate) fn account_key<'a>(&'a self, tenant: &'a TenantId) -> AccountKey<'a> {
        AccountKey { key: self.key.key().clone(), tenant, user: &self.id }
    }

    /// After the commit: keeps the key at hand.
    pub(crate) fn keep(self, app: &App) -> UserId {
        app.vault.remember(self.key);
        self.id
    }
}

/// Says that an address has an account, without saying which.
pub(crate) fn or_taken(error: store::Error) -> ApiError {
    match error {
        store::Error::AlreadyExists { key } if key.collection == EMAIL_OWNERS.path() => {
            ApiError::new(Code::DuplicateEntry, "email: there is an account with this address; sign in instead.")
                .detail("field", "email")
        }
        other => other.into(),
    }
}

/// The same for an administrator, after a transaction in which nothing but the address can be there already.
pub(crate) fn or_address_taken(error: ApiError) -> ApiError {
    if error.code() != Code::DuplicateEntry {
        return error;
    }
    let told = "email: this address has an account already, perhaps a deleted one that keeps it.";
    ApiError::new(Code::DuplicateEntry, told).detail("field", "email")
}

/// The key of one account, bound to its document.
pub(crate) struct AccountKey<'a> {
    key: SubjectKey,
    tenant: &'a TenantId,
    user: &'a UserId,
}

impl<'a> AccountKey<'a> {
    /// The key of this account.
    pub(crate) async fn of(app: &App, store: &'a Store, user: &'a UserId) -> Result<Self, ApiError> {
        let key = app.vault.key(store, &Subject::User(user.clone())).await?;
        Ok(Self { key, tenant: &store.database().tenant, user })
    }

    pub(crate) const fn subject_key(&self) -> &SubjectKey {
        &self.key
    }

    pub(crate) const fn user(&self) -> &UserId {
        self.user
    }

    /// The blind index of the account's address or number, as the account has it.
    pub(crate) async fn index_of(
        &self,
        app: &App,
        store: &Store,
        user: &User,
        by: Identifier,
    ) -> Result<Option<String>, ApiError> {
        let blind = app.vault.blind_index(store).await?;
        Ok(match (by, &user.phone_number) {
            (Identifier::Email, _) => Some(blind.exact(EMAIL_INDEX, self.open("email", &user.email)?.disclose())),
            (Identifier::Phone, Some(number)) => {
                Some(blind.exact(PHONE_INDEX, self.open("phoneNumber", number)?.disclose()))
            }
            (Identifier::Phone, None) => None,
        })
    }

    pub(crate) const fn tenant(&self) -> &TenantId {
        self.tenant
    }

    pub(crate) fn seal(&self, field: &str, plain: &Phi<String>) -> Sealed {
        self.key.seal(&self.place(field), plain)
    }

    pub(crate) fn seal_phone(&self, phone: &Phone) -> Sealed {
        self.seal("phoneNumber", &Phi::new(phone.disclose().to_owned()))
    }

    pub(crate) fn open(&self, field: &str, sealed: &Sealed) -> Result<Phi<String>, ApiError> {
        Ok(self.key.open(&self.place(field), sealed)?)
    }

    /// The account's address.
    pub(crate) fn open_email(&self, user: &User) -> Result<Email, ApiError> {
        self.open("email", &user.email)?.disclose().parse().map_err(ApiError::internal)
    }

    fn place<'b>(&'b self, field: &'b str) -> Place<'b> {
        Place { tenant: self.tenant, collection: "users", id: self.user.as_str(), field }
    }
}

/// The account of an address, by the address's blind index. Reads as much where there is none.
pub(crate) async fn find_by_index(store: &Store, index: &str) -> Result<Option<(UserId, User)>, store::Error> {
    let owner = store.get(&EMAIL_OWNERS, index).await?.map(|doc| doc.value.user_id);
    let id = owner.as_ref().map_or(index, UserId::as_str);
    let user = store.get(&USERS, id).await?;
    Ok(owner.zip(user.map(|doc| doc.value)))
}

/// The caller's own account. A token may outlive its account by some seconds.
pub(crate) fn or_closed(user: Option<User>) -> Result<User, ApiError> {
    user.filter(User::may_sign_in).ok_or_else(|| ApiError::unauthorized("This account is closed. Sign in again."))
}

/// Reads the caller's own account.
pub(crate) async fn find_own(caller: &Caller) -> Result<User, ApiError> {
    let found = caller.store.get(&USERS, caller.user().as_str()).await?;
    or_closed(found.map(|doc| doc.value))
}
