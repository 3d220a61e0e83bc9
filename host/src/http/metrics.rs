//! `/metrics`: figures in Prometheus' text form.
//!
//! No figure is told by tenant: there may be ten thousand of them. Whose task is late is in the task list.

use std::sync::Arc;

use axum::{extract::State, http::header, response::IntoResponse};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::Answers;

/// What runs take: from a look that finds nothing to a first look at a million orders.
const RUN_SECS: &[f64] = &[0.05, 0.2, 1.0, 5.0, 20.0, 60.0, 300.0, 1_800.0];
/// How late runs begin.
const DELAY_SECS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0];

/// The figures of this process.
#[derive(Clone)]
pub struct Figures(PrometheusHandle);

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
        Ok(Figures(handle))
    }
}

pub(super) async fn page(State(answers): State<Arc<Answers>>) -> impl IntoResponse {
    match answers.store.freshness(answers.clock.now_ms()).await {
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
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], answers.figures.0.render())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_are_accepted() {
        assert!(Figures::start().is_ok());
    }
}
