//! The whole matrix: held as a snapshot, and compared with what is wanted cell by cell.

use plugin_api::{ReturnKind, ShippedBy, Status};

use super::super::matrix::{Cell, cells, locals, matrix, name};
use crate::domain::order::PackageStatus;

/// What is wanted, by local state: DISPATCHED and COMPLETE · IN_TRANSIT · DELIVERED · DELIVERED with the seller shipping ·
/// CANCELLED · COURIER_RETURN · RTO_DELIVERED · RETURN_REQUESTED · a customer return completed. Several in a cell: any
/// of them. A word in capitals is an outcome, anything else the end of the chain of rows.
const WANTED: &[(&str, [&str; 9])] = &[
    ("CREATED / –", ["D6", "D6>K1", "L2", "L6", "C1", "R7>R1", "R7>R2", "R7>R4", "R7>R5"]),
    ("UNFULFILLABLE / –", ["D1 D2", "D1>K1", "L2", "L6", "C1", "R7>R1", "R7>R2", "R7>R4", "R7>R5"]),
    ("LOCATION_NOT_SERVICEABLE / –", ["D7", "D7>K1", "L2", "L6", "C1", "R7>R1", "R7>R2", "R7>R4", "R7>R5"]),
    ("FULFILLABLE / –", ["D5", "D5>K1", "L2", "L6", "C2", "R7>R1", "R7>R2", "R7>R4", "R7>R5"]),
    ("FULFILLABLE / CREATED", ["D3", "D3>K1", "L2", "L6", "C2", "R7>R1", "R7>R2", "R7>R4", "R7>R5"]),
    (
        "FULFILLABLE / LOCATION_NOT_SERVICEABLE",
        ["D7", "D7>K1", "L2", "L6", "C2", "R7>R1", "R7>R2", "R7>R4", "R7>R5"],
    ),
    (
        "FULFILLABLE / PENDING_CUSTOMIZATION",
        ["D8", "D8>K1", "L2", "L6", "C3", "R7>R1", "R7>R2", "R7>R4", "R7>R5"],
    ),
    (
        "FULFILLABLE / CUSTOMIZATION_COMPLETE",
        ["D8", "D8>K1", "L2", "L6", "C3", "R7>R1", "R7>R2", "R7>R4", "R7>R5"],
    ),
    ("FULFILLABLE / PICKING", ["D8", "D8>K1", "L2", "L6", "C3", "R7>R1", "R7>R2", "R7>R4", "R7>R5"]),
    ("FULFILLABLE / PICKED", ["D8", "D8>K1", "L2", "L6", "C3", "R7>R1", "R7>R2", "R7>R4", "R7>R5"]),
    ("FULFILLABLE / PACKED", ["D9", "D9>K1", "L2", "L6", "C4", "R7>R1", "R7>R2", "R7>R4", "R7>R5"]),
    ("FULFILLABLE / READY_TO_SHIP", ["D9", "D9>K1", "L2", "L6", "C5", "R7>R1", "R7>R2", "R7>R4", "R7>R5"]),
    ("FULFILLABLE / MANIFESTED", ["D9", "D9>K1", "L2", "L6", "C6", "R7>R1", "R7>R2", "R7>R4", "R7>R5"]),
    ("DISPATCHED / DISPATCHED", ["D15", "K1", "L1", "L7", "C7", "R1", "R2", "R4", "R5"]),
    ("DISPATCHED / SHIPPED", ["D15", "K1", "L1", "L7", "C7", "R1", "R2", "R4", "R5"]),
    ("DELIVERED / DELIVERED", ["D16", "D16", "UNCHANGED", "UNCHANGED", "C8", "R17", "R18", "R4", "R5"]),
    ("DISPATCHED / RETURN_EXPECTED", ["D16", "D16", "L3", "L7", "C8", "UNCHANGED", "R2", "STALE", "STALE"]),
    (
        "DISPATCHED / RETURN_ACKNOWLEDGED",
        ["D16", "D16", "L4", "L7", "C8", "UNCHANGED", "R3", "STALE", "STALE"],
    ),
    ("RETURNED / RETURNED", ["D16", "D16", "L4", "L7", "C8", "STALE", "UNCHANGED", "STALE", "UNCHANGED"]),
    ("CANCELLED / –", ["D17", "L5", "L5", "L5", "C9 C14", "R13", "R13", "R13", "R13"]),
    ("CANCELLED / CANCELLED", ["D17", "L5", "L5", "L5", "C9 C14", "R13", "R13", "R13", "R13"]),
];

fn column(cell: &Cell) -> Option<usize> {
    let said = cell.said;
    Some(match (said.status, said.kind, said.shipped_by) {
        (Status::Dispatched | Status::Complete, ..) => 0,
        (Status::InTransit, _, ShippedBy::Channel) => 1,
        (Status::Delivered, _, ShippedBy::Channel) => 2,
        (Status::Delivered, _, ShippedBy::Seller) => 3,
        (Status::Cancelled, ..) => 4,
        (Status::CourierReturn, ..) => 5,
        (Status::RtoDelivered, ..) => 6,
        (Status::ReturnRequested, ..) => 7,
        (Status::Returned, Some(ReturnKind::Cir), _) => 8,
        _ => return None,
    })
}

fn is_as_wanted(cell: &Cell, wanted: &str) -> bool {
    wanted.split(' ').any(|wanted| {
        wanted == cell.outcome.as_str() || cell.rows == wanted || cell.rows.ends_with(&format!(">{wanted}"))
    })
}

#[test]
fn every_cell_is_as_the_matrix_wants_it() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for cell in cells() {
        let Some(column) = column(&cell) else { continue };
        let local = name(cell.local);
        let (_, wanted) =
            WANTED.iter().find(|(name, _)| *name == local).unwrap_or_else(|| panic!("no line for {local}"));
        compared += 1;
        if !is_as_wanted(&cell, wanted[column]) {
            wrong.push(format!(
                "{local} × {}: {} {}, wanted {}",
                cell.said.status, cell.outcome, cell.rows, wanted[column]
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(compared, WANTED.len() * 10, "DISPATCHED and COMPLETE share a column");
}

#[test]
fn the_matrix_has_every_state_but_the_replaced_ones() {
    let in_matrix =
        |status: &PackageStatus| locals().iter().any(|(_, package)| package.as_ref() == Some(status));
    let missing: Vec<_> = PackageStatus::ALL.iter().filter(|status| !in_matrix(status)).collect();
    assert_eq!(missing, [&PackageStatus::Splitted, &PackageStatus::Merged]);
}

#[test]
fn the_whole_matrix() {
    insta::assert_snapshot!(matrix());
}
