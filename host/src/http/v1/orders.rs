//! Orders as they are: list, show, explain. How they come in is in `intake`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{at, filter::List, parked::Waiting};
use crate::{
    domain::{
        apply::Row,
        codes::{ChannelCode, OrderCode},
        duties::{Conflict, Putaway},
        effect::Change,
        invoice::Invoice,
        order::{Order, OrderStatus},
        snapshot::OrderFile,
    },
    http::{
        Api,
        access::{In, Read},
        extract::{Ask, At},
        paging::{Page, size},
        problem::{Answer, Kind, Problem},
    },
    storage::{OrderFilter, OrderRow, ParkedFilter},
};

/// The most facts that are shown as waiting for one order.
const WAITING_SHOWN: u32 = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(explain))
}

/// An order in a list.
#[derive(Debug, Serialize, ToSchema)]
struct OrderSummary {
    /// The seller's code.
    code: String,
    /// The channel.
    channel: String,
    /// The marketplace's id.
    channel_order_id: String,
    /// Its status.
    status: OrderStatus,
    /// How many units are in which state.
    items: BTreeMap<String, u64>,
    /// Open conflicts.
    open_conflicts: u64,
    /// Facts that wait for it, refused ones among them.
    waiting: u64,
    /// Units that left although the books had none.
    shortfall: i64,
    /// Returned by the channel's word, not yet received by the warehouse.
    returned_not_received: bool,
    /// Putaways to be done.
    putaways_due: u64,
    /// When it last changed here; null since an import.
    changed_at: Option<String>,
}

impl From<OrderRow> for OrderSummary {
    fn from(row: OrderRow) -> Self {
        OrderSummary {
            code: row.code.to_string(),
            channel: row.channel.to_string(),
            channel_order_id: row.channel_order_id,
            status: row.status,
            items: row.items.into_iter().map(|(status, units)| (status.to_string(), units)).collect(),
            open_conflicts: row.open_conflicts,
            waiting: row.waiting,
            shortfall: row.shortfall,
            returned_not_received: row.returned_not_received,
            putaways_due: row.putaways_due,
            changed_at: row.changed_at.map(at),
        }
    }
}

/// List orders, by code
#[utoipa::path(get, path = "/v1/tenants/{tenant}/orders", tag = "orders", params(List), security(("key" = ["read"])),
    responses((status = 200, description = "Orders, by code.", body = Page<OrderSummary>)))]
async fn list(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<OrderSummary>>> {
    let size = size(list.limit)?;
    let channel = list.channel.as_deref().map(ChannelCode::from);
    let filter = OrderFilter { channel, ..list.filter(api.clock.now_ms()) };
    let after = list.after.map(OrderCode::from);
    let rows = api.store.orders(&place.tenant, &filter, after.as_ref(), size + 1).await?;
    Ok(Json(Page::of(rows, size, |row| row.code.to_string(), OrderSummary::from)))
}

/// An order with what belongs to it.
#[derive(Debug, Serialize, ToSchema)]
struct OrderDocument {
    /// The order with its items, packages and returns.
    order: Order,
    /// Its invoices.
    invoices: Vec<Invoice>,
    /// Its putaways.
    putaways: Vec<Putaway>,
    /// Its conflicts, open and closed.
    conflicts: Vec<Conflict>,
}

impl From<OrderFile> for OrderDocument {
    fn from(file: OrderFile) -> Self {
        let OrderFile { order, invoices, putaways, conflicts } = file;
        OrderDocument { order, invoices, putaways, conflicts }
    }
}

/// Show an order with everything that belongs to it
#[utoipa::path(get, path = "/v1/tenants/{tenant}/orders/{order}", tag = "orders", security(("key" = ["read"])),
    responses((status = 200, description = "The order.", body = OrderDocument)))]
async fn show(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    At((_, id)): At<(String, String)>,
) -> Answer<Json<OrderDocument>> {
    Ok(Json(file(&api, &place, &id).await?.into()))
}

async fn file(api: &Api, place: &In<Read>, id: &str) -> Answer<OrderFile> {
    let found = api.store.order(&place.tenant, id).await?;
    found.ok_or_else(|| {
        let said = format!("tenant {} has no order {id}, by our code or a channel's id", place.tenant);
        Problem::new(Kind::OrderNotFound, said)
    })
}

/// Why an order is as it is.
#[derive(Debug, Serialize, ToSchema)]
struct Explanation {
    /// The order, as it is now.
    now: OrderDocument,
    /// What was said, which rule decided, what changed; the oldest first.
    history: Vec<Change>,
    /// The rules that are named in the history, each in a sentence.
    rules: BTreeMap<String, String>,
    /// What waits to be applied.
    waiting: Vec<Waiting>,
}

/// Tell why an order is as it is
#[utoipa::path(get, path = "/v1/tenants/{tenant}/orders/{order}/explain", tag = "orders", security(("key" = ["read"])),
    responses((status = 200, description = "The order's story.", body = Explanation)))]
async fn explain(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    At((_, id)): At<(String, String)>,
) -> Answer<Json<Explanation>> {
    let file = file(&api, &place, &id).await?;
    let history = api.store.history(&place.tenant, &file.order.code).await?;
    let filter = ParkedFilter {
        channel: Some(file.order.channel.clone()),
        channel_order_id: Some(file.order.channel_order_id.clone()),
    };
    let waiting = api.store.parked(&place.tenant, &filter, None, WAITING_SHOWN).await?;
    let named: Vec<&str> = history.iter().flat_map(|change| change.row.split('>')).map(str::trim).collect();
    let rules = Row::ALL.iter().filter(|row| named.contains(&row.as_str()));
    let rules = rules.map(|row| (row.as_str().to_owned(), row.sentence().to_owned())).collect();
    let waiting = waiting.into_iter().map(Waiting::from).collect();
    Ok(Json(Explanation { now: file.into(), history, rules, waiting }))
}
