//! What is told about each attempt: enough to count and to time, nothing secret.

use std::sync::Arc;

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

/// Is told about every attempt, in the order in which they end. It must not block.
pub type Observer = Arc<dyn Fn(&Exchange) + Send + Sync>;
