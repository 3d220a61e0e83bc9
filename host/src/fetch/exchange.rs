//! What is told about each attempt: enough to count and to time, nothing secret.

use std::{sync::Arc, time::Duration};

/// One attempt that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The rate-plan name of the call.
    pub operation: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Host and path, without query.
    pub target: String,
    /// The HTTP status; absent if there was no whole reply.
    pub status: Option<u16>,
    /// Bytes of the body, unpacked.
    pub bytes: u64,
    /// How long the attempt took.
    pub took_ms: u64,
    /// Which attempt of its request it was, from 1.
    pub attempt: u32,
    /// How long it had waited before, for its turn and after a failure.
    pub waited_ms: u64,
}

/// What happens to a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// Its next attempt has to wait, for its turn in the rate plan or after a failure. Told before the wait.
    Waits {
        /// The rate-plan name of the call.
        operation: &'a str,
        /// How long.
        wait: Duration,
    },
    /// An attempt has ended.
    Ended(&'a Exchange),
}

/// Is told about every wait and every attempt, in the order in which they happen. It must not block.
pub type Observer = Arc<dyn Fn(Notice<'_>) + Send + Sync>;
