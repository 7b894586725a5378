use store::{Database, Error, Key};

/// Where a collection's documents are: a table for each path of names, a parent for each path of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The names of the path, as `chats/messages`; made of `a-z`, `-` and `/`, so that it needs no escaping in SQL.
    pub(crate) table: String,
    /// The tenant's prefix and the ids of the path, each id after a `/`.
    pub(crate) parent: String,
}

impl Place {
    /// The place of a collection whose path was checked.
    pub(crate) fn new(database: &Database, collection: &str) -> Self {
        let mut table = String::with_capacity(collection.len());
        let mut parent = database.prefix.clone();
        for (n, part) in collection.split('/').enumerate() {
            if !n.is_multiple_of(2) {
                parent.push('/');
                parent.push_str(part);
                continue;
            }
            if n > 0 {
                table.push('/');
            }
            table.push_str(part);
        }
        Self { table, parent }
    }

    /// The collection's path, the prefix left out.
    pub(crate) fn collection(&self) -> String {
        let ids = self.parent.split('/').skip(1);
        let mut names = self.table.split('/');
        let first = names.next().unwrap_or_default().to_owned();
        ids.zip(names).fold(first, |path, (id, name)| format!("{path}/{id}/{name}"))
    }

    /// The place of a key, which is checked first.
    pub(crate) fn of(database: &Database, key: &Key) -> Result<Self, Error> {
        key.check()?;
        Ok(Self::new(database, &key.collection))
    }
}

/// A database's name becomes a file's, and its prefix the beginning of each parent.
pub(crate) fn check_database(database: &Database) -> Result<(), Error> {
    let Database { name, prefix, .. } = database;
    let is_word = |text: &str| text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
    // "(default)" is what Firestore calls a project's first database.
    if name != "(default)" && (name.is_empty() || name.len() > 100 || !is_word(name)) {
        return Err(Error::BadPath { what: format!("the database name {name:?}") });
    }
    if !is_word(prefix) {
        return Err(Error::BadPath { what: format!("the prefix {prefix:?}") });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_the_table_and_ids_the_parent() {
        let database = |prefix: &str| Database {
            tenant: "t".parse().unwrap(),
            project: String::new(),
            name: "t".to_owned(),
            prefix: prefix.to_owned(),
        };
        for (prefix, path, table, parent) in [
            ("", "chats", "chats", ""),
            ("", "chats/c1/messages", "chats/messages", "/c1"),
            ("n-", "chats", "chats", "n-"),
            ("n-", "a/1/b/2/c", "a/b/c", "n-/1/2"),
        ] {
            let place = Place::new(&database(prefix), path);
            assert_eq!((place.table.as_str(), place.parent.as_str()), (table, parent));
            assert_eq!(place.collection(), path);
        }
        for name in ["", "..", "a/b", "a.b", "a\\b", "C:", &"x".repeat(101)] {
            assert!(check_database(&Database { name: name.to_owned(), ..database("") }).is_err(), "{name}");
        }
        assert!(check_database(&database("a/")).is_err());
        assert!(check_database(&Database { name: "(default)".to_owned(), ..database("a-") }).is_ok());
    }
}
