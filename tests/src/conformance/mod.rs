//! The family suite: what every connector has to get right, whatever its marketplace.
//!
//! A [`Case`] selects itself by what a connector declares; a [`Subject`] says how that connector's marketplace looks,
//! good and bad. [`run`] puts a marketplace on a loopback port for each case, has the host pull from it, and reports.
//! Every failure says what to mend in the connector.
//!
//! The host is handed in as [`Host`]: nothing here knows it. A new connector needs one file in [`subjects`] and nothing
//! else; what is peculiar to one marketplace belongs into its own tests.

pub mod built;
mod cases;
mod stage;
mod subject;
pub mod subjects;

use futures_util::future::BoxFuture;
use plugin_api::{Descriptor, Error, Mark, Millis, Observation, Scope, Task};
use serde_json::Value;

pub use cases::{CASES, Case, Outcome, Verdict};
pub use stage::Bench;
pub use subject::{Login, Route, Show, Subject, UNHEARD_OF};

/// A pull that the host is to make: without pacing, with waits of a few milliseconds, loopback allowed.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Settings and secrets side by side.
    pub settings: Value,
    /// The duty.
    pub task: Task,
    /// The window or the orders.
    pub scope: Scope,
    /// The run's time, UTC.
    pub now: Millis,
    /// Attempts of each request.
    pub max_attempts: u32,
}

/// What came of a pull.
#[derive(Clone, Debug)]
pub struct Ran {
    /// How it ended.
    pub result: Result<Mark, Error>,
    /// What was observed, in order.
    pub observations: Vec<Observation>,
    /// Marks that were kept on the way.
    pub checkpoints: Vec<Mark>,
}

/// A host with one connector in it.
pub trait Host: Sync {
    /// What the connector declares.
    fn descriptor(&self) -> &Descriptor;
    /// Makes a pull.
    fn pull(&self, ask: Ask) -> BoxFuture<'_, Ran>;
    /// What host and connector have logged so far.
    fn log(&self) -> String;
}

/// What the suite found.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases that passed, by name, those of a task with the task's.
    pub passed: Vec<String>,
    /// Cases that do not apply, each with the reason.
    pub left_out: Vec<String>,
    /// What to mend.
    pub failures: Vec<String>,
}

impl Report {
    /// Whether the connector keeps to the contract.
    ///
    /// # Errors
    /// Everything that is to be mended, a line each. A suite without a single passed case is an error too.
    pub fn verdict(&self) -> Result<(), String> {
        if !self.failures.is_empty() {
            return Err(self.failures.join("\n"));
        }
        if self.passed.is_empty() {
            return Err("not a single case was selected: that proves nothing".to_owned());
        }
        Ok(())
    }
}

/// Runs every case that the connector's descriptor selects.
pub async fn run(host: &dyn Host, subject: &dyn Subject) -> Report {
    run_cases(CASES, host, subject).await
}

/// Runs some cases. A declared task that none of them proves is a failure.
pub async fn run_cases(cases: &[Case], host: &dyn Host, subject: &dyn Subject) -> Report {
    let mut report = Report::default();
    let bench = Bench { host, subject };
    let id = subject.id();
    let mut note = |name: String, verdict: Verdict| -> bool {
        let is_passed = matches!(verdict, Ok(Outcome::Passed));
        match verdict {
            Ok(Outcome::Passed) => report.passed.push(name),
            Ok(Outcome::NotForThis(reason)) => report.left_out.push(format!("{id}, {name}: {reason}")),
            Err(mend) => report.failures.push(format!("{id}, {name}: {mend}")),
        }
        is_passed
    };
    let selected: Vec<&Case> = cases.iter().filter(|case| (case.applies)(host.descriptor())).collect();
    for case in &selected {
        if let cases::Run::Once(run) = case.run {
            note(case.name.to_owned(), run(&bench).await);
        }
    }
    let mut unproved = Vec::new();
    for &task in &host.descriptor().tasks {
        let mut is_proved = false;
        for case in &selected {
            if let cases::Run::EachTask(run) = case.run {
                is_proved |= note(format!("{}, task {task}", case.name), run(&bench, task).await);
            }
        }
        if !is_proved {
            unproved.push(task);
        }
    }
    for task in unproved {
        report.failures.push(format!(
            "{id}: task {task} is declared and no case proves it: describe its replies in \
             tests/src/conformance/subjects, or take the task out of the descriptor"
        ));
    }
    report
}
