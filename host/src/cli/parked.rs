//! `parked list`

use clap::Subcommand;

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure},
    output::{india, or_dash},
};
use crate::{
    domain::{
        apply::Code,
        codes::{ChannelCode, TenantCode},
    },
    storage::{ParkedFilter, ParkedRow},
};

/// Facts that wait: for an order, an item, or for something that is missing here
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  statusync parked list --tenant acme")]
pub(super) enum Parked {
    /// List the facts that wait, oldest first
    #[command(after_help = "Examples:
  statusync parked list --tenant acme
  statusync parked list --tenant acme --channel FK1 --order OD1 --json")]
    List {
        /// The tenant
        #[arg(long)]
        tenant: TenantCode,
        /// Only of this channel
        #[arg(long)]
        channel: Option<ChannelCode>,
        /// Only for this order, by the channel's id
        #[arg(long)]
        order: Option<String>,
        /// How many
        #[arg(long, default_value_t = 1_000)]
        limit: u32,
    },
}

impl Parked {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Parked::List { tenant, channel, order, limit } = self;
        let app = context.open()?;
        known_tenant(&app, &tenant).await?;
        let filter = ParkedFilter { channel, channel_order_id: order };
        let rows = app.store.parked(&tenant, &filter, None, limit).await?;
        let head = ["since", "channel", "order", "item", "said", "waits for", "what to do"];
        context.out.list(&rows, &head, cells, "no facts wait")?;
        Ok(Exit::Ok)
    }
}

fn cells(row: &ParkedRow) -> Vec<String> {
    let parked = &row.parked;
    vec![
        or_dash(parked.seen_at.map(india)),
        or_dash(parked.channel.as_ref()),
        parked.order.clone(),
        or_dash(parked.item.as_ref()),
        or_dash(parked.observation.status),
        parked.cause.clone(),
        Code::parse(&parked.cause).map_or_else(|| parked.message.clone(), |code| code.remedy().to_owned()),
    ]
}
