//! One pull of a connector by itself, through the real loader and fetcher, touching no database.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use plugin_api::{Error, ErrorKind, Job, Mark, Millis, Pull, Scope, Task, Work};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::world::{Credentials, World, account, settings_for};
use crate::{
    clock::{Clock, SettableClock, SystemClock},
    domain::observed::Observed,
    fetch::{Buckets, Egress, Fetcher, NoBreakerLog, NoPacing, Pacing, Retrying, Setup},
    plugins::{Connector, drive},
    secrets::Secret,
};

/// How the host behaves during a trial: the `[host]` table of its settings file.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrialHost {
    /// Whether URLs in the settings may point at this machine.
    pub allow_loopback: bool,
    /// Whether calls are paced by the connector's rate plan.
    pub rate_plan: bool,
    /// Attempts of each request.
    pub max_attempts: u32,
    /// The longest single wait, in milliseconds.
    pub max_wait_ms: u64,
    /// The most that the pull may take, in milliseconds.
    pub run_limit_ms: u64,
}

impl Default for TrialHost {
    fn default() -> Self {
        let usual = Retrying::default();
        TrialHost {
            allow_loopback: false,
            rate_plan: true,
            max_attempts: usual.max_attempts,
            max_wait_ms: u64::try_from(usual.max_wait.as_millis()).unwrap_or(60_000),
            run_limit_ms: 600_000,
        }
    }
}

/// A pull to try.
pub struct Trial {
    /// The connector.
    pub connector: Arc<Connector>,
    /// Settings and secrets side by side, as the settings file has them.
    pub settings: Map<String, Value>,
    /// How the host behaves.
    pub host: TrialHost,
    /// The duty.
    pub task: Task,
    /// The window or the orders.
    pub scope: Scope,
    /// What an earlier pull ended with, to go on from there.
    pub mark: Option<Mark>,
    /// The run's time, UTC; absent = now.
    pub now: Option<Millis>,
}

/// What happens during a trial.
#[derive(Clone, Debug)]
pub enum TrialEvent {
    /// Something was observed.
    Observation(Box<Observed>),
    /// A mark was kept on the way.
    Checkpoint(Mark),
}

impl TrialHost {
    /// A way out for trials: any number of them may go over its connections, one after another or side by side.
    ///
    /// # Errors
    /// `config` if this machine has no certificates to check marketplaces with.
    pub fn fetcher(&self) -> Result<Fetcher, Error> {
        Fetcher::new(self.setup())
    }

    fn setup(&self) -> Setup {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let pacing: Arc<dyn Pacing> =
            if self.rate_plan { Arc::new(Buckets::new(Arc::clone(&clock))) } else { Arc::new(NoPacing) };
        let usual = Retrying::default();
        let max_wait = Duration::from_millis(self.max_wait_ms);
        Setup {
            egress: Egress { allow_loopback: self.allow_loopback },
            retrying: Retrying {
                max_attempts: self.max_attempts.max(1),
                max_wait,
                base: if self.rate_plan { usual.base } else { usual.base.min(max_wait) },
            },
            pacing,
            clock,
            random: Box::new(rand::random::<f64>),
            breaker_log: Arc::new(NoBreakerLog),
        }
    }
}

impl Trial {
    /// Runs the pull; events come as they happen.
    ///
    /// # Errors
    /// The connector's or the host's; what was observed before has been told.
    pub async fn run(self, told: &mut (dyn FnMut(TrialEvent) + Send)) -> Result<Mark, Error> {
        let fetcher = self.host.fetcher()?;
        self.run_over(&fetcher, told).await
    }

    /// The same over the connections of a way out that was made before; packets may go where its may.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_over(
        self,
        fetcher: &Fetcher,
        told: &mut (dyn FnMut(TrialEvent) + Send),
    ) -> Result<Mark, Error> {
        let Trial { connector, settings, host, task, scope, mark, now } = self;
        let run_clock: Arc<dyn Clock> = match now {
            Some(now) => Arc::new(SettableClock::at(now)),
            None => Arc::new(SystemClock),
        };
        let fetcher = Arc::new(fetcher.beside(host.setup()));
        let secrets = secrets(&connector, &settings)?;
        let credentials = Credentials::alone(settings.clone(), secrets);
        let names = credentials.secret_names();
        let login_clock = Arc::clone(&run_clock);
        let account = account(&fetcher, &connector, credentials, move || login_clock.now_ms())?;
        let statuses = task.statuses().to_vec();
        let job = Job {
            now: run_clock.now_ms(),
            settings: settings_for(&connector, &settings, &names),
            work: Work::Pull(Pull { task, statuses, scope, mark }),
        };
        let (pages, mut arrived) = mpsc::channel::<drive::Page>(2);
        let world = World::of(&account, None, None);
        let limit = Duration::from_millis(host.run_limit_ms);
        let pulling = tokio::spawn(async move { drive::run(&connector, &job, &world, &pages, limit).await });
        while let Some(page) = arrived.recv().await {
            for seen in page.observations {
                told(TrialEvent::Observation(Box::new(seen.into())));
            }
            if let Some(mark) = page.mark {
                told(TrialEvent::Checkpoint(mark));
            }
        }
        let end = pulling.await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::PluginFault, "the run of the connector was ended"))
        })?;
        serde_json::from_str(&end)
            .map_err(|_| Error::new(ErrorKind::PluginFault, "the connector returned no mark"))
    }
}

/// The secrets among the settings; a number is taken as its digits.
fn secrets(connector: &Connector, settings: &Map<String, Value>) -> Result<BTreeMap<String, Secret>, Error> {
    let mut secrets = BTreeMap::new();
    for setting in connector.descriptor.settings.iter().filter(|setting| setting.secret) {
        match settings.get(&setting.name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => {
                drop(secrets.insert(setting.name.clone(), Secret::new(text.clone())));
            }
            Some(Value::Number(number)) => {
                drop(secrets.insert(setting.name.clone(), Secret::new(number.to_string())));
            }
            Some(_) => return Err(Error::config(format!("secret `{}` must be a text", setting.name))),
        }
    }
    Ok(secrets)
}
