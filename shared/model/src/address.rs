//! The postal addresses of users.

use kernel::{AddressId, Sealed, Time};
use serde::{Deserialize, Serialize};
use store::Collection;

/// The most addresses of one user.
pub const MOST_ADDRESSES: usize = 20;

/// All of a user's addresses, oldest first: one document, so that one of them is the default whatever happens at once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressBook {
    /// The addresses.
    pub addresses: Vec<Address>,
    /// The default one; there is one where there is any address.
    pub default: Option<AddressId>,
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Its id.
    pub id: AddressId,
    /// Sealed under the user's key: what it says, as JSON.
    pub content: Sealed,
    /// When it was added.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

impl AddressBook {
    /// Adds an address. The first one is the default.
    pub fn add(&mut self, address: Address, as_default: bool) {
        if as_default || self.default.is_none() {
            self.default = Some(address.id.clone());
        }
        self.addresses.push(address);
    }

    /// The address with this id.
    pub fn find(&mut self, id: &AddressId) -> Option<&mut Address> {
        self.addresses.iter_mut().find(|address| address.id == *id)
    }

    /// Takes an address out; of the others, the oldest takes its place as the default. Says whether it was there.
    pub fn remove(&mut self, id: &AddressId) -> bool {
        let before = self.addresses.len();
        self.addresses.retain(|address| address.id != *id);
        if self.default.as_ref() == Some(id) {
            self.default = self.addresses.first().map(|address| address.id.clone());
        }
        self.addresses.len() < before
    }
}

/// Address books, by user id.
pub const ADDRESS_BOOKS: Collection<AddressBook> = Collection::top("address-books", &[]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_the_default_where_there_is_any() {
        let id = |text: &str| text.parse::<AddressId>().unwrap();
        let address = |text: &str| Address {
            id: id(text),
            content: Sealed::from_text(String::new()),
            created_at: Time::from_millis(0),
            updated_at: Time::from_millis(0),
        };
        let mut book = AddressBook::default();
        book.add(address("a"), false);
        book.add(address("b"), false);
        assert_eq!(book.default, Some(id("a")));
        book.add(address("c"), true);
        assert_eq!(book.default, Some(id("c")));
        assert!(book.remove(&id("c")) && !book.remove(&id("c")));
        assert_eq!(book.default, Some(id("a")));
        assert!(book.remove(&id("a")) && book.remove(&id("b")));
        assert_eq!(book.default, None);
    }
}
