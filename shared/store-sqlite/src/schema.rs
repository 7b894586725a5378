use std::collections::HashMap;

use rusqlite::{Connection, Result};
use store::{Index, IndexField};

use crate::sql::{element_key, json_path, sort_key};

/// The layout of the files that this program writes.
pub(crate) const LAYOUT: i64 = 1;

/// An index that queries of a collection use. One of a single field is worth declaring too: without it, a query by that
/// field reads the whole collection below the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Declared {
    /// The collection's name, without its parents.
    pub group: &'static str,
    /// The fields.
    pub index: Index,
}

impl From<(&'static str, Index)> for Declared {
    fn from((group, index): (&'static str, Index)) -> Self {
        Self { group, index }
    }
}

/// All declared indexes, and how tables are made.
///
/// A table's name has no `:` and no `#`; an index is named `table:fields`, the table of an array's elements
/// `table#field`, and its triggers `table#field:event`. So the parts of a table are known by their names.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    declared: Vec<Declared>,
}

/// What belongs to a table beside its rows: made and dropped together.
struct Part {
    /// Each object's name and the statement that makes it.
    objects: Vec<(String, String)>,
    /// Takes the rows in that are there already.
    fill: Option<String>,
    /// What the planner shall expect: table, index, and rows for each value of the first columns.
    statistics: Vec<(String, String, String)>,
}

impl Schema {
    pub(crate) const fn new(declared: Vec<Declared>) -> Self {
        Self { declared }
    }

    /// The table of this array field's elements, where there is one.
    pub(crate) fn elements_of(&self, table: &str, field: &str) -> Option<String> {
        self.contained(table).contains(&field).then(|| elements_name(table, field))
    }

    /// Makes a table with all its parts, where it is not there.
    pub(crate) fn make_table(&self, connection: &Connection, table: &str) -> Result<()> {
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS \"{table}\" (parent TEXT NOT NULL, id TEXT NOT NULL, fields TEXT NOT NULL, \
             version INTEGER NOT NULL, expire_at INTEGER, PRIMARY KEY (parent, id)) WITHOUT ROWID"
        ))?;
        self.settle_parts(connection, table)
    }

    /// Brings the parts of all tables to what is declared now: a program may declare other indexes than the one before.
    pub(crate) fn settle(&self, connection: &Connection) -> Result<()> {
        for table in tables(connection)? {
            self.settle_parts(connection, &table)?;
        }
        Ok(())
    }

    fn settle_parts(&self, connection: &Connection, table: &str) -> Result<()> {
        let mut present = parts_present(connection, table)?;
        let mut missing = Vec::new();
        for part in self.parts(table) {
            // SQLite keeps the text of each statement, so an index made by another rule shows.
            let is_whole =
                part.objects.iter().all(|(name, sql)| present.get(name).is_some_and(|(_, kept)| kept == sql));
            if is_whole {
                part.objects.iter().for_each(|(name, _)| drop(present.remove(name)));
            } else {
                missing.push(part);
            }
        }
        let mut leftovers: Vec<(String, String)> = present.into_iter().map(|(name, (kind, _))| (kind, name)).collect();
        // Triggers go before the tables that they write to, and indexes before the tables that they are of.
        leftovers.sort_by_key(|(kind, _)| (kind != "trigger", kind != "index"));
        let is_settled = leftovers.is_empty() && missing.is_empty();
        for (kind, name) in leftovers {
            connection.execute_batch(&format!("DROP {kind} \"{name}\""))?;
        }
        for part in missing {
            for (_, sql) in &part.objects {
                connection.execute_batch(sql)?;
            }
            if let Some(fill) = part.fill {
                connection.execute_batch(&fill)?;
            }
        }
        if is_settled { Ok(()) } else { self.settle_statistics(connection, table) }
    }

    /// Without statistics SQLite takes ten rows below a parent for granted and rather reads them all than use an index;
    /// with measured ones, plans would depend on when they were measured. So they are given: many rows below a parent,
    /// few for each value of a field.
    fn settle_statistics(&self, connection: &Connection, table: &str) -> Result<()> {
        let mut statistics = vec![(table.to_owned(), table.to_owned(), "1000000 10000 1".to_owned())];
        statistics.extend(self.parts(table).into_iter().flat_map(|part| part.statistics));
        // Makes the table of statistics, where it is not there.
        connection.execute_batch("ANALYZE _meta")?;
        let remove = "DELETE FROM sqlite_stat1 WHERE tbl = ?1 OR tbl GLOB ?1 || '#*'";
        connection.prepare_cached(remove)?.execute([table])?;
        for (table, index, rows) in &statistics {
            let add = "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(add)?.execute([table, index, rows])?;
        }
        // Measures nothing, but reads them.
        connection.execute_batch("ANALYZE sqlite_master")
    }

    fn parts(&self, table: &str) -> Vec<Part> {
        let expiry = format!("{table}:expire_at");
        let expiry_sql = format!("CREATE INDEX \"{expiry}\" ON \"{table}\" (expire_at) WHERE expire_at IS NOT NULL");
        let statistics = vec![(table.to_owned(), expiry.clone(), "10000 10 1 1".to_owned())];
        let mut parts = vec![Part { objects: vec![(expiry, expiry_sql)], fill: None, statistics }];
        for index in self.of(table) {
            // An array's elements are in few documents each: their table alone narrows the answer enough.
            if !index.iter().any(|field| matches!(field, IndexField::Contains(_))) {
                parts.push(expression_index(table, index));
            }
        }
        parts.extend(self.contained(table).into_iter().map(|field| elements(table, field)));
        // Two declarations may come to the same part.
        let mut names = Vec::new();
        parts.retain(|part| {
            let name = part.objects[0].0.clone();
            let is_new = !names.contains(&name);
            names.push(name);
            is_new
        });
        parts
    }

    fn contained(&self, table: &str) -> Vec<&'static str> {
        let contained = |field: &IndexField| match field {
            IndexField::Contains(name) => Some(*name),
            IndexField::Ascending(_) | IndexField::Descending(_) => None,
        };
        self.of(table).flat_map(|index| index.iter().filter_map(contained)).collect()
    }

    fn of<'a>(&'a self, table: &str) -> impl Iterator<Item = Index> + use<'a> {
        let group = table.rsplit('/').next().unwrap_or_default().to_owned();
        self.declared.iter().filter(move |declared| declared.group == group).map(|declared| declared.index)
    }
}

/// An index in the order of a query: below a parent, by the fields, then by id in the last one's direction.
fn expression_index(table: &str, index: Index) -> Part {
    let mut name = format!("{table}:");
    let mut columns = String::from("parent");
    let mut last = "";
    for field in index {
        let (IndexField::Ascending(path) | IndexField::Descending(path) | IndexField::Contains(path)) = field;
        let (sign, direction) = if matches!(field, IndexField::Descending(_)) { ('-', " DESC") } else { ('+', "") };
        name.push_str(path);
        name.push(sign);
        columns.push_str(&format!(", {}{direction}", sort_key(path)));
        last = direction;
    }
    let sql = format!("CREATE INDEX \"{name}\" ON \"{table}\" ({columns}, id{last})");
    let mut rows = String::from("1000000 10000");
    index.iter().enumerate().for_each(|(n, _)| rows.push_str(if n == 0 { " 100" } else { " 10" }));
    let statistics = vec![(table.to_owned(), name.clone(), format!("{rows} 1"))];
    Part { objects: vec![(name, sql)], fill: None, statistics }
}

fn elements_name(table: &str, field: &str) -> String {
    format!("{table}#{field}")
}

/// A table of an array's elements, kept by triggers.
fn elements(table: &str, field: &str) -> Part {
    let name = elements_name(table, field);
    let path = json_path(field);
    let take = |row: &str| {
        format!(
            "INSERT INTO \"{name}\" SELECT DISTINCT {row}.parent, {key}, {row}.id FROM json_each({row}.fields, {path}) AS e \
             WHERE json_type({row}.fields, {path}) = 'array' AND e.type NOT IN ('array', 'object')",
            key = element_key("e"),
        )
    };
    let remove = format!("DELETE FROM \"{name}\" WHERE parent = old.parent AND id = old.id");
    let trigger = |event: &str, on: &str, body: &str| {
        let trigger = format!("{name}:{event}");
        let sql = format!("CREATE TRIGGER \"{trigger}\" AFTER {on} ON \"{table}\" BEGIN {body}; END");
        (trigger, sql)
    };
    let by_id = format!("{name}:id");
    Part {
        objects: vec![
            (
                name.clone(),
                format!(
                    "CREATE TABLE \"{name}\" (parent, element, id, PRIMARY KEY (parent, element, id)) WITHOUT ROWID"
                ),
            ),
            (by_id.clone(), format!("CREATE INDEX \"{by_id}\" ON \"{name}\" (parent, id)")),
            trigger("insert", "INSERT", &take("new")),
            trigger("update", "UPDATE OF fields", &format!("{remove}; {}", take("new"))),
            trigger("delete", "DELETE", &remove),
        ],
        fill: Some(format!(
            "INSERT INTO \"{name}\" SELECT DISTINCT d.parent, {key}, d.id FROM \"{table}\" AS d, \
             json_each(d.fields, {path}) AS e \
             WHERE json_type(d.fields, {path}) = 'array' AND e.type NOT IN ('array', 'object')",
            key = element_key("e"),
        )),
        statistics: vec![
            (name.clone(), name.clone(), "1000000 10000 10 1".to_owned()),
            (name, by_id, "1000000 10000 4 1".to_owned()),
        ],
    }
}

/// The tables of documents.
pub(crate) fn tables(connection: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '*[#_]*' ORDER BY name";
    connection.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// Name, kind and statement of what belongs to a table.
fn parts_present(connection: &Connection, table: &str) -> Result<HashMap<String, (String, String)>> {
    let sql = "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND (name GLOB ?1 || ':*' OR name GLOB ?1 || '#*')";
    connection.prepare_cached(sql)?.query_map([table], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?.collect()
}
