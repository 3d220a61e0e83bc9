//! Which units an observation speaks of.
//!
//! By item id, by product and quantity, by package or waybill, or the whole order. Quantities are totals: units that are
//! there already count first, and among like units the lowest code goes first. With a package named, the total is that
//! package's.

use std::{cmp::Ordering, collections::BTreeSet};

use plugin_api::{Observation, ReturnKind, Status};

use super::{
    Code, Outcome, Part, Row, Verdict,
    case::{Case, ItemIndex, Standing},
    place,
};
use crate::domain::{
    codes::{PackageCode, natural},
    order::{ItemStatus, Package, PackageStatus, Return, Stage},
};

/// The units that an observation is about, and the rows by which they were chosen.
pub(super) struct Targets {
    pub(super) items: Vec<ItemIndex>,
    pub(super) rows: Vec<Row>,
}

/// Every unit that an observation's ids may mean, before any quantity.
///
/// # Errors
/// Parked, if the order has no such unit.
pub(super) fn candidates(case: &Case<'_>, seen: &Observation) -> Result<Vec<ItemIndex>, Verdict> {
    let items = &case.file.order.items;
    let mut found: Vec<ItemIndex> = Vec::new();
    if let Some(id) = &seen.item {
        found.extend((0..items.len()).filter(|&index| items[index].channel_item_id.as_ref() == Some(id)));
        if found.is_empty()
            && let Some(sku) = &seen.sku
        {
            // An item that was imported without the channel's id is known by its product.
            found.extend((0..items.len()).filter(|&index| {
                items[index].channel_item_id.is_none() && items[index].sku == *sku.as_str()
            }));
        }
    } else if let Some(sku) = &seen.sku {
        found.extend((0..items.len()).filter(|&index| items[index].sku == *sku.as_str()));
    } else {
        found.extend(0..items.len());
    }
    if found.is_empty() {
        return Err(unknown_item(case, seen, seen.item.as_deref().or(seen.sku.as_deref()).unwrap_or("")));
    }
    found.sort_by(|&a, &b| natural(items[a].code.as_str(), items[b].code.as_str()));
    Ok(found)
}

fn unknown_item(case: &Case<'_>, seen: &Observation, what: &str) -> Verdict {
    let (order, channel) = (&seen.order, &case.policy.channel);
    let text = if what.is_empty() {
        format!("Order {order} of channel {channel} has no items here")
    } else {
        format!("Order {order} / item {what} of channel {channel} is not known here")
    };
    Verdict::new(Outcome::Parked, Row::G5, text).code(Code::UnknownItem)
}

/// The units that an observation of `status` is about.
///
/// # Errors
/// Parked, if the order has no such unit or package.
pub(super) fn targets(case: &Case<'_>, seen: &Observation, status: Status) -> Result<Targets, Verdict> {
    let all = candidates(case, seen)?;
    let named = named_package(case, seen);
    let names_units = seen.item.is_some() || seen.sku.is_some();
    let cancels = place(status).0 == Part::Cancel;
    let mut rows = Vec::new();
    let mut pool = if names_units {
        all.clone()
    } else {
        whole_order(case, seen, status, named.as_ref(), &all, &mut rows)?
    };

    if let Some(wanted) = seen.quantity.filter(|_| names_units) {
        if seen.package.is_some() {
            pool.retain(|&item| may_be_in(case, item, seen));
        }
        pool.sort_by(|&a, &b| prefer(case, seen, status, a, b));
        pool.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        if all.len() > 1 {
            match place(status).0 {
                Part::Cancel => rows.push(Row::C12),
                Part::Dispatch | Part::Deliver => rows.push(Row::D21),
                Part::Note | Part::Return => {}
            }
        }
    } else {
        if let Some(package) = &named
            && names_units
            && pool.iter().any(|&item| case.item(item).package.as_ref() == Some(package))
        {
            pool.retain(|&item| case.item(item).package.as_ref() == Some(package));
        }
        let living = |item: &ItemIndex| case.item(*item).status != ItemStatus::Cancelled;
        if !cancels && pool.iter().any(living) && !pool.iter().all(living) {
            pool.retain(living);
            if !names_units && place(status).0 == Part::Dispatch {
                rows.push(Row::D22);
            }
        }
    }
    Ok(Targets { items: pool, rows })
}

/// The units of a whole order, or of the package of it that the observation names.
fn whole_order(
    case: &Case<'_>,
    seen: &Observation,
    status: Status,
    named: Option<&PackageCode>,
    all: &[ItemIndex],
    rows: &mut Vec<Row>,
) -> Result<Vec<ItemIndex>, Verdict> {
    let living =
        case.file.order.packages.iter().filter(|package| package.status.stage() != Stage::Gone).count();
    if let Some(package) = named {
        if living > 1 {
            rows.push(Row::L8);
        }
        return Ok(case.living_items(package));
    }
    let gone = cancelled_units_of(case, seen);
    if !gone.is_empty() {
        return Ok(gone);
    }
    let mut pool: Vec<_> = all.iter().copied().filter(|&item| !case.has_own_word(item)).collect();
    if all.len() > pool.len() && place(status).0 == Part::Cancel {
        rows.push(Row::C13);
    }
    let word = seen.package.as_deref().or(seen.awb.as_deref());
    if let Some(word) = word.filter(|_| living > 1 && !pool.is_empty()) {
        pool.retain(|&item| may_be_in(case, item, seen));
        let packages: BTreeSet<_> =
            pool.iter().filter_map(|&item| case.package_of(item)).map(|p| &p.code).collect();
        let which_one = matches!(place(status).0, Part::Deliver | Part::Return) && packages.len() > 1;
        if pool.is_empty() || which_one {
            return Err(unknown_item(case, seen, &format!("package {word}")));
        }
    }
    Ok(pool)
}

/// The living package here that the observation names by the channel's id or by its waybill.
pub(super) fn named_package(case: &Case<'_>, seen: &Observation) -> Option<PackageCode> {
    let living = || case.file.order.packages.iter().filter(|package| package.status.stage() != Stage::Gone);
    let by_id = seen
        .package
        .as_ref()
        .and_then(|id| living().find(|package| package.channel_package_id.as_ref() == Some(id)));
    let by_awb = || {
        let awb = seen.awb.as_ref()?;
        living().find(|package| {
            package.awb.as_ref() == Some(awb)
                && (package.channel_package_id.is_none() || seen.package.is_none())
        })
    };
    by_id.or_else(by_awb).map(|package| package.code.clone())
}

/// The units of the cancelled package that the observation names, if it names one.
fn cancelled_units_of(case: &Case<'_>, seen: &Observation) -> Vec<ItemIndex> {
    let items = &case.file.order.items;
    let named = |package: &&Package| {
        package.status == PackageStatus::Cancelled
            && match (&seen.package, &package.channel_package_id) {
                (Some(theirs), Some(ours)) => theirs == ours,
                _ => seen.awb.is_some() && seen.awb == package.awb,
            }
    };
    let packages = case.file.order.packages.iter().filter(named);
    packages
        .flat_map(|package| {
            (0..items.len()).filter(|&item| {
                items[item].package.as_ref() == Some(&package.code)
                    && items[item].status == ItemStatus::Cancelled
            })
        })
        .collect()
}

/// Whether a unit can be in the package that the observation names: it is not in one with another name.
fn may_be_in(case: &Case<'_>, item: ItemIndex, seen: &Observation) -> bool {
    let Some(package) = case.package_of(item) else {
        // In none here; but the same answer may have put it in one of the marketplace's.
        let said = case.sent.get(&item);
        return match (&seen.package, said.and_then(|said| said.package.as_ref())) {
            (Some(theirs), Some(said)) => theirs == said,
            _ => true,
        };
    };
    match (&seen.package, &package.channel_package_id) {
        (Some(theirs), Some(ours)) => theirs == ours,
        (Some(_), None) => true,
        (None, _) => match (&seen.awb, &package.awb) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        },
    }
}

/// Which of two units an observation with a quantity means first.
fn prefer(case: &Case<'_>, seen: &Observation, status: Status, a: ItemIndex, b: ItemIndex) -> Ordering {
    let least_first = matches!(place(status).0, Part::Cancel | Part::Note);
    let key = |item: ItemIndex| {
        let progress = i16::from(case.progress(item));
        (class(case, seen, status, item), if least_first { progress } else { -progress })
    };
    key(a).cmp(&key(b)).then_with(|| natural(case.item(a).code.as_str(), case.item(b).code.as_str()))
}

/// The lower, the sooner a unit is meant: first what is there already, then what is nearest to it.
fn class(case: &Case<'_>, seen: &Observation, status: Status, item: ItemIndex) -> u8 {
    let standing = case.standing(item);
    let kind = seen.ret.as_ref().and_then(|ret| ret.kind);
    let is_cir = match status {
        Status::ReturnRequested | Status::ReturnCancelled => kind != Some(ReturnKind::Rto),
        _ => status == Status::Returned && kind == Some(ReturnKind::Cir),
    };
    match place(status).0 {
        Part::Cancel => match standing {
            Standing::Cancelled => 0,
            Standing::Open => 1,
            Standing::Sent => 2,
            Standing::Delivered | Standing::ComingBack | Standing::Acknowledged | Standing::Returned => 3,
        },
        _ if standing == Standing::Cancelled => 9,
        Part::Note => u8::from(standing != Standing::Open),
        Part::Dispatch => u8::from(standing == Standing::Open),
        Part::Deliver => delivery_class(case, status, item),
        Part::Return if is_cir => cir_class(case, seen, item),
        Part::Return => match standing {
            Standing::Returned | Standing::Acknowledged | Standing::ComingBack => 0,
            Standing::Sent => 1,
            Standing::Delivered => 2,
            Standing::Open | Standing::Cancelled => 3,
        },
    }
}

fn delivery_class(case: &Case<'_>, status: Status, item: ItemIndex) -> u8 {
    match case.standing(item) {
        Standing::Delivered => u8::from(status != Status::Delivered),
        Standing::Sent => u8::from(status == Status::Delivered),
        // What the buyer sent back had been delivered.
        Standing::Returned if came_from_buyer(case, item) => 0,
        Standing::ComingBack => 2,
        Standing::Acknowledged | Standing::Returned => 3,
        Standing::Open | Standing::Cancelled => 4,
    }
}

fn cir_class(case: &Case<'_>, seen: &Observation, item: ItemIndex) -> u8 {
    let code = &case.item(item).code;
    let id = seen.ret.as_ref().and_then(|ret| ret.id.as_deref());
    let of_unit = |ret: &&Return| ret.kind == ReturnKind::Cir && ret.items.contains(code);
    let mut returns = case.file.order.returns.iter().filter(of_unit);
    // Without an id the quantity is a total over all returns.
    let in_this = returns.clone().any(|ret| id.is_none_or(|id| ret.code == id));
    let in_other = returns.any(|ret| ret.status.is_open() && Some(ret.code.as_str()) != id);
    // Of a kind that is not told, what came back undelivered may be what is meant.
    let told = seen.ret.as_ref().is_none_or(|ret| ret.kind.is_some());
    match case.standing(item) {
        _ if in_this => 0,
        Standing::ComingBack | Standing::Acknowledged | Standing::Returned if !told => 0,
        Standing::Delivered if !in_other => 1,
        Standing::Sent if !in_other => 2,
        Standing::Open => 3,
        Standing::Delivered | Standing::Sent => 4,
        Standing::ComingBack | Standing::Acknowledged => 5,
        Standing::Returned | Standing::Cancelled => 6,
    }
}

fn came_from_buyer(case: &Case<'_>, item: ItemIndex) -> bool {
    let code = &case.item(item).code;
    case.file.order.returns.iter().any(|ret| ret.kind == ReturnKind::Cir && ret.items.contains(code))
}
