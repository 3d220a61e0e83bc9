//! Small measures of the parts: rules, the boundary, the hand-over of observations, and a page into each database.
//!
//! `cargo bench -p statusync-tests --bench parts`

#[path = "bench/work.rs"]
mod work;

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use kit::{
    cluster::{APP, Cluster, OWNER},
    load,
};
use plugin_abi::{Answer, ROption, RResult};
use plugin_api::{Job, Pull, Scope, Status, Task, Work, host_side};
use statusync::{
    plugins::{Connector, file_name},
    secrets::Key,
    storage::{Postgres, PostgresSetup, Sqlite, Store},
};
use work::{Book, Orders};

fn rules(criterion: &mut Criterion) {
    let orders = Orders::new(100).expect("orders");
    criterion
        .bench_function("apply a page of 100 orders", |bencher| bencher.iter(|| black_box(orders.apply())));
}

fn boundary(criterion: &mut Criterion) {
    let own = std::env::current_exe().expect("a path");
    let release = own.parent().and_then(|folder| folder.parent()).expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    let loaded = Connector::load(&release.join(file_name("amazon")), folder.path());
    let connector = Arc::new(loaded.expect("`cargo build --release --workspace` has made the connectors"));
    let body = load::body(0, 1, 1).into_bytes();
    let job = Job {
        now: 1_790_000_400_000,
        settings: serde_json::json!({}),
        work: Work::Pull(Pull {
            task: Task::Status,
            statuses: vec![Status::Dispatched],
            scope: Scope::Changed { since: 1_789_990_000_000, until: 1_790_000_400_000 },
            mark: None,
        }),
    };
    let read = || {
        let mut running = connector.open(&job).expect("it opens");
        let ask = running.step(Vec::new()).asks.first().expect("a question").id;
        let reply = plugin_abi::Reply {
            status: 200,
            headers: Vec::new().into(),
            body: body.clone().into(),
            ext: Vec::new().into(),
        };
        running.step(vec![Answer { id: ask, result: RResult::ROk(ROption::RSome(reply)) }])
    };
    criterion.bench_function("a page of 100 orders over the boundary", |bencher| {
        bencher.iter(|| black_box(read().observations.len()));
    });
    let step = read();
    criterion.bench_function("hand over the observations of 100 orders", |bencher| {
        bencher.iter(|| {
            let observations = step.observations.iter().map(|seen| host_side::observation(black_box(seen)));
            observations.collect::<Vec<_>>()
        });
    });
}

fn pages(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let key = Key::create(&folder.path().join("key")).expect("a key");
    let sqlite = Sqlite::open(&folder.path().join("s.db"), key.clone()).expect("a store");
    let cluster = Cluster::durable().expect("a server");
    let database = cluster.database();
    let owner = database.url(OWNER);
    runtime.block_on(Postgres::prepare(&owner, APP)).expect("it is prepared");
    let setup = PostgresSetup {
        url: database.url(APP),
        connections: 2,
        prepared_statements: true,
        allow_privileged_role: false,
    };
    let postgres = Postgres::open(&setup, key).expect("a store");
    let stores: [(&str, Arc<dyn Store>); 2] =
        [("SQLite", Arc::new(sqlite)), ("PostgreSQL", Arc::new(postgres))];
    for (name, store) in stores {
        let book = runtime.block_on(Book::fill(store)).expect("a tenant");
        criterion.bench_function(&format!("commit a page of 100 orders on {name}"), |bencher| {
            bencher.iter(|| runtime.block_on(book.commit()).expect("it is written"));
        });
    }
}

criterion_group!(parts, rules, boundary, pages);
criterion_main!(parts);
