//! The contract: `infra/contract/operations.tsv`, and what of it the API's document has.
#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test file uses a part of this")]

use std::collections::BTreeMap;

use serde_json::Value;

/// How far an operation of the contract is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// In the API's document.
    Yes,
    /// Served, and no part of the document: sockets, metrics, the document itself.
    Beside,
    /// Not yet.
    Later,
}

/// A row of the contract.
#[derive(Debug)]
pub struct Row {
    /// Which function has it.
    pub function: &'static str,
    /// `METHOD /path`.
    pub operation: String,
    /// How far it is.
    pub served: Served,
    /// Who may call it, in the contract's words.
    pub who: &'static str,
}

/// Every row.
pub fn rows() -> Vec<Row> {
    let rows = lines(include_str!("../../../contract/operations.tsv"));
    rows.into_iter().map(row).collect()
}

fn row(cells: Vec<&'static str>) -> Row {
    let [function, method, path, served, who, what] = cells[..] else { panic!("a row of six columns: {cells:?}") };
    assert!(!who.is_empty() && !what.is_empty(), "{method} {path} says for whom and what for");
    let served = match served {
        "yes" => Served::Yes,
        "beside" => Served::Beside,
        "later" => Served::Later,
        other => panic!("{method} {path}: served is yes, beside or later, and not {other}"),
    };
    Row { function, operation: format!("{method} {path}"), served, who }
}

/// The rows of a table with tabs between its columns, without comments and without the line that names the columns.
pub fn lines(table: &'static str) -> Vec<Vec<&'static str>> {
    let rows = table.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    rows.skip(1).map(|line| line.split('\t').map(str::trim).collect()).collect()
}

/// Each operation of the API's document: `METHOD /path`, and what the document says of it.
pub fn operations(document: &Value) -> BTreeMap<String, &Value> {
    let mut all = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            all.insert(format!("{} {path}", method.to_uppercase()), operation);
        }
    }
    all
}
