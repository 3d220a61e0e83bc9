//! Runs an author's future as a step machine: answers go in, questions and observations come out.
//!
//! There is no runtime and no waker worth the name. The future is polled; whatever it asked meanwhile is the step's
//! questions. A future that waits while nothing has been asked can never be woken, and is told so at once.

use std::{
    any::Any,
    collections::BTreeMap,
    future::Future,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use crate::{
    Connector, Cx, Error, ErrorKind, Job, Mark, Millis, Observation, Reply, Request, Result, Work,
    connector::lock,
};

/// How often a future may wake itself within one step before it counts as never ending.
const SELF_WAKES: u32 = 10_000;

/// Something the connector asks of the host.
#[derive(Debug)]
pub(crate) enum Question {
    Http(Box<Request>),
    Sleep(Duration),
    Relogin,
}

/// The host's answer; a reply only to [`Question::Http`].
pub(crate) type AnswerResult = Result<Option<Reply>>;

/// What the future and the machine pass to each other.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    next_id: u64,
    asked: Vec<(u64, Question)>,
    /// Questions that the future has not got its answer to yet.
    open: BTreeMap<u64, Waiting>,
    pub(crate) observations: Vec<Observation>,
    pub(crate) mark: Option<Mark>,
}

/// A question that was asked: its answer once there is one, and whom to tell.
#[derive(Debug, Default)]
struct Waiting {
    answer: Option<AnswerResult>,
    /// Joins of many futures poll a part of them only when that part's own waker was called.
    waker: Option<Waker>,
}

impl Shared {
    pub(crate) fn ask(&mut self, question: Question) -> u64 {
        self.next_id += 1;
        self.open.insert(self.next_id, Waiting::default());
        self.asked.push((self.next_id, question));
        self.next_id
    }

    /// The answer to a question; until there is one, `waker` is called when it comes.
    pub(crate) fn take_answer(&mut self, id: u64, waker: &Waker) -> Option<AnswerResult> {
        let waiting = self.open.get_mut(&id)?;
        let Some(answer) = waiting.answer.take() else {
            waiting.waker = Some(waker.clone());
            return None;
        };
        self.open.remove(&id);
        Some(answer)
    }

    /// Keeps an answer; one that nobody waits for (any more) is dropped.
    fn answer(&mut self, id: u64, answer: AnswerResult) -> Option<Waker> {
        let waiting = self.open.get_mut(&id)?;
        waiting.answer = Some(answer);
        waiting.waker.take()
    }

    fn waits_for_the_host(&self) -> bool {
        self.open.values().any(|waiting| waiting.answer.is_none())
    }

    pub(crate) fn withdraw(&mut self, id: u64) {
        self.open.remove(&id);
        self.asked.retain(|(asked, _)| *asked != id);
    }
}

/// What a step produced.
#[derive(Debug)]
pub(crate) struct StepOut {
    pub(crate) asks: Vec<(u64, Question)>,
    pub(crate) observations: Vec<Observation>,
    pub(crate) mark: Option<Mark>,
    /// The job's result as JSON, once it has ended.
    pub(crate) end: Option<Result<String>>,
}

type JobFuture = Pin<Box<dyn Future<Output = Result<String>> + Send>>;

/// A job of a connector, between two steps.
pub(crate) struct Machine {
    future: Option<JobFuture>,
    shared: Arc<Mutex<Shared>>,
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Machine {
    /// Reads the settings and makes ready to run the job; nothing of it has run yet.
    pub(crate) fn open<C: Connector>(job: Job) -> Result<Machine> {
        let connector = settings::<C>(job.settings).and_then(|settings| guarded(|| C::new(settings))?)?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let cx = Cx { shared: Arc::clone(&shared), now: job.now };
        let future: JobFuture = match job.work {
            Work::Check => Box::pin(async { Ok(String::from("null")) }),
            Work::Login => {
                Box::pin(async move { connector.login(&cx).await.and_then(|token| to_json(&token)) })
            }
            Work::Pull(pull) => {
                Box::pin(async move { connector.pull(&cx, pull).await.and_then(|mark| to_json(&mark)) })
            }
        };
        Ok(Machine { future: Some(future), shared })
    }

    /// Takes answers in and runs until the future waits again or has ended. After the end every step is an end again.
    pub(crate) fn step(&mut self, answers: impl IntoIterator<Item = (u64, AnswerResult)>) -> StepOut {
        for (id, answer) in answers {
            let waker = lock(&self.shared).answer(id, answer);
            // Called without the lock: a waker is whatever the author's join made of it.
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        let end = self.run();
        if end.is_some() {
            self.drop_future();
        }
        let mut shared = lock(&self.shared);
        StepOut {
            asks: if end.is_some() { Vec::new() } else { mem::take(&mut shared.asked) },
            observations: mem::take(&mut shared.observations),
            mark: shared.mark.take(),
            end,
        }
    }

    fn run(&mut self) -> Option<Result<String>> {
        let Some(future) = self.future.as_mut() else {
            return Some(Err(Error::new(ErrorKind::PluginFault, "a step after the end of the job")));
        };
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&flag));
        for _ in 0..SELF_WAKES {
            match guarded(|| future.as_mut().poll(&mut Context::from_waker(&waker))) {
                Err(panic) => return Some(Err(panic)),
                Ok(Poll::Ready(result)) => return Some(result),
                Ok(Poll::Pending) if flag.0.swap(false, Ordering::Relaxed) => {}
                Ok(Poll::Pending) => {
                    let waits = lock(&self.shared).waits_for_the_host();
                    return (!waits).then(|| {
                        Err(Error::new(
                            ErrorKind::PluginFault,
                            "the connector waits for something that is not the host's and can never come: \
                             await only what `Cx` returns",
                        ))
                    });
                }
            }
        }
        Some(Err(Error::new(
            ErrorKind::PluginFault,
            "the connector keeps waking itself without asking for anything",
        )))
    }

    fn drop_future(&mut self) {
        let future = self.future.take();
        // A panic in a destructor must not cross the boundary; the pull has ended either way.
        drop(guarded(|| drop(future)));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.drop_future();
    }
}

/// A job of a connector that is linked into the program itself: what the boundary costs is measured against it.
///
/// Nothing of it crosses; it asks, is answered and observes in plain types.
pub struct Linked(Machine);

impl Linked {
    /// Reads the settings and makes ready to run the job.
    ///
    /// # Errors
    /// What the connector says against the settings.
    pub fn open<C: Connector>(job: Job) -> Result<Linked> {
        Machine::open::<C>(job).map(Linked)
    }

    /// Hands replies over and runs until the connector waits again or has ended. Answers the numbers of the questions that it
    /// asks, what it observed, and what it ended with once it has.
    pub fn step(
        &mut self,
        replies: impl IntoIterator<Item = (u64, Result<Reply>)>,
    ) -> (Vec<u64>, Vec<Observation>, Option<Result<String>>) {
        let out = self.0.step(replies.into_iter().map(|(id, reply)| (id, reply.map(Some))));
        (out.asks.into_iter().map(|(id, _)| id).collect(), out.observations, out.end)
    }
}

/// The settings of `C`.
///
/// # Errors
/// `config`, naming the field.
fn settings<C: Connector>(value: serde_json::Value) -> Result<C::Settings> {
    serde_json::from_value(value).map_err(|error| Error::config(format!("settings: {error}")))
}

fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::new(ErrorKind::PluginFault, error.to_string()))
}

/// Runs author code; a panic becomes an error that carries its text.
///
/// The payload is forgotten, not dropped: its own destructor might panic.
pub(crate) fn guarded<T>(run: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let text = panic_text(payload.as_ref());
        mem::forget(payload);
        Error::new(ErrorKind::PluginFault, format!("the connector panicked: {text}"))
    })
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| String::from("no message"))
}

/// A job over a connector of this process, for tests.
pub(crate) fn job(now: Millis, settings: serde_json::Value, work: Work) -> Job {
    Job { now, settings, work }
}

#[cfg(test)]
mod tests;
