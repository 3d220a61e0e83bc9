//! One tenant with one channel on a simulated marketplace, on a store of its own.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kit::simulators::{
    Config, Marketplace, Simulator, amazon::Amazon, flipkart::Flipkart, paytm::Paytm, shopclues::ShopClues,
    snapdeal::Snapdeal, tata_cliq::TataCliq, voonik::Voonik, wooplr::Wooplr,
};
use plugin_api::Task;
use serde_json::Value;
use statusync::{
    clock::SystemClock,
    domain::{codes::TenantCode, snapshot::Snapshot},
    fetch::{Egress, Fetcher, NoPacing, Retrying, Setup as FetchSetup},
    plugins::{Registry, file_name},
    secrets::{Key, Secret},
    storage::{NewTask, Sqlite, Store, Trigger},
    sync::{Choice, Engine, LeaseTimes, RunRequest, RunSummary, Setup},
};

pub(crate) struct Site {
    pub(crate) simulator: Simulator,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) engine: Engine,
    pub(crate) tenant: TenantCode,
    /// What the connector serves.
    pub(crate) tasks: Vec<Task>,
    _data: tempfile::TempDir,
}

pub(crate) fn now() -> i64 {
    use statusync::clock::Clock as _;
    SystemClock.now_ms()
}

impl Site {
    pub(crate) async fn flipkart(seed: u64, orders: u32) -> Site {
        Site::on(Flipkart, seed, orders).await
    }

    pub(crate) async fn amazon(seed: u64, orders: u32) -> Site {
        Site::on(Amazon { easy_ship_role: true, report_polls: 0, ..Amazon::default() }, seed, orders).await
    }

    pub(crate) async fn tata_cliq(market: TataCliq, seed: u64, orders: u32) -> Site {
        Site::on(market, seed, orders).await
    }

    pub(crate) async fn voonik(seed: u64, orders: u32) -> Site {
        Site::on(Voonik, seed, orders).await
    }

    pub(crate) async fn paytm(seed: u64, orders: u32) -> Site {
        Site::on(Paytm::default(), seed, orders).await
    }

    /// A marketplace whose clock is the caller's.
    pub(crate) async fn paytm_by(
        clock: impl Fn() -> i64 + Send + Sync + 'static,
        seed: u64,
        orders: u32,
    ) -> Site {
        Site::by(clock, Paytm::default(), seed, orders).await
    }

    pub(crate) async fn shopclues(seed: u64, orders: u32) -> Site {
        Site::on(ShopClues, seed, orders).await
    }

    pub(crate) async fn snapdeal(seed: u64, orders: u32) -> Site {
        Site::on(Snapdeal { accepts_returns: true }, seed, orders).await
    }

    pub(crate) async fn wooplr(seed: u64, orders: u32) -> Site {
        Site::on(Wooplr, seed, orders).await
    }

    async fn on(market: impl Marketplace, seed: u64, orders: u32) -> Site {
        Site::by(now, market, seed, orders).await
    }

    async fn by(
        clock: impl Fn() -> i64 + Send + Sync + 'static,
        market: impl Marketplace,
        seed: u64,
        orders: u32,
    ) -> Site {
        let config = Config { backdate_ms: 180_000, ..Config::new(seed, orders, clock) };
        let simulator = Simulator::start(market, config).await.expect("the simulator starts");
        let data = tempfile::tempdir().expect("a folder");
        let key = Key::create(&data.path().join("key")).expect("a key");
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&data.path().join("s.db"), key).expect("a store"));

        let registry = Arc::new(Registry::new(data.path().join("plugin-store")));
        let file = kit::built_programs::folder()
            .expect("the connectors build")
            .join(file_name(simulator.connector()));
        let tasks = registry.add_file(&file).expect("the connector loads").descriptor.tasks.clone();

        let mut document = simulator.snapshot("acme");
        document["channels"][0]["settings"] = simulator.settings();
        document["live"] = Value::Bool(true);
        let snapshot: Snapshot = serde_json::from_value(document).expect("a snapshot");
        let channel = snapshot.channels[0].code.clone();
        let secrets: BTreeMap<String, Secret> = simulator
            .secrets()
            .as_object()
            .expect("secrets by name")
            .iter()
            .map(|(name, value)| (name.clone(), Secret::new(value.as_str().unwrap_or_default())))
            .collect();
        store.import(snapshot, BTreeMap::from([(channel.clone(), secrets)])).await.expect("the import fits");
        let tenant = TenantCode::from("acme");
        let rows: Vec<NewTask> = tasks.iter().map(|&task| NewTask::usual(task, 0)).collect();
        store.ensure_tasks(&tenant, &channel, &rows).await.expect("tasks");

        let fetcher = Fetcher::new(FetchSetup {
            egress: Egress { allow_loopback: true },
            retrying: Retrying {
                max_attempts: 3,
                max_wait: Duration::from_millis(50),
                base: Duration::from_millis(1),
            },
            pacing: Arc::new(NoPacing),
            clock: Arc::new(SystemClock),
            random: Box::new(|| 0.5),
            breaker_log: Arc::new(statusync::fetch::NoBreakerLog),
        })
        .expect("a fetcher");
        let engine = Engine::new(Setup {
            store: Arc::clone(&store),
            registry,
            fetcher: Arc::new(fetcher),
            clock: Arc::new(SystemClock),
            lease: LeaseTimes::default(),
            host: "test".to_owned(),
            run_limit_ms: 60_000,
            stop: statusync::sync::Stop::default(),
        });
        Site { simulator, store, engine, tenant, tasks, _data: data }
    }

    pub(crate) async fn run(&self, task: Task) -> RunSummary {
        self.run_as(task, false).await
    }

    /// A run that shows what would change.
    pub(crate) async fn dry_run(&self, task: Task) -> RunSummary {
        self.run_as(task, true).await
    }

    /// The tenant's whole state.
    pub(crate) async fn export(&self) -> Value {
        let mut out = Vec::new();
        self.store.export(&self.tenant, now(), &mut out).await.expect("an export");
        serde_json::from_slice(&out).expect("a document")
    }

    /// What the timer asks for.
    pub(crate) fn due(&self, task: Task) -> RunRequest {
        RunRequest {
            tenant: self.tenant.clone(),
            channel: self.simulator.channel().into(),
            task,
            choice: Choice::Task,
            since_ms: None,
            dry_run: false,
            trigger: Trigger::Timer,
            due: None,
            request_key: None,
        }
    }

    /// What a person asks for.
    pub(crate) fn by_hand(&self, task: Task, choice: Choice) -> RunRequest {
        RunRequest { choice, trigger: Trigger::Manual, ..self.due(task) }
    }

    async fn run_as(&self, task: Task, dry_run: bool) -> RunSummary {
        let request = RunRequest { dry_run, ..self.due(task) };
        self.engine.run(request, None).await.expect("the run begins")
    }
}
