//! The order of the calls for known orders: by package where the host holds its code, else by suborder, else by search.
//!
//! A suborder that no answer shows is no news: between printing and hand-over it may be in none of the lists. It is
//! searched for only if its package is unknown, or if its package answered without it, as after a split.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::ControlFlow,
};

use plugin_api::{Mark, Observation, OrderRef, Progress, Request, Result, Status, Task};

use crate::{
    errors,
    lists::Reader,
    observe,
    requests::{self, ReturnMode, is_code},
    status::ReturnList,
    wire::{Package, Packages, Returns, Suborders},
};

/// Answers a question about known orders.
///
/// # Errors
/// The first that happened. Whatever else could be asked was asked and reported all the same.
pub(crate) async fn known(reader: Reader<'_>, refs: &[OrderRef], task: Task) -> Result<Mark> {
    let orders =
        refs.iter().flat_map(|order| order.items.iter().map(|item| (item.clone(), order.order.clone())));
    let mut known = Known {
        reader,
        progress: Progress::default(),
        orders: orders.collect(),
        seen: HashMap::new(),
        lost: BTreeMap::new(),
        unnamed: Vec::new(),
    };
    for order in refs {
        known.order(order).await?;
    }
    known.search().await?;
    if task == Task::Delivery {
        for order in refs {
            known.returns(&order.order).await?;
        }
    }
    known.progress.end()?;
    Ok(Mark::default())
}

/// What is known of a suborder that has to be searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    /// Nobody knows its package; nothing was asked about it yet.
    Unasked,
    /// Its package has answered without it, and it is not cancelled.
    Split,
}

struct Known<'a> {
    reader: Reader<'a>,
    progress: Progress,
    /// The host's order id of each suborder that it holds.
    orders: HashMap<String, String>,
    /// What each suborder was last seen in.
    seen: HashMap<String, Option<Status>>,
    /// Suborders to search for.
    lost: BTreeMap<String, Lost>,
    /// Orders of which the host holds neither suborders nor packages.
    unnamed: Vec<String>,
}

impl Known<'_> {
    /// Asks about one order's packages, and about its suborders that no package showed.
    async fn order(&mut self, order: &OrderRef) -> Result<()> {
        let packages: Vec<&String> = order.packages.iter().filter(|code| is_code(code)).collect();
        let items: Vec<&String> = order.items.iter().filter(|code| is_code(code)).collect();
        if packages.len() + items.len() < order.packages.len() + order.items.len() {
            tracing::warn!("a code that is none of Snapdeal's was not asked about");
        }
        let (mut answered, mut has_failed) = (false, false);
        for package in &packages {
            // The host may hold codes from before a split too.
            if !items.is_empty() && items.iter().all(|item| self.seen.contains_key(item.as_str())) {
                break;
            }
            match self.package(package, &order.order).await {
                Ok(has_rows) => {
                    answered |= has_rows;
                    self.progress.note(Ok(()))?;
                }
                Err(error) => {
                    has_failed = true;
                    self.progress.note(Err(error))?;
                }
            }
        }
        let missing = items.iter().filter(|item| !self.seen.contains_key(item.as_str()));
        let missing: Vec<String> = missing.map(|item| (*item).clone()).collect();
        for suborder in missing {
            if packages.is_empty() {
                self.lost.insert(suborder, Lost::Unasked);
                continue;
            }
            let asked = self.cancelled(&suborder).await;
            if asked.is_ok() && answered && !has_failed && !self.seen.contains_key(&suborder) {
                self.lost.insert(suborder, Lost::Split);
            }
            self.progress.note(asked)?;
        }
        if packages.is_empty() && items.is_empty() {
            self.unnamed.push(order.order.clone());
        }
        Ok(())
    }

    /// Asks about a package, first as completed, then as new; returns whether an answer had rows.
    async fn package(&mut self, package: &str, order: &str) -> Result<bool> {
        let settings = self.reader.settings;
        let completed = requests::completed_package(settings, package);
        if self.package_by(completed, "a completed order", order).await? {
            return Ok(true);
        }
        self.package_by(requests::new_package(settings, package), "a new order", order).await
    }

    async fn package_by(&mut self, request: Request, what: &str, order: &str) -> Result<bool> {
        let answer = self.reader.one::<Packages>(request, what).await?;
        for package in &answer.rows {
            let facts = observe::package(self.reader.settings, package, self.reader.cx.now(), &|suborder| {
                Some(self.orders.get(suborder).map_or(order, String::as_str).to_owned())
            });
            self.report(facts);
        }
        errors::all_read(what, answer.unreadable)?;
        Ok(answer.rows.iter().any(|package| !package.items.is_empty()))
    }

    /// Asks whether a suborder is cancelled.
    async fn cancelled(&mut self, suborder: &str) -> Result<()> {
        let what = "a cancelled suborder";
        let request = requests::cancelled_suborder(self.reader.settings, suborder);
        let answer = self.reader.one::<Suborders>(request, what).await?;
        let order_of = |suborder: &str| self.orders.get(suborder).cloned();
        let facts = answer.rows.iter();
        let facts = facts.filter_map(|row| observe::suborder(self.reader.settings, row, None, &order_of));
        self.report(facts.collect());
        errors::all_read(what, answer.unreadable)
    }

    /// Looks for what has to be searched: among the new orders, then by suborder among the cancelled, then among the
    /// completed orders, as far as the settings allow.
    async fn search(&mut self) -> Result<()> {
        if self.lost.is_empty() && self.unnamed.is_empty() {
            return Ok(());
        }
        let searched = self.search_list("new orders", None, requests::new_orders).await;
        self.progress.note(searched)?;
        let unasked = self.lost.iter().filter(|(_, lost)| **lost == Lost::Unasked);
        for suborder in unasked.map(|(code, _)| code.clone()).collect::<Vec<_>>() {
            let asked = self.cancelled(&suborder).await;
            self.progress.note(asked)?;
        }
        let pages = self.reader.settings.search_pages;
        if !self.lost.is_empty() && pages > 0 {
            let searched =
                self.search_list("completed orders", Some(pages), requests::completed_orders).await;
            self.progress.note(searched)?;
        }
        if !self.unnamed.is_empty() {
            tracing::warn!(
                orders = self.unnamed.len(),
                "orders without suborder and package codes were not found among the new ones; Snapdeal answers by those"
            );
        }
        Ok(())
    }

    async fn search_list(
        &mut self,
        what: &str,
        most_pages: Option<u32>,
        request: fn(&crate::config::Settings, u32) -> Request,
    ) -> Result<()> {
        let reader = self.reader;
        let mut pages = 0;
        let on_page = |rows: &[Package]| {
            pages += 1;
            for package in rows {
                let order_of = |suborder: &str| self.orders.get(suborder).cloned();
                let facts = observe::package(reader.settings, package, reader.cx.now(), &order_of);
                // Orders of others, in answers that do not name the order, are not what was asked for.
                let facts = facts.into_iter().filter(|fact| !fact.order.is_empty()).collect();
                self.report(facts);
            }
            if most_pages == Some(pages) && !self.lost.is_empty() {
                tracing::warn!(pages, "the search ends here; search_pages allows no more");
            }
            let is_enough = self.lost.is_empty() && self.unnamed.is_empty();
            if is_enough || most_pages == Some(pages) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        reader
            .list::<Packages>(what, reader.settings.page_size, |page| request(reader.settings, page), on_page)
            .await
    }

    /// Asks for the returns of an order's suborders, and reports them together: a package that is turned back comes back
    /// whole.
    async fn returns(&mut self, order: &str) -> Result<()> {
        let of_order = self.orders.iter().filter(|(code, of)| *of == order && is_code(code));
        let suborders: BTreeSet<String> = of_order.map(|(code, _)| code.clone()).collect();
        let (mut facts, mut end) = (Vec::new(), Ok(()));
        'all: for suborder in suborders {
            for &mode in self.modes_of(&suborder) {
                let asked = self.pending_return(&suborder, mode, &mut facts).await;
                end = self.progress.note(asked);
                if end.is_err() {
                    break 'all;
                }
            }
        }
        self.reader.cx.observe(facts);
        end
    }

    /// The returns that a suborder may have by what it was seen in: an undelivered one comes back with the courier, a
    /// delivered one from the buyer, one that was not seen either way.
    fn modes_of(&self, suborder: &str) -> &'static [ReturnMode] {
        match self.seen.get(suborder) {
            Some(Some(Status::Dispatched | Status::Cancelled)) => &[ReturnMode::Courier],
            Some(Some(Status::Delivered)) => &[ReturnMode::Buyer],
            Some(Some(Status::Created)) => &[],
            Some(_) | None => ReturnMode::ALL,
        }
    }

    async fn pending_return(
        &self,
        suborder: &str,
        mode: ReturnMode,
        facts: &mut Vec<Observation>,
    ) -> Result<()> {
        let what = "a pending return";
        let request = requests::pending_return(self.reader.settings, mode, suborder);
        let answer = self.reader.one::<Returns>(request, what).await?;
        let order_of = |suborder: &str| self.orders.get(suborder).cloned();
        let rows = answer.rows.iter();
        facts.extend(rows.filter_map(|row| observe::return_row(row, ReturnList::Pending, mode, &order_of)));
        errors::all_read(what, answer.unreadable)
    }

    fn report(&mut self, facts: Vec<Observation>) {
        for fact in &facts {
            if let Some(suborder) = &fact.item {
                self.seen.insert(suborder.clone(), fact.status);
                self.lost.remove(suborder);
                self.orders.entry(suborder.clone()).or_insert_with(|| fact.order.clone());
            }
            self.unnamed.retain(|order| *order != fact.order);
        }
        self.reader.cx.observe(facts);
    }
}
