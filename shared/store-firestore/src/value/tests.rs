use proptest::prelude::*;
use serde_json::json;

use super::*;

fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof!["[a-z]{1,3}", "\\PC{0,4}", Just("__x__".to_owned()), Just(JSON_FIELD.to_owned())];
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<u64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        "\\PC{0,8}".prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(30, 60, 3, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            proptest::collection::btree_map(name.clone(), inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Panics where Firestore would refuse the value.
fn assert_holdable(value: &Stored, depth: usize, in_array: bool) {
    assert!(depth <= 20, "too deep");
    match value.value_type.as_ref().unwrap() {
        ValueType::ArrayValue(array) => {
            assert!(!in_array, "an array in an array");
            array.values.iter().for_each(|value| assert_holdable(value, depth + 1, true));
        }
        ValueType::MapValue(map) => {
            for (name, value) in &map.fields {
                assert!(is_native_name(name) || name == JSON_FIELD, "{name:?}");
                assert_holdable(value, depth + 1, false);
            }
        }
        _ => {}
    }
}

fn object(value: Value) -> Fields {
    let Value::Object(fields) = value else { panic!("{value} is no object") };
    fields
}

proptest! {
    #[test]
    fn any_json_is_stored_as_firestore_can_hold_it_and_comes_back(value in any_json()) {
        let given = object(json!({ "value": value }));
        let stored = stored_fields(&given).unwrap();
        stored.values().for_each(|value| assert_holdable(value, 1, false));
        let back = fields(stored).unwrap();
        // The text tells -0.0 from 0.0 too.
        prop_assert_eq!(json!(back).to_string(), json!(given).to_string());
    }
}

#[test]
fn what_firestore_holds_is_stored_as_it_is() {
    let given = object(json!({"n": null, "b": true, "i": -5, "f": 1.0, "s": "x", "a": [1, {"m": []}], "m": {"k": {}}}));
    let stored = stored_fields(&given).unwrap();
    assert_eq!(stored["n"].value_type, Some(ValueType::NullValue(0)));
    assert_eq!(stored["b"].value_type, Some(ValueType::BooleanValue(true)));
    assert_eq!(stored["i"].value_type, Some(ValueType::IntegerValue(-5)));
    assert_eq!(stored["f"].value_type, Some(ValueType::DoubleValue(1.0)));
    assert_eq!(stored["s"].value_type, Some(ValueType::StringValue("x".to_owned())));
    let nested = of(ValueType::MapValue(MapValue { fields: HashMap::from([("m".to_owned(), array(vec![]))]) }));
    assert_eq!(stored["a"], array(vec![integer(1), nested]));
    assert!(!format!("{stored:?}").contains(JSON_FIELD));
}

#[test]
fn what_it_does_not_hold_is_text_where_it_stands() {
    let wrapped = |json: &str| {
        of(ValueType::MapValue(MapValue { fields: HashMap::from([(JSON_FIELD.to_owned(), text(json.to_owned()))]) }))
    };
    for (value, json) in [
        (json!(u64::MAX), "18446744073709551615"),
        (json!(-0.0), "-0.0"),
        (json!({"": 1}), r#"{"":1}"#),
        (json!({"__x__": [2]}), r#"{"__x__":[2]}"#),
        (json!({"$json": "y"}), r#"{"$json":"y"}"#),
    ] {
        assert_eq!(stored(&value, 1), wrapped(json), "{value}");
    }
    assert_eq!(stored(&json!([[1], 2]), 1), array(vec![wrapped("[1]"), integer(2)]));
}

#[test]
fn a_document_with_a_name_of_ours_is_text_as_a_whole() {
    for name in ["", "__x__", JSON_FIELD, EXPIRE_FIELD, STAMP_FIELD, ALL_FIELD] {
        let given = object(json!({ name: 1, "other": [] }));
        let mut stored = stored_fields(&given).unwrap();
        assert_eq!(stored.keys().collect::<Vec<_>>(), [JSON_FIELD]);
        stored.insert(EXPIRE_FIELD.to_owned(), timestamp(Timestamp::default()));
        stored.insert(STAMP_FIELD.to_owned(), integer(1));
        assert_eq!(fields(stored).unwrap(), given);
    }
}

#[test]
fn what_is_too_deep_to_be_read_again_is_refused() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |value, _| json!([value]));
    let given = object(json!({ "value": nested(MAX_DEPTH) }));
    assert_eq!(fields(stored_fields(&given).unwrap()).unwrap(), given);
    let error = stored_fields(&object(json!({ "value": nested(MAX_DEPTH + 1) }))).unwrap_err();
    assert!(error.to_string().contains("nested deeper"), "{error}");
}

#[test]
fn a_value_of_other_hands_is_named() {
    let at = |value: Stored| {
        let list = array(vec![integer(1), value]);
        let map = of(ValueType::MapValue(MapValue { fields: HashMap::from([("list".to_owned(), list)]) }));
        fields(HashMap::from([("map".to_owned(), map)])).unwrap_err().field
    };
    assert_eq!(at(timestamp(Timestamp::default())), "map.list[1]");
    assert_eq!(at(of(ValueType::DoubleValue(f64::NAN))), "map.list[1]");
    assert_eq!(at(Stored { value_type: None }), "map.list[1]");
    let broken = HashMap::from([(JSON_FIELD.to_owned(), text("{".to_owned()))]);
    assert_eq!(at(of(ValueType::MapValue(MapValue { fields: broken.clone() }))), "map.list[1].$json");
    assert_eq!(fields(broken).unwrap_err().field, JSON_FIELD);
}

#[test]
fn sizes_are_counted_as_firestore_does() {
    // The example of https://firebase.google.com/docs/firestore/storage-size, without the document's name.
    let given =
        object(json!({"type": "Personal", "done": false, "priority": 1, "description": "Learn Cloud Firestore"}));
    assert_eq!(size_of_fields(&stored_fields(&given).unwrap()), 71);
}
