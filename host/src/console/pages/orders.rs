//! The list of orders: filters, pages by key, and the boxes by which orders are chosen for an action.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use plugin_api::Millis;

use super::orders_filter::{Asked, NEEDS, UNCHANGED};
use crate::{
    access::{Read, Scope},
    console::{
        Console,
        fault::{Shown, show},
        frame::{Frame, Section},
        place::In,
        shown::{Chip, Tone, When, number},
    },
    domain::{codes::OrderCode, order::OrderStatus},
    storage::{OrderFilter, OrderRow, StoreError},
};

/// Orders on a page.
const SHOWN: u32 = 50;
/// Orders are counted up to here; beyond it there are "more than".
const COUNTED: u32 = 1_000;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/orders", get(list))
}

/// The list.
#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    /// Where the filter is sent to.
    address: String,
    asked: Asked,
    channels: Vec<String>,
    rows: Vec<Row>,
    /// The first page, if this is a later one.
    first: Option<String>,
    /// The next page.
    next: Option<String>,
    /// How many match, in words, if they are more than are shown.
    all: Option<String>,
    /// Whether the person may set syncs off.
    may_sync: bool,
    /// Filters that have a name.
    saved: Vec<Saved>,
}

/// A filter that has a name.
struct Saved {
    name: String,
    address: String,
    is_here: bool,
}

/// An order, as it is shown.
struct Row {
    code: String,
    address: String,
    channel: String,
    channel_order_id: String,
    status: Chip,
    items: Vec<(u64, Chip)>,
    duties: Vec<Chip>,
    changed: Option<When>,
}

impl Row {
    fn of<S>(row: OrderRow, place: &In<S>, now: Millis) -> Row {
        let duty = |count: u64, tone: Tone, words: &str| (count > 0).then(|| Chip::new(tone, words));
        let duties = [
            duty(row.open_conflicts, Tone::Bad, "in conflict"),
            duty(row.waiting, Tone::Look, "waiting"),
            duty(u64::try_from(row.shortfall).unwrap_or(0), Tone::Look, "short of stock"),
            duty(u64::from(row.returned_not_received), Tone::Look, "to receive"),
            duty(row.putaways_due, Tone::Look, "to put away"),
        ];
        Row {
            address: place.address(&["orders", row.code.as_str()]),
            code: row.code.to_string(),
            channel: row.channel.to_string(),
            channel_order_id: row.channel_order_id,
            status: row.status.into(),
            items: row.items.into_iter().map(|(status, units)| (units, status.into())).collect(),
            duties: duties.into_iter().flatten().collect(),
            changed: row.changed_at.map(|at| When::ago(at, now, &place.row.zone)),
        }
    }
}

async fn list(State(console): State<Arc<Console>>, place: In<Read>, Query(asked): Query<Asked>) -> Shown {
    let now = console.clock.now_ms();
    let filter = asked.filter(now)?;
    let after = Some(asked.after.as_str()).filter(|code| !code.is_empty()).map(OrderCode::from);
    let mut found = if asked.is_by_change() {
        let after = split(&asked.after);
        let after = after.as_ref().map(|(at, code)| (*at, code));
        console.store.changed_orders(&place.tenant, after, SHOWN + 1).await?
    } else {
        console.store.orders(&place.tenant, &filter, after.as_ref(), SHOWN + 1).await?
    };
    let channels = console.store.channels(&place.tenant).await?;
    let has_more = found.len() > SHOWN as usize;
    found.truncate(SHOWN as usize);
    let is_by_change = asked.is_by_change();
    let all = if is_by_change || has_more || after.is_some() {
        Some(counted(&console, &place, &filter).await?)
    } else {
        None
    };
    let key = |last: &OrderRow| match last.changed_at.filter(|_| is_by_change) {
        Some(at) => format!("{at}.{}", last.code),
        None => last.code.to_string(),
    };
    let next = found.last().filter(|_| has_more).map(|last| asked.query(&key(last)));
    let saved = console.store.saved_filters(&place.tenant).await?;
    let address = place.address(&["orders"]);
    let here = asked.query("");
    let saved = saved.into_iter().map(|filter| Saved {
        address: format!("{address}{}", filter.query),
        is_here: filter.query == here,
        name: filter.name,
    });
    show(&OrdersPage {
        frame: place.frame("Orders", Section::Orders),
        saved: saved.collect(),
        address,
        channels: channels.into_iter().map(|channel| channel.code.to_string()).collect(),
        rows: found.into_iter().map(|row| Row::of(row, &place, now)).collect(),
        first: after.map(|_| asked.query("")),
        next,
        all,
        may_sync: place.may(Scope::Operate),
        asked,
    })
}

/// Where a page of changed orders goes on: `1768469400000.O1`.
fn split(after: &str) -> Option<(Millis, OrderCode)> {
    let (at, code) = after.split_once('.')?;
    Some((at.parse().ok()?, code.into()))
}

/// How many orders match, in words.
async fn counted<S>(console: &Console, place: &In<S>, filter: &OrderFilter) -> Result<String, StoreError> {
    let found = console.store.matching_orders(&place.tenant, filter, None, COUNTED + 1).await?;
    let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
    let words =
        if count > COUNTED { format!("more than {}", number(COUNTED.into())) } else { number(count.into()) };
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::zone::Zone;
    use crate::{console::frame::sample_frame, domain::order::ItemStatus};

    fn sample(rows: Vec<Row>, asked: Asked) -> OrdersPage {
        OrdersPage {
            frame: sample_frame(Section::Orders),
            address: "/console/t/acme/orders".to_owned(),
            channels: vec!["FK1".to_owned(), "AZ1".to_owned()],
            rows,
            first: Some("?".to_owned()),
            next: Some("?after=O1".to_owned()),
            all: Some("120".to_owned()),
            may_sync: true,
            saved: vec![Saved {
                name: "Stuck <2 d>".to_owned(),
                address: "/console/t/acme/orders?unchanged=2%20d".to_owned(),
                is_here: false,
            }],
            asked,
        }
    }

    fn row() -> Row {
        Row {
            code: "O<1>".to_owned(),
            address: "/console/t/acme/orders/O%3C1%3E".to_owned(),
            channel: "FK1".to_owned(),
            channel_order_id: "OD1".to_owned(),
            status: OrderStatus::Processing.into(),
            items: vec![(2, ItemStatus::Fulfillable.into())],
            duties: vec![Chip::new(Tone::Bad, "in conflict")],
            changed: Some(When::ago(0, 0, &Zone::default())),
        }
    }

    #[test]
    fn the_page_shows_each_order_with_what_it_needs() {
        let asked = Asked { channel: "AZ1".to_owned(), ..Asked::default() };
        let text = sample(vec![row()], asked).render().unwrap();
        for part in [
            "Stuck &#60;2 d&#62;",
            "name=\"name\"",
            "O&#60;1&#62;",
            "in conflict",
            "PROCESSING",
            "value=\"AZ1\" selected",
            "after=O1",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn who_may_not_sync_has_no_boxes() {
        let may = sample(vec![row()], Asked::default());
        let text = may.render().unwrap();
        assert!(text.contains("name=\"order\"") && text.contains("All 120 that match"), "{text}");
        let text = OrdersPage { may_sync: false, ..may }.render().unwrap();
        assert!(!text.contains("type=\"checkbox\"") && !text.contains("Sync status"), "{text}");
    }

    #[test]
    fn an_empty_list_says_why_and_what_to_do() {
        let text = sample(Vec::new(), Asked::default()).render().unwrap();
        assert!(text.contains("No orders yet"), "{text}");
        let asked = Asked { search: "x".to_owned(), ..Asked::default() };
        let text = sample(Vec::new(), asked).render().unwrap();
        assert!(text.contains("No order matches"), "{text}");
    }
}
