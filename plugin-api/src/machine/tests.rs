//! The machine without a host: what a connector's future does, and what the step says of it.

use std::{
    cell::Cell,
    future::{self, Future},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use futures_util::{
    future::{Either, join, join_all, select},
    stream::{FuturesUnordered, StreamExt},
};
use serde_json::{Value as Json, json};

use super::*;
use crate::{Descriptor, Pull, Scope, Task};

type Answers = Vec<(u64, AnswerResult)>;

/// What the one test connector does; its settings are the name.
struct Acts(String);

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("dropped badly");
    }
}

/// A payload whose destructor panics again.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload went off");
    }
}

/// Wakes itself some times before it is ready.
struct Wakes(u32);

impl Future for Wakes {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Polls once.
fn is_waiting<F: Future>(future: Pin<&mut F>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

fn get(path: &str) -> Request {
    Request::get("list", format!("https://example.test/{path}"))
}

impl Connector for Acts {
    type Settings = String;

    fn descriptor() -> Descriptor {
        Descriptor::new("acts", "Acts", "1")
    }

    fn new(act: String) -> Result<Self> {
        assert!(act != "panic in new", "no such channel");
        Ok(Acts(act))
    }

    async fn pull(&self, cx: &Cx, _: Pull) -> Result<Mark> {
        let mut seen = Vec::new();
        match self.0.as_str() {
            "panic in pull" => panic!("cannot read page {}", 7),
            "panic with a bomb" => std::panic::panic_any(Bomb),
            "panic after a reply" => {
                cx.observe([Observation::new("O1", None, "seen before")]);
                cx.send(get("a")).await?;
                seen.remove(0);
            }
            "panic in drop" => {
                let _bad = PanicsOnDrop;
                cx.send(get("a")).await?;
            }
            "panic in drop at the end" => drop(PanicsOnDrop),
            "await something else" => future::pending::<()>().await,
            "wake for ever" => Wakes(u32::MAX).await,
            "wake a little" => Wakes(50).await,
            "join two" => {
                let (a, b) = join(cx.send(get("a")), cx.send(get("b"))).await;
                seen.extend([a?.text(), b?.text()]);
            }
            "join many" => {
                for reply in join_all((0..64).map(|n| cx.send(get(&n.to_string())))).await {
                    seen.push(reply?.text());
                }
            }
            "as they come" => {
                let mut waiting: FuturesUnordered<_> = (0..3).map(|n| cx.send(get(&n.to_string()))).collect();
                while let Some(reply) = waiting.next().await {
                    seen.push(reply?.text());
                }
            }
            "first of two" => {
                let (a, b) = (Box::pin(cx.send(get("a"))), Box::pin(cx.send(get("b"))));
                match select(a, b).await {
                    Either::Left((reply, _)) | Either::Right((reply, _)) => seen.push(reply?.text()),
                }
                seen.push(cx.send(get("c")).await?.text());
            }
            "keep one answer unread" => {
                let mut unread = Box::pin(cx.send(get("a")));
                assert!(is_waiting(unread.as_mut()));
                future::pending::<()>().await;
            }
            "withdraw before the step ends" => {
                let mut dropped = Box::pin(cx.send(get("never")));
                assert!(is_waiting(dropped.as_mut()));
                drop(dropped);
                seen.push(cx.send(get("kept")).await?.text());
            }
            "sleep and log in" => {
                cx.checkpoint(Mark::default().with_text("report 7"));
                cx.sleep(Duration::from_secs(30)).await?;
                cx.relogin().await?;
            }
            other => return Err(Error::config(format!("no act `{other}`"))),
        }
        Ok(Mark::default().with_text(seen.join(" ")))
    }
}

fn open(act: &str) -> Result<Machine> {
    let work = Work::Pull(Pull {
        task: Task::Status,
        statuses: vec![],
        scope: Scope::Changed { since: 0, until: 1 },
        mark: None,
    });
    Machine::open::<Acts>(job(0, Json::from(act), work))
}

fn machine(act: &str) -> Machine {
    open(act).unwrap_or_else(|error| panic!("{error}"))
}

fn path(question: &Question) -> &str {
    match question {
        Question::Http(request) => request.url().rsplit('/').next().unwrap_or_default(),
        Question::Sleep(_) => "sleep",
        Question::Relogin => "relogin",
    }
}

fn paths(step: &StepOut) -> Vec<&str> {
    step.asks.iter().map(|(_, question)| path(question)).collect()
}

/// An answer to each question that says which one it answers.
fn answers(step: &StepOut) -> Answers {
    step.asks.iter().map(|(id, question)| (*id, Ok(Some(Reply::new(200, path(question)))))).collect()
}

fn end(step: StepOut) -> Result<String> {
    assert!(step.asks.is_empty(), "an ended job asks nothing");
    let text = step.end.expect("the job should have ended")?;
    let mark: Mark = serde_json::from_str(&text).expect("a mark");
    Ok(mark.text)
}

fn fault(step: StepOut) -> String {
    let error = end(step).expect_err("the job should have failed");
    assert_eq!(error.kind, ErrorKind::PluginFault);
    error.message
}

#[test]
fn a_panic_in_new_is_an_error_with_its_text() {
    let error = open("panic in new").map(|_| ()).expect_err("it panicked");
    assert_eq!(error.kind, ErrorKind::PluginFault);
    assert_eq!(error.message, "the connector panicked: no such channel");
}

#[test]
fn settings_that_do_not_fit_are_a_config_error() {
    let error = Machine::open::<Acts>(job(0, json!(7), Work::Check)).map(|_| ()).expect_err("7 is no text");
    assert_eq!(error.kind, ErrorKind::Config);
}

#[test]
fn a_check_runs_nothing_but_new() {
    let mut machine =
        Machine::open::<Acts>(job(0, json!("panic in pull"), Work::Check)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(machine.step([]).end, Some(Ok("null".into())));
}

#[test]
fn a_panic_in_pull_ends_the_job_with_its_text() {
    let mut machine = machine("panic in pull");
    assert_eq!(fault(machine.step([])), "the connector panicked: cannot read page 7");
    assert_eq!(fault(machine.step([])), "a step after the end of the job");
}

#[test]
fn a_panic_whose_payload_panics_when_dropped_is_still_only_an_error() {
    assert_eq!(fault(machine("panic with a bomb").step([])), "the connector panicked: no message");
}

#[test]
fn what_was_observed_before_a_panic_is_handed_over() {
    let mut machine = machine("panic after a reply");
    let first = machine.step([]);
    assert_eq!(first.observations.len(), 1);
    let last = machine.step(answers(&first));
    assert!(fault(last).contains("removal index (is 0)"));
}

#[test]
fn a_panic_in_a_destructor_neither_ends_the_process_nor_escapes() {
    let mut cancelled = machine("panic in drop");
    assert_eq!(paths(&cancelled.step([])), ["a"]);
    drop(cancelled);

    let mut ended = machine("panic in drop");
    let first = ended.step([]);
    assert_eq!(fault(ended.step(answers(&first))), "the connector panicked: dropped badly");
    assert_eq!(fault(machine("panic in drop at the end").step([])), "the connector panicked: dropped badly");
}

#[test]
fn awaiting_something_that_is_not_the_host_s_is_told_at_once() {
    assert!(fault(machine("await something else").step([])).contains("await only what `Cx` returns"));
}

#[test]
fn an_answer_that_nobody_reads_is_nothing_to_wait_for() {
    let mut machine = machine("keep one answer unread");
    let first = machine.step([]);
    assert_eq!(paths(&first), ["a"]);
    assert!(fault(machine.step(answers(&first))).contains("can never come"));
}

#[test]
fn a_future_that_wakes_itself_is_polled_again_but_not_for_ever() {
    assert_eq!(end(machine("wake a little").step([])), Ok(String::new()));
    assert!(fault(machine("wake for ever").step([])).contains("keeps waking itself"));
}

#[test]
fn two_sends_awaited_together_are_asked_in_one_step() {
    let mut machine = machine("join two");
    let first = machine.step([]);
    assert_eq!(paths(&first), ["a", "b"]);
    assert_eq!(end(machine.step(answers(&first))), Ok("a b".into()));
}

#[test]
fn answers_may_come_one_by_one_and_out_of_order() {
    let mut machine = machine("join two");
    let mut answers = answers(&machine.step([]));
    let between = machine.step(answers.pop());
    assert!(between.asks.is_empty() && between.end.is_none());
    assert_eq!(end(machine.step(answers.pop())), Ok("a b".into()));
}

#[test]
fn a_join_of_many_sends_hears_of_every_answer() {
    let mut machine = machine("join many");
    let first = machine.step([]);
    assert_eq!(first.asks.len(), 64);
    let mut answers = answers(&first);
    answers.reverse();
    let last = answers.split_off(40);
    assert!(machine.step(answers).end.is_none());
    let text = end(machine.step(last)).expect("all were answered");
    assert_eq!(text, (0..64).map(|n: u32| n.to_string()).collect::<Vec<_>>().join(" "));
}

#[test]
fn replies_are_seen_in_the_order_in_which_they_come() {
    let mut machine = machine("as they come");
    let mut answers = answers(&machine.step([]));
    answers.reverse();
    let mut ends = answers.into_iter().map(|answer| machine.step([answer])).filter(|step| step.end.is_some());
    assert_eq!(ends.next().map(end), Some(Ok("2 1 0".into())));
}

#[test]
fn a_send_that_is_dropped_before_the_step_ends_is_never_asked() {
    let mut machine = machine("withdraw before the step ends");
    let first = machine.step([]);
    assert_eq!(paths(&first), ["kept"]);
    assert_eq!(end(machine.step(answers(&first))), Ok("kept".into()));
}

#[test]
fn a_late_answer_to_a_dropped_send_changes_nothing() {
    let mut machine = machine("first of two");
    let mut first = answers(&machine.step([]));
    let late = first.pop();
    let second = machine.step(first);
    assert_eq!(paths(&second), ["c"]);
    let between = machine.step(late);
    assert!(between.asks.is_empty() && between.end.is_none());
    assert_eq!(end(machine.step(answers(&second))), Ok("a c".into()));
}

#[test]
fn an_answer_that_was_never_asked_for_changes_nothing() {
    let mut machine = machine("join two");
    let first = machine.step([(999, Ok(None)), (1, Ok(None))]);
    assert_eq!(paths(&first), ["a", "b"]);
    assert_eq!(end(machine.step(answers(&first))), Ok("a b".into()));
}

#[test]
fn waiting_and_logging_in_are_questions_and_a_checkpoint_leaves_with_the_step() {
    let mut machine = machine("sleep and log in");
    let first = machine.step([]);
    assert_eq!(paths(&first), ["sleep"]);
    assert_eq!(first.mark.as_ref().map(|mark| mark.text.as_str()), Some("report 7"));
    let second = machine.step([(first.asks[0].0, Ok(None))]);
    assert_eq!((paths(&second), &second.mark), (vec!["relogin"], &None));
    let error = Error::auth("the password is wrong");
    let last = machine.step([(second.asks[0].0, Err(error.clone()))]);
    assert_eq!(end(last), Err(error));
}

#[test]
fn a_send_without_a_reply_is_an_error_that_names_its_operation() {
    let mut machine = machine("join two");
    let first = machine.step([]);
    let error = end(machine.step(first.asks.iter().map(|(id, _)| (*id, Ok(None))))).expect_err("no reply");
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::PluginFault, "list"));
}

#[test]
fn the_guard_hands_values_through() {
    let touched = Cell::new(false);
    assert_eq!(guarded(|| touched.replace(true)), Ok(false));
    assert!(touched.get());
    // A lock that was held during a panic stays usable.
    let shared = Arc::new(Mutex::new(Shared::default()));
    let held = Arc::clone(&shared);
    assert!(
        guarded(move || {
            let _held = held.lock();
            panic!("while held")
        })
        .is_err_and(|e| e.message.ends_with("while held"))
    );
    assert_eq!(lock(&shared).ask(Question::Relogin), 1);
}
