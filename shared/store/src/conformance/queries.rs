//! Which documents answer a query.

use serde_json::{Value, json};

use super::{Ground, ids};
use crate::{Collection, Direction, Error, Index, IndexField, Op, Query};

/// What the queries here need.
pub(super) const THING_INDEXES: &[Index] = &[
    &[IndexField::Ascending("kind"), IndexField::Ascending("rank")],
    &[IndexField::Ascending("kind"), IndexField::Descending("rank")],
    &[IndexField::Contains("tags"), IndexField::Descending("rank")],
    &[IndexField::Ascending("rank"), IndexField::Descending("name")],
];

impl Ground {
    /// The ids of the answer, through the typed handle, so that the index check is passed too.
    async fn ask(&self, query: Query) -> Vec<String> {
        let things: Collection<Value> = Collection::top("things", THING_INDEXES);
        let documents =
            self.store().query(&things, &query).await.unwrap_or_else(|error| panic!("{query:?}: {error:?}"));
        documents.into_iter().map(|document| document.id).collect()
    }

    async fn ask_field(&self, op: Op, value: Value) -> Vec<String> {
        self.ask(Query::all("things").filter("value", op, value)).await
    }

    /// Things with one `value` each, their ids given.
    async fn things(&self, values: &[(&str, Value)]) {
        let documents: Vec<(&str, Value)> =
            values.iter().map(|(id, value)| (*id, json!({"value": value, "noise": [value]}))).collect();
        self.fill("things", &documents).await;
    }
}

/// Equality holds within a kind only; numbers are one kind.
pub async fn equal_tells_kinds_apart(ground: Ground) {
    ground
        .things(&[
            ("array", json!([1])),
            ("empty", json!("")),
            ("false", json!(false)),
            ("float", json!(1.5)),
            ("map", json!({"n": 1})),
            ("null", json!(null)),
            ("one", json!(1)),
            ("one-point", json!(1.0)),
            ("text", json!("1")),
            ("true", json!(true)),
            ("true-text", json!("true")),
            ("zero", json!(0)),
        ])
        .await;
    for (value, expected) in [
        (json!(1), vec!["one", "one-point"]),
        (json!(1.0), vec!["one", "one-point"]),
        (json!(1.5), vec!["float"]),
        (json!(0), vec!["zero"]),
        (json!(true), vec!["true"]),
        (json!(false), vec!["false"]),
        (json!("1"), vec!["text"]),
        (json!("true"), vec!["true-text"]),
        (json!(""), vec!["empty"]),
        (json!("[1]"), vec![]),
        (json!("{\"n\":1}"), vec![]),
        (json!("null"), vec![]),
        (json!(2), vec![]),
    ] {
        assert_eq!(ground.ask_field(Op::Equal, value.clone()).await, expected, "{value}");
    }
}

/// `null` equals `null`; a missing field equals nothing.
pub async fn equal_to_null_and_missing(ground: Ground) {
    ground.fill("things", &[("null", json!({"value": null})), ("missing", json!({"other": null}))]).await;
    ground.fill("things", &[("empty", json!({"value": ""})), ("zero", json!({"value": 0}))]).await;
    assert_eq!(ground.ask_field(Op::Equal, json!(null)).await, ["null"]);
    assert_eq!(ground.ask(Query::all("things").eq("value", json!(null)).eq("other", json!(null))).await, [""; 0]);
}

/// One of several values, of several kinds; beside another condition.
pub async fn any_of_several(ground: Ground) {
    let thing = |value: Value, kind: &str| json!({"value": value, "kind": kind});
    ground
        .fill(
            "things",
            &[
                ("a", thing(json!("x"), "k")),
                ("b", thing(json!("y"), "k")),
                ("c", thing(json!(3), "k")),
                ("d", thing(json!(true), "l")),
                ("e", thing(json!(1), "l")),
                ("f", json!({"kind": "k"})),
            ],
        )
        .await;
    assert_eq!(ground.ask_field(Op::In, json!(["y", "x", "z", "y"])).await, ["a", "b"]);
    assert_eq!(ground.ask_field(Op::In, json!(["x", 3, true])).await, ["a", "c", "d"]);
    assert_eq!(ground.ask_field(Op::In, json!(["nothing"])).await, [""; 0]);
    let many: Vec<Value> = (0..30).map(Value::from).collect();
    assert_eq!(ground.ask_field(Op::In, json!(many)).await, ["c", "e"]);
    let both = Query::all("things").filter("value", Op::In, json!(["x", 3, true])).eq("kind", json!("k"));
    assert_eq!(ground.ask(both).await, ["a", "c"]);
}

/// `null` among the several.
pub async fn any_of_several_with_null(ground: Ground) {
    ground.things(&[("null", json!(null)), ("one", json!(1)), ("two", json!(2))]).await;
    ground.fill("things", &[("missing", json!({}))]).await;
    assert_eq!(ground.ask_field(Op::In, json!([null, 2])).await, ["null", "two"]);
    assert_eq!(ground.ask_field(Op::In, json!([null])).await, ["null"]);
}

/// An array asked for one of its elements; what is no array contains nothing.
pub async fn contains_an_element(ground: Ground) {
    ground
        .things(&[
            ("bool", json!([true])),
            ("empty", json!([])),
            ("map", json!({"a": "x"})),
            ("mixed", json!([1, "x", null])),
            ("nested", json!([["x"], {"x": "x"}])),
            ("numbers", json!([1.0, 2, 2])),
            ("scalar", json!("x")),
            ("texts", json!(["x", "y"])),
        ])
        .await;
    for (value, expected) in [
        (json!("x"), vec!["mixed", "texts"]),
        (json!("y"), vec!["texts"]),
        (json!(1), vec!["mixed", "numbers"]),
        (json!(2), vec!["numbers"]),
        (json!(true), vec!["bool"]),
        (json!("1"), vec![]),
    ] {
        assert_eq!(ground.ask_field(Op::Contains, value.clone()).await, expected, "{value}");
    }
    // An element comes and goes with its document.
    ground.things(&[("texts", json!(["z"])), ("scalar", json!(["y"]))]).await;
    let delete =
        crate::Write::Delete { key: crate::Key::new("things", "mixed"), precondition: crate::Precondition::None };
    ground.commit(&[delete]).await.unwrap();
    assert_eq!(ground.ask_field(Op::Contains, json!("x")).await, [""; 0]);
    assert_eq!(ground.ask_field(Op::Contains, json!("y")).await, ["scalar"]);
    assert_eq!(ground.ask_field(Op::Contains, json!("z")).await, ["texts"]);
}

/// A range on text finds text only, one on numbers numbers only.
pub async fn ranges_stay_in_their_kind(ground: Ground) {
    ground
        .things(&[
            ("array", json!(["m"])),
            ("big", json!(1_000_000)),
            ("empty", json!("")),
            ("false", json!(false)),
            ("map", json!({"m": 1})),
            ("minus", json!(-7)),
            ("null", json!(null)),
            ("text", json!("m")),
            ("true", json!(true)),
            ("umlaut", json!("ü")),
        ])
        .await;
    for (op, value, expected) in [
        (Op::Less, json!("z"), vec!["empty", "text"]),
        (Op::GreaterOrEqual, json!(""), vec!["empty", "text", "umlaut"]),
        (Op::Greater, json!("m"), vec!["umlaut"]),
        (Op::GreaterOrEqual, json!("m"), vec!["text", "umlaut"]),
        (Op::LessOrEqual, json!("m"), vec!["empty", "text"]),
        (Op::Less, json!("m"), vec!["empty"]),
        (Op::Less, json!(10), vec!["minus"]),
        (Op::Greater, json!(-10), vec!["minus", "big"]),
        (Op::GreaterOrEqual, json!(1_000_000), vec!["big"]),
        (Op::Greater, json!(1_000_000), vec![]),
        (Op::LessOrEqual, json!(-7.0), vec!["minus"]),
    ] {
        assert_eq!(ground.ask_field(op, value.clone()).await, expected, "{op:?} {value}");
    }
}

/// Integers and floats are one order, and an interval has two ends.
pub async fn ranges_on_numbers(ground: Ground) {
    ground
        .things(&[
            ("a", json!(-2.5)),
            ("b", json!(-2)),
            ("c", json!(0)),
            ("d", json!(0.1)),
            ("e", json!(1)),
            ("f", json!(1.5)),
            ("g", json!(9_007_199_254_740_991_i64)),
        ])
        .await;
    let between = |low: Value, high: Value| {
        Query::all("things").filter("value", Op::GreaterOrEqual, low).filter("value", Op::Less, high)
    };
    assert_eq!(ground.ask(between(json!(-2), json!(1))).await, ["b", "c", "d"]);
    assert_eq!(ground.ask(between(json!(0.1), json!(1.5))).await, ["d", "e"]);
    assert_eq!(ground.ask(between(json!(0.100_000_001), json!(2))).await, ["e", "f"]);
    let downwards = between(json!(-10), json!(1)).order("value", Direction::Descending);
    assert_eq!(ground.ask(downwards).await, ["d", "c", "b", "a"]);
    assert_eq!(ground.ask_field(Op::Greater, json!(9_007_199_254_740_990_i64)).await, ["g"]);
}

/// Text is ordered by its UTF-8 bytes: not by case, not by a language, not by UTF-16.
pub async fn text_is_ordered_by_its_bytes(ground: Ground) {
    let texts = ["", " ", "1", "10", "2", "A", "Z", "a", "a b", "ab", "z", "ß", "é", "\u{ff01}", "\u{1f600}"];
    let ids: Vec<String> = (0..texts.len()).map(|n| format!("{:02}", (n * 7) % texts.len())).collect();
    let documents: Vec<(&str, Value)> = ids.iter().zip(texts).map(|(id, text)| (id.as_str(), json!(text))).collect();
    ground.things(&documents).await;
    let by_value = |direction| Query::all("things").order("value", direction);
    assert_eq!(ground.ask(by_value(Direction::Ascending)).await, ids);
    let mut reversed = ids.clone();
    reversed.reverse();
    assert_eq!(ground.ask(by_value(Direction::Descending)).await, reversed);
    assert_eq!(ground.ask_field(Op::Greater, json!("z")).await, ids[11..]);
    assert_eq!(ground.ask_field(Op::GreaterOrEqual, json!("\u{ff01}")).await, ids[13..]);
}

/// Numbers are ordered by value and not by their text.
pub async fn numbers_are_ordered_by_value(ground: Ground) {
    ground
        .things(&[
            ("a", json!(10)),
            ("b", json!(9.5)),
            ("c", json!(-1)),
            ("d", json!(-10.5)),
            ("e", json!(2_000_000_000_000_i64)),
        ])
        .await;
    assert_eq!(ground.ask(Query::all("things").order("value", Direction::Ascending)).await, ["d", "c", "b", "a", "e"]);
}

/// Between kinds the order is null, false, true, numbers, text.
pub async fn kinds_have_an_order(ground: Ground) {
    ground
        .things(&[
            ("a", json!("text")),
            ("b", json!(0)),
            ("c", json!(true)),
            ("d", json!(null)),
            ("e", json!(-1_000_000)),
            ("f", json!(false)),
        ])
        .await;
    let by_value = |direction| Query::all("things").order("value", direction);
    assert_eq!(ground.ask(by_value(Direction::Ascending)).await, ["d", "f", "c", "e", "b", "a"]);
    assert_eq!(ground.ask(by_value(Direction::Descending)).await, ["a", "b", "e", "c", "f", "d"]);
}

/// The second field decides among equals of the first, the id among equals of both.
pub async fn two_fields_in_order(ground: Ground) {
    let thing = |rank: i64, name: &str| json!({"rank": rank, "name": name});
    ground
        .fill(
            "things",
            &[
                ("a", thing(2, "x")),
                ("b", thing(1, "x")),
                ("c", thing(1, "y")),
                ("d", thing(2, "y")),
                ("e", thing(1, "x")),
                ("f", json!({"rank": 1})),
                ("g", json!({"name": "x"})),
            ],
        )
        .await;
    let query = Query::all("things").order("rank", Direction::Ascending).order("name", Direction::Descending);
    // The id goes as the last field does.
    assert_eq!(ground.ask(query.clone()).await, ["c", "e", "b", "d", "a"]);
    assert_eq!(ground.ask(query.limit(3)).await, ["c", "e", "b"]);
}

/// Equality and contains beside an order, both ways, and a range beside them.
pub async fn filters_with_an_order(ground: Ground) {
    let thing = |kind: &str, rank: i64, tags: &[&str]| json!({"kind": kind, "rank": rank, "tags": tags});
    ground
        .fill(
            "things",
            &[
                ("a", thing("x", 3, &["p"])),
                ("b", thing("x", 1, &["p", "q"])),
                ("c", thing("y", 2, &["p"])),
                ("d", thing("x", 2, &["q"])),
                ("e", thing("x", 2, &[])),
            ],
        )
        .await;
    let kind = || Query::all("things").eq("kind", json!("x"));
    assert_eq!(ground.ask(kind().order("rank", Direction::Ascending)).await, ["b", "d", "e", "a"]);
    assert_eq!(ground.ask(kind().order("rank", Direction::Descending)).await, ["a", "e", "d", "b"]);
    assert_eq!(ground.ask(kind().filter("rank", Op::Greater, json!(1))).await, ["d", "e", "a"]);
    let most = kind().filter("rank", Op::LessOrEqual, json!(2)).order("rank", Direction::Descending).limit(2);
    assert_eq!(ground.ask(most).await, ["e", "d"]);
    let tagged = Query::all("things").contains("tags", json!("p")).order("rank", Direction::Descending);
    assert_eq!(ground.ask(tagged).await, ["a", "c", "b"]);
    assert_eq!(ground.ask(kind().contains("tags", json!("q"))).await, ["b", "d"]);
}

/// A document without an ordered or compared field is in no answer; one with null there is in the ordered one.
pub async fn missing_fields_are_left_out(ground: Ground) {
    ground.fill("things", &[("a", json!({"value": 1})), ("b", json!({})), ("c", json!({"value": null}))]).await;
    assert_eq!(ground.ask(Query::all("things").order("value", Direction::Ascending)).await, ["c", "a"]);
    assert_eq!(ground.ask(Query::all("things").order("value", Direction::Descending)).await, ["a", "c"]);
    assert_eq!(ground.ask_field(Op::Less, json!(5)).await, ["a"]);
    assert_eq!(ground.ask(Query::all("things")).await, ["a", "b", "c"]);
}

/// `a.b` is the field `b` inside the map `a`.
pub async fn fields_inside_maps(ground: Ground) {
    ground
        .fill(
            "things",
            &[
                ("a", json!({"a": {"b": {"c": 2}, "list": ["x"]}})),
                ("b", json!({"a": {"b": {"c": 1}}})),
                ("c", json!({"a": {"b": 1}})),
                ("d", json!({"a": [{"b": {"c": 1}}]})),
                ("e", json!({"a.b.c": 1})),
            ],
        )
        .await;
    assert_eq!(ground.ask(Query::all("things").eq("a.b.c", json!(1))).await, ["b"]);
    assert_eq!(ground.ask(Query::all("things").order("a.b.c", Direction::Ascending)).await, ["b", "a"]);
    assert_eq!(ground.ask(Query::all("things").contains("a.list", json!("x"))).await, ["a"]);
}

/// A count leaves the cursor and the limit aside, not the conditions.
pub async fn counts(ground: Ground) {
    let names: Vec<String> = (0..12).map(|n| format!("{n:02}")).collect();
    let documents: Vec<(&str, Value)> =
        names.iter().enumerate().map(|(n, id)| (id.as_str(), json!({"value": n % 3}))).collect();
    ground.fill("things", &documents).await;
    ground.fill("things", &[("without", json!({}))]).await;
    let count = async |query: Query| ground.backend.count(&ground.database, &query).await.unwrap();
    assert_eq!(count(Query::all("things")).await, 13);
    assert_eq!(count(Query::all("nothing-here")).await, 0);
    let ordered = Query::all("things").order("value", Direction::Ascending);
    assert_eq!(count(ordered.clone()).await, 12);
    let document = ground.backend.query(&ground.database, &ordered.clone().limit(5)).await.unwrap().pop().unwrap();
    assert_eq!(count(ordered.clone().after(Some(ordered.cursor_after(&document))).limit(2)).await, 12);
    assert_eq!(count(Query::all("things").eq("value", json!(1)).limit(1)).await, 4);
    assert_eq!(count(Query::all("things").id_from("03").id_below("07")).await, 4);
}

/// A query whose composite index its collection does not declare is refused, on every backend.
pub async fn an_undeclared_index_is_refused(ground: Ground) {
    let things: Collection<Value> = Collection::top("things", THING_INDEXES);
    let query = things.all().eq("kind", json!("x")).order("other", Direction::Ascending);
    let store = ground.store();
    for error in [store.query(&things, &query).await.unwrap_err(), store.count(&things, &query).await.unwrap_err()] {
        let Error::IndexNotDeclared { collection, fields } = error else { panic!("{error}") };
        assert_eq!((collection.as_str(), fields.as_str()), ("things", "kind, other"));
    }
    let documents = ground.backend.query(&ground.database, &things.all()).await.unwrap();
    assert_eq!(ids(&documents), [""; 0]);
}
