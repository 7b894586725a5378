use rusqlite::{Connection, StatementStatus, params_from_iter};
use serde_json::json;
use store::{Index, IndexField};

use super::*;
use crate::schema::Declared;

const BY_KIND: Index = &[IndexField::Ascending("kind"), IndexField::Descending("at")];
const BY_AT: Index = &[IndexField::Ascending("at")];
const BY_TAG: Index = &[IndexField::Contains("tags"), IndexField::Descending("at")];

/// An empty table of messages, and what is declared for it.
fn messages(indexes: &[Index]) -> (Connection, Schema) {
    let declared = indexes.iter().map(|index| Declared { group: "messages", index }).collect();
    let schema = Schema::new(declared);
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(crate::engine::MAKE_META).unwrap();
    schema.make_table(&connection, "chats/messages").unwrap();
    (connection, schema)
}

fn place() -> Place {
    Place { table: "chats/messages".to_owned(), parent: "/c1".to_owned() }
}

/// How SQLite would go about a query of messages.
fn plan(indexes: &[Index], query: &Query) -> String {
    let (connection, schema) = messages(indexes);
    let Statement { sql, values } = select(&schema, &place(), query);
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let lines = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
    lines.collect::<Result<Vec<String>, _>>().unwrap().join("; ")
}

fn all() -> Query {
    Query::all("chats/c1/messages")
}

#[test]
fn a_declared_index_answers_in_order() {
    let cursor = |values: Vec<Value>| Some(Cursor { values, id: "m".to_owned() });
    let by_kind = all().eq("kind", json!("x")).order("at", Direction::Descending);
    for (query, index, searched) in [
        (by_kind.clone(), "kind+at-", "parent=? AND <expr>=? AND <expr>>?"),
        (
            by_kind.after(cursor(vec![json!("2024")])).limit(20),
            "kind+at-",
            "parent=? AND <expr>=? AND <expr>>? AND <expr><?",
        ),
        (all().eq("at", json!(null)), "at+", "parent=? AND <expr>=?"),
        (all().eq("at", json!(true)).by_id(Direction::Descending), "at+", "parent=? AND <expr>=?"),
        (all().filter("at", Op::GreaterOrEqual, json!(1.5)), "at+", "parent=? AND <expr>>? AND <expr><?"),
        (all().filter("at", Op::Less, json!("x")), "at+", "parent=? AND <expr>>? AND <expr><?"),
        (all().order("at", Direction::Descending).limit(1), "at+", "parent=? AND <expr>>?"),
    ] {
        let plan = plan(&[BY_KIND, BY_AT, BY_TAG], &query);
        let expected = format!("SEARCH chats/messages USING INDEX chats/messages:{index} ({searched})");
        assert_eq!(plan, expected, "{query:?}");
    }
}

#[test]
fn ids_need_no_index() {
    let query = all().id_from("a").id_below("b").by_id(Direction::Descending);
    assert_eq!(plan(&[], &query), "SEARCH chats/messages USING PRIMARY KEY (parent=? AND id>? AND id<?)");
}

#[test]
fn elements_are_looked_up() {
    for query in
        [all().contains("tags", json!("x")), all().contains("tags", json!("x")).order("at", Direction::Descending)]
    {
        let plan = plan(&[BY_KIND, BY_TAG], &query);
        assert!(plan.contains("SEARCH chats/messages USING PRIMARY KEY (parent=? AND id=?)"), "{plan}");
        assert!(plan.contains("SEARCH chats/messages#tags USING PRIMARY KEY (parent=? AND element=?)"), "{plan}");
    }
}

/// A page in the middle costs what a page at the beginning costs, whatever stands before it.
#[test]
fn a_page_costs_its_own_length() {
    let (connection, schema) = messages(&[BY_KIND, BY_AT]);
    let fill = "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 3999) \
                INSERT INTO \"chats/messages\" (parent, id, fields, version) \
                SELECT '/c1', printf('%05d', n), json_object('kind', 'x', 'at', n), n FROM n";
    connection.execute(fill, []).unwrap();
    let steps = |query: &Query| {
        let Statement { sql, values } = select(&schema, &place(), query);
        let mut statement = connection.prepare(&sql).unwrap();
        let found = statement.query_map(params_from_iter(values), |_| Ok(())).unwrap().count();
        assert_eq!(found, 20, "{query:?}");
        statement.get_status(StatementStatus::VmStep)
    };
    let (up, down) = (Direction::Ascending, Direction::Descending);
    for (query, values) in [
        (all(), vec![]),
        (all().by_id(down), vec![]),
        (all().id_from("00010").id_below("03990"), vec![]),
        (all().order("at", up), vec![json!(2000)]),
        (all().order("at", down), vec![json!(2000)]),
        (all().filter("at", Op::Greater, json!(5)), vec![json!(2000)]),
        (all().filter("at", Op::Less, json!(3995)).order("at", down), vec![json!(2000)]),
        (all().eq("kind", json!("x")).order("at", down), vec![json!(2000)]),
    ] {
        let query = query.limit(20);
        let first = steps(&query);
        let middle = steps(&query.clone().after(Some(Cursor { values, id: "02000".to_owned() })));
        assert!(middle < 4 * first && middle < 4000, "{first} steps, then {middle}: {query:?}");
    }
}
