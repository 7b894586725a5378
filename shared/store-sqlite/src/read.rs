//! Reading, on whichever connection there is.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde_json::Value;
use store::{Document, Error, Fields, Key, Query, Version};

use crate::error::{damaged, from_sqlite, is_malformed_json, is_missing_table};
use crate::place::Place;
use crate::schema::{Schema, tables};
use crate::sql::{self, Statement};

/// The documents with these keys, as of one moment.
pub(crate) fn get(connection: &Connection, wanted: &[(Place, Key)]) -> Result<Vec<Option<Document>>, Error> {
    let get_all = || wanted.iter().map(|(place, key)| get_one(connection, place, key)).collect();
    if wanted.len() < 2 {
        return get_all();
    }
    let snapshot = connection.unchecked_transaction().map_err(from_sqlite)?;
    let documents = get_all();
    snapshot.finish().map_err(from_sqlite)?;
    documents
}

fn get_one(connection: &Connection, place: &Place, key: &Key) -> Result<Option<Document>, Error> {
    let sql = format!("SELECT fields, version FROM \"{}\" WHERE parent = ?1 AND id = ?2", place.table);
    let found = connection.prepare_cached(&sql).and_then(|mut statement| {
        let read = |row: &Row<'_>| Ok((parse(row.get_ref(0)?), row.get(1)?));
        statement.query_row([&place.parent, &key.id], read).optional()
    });
    match found {
        Ok(None) => Ok(None),
        Ok(Some((Some(fields), version))) => Ok(Some(Document { key: key.clone(), fields, version: Version(version) })),
        Ok(Some((None, _))) => Err(damaged(key.clone())),
        Err(error) if is_missing_table(&error) => Ok(None),
        Err(error) => Err(from_sqlite(error)),
    }
}

/// The documents that answer a query.
pub(crate) fn query(
    connection: &Connection,
    schema: &Schema,
    place: &Place,
    query: &Query,
) -> Result<Vec<Document>, Error> {
    let Statement { sql, values } = sql::select(schema, place, query);
    let rows = connection.prepare_cached(&sql).and_then(|mut statement| {
        let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, parse(row.get_ref(1)?), row.get(2)?));
        statement.query_map(params_from_iter(values), read)?.collect::<rusqlite::Result<Vec<_>>>()
    });
    let rows = match rows {
        Err(error) if is_missing_table(&error) => return Ok(Vec::new()),
        Err(error) => return Err(refined(connection, place, query, error)),
        Ok(rows) => rows,
    };
    let document = |(id, fields, version): (String, Option<Fields>, i64)| {
        let key = query.key(&id);
        match fields {
            Some(fields) => Ok(Document { key, fields, version: Version(version) }),
            None => Err(damaged(key)),
        }
    };
    rows.into_iter().map(document).collect()
}

/// How many documents answer a query.
pub(crate) fn count(connection: &Connection, schema: &Schema, place: &Place, query: &Query) -> Result<u64, Error> {
    let Statement { sql, values } = sql::count(schema, place, query);
    let counted = connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.query_row(params_from_iter(values), |row| row.get::<_, i64>(0)));
    match counted {
        Ok(count) => Ok(count.unsigned_abs()),
        Err(error) if is_missing_table(&error) => Ok(0),
        Err(error) => Err(refined(connection, place, query, error)),
    }
}

/// SQLite says that a row on the way held no JSON, but not which: looks for it, so that the error can name it.
fn refined(connection: &Connection, place: &Place, query: &Query, error: rusqlite::Error) -> Error {
    if !is_malformed_json(&error) {
        return from_sqlite(error);
    }
    let sql = format!("SELECT id FROM \"{}\" WHERE parent = ?1 AND NOT json_valid(fields) LIMIT 1", place.table);
    match connection.query_row(&sql, [&place.parent], |row| row.get::<_, String>(0)) {
        Ok(id) => damaged(query.key(&id)),
        Err(_) => from_sqlite(error),
    }
}

/// A row of the whole file that holds no JSON.
pub(crate) fn find_damaged(connection: &Connection) -> rusqlite::Result<Option<Key>> {
    for table in tables(connection)? {
        let sql = format!("SELECT parent, id FROM \"{table}\" WHERE NOT json_valid(fields) LIMIT 1");
        let read = |row: &Row<'_>| {
            let place = Place { table: table.clone(), parent: row.get(0)? };
            Ok(Key::new(place.collection(), row.get::<_, String>(1)?))
        };
        if let Some(key) = connection.query_row(&sql, [], read).optional()? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

fn parse(column: ValueRef<'_>) -> Option<Fields> {
    match serde_json::from_slice(column.as_bytes().ok()?).ok()? {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}
