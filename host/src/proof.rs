//! Puts a connector before the family suite: the real loader and fetcher, marketplaces on loopback ports, no database.
//!
//! What is asked of a connector is the suite's business (`kit::conformance`), and how its marketplace looks that of its
//! `fixtures/suite.toml`.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::{BoxFuture, FutureExt as _};
use kit::conformance::{Ask, Host, Ran};
use plugin_api::{Descriptor, Error, Observation};
use tracing_subscriber::EnvFilter;

use crate::{
    fetch::Fetcher,
    plugins::Connector,
    sync::{Trial, TrialEvent, TrialHost},
};

pub use kit::conformance::{Outcome, Report, Subject};

/// Unpaced, two attempts of each request, waits of a few milliseconds.
const HOST: TrialHost =
    TrialHost { allow_loopback: true, rate_plan: false, max_attempts: 2, max_wait_ms: 5, run_limit_ms: 0 };

/// Everything but the layers that carry bytes: what crosses those is not ours to word.
const HEARD: &str = "trace,hyper=off,hyper_util=off,reqwest=off,rustls=off,h2=off,wiremock=off,mio=off";

/// Everything that host and connectors have logged since [`Log::start`].
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Keeps every log line of this process from now on, of any level, and prints none. Only the first subscriber of a
    /// process counts; with another one before it the log stays empty.
    pub fn start() -> Log {
        let log = Log::default();
        let lines = log.clone();
        // A second start finds its log empty.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(HEARD))
            .with_ansi(false)
            .with_writer(move || lines.clone())
            .try_init();
        log
    }

    /// The lines so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connector before the suite.
pub struct Candidate {
    connector: Arc<Connector>,
    log: Log,
    /// Making one takes longer than most pulls.
    fetcher: Fetcher,
}

impl Candidate {
    /// A connector, and where what it logs is kept.
    ///
    /// # Errors
    /// `config` if this machine has no certificates to check marketplaces with.
    pub fn new(connector: Arc<Connector>, log: Log) -> Result<Self, Error> {
        Ok(Candidate { connector, log, fetcher: HOST.fetcher()? })
    }

    /// Runs every case that applies.
    pub async fn prove(&self, subject: &Subject) -> Report {
        kit::conformance::run(self, subject).await
    }

    async fn ran(&self, ask: Ask) -> Ran {
        let Ask { settings, task, scope, mark, now, limit } = ask;
        let run_limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let trial = Trial {
            connector: Arc::clone(&self.connector),
            settings: settings.as_object().cloned().unwrap_or_default(),
            host: TrialHost { run_limit_ms, ..HOST },
            task,
            scope,
            mark,
            now: Some(now),
        };
        let (mut observations, mut checkpoints) = (Vec::new(), Vec::new());
        let result = trial
            .run_over(&self.fetcher, &mut |event| match event {
                TrialEvent::Observation(seen) => observations.push(Observation::from(*seen)),
                TrialEvent::Checkpoint(mark) => checkpoints.push(mark),
            })
            .await;
        Ran { result, observations, checkpoints }
    }
}

impl Host for Candidate {
    fn descriptor(&self) -> &Descriptor {
        &self.connector.descriptor
    }

    fn pull(&self, ask: Ask) -> BoxFuture<'_, Ran> {
        self.ran(ask).boxed()
    }

    fn log(&self) -> String {
        self.log.text()
    }
}
