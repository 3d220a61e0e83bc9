//! The word to give up: told once, heard by every run of the process.

use std::sync::Arc;

use tokio::sync::watch;

/// Told when runs in flight must come to their end. All copies are one.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Stop(Arc::new(watch::channel(false).0))
    }
}

impl Stop {
    /// Says it.
    pub fn tell(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was said.
    pub(super) fn is_told(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is said.
    pub(super) async fn told(&self) {
        // The sender is held here, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|told| *told).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_told_before_is_heard_after() {
        let stop = Stop::default();
        let copy = stop.clone();
        stop.tell();
        assert!(copy.is_told() && !Stop::default().is_told());
        copy.told().await;
    }
}
