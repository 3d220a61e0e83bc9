//! Reads snapshot and observation files: their JSON, then whether a snapshot contradicts itself, with the place of every
//! fault. It keeps nothing; storing a snapshot is the store's business.

mod contradictions;
mod lines;
mod observations;
mod schema;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

pub use observations::{ObservationLine, read_observations};
pub use schema::{observation_schema, snapshot_schema};

use crate::{
    domain::{
        order::Order,
        snapshot::{Channel, Facility, Snapshot},
    },
    nearest::with_suggestion,
};

/// Something wrong in a file: where, and what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{}{path}: {problem}", column.map_or_else(|| " ".into(), |column| format!("{column}: ")))]
pub struct Fault {
    /// From 1: the line of the fault, or the one on which the entry begins.
    pub line: usize,
    /// From 1, where it is known.
    pub column: Option<usize>,
    /// Entry and field: `orders[1].items[0].package`.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A snapshot that fits together.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What a person should look at, though it was taken.
    pub warnings: Vec<Fault>,
}

/// Reads a snapshot and looks whether it fits together.
///
/// # Errors
/// Everything that contradicts; or the one place at which the JSON cannot be read.
pub fn read_snapshot(text: &str) -> Result<Read, Vec<Fault>> {
    let snapshot: Snapshot = read_document(text).map_err(|fault| vec![fault])?;
    let found = contradictions::find(&snapshot);
    let placed = |found: Vec<contradictions::Found>| -> Vec<Fault> {
        let lines = lines::of(text, found.iter().map(|found| found.entry.as_str()));
        let mut faults: Vec<Fault> = found
            .into_iter()
            .map(|found| Fault {
                line: lines.get(&found.entry).copied().unwrap_or(1),
                column: None,
                path: found.path(),
                problem: found.problem,
            })
            .collect();
        faults.sort_by_key(|fault| fault.line);
        faults
    };
    if found.faults.is_empty() {
        Ok(Read { snapshot, warnings: placed(found.warnings) })
    } else {
        Err(placed(found.faults))
    }
}

/// Looks whether orders fit together, and to these channels and facilities; answers what is wrong with each, by its place
/// in the list.
pub fn check_orders(
    channels: Vec<Channel>,
    facilities: Vec<Facility>,
    orders: Vec<Order>,
) -> BTreeMap<usize, Vec<Misfit>> {
    let snapshot = Snapshot {
        tenant: "checked".into(),
        live: false,
        zone: None,
        facilities,
        sequences: Vec::new(),
        stock: Vec::new(),
        channels,
        orders,
        invoices: Vec::new(),
        putaways: Vec::new(),
        conflicts: Vec::new(),
        parked: Vec::new(),
        history: Vec::new(),
    };
    let mut wrong: BTreeMap<usize, Vec<Misfit>> = BTreeMap::new();
    for found in contradictions::find(&snapshot).faults {
        let place = found.entry.strip_prefix("orders[").and_then(|rest| rest.split(']').next()?.parse().ok());
        if let Some(at) = place {
            wrong.entry(at).or_default().push(Misfit { path: found.path(), problem: found.problem });
        }
    }
    wrong
}

/// What in an order does not fit: where, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Entry and field: `orders[1].items[0].package`.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Reads JSON of a shape; an error names line, column and field.
pub(crate) fn read_document<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    // The path costs time, and is only wanted when something is wrong.
    if let Ok(read) = serde_json::from_str(text) {
        return Ok(read);
    }
    let mut input = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut input).map_err(|error| {
        let path = error.path().to_string();
        json_fault(path, error.inner())
    })?;
    input.end().map_err(|error| json_fault(String::new(), &error))?;
    Ok(read)
}

fn json_fault(path: String, error: &serde_json::Error) -> Fault {
    let message = error.to_string();
    let problem = message.rsplit_once(" at line ").map_or(message.as_str(), |(problem, _)| problem);
    Fault {
        line: error.line().max(1),
        column: Some(error.column().max(1)),
        path: if path.is_empty() || path == "." { "the document".into() } else { path },
        problem: with_suggestion(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        read_snapshot(text).unwrap_err().iter().map(Fault::to_string).collect()
    }

    #[test]
    fn json_that_cannot_be_read_is_refused_with_line_column_and_field() {
        let cases = [
            ("", "1:1: the document: EOF while parsing a value"),
            ("{\"tenant\":\"acme\"}}", "1:18: the document: trailing characters"),
            (
                "{\"tenant\":\"acme\",\n\"chanels\":[]}",
                "2:9: chanels: unknown field `chanels`, expected one of `tenant`, `live`, `zone`, `facilities`, `sequences`, \
                 `stock`, `channels`, `orders`, `invoices`, `putaways`, `conflicts`, `parked`, `history`; did you mean \
                 `channels`?",
            ),
            (
                "{\"tenant\":\"acme\",\n\"sequences\":[{\"owner\":\"D\",\"kind\":\"SALE_INVOICE\",\"prefix\":\"\",\n\"next\":-1}]}",
                "3:9: sequences[0].next: invalid value: integer `-1`, expected u64",
            ),
            (
                "{\"tenant\":\"acme\",\n\"orders\":[{\"code\":\"O1\",\"channel\":\"FK1\",\"channel_order_id\":\"OD1\",\n\"status\":\"PROCESING\"}]}",
                "3:20: orders[0].status: unknown variant `PROCESING`, expected one of `PENDING_VERIFICATION`, `CREATED`, \
                 `PROCESSING`, `COMPLETE`, `CANCELLED`; did you mean `PROCESSING`?",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(faults(text), [expected], "{text}");
        }
    }

    #[test]
    fn the_faults_of_a_snapshot_are_told_with_the_lines_of_their_entries() {
        let text = r#"{"tenant": "acme",
            "channels": [{"code": "FK1", "connector": "flipkart"}],
            "orders": [
              {"code": "O1", "channel": "FK1", "channel_order_id": "OD1", "status": "CREATED", "items": [
                {"code": "O1-1", "sku": "A", "status": "CREATED"}]},
              {"code": "O2", "channel": "FK2", "channel_order_id": "OD2", "status": "CREATED",
               "items": [
                {"code": "O2-1", "sku": "A", "status": "FULFILLABLE",
                 "package": "SP9"}]}]}"#;
        assert_eq!(
            faults(text),
            [
                "6: orders[1].channel: order O2 is of channel FK2, which the tenant does not have; did you mean `FK1`?",
                "8: orders[1].items[0].package: item O2-1 is in package SP9, which order O2 does not have",
            ]
        );
    }
}
