//! One recurrent task: its last runs, and what can be changed of it.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, State},
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use plugin_api::{Millis, Task};
use serde::Deserialize;

use super::{
    runs::RunShown,
    tasks::{TaskShown, bars},
};
use crate::{
    access::{Admin, Operate, Read, Scope},
    console::{
        Console,
        fault::{Fault, Shown, show},
        frame::{Frame, Section},
        place::In,
        runs_shown::BARS,
    },
    domain::codes::ChannelCode,
    storage::{RunFilter, TaskEdit, TaskFilter, TaskRow},
};

const MINUTE: Millis = 60_000;
const DAY: Millis = 24 * 60 * MINUTE;
const YEAR: Millis = 365 * DAY;

/// The units in which a person says how often.
const UNITS: &[(&str, Millis)] =
    &[("seconds", 1_000), ("minutes", MINUTE), ("hours", 60 * MINUTE), ("days", DAY)];

pub(super) fn routes() -> Router<Arc<Console>> {
    let task = "/console/t/{tenant}/tasks/{channel}/{task}";
    Router::new()
        .route(task, get(one).post(change))
        .route(&format!("{task}/run-now"), post(run_now))
        .route(&format!("{task}/pause"), post(pause))
        .route(&format!("{task}/resume"), post(resume))
}

/// The task.
#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    frame: Frame,
    /// The list of tasks.
    tasks: String,
    /// All runs of the channel's task.
    runs: String,
    task: TaskShown,
    every: (Millis, &'static str),
    /// How many days back it looks, where that is a rule of ours.
    window_days: Option<Millis>,
    rows: Vec<RunShown>,
    may_run: bool,
    may_change: bool,
}

/// An interval as a number of the largest unit that divides it.
fn in_units(millis: Millis) -> (Millis, &'static str) {
    let fits = UNITS.iter().rev().find(|(_, unit)| millis >= *unit && millis % unit == 0);
    let (name, unit) = fits.copied().unwrap_or(("seconds", 1_000));
    (millis / unit, name)
}

async fn known<S>(console: &Console, place: &In<S>, channel: &str, task: &str) -> Result<TaskRow, Fault> {
    let filter = TaskFilter { tenant: Some(place.tenant.clone()), channel: Some(ChannelCode::from(channel)) };
    let rows = console.store.tasks(&filter).await?;
    let wanted = Task::parse(task);
    let found = rows.into_iter().find(|row| Some(row.task) == wanted);
    found.ok_or_else(|| Fault::NotFound(format!("There is no task {task} of a channel {channel}")))
}

async fn one(
    State(console): State<Arc<Console>>,
    place: In<Read>,
    Path((_, channel, task)): Path<(String, String, String)>,
) -> Shown {
    let now = console.clock.now_ms();
    let row = known(&console, &place, &channel, &task).await?;
    let filter = RunFilter {
        tenant: Some(place.tenant.clone()),
        channel: Some(row.channel.clone()),
        task: Some(row.task),
    };
    let runs = console.store.runs(&filter, None, BARS).await?;
    let query =
        format!("?channel={}&task={}", crate::console::shown::in_query(row.channel.as_str()), row.task);
    show(&TaskPage {
        frame: place.frame(&format!("Task {} of {}", row.task, row.channel), Section::Tasks),
        tasks: place.address(&["tasks"]),
        runs: place.address(&["runs"]) + query.as_str(),
        every: in_units(row.interval_ms),
        window_days: row.window_ms.map(|window| window / DAY),
        rows: runs.into_iter().map(|run| RunShown::of(run, &place, now)).collect(),
        may_run: place.may(Scope::Operate),
        may_change: place.may(Scope::Admin),
        task: {
            let bars = bars(&*console.store, &row, &place.row.zone).await?;
            TaskShown::of(&row, bars, &place, now)
        },
    })
}

/// How often, and how far back, as a form says it.
#[derive(Debug, Deserialize)]
struct Change {
    every: Millis,
    unit: String,
    #[serde(default)]
    window_days: Option<Millis>,
}

impl Change {
    fn edit(&self, now: Millis) -> Result<TaskEdit, Fault> {
        let unit = UNITS.iter().find(|(name, _)| *name == self.unit).map(|(_, unit)| *unit);
        let unit = unit.ok_or_else(|| Fault::Refused(format!("{} is no unit of time", self.unit)))?;
        let interval = self.every.checked_mul(unit).filter(|interval| (1_000..=YEAR).contains(interval));
        let interval = interval.ok_or_else(|| {
            Fault::Refused("A task runs at least once a year, and at most once a second".to_owned())
        })?;
        let window =
            self.window_days.map(|days| days.checked_mul(DAY).filter(|window| (DAY..=YEAR).contains(window)));
        if window == Some(None) {
            return Err(Fault::Refused("Returns are looked back for from a day to a year".to_owned()));
        }
        Ok(TaskEdit {
            interval_ms: Some(interval),
            enabled: None,
            window_ms: window.flatten(),
            // A shorter interval counts from now on, not only after the next run.
            next_run_at: Some(now + interval),
        })
    }
}

async fn change(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, channel, task)): Path<(String, String, String)>,
    Form(change): Form<Change>,
) -> Shown {
    let edit = change.edit(console.clock.now_ms())?;
    edited(&console, &place, &channel, &task, edit).await
}

async fn pause(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, channel, task)): Path<(String, String, String)>,
) -> Shown {
    let edit = TaskEdit { enabled: Some(false), ..TaskEdit::default() };
    edited(&console, &place, &channel, &task, edit).await
}

async fn resume(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, channel, task)): Path<(String, String, String)>,
) -> Shown {
    let edit = TaskEdit { enabled: Some(true), ..TaskEdit::default() };
    edited(&console, &place, &channel, &task, edit).await
}

async fn edited<S>(console: &Console, place: &In<S>, channel: &str, task: &str, edit: TaskEdit) -> Shown {
    let row = known(console, place, channel, task).await?;
    console.store.set_task(&place.tenant, &row.channel, row.task, edit).await?;
    Ok(Redirect::to(&place.address(&["tasks", channel, task])).into_response())
}

async fn run_now(
    State(console): State<Arc<Console>>,
    place: In<Operate>,
    Path((_, channel, task)): Path<(String, String, String)>,
) -> Shown {
    let row = known(&console, &place, &channel, &task).await?;
    if !row.enabled {
        return Err(Fault::Refused(format!("Task {task} of channel {channel} is paused; resume it first")));
    }
    let edit = TaskEdit { next_run_at: Some(console.clock.now_ms()), ..TaskEdit::default() };
    console.store.set_task(&place.tenant, &row.channel, row.task, edit).await?;
    Ok(Redirect::to(&place.address(&["tasks"])).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{console::frame::sample_frame, console::pages::tasks::sample_task};

    fn sample(may_change: bool) -> String {
        let page = TaskPage {
            frame: sample_frame(Section::Tasks),
            tasks: "/console/t/acme/tasks".to_owned(),
            runs: "/console/t/acme/runs?channel=FK1&task=status".to_owned(),
            task: sample_task(),
            every: in_units(600_000),
            window_days: Some(30),
            rows: Vec::new(),
            may_run: true,
            may_change,
        };
        page.render().unwrap()
    }

    #[test]
    fn an_admin_can_change_it_and_others_cannot() {
        let text = sample(true);
        for part in ["value=\"10\"", "<option selected>minutes", "value=\"30\"", "Pause", "Run now"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        let text = sample(false);
        assert!(text.contains("Run now") && !text.contains("Pause") && !text.contains("<input"), "{text}");
    }

    #[test]
    fn an_interval_is_shown_and_read_in_its_unit() {
        assert_eq!(in_units(600_000), (10, "minutes"));
        assert_eq!(in_units(DAY), (1, "days"));
        assert_eq!(in_units(90_000), (90, "seconds"));
        let change = |every, unit: &str, days| Change { every, unit: unit.to_owned(), window_days: days };
        let edit = change(40, "minutes", Some(30)).edit(7).unwrap();
        assert_eq!((edit.interval_ms, edit.window_ms), (Some(40 * MINUTE), Some(30 * DAY)));
        assert_eq!(edit.next_run_at, Some(40 * MINUTE + 7));
        for wrong in [
            change(0, "minutes", None),
            change(400, "days", None),
            change(1, "weeks", None),
            change(i64::MAX, "days", None),
            change(1, "days", Some(0)),
        ] {
            assert!(matches!(wrong.edit(0), Err(Fault::Refused(_))), "{wrong:?}");
        }
    }
}
