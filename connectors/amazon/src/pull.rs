//! Pulls orders: what changed in a window, or known orders by id. Buyer returns are pulled by the report instead.

use std::collections::BTreeMap;

use plugin_api::{Cx, Error, Mark, Millis, OrderRef, Pull, Result, Scope, Task};

use crate::{
    classify::Shipping,
    config::{Config, OrdersApi},
    easy_ship::EasyShip,
    errors,
    observe::observations,
    order::Order,
    orders_v0,
    pages::{Page, Pages, Query},
    report,
    requests::{self, Window, YOUNGEST_BOUND_MS},
    walk::Walk,
    wire,
};

/// One pull.
///
/// # Errors
/// `auth` if Amazon denies the orders; anything else as the requests met it.
pub(crate) async fn pull(cx: &Cx, config: &Config, job: Pull) -> Result<Mark> {
    let mut orders = Orders { cx, config, easy_ship: EasyShip::new(config) };
    match (job.task, job.scope) {
        (Task::Returns, Scope::Changed { since, until }) => {
            report::pull(cx, config, since, until, job.mark).await
        }
        (_, Scope::Changed { since, until }) => {
            orders.changed(since, until, job.mark.unwrap_or_default()).await
        }
        (_, Scope::Orders(refs)) => match config.orders_api {
            OrdersApi::V2026 => orders.by_id_2026(&refs).await,
            OrdersApi::V0 => orders.by_id_v0(&refs).await,
        },
    }
}

/// A pull of orders.
struct Orders<'a> {
    cx: &'a Cx,
    config: &'a Config,
    easy_ship: EasyShip,
}

impl Orders<'_> {
    /// What changed in a window.
    ///
    /// Complete until the bound that Amazon puts on the first page: later pages are read later, but of the list as it
    /// stood then. Without a readable bound, until two minutes before the end of the window. After each page the place
    /// is kept; a pull that was cut goes on there, and what changed since is left to the one after it.
    async fn changed(&mut self, since: Millis, until: Millis, mark: Mark) -> Result<Mark> {
        let now = self.cx.now();
        let mut window = Window::new(since, until, now);
        let mut complete_until = until.min(now) - YOUNGEST_BOUND_MS;
        let mut began_at = now;
        let mut pages = Pages::new(self.cx, self.config, Query::Changed(window));
        if let Some(walk) = Walk::of(&mark, self.config, since, now) {
            pages = pages.resumed(walk.window(), &walk.token);
            (window, complete_until, began_at) = (walk.window(), walk.complete_until, walk.began_at);
        }
        while let Some(page) = pages.next().await? {
            if page.is_first {
                window = Window::new(since, until, now);
                complete_until = page.complete_until.unwrap_or(until.min(now) - YOUNGEST_BOUND_MS).min(until);
                began_at = now;
            }
            let place = page
                .next
                .as_deref()
                .and_then(|token| Walk::new(self.config, window, token, complete_until, began_at).write());
            self.report_changed(page).await?;
            if let Some(place) = place {
                self.cx.checkpoint(Mark { text: place, complete_until: mark.complete_until });
            }
        }
        Ok(Mark::complete_until(complete_until))
    }

    async fn report_changed(&mut self, page: Page) -> Result<()> {
        for order in page.orders {
            // A cancelled order without a sign of Easy Ship may be anybody's; only who knows it may ask for it.
            if order.shipping == Shipping::EasyShip {
                self.report(order, None).await?;
            }
        }
        Ok(())
    }

    /// Known orders, one call each. An order that Amazon does not know, or whose id it refuses, is passed over: its
    /// absence says nothing.
    async fn by_id_2026(&mut self, refs: &[OrderRef]) -> Result<Mark> {
        let mut refused: Option<Error> = None;
        let mut has_answered = false;
        for asked in askable(refs) {
            let reply = self.cx.send(requests::get_order(self.config, &asked.order)).await?;
            match reply.status {
                404 => {
                    has_answered = true;
                    tracing::warn!(order = asked.order, "Amazon does not know the order");
                }
                400 => {
                    tracing::warn!(order = asked.order, "Amazon refuses the order's id");
                    refused.get_or_insert(errors::failed(&reply, requests::GET_ORDER));
                }
                _ => {
                    has_answered = true;
                    let found: wire::OrderReply = errors::check(reply, requests::GET_ORDER)?.json()?;
                    self.report(Order::from(found.order), Some(asked)).await?;
                }
            }
        }
        match refused {
            Some(error) if !has_answered => Err(error),
            _ => Ok(Mark::default()),
        }
    }

    /// Known orders, [`requests::IDS_PER_CALL`] a call.
    async fn by_id_v0(&mut self, refs: &[OrderRef]) -> Result<Mark> {
        let asked: BTreeMap<&str, &OrderRef> =
            askable(refs).map(|asked| (asked.order.as_str(), asked)).collect();
        let ids: Vec<&str> = asked.keys().copied().collect();
        for batch in ids.chunks(requests::IDS_PER_CALL) {
            let mut pages = Pages::new(self.cx, self.config, Query::Ids(batch));
            while let Some(page) = pages.next().await? {
                for order in page.orders {
                    let asked = asked.get(order.id.as_str()).copied();
                    self.report(order, asked).await?;
                }
            }
        }
        Ok(Mark::default())
    }

    /// Completes an order where it lacks something, and reports it.
    async fn report(&mut self, mut order: Order, asked: Option<&OrderRef>) -> Result<()> {
        if order.shipping == Shipping::EasyShip {
            if self.config.orders_api == OrdersApi::V0 && orders_v0::needs_lines(&order, asked) {
                orders_v0::read_lines(self.cx, self.config, &mut order).await?;
            }
            let has_awb = asked.is_some_and(|asked| !asked.awbs.is_empty());
            self.easy_ship.fill(self.cx, self.config, &mut order, has_awb).await;
        }
        self.cx.observe(observations(&order));
        Ok(())
    }
}

/// The orders whose ids can be Amazon's.
fn askable(refs: &[OrderRef]) -> impl Iterator<Item = &OrderRef> {
    refs.iter().filter(|asked| {
        let is_id = requests::is_id(&asked.order);
        if !is_id {
            tracing::warn!(order = asked.order, "this cannot be an order id of Amazon's; not asked for");
        }
        is_id
    })
}
