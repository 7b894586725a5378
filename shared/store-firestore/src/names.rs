//! Firestore's names of databases, collections and documents.

use store::{Database, Error, Key};

/// The names in one tenant's database.
#[derive(Debug)]
pub(crate) struct Names {
    /// `projects/{project}/databases/{database}`.
    pub(crate) database: String,
    prefix: String,
}

impl Names {
    /// Refuses what would reach into another database or collection.
    pub(crate) fn new(database: &Database) -> Result<Self, Error> {
        let Database { project, name, prefix, .. } = database;
        for (part, what) in [(project, "project"), (name, "database")] {
            if part.is_empty() || part.contains('/') {
                return Err(Error::BadPath { what: format!("the {what} name {part:?}") });
            }
        }
        let in_prefix = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        if !prefix.bytes().all(in_prefix) || prefix.starts_with("__") {
            return Err(Error::BadPath { what: format!("the prefix {prefix:?}") });
        }
        Ok(Self { database: format!("projects/{project}/databases/{name}"), prefix: prefix.clone() })
    }

    /// A document's full name. The key is checked first.
    pub(crate) fn document(&self, key: &Key) -> Result<String, Error> {
        key.check()?;
        Ok(self.unchecked(&key.collection, &key.id))
    }

    /// A document's full name, its parts checked before.
    pub(crate) fn unchecked(&self, collection: &str, id: &str) -> String {
        format!("{}/documents/{}{collection}/{id}", self.database, self.prefix)
    }

    /// A collection's parent and its name below it, as queries want them. The path is checked before.
    pub(crate) fn collection(&self, path: &str) -> (String, String) {
        let root = format!("{}/documents", self.database);
        match path.rsplit_once('/') {
            None => (root, format!("{}{path}", self.prefix)),
            Some((parent, name)) => (format!("{root}/{}{parent}", self.prefix), name.to_owned()),
        }
    }
}

/// The id in a document's full name.
pub(crate) fn id_of(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(project: &str, name: &str, prefix: &str) -> Database {
        let tenant = "t1".parse().unwrap();
        Database { tenant, project: project.to_owned(), name: name.to_owned(), prefix: prefix.to_owned() }
    }

    #[test]
    fn a_prefix_goes_before_the_first_collection_only() {
        let names = Names::new(&database("p", "d", "north-")).unwrap();
        let key = Key::new("chats/c1/messages", "m 1");
        let name = names.document(&key).unwrap();
        assert_eq!(name, "projects/p/databases/d/documents/north-chats/c1/messages/m 1");
        assert_eq!(id_of(&name), "m 1");
        let root = "projects/p/databases/d/documents";
        assert_eq!(names.collection("chats"), (root.to_owned(), "north-chats".to_owned()));
        let below = names.collection("chats/c1/messages");
        assert_eq!(below, (format!("{root}/north-chats/c1"), "messages".to_owned()));
    }

    #[test]
    fn nothing_reaches_outside_its_database() {
        for (project, name, prefix) in
            [("", "d", ""), ("p", "", ""), ("p/databases/x", "d", ""), ("p", "d/documents/x", ""), ("p", "d", "x/y/")]
        {
            let error = Names::new(&database(project, name, prefix)).unwrap_err();
            assert!(matches!(error, Error::BadPath { .. }), "{error}");
        }
        let names = Names::new(&database("p", "(default)", "")).unwrap();
        assert!(names.document(&Key::new("chats", "../x")).is_err());
    }
}
