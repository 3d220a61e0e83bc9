//! Number series as orders draw from them.

use insta::assert_snapshot;
use plugin_api::{InvoiceNumbering, Status};

use super::scene::{Words, at, loose, packed, says};
use crate::domain::{
    invoice::{Sequence, SequenceKind},
    order::{ItemStatus, PackageStatus},
};

pub(super) fn series(owner: &str, kind: SequenceKind, prefix: &str, next: u64) -> Sequence {
    Sequence {
        owner: owner.into(),
        kind,
        prefix: prefix.to_owned(),
        width: 4,
        next,
        reset: true,
        next_year_prefix: None,
        financial_year: None,
    }
}

#[test]
fn a_billing_partys_series_comes_before_the_facilitys() {
    let mut scene = loose(ItemStatus::Created).with(|scene| {
        scene.policy.billing_party = Some("ACME-BP".into());
        scene.define_as(series("ACME-BP", SequenceKind::SaleInvoice, "BP/", 1));
        scene.define_as(series("ACME-BP", SequenceKind::ShippingPackage, "BPS", 1));
    });
    scene.hear(&[says(Status::Dispatched)]);
    assert_snapshot!(scene.state(), @"
    order COMPLETE
    O1-1 DISPATCHED in BPS0001
    BPS0001 DISPATCHED STATUS_SYNC, BP/0001
    SALE_INVOICE BP/0001 GENERATED of BPS0001 (O1-1)
    stock 9 blocked 0 shortfall 0
    ");
    assert_eq!(scene.file.invoices[0].owner, "ACME-BP");
}

#[test]
fn a_refusal_consumes_no_number() {
    let mut scene = loose(ItemStatus::Created).package("SP90", PackageStatus::Created, 1);
    scene.define_as(series("DEL1", SequenceKind::ShippingPackage, "SP", 1));
    scene.policy.traceability.insert("BLR1".into(), crate::domain::snapshot::Traceability::Item);
    scene.item(1).facility = Some("BLR1".into());
    scene.hear(&[says(Status::Dispatched).item("1")]);
    scene.hear(&[says(Status::Dispatched).item("2")]);
    assert_eq!(scene.file.invoices[0].number, "INV/0001");
}

#[test]
fn the_year_turns_at_midnight_in_india_at_the_time_of_applying() {
    let mut scene = packed(PackageStatus::Created, 1).package("SP91", PackageStatus::Created, 1);
    let mut own = series("DEL1", SequenceKind::SaleInvoice, "25/", 88);
    own.next_year_prefix = Some("26/".to_owned());
    scene.define_as(own);
    scene.policy.now = at("2026-03-31T18:29:59Z");
    scene.hear(&[says(Status::Dispatched).item("1")]);
    scene.policy.now = at("2026-03-31T18:30:00Z");
    scene.hear(&[says(Status::Dispatched).item("2")]);
    let made: Vec<_> =
        scene.file.invoices.iter().map(|i| format!("{} {} {}", i.financial_year, i.number, i.date)).collect();
    assert_eq!(made, ["2025-26 25/0088 2026-03-31", "2026-27 26/0001 2026-04-01"]);
}

#[test]
fn a_run_that_began_before_midnight_numbers_for_the_year_that_another_has_begun() {
    let mut scene = packed(PackageStatus::Created, 1).package("SP91", PackageStatus::Delivered, 1);
    for kind in [SequenceKind::SaleInvoice, SequenceKind::SaleReturnInvoice] {
        let begun = Sequence { financial_year: Some("2026-27".to_owned()), ..series("DEL1", kind, "26/", 2) };
        scene.define_as(begun);
    }
    scene.policy.now = at("2026-03-31T18:29:59Z");
    scene.hear(&[says(Status::Dispatched).item("1")]);
    scene.hear(&[says(Status::Returned).item("2").ret("RR1", Some(plugin_api::ReturnKind::Cir))]);
    let made = scene.file.invoices.iter().skip(1);
    let made: Vec<_> = made.map(|i| format!("{} {} {}", i.financial_year, i.number, i.date)).collect();
    assert_eq!(made, ["2026-27 26/0002 2026-04-01", "2026-27 26/0002 2026-04-01"]);
}

#[test]
fn the_same_text_may_come_again_in_another_year_but_not_in_the_same() {
    let mut scene = packed(PackageStatus::Created, 1);
    scene.file.invoices.extend(packed(PackageStatus::Packed, 1).file.invoices);
    scene.file.invoices[0].number = "INV/0001".to_owned();
    scene.define_as(series("DEL1", SequenceKind::SaleInvoice, "INV/", 1));
    assert!(scene.hear(&[says(Status::Dispatched)]).starts_with("REFUSED D12 INVOICE_NUMBER_INVALID"));
    scene.policy.now = at("2026-04-01");
    assert!(
        scene
            .hear(&[says(Status::Dispatched)])
            .starts_with("APPLIED D3: dispatched in SP90, invoice INV/0001")
    );
}

#[test]
fn a_channels_number_is_unique_within_its_own_series_only() {
    let mut scene = packed(PackageStatus::Created, 1)
        .package("SP91", PackageStatus::Created, 1)
        .with(|scene| scene.policy.invoice_numbering = InvoiceNumbering::Channel);
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).item("1").invoice("INV/0001")]), @"
    APPLIED D3: dispatched in SP90, invoice INV/0001
      invoice INV/0001 of package SP90 GENERATED
      stock A in DEL1: on hand -1 blocked -1
      item O1-1 FULFILLABLE → DISPATCHED
      package SP90 CREATED → DISPATCHED
    ");
    assert_snapshot!(scene.hear(&[says(Status::Dispatched).item("2").invoice("INV/0001")]), @"REFUSED D12 INVOICE_NUMBER_INVALID: Invoice number INV/0001 breaks the series rule: already used");
    assert_eq!(scene.file.invoices[0].owner, "FK1");
}

#[test]
fn a_package_code_of_last_year_is_not_given_twice_in_one_order() {
    let mut scene = packed(PackageStatus::Delivered, 1).loose(ItemStatus::Created);
    scene.define_as(Sequence { width: 1, ..series("DEL1", SequenceKind::ShippingPackage, "SP", 90) });
    scene.hear(&[says(Status::Dispatched).item("2")]);
    assert_eq!(scene.item(2).package, Some("SP91".into()));
}
