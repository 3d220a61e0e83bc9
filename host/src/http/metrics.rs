//! `/metrics`: figures in Prometheus' text form.
//!
//! No figure is told by tenant: there may be ten thousand of them. Whose task is late is in the task list.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use axum::{extract::State, http::header, response::IntoResponse};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use plugin_api::Millis;

use super::Answers;
use crate::storage::Store;

/// What runs take: from a look that finds nothing to a first look at a million orders.
const RUN_SECS: &[f64] = &[0.05, 0.2, 1.0, 5.0, 20.0, 60.0, 300.0, 1_800.0];
/// How late runs begin.
const DELAY_SECS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0];

/// How old data is takes a look at every task: with very many of them, not more often than this.
const LOOK_AGAIN: Millis = 10_000;

/// The figures of this process.
#[derive(Clone)]
pub struct Figures {
    handle: PrometheusHandle,
    /// When it was looked how old data is.
    looked_at: Arc<AtomicI64>,
}

impl Figures {
    /// Begins to count. Only the first call of a process takes effect for what is counted.
    ///
    /// # Errors
    /// If the buckets are wrong, which a test rules out.
    pub fn start() -> Result<Figures, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full("statusync_run_seconds".to_owned()), RUN_SECS)?
            .set_buckets_for_metric(Matcher::Full("statusync_start_delay_seconds".to_owned()), DELAY_SECS)?
            .build_recorder();
        let handle = recorder.handle();
        // Another one counts already: that is a second start in one process, as tests make it.
        let _ = metrics::set_global_recorder(recorder);
        metrics::describe_counter!("statusync_runs_total", "Runs that ended, by connector, task and result.");
        metrics::describe_histogram!("statusync_run_seconds", "What runs took.");
        metrics::describe_histogram!(
            "statusync_start_delay_seconds",
            "How long after their time runs by the timer began."
        );
        metrics::describe_gauge!("statusync_runs_in_flight", "Runs by the timer that are on.");
        metrics::gauge!("statusync_runs_in_flight").set(0.0);
        metrics::describe_counter!("statusync_outcomes_total", "Observations by connector and outcome.");
        metrics::describe_counter!(
            "statusync_calls_total",
            "Attempts by connector, operation and HTTP status."
        );
        metrics::describe_counter!(
            "statusync_breaker_opened_total",
            "How often a connector's or an account's calls were stopped."
        );
        metrics::describe_gauge!(
            "statusync_late_tasks",
            "Enabled tasks whose data is older than twice their interval."
        );
        metrics::describe_gauge!(
            "statusync_oldest_data_seconds",
            "Age of the oldest data of an enabled task, by connector and task."
        );
        metrics::describe_counter!(
            "statusync_webhook_attempts_total",
            "Messages that were sent to webhooks, by outcome."
        );
        metrics::describe_gauge!("statusync_webhook_waiting", "Messages that wait for webhooks.");
        metrics::describe_gauge!("statusync_webhook_oldest_seconds", "Age of the oldest message that waits.");
        metrics::describe_gauge!(
            "statusync_webhook_failed",
            "Messages that were given up and are still kept."
        );
        metrics::describe_gauge!("statusync_webhook_disabled", "Webhooks that are disabled.");
        Ok(Figures { handle, looked_at: Arc::new(AtomicI64::new(0)) })
    }
}

pub(super) async fn page(State(answers): State<Arc<Answers>>) -> impl IntoResponse {
    let (now, looked_at) = (answers.clock.now_ms(), &answers.figures.looked_at);
    let is_old = |at| (now - at >= LOOK_AGAIN).then_some(now);
    if looked_at.try_update(Ordering::Relaxed, Ordering::Relaxed, is_old).is_ok() {
        tell_freshness(&*answers.store, now).await;
        tell_backlog(&*answers.store, now).await;
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], answers.figures.handle.render())
}

async fn tell_freshness(store: &dyn Store, now: Millis) {
    match store.freshness(now).await {
        Ok(rows) => {
            for row in rows {
                let labels = [("connector", row.connector), ("task", row.task.as_str().to_owned())];
                #[expect(clippy::cast_precision_loss, reason = "counts and ages far below 2^52")]
                {
                    metrics::gauge!("statusync_late_tasks", &labels).set(row.late as f64);
                    metrics::gauge!("statusync_oldest_data_seconds", &labels)
                        .set(row.oldest_ms as f64 / 1_000.0);
                }
            }
        }
        Err(error) => tracing::warn!(%error, "how old data is cannot be told"),
    }
}

async fn tell_backlog(store: &dyn Store, now: Millis) {
    match store.backlog().await {
        Ok(backlog) => {
            #[expect(clippy::cast_precision_loss, reason = "counts and ages far below 2^52")]
            {
                let oldest_ms = backlog.oldest_at.map_or(0, |oldest| (now - oldest).max(0));
                metrics::gauge!("statusync_webhook_waiting").set(backlog.waiting as f64);
                metrics::gauge!("statusync_webhook_oldest_seconds").set(oldest_ms as f64 / 1_000.0);
                metrics::gauge!("statusync_webhook_failed").set(backlog.failed as f64);
                metrics::gauge!("statusync_webhook_disabled").set(backlog.disabled as f64);
            }
        }
        Err(error) => tracing::warn!(%error, "what waits for webhooks cannot be told"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_are_accepted() {
        assert!(Figures::start().is_ok());
    }
}
