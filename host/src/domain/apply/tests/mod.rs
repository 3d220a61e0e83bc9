//! One test a row, named by it: state before, what the marketplace says, and the answer with every change it made.
//!
//! Proved elsewhere: G1 and G2 where a run begins, G9 where an answer is read.

mod cancel;
mod deliver;
mod dispatch;
mod guards;
mod matrix;
mod people;
mod properties;
mod returns;
mod scene;
mod series;
mod stock;

use super::Row;

/// Rows that no order's state decides, and where they are decided.
const ELSEWHERE: [(Row, &str); 3] = [
    (Row::G1, "a tenant that is not live: the run does not begin"),
    (Row::G2, "a channel that is off: the run does not begin"),
    (Row::G9, "an order that the answer does not mention: nothing is applied at all"),
];

#[test]
fn every_row_has_a_test_that_bears_its_name() {
    let source = [
        include_str!("guards.rs"),
        include_str!("dispatch.rs"),
        include_str!("cancel.rs"),
        include_str!("deliver.rs"),
        include_str!("returns.rs"),
    ]
    .concat();
    let has_test = |row: &Row| source.contains(&format!("fn {}_", row.as_str().to_lowercase()));
    let missing: Vec<_> = Row::ALL
        .iter()
        .filter(|row| !has_test(row) && !ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == *row))
        .collect();
    assert!(missing.is_empty(), "no test is named by {missing:?}");
    assert!(ELSEWHERE.iter().all(|(row, _)| !has_test(row)), "a row has a test: take it off the list");
}
