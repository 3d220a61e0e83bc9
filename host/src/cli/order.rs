//! `order list|show|explain`

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure},
    explain,
    output::{Out, india, or_dash, table},
    values::order_status,
};
use crate::{
    app::App,
    domain::{
        codes::{ChannelCode, OrderCode, TenantCode},
        order::OrderStatus,
        snapshot::OrderFile,
    },
    storage::{OrderFilter, OrderRow},
};

/// Orders: list, show, explain
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  statusync order list --tenant acme --status PROCESSING
  statusync order explain OD1 --tenant acme")]
pub(super) enum Order {
    List(List),
    /// Show an order with everything that belongs to it
    #[command(after_help = "Example:\n  statusync order show OD1 --tenant acme")]
    Show(One),
    /// Tell why an order is as it is: what was said, which rule decided, what changed, what waits
    #[command(after_help = "Example:\n  statusync order explain OD1 --tenant acme")]
    Explain(One),
}

/// One order.
#[derive(Debug, Args)]
pub(super) struct One {
    /// Our code or the channel's id
    id: String,
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
}

/// List orders, by code
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  statusync order list --tenant acme --channel FK1 --limit 50
  statusync order list --tenant acme --in-conflict
  statusync order list --tenant acme --status COMPLETE --json")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(super) struct List {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// Only of this channel
    #[arg(long)]
    channel: Option<ChannelCode>,
    /// Only in this status
    #[arg(long, value_parser = order_status)]
    status: Option<OrderStatus>,
    /// Only with an open conflict
    #[arg(long)]
    in_conflict: bool,
    /// Only with a fact that waits for an item
    #[arg(long)]
    parked: bool,
    /// Only with a fact that was refused
    #[arg(long)]
    refused: bool,
    /// Only with units that left although the books had none
    #[arg(long)]
    shortfall: bool,
    /// Only those that are back by the channel's word and not received by the warehouse
    #[arg(long)]
    returned_not_received: bool,
    /// Only with a putaway to be done
    #[arg(long)]
    putaway_due: bool,
    /// Only after this order
    #[arg(long, value_name = "CODE")]
    after: Option<OrderCode>,
    /// How many
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

impl Order {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (out, app) = (context.out, context.open()?);
        match self {
            Order::List(list) => list.run(out, &app).await?,
            Order::Show(one) => {
                let file = find(&app, &one).await?;
                if out.is_json {
                    out.json(&file_json(&file))?;
                } else {
                    show(out, &file)?;
                }
            }
            Order::Explain(one) => {
                let file = find(&app, &one).await?;
                explain::explain(context, &app, &one.tenant, &file).await?;
            }
        }
        Ok(Exit::Ok)
    }
}

async fn find(app: &App, one: &One) -> Result<OrderFile, Failure> {
    known_tenant(app, &one.tenant).await?;
    app.store.order(&one.tenant, &one.id).await?.ok_or_else(|| {
        Failure::failed(format!("tenant {} has no order {}, by our code or a channel's id", one.tenant, one.id))
    })
}

/// An order's file as a document.
pub(super) fn file_json(file: &OrderFile) -> Value {
    json!({
        "order": file.order,
        "invoices": file.invoices,
        "putaways": file.putaways,
        "conflicts": file.conflicts,
    })
}

impl List {
    async fn run(self, out: Out, app: &App) -> Result<(), Failure> {
        known_tenant(app, &self.tenant).await?;
        let filter = OrderFilter {
            channel: self.channel,
            status: self.status,
            in_conflict: self.in_conflict,
            has_parked: self.parked,
            has_refused: self.refused,
            has_shortfall: self.shortfall,
            returned_not_received: self.returned_not_received,
            has_putaway_due: self.putaway_due,
        };
        let rows = app.store.orders(&self.tenant, &filter, self.after.as_ref(), self.limit).await?;
        let head = ["order", "channel", "channel's id", "status", "items", "to see to", "changed"];
        out.list(&rows, &head, cells, "there are no such orders")?;
        if let Some(last) = rows.last().filter(|_| rows.len() == self.limit as usize) {
            out.say(&format!("there may be more; go on with --after {}", last.code));
        }
        Ok(())
    }
}

fn cells(row: &OrderRow) -> Vec<String> {
    let items: Vec<String> = row.items.iter().map(|(status, units)| format!("{units} {status}")).collect();
    let duties = [
        (row.open_conflicts, "in conflict"),
        (row.waiting, "waiting"),
        (u64::try_from(row.shortfall).unwrap_or(0), "short"),
        (u64::from(row.returned_not_received), "returned, not received"),
        (row.putaways_due, "to put away"),
    ];
    let duties: Vec<String> =
        duties.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")).collect();
    vec![
        row.code.to_string(),
        row.channel.to_string(),
        row.channel_order_id.clone(),
        row.status.to_string(),
        items.join(", "),
        if duties.is_empty() { "-".into() } else { duties.join(", ") },
        or_dash(row.changed_at.map(india)),
    ]
}

fn show(out: Out, file: &OrderFile) -> Result<(), Failure> {
    let order = &file.order;
    out.line(&heading(file))?;
    let mut sections: Vec<(&str, String)> = Vec::new();
    let mut section = |name, head: &[&str], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            sections.push((name, table(head, rows)));
        }
    };
    let rows = order.items.iter().map(|item| {
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
    section("Items", &["item", "channel's id", "sku", "status", "facility", "package", "channel says"], rows.collect());
    let rows = order.packages.iter().map(|package| {
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
    let head = ["package", "status", "facility", "awb", "courier", "invoice", "held", "dispatched", "delivered", "courier says"];
    section("Packages", &head, rows.collect());
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
    section("Invoices", &["number", "kind", "status", "owner", "year", "date", "package", "against"], rows.collect());
    let rows = order.returns.iter().map(|ret| {
        let items: Vec<&str> = ret.items.iter().map(|item| item.as_str()).collect();
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
    section("Returns", &["kind", "return", "status", "package", "items", "reason", "awb", "since", "note"], rows.collect());
    let rows = file.putaways.iter().map(|putaway| {
        vec![
            putaway.code.clone(),
            putaway.item.to_string(),
            putaway.kind.to_string(),
            putaway.status.to_string(),
            or_dash(putaway.quality),
        ]
    });
    section("Putaways", &["putaway", "item", "why", "state", "quality"], rows.collect());
    let rows = file.conflicts.iter().map(|conflict| {
        let state = if conflict.open { "open".to_owned() } else { or_dash(conflict.decision) };
        vec![conflict.code.clone(), state, conflict.cause.clone(), conflict.message.clone()]
    });
    section("Conflicts", &["conflict", "state", "cause", "message"], rows.collect());
    for (name, text) in sections {
        out.line(&format!("\n{name}\n{text}"))?;
    }
    if !order.attention.is_empty() {
        out.line("\nNeeds a person's eye")?;
        for sentence in &order.attention {
            out.line(&format!("- {sentence}"))?;
        }
    }
    Ok(())
}

/// What an order is, in one line.
pub(super) fn heading(file: &OrderFile) -> String {
    let order = &file.order;
    let ships = order.shipping.map_or(String::new(), |by| format!(", shipped by the {}", by.as_str().to_lowercase()));
    let hold = if order.on_hold { ", on hold" } else { "" };
    format!(
        "Order {} ({} on channel {}): {}{ships}{hold}",
        order.code, order.channel_order_id, order.channel, order.status
    )
}
