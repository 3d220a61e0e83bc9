//! The scheduler's sign of life.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use plugin_api::Millis;

/// When the scheduler last turned. All copies are one.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<AtomicI64>);

impl Pulse {
    /// One that beats for the first time now.
    pub fn new(now: Millis) -> Pulse {
        Pulse(Arc::new(AtomicI64::new(now)))
    }

    pub(super) fn beat(&self, now: Millis) {
        self.0.store(now, Ordering::Relaxed);
    }

    /// For how long it has not turned.
    pub fn still_ms(&self, now: Millis) -> Millis {
        (now - self.0.load(Ordering::Relaxed)).max(0)
    }
}
