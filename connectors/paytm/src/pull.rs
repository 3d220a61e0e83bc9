//! The order of the calls: what a pull asks, when it goes on after a failure, and how far its mark moves.
//!
//! One request at a time. The lists filter by the time of placement, never by that of a change: they show new orders, and
//! what became of known ones is asked by id.

use std::collections::HashSet;

use plugin_api::{
    Cx, Error, Mark, Millis, OrderRef, Progress, Pull, Request, Result, Scope, Task, Window, reading::Row,
};

use crate::{
    config::Settings,
    courier::{Ask, Courier},
    errors, observe,
    requests::{self, IDS_PER_CALL, is_id, op},
    status::{RETURN_REQUESTED, RETURNED},
    wire::{Order, Rows},
};

const MINUTE: Millis = 60_000;
const DAY: Millis = 24 * 60 * MINUTE;
/// How much of a window the next one repeats: what a long-running integrator does.
const OVERLAP: Millis = 2 * MINUTE;
/// A list that is full is asked for again in halves, down to this.
const SHORTEST: Millis = MINUTE;
/// How much of its older half the newer one repeats: whether the ends belong to a window is not known.
const SEAM: Millis = 1_000;

/// Answers a job.
///
/// # Errors
/// The first that happened. Whatever else could be read was read and reported all the same.
pub(crate) async fn pull(cx: &Cx, settings: &Settings, job: Pull) -> Result<Mark> {
    let reader = |ask| Reader { cx, settings, courier: Courier::new(cx, settings, ask) };
    match (job.scope, job.task) {
        (Scope::Changed { since, until }, Task::Returns) => {
            // A waybill of the way out is of no use to a return.
            returns(reader(Ask::Never), since, until).await
        }
        (Scope::Changed { since, until }, _) => placed(reader(Ask::Moved), since, until).await,
        (Scope::Orders(refs), _) => {
            let held = refs.iter().map(|order| (order.order.clone(), order.awbs.len())).collect();
            known(reader(Ask::Known(held)), &refs).await
        }
    }
}

/// Orders placed in a span. The mark stops before the first window that failed; the windows after it are read all the same.
async fn placed(mut reader: Reader<'_>, since: Millis, until: Millis) -> Result<Mark> {
    let longest = Millis::from(reader.settings.window_minutes) * MINUTE;
    let mut progress = Progress::default();
    for window in Window::cover(since, until, longest, OVERLAP) {
        progress.note(reader.list(window, None).await)?;
        if window.to < until && !progress.has_failed() {
            reader.cx.checkpoint(Mark::complete_until(window.to.min(reader.cx.now())));
        }
    }
    progress.end()?;
    Ok(Mark::complete_until(until.min(reader.cx.now())))
}

/// Returns of orders that were placed in a span or some time before it, many days at once: returns are few.
async fn returns(mut reader: Reader<'_>, since: Millis, until: Millis) -> Result<Mark> {
    let placed_since = since.saturating_sub(Millis::from(reader.settings.return_lead_days) * DAY);
    let longest = Millis::from(reader.settings.return_window_days) * DAY;
    let mut progress = Progress::default();
    for window in Window::cover(placed_since, until, longest, OVERLAP) {
        for status in [RETURN_REQUESTED, RETURNED] {
            progress.note(reader.list(window, Some(status)).await)?;
        }
    }
    progress.end()?;
    Ok(Mark::complete_until(until.min(reader.cx.now())))
}

/// Known orders by id. An order or item that is not in the answer is no news.
async fn known(mut reader: Reader<'_>, refs: &[OrderRef]) -> Result<Mark> {
    let mut listed = HashSet::new();
    let ids: Vec<&str> = refs
        .iter()
        .map(|order| order.order.as_str())
        .filter(|id| {
            let is_id = is_id(id);
            if !is_id {
                tracing::warn!("an order was not asked for: its id has not the form of a Paytm id");
            }
            is_id && listed.insert(*id)
        })
        .collect();
    let at_once = IDS_PER_CALL.min(usize::try_from(reader.settings.page_size).unwrap_or(IDS_PER_CALL));
    let mut progress = Progress::default();
    for ids in ids.chunks(at_once) {
        progress.note(reader.by_id(ids).await)?;
    }
    progress.end()?;
    Ok(Mark::default())
}

/// Reads lists and answers, and passes on what they show.
struct Reader<'a> {
    cx: &'a Cx,
    settings: &'a Settings,
    courier: Courier<'a>,
}

impl Reader<'_> {
    /// Reads a list. One that is full may lack rows, since there are no pages: its window is read in halves.
    async fn list(&mut self, window: Window, status: Option<&str>) -> Result<()> {
        let mut progress = Progress::default();
        let mut todo = vec![window];
        while let Some(window) = todo.pop() {
            let rows = match self.orders(requests::list_orders(self.settings, window, status)).await {
                Ok(rows) => rows,
                Err(error) => {
                    progress.note(Err(error))?;
                    continue;
                }
            };
            let is_full = u32::try_from(rows.len()).is_ok_and(|rows| rows >= self.settings.page_size);
            if is_full && let Some([older, newer]) = window.halves(SHORTEST, SEAM) {
                todo.extend([newer, older]);
                continue;
            }
            progress.note(self.report(&rows, op::LIST_ORDERS).await)?;
            if is_full {
                progress.note(Err(full(self.settings.page_size)))?;
            }
        }
        progress.end()
    }

    async fn by_id(&mut self, ids: &[&str]) -> Result<()> {
        let rows = self.orders(requests::orders_by_id(self.settings, ids)).await?;
        self.report(&rows, op::GET_ORDERS).await
    }

    async fn orders(&self, request: Request) -> Result<Rows<Order>> {
        let operation = request.operation().to_owned();
        let reply = self.cx.send_signed_in(request, errors::login_has_run_out).await?;
        errors::checked(reply, &operation)?.json()
    }

    async fn report(&mut self, rows: &[Row<Order>], operation: &str) -> Result<()> {
        let mut unreadable = 0;
        for row in rows {
            let (mut seen, missed) = observe::order(row, &self.settings.status_changes);
            unreadable += missed;
            self.courier.add_to(&mut seen).await;
            self.cx.observe(seen);
        }
        if unreadable == 0 { Ok(()) } else { Err(errors::unreadable(unreadable, operation)) }
    }
}

fn full(page_size: u32) -> Error {
    let message = format!(
        "a list over one minute is full with {page_size} orders, so some may be missing; raise `page_size` if it is below \
         500, and rely on the questions by id"
    );
    Error::bad_reply(message).during(op::LIST_ORDERS)
}
