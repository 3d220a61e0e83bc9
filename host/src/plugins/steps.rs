//! Threads on which connector code runs.
//!
//! A step of a connector is CPU time that nothing can interrupt. It runs on a thread of its own, so that one that never
//! returns costs that thread and neither a worker of the runtime nor the end of the process. Threads are reused; a few
//! idle ones are kept.

use std::{
    io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use tokio::sync::oneshot;

/// Runs, and gives back what is left to do once the thread counts as idle again.
type Work = Box<dyn FnOnce() -> Handover + Send>;
type Handover = Box<dyn FnOnce() + Send>;

const IDLE_MAX: usize = 16;

static IDLE: Mutex<Vec<Sender<Work>>> = Mutex::new(Vec::new());

fn idle() -> MutexGuard<'static, Vec<Sender<Work>>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` on a thread for connector code, in the caller's span. If the receiver is gone when `work` is done, its
/// result is dropped on such a thread too: dropping a pull runs its author's code.
///
/// # Errors
/// When the system gives no more threads.
pub(super) fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let span = tracing::Span::current();
    let (sender, receiver) = oneshot::channel();
    start(Box::new(move || {
        let result = span.in_scope(work);
        Box::new(move || {
            if let Err(unwanted) = sender.send(result) {
                discard(Box::new(unwanted));
            }
        })
    }))?;
    Ok(receiver)
}

/// Drops something whose destructor is connector code.
pub(super) fn discard(unwanted: Box<dyn Send>) {
    let span = tracing::Span::current();
    let started = start(Box::new(move || {
        span.in_scope(|| drop(unwanted));
        Box::new(|| {})
    }));
    if let Err(error) = started {
        tracing::error!(%error, "a pull was dropped without a thread of its own");
    }
}

fn start(mut work: Work) -> io::Result<()> {
    loop {
        let Some(thread) = idle().pop() else { break };
        match thread.send(work) {
            Ok(()) => return Ok(()),
            Err(back) => work = back.0,
        }
    }
    let (sender, receiver) = channel();
    thread::Builder::new().name("connector-step".into()).spawn(move || serve(work, &sender, &receiver))?;
    Ok(())
}

fn serve(mut work: Work, own: &Sender<Work>, next: &Receiver<Work>) {
    loop {
        let done = catch_unwind(AssertUnwindSafe(work));
        let is_kept = keep(own);
        match done {
            // After this thread counts as idle, so that whoever gets the result finds it.
            Ok(hand_over) => hand_over(),
            // No connector's panic comes this far; the payload may panic again when dropped.
            Err(payload) => mem::forget(payload),
        }
        if !is_kept {
            return;
        }
        match next.recv() {
            Ok(more) => work = more,
            Err(_) => return,
        }
    }
}

fn keep(thread: &Sender<Work>) -> bool {
    let mut idle = idle();
    let has_room = idle.len() < IDLE_MAX;
    if has_room {
        idle.push(thread.clone());
    }
    has_room
}
