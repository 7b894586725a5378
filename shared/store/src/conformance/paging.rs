//! Cursors, limits and bounds: all pages together are the whole answer.

use serde_json::{Value, json};

use super::{Ground, ids};
use crate::{Cursor, Direction, Index, IndexField, Op, Query};

/// What the queries here need.
pub(super) const PAGE_INDEXES: &[Index] = &[
    &[IndexField::Ascending("a"), IndexField::Ascending("b")],
    &[IndexField::Ascending("a"), IndexField::Descending("b")],
    &[IndexField::Descending("a"), IndexField::Ascending("b")],
    &[IndexField::Descending("a"), IndexField::Descending("b")],
];
const BOTH: [Direction; 2] = [Direction::Ascending, Direction::Descending];

impl Ground {
    async fn answer(&self, query: &Query) -> Vec<crate::Document> {
        self.backend.query(&self.database, query).await.unwrap_or_else(|error| panic!("{query:?}: {error:?}"))
    }

    /// Pages of several sizes, each put together and compared with the whole answer.
    async fn check_pages(&self, query: &Query, expected: usize) {
        let whole = self.answer(query).await;
        assert_eq!(whole.len(), expected, "{query:?}");
        for size in [1, 2, 5] {
            let mut gathered = Vec::new();
            let mut cursor: Option<Cursor> = None;
            loop {
                let page = self.answer(&query.clone().after(cursor).limit(size)).await;
                cursor = page.last().map(|document| query.cursor_after(document));
                let is_last = page.len() < size as usize;
                gathered.extend(page);
                if is_last {
                    break;
                }
                assert!(gathered.len() <= expected, "the pages of {query:?} do not end");
            }
            assert_eq!(ids(&gathered), ids(&whole), "pages of {size} of {query:?}");
        }
    }

    /// Sixteen documents whose `a` and `b` repeat.
    async fn fill_pages(&self) {
        let names: Vec<String> = (0..16).map(|n| format!("p{:02}", (n * 5) % 16)).collect();
        let value = |n: usize| json!({"a": n % 3, "b": if n.is_multiple_of(2) { "even" } else { "odd" }, "c": n % 5});
        let documents: Vec<(&str, Value)> = names.iter().enumerate().map(|(n, id)| (id.as_str(), value(n))).collect();
        self.fill("pages", &documents).await;
    }
}

/// Equal values in one ordered field neither repeat nor get lost between pages.
pub async fn pages_over_ties_make_the_whole(ground: Ground) {
    ground.fill_pages().await;
    for direction in BOTH {
        ground.check_pages(&Query::all("pages").order("a", direction), 16).await;
        ground.check_pages(&Query::all("pages").eq("b", json!("odd")).order("a", direction), 8).await;
    }
}

/// Two ordered fields, each in its own direction.
pub async fn pages_by_two_fields(ground: Ground) {
    ground.fill_pages().await;
    for first in BOTH {
        for second in BOTH {
            ground.check_pages(&Query::all("pages").order("a", first).order("b", second), 16).await;
        }
    }
}

/// Nulls, booleans, numbers and text in the ordered field.
pub async fn pages_through_nulls(ground: Ground) {
    let values = [json!(null), json!(null), json!(false), json!(true), json!(1), json!(1.5), json!("x"), json!("x")];
    let names: Vec<String> = (0..values.len()).map(|n| format!("p{n}")).collect();
    let documents: Vec<(&str, Value)> =
        names.iter().zip(&values).map(|(id, value)| (id.as_str(), json!({"a": value, "b": 1}))).collect();
    ground.fill("pages", &documents).await;
    for direction in BOTH {
        ground.check_pages(&Query::all("pages").order("a", direction), values.len()).await;
    }
}

/// Pages of a range, its field ordered or not, beside a second field.
pub async fn pages_of_a_range(ground: Ground) {
    ground.fill_pages().await;
    let range = || Query::all("pages").filter("a", Op::GreaterOrEqual, json!(1));
    ground.check_pages(&range(), 10).await;
    for direction in BOTH {
        ground.check_pages(&range().order("a", direction), 10).await;
        ground.check_pages(&range().order("a", direction).order("b", Direction::Ascending), 10).await;
    }
}

/// Without an ordered field, by id both ways.
pub async fn pages_by_id(ground: Ground) {
    ground.fill_pages().await;
    for direction in BOTH {
        ground.check_pages(&Query::all("pages").by_id(direction), 16).await;
        ground.check_pages(&Query::all("pages").eq("b", json!("even")).by_id(direction), 8).await;
        ground.check_pages(&Query::all("pages").id_from("p03").id_below("p09").by_id(direction), 6).await;
        ground.check_pages(&Query::all("pages").id_from("p12").by_id(direction), 4).await;
    }
}

/// The lower bound is in, the upper is not; both ways, beside a cursor and a condition, below a parent.
pub async fn ids_in_bounds(ground: Ground) {
    let path = "chats/c1/messages";
    let names = ["0-a", "1-a", "1-b", "2-a", "3", "é"];
    let documents = names.map(|id| (id, json!({"first": id.starts_with('1')})));
    ground.fill(path, &documents).await;
    ground.fill("chats/c2/messages", &[("1-c", json!({"first": true}))]).await;

    let all = || Query::all(path);
    let cursor = |id: &str| Some(Cursor { values: Vec::new(), id: id.to_owned() });
    for (query, expected) in [
        (all().id_from("1-a").id_below("2-a"), vec!["1-a", "1-b"]),
        (all().id_from("1"), vec!["1-a", "1-b", "2-a", "3", "é"]),
        (all().id_below("1-a"), vec!["0-a"]),
        (all().id_from("3").id_below("3"), vec![]),
        (all().id_from("1").by_id(Direction::Descending), vec!["é", "3", "2-a", "1-b", "1-a"]),
        (all().id_below("2").by_id(Direction::Descending).limit(2), vec!["1-b", "1-a"]),
        (all().id_from("1").id_below("3").after(cursor("1-a")), vec!["1-b", "2-a"]),
        (all().id_from("1").id_below("3").by_id(Direction::Descending).after(cursor("2-a")), vec!["1-b", "1-a"]),
        (all().id_from("1").after(cursor("0-a")), vec!["1-a", "1-b", "2-a", "3", "é"]),
        (all().id_below("3").after(cursor("not-there-but-after-all")), vec![]),
        (all().id_from("1").id_below("3").eq("first", json!(true)), vec!["1-a", "1-b"]),
    ] {
        assert_eq!(ids(&ground.answer(&query).await), expected, "{query:?}");
    }
}

/// A limit above what is left, and a cursor at the end.
pub async fn a_limit_above_the_rest(ground: Ground) {
    ground.fill_pages().await;
    let query = Query::all("pages").order("c", Direction::Ascending);
    let whole = ground.answer(&query.clone().limit(1000)).await;
    assert_eq!(whole.len(), 16);
    let end = query.clone().after(Some(query.cursor_after(whole.last().unwrap())));
    assert!(ground.answer(&end).await.is_empty());
    assert!(ground.answer(&end.limit(5)).await.is_empty());
}
