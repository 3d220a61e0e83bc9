//! Asks marketplaces what happened and has it applied: runs, their guards and leases, the schedule, and what people do.
//!
//! ```text
//! timer / "sync now" / observe ─> gates ─> lease ─> what waits ─> connector's pages ─> apply, page by page ─> result
//! ```
//!
//! It decides when and for whom; what an observation does to an order is decided in [`crate::domain::apply`], and how
//! that is kept, in [`crate::storage`].

mod asking;
mod chosen;
mod connection;
mod gates;
mod holding;
mod intake;
mod observe;
mod page;
mod people;
mod pull;
mod pulse;
mod result;
mod run;
mod schedule;
mod stop;
mod trial;
mod unnamed;
mod world;

use std::sync::Arc;

use plugin_api::{Error as ConnectorError, Millis, Task};
use serde::Serialize;

use crate::{
    clock::Clock,
    domain::codes::{ChannelCode, TenantCode},
    fetch::Fetcher,
    plugins::Registry,
    storage::{
        Counts, FailedCall, OrderFilter, RunId, RunLine, RunOrder, RunResult, Store, StoreError, TaskRow,
        Timeline, Trigger,
    },
};

pub use connection::Connection;
pub use intake::Taken;
pub use observe::{Line, ObserveRequest, Observed, OutcomeLine};
pub use people::Done;
pub use pulse::Pulse;
pub use schedule::{Pool, Served, serve};
pub use stop::Stop;
pub use trial::{Trial, TrialEvent, TrialHost};

/// The message that the task list shows for a tenant that has not gone live.
pub const TENANT_NOT_LIVE: &str = "Sync not allowed as Tenant is not Live yet";

/// How long leases last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTimes {
    /// A lease that is not renewed runs out after this, in milliseconds.
    pub ttl_ms: Millis,
    /// It is renewed this often, in milliseconds.
    pub renew_ms: Millis,
}

impl Default for LeaseTimes {
    fn default() -> Self {
        LeaseTimes { ttl_ms: 15_000, renew_ms: 5_000 }
    }
}

/// What an [`Engine`] is made from.
pub struct Setup {
    /// Where state is kept.
    pub store: Arc<dyn Store>,
    /// The connectors.
    pub registry: Arc<Registry>,
    /// The way out.
    pub fetcher: Arc<Fetcher>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// How long leases last.
    pub lease: LeaseTimes,
    /// A text that no other process uses; leases carry it.
    pub host: String,
    /// The most that one run may take, in milliseconds.
    pub run_limit_ms: u64,
    /// Ends runs before their time.
    pub stop: Stop,
}

/// Runs syncs. One per process, shared by the timer, the command line and whoever else asks.
pub struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) registry: Arc<Registry>,
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    lease: LeaseTimes,
    host: String,
    run_limit_ms: u64,
    stop: Stop,
    accounts: world::Accounts,
    runs_begun: std::sync::atomic::AtomicU64,
}

impl Engine {
    /// An engine over these parts.
    pub fn new(setup: Setup) -> Self {
        let Setup { store, registry, fetcher, clock, lease, host, run_limit_ms, stop } = setup;
        Engine {
            store,
            registry,
            fetcher,
            clock,
            lease,
            host,
            run_limit_ms,
            stop,
            accounts: world::Accounts::default(),
            runs_begun: std::sync::atomic::AtomicU64::new(0),
        }
    }

    /// Where state is kept.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The connectors.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// What time it is, in milliseconds since 1970, UTC.
    pub fn now_ms(&self) -> Millis {
        self.clock.now_ms()
    }
}

/// Which orders a run is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Whatever the task asks about.
    Task,
    /// Of those that the task by id asks about, all that this filter lets through. Its channel is the run's; its stage and
    /// shipping follow from the task.
    Matching(Box<OrderFilter>),
    /// These, by our code or the marketplace's id; all of the run's channel.
    Orders(Vec<String>),
}

/// A run to do.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// The tenant.
    pub tenant: TenantCode,
    /// The channel.
    pub channel: ChannelCode,
    /// The duty. With chosen orders `Status` and `Pending` ask whether they were dispatched or cancelled, `Returns` whether
    /// those that have left came back.
    pub task: Task,
    /// About which orders.
    pub choice: Choice,
    /// How far back, in milliseconds, instead of the task's mark or window.
    pub since_ms: Option<Millis>,
    /// Show what would change, change nothing; works before go-live.
    pub dry_run: bool,
    /// What set it off.
    pub trigger: Trigger,
    /// The task as it was when it came due: when it is due again is worked out from it. `None` leaves the schedule alone.
    pub due: Option<TaskRow>,
    /// A text of the caller's: asked again with the same one, the run that was made is answered and none begun.
    pub request_key: Option<String>,
}

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct RunSummary {
    /// Its id; none for a dry run.
    pub run: Option<RunId>,
    /// How it ended.
    pub result: RunResult,
    /// In a sentence.
    pub message: String,
    /// What became of the observations.
    pub counts: Counts,
    /// Requests that were sent.
    pub calls: u64,
    /// Of these: sent again.
    pub retries: u64,
    /// What became of each observation that did more than repeat what is known; the first ten thousand.
    pub lines: Vec<RunLine>,
    /// What became of each order that a person chose; the first ten thousand.
    pub orders: Vec<RunOrder>,
    /// Chosen orders beyond those.
    pub more_orders: u64,
    /// Orders that were asked for and not mentioned, by the marketplace's id; the first ten thousand.
    pub absent: Vec<String>,
    /// The connector's error, if a pull failed.
    #[serde(skip)]
    pub error: Option<ConnectorError>,
    /// The call after which the first pull that failed was given up.
    #[serde(skip)]
    pub failed_call: Option<FailedCall>,
    /// What it did, moment by moment.
    #[serde(skip)]
    pub timeline: Timeline,
    /// Whether it was told to stop before its end.
    pub stopped: bool,
    /// The channel was lost to another run before the end.
    #[serde(skip)]
    pub lease_lost: bool,
}

/// How far a run has come; told as it happens.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Another run has the channel; it is looked whether that one is alive.
    Held {
        /// Since when, RFC 3339 UTC.
        since: String,
    },
    /// It has begun.
    Started(Option<RunId>),
    /// So many orders will be asked about by id.
    Chosen(u64),
    /// So many of them have been answered.
    Answered(u64),
    /// A page was applied.
    Page {
        /// Of the chosen orders, how many have been answered.
        answered: u64,
        /// Counts so far.
        counts: Counts,
    },
    /// The next request has to wait, for its turn in the rate plan or after a failure.
    Waiting {
        /// For which call.
        operation: String,
        /// How long.
        millis: u64,
    },
}

/// Is told how a run goes on. It must not block.
pub type Watch = Arc<dyn Fn(Progress) + Send + Sync>;

/// Why a run could not be done at all.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A run has the channel.
    #[error("Status sync of channel {channel} is already running since {since}")]
    AlreadyRunning {
        /// The channel.
        channel: ChannelCode,
        /// Since when, RFC 3339 UTC.
        since: String,
    },
    /// Nothing that could be asked about was chosen: what matches nothing.
    #[error("{0}")]
    NothingChosen(String),
    /// It was told to stop before it began.
    #[error("stopped before the run began; nothing was asked or changed")]
    Stopped,
    /// The task that came due has been done by another host meanwhile.
    #[error("the task has been done by another host meanwhile")]
    NoLongerDue,
    /// The tenant has no such channel, order, … : what is missing and what to do.
    #[error("{0}")]
    NotFound(String),
    /// The request makes no sense: what is wrong with it.
    #[error("{0}")]
    BadRequest(String),
    /// A person's act that the rules do not allow now.
    #[error("{0}")]
    Refused(String),
}
