//! The one thread that writes. Jobs that wait at the same time share a transaction, and so one wait for the disk.
//!
//! Each job has its part of the transaction to itself: what fails is taken back alone, and nobody is answered before the
//! commit. A caller cannot tell whether it shared.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::{
    fault::Fail,
    schema,
    versions::{Touches, Versions},
    worker::{Open, Slot},
};
use crate::storage::{Mode, Result, StoreError};

/// A transaction is closed once its jobs weigh this much, however many wait: those in it want their answer.
const FULL: u32 = 64;

/// How long a job keeps the others of its transaction waiting, roughly, in the time of a single row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Weight {
    /// A few rows.
    Light = 1,
    /// A page of orders that is decided.
    Page = 4,
    /// Orders that are still to be read and decided, or a whole tenant.
    Heavy = 16,
}

/// What a job is to the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) weight: Weight,
    pub(super) touches: Touches,
    pub(super) mode: Mode,
}

/// Tells a job's caller: with `None` that it is on the disk, else why it is not.
type Tell = Box<dyn FnOnce(Option<Fail>) + Send>;

/// How a job ended, before the commit.
struct Ended {
    /// Whether its part is kept; a part that is not kept is answered at once.
    kept: Option<Tell>,
    /// Whether the connection cannot be believed any longer.
    is_spoilt: bool,
}

/// A job's part of a transaction. It is called once, also if there is no transaction to be had, to tell its caller why.
type Part = Box<dyn FnOnce(std::result::Result<&Connection, Fail>) -> Ended + Send>;

enum Job {
    Part(Weight, Touches, Part),
    /// Wants the connection to itself, outside any transaction.
    #[cfg(test)]
    Alone(Box<dyn FnOnce(&mut Slot) + Send>),
}

/// The queue of writing jobs, with the thread that serves it.
pub(super) struct Writer {
    path: Arc<Path>,
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        path: &Arc<Path>,
        connection: Connection,
        open: &Open,
        versions: Arc<Versions>,
    ) -> std::io::Result<Writer> {
        let (queue, jobs) = mpsc::channel::<Job>();
        let mut slot = Slot::new(path, open, connection);
        let mut foreign = Foreign::default();
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            let mut next = jobs.recv().ok();
            while let Some(job) = next {
                let left_over = match job {
                    #[cfg(test)]
                    Job::Alone(work) => {
                        work(&mut slot);
                        versions.touch(Touches::All);
                        None
                    }
                    Job::Part(weight, touches, part) => {
                        let first = (weight, touches, part);
                        share(&mut slot, first, &jobs, (&versions, &mut foreign))
                    }
                };
                next = left_over.or_else(|| jobs.recv().ok());
            }
        })?;
        Ok(Writer { path: Arc::clone(path), queue: Some(queue), thread: Some(thread) })
    }

    /// Has a job done in a transaction; with [`Mode::Rehearse`] it is taken back afterwards. If the caller goes away in the
    /// meantime the job is done all the same.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        kind: Kind,
        job: impl FnOnce(&Connection) -> std::result::Result<T, Fail> + Send + 'static,
    ) -> Result<T> {
        let Kind { weight, touches, mode } = kind;
        let (reply, answer) = oneshot::channel();
        let path = Arc::clone(&self.path);
        let part = move |db: std::result::Result<&Connection, Fail>| {
            // A panic can only come from a decision that was handed to us; its part is rolled back like any other.
            let done = match catch_unwind(AssertUnwindSafe(|| job(db?))) {
                Ok(Ok(done)) => done,
                Ok(Err(fail)) => {
                    let is_spoilt = fail.spoils_connection();
                    let _caller_may_be_gone = reply.send(Err(fail.in_words(doing, &path)));
                    return Ended { kept: None, is_spoilt };
                }
                Err(_panic) => {
                    let failed = StoreError::DecisionFailed { doing: doing.to_owned() };
                    let _caller_may_be_gone = reply.send(Err(failed));
                    return Ended { kept: None, is_spoilt: false };
                }
            };
            if let Mode::Rehearse = mode {
                let _caller_may_be_gone = reply.send(Ok(done));
                return Ended { kept: None, is_spoilt: false };
            }
            let tell = move |lost: Option<Fail>| {
                let said = lost.map_or(Ok(done), |fail| Err(fail.in_words(doing, &path)));
                let _caller_may_be_gone = reply.send(said);
            };
            Ended { kept: Some(Box::new(tell)), is_spoilt: false }
        };
        self.send(Job::Part(weight, touches, Box::new(part)))?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Has a job done on the bare connection.
    #[cfg(test)]
    pub(super) async fn work<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> std::result::Result<T, Fail> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Alone(Box::new(move |slot| {
            let _caller_may_be_gone = reply.send(slot.work(doing, job));
        })))?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    fn send(&self, job: Job) -> Result<()> {
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(job).map_err(|_| StoreError::Closed)
    }
}

impl Drop for Writer {
    /// Waits until what is queued is done and the connection is closed.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            let _ended_by_panic = thread.join();
        }
    }
}

/// Does a job and those that wait behind it in one transaction. Returns the job that came next and cannot share.
fn share(
    slot: &mut Slot,
    first: (Weight, Touches, Part),
    waiting: &mpsc::Receiver<Job>,
    (versions, foreign): (&Versions, &mut Foreign),
) -> Option<Job> {
    let mut connection = match slot.take() {
        Ok(connection) => connection,
        Err(fail) => {
            (first.2)(Err(fail));
            return None;
        }
    };
    let mut shared = Shared::default();
    let ended = in_transaction(&mut connection, first, waiting, &mut shared, (versions, foreign));
    if let Err(fail) = &ended {
        shared.is_spoilt |= fail.spoils_connection();
    }
    for touches in shared.touched {
        versions.close(touches);
    }
    for tell in shared.kept {
        tell(ended.as_ref().err().map(Fail::again));
    }
    if shared.is_spoilt {
        // Another connection counts otherwise.
        *foreign = Foreign::default();
    } else {
        slot.put_back(connection);
    }
    shared.left_over
}

/// What the jobs of a transaction leave behind.
#[derive(Default)]
struct Shared {
    /// Their callers, to be told after the commit.
    kept: Vec<Tell>,
    touched: Vec<Touches>,
    is_spoilt: bool,
    left_over: Option<Job>,
}

fn in_transaction(
    connection: &mut Connection,
    (weight, touches, first): (Weight, Touches, Part),
    waiting: &mpsc::Receiver<Job>,
    shared: &mut Shared,
    (versions, foreign): (&Versions, &mut Foreign),
) -> std::result::Result<(), Fail> {
    let tx = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(tx) => tx,
        Err(error) => {
            let fail = Fail::from(error);
            shared.is_spoilt = fail.spoils_connection();
            first(Err(fail));
            return Ok(());
        }
    };
    match foreign.has_written(&tx) {
        Ok(false) => {}
        Ok(true) => versions.touch(Touches::All),
        Err(fail) => {
            shared.is_spoilt = fail.spoils_connection();
            first(Err(fail));
            return Ok(());
        }
    }
    // The first needs no part of its own: if it is taken back, so is the transaction.
    let ended = first(Ok(&tx));
    versions.open(touches);
    shared.touched.push(touches);
    shared.is_spoilt = ended.is_spoilt;
    let Some(tell) = ended.kept else { return Ok(()) };
    shared.kept.push(tell);
    let mut load = weight as u32;
    while load < FULL {
        match waiting.try_recv() {
            Ok(Job::Part(weight, touches, part)) => {
                load += weight as u32;
                tx.prepare_cached("SAVEPOINT part")?.execute([])?;
                let ended = part(Ok(&tx));
                versions.open(touches);
                shared.touched.push(touches);
                shared.is_spoilt |= ended.is_spoilt;
                // After a fault the engine may have ended the transaction, and with it what the others wrote.
                if ended.is_spoilt || tx.is_autocommit() {
                    return Err(Fail::taken_back());
                }
                if ended.kept.is_none() {
                    tx.prepare_cached("ROLLBACK TO part")?.execute([])?;
                }
                tx.prepare_cached("RELEASE part")?.execute([])?;
                shared.kept.extend(ended.kept);
            }
            #[cfg(test)]
            Ok(alone) => {
                shared.left_over = Some(alone);
                break;
            }
            Err(_) => break,
        }
    }
    Ok(tx.commit()?)
}

/// Notices what other programs write to the file.
#[derive(Default)]
struct Foreign {
    seen: Option<i64>,
}

impl Foreign {
    /// Whether another program has written since the last time, or may have. Fails if it has brought the schema up to what
    /// only a newer program understands: ours would leave out what the newer one counts on.
    fn has_written(&mut self, tx: &Connection) -> std::result::Result<bool, Fail> {
        let now = tx.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if self.seen == Some(now) {
            return Ok(false);
        }
        schema::check_known(tx)?;
        self.seen = Some(now);
        Ok(true)
    }
}
