//! `run`: the daemon.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{oneshot, watch},
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    context::Context,
    exit::{Exit, Failure},
    output::Out,
    tasks::ensure,
};
use crate::{
    app::{App, existing},
    plugins::{Connector, Registry},
    sync::{Served, serve},
};

/// How often the plugin folders are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// The exit code of a process that was told twice to stop: that of an interrupt.
const INTERRUPTED: i32 = 130;
/// Signals within this time of the first are the same word.
const ONE_WORD: Duration = Duration::from_secs(1);

/// Run the daemon: everything that is due, from now on
#[derive(Debug, Args)]
#[command(
    after_help = "The first SIGTERM or Ctrl-C lets the runs that are on come to their end; the second ends the process at once.
Connectors that are put into a plugin folder are taken while it runs.

Examples:
  statusync run
  statusync run --data /var/lib/statusync --log debug"
)]
pub(super) struct Run {}

impl Run {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let out = context.out;
        let signals = Signals::new()?;
        let app = Arc::new(context.open_or_make()?);
        let registry = app.registry();
        for refusal in registry.refusals() {
            out.warn(&format!("refused: {}", refusal.sentence));
        }
        make_tasks(&app, &registry.list()).await?;
        let engine = Arc::new(app.engine(Arc::clone(&registry))?);
        let folders = context.plugin_folders()?;
        let looking = tokio::spawn(look_for_connectors(Arc::clone(&app), Arc::clone(&registry), folders));
        out.say(&format!(
            "statusync {} is running on {}, {} connectors are loaded; Ctrl-C stops it",
            env!("CARGO_PKG_VERSION"),
            app.data.path().display(),
            registry.list().len()
        ));
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(signals.wait(out, stop));
        let shutdown = async move {
            // A sender that is gone means stop as well.
            let _ = stopped.await;
        };
        let (_reload, served) = watch::channel(Served { engine, pool: app.pool() });
        serve(served, shutdown).await;
        looking.abort();
        out.say("stopped");
        Ok(Exit::Ok)
    }
}

/// The signals that the daemon listens to. It hears them from the moment when this is made.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Is heard so that it does not end the process, and means nothing else.
    _hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Signals, Failure> {
        let hear = |kind| {
            signal(kind).map_err(|error| Failure::failed(format!("signals cannot be listened to: {error}")))
        };
        Ok(Signals {
            terminate: hear(SignalKind::terminate())?,
            interrupt: hear(SignalKind::interrupt())?,
            _hang_up: hear(SignalKind::hangup())?,
        })
    }

    /// Passes the first word to stop on; the second ends the process.
    async fn wait(mut self, out: Out, stop: oneshot::Sender<()>) {
        self.one().await;
        out.say("stopping: runs that are on come to their end; once more to stop at once");
        // If nobody listens any more, it has stopped already.
        let _ = stop.send(());
        let first = Instant::now();
        loop {
            self.one().await;
            // Some tools send the same word to the process and to its group: that is one word.
            if first.elapsed() > ONE_WORD {
                std::process::exit(INTERRUPTED);
            }
        }
    }

    async fn one(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Takes connectors that are put into the folders, and gives their channels tasks.
async fn look_for_connectors(app: Arc<App>, registry: Arc<Registry>, folders: Vec<PathBuf>) {
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut without_tasks: Vec<Arc<Connector>> = Vec::new();
    let mut told = registry.refusals();
    loop {
        tick.tick().await;
        let (registry_there, folders_there) = (Arc::clone(&registry), folders.clone());
        // It reads files and starts libraries, which is not for the threads of the runtime.
        let looked =
            tokio::task::spawn_blocking(move || registry_there.scan(&existing(&folders_there))).await;
        let taken = looked.unwrap_or_default();
        for connector in &taken {
            tracing::info!(connector = %connector.descriptor.id, version = %connector.version, "a connector is taken");
        }
        without_tasks.extend(taken);
        let refusals = registry.refusals();
        for refusal in refusals.iter().filter(|refusal| !told.contains(refusal)) {
            tracing::warn!(reason = refusal.sentence, "a connector file is refused");
        }
        told = refusals;
        if without_tasks.is_empty() {
            continue;
        }
        match make_tasks(&app, &without_tasks).await {
            Ok(()) => without_tasks.clear(),
            Err(failure) => {
                tracing::error!(
                    reason = failure.sentence,
                    "tasks of new connectors are not made yet; tried again"
                );
            }
        }
    }
}

/// Makes the tasks of every channel that these connectors serve.
async fn make_tasks(app: &App, connectors: &[Arc<Connector>]) -> Result<(), Failure> {
    let ids: BTreeSet<&str> = connectors.iter().map(|connector| connector.descriptor.id.as_str()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    for tenant in app.store.tenants().await? {
        for channel in app.store.channels(&tenant.code).await? {
            let connector = connectors.iter().rev().find(|known| known.descriptor.id == channel.connector);
            if let Some(connector) = connector {
                ensure(app, &tenant.code, &channel.code, connector).await?;
            }
        }
    }
    Ok(())
}
