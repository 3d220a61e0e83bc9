//! The cases, by topic. A case's failure says what to mend.

mod declared;
mod failures;
mod logins;
mod rows;
mod secrets;
mod words;

use futures_util::future::BoxFuture;
use plugin_api::{Descriptor, ErrorKind, StatusRow};

use super::{Bench, Ran, Report, Scene, Table};

/// What a case that found no fault says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The connector got it right.
    Passed,
    /// The marketplace knows no such thing, and why.
    NotForThis(String),
}

/// How a case ended: an error says what to mend.
pub type Verdict = Result<Outcome, String>;

/// How a case is run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Run {
    /// Once for a connector.
    Once(for<'a> fn(&'a Bench<'a>) -> BoxFuture<'a, Verdict>),
    /// Once for each scene.
    EachScene(for<'a> fn(&'a Bench<'a>, &'a Scene) -> BoxFuture<'a, Verdict>),
    /// Once for each row of each status table.
    EachRow(for<'a> fn(&'a Bench<'a>, &'a StatusRow) -> BoxFuture<'a, Verdict>),
    /// Once for each place at which a word may be unknown.
    EachTable(for<'a> fn(&'a Bench<'a>, &'a Table) -> BoxFuture<'a, Verdict>),
}

/// A case.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is true of a connector that passes.
    pub name: &'static str,
    /// Whether a connector that declares this is asked.
    pub(super) applies: fn(&Descriptor) -> bool,
    pub(super) run: Run,
}

impl Case {
    /// What it comes to for a connector.
    pub(super) fn instances<'a>(&self, bench: &'a Bench<'a>) -> Vec<(String, BoxFuture<'a, Verdict>)> {
        let name = self.name;
        match self.run {
            Run::Once(run) => vec![(name.to_owned(), run(bench))],
            Run::EachScene(run) => {
                let scenes = bench.subject.scenes.iter().filter(|scene| !scene.words_only);
                scenes.map(|scene| (format!("{name}, scene {}", scene.name), run(bench, scene))).collect()
            }
            Run::EachRow(run) => {
                let rows = bench.host.descriptor().statuses.iter();
                rows.map(|row| (format!("{name}, {} `{}`", row.vocabulary, row.raw), run(bench, row)))
                    .collect()
            }
            Run::EachTable(run) => {
                let tables = bench.subject.tables.iter();
                tables.map(|table| (format!("{name}, {}", table.vocabulary), run(bench, table))).collect()
            }
        }
    }
}

const fn once(name: &'static str, run: for<'a> fn(&'a Bench<'a>) -> BoxFuture<'a, Verdict>) -> Case {
    Case { name, applies: |_| true, run: Run::Once(run) }
}

const fn each(
    name: &'static str,
    run: for<'a> fn(&'a Bench<'a>, &'a Scene) -> BoxFuture<'a, Verdict>,
) -> Case {
    Case { name, applies: |_| true, run: Run::EachScene(run) }
}

const fn when(applies: fn(&Descriptor) -> bool, case: Case) -> Case {
    Case { applies, ..case }
}

/// Every case, in the order in which they run.
pub const CASES: &[Case] = &[
    once("the descriptor is complete and sourced", declared::is_complete),
    once("status tables and claims name the same statuses", declared::agrees),
    when(
        |said| !said.settings.is_empty(),
        once("wrong settings are refused by name", declared::refuses_settings),
    ),
    each("rows are reported, and nothing that is not claimed", rows::are_reported),
    each("rows that come twice are the same observations", rows::repeat),
    each("an answer without rows reports nothing", rows::are_absent),
    Case { name: "a word means what its table says", applies: |_| true, run: Run::EachRow(words::mean) },
    Case {
        name: "an unknown word stays UNMAPPED with its text",
        applies: |_| true,
        run: Run::EachTable(words::unknown),
    },
    once("data of buyers goes no further", secrets::of_buyers),
    when(|said| said.auth.login, each("a refused login is auth and is not tried again", logins::are_refused)),
    when(
        |said| said.auth.login && said.auth.expired_on.contains(&401),
        each("a 401 costs one login and one repeat", logins::run_out),
    ),
    when(|said| !said.auth.login, each("a 401 without a login is auth", logins::have_no_login)),
    each("a 429 that asks for no wait is not seen", failures::short_limit),
    each("a 429 that asks for an hour is rate_limited with its advice", failures::long_limit),
    each("a 500 that passes is not seen", failures::passing),
    each("a 500 that stays is unavailable", failures::staying),
    each("HTML instead of data is bad_reply", failures::html),
    each("a reply cut short is bad_reply", failures::cut),
    each("values of other types are bad_reply", failures::other_types),
    each("a reply nested without end is bad_reply", failures::deep),
    each("a redirect is not followed", failures::redirect),
    each("what the marketplace echoes is not repeated", secrets::echoed),
];

const PASSED: Verdict = Ok(Outcome::Passed);

/// Declared tasks and claims that no passed case stands behind.
pub(super) fn unproved(bench: &Bench<'_>, report: &Report) -> Vec<(String, Verdict)> {
    let said = bench.host.descriptor();
    let mut unproved = Vec::new();
    for task in &said.tasks {
        let mut scenes = bench.subject.scenes.iter().filter(|scene| scene.task == *task && !scene.words_only);
        let is_proved =
            |scene: &Scene| report.passed().any(|name| name.ends_with(&format!(", scene {}", scene.name)));
        if !scenes.any(is_proved) {
            let mend = format!(
                "task {task} is declared and no case proves it: describe a scene of it in fixtures/suite.toml, or take \
                 the task out of the descriptor"
            );
            unproved.push(("every task is proved by a case".to_owned(), Err(mend)));
        }
    }
    let proved = bench.proved.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut missing: Vec<String> = said
        .capabilities
        .iter()
        .filter(|claim| !proved.contains(&(claim.status, claim.scope)))
        .map(|claim| format!("{} asked for by {:?}", claim.status, claim.scope))
        .collect();
    missing.dedup();
    if !missing.is_empty() {
        let mend = format!(
            "claimed and not reported in any scene: {}: let its words stand in a scene of that scope in \
             fixtures/suite.toml, or take the claim out of the descriptor",
            missing.join("; ")
        );
        unproved.push(("every claim is proved by a case".to_owned(), Err(mend)));
    }
    unproved
}

/// That a pull failed with one of these kinds and reported nothing; `mend` is what to do otherwise.
fn failed(ran: &Ran, kinds: &[ErrorKind], mend: &str) -> Verdict {
    match &ran.result {
        Err(error) if kinds.contains(&error.kind) && ran.observations.is_empty() => PASSED,
        Err(error) if kinds.contains(&error.kind) => {
            Err(format!("{} observations were reported from it: {mend}", ran.observations.len()))
        }
        Err(error) => Err(format!("it ended with `{error}`: {mend}")),
        Ok(_) => Err(format!("it ended well: {mend}")),
    }
}
