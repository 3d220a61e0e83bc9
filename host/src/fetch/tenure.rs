//! On whose behalf a job sends, and whether it still may.
//!
//! A channel is held by one run at a time. What is sent, and what is written down about sending, belongs to the run that
//! holds the channel; a host that stood still may come back when another one does. Who holds what is the caller's
//! business.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use plugin_api::Error;

use super::Observer;

/// A claim of a channel, in the words of whoever keeps claims.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    /// Whose channel it is.
    pub tenant: &'a str,
    /// The channel.
    pub channel: &'a str,
    /// Who has claimed it.
    pub holder: &'a str,
    /// Rises with each claim.
    pub epoch: i64,
}

/// A run's hold on its channel.
pub trait Tenure: Send + Sync {
    /// The claim. What is written down under one that was passed is refused.
    fn claim(&self) -> Claimed<'_>;

    /// Comes back once it is certain that the channel is still held.
    ///
    /// # Errors
    /// `unavailable` if it is not.
    fn assured(&self) -> BoxFuture<'_, Result<(), Error>>;
}

/// Who asks for a request: what it is told, and under whose hold it goes out.
#[derive(Clone, Default)]
pub(super) struct Caller {
    pub(super) observer: Option<Observer>,
    /// None for a job that holds nothing, such as a trial's.
    pub(super) tenure: Option<Arc<dyn Tenure>>,
}

impl Caller {
    pub(super) async fn assured(&self) -> Result<(), Error> {
        match &self.tenure {
            Some(tenure) => tenure.assured().await,
            None => Ok(()),
        }
    }

    pub(super) fn tenure(&self) -> Option<&dyn Tenure> {
        self.tenure.as_deref()
    }
}
