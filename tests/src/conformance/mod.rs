//! The family suite: what every connector has to get right, whatever its marketplace.
//!
//! A [`Subject`] is the connector's own `fixtures/suite.toml`: how its marketplace looks, good and bad. A [`Case`] selects
//! itself by what the connector declares. [`run`] puts a marketplace on a loopback port for each case, has the host pull
//! from it, and reports. Every failure says what to mend.
//!
//! The host is handed in as [`Host`]: nothing here knows it, and nothing here knows a marketplace. What is peculiar to one
//! belongs into its connector's own tests.

#[cfg(feature = "workspace")]
pub mod built;
mod cases;
mod played;
mod stage;
mod subject;

use std::time::Duration;

use futures_util::{
    StreamExt as _,
    future::{BoxFuture, FutureExt as _},
};
use plugin_api::{Descriptor, Error, Mark, Millis, Observation, Scope, Task};
use serde_json::Value;

pub use cases::{CASES, Case, Outcome, Verdict};
pub use stage::Bench;
pub use subject::{Login, PERSONAL, Refusal, Route, Scene, Subject, Table, UNHEARD_OF, Word};

/// How many cases are under way at once.
const AT_ONCE: usize = 4;

/// A pull that the host is to make: without pacing, with two attempts of each request, with waits of a few milliseconds, loopback allowed.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Settings and secrets side by side.
    pub settings: Value,
    /// The duty.
    pub task: Task,
    /// The window or the orders.
    pub scope: Scope,
    /// What an earlier pull ended with.
    pub mark: Option<Mark>,
    /// The run's time, UTC.
    pub now: Millis,
    /// The most that the pull may take.
    pub limit: Duration,
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
    /// Every case that was selected, in order: its name, with the scene's or the word's, and how it ended.
    pub cases: Vec<(String, Verdict)>,
}

impl Report {
    /// The cases that passed.
    pub fn passed(&self) -> impl Iterator<Item = &str> {
        self.cases
            .iter()
            .filter(|(_, verdict)| *verdict == Ok(Outcome::Passed))
            .map(|(name, _)| name.as_str())
    }

    /// The cases that do not apply, and why.
    pub fn left_out(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cases.iter().filter_map(|(name, verdict)| match verdict {
            Ok(Outcome::NotForThis(why)) => Some((name.as_str(), why.as_str())),
            _ => None,
        })
    }

    /// The cases that failed, and what to mend.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cases.iter().filter_map(|(name, verdict)| match verdict {
            Err(mend) => Some((name.as_str(), mend.as_str())),
            _ => None,
        })
    }

    /// Whether the connector keeps to the contract.
    ///
    /// # Errors
    /// Everything that is to be mended, a line each. A suite without a single passed case is an error too.
    pub fn verdict(&self) -> Result<(), String> {
        let failures: Vec<String> = self.failed().map(|(name, mend)| format!("{name}: {mend}")).collect();
        if !failures.is_empty() {
            return Err(failures.join("\n"));
        }
        if self.passed().next().is_none() {
            return Err("not a single case was selected: that proves nothing".to_owned());
        }
        Ok(())
    }
}

/// Runs every case that the connector's descriptor selects.
pub async fn run(host: &dyn Host, subject: &Subject) -> Report {
    run_cases(CASES, host, subject).await
}

/// Runs some cases. A declared task or claim that none of them proves is a failure.
pub async fn run_cases(cases: &[Case], host: &dyn Host, subject: &Subject) -> Report {
    let bench = Bench::new(host, subject);
    let mut asked = Vec::new();
    for case in cases.iter().filter(|case| (case.applies)(host.descriptor())) {
        asked.extend(case.instances(&bench));
    }
    let running = asked.into_iter().map(|(name, running)| running.map(|verdict| (name, verdict)));
    let mut report = Report { cases: futures_util::stream::iter(running).buffered(AT_ONCE).collect().await };
    let unproved = cases::unproved(&bench, &report);
    report.cases.extend(unproved);
    report
}
