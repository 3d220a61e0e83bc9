//! One case for each contradiction: a sound snapshot, one change to it, and the place and words of the finding.

use serde_json::{Value, json};

use super::*;

/// A snapshot in which everything fits.
fn sound() -> Value {
    json!({
        "tenant": "acme",
        "facilities": [{"code": "DEL1"}],
        "sequences": [{"owner": "DEL1", "kind": "SALE_INVOICE", "prefix": "INV", "next": 2}],
        "stock": [{"facility": "DEL1", "sku": "A", "on_hand": 5}],
        "channels": [{"code": "FK1", "connector": "flipkart", "default_facility": "DEL1"}],
        "orders": [
            {"code": "O1", "channel": "FK1", "channel_order_id": "OD1", "status": "PROCESSING",
             "items": [{"code": "O1-1", "sku": "A", "facility": "DEL1", "status": "FULFILLABLE", "package": "SP1"}],
             "packages": [{"code": "SP1", "facility": "DEL1", "status": "PACKED", "invoice": "INV1"}],
             "returns": [{"kind": "RTO", "code": "SP1", "status": "NOT_RECEIVED", "package": "SP1", "items": ["O1-1"]}]},
            {"code": "O2", "channel": "FK1", "channel_order_id": "OD2", "status": "CREATED",
             "items": [{"code": "O2-1", "sku": "A", "status": "CREATED"}]}
        ],
        "invoices": [{"owner": "DEL1", "kind": "SALE_INVOICE", "financial_year": "2025-26", "number": "INV1",
                      "package": "SP1", "status": "GENERATED", "date": "2026-01-10", "items": ["O1-1"]}],
        "putaways": [{"code": "PA1", "type": "PUTAWAY_CANCELLED_ITEM", "item": "O2-1", "status": "DUE"}],
        "conflicts": [{"code": "CF1", "cause": "REOPENED_ON_CHANNEL", "order": "O2", "items": ["O2-1"],
                       "message": "m", "open": true}],
        "parked": [{"cause": "UNKNOWN_ORDER", "channel": "FK1", "order": "OD9", "observation": {"order": "OD9"}}]
    })
}

fn look(value: Value) -> Findings {
    find(&serde_json::from_value(value).unwrap())
}

/// Puts a value at a JSON pointer; a pointer that ends in `-` adds to the list.
fn with(pointer: &str, value: Value) -> Value {
    let mut snapshot = sound();
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match snapshot.pointer_mut(parent).unwrap() {
        Value::Array(list) if last == "-" => list.push(value),
        Value::Object(members) => drop(members.insert(last.to_owned(), value)),
        Value::Array(list) => list[last.parse::<usize>().unwrap()] = value,
        other => panic!("{pointer} leads to {other}"),
    }
    snapshot
}

fn copy(pointer: &str) -> Value {
    sound().pointer(pointer).unwrap().clone()
}

#[test]
fn a_snapshot_in_which_everything_fits_has_no_findings() {
    let found = look(sound());
    assert_eq!((found.faults, found.warnings), (vec![], vec![]));
}

#[test]
fn every_contradiction_is_found_once_and_named() {
    let other_item = json!({"code": "O1-1", "sku": "A", "status": "CREATED"});
    let other_package = json!({"code": "SP1", "status": "CREATED"});
    let cases: Vec<(Value, &str, &str)> = vec![
        (with("/tenant", json!("")), "tenant", "is empty"),
        (with("/facilities/-", copy("/facilities/0")), "facilities[1].code", "facility DEL1 is there already, at facilities[0]"),
        (with("/channels/-", copy("/channels/0")), "channels[1].code", "channel FK1 is there already"),
        (with("/channels/0/code", json!("FKX")), "orders[0].channel", "channel FK1, which the tenant does not have; did you mean `FKX`?"),
        (with("/channels/0/default_facility", json!("BOM1")), "channels[0].default_facility", "facility BOM1"),
        (with("/channels/0/connector", json!("")), "channels[0].connector", "names no connector"),
        (with("/sequences/-", copy("/sequences/0")), "sequences[1].kind", "the series SALE_INVOICE of DEL1 is there already"),
        (with("/stock/-", copy("/stock/0")), "stock[1].sku", "stock of A in DEL1 is there already"),
        (with("/stock/0/on_hand", json!(-1)), "stock[0].on_hand", "-1 units of A"),
        (with("/stock/0/facility", json!("DEL2")), "stock[0].facility", "facility DEL2, which the tenant does not have; did you mean `DEL1`?"),
        (with("/orders/1/code", json!("O1")), "orders[1].code", "order O1 is there already, at orders[0]"),
        (with("/orders/1/channel_order_id", json!("OD1")), "orders[1].channel_order_id", "order OD1 of channel FK1"),
        (with("/orders/1/channel_order_id", json!("")), "orders[1].channel_order_id", "has no id of the marketplace"),
        (with("/orders/1/channel", json!("FK9")), "orders[1].channel", "channel FK9"),
        (with("/orders/1/items/-", other_item), "orders[1].items[1].code", "item O1-1 is there already, at orders[0].items[0]"),
        (with("/orders/1/items/0/package", json!("SP1")), "orders[1].items[0].package", "package SP1, which order O2 does not have"),
        (with("/orders/1/items/0/facility", json!("BOM1")), "orders[1].items[0].facility", "item O2-1 names facility BOM1"),
        (with("/orders/1/packages", json!([other_package])), "orders[1].packages[0].code", "package SP1 is there already"),
        (with("/orders/0/packages/0/facility", json!("BOM1")), "orders[0].packages[0].facility", "package SP1 names facility BOM1"),
        (with("/orders/0/returns/0/items", json!(["O2-1"])), "orders[0].returns[0].items", "item O2-1, which order O1 does not have"),
        (with("/orders/0/returns/0/package", json!("SP7")), "orders[0].returns[0].package", "package SP7"),
        (with("/orders/0/returns/-", copy("/orders/0/returns/0")), "orders[0].returns[1].code", "return RTO SP1 is there already"),
        (with("/invoices/0/items", json!(["O2-1"])), "invoices[0].items", "item O2-1, which order O1 does not have"),
        (with("/invoices/0/items", json!(["O7-1"])), "invoices[0].items", "item O7-1"),
        (with("/invoices/0/package", json!("SP7")), "invoices[0].package", "package SP7, which the tenant does not have"),
        (with("/putaways/0/item", json!("O7-1")), "putaways[0].item", "item O7-1"),
        (with("/putaways/0/package", json!("SP1")), "putaways[0].package", "package SP1, which order O2 does not have"),
        (with("/putaways/-", copy("/putaways/0")), "putaways[1].code", "putaway PA1 is there already"),
        (with("/conflicts/0/order", json!("O7")), "conflicts[0].order", "order O7"),
        (with("/conflicts/0/items", json!(["O1-1"])), "conflicts[0].items", "item O1-1, which order O2 does not have"),
        (with("/conflicts/-", copy("/conflicts/0")), "conflicts[1].code", "conflict CF1 is there already"),
        (with("/parked/0/channel", json!("FK9")), "parked[0].channel", "channel FK9"),
    ];
    for (snapshot, path, words) in cases {
        let faults = look(snapshot).faults;
        let found = faults.iter().find(|fault| fault.path() == path);
        assert!(found.is_some_and(|fault| fault.problem.contains(words)), "{path}, {words}: {faults:?}");
    }
}

#[test]
fn a_package_has_one_live_sale_invoice() {
    let mut second = copy("/invoices/0");
    second["number"] = json!("INV9");
    let faults = look(with("/invoices/-", second.clone())).faults;
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].path(), "invoices[1].status");
    assert!(faults[0].problem.contains("package SP1 has the live sale invoices INV1 and INV9"), "{faults:?}");

    second["status"] = json!("CANCELLED");
    assert_eq!(look(with("/invoices/-", second)).faults, []);
    let again = look(with("/invoices/-", copy("/invoices/0"))).faults;
    assert_eq!(again[0].path(), "invoices[1].number");
}

#[test]
fn what_only_looks_odd_is_taken_with_a_warning() {
    let old = json!({"owner": "DEL1", "kind": "SALE_INVOICE", "financial_year": "2024-25", "number": "INV5",
                     "package": "SP88", "status": "GENERATED", "date": "2025-01-10", "items": ["O9-1"]});
    let cases = [
        (with("/invoices/-", old), "invoices[1].package", "its number counts as used"),
        (with("/sequences/0/owner", json!("DELL")), "sequences[0].owner", "neither a facility nor the billing party"),
        (with("/orders/0/packages/0/invoice", json!("INV8")), "orders[0].packages[0].invoice", "of which there is no record"),
    ];
    for (snapshot, path, words) in cases {
        let found = look(snapshot);
        assert_eq!(found.faults, [], "{path}");
        assert!(found.warnings.iter().any(|odd| odd.path() == path && odd.problem.contains(words)), "{path}: {:?}", found.warnings);
    }
}
