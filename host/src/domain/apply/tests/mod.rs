//! One test a row, named by it: state before, what the marketplace says, and the answer with every change it made.
//!
//! Proved elsewhere, by tests that bear their names too: G1 and G2 where a run begins, G9 where an answer is read.

mod cancel;
mod deliver;
mod dispatch;
mod guards;
mod matrix;
mod people;
mod properties;
mod returns;
mod scene;
mod select;
mod series;
mod stock;

use super::Row;

/// Rows that no order's state decides: a run does not begin (G1, G2), or an answer does not mention an order (G9). Their
/// tests stand where runs are tested with a marketplace.
const ELSEWHERE: [Row; 3] = [Row::G1, Row::G2, Row::G9];

#[test]
fn every_row_has_a_test_that_bears_its_name() {
    let here = [
        include_str!("guards.rs"),
        include_str!("dispatch.rs"),
        include_str!("cancel.rs"),
        include_str!("deliver.rs"),
        include_str!("returns.rs"),
    ]
    .concat();
    let elsewhere = include_str!("../../../../../tests/tests/end_to_end/guards.rs");
    let has_test = |source: &str, row: &Row| source.contains(&format!("fn {}_", row.as_str().to_lowercase()));
    let source = |row: &Row| if ELSEWHERE.contains(row) { elsewhere } else { &here };
    let missing: Vec<_> = Row::ALL.iter().filter(|row| !has_test(source(row), row)).collect();
    assert!(missing.is_empty(), "no test is named by {missing:?}");
    assert!(ELSEWHERE.iter().all(|row| !has_test(&here, row)), "a row has a test here: take it off the list");
}

#[test]
fn a_row_is_shown_by_its_name() {
    assert_eq!((Row::D10.to_string(), Row::D10.as_str()), ("D10".to_owned(), "D10"));
}
