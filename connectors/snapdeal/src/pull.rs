//! The order of the calls for a window: which lists, over which days, and how far the mark moves.

use std::ops::ControlFlow;

use plugin_api::{Cx, ErrorKind, Mark, Millis, Progress, Pull, Result, Scope, Task, Window};

use crate::{
    config::Settings,
    known,
    lists::Reader,
    observe,
    requests::{self, ReturnMode},
    status::ReturnList,
    wire::{Packages, Returns, Suborders},
};

const DAY: Millis = 86_400_000;

/// The longest range that is asked for at once. No maximum is published.
pub(crate) const LONGEST: Millis = 7 * DAY;

/// How far back the start of a buyer's return may lie that ends now: the range of the list goes by the start.
const BUYER_DAYS: Millis = 30 * DAY;

/// How much further back than the window the last change of a courier's return is looked for.
const COURIER_OVERLAP: Millis = 3_600_000;

/// Answers a job.
///
/// # Errors
/// The first that happened. Whatever else could be read was read and reported all the same.
pub(crate) async fn pull(cx: &Cx, settings: &Settings, job: Pull) -> Result<Mark> {
    let reader = Reader { cx, settings };
    let (since, until) = match job.scope {
        Scope::Orders(refs) => return known::known(reader, &refs, job.task).await,
        Scope::Changed { since, until } => (since, until),
    };
    let mut progress = Progress::default();
    match job.task {
        Task::Returns => returned(reader, since, until, &mut progress).await?,
        Task::Status | Task::Pending | Task::Delivery => {
            progress.note(reader.new_orders().await)?;
            for window in Window::cover(since, until, LONGEST, 0) {
                progress.note(reader.cancelled(window).await)?;
            }
        }
    }
    progress.end()?;
    Ok(Mark::complete_until(until.min(cx.now())))
}

/// Every list of returns, completed ones first: they are documented.
async fn returned(reader: Reader<'_>, since: Millis, until: Millis, progress: &mut Progress) -> Result<()> {
    for &mode in ReturnMode::ALL {
        let since = match mode {
            ReturnMode::Buyer => since.min(until - BUYER_DAYS),
            ReturnMode::Courier => since - COURIER_OVERLAP,
        };
        for window in Window::cover(since, until, LONGEST, 0) {
            progress.note(reader.completed_returns(mode, window).await)?;
        }
    }
    if reader.settings.pending_returns_list {
        for &mode in ReturnMode::ALL {
            progress.note(reader.pending_returns(mode).await)?;
        }
    }
    Ok(())
}

/// For lists: nobody was asked about an order, so only the rows themselves can name theirs.
fn unnamed(_: &str) -> Option<String> {
    None
}

impl Reader<'_> {
    /// The whole list of new orders: it shows waybills, splits and invoice numbers, and has no filter by time.
    async fn new_orders(&self) -> Result<()> {
        let request = |page| requests::new_orders(self.settings, page);
        self.list::<Packages>("new orders", self.settings.page_size, request, |rows| {
            let facts =
                rows.iter().flat_map(|row| observe::package(self.settings, row, self.cx.now(), &unnamed));
            self.cx.observe(facts);
            ControlFlow::Continue(())
        })
        .await
    }

    async fn cancelled(&self, window: Window) -> Result<()> {
        let request = |page| requests::cancelled(self.settings, window, page);
        self.list::<Suborders>("cancelled suborders", self.settings.page_size, request, |rows| {
            self.cx
                .observe(rows.iter().filter_map(|row| observe::suborder(self.settings, row, None, &unnamed)));
            ControlFlow::Continue(())
        })
        .await
    }

    async fn completed_returns(&self, mode: ReturnMode, window: Window) -> Result<()> {
        let request = |page| requests::completed_returns(self.settings, mode, window, page);
        self.returns("completed returns", ReturnList::Completed, mode, request).await
    }

    /// The list of pending returns, which the reference does not have: where Snapdeal does not know it, the questions by
    /// suborder of the task `delivery` do its work.
    async fn pending_returns(&self, mode: ReturnMode) -> Result<()> {
        let request = |page| requests::pending_returns(self.settings, mode, page);
        let read = self.returns("pending returns", ReturnList::Pending, mode, request).await;
        match read {
            Err(error) if error.kind == ErrorKind::BadRequest => {
                tracing::info!(%error, "there is no list of pending returns; set pending_returns_list = false");
                Ok(())
            }
            read => read,
        }
    }

    async fn returns(
        &self,
        what: &str,
        list: ReturnList,
        mode: ReturnMode,
        request: impl Fn(u32) -> plugin_api::Request,
    ) -> Result<()> {
        self.list::<Returns>(what, self.settings.returns_page_size(), request, |rows| {
            self.cx.observe(rows.iter().filter_map(|row| observe::return_row(row, list, mode, &unnamed)));
            ControlFlow::Continue(())
        })
        .await
    }
}
