//! What Orders v0 needs besides a list: the lines of those orders whose status is not the same for all of them.

use std::collections::BTreeSet;

use plugin_api::{Cx, Error, OrderRef, Result};

use crate::{config::Config, errors, order::Order, pages, requests, wire_v0};

/// Whether an order's lines have to be read: it is partly shipped, or `asked` holds more lines than the order has
/// units, so that one of them must have been cancelled.
pub(crate) fn needs_lines(order: &Order, asked: Option<&OrderRef>) -> bool {
    if order.is_cancelled() {
        return false;
    }
    let held: BTreeSet<_> = asked.iter().flat_map(|asked| &asked.items).collect();
    let has_lost_a_line = order.units.is_some_and(|units| held.len() > units as usize);
    order.is_partial() || has_lost_a_line
}

/// Reads an order's lines into it.
///
/// # Errors
/// What the request met; `bad_reply` if the pages go in a circle.
pub(crate) async fn read_lines(cx: &Cx, config: &Config, order: &mut Order) -> Result<()> {
    if !requests::is_id(&order.id) {
        return Err(Error::bad_reply("an order id that is none").during(requests::GET_ORDERS));
    }
    let mut token: Option<String> = None;
    let mut tokens = BTreeSet::new();
    loop {
        let reply = cx.send(requests::get_order_items(config, &order.id, token.as_deref())).await?;
        let reply = errors::check(reply, requests::GET_ORDER_ITEMS)?;
        let page: wire_v0::OrderItems = pages::payload(&reply, requests::GET_ORDER_ITEMS)?;
        order.add_lines(page.order_items);
        let Some(next) = page.next_token.filter(|token| !token.is_empty()) else { return Ok(()) };
        if !tokens.insert(next.clone()) {
            let circle = "the lines of an order go in a circle: a page token came twice";
            return Err(Error::bad_reply(circle).during(requests::GET_ORDER_ITEMS));
        }
        token = Some(next);
    }
}
