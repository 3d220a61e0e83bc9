//! The list of runs, the newest first.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use plugin_api::{Millis, Task};
use serde::Deserialize;

use crate::{
    access::Read,
    console::{
        Console,
        fault::{Fault, Shown, show},
        frame::{Frame, Section},
        place::In,
        runs_shown::{counted, set_off_by, took},
        shown::{Chip, When, in_query},
    },
    domain::codes::ChannelCode,
    storage::{Run, RunFilter, RunId},
};

/// Runs on a page.
const SHOWN: u32 = 50;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/runs", get(list))
}

/// The list.
#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    frame: Frame,
    address: String,
    tasks: String,
    asked: Asked,
    channels: Vec<String>,
    rows: Vec<RunShown>,
    first: Option<String>,
    next: Option<String>,
}

/// What is asked for; an empty field asks for nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    channel: String,
    task: String,
    after: String,
}

impl Asked {
    fn is_narrow(&self) -> bool {
        !self.channel.is_empty() || !self.task.is_empty()
    }

    fn query(&self, after: &str) -> String {
        let fields = [("channel", self.channel.as_str()), ("task", &self.task), ("after", after)];
        let given = fields.iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<String> = given.map(|(name, value)| format!("{name}={}", in_query(value))).collect();
        format!("?{}", pairs.join("&"))
    }
}

/// A run, as a list shows it.
pub(super) struct RunShown {
    pub(super) id: String,
    pub(super) address: String,
    pub(super) channel: String,
    pub(super) task: String,
    pub(super) by: &'static str,
    pub(super) began: When,
    pub(super) took: String,
    pub(super) result: Chip,
    pub(super) message: String,
    pub(super) counts: String,
}

impl RunShown {
    pub(super) fn of<S>(run: Run, place: &In<S>, now: Millis) -> RunShown {
        let lasted = run.ended_at.map_or_else(|| now - run.started_at, |end| end - run.started_at);
        RunShown {
            address: place.address(&["runs", &run.id.to_string()]),
            id: run.id.to_string(),
            channel: run.channel.to_string(),
            task: run.task.map_or_else(|| "observations".to_owned(), |task| task.to_string()),
            by: set_off_by(run.trigger),
            began: When::ago(run.started_at, now, &place.row.zone),
            took: took(lasted.max(0)),
            result: Chip::from(run.result),
            message: run.message,
            counts: counted(&run.counts),
        }
    }
}

async fn list(State(console): State<Arc<Console>>, place: In<Read>, Query(asked): Query<Asked>) -> Shown {
    let now = console.clock.now_ms();
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let refused = |what: String| Fault::Refused(what);
    let task = given(&asked.task)
        .map(|task| Task::parse(&task).ok_or_else(|| refused(format!("There is no task {task}"))))
        .transpose()?;
    let after = given(&asked.after)
        .map(|id| RunId::parse(&id).ok_or_else(|| refused(format!("{id} is no run such as R12"))))
        .transpose()?;
    let filter = RunFilter {
        tenant: Some(place.tenant.clone()),
        channel: given(&asked.channel).map(ChannelCode::from),
        task,
    };
    let mut found = console.store.runs(&filter, after, SHOWN + 1).await?;
    let has_more = found.len() > SHOWN as usize;
    found.truncate(SHOWN as usize);
    let next = found.last().filter(|_| has_more).map(|last| asked.query(&last.id.to_string()));
    let channels = console.store.channels(&place.tenant).await?;
    show(&RunsPage {
        frame: place.frame("Runs", Section::Runs),
        address: place.address(&["runs"]),
        tasks: place.address(&["tasks"]),
        channels: channels.into_iter().map(|channel| channel.code.to_string()).collect(),
        rows: found.into_iter().map(|run| RunShown::of(run, &place, now)).collect(),
        first: after.map(|_| asked.query("")),
        next,
        asked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::zone::Zone;
    use crate::{console::frame::sample_frame, storage::RunResult};

    fn sample(rows: Vec<RunShown>, asked: Asked) -> String {
        let page = RunsPage {
            frame: sample_frame(Section::Runs),
            address: "/console/t/acme/runs".to_owned(),
            tasks: "/console/t/acme/tasks".to_owned(),
            asked,
            channels: vec!["FK1".to_owned()],
            rows,
            first: None,
            next: Some("?after=R7".to_owned()),
        };
        page.render().unwrap()
    }

    #[test]
    fn a_run_is_shown_with_what_came_of_it() {
        let row = RunShown {
            id: "R7".to_owned(),
            address: "/console/t/acme/runs/R7".to_owned(),
            channel: "FK1".to_owned(),
            task: "status".to_owned(),
            by: "timer",
            began: When::ago(0, 0, &Zone::default()),
            took: took(450),
            result: Chip::from(Some(RunResult::Partial)),
            message: "3 <applied>".to_owned(),
            counts: "9 read".to_owned(),
        };
        let text = sample(vec![row], Asked::default());
        for part in ["runs/R7", "PARTIAL", "3 &#60;applied&#62;", "9 read", "0.4 s", "?after=R7"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn an_empty_list_says_why() {
        assert!(sample(Vec::new(), Asked::default()).contains("Nothing has run yet"));
        let asked = Asked { task: "returns".to_owned(), ..Asked::default() };
        assert!(sample(Vec::new(), asked).contains("No run matches"));
    }
}
