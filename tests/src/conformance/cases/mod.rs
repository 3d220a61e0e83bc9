//! The cases, by topic. A case's failure says what to mend.

mod bodies;
mod declared;
mod limits;
mod logins;
mod outages;
mod pages;
mod rows;
mod scopes;
mod secrets;
mod shapes;
mod words;

use futures_util::future::BoxFuture;
use plugin_api::{Descriptor, ErrorKind, ScopeKind, Setting, SettingKind, StatusRow};
use wiremock::{Request, ResponseTemplate};

use super::{
    Bench, Ran, Refusal, Report, Scene, Table,
    stage::{Act, Fault, Stage},
};

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
    /// Once for each scene that is meant.
    EachScene(fn(&Scene) -> bool, for<'a> fn(&'a Bench<'a>, &'a Scene) -> BoxFuture<'a, Verdict>),
    /// Once for each setting that is meant.
    EachSetting(fn(&Setting) -> bool, for<'a> fn(&'a Bench<'a>, &'a Setting) -> BoxFuture<'a, Verdict>),
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
            Run::EachScene(is_meant, run) => {
                let scenes = bench.subject.scenes.iter().filter(|scene| !scene.words_only && is_meant(scene));
                scenes.map(|scene| (format!("{name}, scene {}", scene.name), run(bench, scene))).collect()
            }
            Run::EachSetting(is_meant, run) => {
                let settings = bench.host.descriptor().settings.iter().filter(|setting| is_meant(setting));
                settings.map(|setting| (format!("{name}, `{}`", setting.name), run(bench, setting))).collect()
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

type OfScene = for<'a> fn(&'a Bench<'a>, &'a Scene) -> BoxFuture<'a, Verdict>;

const fn each(name: &'static str, run: OfScene) -> Case {
    Case { name, applies: |_| true, run: Run::EachScene(|_| true, run) }
}

/// For scenes that ask what changed.
const fn list(name: &'static str, run: OfScene) -> Case {
    let is_list = |scene: &Scene| scene.scope_kind() == ScopeKind::Changed;
    Case { name, applies: |_| true, run: Run::EachScene(is_list, run) }
}

/// For scenes that ask for orders by id.
const fn by_id(name: &'static str, run: OfScene) -> Case {
    let is_by_id = |scene: &Scene| scene.scope_kind() == ScopeKind::Orders;
    Case { name, applies: |_| true, run: Run::EachScene(is_by_id, run) }
}

/// For lists, and for answers by id that are described with a second page.
const fn paged(name: &'static str, run: OfScene) -> Case {
    let has_pages = |scene: &Scene| {
        scene.scope_kind() == ScopeKind::Changed || scene.twice.iter().any(|route| route.second)
    };
    Case { name, applies: |_| true, run: Run::EachScene(has_pages, run) }
}

const fn when(applies: fn(&Descriptor) -> bool, case: Case) -> Case {
    Case { applies, ..case }
}

const fn setting(
    name: &'static str,
    is_meant: fn(&Setting) -> bool,
    run: for<'a> fn(&'a Bench<'a>, &'a Setting) -> BoxFuture<'a, Verdict>,
) -> Case {
    Case { name, applies: |_| true, run: Run::EachSetting(is_meant, run) }
}

fn logs_in(said: &Descriptor) -> bool {
    said.auth.login
}

fn renews(said: &Descriptor) -> bool {
    said.auth.login && said.auth.expired_on.contains(&401)
}

fn has_url_default(setting: &Setting) -> bool {
    setting.default.is_some() && setting.kind == SettingKind::Url
}

fn has_other_default(setting: &Setting) -> bool {
    setting.default.is_some() && setting.kind != SettingKind::Url
}

/// Every case, in the order in which they run.
pub const CASES: &[Case] = &[
    once("the descriptor is complete and sourced", declared::is_complete),
    once("status tables and claims name the same statuses", declared::agrees),
    once("limits and rates can be kept", declared::can_be_kept),
    once("every task has its pulls described", declared::is_described),
    setting("a wrong value is refused by the setting's name", |_| true, declared::refuses),
    setting("a missing value is refused by the setting's name", |one| one.required, declared::needs),
    setting("the default that is told is the one that counts", has_other_default, declared::counts),
    setting("the host of the default address is declared", has_url_default, declared::is_declared),
    once("a task that is not declared is unsupported", scopes::undeclared_tasks),
    each("rows are reported, and nothing that is not claimed", rows::are_reported),
    each("what is reported can be a fact, with its text", shapes::sane),
    each("the same rows are the same observations", rows::same),
    each("rows that come twice are the same observations", rows::repeat),
    each("rows in another order are the same observations", shapes::in_other_order),
    each("an answer without rows reports nothing", rows::are_absent),
    each("a pull goes on from its own mark", scopes::from_a_mark),
    by_id("a full batch of unknown orders is asked for and no news", scopes::full_batch),
    list("a window of a moment is a window", scopes::other_window),
    Case { name: "a word means what its table says", applies: |_| true, run: Run::EachRow(words::mean) },
    Case {
        name: "an unknown word stays UNMAPPED with its text",
        applies: |_| true,
        run: Run::EachTable(words::unknown),
    },
    once("data of buyers goes no further", secrets::of_buyers),
    each("what the marketplace echoes is not repeated", secrets::echoed),
    when(logs_in, each("a refused login is auth and is not tried again", logins::are_refused)),
    when(logs_in, each("a login that is down is unavailable", logins::are_down)),
    when(logs_in, each("a login that cannot be read ends the pull", logins::are_unreadable)),
    when(renews, each("a 401 costs one login and one repeat", logins::run_out)),
    when(renews, each("a 401 that stays is auth and no loop", logins::do_not_hold)),
    when(
        logs_in,
        each("a login that ran out otherwise costs one login and one repeat", logins::run_out_otherwise),
    ),
    when(logs_in, each("a login that never holds is auth and no loop", logins::never_hold)),
    when(|said| !logs_in(said), each("a 401 without a login is auth", logins::have_no_login)),
    each("a 403 is auth", outages::forbidden),
    each("a 400 is bad_request", outages::refused),
    list("a 404 for a list is no empty list", outages::gone),
    each("a redirect is not followed", outages::redirect),
    each("a 429 that asks for no wait is not seen", limits::passing),
    each("a 429 without advice is not seen", limits::without_advice),
    each("a 429 until a date that has passed is not seen", limits::date_gone),
    each("a 429 for an hour is rate_limited with its advice", limits::seconds),
    each("a 429 until a date is rate_limited with its advice", limits::date),
    each("a 429 with absurd advice is rate_limited without it", limits::absurd),
    each("a 500 that passes is not seen", outages::passing_500),
    each("a 503 that passes is not seen", outages::passing_503),
    each("a 500 that stays is unavailable", outages::staying_500),
    each("a 502 with a page for people is unavailable", outages::staying_502),
    each("a 503 without a body is unavailable", outages::staying_503),
    each("HTML instead of data is bad_reply", bodies::html),
    each("an empty body is bad_reply", bodies::empty),
    each("a reply cut short is bad_reply", bodies::cut),
    each("bytes that are no text are bad_reply", bodies::not_text),
    each("a reply that is packed wrongly fails", bodies::badly_packed),
    each("a reply nested without end is bad_reply", bodies::deep),
    once("a reply that is too large is bad_reply", bodies::huge),
    each("an answer of another type is bad_reply", shapes::other_types_on_top),
    each("values of other types break nothing", shapes::other_types),
    each("an answer without its rows is not one without rows", shapes::missing_rows),
    each("members that nobody has documented change nothing", shapes::more_than_documented),
    each("a byte order mark changes nothing", shapes::with_a_mark),
    each("white space and order of members change nothing", shapes::one_line),
    paged("pages are read to the end", pages::are_read_to_the_end),
    paged("a second page that is cut costs no rows and moves no mark", pages::cut),
    paged("a second page that is down costs no rows and moves no mark", pages::down),
    paged("a second page that is down for a moment is not seen", pages::down_for_a_moment),
    paged("a limit on the second page costs no rows and moves no mark", pages::limited),
    when(renews, paged("a login that runs out between pages is renewed", pages::login_runs_out)),
    when(
        logs_in,
        paged("a login that runs out otherwise between pages is renewed", pages::login_runs_out_otherwise),
    ),
    paged("pages that go in a circle end", pages::in_a_circle),
    paged("pages without end move no mark", pages::without_end),
    paged("a pull that was cut is gone on with", pages::are_gone_on_with),
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

/// What an answer that is none may end a pull with: also `auth`, where a login that ran out looks like it.
fn no_answer(bench: &Bench<'_>, looks_like: impl Fn(&Refusal) -> bool) -> &'static [ErrorKind] {
    let mut forms = bench.subject.login.iter().flat_map(|login| &login.expired);
    if forms.any(looks_like) { &[ErrorKind::BadReply, ErrorKind::Auth] } else { &[ErrorKind::BadReply] }
}

/// Whether a refusal is a page for people.
fn is_page(refusal: &Refusal) -> bool {
    refusal.text.trim_start().starts_with('<')
}

/// That a pull which was denied says so: `auth`, or, where the account may work all the same, no fact and no mark.
fn denied(scene: &Scene, ran: &Ran, mend: &str) -> Verdict {
    match (&scene.denied, &ran.result) {
        (Some(why), Ok(mark)) if ran.observations.is_empty() && mark.complete_until.is_none() => {
            Ok(Outcome::NotForThis(why.clone()))
        }
        _ => failed(ran, &[ErrorKind::Auth], mend),
    }
}

/// A pull whose struck calls go wrong.
async fn struck<'a>(bench: &Bench<'a>, scene: &'a Scene, fault: Fault) -> Result<(Stage<'a>, Ran), String> {
    let stage = bench.stage(Act::rows(scene).fault(fault)).await;
    let ran = bench.pull(&stage).await?;
    Ok((stage, ran))
}

/// That a failure which passed left no trace but one request more.
async fn is_not_seen(bench: &Bench<'_>, scene: &Scene, fault: ResponseTemplate) -> Verdict {
    let undisturbed = bench.usual(scene).await?;
    let calm = bench.stage(Act::rows(scene)).await;
    bench.pull(&calm).await?;
    let (stage, ran) = struck(bench, scene, Fault::once(fault)).await?;
    if ran.result != undisturbed.result || ran.observations != undisturbed.observations {
        return Err(format!(
            "it ends with {:?}: leave what passes to the host, which repeats the request",
            ran.result
        ));
    }
    match (calm.struck().len() + calm.calls_struck(), stage.struck().len()) {
        (expected, sent) if expected == sent => PASSED,
        (expected, sent) => {
            Err(format!("{sent} requests instead of {expected}: leave repeating to the host"))
        }
    }
}

/// Whether a token stands anywhere in a request.
fn carries(request: &Request, token: &str) -> bool {
    request.headers.values().any(|value| value.to_str().is_ok_and(|text| text.contains(token)))
        || request.url.as_str().contains(token)
        || String::from_utf8_lossy(&request.body).contains(token)
}
