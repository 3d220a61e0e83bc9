//! What a connector is asked to do, and the small texts it keeps between runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Millis, Status};

/// The recurring duties of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// What changed since the mark: dispatched, cancelled, and whatever else the same pages show.
    Status,
    /// Every open order by id: dispatched, cancelled.
    Pending,
    /// Dispatched orders of channel-shipped channels: delivered, returned, courier text.
    Delivery,
    /// RTO and customer returns of the return window.
    Returns,
}

impl Task {
    /// Every task, in the order in which screens list them.
    pub const ALL: &[Task] = &[Task::Status, Task::Pending, Task::Delivery, Task::Returns];

    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Task::Status => "status",
            Task::Pending => "pending",
            Task::Delivery => "delivery",
            Task::Returns => "returns",
        }
    }

    /// The task of a name.
    pub fn parse(text: &str) -> Option<Task> {
        Task::ALL.iter().copied().find(|task| task.as_str() == text)
    }

    /// Whether the task asks for known orders by id, not for what changed.
    pub const fn is_by_id(self) -> bool {
        matches!(self, Task::Pending | Task::Delivery)
    }

    /// The statuses that the task is for.
    pub const fn statuses(self) -> &'static [Status] {
        match self {
            Task::Status | Task::Pending => &[Status::Dispatched, Status::Cancelled],
            Task::Delivery => &[Status::Delivered, Status::Returned, Status::CourierReturn],
            Task::Returns => &[Status::CourierReturn, Status::ReturnRequested, Status::Returned],
        }
    }
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An order that the host asks about, with every id that it holds for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRef {
    /// The marketplace's order id.
    pub order: String,
    /// The marketplace's item ids.
    #[serde(default)]
    pub items: Vec<String>,
    /// The marketplace's package ids.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Forward waybills.
    #[serde(default)]
    pub awbs: Vec<String>,
}

/// Which orders a pull is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// What moved in a window of time.
    Changed {
        /// From here, UTC.
        since: Millis,
        /// Up to here, UTC.
        until: Millis,
    },
    /// Just these orders.
    Orders(Vec<OrderRef>),
}

/// One pull: what it is for, and over which orders.
///
/// `statuses` says what the run is for and is no filter: whatever a page shows that had to be read anyway is reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// The duty that this pull serves.
    pub task: Task,
    /// The statuses it is for.
    pub statuses: Vec<Status>,
    /// The orders it is about.
    pub scope: Scope,
    /// What the last pull of this task returned, if there was one.
    #[serde(default)]
    pub mark: Option<Mark>,
}

/// How far a task has come: written by the connector, kept by the host, handed to the next pull of the same task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Whatever the connector needs to go on: a watermark, the id of an unfinished report. At most 4 KiB.
    #[serde(default)]
    pub text: String,
    /// Every change before this instant has been reported, UTC. Absent if that cannot be said.
    #[serde(default)]
    pub complete_until: Option<Millis>,
}

impl Mark {
    /// A mark that says only how far the window is complete.
    pub fn complete_until(at: Millis) -> Self {
        Mark { text: String::new(), complete_until: Some(at) }
    }

    /// The same mark with a text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }
}

/// An account token, as a login returns it to the host.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The token itself; a request refers to it by [`account_token()`](crate::account_token).
    pub value: String,
    /// How long it lives, in seconds from now. The host renews it a minute early.
    pub expires_in_secs: u64,
    /// Named companions, e.g. a session cookie; a request refers to one by [`token_part()`](crate::token_part).
    #[serde(default)]
    pub parts: BTreeMap<String, String>,
    /// Secrets that the marketplace replaced during login, by name. The host stores them before the token is used.
    #[serde(default)]
    pub rotated: BTreeMap<String, String>,
}

impl Token {
    /// A token and its life in seconds.
    pub fn new(value: impl Into<String>, expires_in_secs: u64) -> Self {
        Token { value: value.into(), expires_in_secs, ..Token::default() }
    }

    /// The token with a named companion.
    #[must_use]
    pub fn part(mut self, name: &str, value: impl Into<String>) -> Self {
        self.parts.insert(name.to_owned(), value.into());
        self
    }

    /// The token with a secret that was replaced during login.
    #[must_use]
    pub fn rotate(mut self, secret: &str, value: impl Into<String>) -> Self {
        self.rotated.insert(secret.to_owned(), value.into());
        self
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("expires_in_secs", &self.expires_in_secs).finish_non_exhaustive()
    }
}

/// What the host asks of a connector library; crosses the boundary as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The run's start, UTC.
    pub now: Millis,
    /// The channel's settings, without its secrets.
    pub settings: serde_json::Value,
    /// What to do.
    pub work: Work,
}

/// The kinds of [`Job`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Read the settings and say whether they are right.
    Check,
    /// Log in and return a token.
    Login,
    /// Ask the marketplace.
    Pull(Pull),
}
