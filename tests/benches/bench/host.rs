//! The host's side: tenants are set up, and the task `status` of each is run once, as many at a time as the program has runs.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kit::load::{self, CHANNEL, SECRETS, Size};
use plugin_api::Task;
use serde::{Deserialize, Serialize};
use statusync::{
    app::{App, DataDir, read_config},
    domain::snapshot::Snapshot,
    plugins::{Registry, file_name},
    secrets::Secret,
    storage::{Counts, NewTask, RunResult, Trigger},
    sync::{Choice, RunRequest},
};

use super::measure::{Cost, Watch};

/// Snapshots that are written at the same time.
const IMPORTS: usize = 8;

/// Sets tenants up in a data directory.
#[derive(Debug, Args)]
pub(crate) struct Import {
    orders: u32,
    tenants: u32,
    market: String,
    year: String,
    data: PathBuf,
}

/// Runs every tenant's task once.
#[derive(Debug, Args)]
pub(crate) struct Run {
    orders: u32,
    tenants: u32,
    data: PathBuf,
    /// The folder with the connectors.
    connectors: PathBuf,
}

/// What the runs came to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Ran {
    pub(crate) cost: Cost,
    pub(crate) counts: Counts,
    pub(crate) calls: u64,
}

fn opened(data: &std::path::Path) -> Result<App> {
    let data = DataDir::find(Some(data.to_owned()))?;
    let config = read_config(None, &data)?;
    data.make(&config)?;
    Ok(App::open(data, config)?)
}

impl Import {
    pub(crate) async fn run(self) -> Result<()> {
        let size = Size { orders: self.orders, tenants: self.tenants };
        let app = opened(&self.data)?;
        let (market, year) = (&self.market, &self.year);
        stream::iter((0..size.tenants).map(|number| {
            let store = Arc::clone(&app.store);
            async move {
                let snapshot: Snapshot = serde_json::from_value(load::snapshot(size, number, market, year))?;
                let secrets: BTreeMap<String, Secret> =
                    SECRETS.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
                let tenant = snapshot.tenant.clone();
                store.import(snapshot, BTreeMap::from([(CHANNEL.into(), secrets)])).await?;
                let tasks = [NewTask::usual(Task::Status, 0)];
                store.ensure_tasks(&tenant, &CHANNEL.into(), &tasks).await?;
                anyhow::Ok(())
            }
        }))
        .buffer_unordered(IMPORTS)
        .try_collect::<Vec<()>>()
        .await?;
        println!("{{}}");
        Ok(())
    }
}

impl Run {
    pub(crate) async fn run(self) -> Result<()> {
        let size = Size { orders: self.orders, tenants: self.tenants };
        let app = opened(&self.data)?;
        let registry = Arc::new(Registry::new(self.data.join("plugin-store")));
        registry
            .add_file(&self.connectors.join(file_name("amazon")))
            .context("the connector does not load")?;
        let engine = app.engine(registry)?;
        let pool = app.pool();
        let watch = Watch::start()?;
        let ran: Vec<(Counts, u64)> = stream::iter((0..size.tenants).map(|number| {
            let engine = &engine;
            async move {
                let request = RunRequest {
                    tenant: load::tenant(number).into(),
                    channel: CHANNEL.into(),
                    task: Task::Status,
                    choice: Choice::Task,
                    since_ms: None,
                    dry_run: false,
                    trigger: Trigger::Timer,
                    due: None,
                    request_key: None,
                };
                let summary = engine.run(request, None).await?;
                ensure!(matches!(summary.result, RunResult::Success), "a run ended so: {}", summary.message);
                Ok((summary.counts, summary.calls))
            }
        }))
        .buffer_unordered(pool.runs.min(pool.runs_per_connector))
        .try_collect()
        .await?;
        let cost = watch.stop()?;
        let mut all = Ran { cost, counts: Counts::default(), calls: 0 };
        for (counts, calls) in ran {
            all.counts += counts;
            all.calls += calls;
        }
        println!("{}", serde_json::to_string(&all)?);
        Ok(())
    }
}
