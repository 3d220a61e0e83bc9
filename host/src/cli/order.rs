//! `order list|show|explain`

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure},
    explain,
    order_filter::FilterArgs,
    order_show,
    output::{Out, india, or_dash},
};
use crate::{
    app::App,
    domain::{
        codes::{ChannelCode, OrderCode, TenantCode},
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
  statusync order list --tenant acme --search EK4 --unchanged-for 2d
  statusync order list --tenant acme --status COMPLETE --json")]
pub(super) struct List {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// Only of this channel
    #[arg(long)]
    channel: Option<ChannelCode>,
    #[command(flatten)]
    filter: FilterArgs,
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
                    order_show::show(out, &file)?;
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
        Failure::failed(format!(
            "tenant {} has no order {}, by our code or a channel's id",
            one.tenant, one.id
        ))
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
        let filter = OrderFilter { channel: self.channel, ..self.filter.at(app.clock.now_ms()) };
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
    let duties: Vec<String> = duties
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
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

/// What an order is, in one line.
pub(super) fn heading(file: &OrderFile) -> String {
    let order = &file.order;
    let ships =
        order.shipping.map_or(String::new(), |by| format!(", shipped by the {}", by.as_str().to_lowercase()));
    let hold = if order.on_hold { ", on hold" } else { "" };
    format!(
        "Order {} ({} on channel {}): {}{ships}{hold}",
        order.code, order.channel_order_id, order.channel, order.status
    )
}
