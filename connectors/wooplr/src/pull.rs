//! The order of the calls: the list for a window, one call an order for known ones.
//!
//! One request at a time: nothing is known of the marketplace's limits.

use plugin_api::{Cx, Error, ErrorKind, Mark, Millis, OrderRef, Progress, Pull, Result, Scope};
use serde_json::Value;

use crate::{
    config::Settings,
    errors, observe,
    paging::Pages,
    requests::{self, is_id, op},
    wire::{self, Order},
};

/// Answers a job.
///
/// # Errors
/// The first that happened. Whatever else could be read was read and reported all the same.
pub(crate) async fn pull(cx: &Cx, settings: &Settings, job: Pull) -> Result<Mark> {
    match job.scope {
        Scope::Changed { since, until } => {
            changed(cx, settings, since).await.map_err(|error| error.during(op::LIST))?;
            Ok(Mark::complete_until(until.min(cx.now())))
        }
        Scope::Orders(refs) => known(cx, settings, &refs).await,
    }
}

/// The list, newest changes first, back to `since`.
async fn changed(cx: &Cx, settings: &Settings, since: Millis) -> Result<()> {
    let (mut pages, mut page, mut unreadable) =
        (Pages::new(since, settings.page_size), settings.page_start, 0);
    loop {
        let reply = cx.send(requests::list(settings, page)?).await?;
        let Some(document) = errors::opened(reply)? else { break };
        let rows = rows(settings, &document)?;
        let orders: Vec<Order> = rows.iter().filter_map(|row| wire::order(settings, row)).collect();
        unreadable += rows.len() - orders.len();
        cx.observe(orders.iter().flat_map(|order| observe::order(settings, order, None)));
        let total = settings.total_path.in_value(&document).and_then(Value::as_u64);
        if !pages.goes_on(rows.len(), &orders, total)? {
            break;
        }
        page += 1;
    }
    if unreadable > 0 {
        return Err(Error::bad_reply(format!(
            "{unreadable} orders of the list have no readable sub-order id"
        )));
    }
    Ok(())
}

/// The rows of a list: at their place, or the whole answer.
fn rows<'d>(settings: &Settings, document: &'d Value) -> Result<&'d [Value]> {
    if let Value::Array(rows) = document {
        return Ok(rows);
    }
    match settings.items_path.in_value(document) {
        Some(Value::Array(rows)) => Ok(rows),
        Some(Value::Null) => Ok(&[]),
        _ => Err(Error::bad_reply(format!("the list has no rows at `{}`", settings.items_path))),
    }
}

/// Known orders, one call a sub-order. An order of which the host holds no sub-order is asked for by its own id.
async fn known(cx: &Cx, settings: &Settings, refs: &[OrderRef]) -> Result<Mark> {
    let mut progress = Progress::default();
    for order in refs {
        let own = std::slice::from_ref(&order.order);
        let ids = if order.items.is_empty() { own } else { &order.items };
        for id in ids {
            if is_id(id) {
                let asked = one(cx, settings, id, &order.order).await;
                progress.note(asked.map_err(|error| error.during(op::DETAIL)))?;
            } else {
                tracing::warn!("an id that is none of Wooplr's was not asked about");
            }
        }
    }
    progress.end()?;
    Ok(Mark::default())
}

async fn one(cx: &Cx, settings: &Settings, id: &str, held: &str) -> Result<()> {
    let reply = cx.send(requests::detail(settings, id)).await?;
    let Some(document) = errors::opened(reply)? else {
        // HTTP 204 is Wooplr's answer to a bad question.
        return Err(Error::new(ErrorKind::BadRequest, format!("Wooplr does not know sub-order {id}")));
    };
    let order = wire::order(settings, &document)
        .ok_or_else(|| Error::bad_reply("the answer is no order with a readable sub-order id"))?;
    let facts = observe::order(settings, &order, Some(held));
    if order.sub_order != id && !facts.is_empty() {
        return Err(Error::bad_reply(format!("the answer is about another order than sub-order {id}")));
    }
    cx.observe(facts);
    Ok(())
}
