//! The recurrent tasks of a tenant: how each went last, how old its data is, when it runs again.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use plugin_api::{Millis, Task};
use serde::Deserialize;

use crate::{
    access::{Read, Scope},
    console::{
        Console,
        fault::{Shown, show},
        frame::{Frame, Section},
        place::In,
        runs_shown::{BARS, Bars, counted, purpose, took},
        shown::{Chip, Tone, When, in_query, length},
    },
    domain::codes::ChannelCode,
    domain::zone::Zone,
    storage::{RunFilter, Store, StoreError, TaskFilter, TaskRow},
};

/// Tasks on a page.
const SHOWN: usize = 40;
/// Tasks whose runs are looked up at the same time.
const AT_ONCE: usize = 8;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/tasks", get(list))
}

/// The list.
#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    frame: Frame,
    address: String,
    /// The page as it was asked for, to ask for it again.
    here: String,
    channels: Vec<String>,
    channel: String,
    rows: Vec<TaskShown>,
    next: Option<String>,
    may_run: bool,
}

/// What is asked for; an empty field asks for nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    channel: String,
    /// The last task of the page before: `FK1/status`.
    after: String,
}

/// A task, as it is shown.
pub(super) struct TaskShown {
    pub(super) address: String,
    pub(super) channel: String,
    pub(super) task: Task,
    pub(super) purpose: &'static str,
    pub(super) result: Option<Chip>,
    pub(super) message: String,
    pub(super) started: Option<When>,
    pub(super) took: String,
    pub(super) counts: String,
    /// The run that the last result is of, or that is on.
    pub(super) run: Option<(String, String)>,
    pub(super) is_on: bool,
    pub(super) next: String,
    pub(super) every: String,
    pub(super) is_paused: bool,
    /// Up to when everything is read.
    pub(super) complete: Option<When>,
    pub(super) late: Option<Chip>,
    pub(super) failures: Option<Chip>,
    pub(super) bars: Bars,
}

impl TaskShown {
    pub(super) fn of<S>(row: &TaskRow, bars: Bars, place: &In<S>, now: Millis) -> TaskShown {
        let late = row.lateness_ms(now).map(|late| Chip::new(Tone::Look, format!("{} late", length(late))));
        let failures = (row.consecutive_failures > 1)
            .then(|| Chip::new(Tone::Bad, format!("{} failures in a row", row.consecutive_failures)));
        let next = match row.next_run_at - now {
            _ if !row.enabled => "paused".to_owned(),
            ..=0 => "now".to_owned(),
            wait => format!("in {}", length(wait)),
        };
        let last = row.last.as_ref();
        let run = row.running.or(last.map(|last| last.run)).map(|run| run.to_string());
        TaskShown {
            address: place.address(&["tasks", row.channel.as_str(), row.task.as_str()]),
            channel: row.channel.to_string(),
            task: row.task,
            purpose: purpose(row.task),
            result: last.map(|last| Chip::from(Some(last.result))),
            message: last.map_or_else(String::new, |last| last.message.clone()),
            started: last.map(|last| When::ago(last.started_at, now, &place.row.zone)),
            took: last.map_or_else(String::new, |last| took(last.duration_ms)),
            counts: last.map_or_else(String::new, |last| counted(&last.counts)),
            run: run.map(|run| (place.address(&["runs", &run]), run)),
            is_on: row.running.is_some(),
            next,
            every: length(row.interval_ms),
            is_paused: !row.enabled,
            complete: row.complete_until.map(|at| When::ago(at, now, &place.row.zone)),
            late,
            failures,
            bars,
        }
    }
}

/// The bars of a task's last runs.
pub(super) async fn bars(store: &dyn Store, row: &TaskRow, zone: &Zone) -> Result<Bars, StoreError> {
    let filter = RunFilter {
        tenant: Some(row.tenant.clone()),
        channel: Some(row.channel.clone()),
        task: Some(row.task),
    };
    Ok(Bars::of(&store.runs(&filter, None, BARS).await?, zone))
}

async fn list(State(console): State<Arc<Console>>, place: In<Read>, Query(asked): Query<Asked>) -> Shown {
    let now = console.clock.now_ms();
    let channels = console.store.channels(&place.tenant).await?;
    let channel = Some(asked.channel.clone()).filter(|code| !code.is_empty()).map(ChannelCode::from);
    let filter = TaskFilter { tenant: Some(place.tenant.clone()), channel };
    let mut rows = console.store.tasks(&filter).await?;
    let key = |row: &TaskRow| format!("{}/{}", row.channel, row.task);
    if let Some(at) = rows.iter().position(|row| key(row) == asked.after) {
        rows.drain(..=at);
    }
    let has_more = rows.len() > SHOWN;
    rows.truncate(SHOWN);
    let query = |after: &str| format!("?channel={}&after={}", in_query(&asked.channel), in_query(after));
    let next = rows.last().filter(|_| has_more).map(|last| query(&key(last)));
    let (console, place) = (&console, &place);
    let with_bars = stream::iter(rows).map(|row| async move {
        let bars = bars(&*console.store, &row, &place.row.zone).await?;
        Ok::<_, StoreError>(TaskShown::of(&row, bars, place, now))
    });
    let address = place.address(&["tasks"]);
    show(&TasksPage {
        frame: place.frame("Recurrent tasks", Section::Tasks),
        here: format!("{address}{}", query(&asked.after)),
        address,
        channels: channels.into_iter().map(|channel| channel.code.to_string()).collect(),
        rows: with_bars.buffered(AT_ONCE).try_collect().await?,
        next,
        may_run: place.may(Scope::Operate),
        channel: asked.channel,
    })
}

#[cfg(test)]
pub(super) fn sample_task() -> TaskShown {
    TaskShown {
        address: "/console/t/acme/tasks/FK1/status".to_owned(),
        channel: "FK<1>".to_owned(),
        task: Task::Status,
        purpose: purpose(Task::Status),
        result: Some(Chip::from(Some(crate::storage::RunResult::Skipped))),
        message: "Sync not allowed as Tenant is not Live yet".to_owned(),
        started: Some(When::ago(0, 300_000, &Zone::default())),
        took: took(450),
        counts: "nothing read".to_owned(),
        run: Some(("/console/t/acme/runs/R7".to_owned(), "R7".to_owned())),
        is_on: false,
        next: "in 5 min".to_owned(),
        every: length(600_000),
        is_paused: false,
        complete: Some(When::ago(0, 300_000, &Zone::default())),
        late: Some(Chip::new(Tone::Look, "3 h late")),
        failures: None,
        bars: Bars::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::frame::sample_frame;

    fn sample(rows: Vec<TaskShown>, may_run: bool) -> String {
        let page = TasksPage {
            frame: sample_frame(Section::Tasks),
            address: "/console/t/acme/tasks".to_owned(),
            here: "/console/t/acme/tasks?channel=&after=".to_owned(),
            channels: vec!["FK1".to_owned()],
            channel: String::new(),
            rows,
            next: None,
            may_run,
        };
        page.render().unwrap()
    }

    #[test]
    fn a_task_is_shown_with_its_message_its_age_and_its_next_run() {
        let text = sample(vec![sample_task()], true);
        for part in [
            "Sync not allowed as Tenant is not Live yet",
            "FK&#60;1&#62;",
            "5 min ago",
            "3 h late",
            "in 5 min",
            "Run now",
            "runs/R7",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(!sample(vec![sample_task()], false).contains("Run now"), "not for viewers");
    }

    #[test]
    fn without_tasks_it_says_where_they_come_from() {
        assert!(sample(Vec::new(), true).contains("No recurrent tasks yet"));
    }
}
