//! The caller's postal addresses: what the operations on them share.

use garde::Validate;
use kernel::{AddressId, Phi, Sealed, Time, UserId};
use model::address::{Address, AddressBook};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vault::Place;
use web::ApiError;

use crate::accounts::AccountKey;
use crate::rules;

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AddressType {
    /// Where the person lives.
    Home,
    /// Where the person works.
    Work,
    /// Where bills go.
    Billing,
    /// Where parcels go.
    Delivery,
    /// Something else.
    Other,
}

/// A postal address to be kept.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddressBody {
    /// What it is for; `home` unless told.
    #[serde(default)]
    #[garde(skip)]
    #[schema(example = "home")]
    address_type: Option<AddressType>,
    /// Street and number.
    #[garde(custom(rules::line("street")))]
    #[schema(example = "12 Lake Street", min_length = 1, max_length = 200)]
    street: String,
    /// The city.
    #[garde(custom(rules::line("city")))]
    #[schema(example = "Springfield", min_length = 1, max_length = 200)]
    city: String,
    /// The state or province.
    #[serde(default)]
    #[garde(inner(custom(rules::line("state"))))]
    #[schema(example = "IL", max_length = 200)]
    state: Option<String>,
    /// The postal code.
    #[serde(default)]
    #[garde(inner(custom(rules::line("postalCode"))))]
    #[schema(example = "62704", max_length = 200)]
    postal_code: Option<String>,
    /// The country.
    #[garde(custom(rules::line("country")))]
    #[schema(example = "US", min_length = 1, max_length = 200)]
    country: String,
    /// `true` makes it the default address. The first one is it in any case.
    #[serde(default)]
    #[garde(skip)]
    #[schema(example = true)]
    pub(crate) is_default: Option<bool>,
}

/// What is sealed of an address.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    address_type: AddressType,
    street: String,
    city: String,
    state: Option<String>,
    postal_code: Option<String>,
    country: String,
}

/// One of the caller's postal addresses.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddressView {
    /// Its id.
    id: AddressId,
    /// What it is for.
    #[schema(example = "home")]
    address_type: AddressType,
    /// Street and number.
    #[schema(example = "12 Lake Street")]
    street: String,
    /// The city.
    #[schema(example = "Springfield")]
    city: String,
    /// The state or province.
    #[schema(example = "IL")]
    state: Option<String>,
    /// The postal code.
    #[schema(example = "62704")]
    postal_code: Option<String>,
    /// The country.
    #[schema(example = "US")]
    country: String,
    /// Whether it is the default address: one of them is.
    #[schema(example = true)]
    is_default: bool,
    /// When it was added.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl AddressBody {
    /// Seals what it says, for the address with this id.
    pub(crate) fn seal(self, key: &AccountKey<'_>, id: &AddressId) -> Result<Sealed, ApiError> {
        let tidy = |text: String| text.trim().to_owned();
        let written = Written {
            address_type: self.address_type.unwrap_or(AddressType::Home),
            street: tidy(self.street),
            city: tidy(self.city),
            state: self.state.map(tidy),
            postal_code: self.postal_code.map(tidy),
            country: tidy(self.country),
        };
        Ok(key.subject_key().seal_json(&place(key, &field(id)), &Phi::new(written))?)
    }
}

impl AddressView {
    /// Discloses an address of a book to its owner.
    pub(crate) fn open(key: &AccountKey<'_>, book: &AddressBook, address: &Address) -> Result<Self, ApiError> {
        let opened = key.subject_key().open_json::<Written>(&place(key, &field(&address.id)), &address.content)?;
        let Written { address_type, street, city, state, postal_code, country } = opened.into_disclosed();
        Ok(Self {
            id: address.id.clone(),
            address_type,
            street,
            city,
            state,
            postal_code,
            country,
            is_default: book.default.as_ref() == Some(&address.id),
            created_at: address.created_at,
            updated_at: address.updated_at,
        })
    }
}

fn field(id: &AddressId) -> String {
    format!("addresses.{id}")
}

fn place<'a>(key: &'a AccountKey<'_>, field: &'a str) -> Place<'a> {
    let user: &UserId = key.user();
    Place::new(key.tenant(), "address-books", user.as_str(), field)
}
