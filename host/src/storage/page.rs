//! What a page of observations may read of the store and what it may write: one transaction's input and output.
//!
//! A page is decided in memory, between the two, by a function that the caller hands over.

use std::collections::{BTreeMap, HashMap};

use plugin_api::{Mark, Millis, Task};

use super::run::{Counts, RunId, RunLine};
use crate::domain::{
    codes::{FacilityCode, Sku},
    duties::Parked,
    effect::Change,
    ledger::{Counters, Ledger, LedgerChanges},
    snapshot::{Channel, OrderFile, Traceability},
};

/// What a page is about.
#[derive(Clone, Debug, Default)]
pub struct PageKeys {
    /// The marketplace's order ids, each at most once, with the fingerprint of what is now said about it. An order that
    /// has the same fingerprint stored, and nothing waiting, is not loaded.
    pub orders: Vec<(String, Option<u64>)>,
    /// Invoice numbers that the channel gave on this page; looked up among those it gave before.
    pub invoice_numbers: Vec<String>,
    /// Stock that is read besides that of the orders' items.
    pub stock: Vec<(FacilityCode, Sku)>,
    /// The instant that the decisions are made for, UTC: it sets the financial year.
    pub now: Millis,
    /// The run that the lines are kept under. Without one no line is kept.
    pub run: Option<RunId>,
}

/// Whether the writes stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They do.
    Commit,
    /// Everything is loaded, decided and written, then taken back.
    Rehearse,
}

/// What was found. When the result is written, all of this is still so.
#[derive(Debug)]
pub struct PageState {
    /// The channel as it is now.
    pub channel: Channel,
    /// Whether the tenant is live.
    pub live: bool,
    /// Whether somebody is to be told of changes.
    pub has_webhooks: bool,
    /// The orders that are known here and not unchanged, by the marketplace's id.
    pub files: HashMap<String, OrderFile>,
    /// The orders whose fingerprint is the same and for which nothing waits, by the marketplace's id.
    pub unchanged: Vec<String>,
    /// Facts that wait for these orders, known or not, oldest first, by the marketplace's id; with the store's own id.
    pub waiting: HashMap<String, Vec<(i64, Parked)>>,
    /// How each facility of the tenant knows its units.
    pub facilities: BTreeMap<FacilityCode, Traceability>,
    /// Stock, series, used numbers and counters that these orders may touch.
    pub ledger: Ledger,
    /// The counters as loaded, for [`Ledger::changes`].
    pub counters: Counters,
}

/// What was decided. Everything is written in one transaction, or nothing.
#[derive(Clone, Debug, Default)]
pub struct PageResult {
    /// The orders that changed, whole. Invoices, putaways and conflicts of a file are added or replaced, never deleted.
    pub files: Vec<OrderFile>,
    /// Lines of history, oldest first.
    pub changes: Vec<Change>,
    /// Shared rows that changed.
    pub ledger: LedgerChanges,
    /// Facts that begin to wait; their `channel` is filled in.
    pub park: Vec<Parked>,
    /// Facts that need not wait any longer, by the store's id.
    pub unpark: Vec<i64>,
    /// Fingerprints to remember, by the marketplace's order id. An order that changed and is not named here forgets its own.
    pub seen: Vec<(String, Option<u64>)>,
    /// Lines worth keeping with the run.
    pub lines: Vec<RunLine>,
    /// What became of the page's observations.
    pub counts: Counts,
    /// How far the task has come, with the page that completes it.
    pub mark: Option<(Task, Mark)>,
}

/// Decides a page. Pure and quick. A store may have it decided before the page's turn to be written has come, and once more
/// when something of the state has changed by then: only the last decision counts.
pub type Decide = Box<dyn Fn(PageState) -> PageResult + Send + Sync>;

/// Decides what a person does to an order. Pure, quick, and called at most once, while the store holds its write lock.
pub type Edit = Box<dyn FnOnce(PageState) -> PageResult + Send>;

/// What a page came to.
#[derive(Clone, Debug, Default)]
pub struct PageReport {
    /// What was changed, or would have been.
    pub changes: Vec<Change>,
    /// The lines that were kept with the run, or would have been.
    pub lines: Vec<RunLine>,
    /// What became of the observations.
    pub counts: Counts,
    /// How many orders were not loaded because nothing new was said.
    pub unchanged: usize,
}

impl PageReport {
    /// What a decision came to, with the number of orders that were not loaded.
    pub(super) fn of(result: PageResult, unchanged: usize) -> PageReport {
        PageReport { changes: result.changes, lines: result.lines, counts: result.counts, unchanged }
    }
}
