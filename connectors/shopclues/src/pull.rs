//! The order of the calls: what a pull asks, when it goes on after a failure, and how far its mark moves.
//!
//! One request at a time. The lists are taken to filter by the time of placement: they show new orders, and what became of
//! known ones is asked one by one.

use std::collections::HashSet;

use plugin_api::{
    Cx, Error, Mark, Millis, OrderRef, Progress, Pull, Result, Scope, Task, Window, reading::Row,
};
use serde::Deserialize as _;

use crate::{
    config::Settings,
    errors, observe,
    paging::Pages,
    requests::{self, is_id, op},
    tracking,
    wire::{Detail, Order, Page},
};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
/// How much of a window the next one repeats; assumed.
const OVERLAP: Millis = 15 * MINUTE;

/// Answers a job.
///
/// # Errors
/// The first that happened. Whatever else could be read was read and reported all the same.
pub(crate) async fn pull(cx: &Cx, settings: &Settings, job: Pull) -> Result<Mark> {
    let reader = Reader { cx, settings };
    match (job.scope, job.task) {
        (Scope::Changed { since, until }, Task::Returns) => {
            // A return shows in an order that was placed long before.
            let lead = Millis::from(settings.return_lead_days) * 24 * HOUR;
            reader.placed(since.saturating_sub(lead), until, false).await
        }
        (Scope::Changed { since, until }, _) => reader.placed(since, until, true).await,
        (Scope::Orders(refs), _) => reader.known(&refs).await,
    }
}

/// Reads lists and answers, and passes on what they show.
struct Reader<'a> {
    cx: &'a Cx,
    settings: &'a Settings,
}

impl Reader<'_> {
    /// Orders placed in a span. The mark stops before the first window that failed; the windows after it are read all the
    /// same.
    async fn placed(&self, since: Millis, until: Millis, keeps_marks: bool) -> Result<Mark> {
        let longest = Millis::from(self.settings.window_hours) * HOUR;
        let mut progress = Progress::default();
        for window in Window::cover(since, until, longest, OVERLAP) {
            progress.note(self.list(window).await)?;
            if keeps_marks && window.to < until && !progress.has_failed() {
                self.cx.checkpoint(Mark::complete_until(window.to.min(self.cx.now())));
            }
        }
        progress.end()?;
        Ok(Mark::complete_until(until.min(self.cx.now())))
    }

    async fn list(&self, window: Window) -> Result<()> {
        let mut request = requests::list_orders(self.settings, window);
        let mut pages = Pages::default();
        let mut unreadable = 0;
        loop {
            let reply = self.cx.send_signed_in(request, errors::login_has_run_out).await?;
            let page: Page = errors::checked(reply, op::LIST_ORDERS)?.json()?;
            let rows = page.data.ok_or_else(|| errors::no_data(op::LIST_ORDERS))?;
            unreadable += self.report(&rows);
            let link = page.extra.as_ref().and_then(|extra| extra.next.as_deref());
            let orders = rows.iter().filter_map(|row| match row {
                Row::Read(order) => order.order_id.as_deref(),
                Row::Unreadable => None,
            });
            match pages.follow(link, orders).map_err(|error| error.during(op::LIST_ORDERS))? {
                Some(link) => request = requests::next_page(self.settings, link)?,
                None => break,
            }
        }
        if unreadable == 0 { Ok(()) } else { Err(errors::unreadable(unreadable, op::LIST_ORDERS)) }
    }

    /// Reports the rows of a page; returns how many could not be read.
    fn report(&self, rows: &[Row<Order>]) -> usize {
        let mut unreadable = 0;
        for row in rows {
            let seen = match row {
                Row::Read(order) => observe::order(order, None, &self.settings.status_changes),
                Row::Unreadable => None,
            };
            match seen {
                Some(seen) => self.cx.observe(seen),
                None => unreadable += 1,
            }
        }
        unreadable
    }

    /// Known orders, one call each. One that ShopClues does not know is no news.
    async fn known(&self, refs: &[OrderRef]) -> Result<Mark> {
        let mut asked = HashSet::new();
        let mut progress = Progress::default();
        for order in refs {
            if !is_id(&order.order) {
                tracing::warn!("an order was not asked for: its id has not the form of a ShopClues id");
            } else if asked.insert(order.order.as_str()) {
                progress.note(self.one(order).await)?;
            }
        }
        progress.end()?;
        Ok(Mark::default())
    }

    async fn one(&self, asked: &OrderRef) -> Result<()> {
        let request = requests::order(self.settings, &asked.order);
        let reply = self.cx.send_signed_in(request, errors::login_has_run_out).await?;
        if errors::is_unknown(&reply) {
            tracing::info!("an order that was asked for is not known to ShopClues");
            return Ok(());
        }
        let detail: Detail = errors::checked(reply, op::GET_ORDER)?.json()?;
        let whole = detail.data.ok_or_else(|| errors::no_data(op::GET_ORDER))?;
        let order = Order::deserialize(&whole).map_err(|_| errors::unreadable(1, op::GET_ORDER))?;
        if order.order_id.as_ref().is_some_and(|id| *id != asked.order) {
            return Err(
                Error::bad_reply("the reply is about another order than was asked for").during(op::GET_ORDER)
            );
        }
        // A waybill that the host holds is not told again: beside a fact about the whole order it would narrow it to one
        // package.
        let tracking = asked.awbs.is_empty().then(|| tracking::find(&whole, self.settings)).flatten();
        let seen = observe::order(&order, tracking.as_ref(), &self.settings.status_changes);
        self.cx.observe(seen.ok_or_else(|| errors::unreadable(1, op::GET_ORDER))?);
        Ok(())
    }
}
