//! Threads that own connections, and what happens to a connection.
//!
//! `SQLite` calls block, so they never run on the async runtime's threads. A connection that met a fault of the disk is
//! closed and opened anew: what it believes about the file is no longer known to be true.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::Fail;
use crate::storage::{Result, StoreError};

type Job = Box<dyn FnOnce(&mut Slot) + Send>;
pub(super) type Open = Arc<dyn Fn() -> std::result::Result<Connection, Fail> + Send + Sync>;

/// The place of a connection in its thread; empty after a fault, until the next job opens it anew.
pub(super) struct Slot {
    path: Arc<Path>,
    open: Open,
    connection: Option<Connection>,
}

impl Slot {
    pub(super) fn new(path: &Arc<Path>, open: &Open, connection: Connection) -> Slot {
        Slot { path: Arc::clone(path), open: Arc::clone(open), connection: Some(connection) }
    }

    /// The connection, opened anew if there is none.
    pub(super) fn take(&mut self) -> std::result::Result<Connection, Fail> {
        self.connection.take().map_or_else(|| (self.open)(), Ok)
    }

    /// The connection is in order and serves the next job too.
    pub(super) fn put_back(&mut self, connection: Connection) {
        self.connection = Some(connection);
    }

    pub(super) fn work<T>(
        &mut self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> std::result::Result<T, Fail>,
    ) -> Result<T> {
        let mut connection =
            self.take().map_err(|fail| fail.in_words("was opening the database", &self.path))?;
        // A panic can only come from a decision that was handed to us. Its transaction was rolled back on the way out.
        match catch_unwind(AssertUnwindSafe(|| job(&mut connection))) {
            Ok(Ok(done)) => {
                self.connection = Some(connection);
                Ok(done)
            }
            Ok(Err(fail)) => {
                if !fail.spoils_connection() {
                    self.connection = Some(connection);
                }
                Err(fail.in_words(doing, &self.path))
            }
            Err(_panic) => {
                self.connection = Some(connection);
                Err(StoreError::DecisionFailed { doing: doing.to_owned() })
            }
        }
    }
}

/// A queue of reading jobs with the threads that serve it.
pub(super) struct Workers {
    queue: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts one thread for each connection given. `open` makes another when one has to be replaced.
    pub(super) fn start(
        name: &str,
        path: &Arc<Path>,
        connections: Vec<Connection>,
        open: &Open,
    ) -> std::io::Result<Workers> {
        let (queue, jobs) = mpsc::channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        let mut threads = Vec::new();
        for connection in connections {
            let jobs = Arc::clone(&jobs);
            let mut slot = Slot::new(path, open, connection);
            threads.push(thread::Builder::new().name(name.to_owned()).spawn(move || {
                loop {
                    let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match next {
                        Ok(job) => job(&mut slot),
                        Err(_) => break,
                    }
                }
            })?);
        }
        Ok(Workers { queue: Some(queue), threads })
    }

    /// Has a job done. If the caller goes away in the meantime the job is done all the same.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> std::result::Result<T, Fail> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |slot| {
            let _caller_may_be_gone = reply.send(slot.work(doing, job));
        });
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(job).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Workers {
    /// Waits until what is queued is done and the connections are closed.
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.thread().id() != thread::current().id() {
                let _ended_by_panic = thread.join();
            }
        }
    }
}
