//! The first page of a tenant: how fresh each channel is, what came in today, and what needs a person.

use std::{collections::BTreeMap, sync::Arc};

use askama::{Template, filters::HtmlSafe};
use axum::{Router, extract::State, routing::get};
use plugin_api::{Millis, Task};

use super::orders_filter::{NEEDS, need};
use crate::{
    access::Read,
    console::{
        Console,
        fault::{Fault, Shown, show},
        frame::{Frame, Section},
        place::In,
        shown::{Chip, Tone, When, length, number},
    },
    domain::zone::Zone,
    storage::{Counts, OrderFilter, Run, RunFilter, TaskFilter, TaskRow},
};

/// Orders with one need are counted up to here.
const COUNTED: u32 = 1_000;
/// Runs of today that are looked at.
const RUNS: u32 = 1_000;
/// Runs that are shown.
const RUNS_SHOWN: usize = 8;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}", get(overview))
}

/// The overview.
#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    code: String,
    is_live: bool,
    /// The address of the settings.
    settings: String,
    /// The address of the list of channels.
    channels_page: String,
    channels: Vec<ChannelTold>,
    /// What became of today's observations, without those that changed nothing.
    today: Vec<(String, &'static str)>,
    /// Today's runs that changed something or failed, the newest first.
    runs: Vec<RunTold>,
    duties: Vec<Duty>,
}

/// A channel with its tasks.
struct ChannelTold {
    code: String,
    address: String,
    connector: String,
    tasks: Vec<TaskTold>,
}

/// How fresh the data of a task is.
struct TaskTold {
    name: &'static str,
    address: String,
    bar: Bar,
    state: Chip,
    /// Until when everything is known.
    until: Option<When>,
}

/// The age of data as a bar: twice the task's interval is where it begins to be late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Template)]
#[template(path = "fresh.svg", escape = "html")]
struct Bar {
    /// Of 100.
    width: u32,
    tone: &'static str,
}

impl HtmlSafe for Bar {}

/// A run, in a line.
struct RunTold {
    id: String,
    address: String,
    at: When,
    channel: String,
    what: &'static str,
    result: Chip,
    message: String,
}

/// Orders that need the same.
struct Duty {
    sentence: &'static str,
    tone: &'static str,
    count: String,
    address: String,
}

async fn overview(State(console): State<Arc<Console>>, place: In<Read>) -> Shown {
    let now = console.clock.now_ms();
    let tenant = Some(place.tenant.clone());
    let tasks = console.store.tasks(&TaskFilter { tenant: tenant.clone(), channel: None }).await?;
    let channels = console.store.channels(&place.tenant).await?;
    let runs = console.store.runs(&RunFilter { tenant, ..RunFilter::default() }, None, RUNS).await?;
    let runs: Vec<Run> =
        runs.into_iter().filter(|run| run.started_at >= place.row.zone.midnight(now)).collect();
    let mut of_channel: BTreeMap<String, Vec<TaskTold>> = BTreeMap::new();
    for task in &tasks {
        let address = place.address(&["tasks", task.channel.as_str(), task.task.as_str()]);
        of_channel.entry(task.channel.to_string()).or_default().push(TaskTold::of(
            task,
            address,
            now,
            &place.row.zone,
        ));
    }
    let channels = channels.into_iter().map(|channel| {
        let code = channel.code.to_string();
        let tasks = of_channel.remove(&code).unwrap_or_default();
        let address = place.address(&["channels", &code]);
        ChannelTold { code, address, connector: channel.connector, tasks }
    });
    show(&OverviewPage {
        frame: place.frame("Overview", Section::Overview),
        code: place.tenant.to_string(),
        is_live: place.row.live,
        settings: place.address(&["settings"]),
        channels_page: place.address(&["channels"]),
        channels: channels.collect(),
        today: today(&runs),
        runs: runs
            .iter()
            .filter(|run| is_news(run))
            .take(RUNS_SHOWN)
            .map(|run| RunTold::of(run, place.address(&["runs", &run.id.to_string()]), now, &place.row.zone))
            .collect(),
        duties: duties(&console, &place).await?,
    })
}

/// What needs a person: each need that some order has.
async fn duties(console: &Console, place: &In<Read>) -> Result<Vec<Duty>, Fault> {
    let mut duties = Vec::new();
    for (word, _, sentence) in NEEDS {
        let mut filter = OrderFilter::default();
        need(&mut filter, word)?;
        let found = console.store.matching_orders(&place.tenant, &filter, None, COUNTED + 1).await?.len();
        if found > 0 {
            let most = usize::try_from(COUNTED).unwrap_or(usize::MAX);
            let more = if found > most { "more than " } else { "" };
            let count = number(u64::try_from(found.min(most)).unwrap_or(u64::MAX));
            let address = format!("{}?needs={word}", place.address(&["orders"]));
            let tone = if matches!(*word, "conflict" | "refused") { "bad" } else { "look" };
            duties.push(Duty { sentence, tone, count: format!("{more}{count}"), address });
        }
    }
    Ok(duties)
}

/// Whether a run changed something, or should be looked at.
fn is_news(run: &Run) -> bool {
    let Counts { applied, parked, conflict, refused, .. } = run.counts;
    let failed = run.result.is_some_and(|result| result == crate::storage::RunResult::Failed);
    applied + parked + conflict + refused > 0 || failed
}

fn today(runs: &[Run]) -> Vec<(String, &'static str)> {
    let mut sum = Counts::default();
    for run in runs {
        sum += run.counts;
    }
    let quiet = ["UNCHANGED", "STALE", "IGNORED"];
    let told = sum.by_outcome().into_iter().filter(|(name, count)| *count > 0 && !quiet.contains(name));
    told.map(|(name, count)| (number(count), name)).collect()
}

impl RunTold {
    fn of(run: &Run, address: String, now: Millis, zone: &Zone) -> RunTold {
        RunTold {
            id: run.id.to_string(),
            address,
            at: When::ago(run.started_at, now, zone),
            channel: run.channel.to_string(),
            what: run.task.map_or("observations", Task::as_str),
            result: run.result.into(),
            message: run.message.clone(),
        }
    }
}

impl TaskTold {
    fn of(task: &TaskRow, address: String, now: Millis, zone: &Zone) -> TaskTold {
        let late = task.lateness_ms(now);
        let age = task.complete_until.map(|until| now.saturating_sub(until).max(0));
        let state = match (task.enabled, task.running, late, age) {
            (false, ..) => Chip::new(Tone::Over, "off"),
            (_, Some(_), ..) => Chip::new(Tone::Going, "running"),
            (_, _, Some(late), _) => Chip::new(Tone::Bad, format!("late by {}", length(late))),
            (_, _, None, None) => Chip::new(Tone::Plain, "not yet"),
            (_, _, None, Some(_)) if task.consecutive_failures > 0 => Chip::new(Tone::Look, "failed last"),
            (_, _, None, Some(_)) => Chip::new(Tone::Good, "fresh"),
        };
        TaskTold {
            name: task.task.as_str(),
            address,
            bar: Bar::of(age, task.interval_ms, task.enabled),
            state,
            until: task.complete_until.map(|until| When::ago(until, now, zone)),
        }
    }
}

impl Bar {
    /// A bar that is half as wide as its ground when the data is twice as old as the interval.
    fn of(age: Option<Millis>, interval_ms: Millis, is_enabled: bool) -> Bar {
        let Some(age) = age else { return Bar { width: 0, tone: "over" } };
        let width = age.saturating_mul(25) / interval_ms.max(1);
        let tone = match width {
            _ if !is_enabled => "over",
            ..=25 => "good",
            26..=50 => "look",
            _ => "bad",
        };
        Bar { width: u32::try_from(width.clamp(1, 100)).unwrap_or(100), tone }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::frame::sample_frame;

    const MINUTE: Millis = 60_000;

    fn task(until: Option<Millis>) -> TaskRow {
        TaskRow {
            tenant: "acme".into(),
            channel: "FK1".into(),
            connector: "flipkart".to_owned(),
            task: Task::Status,
            enabled: true,
            interval_ms: 10 * MINUTE,
            window_ms: None,
            next_run_at: 0,
            running: None,
            last: None,
            consecutive_failures: 0,
            mark: None,
            complete_until: until,
        }
    }

    fn sample(duties: Vec<Duty>) -> OverviewPage {
        OverviewPage {
            frame: sample_frame(Section::Overview),
            code: "acme".to_owned(),
            is_live: false,
            settings: "/console/t/acme/settings".to_owned(),
            channels_page: "/console/t/acme/channels".to_owned(),
            channels: vec![ChannelTold {
                code: "FK<1>".to_owned(),
                address: "/console/t/acme/channels/FK1".to_owned(),
                connector: "flipkart".to_owned(),
                tasks: vec![TaskTold::of(&task(Some(0)), String::new(), 60 * MINUTE, &Zone::default())],
            }],
            today: vec![("12".to_owned(), "APPLIED")],
            runs: Vec::new(),
            duties,
        }
    }

    #[test]
    fn the_overview_tells_what_is_late_and_what_needs_a_person() {
        let duty = Duty {
            sentence: NEEDS[0].2,
            tone: "bad",
            count: "3".to_owned(),
            address: "/console/t/acme/orders?needs=conflict".to_owned(),
        };
        let text = sample(vec![duty]).render().unwrap();
        for part in [
            "FK&#60;1&#62;",
            "late by 40 min",
            "<svg",
            "<strong>12</strong> APPLIED",
            "needs=conflict",
            "acme/settings",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(sample(Vec::new()).render().unwrap().contains("Nothing needs a person"));
    }

    #[test]
    fn a_bar_grows_with_the_age_and_changes_its_colour_where_data_is_late() {
        let bar = |age| Bar::of(Some(age * MINUTE), 10 * MINUTE, true);
        assert_eq!(bar(0), Bar { width: 1, tone: "good" });
        assert_eq!(bar(10), Bar { width: 25, tone: "good" });
        assert_eq!(bar(20), Bar { width: 50, tone: "look" });
        assert_eq!(bar(1_000), Bar { width: 100, tone: "bad" });
        assert_eq!(Bar::of(None, MINUTE, true), Bar { width: 0, tone: "over" });
    }

    #[test]
    fn each_task_says_in_a_word_how_it_stands() {
        let word = |task: TaskRow| {
            TaskTold::of(&task, String::new(), 15 * MINUTE, &Zone::default()).state.to_string()
        };
        assert!(word(task(Some(14 * MINUTE))).contains("fresh"));
        assert!(word(task(None)).contains("not yet"));
        assert!(word(TaskRow { enabled: false, ..task(None) }).contains("off"));
        assert!(word(TaskRow { consecutive_failures: 1, ..task(Some(0)) }).contains("failed last"));
    }
}
