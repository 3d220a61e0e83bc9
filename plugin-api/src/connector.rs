//! The trait that an author implements, and the handle through which a connector reaches the world.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use serde::de::DeserializeOwned;

use crate::{
    Descriptor, Error, Mark, Millis, Observation, Pull, Reply, Request, Result, Token,
    machine::{Question, Shared},
};

/// A marketplace, as a connector library brings it.
///
/// A connector has no socket, clock, file, thread or long-lived secret. It describes requests and reads replies; the
/// host sends, waits, retries, signs and redacts. Every await must be on something that [`Cx`] returned: anything else
/// can never finish, and the pull ends with a `plugin_fault` that says so.
pub trait Connector: Sized + Send + Sync + 'static {
    /// The channel's settings, as the descriptor declares them; secrets are not among them.
    type Settings: DeserializeOwned;

    /// What this connector is and can do. Data only: called without settings, at any time.
    fn descriptor() -> Descriptor;

    /// A connector for one channel.
    ///
    /// # Errors
    /// `config`, naming the field that is wrong.
    fn new(settings: Self::Settings) -> Result<Self>;

    /// Logs in and returns the account token. Called by the host when a request needs a token and none is valid, by one
    /// caller at a time per account; needed only if the descriptor says so.
    ///
    /// # Errors
    /// `auth` if the marketplace refuses the credentials: the host does not try again by itself.
    fn login(&self, cx: &Cx) -> impl Future<Output = Result<Token>> + Send {
        let _ = cx;
        async { Err(Error::unsupported("this connector has no login")) }
    }

    /// Asks the marketplace and reports through [`Cx::observe`]; returns how far it came.
    ///
    /// # Idempotency
    /// Called again with the same mark after anything went wrong: what was reported before is reported again, and the
    /// host sorts out what is new.
    ///
    /// # Errors
    /// Whatever was observed before the error is kept and applied; the mark does not move.
    fn pull(&self, cx: &Cx, job: Pull) -> impl Future<Output = Result<Mark>> + Send;
}

/// A connector's only way out.
#[derive(Clone, Debug)]
pub struct Cx {
    pub(crate) shared: Arc<Mutex<Shared>>,
    pub(crate) now: Millis,
}

impl Cx {
    /// When this run started, UTC. There is no other clock.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// Sends a request. Several sends may be awaited together; the host runs them side by side within the rate plan.
    ///
    /// # Errors
    /// `rate_limited`, `unavailable` or `auth` once the host has waited and repeated as the plan allows, `bad_request` if
    /// the request itself is not allowed. A reply of any HTTP status is a reply: see [`Reply::ok`].
    pub async fn send(&self, request: Request) -> Result<Reply> {
        let operation = request.operation.clone();
        match self.ask(Question::Http(Box::new(request))).await {
            Ok(Some(mut reply)) => {
                reply.operation = operation;
                Ok(reply)
            }
            Ok(None) => {
                Err(Error::new(crate::ErrorKind::PluginFault, "the host sent no reply").during(&operation))
            }
            Err(error) => Err(error.during(&operation)),
        }
    }

    /// Sends a request that needs the login. If `has_run_out` recognises a login that ran out in a reply that the host
    /// took for good, logs in again and repeats once.
    ///
    /// # Errors
    /// As [`send`](Self::send); `auth` if the new login does not hold either.
    pub async fn send_signed_in(
        &self,
        request: Request,
        has_run_out: impl Fn(&Reply) -> bool,
    ) -> Result<Reply> {
        let reply = self.send(request.clone()).await?;
        if !has_run_out(&reply) {
            return Ok(reply);
        }
        tracing::info!(operation = request.operation(), "the login has run out; logging in again");
        self.relogin().await?;
        let again = self.send(request).await?;
        if has_run_out(&again) {
            let message =
                "the marketplace refuses the login right after it was renewed; enter the credentials again";
            return Err(Error::auth(message).during(&again.operation));
        }
        Ok(again)
    }

    /// Waits on the host's time, e.g. for a report that is being made.
    ///
    /// # Errors
    /// When the run is being ended.
    pub async fn sleep(&self, wait: Duration) -> Result<()> {
        self.ask(Question::Sleep(wait)).await.map(|_| ())
    }

    /// Throws the account token away and logs in again: for a marketplace that tells of a login that has run out in a
    /// reply that looks like a success. Repeat the request once afterwards; a second time it is an `auth` error.
    ///
    /// # Errors
    /// What the login said.
    pub async fn relogin(&self) -> Result<()> {
        self.ask(Question::Relogin).await.map(|_| ())
    }

    /// Reports a page of what was seen. May be called any number of times; order and repeats do not matter.
    pub fn observe(&self, page: impl IntoIterator<Item = Observation>) {
        self.lock().observations.extend(page);
    }

    /// Keeps a mark in the middle of a pull, together with everything observed so far: after a crash the next pull gets
    /// it. For the id of a report that is being made, say.
    pub fn checkpoint(&self, mark: Mark) {
        self.lock().mark = Some(mark);
    }

    fn ask(&self, question: Question) -> Asked {
        let id = self.lock().ask(question);
        Asked { shared: Arc::clone(&self.shared), id }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }
}

/// A panic of the author's code may leave the mutex poisoned; what it holds stays usable.
pub(crate) fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for the host's answer to one question. Dropping it withdraws the question.
struct Asked {
    shared: Arc<Mutex<Shared>>,
    id: u64,
}

impl Future for Asked {
    type Output = Result<Option<Reply>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match lock(&self.shared).take_answer(self.id, context.waker()) {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        lock(&self.shared).withdraw(self.id);
    }
}
