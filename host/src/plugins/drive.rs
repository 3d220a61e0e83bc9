//! Runs one job of a connector: answers what it asks, hands on what it observed, ends it in time.
//!
//! Owns the loop and the time limit. It does not send, wait or log in itself (see [`Outside`]), and it looks at
//! observations only so far as to tell facts from nonsense.

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use futures_util::{
    FutureExt,
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use plugin_abi::{Answer, Ask, NO_QUANTITY, RNone, ROption, RResult, RSome, Step, Tuple2, op};
use plugin_api::{Error, ErrorKind, Job, Mark, Observation, Reply, Status, Token, Work, host_side};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::{
    connector::{Connector, Running, Stretch},
    preflight::host_abi,
    steps,
};

/// The most observations in one page.
pub const PAGE_MAX: usize = 5_000;
/// The longest text of a mark, in bytes.
pub const MARK_TEXT_MAX: usize = 4096;
/// A step that takes longer is logged.
const SLOW_STEP: Duration = Duration::from_millis(50);

/// A step that began shortly before the deadline may take this long: only one that does not come back then counts as
/// hung.
const STEP_GRACE: Duration = Duration::from_millis(250);

/// The world, as far as a connector may touch it.
pub trait Outside: Send + Sync {
    /// Sends a request within the rate plan and answers with the final reply, or with the error after which the host
    /// has given up.
    fn send(&self, request: plugin_abi::Request) -> BoxFuture<'_, Result<Reply, Error>>;
    /// Throws the account token away and gets a new one.
    fn relogin(&self) -> BoxFuture<'_, Result<(), Error>>;
    /// Comes back after a while.
    fn sleep(&self, wait: Duration) -> BoxFuture<'_, ()>;
}

/// What was observed since the page before, to be applied and stored in one piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most [`PAGE_MAX`] facts, in the order in which they were reported.
    pub observations: Vec<Observation>,
    /// A mark that the connector wants kept together with everything up to this page.
    pub mark: Option<Mark>,
}

/// Runs a job to its end and returns what it ended with, as JSON: a [`Mark`] of a pull, a [`Token`] of a login, `null`
/// of a check. It is of that shape; nothing else is returned.
///
/// Pages are sent as they come; while the receiver is not ready, the connector waits. Everything that the connector
/// reported before an error is sent before the error is returned. Dropping the future cancels the job. The end may come a
/// quarter of a second after `limit`, if a step is under way.
///
/// Connector code runs on threads of its own. A tokio clock that is paused runs ahead meanwhile.
///
/// # Errors
/// What the connector or the world outside said; `plugin_fault` for a panic, nonsense, or a step that does not come back
/// within `limit` (the connector then takes no new run until it does); `unavailable` when `limit` passed otherwise, or
/// when the receiver of pages is gone.
pub async fn run(
    connector: &Arc<Connector>,
    job: &Job,
    outside: &dyn Outside,
    pages: &mpsc::Sender<Page>,
    limit: Duration,
) -> Result<String, Error> {
    connector.refuse_if_hung()?;
    let run = Run { connector, outside, pages, limit, deadline: Instant::now() + limit };
    let end = run.drive(job).await?;
    check_end(&job.work, &end).map_err(|problem| run.nonsense(&problem))?;
    Ok(end)
}

struct Run<'a> {
    connector: &'a Arc<Connector>,
    outside: &'a dyn Outside,
    pages: &'a mpsc::Sender<Page>,
    limit: Duration,
    deadline: Instant,
}

/// A pull between two steps. If the run is cancelled, it is dropped where its destructors can do no harm.
struct Held(Option<Running>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            steps::discard(Box::new(running));
        }
    }
}

impl Run<'_> {
    async fn drive(&self, job: &Job) -> Result<String, Error> {
        let (connector, job) = (Arc::clone(self.connector), job.clone());
        let mut held = Held(Some(self.on_a_thread(move || connector.open(&job)).await??));
        let mut waiting = FuturesUnordered::new();
        let mut open = BTreeSet::new();
        let mut answers = Vec::new();
        loop {
            for answer in &answers {
                let Answer { id, .. } = answer;
                open.remove(id);
            }
            let mut step = self.step(&mut held, std::mem::take(&mut answers)).await?;
            self.hand_on(&mut step).await?;
            match step.end {
                RSome(RResult::ROk(end)) => return Ok(end.into_string()),
                RSome(RResult::RErr(fault)) => return Err(host_side::error(fault)),
                RNone => {}
            }
            for ask in &step.asks {
                if !open.insert(ask.id) {
                    return Err(self.nonsense(&format!("it asked question {} twice", ask.id)));
                }
            }
            if open.is_empty() {
                return Err(self.nonsense("it waits and has asked for nothing"));
            }
            let mut asks = step.asks.into_vec();
            if waiting.is_empty() && asks.len() == 1 {
                // The common case, without the wakes of a set.
                let ask = asks.remove(0);
                let what = subject(&ask);
                answers.push(self.within(&what, self.answer(ask)).await?);
                continue;
            }
            waiting.extend(asks.into_iter().map(|ask| self.answer(ask)));
            answers.extend(self.within("several requests", waiting.next()).await?);
            while let Some(Some(answer)) = waiting.next().now_or_never() {
                answers.push(answer);
            }
        }
    }

    async fn step(&self, held: &mut Held, answers: Vec<Answer>) -> Result<Step, Error> {
        if Instant::now() >= self.deadline {
            return Err(self.late("the connector's next step"));
        }
        let Some(mut running) = held.0.take() else {
            return Err(self.nonsense("it was stepped after its end"));
        };
        let id = self.connector.descriptor.id.clone();
        let (back, step) = self
            .on_a_thread(move || {
                let began = std::time::Instant::now();
                let step = running.step(answers);
                let took = began.elapsed();
                if took > SLOW_STEP {
                    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                    tracing::warn!(connector = %id, took_ms, "a step of the connector took long");
                }
                // An ended pull is dropped here, where its destructors are timed as well.
                (step.end.is_none().then_some(running), step)
            })
            .await?;
        held.0 = back;
        Ok(step)
    }

    /// Runs connector code until the deadline, and a little longer if it began late.
    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let stretch = Stretch::new(self.connector);
        let inside = stretch.clone();
        let result = steps::run(move || {
            let result = work();
            inside.came_back();
            result
        })
        .map_err(|error| {
            Error::new(ErrorKind::Unavailable, format!("the host has no thread for a step: {error}"))
        })?;
        match timeout_at(self.deadline.max(Instant::now() + STEP_GRACE), result).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) => Err(self.nonsense("its step ended without a result")),
            Err(_) => {
                stretch.give_up();
                let message = format!(
                    "{} did not come back from a step within the run's {:?}: the run is given up, and the connector takes \
                     no new run while that step goes on",
                    self.connector, self.limit
                );
                tracing::error!(connector = %self.connector.descriptor.id, "{message}");
                Err(Error::new(ErrorKind::PluginFault, message))
            }
        }
    }

    async fn within<T>(&self, what: &str, work: impl Future<Output = T>) -> Result<T, Error> {
        timeout_at(self.deadline, work).await.map_err(|_| self.late(what))
    }

    fn late(&self, what: &str) -> Error {
        let message = format!("the run did not end within {:?}; it was waiting for {what}", self.limit);
        Error::new(ErrorKind::Unavailable, message)
    }

    fn nonsense(&self, problem: &str) -> Error {
        Error::new(
            ErrorKind::PluginFault,
            format!("{} does not keep to the rules: {problem}", self.connector),
        )
    }

    async fn answer(&self, ask: Ask) -> Answer {
        let result = match (ask.op, ask.request) {
            (op::HTTP, RSome(request)) => self.outside.send(request).await.map(Some),
            (op::HTTP, RNone) => Err(self.nonsense("it asked to send a request and gave none")),
            (op::SLEEP, _) => {
                self.outside.sleep(Duration::from_millis(ask.millis)).await;
                Ok(None)
            }
            (op::RELOGIN, _) => self.outside.relogin().await.map(|()| None),
            (other, _) => Err(Error::unsupported(format!("this host does not know operation {other}"))),
        };
        let result = match result {
            Ok(reply) => RResult::ROk(ROption::from(reply.map(write_reply))),
            Err(error) => RResult::RErr(host_side::fault(&error)),
        };
        Answer { id: ask.id, result }
    }

    /// Sends what a step observed, in pages; the mark leaves with the last of them.
    async fn hand_on(&self, step: &mut Step) -> Result<(), Error> {
        let seen = std::mem::take(&mut step.observations);
        let mark = match std::mem::replace(&mut step.mark, RNone) {
            RSome(text) => Some(read_mark(&text).map_err(|problem| self.nonsense(&problem))?),
            RNone => None,
        };
        if seen.is_empty() && mark.is_none() {
            return Ok(());
        }
        let is_newer = self.connector.abi > host_abi();
        for observation in &seen {
            check_observation(observation, is_newer).map_err(|problem| self.nonsense(&problem))?;
        }
        let mut pieces: Vec<Page> = seen
            .chunks(PAGE_MAX)
            .map(|piece| Page {
                observations: piece.iter().map(host_side::observation).collect(),
                mark: None,
            })
            .collect();
        if let Some(last) = pieces.last_mut() {
            last.mark = mark;
        } else {
            pieces.push(Page { observations: Vec::new(), mark });
        }
        for page in pieces {
            self.within("the host to take what was observed", self.pages.send(page))
                .await?
                .map_err(|_| Error::new(ErrorKind::Unavailable, "the host ended the run"))?;
        }
        Ok(())
    }
}

fn subject(ask: &Ask) -> String {
    match &ask.request {
        RSome(request) => format!("the reply to `{}`", request.operation),
        RNone if ask.op == op::SLEEP => "a pause that the connector asked for".into(),
        RNone => "a new login".into(),
    }
}

fn write_reply(reply: Reply) -> plugin_abi::Reply {
    plugin_abi::Reply {
        status: reply.status,
        headers: reply.headers.into_iter().map(|(name, value)| Tuple2(name.into(), value.into())).collect(),
        body: reply.body.into(),
        ext: plugin_abi::RVec::new(),
    }
}

fn read_mark(text: &str) -> Result<Mark, String> {
    let mark: Mark =
        serde_json::from_str(text).map_err(|error| format!("its mark cannot be read: {error}"))?;
    match mark.text.len() {
        0..=MARK_TEXT_MAX => Ok(mark),
        bytes => Err(format!("its mark has {bytes} bytes, {MARK_TEXT_MAX} are allowed")),
    }
}

/// Tells a fact from nonsense. A number that does not exist in this version of the boundary may be a new word of a
/// connector that is newer than the host; from any other it is a mistake, and a mistake must not become a fact about a
/// whole order by losing the part that limits it.
fn check_observation(seen: &plugin_abi::Observation, is_newer: bool) -> Result<(), String> {
    if seen.order.is_empty() && seen.item.is_empty() {
        return Err("it reported a fact that names neither an order nor an item".into());
    }
    if seen.quantity != NO_QUANTITY && u32::try_from(seen.quantity).is_err() {
        return Err(format!("it reported a quantity of {}", seen.quantity));
    }
    let is_known = seen.status == 0 || Status::from_code(seen.status).is_some();
    if !is_known && !is_newer {
        return Err(format!("it reported status number {}, which does not exist", seen.status));
    }
    if (seen.shipped_by > 2 || seen.return_kind > 2) && !is_newer {
        return Err(format!("it reported shipper {} and return kind {}", seen.shipped_by, seen.return_kind));
    }
    Ok(())
}

fn check_end(work: &Work, end: &str) -> Result<(), String> {
    match work {
        Work::Check if end == "null" => Ok(()),
        Work::Check => Err("a check ended with something else than `null`".into()),
        // The text of the error may quote the token: only its place is told.
        Work::Login => serde_json::from_str::<Token>(end)
            .map(|_| ())
            .map_err(|error| format!("its token cannot be read (column {})", error.column())),
        Work::Pull(_) => read_mark(end).map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_small_json() {
        assert_eq!(
            read_mark(r#"{"text":"w","complete_until":5}"#),
            Ok(Mark::complete_until(5).with_text("w"))
        );
        assert!(read_mark("garbage").is_err_and(|problem| problem.starts_with("its mark cannot be read")));
        let long = serde_json::to_string(&Mark::default().with_text("x".repeat(MARK_TEXT_MAX + 1))).unwrap();
        assert!(read_mark(&long).is_err_and(|problem| problem.contains("4097 bytes")));
    }

    #[test]
    fn a_login_that_ends_in_nonsense_does_not_show_what_it_was() {
        let problem = check_end(&Work::Login, r#""s3cret""#).expect_err("no token");
        assert!(!problem.contains("s3cret"), "{problem}");
        assert_eq!(check_end(&Work::Login, r#"{"value":"t","expires_in_secs":60}"#), Ok(()));
        assert_eq!(check_end(&Work::Check, "null"), Ok(()));
        assert!(check_end(&Work::Check, "{}").is_err());
    }
}
