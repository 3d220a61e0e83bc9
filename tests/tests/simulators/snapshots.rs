//! Snapshots can be imported as they are.

use std::collections::{BTreeMap, BTreeSet};

use kit::simulators::{Simulator, amazon::Amazon, flipkart::Flipkart, paytm::Paytm, shopclues::ShopClues};
use serde_json::{Value, json};

use crate::Desk;

/// What any importer must be able to rely on.
fn check_snapshot(sim: &Simulator) {
    let snapshot = sim.snapshot("acme");
    let list = |value: &Value| value.as_array().unwrap().clone();
    let truth = sim.truth(false);
    assert_eq!((&snapshot["tenant"], &snapshot["live"]), (&json!("acme"), &json!(false)));
    let set = snapshot["channels"][0]["settings"]["base_url"].as_str().unwrap();
    assert!(set.starts_with(sim.base_url()));
    assert_eq!(list(&snapshot["orders"]).len(), truth.orders.len());

    let (mut blocked, mut packages, mut states) =
        (BTreeMap::<String, u64>::new(), BTreeSet::new(), BTreeSet::new());
    for (order, told) in list(&snapshot["orders"]).iter().zip(&truth.orders) {
        assert_eq!(
            (&order["channel_order_id"], &order["shipping"]),
            (&json!(told.order), &json!(told.shipping))
        );
        for package in list(&order["packages"]) {
            assert!(packages.insert(package["code"].as_str().unwrap().to_owned()), "{package} comes twice");
            let inside: BTreeSet<String> = list(&order["items"])
                .iter()
                .filter(|item| item["package"] == package["code"])
                .map(|item| item["channel_item_id"].as_str().unwrap().to_owned())
                .collect();
            assert!(
                told.packages
                    .iter()
                    .any(|parcel| parcel.items.iter().cloned().collect::<BTreeSet<_>>() == inside)
            );
            assert_eq!(package["invoice"].is_string(), package["status"] == "PACKED");
            states.insert(package["status"].as_str().unwrap().to_owned());
        }
        for (id, units) in &told.items {
            let items: Vec<_> =
                list(&order["items"]).into_iter().filter(|item| item["channel_item_id"] == *id).collect();
            assert_eq!(u32::try_from(items.len()).unwrap(), units.values().sum::<u32>(), "one item per unit");
        }
        for item in list(&order["items"]) {
            let sku = blocked.entry(item["sku"].as_str().unwrap().to_owned()).or_default();
            *sku += u64::from(item["status"] == "FULFILLABLE");
            assert_eq!(item["facility"].is_null(), item["status"] == "CREATED");
            assert_eq!(item["package"].is_string(), item["status"] == "FULFILLABLE");
            states.insert(item["status"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(
        states,
        ["CREATED", "FULFILLABLE", "PACKED", "PICKED", "UNFULFILLABLE"].map(str::to_owned).into()
    );
    for row in list(&snapshot["stock"]) {
        assert_eq!(row["blocked"].as_u64(), blocked.get(row["sku"].as_str().unwrap()).copied(), "{row}");
        assert!(row["on_hand"].as_u64() >= row["blocked"].as_u64());
    }
    let next = |kind: &str| {
        let sequence = list(&snapshot["sequences"]).into_iter().find(|row| row["kind"] == kind).unwrap();
        assert_eq!(sequence["financial_year"], "2025-26");
        usize::try_from(sequence["next"].as_u64().unwrap()).unwrap()
    };
    assert_eq!(next("SHIPPING_PACKAGE"), packages.len() + 1);
    assert_eq!(next("SALE_INVOICE"), list(&snapshot["invoices"]).len() + 1);
    assert_eq!(next("SALE_RETURN_INVOICE"), 1);
    for invoice in list(&snapshot["invoices"]) {
        assert!(packages.contains(invoice["package"].as_str().unwrap()));
        assert_eq!((&invoice["financial_year"], &invoice["date"]), (&json!("2025-26"), &json!("2026-01-15")));
    }
}

#[tokio::test]
async fn snapshots_hold_every_order_open_and_consistent() {
    let (fk, az) = (Desk::open(Flipkart, 21, 200).await, Desk::open(Amazon::default(), 21, 200).await);
    check_snapshot(&fk.sim);
    check_snapshot(&az.sim);
    check_snapshot(&Desk::open(Paytm::default(), 21, 200).await.sim);
    check_snapshot(&Desk::open(ShopClues, 21, 200).await.sim);
    assert_eq!(fk.control("snapshot?tenant=acme").await, fk.sim.snapshot("acme"));
    let before = fk.sim.snapshot("acme");
    fk.sim.advance(300);
    assert_eq!(fk.sim.snapshot("acme"), before, "what happens since does not show in it");
}

#[tokio::test]
async fn the_snapshots_of_all_marketplaces_fit_into_one_tenant() {
    let config = |_| kit::simulators::Config::new(7, 30, || 0);
    let all = kit::simulators::family::start(Amazon::default(), config).await.unwrap();
    let snapshots = all.iter().map(|market| market.snapshot("acme"));
    let joined = kit::world::snapshot::joined(snapshots).unwrap();
    let mut codes = BTreeSet::new();
    for list in ["channels", "facilities", "orders"] {
        for row in joined[list].as_array().unwrap() {
            assert!(codes.insert(format!("{list} {}", row["code"])), "{list} {} comes twice", row["code"]);
            for package in row["packages"].as_array().into_iter().flatten() {
                assert!(codes.insert(format!("package {}", package["code"])), "{package} comes twice");
            }
        }
    }
    assert_eq!(joined["channels"].as_array().unwrap().len(), all.len());
}
