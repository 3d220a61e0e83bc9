//! `order show`: an order's state, one table for each kind of thing that belongs to it.

use super::{
    exit::Failure,
    order::heading,
    output::{Out, india, or_dash, table},
};
use crate::domain::{codes::ItemCode, snapshot::OrderFile};

/// Prints an order for people.
pub(super) fn show(out: Out, file: &OrderFile) -> Result<(), Failure> {
    out.line(&heading(file))?;
    let sections = [items, packages, invoices, returns, putaways, conflicts];
    for Section { name, head, rows } in sections.map(|section| section(file)) {
        if !rows.is_empty() {
            out.line(&format!("\n{name}\n{}", table(head, rows)))?;
        }
    }
    let attention = &file.order.attention;
    if !attention.is_empty() {
        out.line("\nNeeds a person's eye")?;
    }
    attention.iter().try_for_each(|sentence| out.line(&format!("- {sentence}")))
}

struct Section {
    name: &'static str,
    head: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

fn items(file: &OrderFile) -> Section {
    let rows = file.order.items.iter().map(|item| {
        vec![
            item.code.to_string(),
            or_dash(item.channel_item_id.as_ref()),
            item.sku.to_string(),
            item.status.to_string(),
            or_dash(item.facility.as_ref()),
            or_dash(item.package.as_ref()),
            or_dash(item.channel_status.as_ref()),
        ]
    });
    let head = &["item", "channel's id", "sku", "status", "facility", "package", "channel says"];
    Section { name: "Items", head, rows: rows.collect() }
}

fn packages(file: &OrderFile) -> Section {
    let rows = file.order.packages.iter().map(|package| {
        vec![
            package.code.to_string(),
            package.status.to_string(),
            or_dash(package.facility.as_ref()),
            or_dash(package.awb.as_ref()),
            or_dash(package.courier.as_ref()),
            or_dash(package.invoice.as_ref()),
            or_dash(package.hold),
            or_dash(package.dispatched_at.map(india)),
            or_dash(package.delivered_at.map(india)),
            or_dash(package.courier_status.as_ref()),
        ]
    });
    let head = &[
        "package",
        "status",
        "facility",
        "awb",
        "courier",
        "invoice",
        "held",
        "dispatched",
        "delivered",
        "courier says",
    ];
    Section { name: "Packages", head, rows: rows.collect() }
}

fn invoices(file: &OrderFile) -> Section {
    let rows = file.invoices.iter().map(|invoice| {
        vec![
            invoice.number.clone(),
            invoice.kind.to_string(),
            invoice.status.to_string(),
            invoice.owner.to_string(),
            invoice.financial_year.clone(),
            invoice.date.to_string(),
            invoice.package.to_string(),
            or_dash(invoice.against.as_ref()),
        ]
    });
    let head = &["number", "kind", "status", "owner", "year", "date", "package", "against"];
    Section { name: "Invoices", head, rows: rows.collect() }
}

fn returns(file: &OrderFile) -> Section {
    let rows = file.order.returns.iter().map(|ret| {
        let items: Vec<&str> = ret.items.iter().map(ItemCode::as_str).collect();
        vec![
            ret.kind.as_str().to_owned(),
            ret.code.clone(),
            ret.status.to_string(),
            or_dash(ret.package.as_ref()),
            items.join(", "),
            or_dash(ret.reason.as_ref()),
            or_dash(ret.awb.as_ref()),
            or_dash(ret.at.map(india)),
            or_dash(ret.flag.as_ref()),
        ]
    });
    let head = &["kind", "return", "status", "package", "items", "reason", "awb", "since", "note"];
    Section { name: "Returns", head, rows: rows.collect() }
}

fn putaways(file: &OrderFile) -> Section {
    let rows = file.putaways.iter().map(|putaway| {
        vec![
            putaway.code.clone(),
            putaway.item.to_string(),
            putaway.kind.to_string(),
            putaway.status.to_string(),
            or_dash(putaway.quality),
        ]
    });
    Section { name: "Putaways", head: &["putaway", "item", "why", "state", "quality"], rows: rows.collect() }
}

fn conflicts(file: &OrderFile) -> Section {
    let rows = file.conflicts.iter().map(|conflict| {
        let state = if conflict.open { "open".to_owned() } else { or_dash(conflict.decision) };
        vec![conflict.code.clone(), state, conflict.cause.clone(), conflict.message.clone()]
    });
    Section { name: "Conflicts", head: &["conflict", "state", "cause", "message"], rows: rows.collect() }
}
