//! Any JSON comes back as it was.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Number, Value, json};

use super::{Ground, assert_same, put};
use crate::{Fields, Key, Precondition, Write};

/// Commits of the property test, and documents in each: few round trips, many values.
const COMMITS: usize = 12;
const DOCUMENTS: usize = 25;
/// Names and texts that some store or query language takes for its own.
const ODD_TEXTS: [&str; 22] = [
    "",
    " ",
    "__x__",
    "__type__",
    "__name__",
    "__proto__",
    "$json",
    "$numberLong",
    "a.b",
    ".",
    "..",
    "`a`",
    "a`b",
    "\\",
    "\"",
    "/",
    "~",
    "*",
    "[0]",
    "null",
    "\0",
    "é\u{301}\u{10ffff}",
];

/// Random documents, deep and wide, from a fixed seed.
pub async fn any_value_comes_back(ground: Ground) {
    let mut runner = TestRunner::deterministic();
    let strategy = fields();
    for commit in 0..COMMITS {
        let documents: Vec<(Key, Value)> = (0..DOCUMENTS)
            .map(|n| {
                let fields = strategy.new_tree(&mut runner).unwrap().current();
                (Key::new("anything", format!("{commit}-{n}")), Value::Object(fields))
            })
            .collect();
        check_round_trip(&ground, &documents).await;
    }
}

async fn check_round_trip(ground: &Ground, documents: &[(Key, Value)]) {
    let writes: Vec<Write> =
        documents.iter().map(|(key, fields)| put(key, fields.clone(), Precondition::None)).collect();
    ground.commit(&writes).await.unwrap();
    let keys: Vec<Key> = documents.iter().map(|(key, _)| key.clone()).collect();
    let found = ground.read_all(&keys).await;
    for ((key, fields), document) in documents.iter().zip(found) {
        assert_same(&document.unwrap_or_else(|| panic!("{key} is not there")).fields, fields);
    }
    // A query gives the same as a read by key.
    let query = crate::Query::all(keys[0].collection.clone());
    let by_query = ground.backend.query(&ground.database, &query).await.unwrap();
    for (key, fields) in documents {
        assert_same(&by_query.iter().find(|document| &document.key == key).unwrap().fields, fields);
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => proptest::sample::select(&ODD_TEXTS[..]).prop_map(str::to_owned),
        2 => "[a-z]{1,8}",
        1 => proptest::collection::vec(any::<char>(), 0..10).prop_map(String::from_iter),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        proptest::num::f64::ANY.prop_filter_map("JSON has finite numbers only", Number::from_f64),
        proptest::sample::select(vec![
            0.0,
            -0.0,
            1.0,
            -1.0,
            1e15,
            1e16,
            1e300,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            5e-324
        ])
        .prop_filter_map("JSON has finite numbers only", Number::from_f64),
        proptest::sample::select(vec![i64::MIN, i64::MAX, 0, -1, 1 << 53, (1 << 53) + 1]).prop_map(Number::from),
        proptest::sample::select(vec![u64::MAX, 1 << 63, (1 << 63) + 1]).prop_map(Number::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number().prop_map(Value::Number),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(8, 48, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::btree_map(text(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn fields() -> impl Strategy<Value = Fields> {
    proptest::collection::btree_map(text(), value(), 0..6).prop_map(|map| map.into_iter().collect())
}

/// What goes wrong first, each by itself, so that a failure names it.
pub async fn odd_values_come_back(ground: Ground) {
    let mut values = vec![
        json!(null),
        json!([]),
        json!({}),
        json!([null]),
        json!([[]]),
        json!([[[]], [[1], [null, {}]]]),
        json!({"a": null}),
        json!({"a": {}}),
        json!({"a": []}),
        json!([{}, {"a": null}]),
        json!(0.0),
        json!(-0.0),
        json!(1.0),
        json!(0.1),
        json!(1e23),
        json!(5e-324),
        json!(f64::MAX),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(9_007_199_254_740_993_i64),
        json!(9_223_372_036_854_775_808_u64),
        json!(true),
        json!("2024-01-15T10:00:00.000Z"),
        json!("x".repeat(2000)),
    ];
    for odd in ODD_TEXTS {
        values.push(json!(odd));
        values.push(json!({ odd: odd }));
        values.push(json!({"in": [{ odd: {odd: null} }]}));
    }
    let mut documents: Vec<(Key, Value)> = values
        .into_iter()
        .enumerate()
        .map(|(n, value)| (Key::new("odd", format!("value-{n}")), json!({"value": value})))
        .collect();
    for (n, odd) in ODD_TEXTS.into_iter().enumerate() {
        documents.push((Key::new("odd", format!("name-{n}")), json!({ odd: n })));
    }
    check_round_trip(&ground, &documents).await;
}

/// Arrays and maps to a depth that no store may flatten or refuse.
pub async fn deep_values_come_back(ground: Ground) {
    let nest = |depth: usize, wrap: &dyn Fn(usize, Value) -> Value| (0..depth).fold(json!(1.0), |v, n| wrap(n, v));
    let map = |_: usize, value: Value| json!({"m": value});
    let array = |_: usize, value: Value| json!([value]);
    let both =
        |n: usize, value: Value| if n.is_multiple_of(2) { json!([value, null]) } else { json!({"m": value, "": []}) };
    let mut documents = Vec::new();
    for depth in [5, 18, 19, 20, 21, 25] {
        for (kind, wrap) in [("map", &map as &dyn Fn(usize, Value) -> Value), ("array", &array), ("both", &both)] {
            let value = nest(depth, wrap);
            documents.push((Key::new("deep", format!("{kind}-{depth}")), json!({"value": value})));
        }
    }
    check_round_trip(&ground, &documents).await;
}

/// Ids of any characters that the port allows.
pub async fn odd_ids_come_back(ground: Ground) {
    let odd = [
        " ",
        "a b",
        "a.b",
        "...",
        ".a",
        "é",
        "e\u{301}",
        "漢字",
        "\u{1f600}",
        "a\"b",
        "a'b",
        "a\\b",
        "a`b",
        "%2F",
        "a%",
        "_",
        "__a",
        "a__",
        "?x=1&y=#",
        "(a)",
        "[a]",
        "*",
        "$a",
        "@",
        "~",
        "0",
        "-1",
    ];
    let long = "x".repeat(400);
    for id in odd.iter().copied().chain([long.as_str()]) {
        let documents =
            [(Key::new("ids", id), json!({"id": id})), (Key::new(format!("ids/{id}/below"), id), json!({"id": id}))];
        for (key, fields) in &documents {
            check_round_trip(&ground, &[(key.clone(), fields.clone())]).await;
        }
    }
    let mut expected: Vec<&str> = odd.to_vec();
    expected.push(&long);
    expected.sort_unstable();
    let found = ground.backend.query(&ground.database, &crate::Query::all("ids")).await.unwrap();
    assert_eq!(super::ids(&found), expected, "ids are ordered by their bytes");
}
