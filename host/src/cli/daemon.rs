//! `run`: the daemon.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, future::join3, stream};
use tokio::{
    signal::unix::{Signal, SignalKind},
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    context::Context,
    exit::{Exit, Failure, sentence},
    signals::{Stops, hear},
    tasks::{ensure, seal},
};
use crate::{
    app::{App, existing},
    config::{Config, Level, Listen},
    console::{self, Console, Reached},
    http::{self, Answers, Api, Figures},
    live::Live,
    memory,
    plugins::{Connector, Registry},
    presence::{Presence, PresenceError},
    sync::{Pulse, Served, serve},
    telemetry,
    webhooks::Sender,
};

/// How often memory that is free is given back.
const GIVE_BACK: Duration = Duration::from_mins(1);
/// How often the plugin folders are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Channels whose tasks are made at the same time.
const MADE_AT_ONCE: usize = 32;
/// How long answers that are under way may take when everything else has stopped.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Run the daemon: everything that is due, from now on
#[derive(Debug, Args)]
#[command(
    after_help = "The first SIGTERM or Ctrl-C lets the runs that are on come to their end; the second ends the process at once.
SIGHUP, or `statusync reload`, takes the configuration again. Connectors that are put into a plugin folder are taken
while it runs.

Examples:
  statusync run
  statusync run --data /var/lib/statusync --log debug"
)]
pub(super) struct Run {}

impl Run {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let out = context.out;
        let (stops, hang_up) = (Stops::new()?, hear(SignalKind::hangup())?);
        let app = Arc::new(context.open_or_make()?);
        let mut presence =
            Presence::take(app.data.path(), app.clock.now_ms()).map_err(|error| taken(&error))?;
        let registry = app.registry();
        for refusal in registry.refusals() {
            out.warn(&format!("refused: {}", refusal.sentence));
        }
        make_tasks(&app, &registry.list()).await?;
        let engine = Arc::new(app.engine(Arc::clone(&registry))?);
        let (folders, watched) = watch::channel(context.plugin_folders()?);
        let looking = tokio::spawn(look_for_connectors(Arc::clone(&app), Arc::clone(&registry), watched));
        let sender = Arc::new(app.sender()?);
        let pulse = Pulse::new(app.clock.now_ms());
        let (reload, served) = watch::channel(Served { engine, pool: app.pool() });
        let (close, closing) = watch::channel(false);
        let live = Arc::new(Live::default());
        let api = Arc::new(Api::new(
            Arc::clone(&app.store),
            Arc::clone(&app.clock),
            served.clone(),
            (Arc::clone(&live), Arc::clone(&sender)),
            app.config.http.requests_per_minute,
            closing.clone(),
        ));
        let console = Arc::new(Console::new(
            Arc::clone(&app.store),
            Arc::clone(&app.clock),
            served.clone(),
            (Arc::clone(&live), Arc::clone(&sender)),
            reached(&app.config),
            closing.clone(),
        ));
        let answering = answer(&app, &pulse, &api, console, &mut presence).await?;
        let place = match &answering {
            Some((_, address)) => format!(", answers on http://{address}"),
            None => String::new(),
        };
        out.say(&format!(
            "statusync {} is running on {}, {} connectors are loaded{place}; Ctrl-C stops it",
            env!("CARGO_PKG_VERSION"),
            app.data.path().display(),
            registry.list().len()
        ));
        let giving_back = tokio::spawn(give_memory_back());
        let stopping = "stopping: runs that are on come to their end; once more to stop at once";
        tokio::spawn(stops.wait(out, stopping, move || {
            close.send_replace(true);
        }));
        let told = |mut closing: watch::Receiver<bool>| async move {
            // A sender that is gone means stop as well.
            let _ = closing.wait_for(|closing| *closing).await;
        };
        let timed = serve(served, pulse, told(closing.clone()));
        let asked = async {
            told(closing.clone()).await;
            live.drain(&app.stop).await;
        };
        let telling = Arc::clone(&sender).serve(closing.clone());
        let mut reloading = Reloading {
            context,
            app: Arc::clone(&app),
            registry,
            sender,
            reload,
            folders,
            presence,
            hang_up,
        };
        tokio::select! {
            ((), (), ()) = join3(timed, asked, telling) => {}
            never = reloading.whenever_told() => match never {},
        }
        looking.abort();
        giving_back.abort();
        if let Some((answering, _)) = answering {
            let abort = answering.abort_handle();
            if timeout(LAST_ANSWERS, answering).await.is_err() {
                abort.abort();
            }
        }
        out.say("stopped");
        Ok(Exit::Ok)
    }
}

fn taken(error: &PresenceError) -> Failure {
    let exit = if matches!(error, PresenceError::Taken { .. }) { Exit::Blocked } else { Exit::Failed };
    Failure::new(exit, sentence(error))
}

/// How browsers reach the console.
fn reached(config: &Config) -> Reached {
    match (&config.http.public_url, config.http.listen) {
        (Some(url), _) if url.is_https() => Reached::Through(url.clone()),
        (_, Listen::At(address)) if !address.ip().is_loopback() => Reached::Openly,
        _ => Reached::Here,
    }
}

/// Answers over HTTP, if the configuration says where.
async fn answer(
    app: &App,
    pulse: &Pulse,
    api: &Arc<Api>,
    console: Arc<Console>,
    presence: &mut Presence,
) -> Result<Option<(tokio::task::JoinHandle<()>, std::net::SocketAddr)>, Failure> {
    let Listen::At(wanted) = app.config.http.listen else { return Ok(None) };
    let (listener, address) = http::listen(wanted).await.map_err(|error| {
        Failure::failed(format!(
            "cannot listen on {wanted}: {error}; set `[http] listen` to a free address, or to \"off\""
        ))
    })?;
    presence.listens_at(address.to_string()).map_err(|error| taken(&error))?;
    let figures =
        Figures::start().map_err(|error| Failure::failed(format!("figures cannot be counted: {error}")))?;
    let answers = Answers {
        store: Arc::clone(&app.store),
        clock: Arc::clone(&app.clock),
        pulse: pulse.clone(),
        figures,
    };
    let api = Arc::clone(api);
    let answering = tokio::spawn(async move {
        if let Err(error) = http::serve(listener, answers, api, console::routes(console)).await {
            tracing::error!(%error, "nothing is answered over HTTP any more");
        }
    });
    Ok(Some((answering, address)))
}

/// Takes the configuration again when told to.
struct Reloading<'a> {
    context: &'a Context,
    app: Arc<App>,
    registry: Arc<Registry>,
    sender: Arc<Sender>,
    reload: watch::Sender<Served>,
    folders: watch::Sender<Vec<PathBuf>>,
    presence: Presence,
    hang_up: Signal,
}

impl Reloading<'_> {
    async fn whenever_told(&mut self) -> std::convert::Infallible {
        loop {
            self.hang_up.recv().await;
            let problem = self.take_again().err().map(|failure| failure.sentence.unwrap_or_default());
            match &problem {
                None => tracing::info!("the configuration is taken again"),
                Some(problem) => tracing::error!(problem, "the configuration stays as it was"),
            }
            if let Err(error) = self.presence.loaded(self.app.clock.now_ms(), problem) {
                tracing::error!(error = sentence(&error), "the note for other commands is old");
            }
        }
    }

    /// Nothing is changed unless everything is right.
    fn take_again(&self) -> Result<(), Failure> {
        let config = self.context.read_again()?;
        for key in needs_restart(&self.app.config, &config) {
            self.context.out.warn(&format!("{key} is taken at the start only; restart the daemon for it"));
        }
        let app = App { config, ..(*self.app).clone() };
        let engine = Arc::new(app.engine(Arc::clone(&self.registry))?);
        let way = app.way()?;
        let level = self.context.log_level().or(app.config.log.level).unwrap_or(Level::Info);
        telemetry::set_level(level);
        self.folders.send_replace(app.data.plugin_folders(&app.config));
        self.sender.send_by(way);
        self.reload.send_replace(Served { engine, pool: app.pool() });
        Ok(())
    }
}

/// What differs and is not taken while the daemon runs.
fn needs_restart(now: &Config, next: &Config) -> Vec<&'static str> {
    [
        ("database.url", now.database != next.database),
        ("http", now.http != next.http),
        ("log.format", now.log.format != next.log.format),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect()
}

/// What a busy minute took is not kept in a quiet one.
async fn give_memory_back() {
    let mut tick = interval(GIVE_BACK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        // Where much is free it takes a while, which is not for the threads of the runtime.
        let _done = tokio::task::spawn_blocking(memory::give_back).await;
    }
}

/// Takes connectors that are put into the folders, and gives their channels tasks.
async fn look_for_connectors(
    app: Arc<App>,
    registry: Arc<Registry>,
    mut folders: watch::Receiver<Vec<PathBuf>>,
) {
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Channels may have been taken over without their connector since it was here last.
    let mut without_tasks = registry.list();
    let mut told = registry.refusals();
    loop {
        // New folders are looked at without waiting. The sender lives as long as the daemon.
        tokio::select! {
            _ = tick.tick() => {}
            Ok(()) = folders.changed() => {}
        }
        let (registry_there, folders_there) = (Arc::clone(&registry), folders.borrow_and_update().clone());
        // It reads files and starts libraries, which is not for the threads of the runtime.
        let looked =
            tokio::task::spawn_blocking(move || registry_there.scan(&existing(&folders_there))).await;
        let taken = looked.unwrap_or_default();
        tracing::debug!(taken = taken.len(), "the plugin folders were looked at");
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
        match take_over(&app, &without_tasks).await {
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

/// Gives the channels of these connectors what they lack.
async fn take_over(app: &App, connectors: &[Arc<Connector>]) -> Result<(), Failure> {
    make_tasks(app, connectors).await?;
    for tenant in app.store.tenants().await? {
        for channel in app.store.channels(&tenant.code).await? {
            let connector = connectors.iter().rev().find(|known| known.descriptor.id == channel.connector);
            if let Some(connector) = connector {
                seal(app, &tenant.code, channel, connector).await?;
            }
        }
    }
    Ok(())
}

/// Makes the tasks of every channel that these connectors serve.
async fn make_tasks(app: &App, connectors: &[Arc<Connector>]) -> Result<(), Failure> {
    for connector in connectors {
        let descriptor = &connector.descriptor;
        let without = app.store.channels_without_tasks(&descriptor.id, &descriptor.tasks).await?;
        // Many at a time share their commits.
        stream::iter(without)
            .map(|(tenant, channel)| async move { ensure(app, &tenant, &channel, connector).await })
            .buffer_unordered(MADE_AT_ONCE)
            .try_collect::<()>()
            .await?;
    }
    Ok(())
}
