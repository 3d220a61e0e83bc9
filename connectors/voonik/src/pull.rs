//! The order of the calls: what a pull asks, when it goes on after a failure, and how far its mark moves.

use std::collections::{BTreeSet, HashSet};

use plugin_api::{
    Cx, Error, Mark, Millis, Observation, OrderRef, Progress, Pull, Result, Scope, Window, reading::Row,
};
use serde_json::Value;

use crate::{
    config::Settings,
    errors,
    observe::Seen,
    paging::Pages,
    requests::{self, op},
    wire::{self, Order},
};

/// The longest window of one list. No limit is known; a day keeps lists short.
pub(crate) const LONGEST: Millis = 24 * 3_600_000;

/// How much of a window its successor repeats: how soon a change shows in the list is not known.
pub(crate) const OVERLAP: Millis = 15 * 60_000;

/// Answers a job.
///
/// # Errors
/// The first that happened. Whatever else could be read was read and reported all the same.
pub(crate) async fn pull(cx: &Cx, settings: &Settings, job: Pull) -> Result<Mark> {
    let mut reader = Reader { cx, settings, reported: HashSet::new(), inferred: BTreeSet::new() };
    let result = match job.scope {
        Scope::Changed { .. } if settings.poll_open_orders => {
            tracing::info!("`poll_open_orders` is set: the list is not read, orders are asked for by number");
            Ok(Mark::default())
        }
        Scope::Changed { since, until } => changed(&mut reader, since, until).await,
        Scope::Orders(refs) => known(&mut reader, &refs).await,
    };
    if !reader.inferred.is_empty() {
        let states: Vec<_> = reader.inferred.iter().take(20).collect();
        tracing::warn!(
            ?states,
            "states in no table were read from the lines' progress; add them to `status_table`"
        );
    }
    result
}

/// The list over every window. The mark moves past a window only when every page of it was read.
async fn changed(reader: &mut Reader<'_>, since: Millis, until: Millis) -> Result<Mark> {
    for window in Window::cover(since, until, LONGEST, OVERLAP) {
        let mut progress = Progress::default();
        let mut pages = Pages::default();
        let mut page = reader.settings.page_start;
        while reader.page(window, page, &mut pages, &mut progress).await? {
            page += 1;
        }
        progress.end()?;
        if window.to < until {
            reader.cx.checkpoint(Mark::complete_until(window.to.min(reader.cx.now())));
        }
    }
    Ok(Mark::complete_until(until.min(reader.cx.now())))
}

/// One order a call.
async fn known(reader: &mut Reader<'_>, refs: &[OrderRef]) -> Result<Mark> {
    let mut progress = Progress::default();
    let mut asked = HashSet::new();
    for number in refs.iter().map(|order| order.order.as_str()) {
        if !number.trim().is_empty() && asked.insert(number) {
            progress.note(reader.order(number).await)?;
        }
    }
    progress.end()?;
    Ok(Mark::default())
}

/// Reads answers, and passes on what they show.
struct Reader<'a> {
    cx: &'a Cx,
    settings: &'a Settings,
    reported: HashSet<Observation>,
    inferred: BTreeSet<String>,
}

impl Reader<'_> {
    /// Reads a page of the list; whether there may be another. Rows that cannot be read do not end the list.
    async fn page(
        &mut self,
        window: Window,
        page: u32,
        pages: &mut Pages,
        progress: &mut Progress,
    ) -> Result<bool> {
        let reply = self.cx.send(requests::list(self.settings, window, page)).await?;
        let body = errors::body(reply, op::LIST_ORDERS)?;
        let rows = self.rows(body).map_err(|error| error.during(op::LIST_ORDERS))?;
        progress.note(self.report(&rows, None).map_err(|error| error.during(op::LIST_ORDERS)))?;
        let numbers = rows.iter().map(|row| match row {
            Row::Read(order) => order.voonik_order_number.clone().unwrap_or_default(),
            Row::Unreadable => String::new(),
        });
        pages
            .goes_on(numbers.collect(), rows.len(), self.settings.page_size)
            .map_err(|error| error.during(op::LIST_ORDERS))
    }

    async fn order(&mut self, number: &str) -> Result<()> {
        let reply = self.cx.send(requests::order(self.settings, number)).await?;
        let mut body = errors::body(reply, op::GET_ORDER)?;
        let order = match body.get_mut("vendor_order").map(Value::take) {
            Some(order) if order.is_object() => self.read(order),
            _ => return Err(Error::bad_reply("the reply has no `vendor_order`").during(op::GET_ORDER)),
        };
        self.report(&[order], Some(number)).map_err(|error| error.during(op::GET_ORDER))
    }

    /// The rows of a list: at the path that the settings name, or the body itself.
    fn rows(&self, body: Value) -> Result<Vec<Row<Order>>> {
        let rows = if body.is_array() {
            Some(body)
        } else {
            self.settings
                .items_path
                .iter()
                .try_fold(body, |mut at, member| at.get_mut(member).map(Value::take))
        };
        match rows {
            Some(Value::Array(rows)) => Ok(rows.into_iter().map(|row| self.read(row)).collect()),
            _ => {
                let path = self.settings.items_path.join(".");
                Err(Error::bad_reply(format!(
                    "the reply has no list `{path}`, not even an empty one; see the setting `items_path`"
                )))
            }
        }
    }

    fn read(&self, order: Value) -> Row<Order> {
        let order = wire::renamed(order, &self.settings.aliases);
        serde_json::from_value(order).map_or(Row::Unreadable, Row::Read)
    }

    fn report(&mut self, rows: &[Row<Order>], asked: Option<&str>) -> Result<()> {
        let mut seen = Seen::default();
        for row in rows {
            seen.order(row, asked, self.settings);
        }
        let mut page = seen.observations;
        page.retain(|seen| self.reported.insert(seen.clone()));
        self.cx.observe(page);
        self.inferred.append(&mut seen.inferred);
        match seen.unreadable {
            0 => Ok(()),
            rows => Err(Error::bad_reply(format!(
                "rows that lack an order number, a line id or a state, or cannot be read: {rows}; the others were reported"
            ))),
        }
    }
}
