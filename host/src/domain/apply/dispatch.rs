//! Rows D1–D24: what left the seller. Also the dispatch that later words imply.
//!
//! A package goes out as a whole with one invoice. Units that were in no package get one, for each of the
//! marketplace's packages or else for each facility.

use plugin_api::{InvoiceNumbering, Millis, Observation, Status};

use super::{
    Code, Outcome, Part, Row, Verdict,
    case::{Case, ItemIndex, Standing},
    conflicts, select,
};
use crate::domain::{
    codes::{FacilityCode, ItemCode, OwnerCode, PackageCode, natural},
    invoice::{BadNumber, Invoice, InvoiceStatus, SequenceKind},
    order::{ItemStatus, PackageSource, PackageStatus, Stage},
    time,
};

/// DISPATCHED or COMPLETE.
pub(super) fn apply(case: &mut Case<'_>, seen: &Observation) -> Verdict {
    let found = match select::targets(case, seen, seen.status.unwrap_or(Status::Dispatched)) {
        Ok(found) => found,
        Err(parked) => return parked,
    };
    let mut verdicts = Vec::new();
    for item in found.items {
        verdicts.push(match case.standing(item) {
            Standing::Cancelled => conflicts::dispatched_but_cancelled(case, &[item], seen, Row::D17),
            Standing::Sent if case.decided(Part::Dispatch, item).is_none() => {
                if let Some(package) = case.package_of(item).map(|package| package.code.clone()) {
                    case.fill_package(&package, seen);
                }
                Verdict::by(Outcome::Unchanged, Row::D15)
            }
            Standing::Returned if case.is_put_away(item) => Verdict::by(Outcome::Stale, Row::R16),
            Standing::Delivered | Standing::ComingBack | Standing::Acknowledged | Standing::Returned => {
                if let Some(package) = case.package_of(item).map(|package| package.code.clone()) {
                    case.fill_package(&package, seen);
                }
                Verdict::by(Outcome::Stale, Row::D16)
            }
            Standing::Open | Standing::Sent => match ensure_sent(case, item, seen) {
                Ok(verdict) | Err(verdict) => verdict,
            },
        });
    }
    summary(verdicts, &found.rows)
}

/// The gravest of the items' verdicts, with the rows by which the items were chosen before its own.
pub(super) fn summary(verdicts: Vec<Verdict>, chosen_by: &[Row]) -> Verdict {
    let gravest = verdicts
        .into_iter()
        .reduce(|gravest, next| if next.outcome < gravest.outcome { next } else { gravest });
    match gravest {
        None => Verdict::by(Outcome::Unchanged, *chosen_by.first().unwrap_or(&Row::G7)),
        Some(verdict) => verdict.after(chosen_by),
    }
}

/// Makes sure that a unit has left here too: nothing if it has, else the whole group of what was sent with it.
///
/// # Errors
/// A refusal or a conflict, which then stands for every unit of the group.
pub(super) fn ensure_sent(
    case: &mut Case<'_>,
    item: ItemIndex,
    seen: &Observation,
) -> Result<Verdict, Verdict> {
    if let Some(verdict) = case.decided(Part::Dispatch, item) {
        return if verdict.outcome == Outcome::Applied { Ok(verdict) } else { Err(verdict) };
    }
    let group = group_of(case, item, seen);
    let source = case.sent.get(&item).cloned().unwrap_or_else(|| seen.clone());
    let result = case.attempt(|case| {
        let verdicts = send_group(case, &group, &source)?;
        for (item, verdict) in &verdicts {
            case.decide(Part::Dispatch, *item, verdict.clone());
        }
        Ok(verdicts)
    });
    match result {
        Ok(verdicts) => {
            let own = verdicts.into_iter().find(|(sent, _)| *sent == item).map(|(_, verdict)| verdict);
            Ok(own.unwrap_or_else(|| Verdict::by(Outcome::Unchanged, Row::D15)))
        }
        Err(verdict) => {
            for item in group {
                case.decide(Part::Dispatch, item, verdict.clone());
            }
            Err(verdict)
        }
    }
}

/// The name under which the marketplace groups what goes together.
fn channel_key(seen: &Observation) -> Option<&str> {
    seen.package.as_deref().or(seen.awb.as_deref())
}

/// The open units that were sent together with this one.
///
/// With the marketplace's package named, units that are in no package here join those that are in one.
fn group_of(case: &Case<'_>, item: ItemIndex, seen: &Observation) -> Vec<ItemIndex> {
    let key_of = |item: &ItemIndex| case.sent.get(item).and_then(channel_key).map(str::to_owned);
    let own_key = key_of(&item).or_else(|| channel_key(seen).map(str::to_owned));
    let own_package = case.package_of(item).map(|package| (package.code.clone(), package.status.stage()));
    let facility = case.facility_of(item).ok();
    let open: Vec<ItemIndex> =
        case.sent.keys().copied().filter(|&other| case.standing(other) == Standing::Open).collect();
    let is_in = |other: ItemIndex, code: &PackageCode| case.item(other).package.as_ref() == Some(code);
    let mut group = vec![item];
    if let Some((code, Stage::Packed)) = &own_package {
        // One invoice covers an invoiced package: it goes together whatever the marketplace made of it.
        group.extend(open.into_iter().filter(|&other| is_in(other, code)));
        group.extend(conflicts::reported_parts(case, Code::PartialDispatchOfInvoicedShipment, code));
    } else {
        let alike: Vec<ItemIndex> = open.into_iter().filter(|other| key_of(other) == own_key).collect();
        let is_here = |other: ItemIndex| case.facility_of(other).ok() == facility;
        let joins = own_key.is_some();
        let unpacked = |&other: &ItemIndex| {
            let package = case.package_of(other).filter(|_| is_here(other))?;
            (package.status.stage() == Stage::BeforePacked).then(|| package.code.clone())
        };
        let host = match own_package {
            Some((code, _)) => Some(code),
            None if joins => alike.iter().find_map(unpacked),
            None => None,
        };
        group.extend(alike.into_iter().filter(|&other| match case.package_of(other) {
            Some(package) => Some(&package.code) == host.as_ref(),
            None => is_here(other) && (joins || host.is_none()),
        }));
    }
    group.sort_by(|&a, &b| natural(case.item(a).code.as_str(), case.item(b).code.as_str()));
    group.dedup();
    group
}

/// In what way a group leaves.
#[derive(Clone, Copy)]
enum Way {
    /// In a package that is made for it.
    New,
    /// With the whole of a package that had no invoice.
    Whole(PackageStatus),
    /// Split off a package that had no invoice.
    Part,
    /// With an invoiced package; held or not.
    Packed(bool),
}

/// Sends a group: units of one package, or units of one facility that are in none.
fn send_group(
    case: &mut Case<'_>,
    group: &[ItemIndex],
    seen: &Observation,
) -> Result<Vec<(ItemIndex, Verdict)>, Verdict> {
    let mut facility = None;
    for &item in group {
        let found = case.facility_of(item)?;
        case.edit_item(item).facility = Some(found.clone());
        facility.get_or_insert(found);
    }
    let Some(facility) = facility else { return Ok(Vec::new()) };
    let here = group.iter().find_map(|&item| case.package_of(item));
    let here = here.map(|package| (package.code.clone(), package.status));
    let was_in: Vec<Option<PackageCode>> =
        group.iter().map(|&item| case.item(item).package.clone()).collect();
    let several = several_packages(case);
    let (package, way) = match here.clone() {
        None => new_package(case, group, &facility, seen)?,
        Some((code, status)) if status.stage() == Stage::Packed => {
            packed(case, group, code, &facility, seen)?
        }
        Some((code, status)) => unpacked(case, group, code, status, &facility, seen)?,
    };
    let mut rows = Vec::new();
    for (&item, was_in) in group.iter().zip(&was_in) {
        let way = if *was_in == here.as_ref().map(|(code, _)| code.clone()) { way } else { Way::New };
        rows.push(send_unit(case, item, way));
    }
    // Only forward: an imported unit may be open although its package is further along.
    if case.package(&package).is_some_and(|p| matches!(p.status.stage(), Stage::BeforePacked | Stage::Packed))
    {
        case.set_package(&package, PackageStatus::Dispatched);
    }
    case.fill_package(&package, seen);
    let adopted = case.policy.invoice_numbering == InvoiceNumbering::Channel
        && !case.ledger.has_sequence(&(case.owner(&facility), SequenceKind::SaleInvoice));
    let number = case.package(&package).and_then(|package| package.invoice.clone());
    let invoice = number.map_or_else(String::new, |number| format!(", invoice {number}"));
    Ok(group
        .iter()
        .zip(rows)
        .map(|(&item, row)| {
            let mut verdict =
                Verdict::new(Outcome::Applied, row, format!("dispatched in {package}{invoice}"));
            if adopted && row != Row::D9 {
                verdict.rows.push(Row::D11);
            }
            (item, if several { verdict.after(&[Row::D20]) } else { verdict })
        })
        .collect())
}

/// Sends one unit and says by which row.
fn send_unit(case: &mut Case<'_>, item: ItemIndex, way: Way) -> Row {
    case.discard_putaways(item);
    let status = case.item(item).status;
    let covered = take_stock(case, item);
    let row = match (way, status) {
        (Way::Packed(false), _) => Row::D9,
        (Way::Packed(true), _) => Row::D24,
        (Way::Part, _) => Row::D18,
        (
            Way::Whole(
                PackageStatus::PendingCustomization
                | PackageStatus::CustomizationComplete
                | PackageStatus::Picking
                | PackageStatus::Picked,
            ),
            _,
        ) => Row::D8,
        (Way::Whole(PackageStatus::LocationNotServiceable), _) | (_, ItemStatus::LocationNotServiceable) => {
            Row::D7
        }
        (Way::Whole(_), _) if covered => Row::D3,
        (Way::Whole(_), _) => Row::D4,
        (Way::New, ItemStatus::Created) => Row::D6,
        (Way::New, ItemStatus::Fulfillable) => {
            if covered {
                Row::D5
            } else {
                Row::D4
            }
        }
        (Way::New, _) => {
            if covered {
                Row::D2
            } else {
                Row::D1
            }
        }
    };
    if !covered && !matches!(row, Row::D1 | Row::D6) {
        let code = case.code_of(item);
        case.note(format!("item {code} left without stock in the books: one unit of shortfall"));
    }
    case.set_item(item, ItemStatus::Dispatched);
    let item = case.edit_item(item);
    item.allocated = Some(false);
    item.channel_status = None;
    row
}

/// Whether the answer names more than one package of the marketplace.
fn several_packages(case: &Case<'_>) -> bool {
    let mut keys = case.sent.values().filter_map(channel_key);
    keys.next().is_some_and(|first| keys.any(|other| other != first))
}

fn new_package(
    case: &mut Case<'_>,
    group: &[ItemIndex],
    facility: &FacilityCode,
    seen: &Observation,
) -> Result<(PackageCode, Way), Verdict> {
    refuse_traced(case, facility, None)?;
    require_series(case, facility, &[SequenceKind::SaleInvoice, SequenceKind::ShippingPackage])?;
    let code = draw_package(case, facility)?;
    case.make_package(code.clone(), facility.clone(), PackageSource::StatusSync, PackageStatus::Created);
    for &item in group {
        case.move_item(item, Some(code.clone()));
    }
    issue_invoice(case, &code, group, facility, seen)?;
    Ok((code, Way::New))
}

fn unpacked(
    case: &mut Case<'_>,
    group: &[ItemIndex],
    code: PackageCode,
    status: PackageStatus,
    facility: &FacilityCode,
    seen: &Observation,
) -> Result<(PackageCode, Way), Verdict> {
    refuse_traced(case, facility, Some(&code))?;
    let whole = case.living_items(&code).iter().all(|item| group.contains(item));
    let (package, way) = if whole {
        (code, Way::Whole(status))
    } else {
        require_series(case, facility, &[SequenceKind::SaleInvoice, SequenceKind::ShippingPackage])?;
        let part = draw_package(case, facility)?;
        case.make_package(part.clone(), facility.clone(), PackageSource::Split, status);
        (part, Way::Part)
    };
    for &item in group {
        case.move_item(item, Some(package.clone()));
    }
    // An invoice that is there already, against the rule that packing makes it, is not made twice.
    if case.package(&package).is_none_or(|package| package.invoice.is_none()) {
        require_series(case, facility, &[SequenceKind::SaleInvoice])?;
        issue_invoice(case, &package, group, facility, seen)?;
    }
    Ok((package, way))
}

fn packed(
    case: &mut Case<'_>,
    group: &[ItemIndex],
    code: PackageCode,
    facility: &FacilityCode,
    seen: &Observation,
) -> Result<(PackageCode, Way), Verdict> {
    let living = case.living_items(&code);
    if !living.iter().all(|item| group.contains(item)) {
        return Err(conflicts::partial_dispatch(case, &code, group, &living, seen));
    }
    let held = case.package(&code).is_some_and(|package| package.hold.is_some());
    let number = case.package(&code).and_then(|package| package.invoice.clone());
    let channel_keeps_its_number = case.policy.invoice_numbering == InvoiceNumbering::Channel
        && (seen.invoice.is_none() || seen.invoice == number);
    if number.is_none() || (held && !channel_keeps_its_number) {
        require_series(case, facility, &[SequenceKind::SaleInvoice])?;
        case.cancel_invoice(&code);
        issue_invoice(case, &code, group, facility, seen)?;
    }
    if held {
        if let Some(package) = case.edit_package(&code) {
            package.hold = None;
        }
        case.push(crate::domain::effect::Effect::Held { package: code.clone(), held: false });
    }
    Ok((code, Way::Packed(held)))
}

/// Whether the books still hold the unit that is blocked for an item.
fn holds_block(case: &Case<'_>, item: ItemIndex) -> bool {
    case.item(item).is_allocated()
        && case.stock_of(item).is_some_and(|stock| stock.blocked > 0 && stock.on_hand > 0)
}

/// Takes the unit out of stock, or writes it down as shortfall; says whether there was one.
fn take_stock(case: &mut Case<'_>, item: ItemIndex) -> bool {
    let Some(stock) = case.stock_of(item) else { return false };
    if holds_block(case, item) {
        case.move_stock(item, -1, -1, 0);
        return true;
    }
    if stock.available() > 0 {
        case.move_stock(item, -1, 0, 0);
        return true;
    }
    let dangling = i64::from(case.item(item).is_allocated() && stock.blocked > 0);
    case.move_stock(item, 0, -dangling, 1);
    false
}

fn refuse_traced(
    case: &Case<'_>,
    facility: &FacilityCode,
    package: Option<&PackageCode>,
) -> Result<(), Verdict> {
    if !case.is_traced_by_unit(facility) {
        return Ok(());
    }
    let shipment =
        package.map_or_else(|| format!("of order {}", case.file.order.code), PackageCode::to_string);
    let text = format!("Shipment {shipment} needs packed units (item traceability) before dispatch");
    Err(Verdict::new(Outcome::Refused, Row::D13, text).code(Code::ItemNotPacked))
}

/// Refuses if a series that will be drawn from is not defined, naming the first.
fn require_series(case: &Case<'_>, facility: &FacilityCode, kinds: &[SequenceKind]) -> Result<(), Verdict> {
    let owner = case.owner(facility);
    let channel_numbers = case.policy.invoice_numbering == InvoiceNumbering::Channel;
    kinds
        .iter()
        .filter(|kind| !(channel_numbers && **kind == SequenceKind::SaleInvoice))
        .find(|kind| !case.ledger.has_sequence(&(owner.clone(), **kind)))
        .map_or(Ok(()), |kind| Err(missing_series(case, &owner, *kind, Row::D10)))
}

pub(super) fn missing_series(case: &Case<'_>, owner: &OwnerCode, kind: SequenceKind, row: Row) -> Verdict {
    let text = format!("Sequence {kind} is not defined for {}", case.owner_words(owner));
    Verdict::new(Outcome::Refused, row, text).code(Code::SequenceNotDefined)
}

fn draw_package(case: &mut Case<'_>, facility: &FacilityCode) -> Result<PackageCode, Verdict> {
    let owner = case.owner(facility);
    let key = (owner.clone(), SequenceKind::ShippingPackage);
    let mut drawn = String::new();
    // A series that began again may meet a package of this order from last year.
    for _ in 0..=case.file.order.packages.len() {
        drawn = case
            .ledger
            .draw(&key, case.policy.now)
            .ok_or_else(|| missing_series(case, &owner, SequenceKind::ShippingPackage, Row::D10))?;
        let code = PackageCode::from(drawn.as_str());
        if case.package(&code).is_none() {
            return Ok(code);
        }
    }
    Err(bad_number(&drawn, BadNumber::AlreadyUsed))
}

fn issue_invoice(
    case: &mut Case<'_>,
    package: &PackageCode,
    items: &[ItemIndex],
    facility: &FacilityCode,
    seen: &Observation,
) -> Result<(), Verdict> {
    case.warn_of_year_boundary(seen);
    if case.policy.invoice_numbering == InvoiceNumbering::Channel {
        if let Some(number) = &seen.invoice {
            return adopt_invoice(case, package, items, number);
        }
        case.note(format!("the channel has not told the invoice number of package {package} yet"));
        return Ok(());
    }
    let owner = case.owner(facility);
    let (number, at) = draw_invoice(case, &owner, SequenceKind::SaleInvoice, Row::D10)?;
    add_sale_invoice(case, owner, (number, at), package, items);
    Ok(())
}

/// Draws an invoice number that the law allows, and says for which instant: it may be of a year that other runs have
/// begun already.
pub(super) fn draw_invoice(
    case: &mut Case<'_>,
    owner: &OwnerCode,
    kind: SequenceKind,
    missing: Row,
) -> Result<(String, Millis), Verdict> {
    let key = (owner.clone(), kind);
    let at = case.ledger.instant(&key, case.policy.now);
    let Some(number) = case.ledger.draw(&key, at) else {
        return Err(missing_series(case, owner, kind, missing));
    };
    match case.ledger.use_number(owner, kind, &number, at, true) {
        Ok(()) => Ok((number, at)),
        Err(why) => Err(bad_number(&number, why)),
    }
}

fn bad_number(number: &str, why: BadNumber) -> Verdict {
    let text = format!("Invoice number {number} breaks the series rule: {}", why.as_str());
    Verdict::new(Outcome::Refused, Row::D12, text).code(Code::InvoiceNumberInvalid)
}

/// Takes over the marketplace's invoice number.
pub(super) fn adopt_invoice(
    case: &mut Case<'_>,
    package: &PackageCode,
    items: &[ItemIndex],
    number: &str,
) -> Result<(), Verdict> {
    let owner = OwnerCode::from(case.policy.channel.as_str());
    case.ledger
        .use_number(&owner, SequenceKind::SaleInvoice, number, case.policy.now, false)
        .map_err(|why| bad_number(number, why))?;
    add_sale_invoice(case, owner, (number.to_owned(), case.policy.now), package, items);
    Ok(())
}

fn add_sale_invoice(
    case: &mut Case<'_>,
    owner: OwnerCode,
    (number, at): (String, Millis),
    package: &PackageCode,
    items: &[ItemIndex],
) {
    let items: Vec<ItemCode> = case.codes_of(items);
    case.add_invoice(Invoice {
        owner,
        kind: SequenceKind::SaleInvoice,
        financial_year: time::financial_year(at),
        number,
        package: package.clone(),
        status: InvoiceStatus::Generated,
        date: time::india_date(at),
        against: None,
        items,
    });
}
