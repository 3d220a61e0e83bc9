//! The word to stop: Ctrl-C or SIGTERM, once to come to an end, twice to end at once.

use std::time::Duration;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};

use super::{
    exit::{Exit, Failure},
    output::Out,
};

/// Signals within this time of the first are the same word.
const ONE_WORD: Duration = Duration::from_secs(1);

/// A signal that is heard from the moment when this is called.
///
/// # Errors
/// If the system does not let us listen.
pub(super) fn hear(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::failed(format!("signals cannot be listened to: {error}")))
}

/// The signals that mean stop.
pub(super) struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    /// Hears them from now on.
    ///
    /// # Errors
    /// As [`hear`].
    pub(super) fn new() -> Result<Stops, Failure> {
        Ok(Stops { terminate: hear(SignalKind::terminate())?, interrupt: hear(SignalKind::interrupt())? })
    }

    /// Passes the first word to stop on, and says so; the second ends the process.
    pub(super) async fn wait(mut self, out: Out, words: &'static str, stop: impl FnOnce()) {
        self.one().await;
        out.say(words);
        stop();
        let first = Instant::now();
        loop {
            self.one().await;
            // Some tools send the same word to the process and to its group: that is one word.
            if first.elapsed() > ONE_WORD {
                std::process::exit(Exit::Interrupted as i32);
            }
        }
    }

    /// Waits for one.
    pub(super) async fn one(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
