//! One pull of a built connector: the real loader, the real fetcher, nothing else of the host.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use kit::conformance::{Ran, built};
use plugin_api::{Millis, Observation, Scope, Task};
use serde_json::{Map, Value};
use statusync::{
    plugins::Connector,
    sync::{Trial, TrialEvent, TrialHost},
};

/// A pull to make: unpaced, with waits of a few milliseconds at most.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) connector: String,
    pub(crate) settings: Value,
    pub(crate) task: Task,
    pub(crate) scope: Scope,
    pub(crate) now: Millis,
    pub(crate) max_attempts: u32,
}

/// A connector by its id, loaded once in a process.
pub(crate) fn connector(id: &str) -> Arc<Connector> {
    static LOADED: Mutex<BTreeMap<String, Arc<Connector>>> = Mutex::new(BTreeMap::new());
    static STORE: LazyLock<PathBuf> =
        LazyLock::new(|| tempfile::Builder::new().disable_cleanup(true).tempdir().expect("a folder").keep());
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let connector = loaded.entry(id.to_owned()).or_insert_with(|| {
        let file = built::library(id).unwrap_or_else(|error| panic!("{error:?}"));
        let connector = Connector::load(&file, &STORE);
        Arc::new(connector.unwrap_or_else(|error| panic!("{}", error.sentence())))
    });
    Arc::clone(connector)
}

impl Asked {
    pub(crate) async fn run(self) -> Ran {
        let settings: Map<String, Value> = self.settings.as_object().cloned().unwrap_or_default();
        let host = TrialHost {
            allow_loopback: true,
            rate_plan: false,
            max_attempts: self.max_attempts,
            max_wait_ms: 5,
            run_limit_ms: 60_000,
        };
        let trial = Trial {
            connector: connector(&self.connector),
            settings,
            host,
            task: self.task,
            scope: self.scope,
            mark: None,
            now: Some(self.now),
        };
        let (mut observations, mut checkpoints) = (Vec::new(), Vec::new());
        let result = trial
            .run(&mut |event| match event {
                TrialEvent::Observation(seen) => observations.push(Observation::from(*seen)),
                TrialEvent::Checkpoint(mark) => checkpoints.push(mark),
            })
            .await;
        Ran { result, observations, checkpoints }
    }
}
