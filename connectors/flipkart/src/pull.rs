//! The order of the calls: what a pull asks, when it goes on after a failure, and how far its mark moves.
//!
//! One request at a time: Flipkart publishes no limits, and clients in production pause between calls.

use std::collections::{HashMap, HashSet};

use plugin_api::{Cx, Error, ErrorKind, Mark, Millis, OrderRef, Progress, Pull, Result, Scope, Task, Window};

use crate::{
    auth,
    batches::{self, Batch},
    config::Settings,
    courier::{Ask, Reporter},
    errors, observe,
    paging::{LONGEST, OVERLAP, Pages, SHORTEST},
    requests::{self, IdKind, Pass, Source, op},
    wire::{ReturnPage, ShipmentPage},
};

/// Answers a job.
///
/// # Errors
/// The first that happened. Whatever else could be read was read and reported all the same.
pub(crate) async fn pull(cx: &Cx, settings: &Settings, job: Pull) -> Result<Mark> {
    match job.scope {
        Scope::Changed { since, until } => {
            let lists: Vec<_> = match job.task {
                Task::Returns => Source::ALL.iter().copied().map(List::Returns).collect(),
                Task::Status | Task::Pending | Task::Delivery => {
                    Pass::ALL.iter().copied().map(List::Shipments).collect()
                }
            };
            changed(Reader::new(cx, settings, Ask::Moved), &lists, since, until).await
        }
        Scope::Orders(refs) => {
            let held =
                refs.iter().map(|order| (order.order.clone(), order.awbs.len())).collect::<HashMap<_, _>>();
            known(Reader::new(cx, settings, Ask::Known(held)), &refs).await
        }
    }
}

/// Every list over every window. The mark moves past a window only when every page of every list in it was read.
async fn changed(mut reader: Reader<'_>, lists: &[List], since: Millis, until: Millis) -> Result<Mark> {
    for window in Window::cover(since, until, LONGEST, OVERLAP) {
        let mut progress = Progress::default();
        for &list in lists {
            let read = reader.read_in_parts(list, window).await;
            reader.reporter.flush().await;
            progress.note(read)?;
        }
        let again = std::mem::take(&mut reader.forward_again);
        for ids in batches::items(&again) {
            progress.note(reader.by_id(IdKind::Item, &ids).await.map(drop))?;
        }
        progress.end()?;
        reader.reporter.forget();
        if window.to < until {
            reader.cx.checkpoint(Mark::complete_until(window.to.min(reader.cx.now())));
        }
    }
    Ok(Mark::complete_until(until.min(reader.cx.now())))
}

/// Known orders by id. An order or item that is not in the answer is no news.
async fn known(mut reader: Reader<'_>, refs: &[OrderRef]) -> Result<Mark> {
    let mut progress = Progress::default();
    let mut unseen = Vec::new();
    for Batch { kind, ids, orders } in batches::batches(refs) {
        let seen = reader.by_id(kind, &ids).await;
        if let (IdKind::Shipment, Ok(seen)) = (kind, &seen) {
            // The host may hold the shipments of some of an order's items only.
            unseen.extend(
                orders.iter().flat_map(|order| &order.items).filter(|item| !seen.contains(*item)).cloned(),
            );
        }
        progress.note(seen.map(drop))?;
    }
    for ids in batches::items(&unseen) {
        progress.note(reader.by_id(IdKind::Item, &ids).await.map(drop))?;
    }
    progress.end()?;
    Ok(Mark::default())
}

/// A list of Flipkart's.
#[derive(Clone, Copy, Debug)]
enum List {
    Shipments(Pass),
    Returns(Source),
}

/// Reads lists and answers, and passes on what they show.
struct Reader<'a> {
    cx: &'a Cx,
    settings: &'a Settings,
    reporter: Reporter<'a>,
    /// Items whose courier return was cancelled: they go forward again, so their own status is worth a look.
    forward_again: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(cx: &'a Cx, settings: &'a Settings, ask: Ask) -> Self {
        Reader { cx, settings, reporter: Reporter::new(cx, settings, ask), forward_again: Vec::new() }
    }

    /// Reads a list; where Flipkart fails on the window, in halves of it.
    async fn read_in_parts(&mut self, list: List, window: Window) -> Result<()> {
        let mut todo = vec![window];
        while let Some(window) = todo.pop() {
            let Err(error) = self.read(list, window).await else { continue };
            let halves = window.halves(SHORTEST, OVERLAP).filter(|_| error.kind == ErrorKind::Unavailable);
            let Some([older, newer]) = halves else { return Err(error) };
            tracing::warn!(%error, ?list, minutes = (window.to - window.from) / 60_000, "the window is halved");
            todo.extend([newer, older]);
        }
        Ok(())
    }

    async fn read(&mut self, list: List, window: Window) -> Result<()> {
        match list {
            List::Shipments(pass) => self.read_shipments(pass, window).await,
            List::Returns(source) => self.read_returns(source, window).await,
        }
    }

    async fn read_shipments(&mut self, pass: Pass, window: Window) -> Result<()> {
        let mut request = requests::list_shipments(self.settings, pass, window);
        let mut pages = Pages::default();
        loop {
            let page: ShipmentPage = auth::send(self.cx, request).await?.json()?;
            self.reporter.add(page.shipments.as_deref().unwrap_or_default()).await;
            errors::none_in_body(&page.errors, op::LIST_SHIPMENTS)?;
            page.shipments.ok_or_else(|| no_rows("shipments", op::LIST_SHIPMENTS))?;
            let next = pages.next(page.has_more, page.next_page_url.as_deref());
            match next.map_err(|error| error.during(op::LIST_SHIPMENTS))? {
                Some(link) => request = requests::next_shipments(self.settings, link)?,
                None => return Ok(()),
            }
        }
    }

    async fn read_returns(&mut self, source: Source, window: Window) -> Result<()> {
        let mut request = requests::list_returns(self.settings, source, window);
        let mut pages = Pages::default();
        loop {
            let page: ReturnPage = auth::send(self.cx, request).await?.json()?;
            self.report_returns(&page, source);
            errors::none_in_body(&page.errors, op::LIST_RETURNS)?;
            page.return_items.ok_or_else(|| no_rows("returnItems", op::LIST_RETURNS))?;
            let next = pages.next(page.has_more, page.next_url.as_deref());
            match next.map_err(|error| error.during(op::LIST_RETURNS))? {
                Some(link) => request = requests::next_returns(self.settings, link)?,
                None => return Ok(()),
            }
        }
    }

    fn report_returns(&mut self, page: &ReturnPage, source: Source) {
        let include_fbf = self.settings.include_fbf;
        let rows = page.return_items.as_deref().unwrap_or_default();
        let seen: Vec<_> =
            rows.iter().filter_map(|row| observe::return_item(row, source, include_fbf)).collect();
        if source == Source::Courier {
            let cancelled =
                seen.iter().filter(|seen| seen.status == Some(plugin_api::Status::ReturnCancelled));
            self.forward_again.extend(cancelled.filter_map(|seen| seen.item.clone()));
        }
        self.reporter.tell(seen);
    }

    /// Asks for statuses by id; returns the items that the answer names.
    async fn by_id(&mut self, kind: IdKind, ids: &[String]) -> Result<HashSet<String>> {
        let page: ShipmentPage =
            auth::send(self.cx, requests::shipments_by_id(self.settings, kind, ids)).await?.json()?;
        self.reporter.hold(page.shipments.as_deref().unwrap_or_default());
        self.reporter.flush().await;
        errors::none_in_body(&page.errors, op::GET_SHIPMENTS)?;
        let shipments = page.shipments.ok_or_else(|| no_rows("shipments", op::GET_SHIPMENTS))?;
        Ok(shipments
            .into_iter()
            .flat_map(|seen| seen.order_items)
            .filter_map(|item| item.order_item_id)
            .collect())
    }
}

fn no_rows(member: &str, operation: &str) -> Error {
    Error::bad_reply(format!("the reply has no `{member}`")).during(operation)
}
