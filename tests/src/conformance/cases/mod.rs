//! The cases, by topic. A case's failure says what to mend.

mod declared;
mod failures;
mod logins;
mod rows;
mod secrets;

use futures_util::future::BoxFuture;
use plugin_api::{Descriptor, ErrorKind, Task};

use super::{Bench, Ran};

/// What a case that found no fault says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The connector got it right.
    Passed,
    /// The marketplace knows no such thing, and why.
    NotForThis(&'static str),
}

/// How a case ended: an error says what to mend.
pub type Verdict = Result<Outcome, String>;

/// How a case is run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Run {
    /// Once for a connector.
    Once(for<'a> fn(&'a Bench<'a>) -> BoxFuture<'a, Verdict>),
    /// Once for each task that the connector declares.
    EachTask(for<'a> fn(&'a Bench<'a>, Task) -> BoxFuture<'a, Verdict>),
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

const fn once(name: &'static str, run: for<'a> fn(&'a Bench<'a>) -> BoxFuture<'a, Verdict>) -> Case {
    Case { name, applies: |_| true, run: Run::Once(run) }
}

const fn each(name: &'static str, run: for<'a> fn(&'a Bench<'a>, Task) -> BoxFuture<'a, Verdict>) -> Case {
    Case { name, applies: |_| true, run: Run::EachTask(run) }
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
    each("an unknown status stays UNMAPPED with its text", rows::stay_unmapped),
    once("some task shows an unknown status", rows::are_unknown_somewhere),
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
