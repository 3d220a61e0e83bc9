//! The same random operations on a plain model in memory, on SQLite and on PostgreSQL: all answers are equal.
//!
//! `STORE_OPERATIONS=1000000 cargo test -p statusync-tests --test store_model` asks for more of them.

mod engine;
mod model;
mod operations;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use kit::{
    cluster::{APP, Cluster, OWNER},
    random::Random,
};
use statusync::{
    secrets::Key,
    storage::{Postgres, PostgresSetup, Sqlite},
};

use engine::Engine;
use model::Model;
use operations::{Begins, Operation};

const OPERATIONS: u64 = 20_000;
/// Each world begins with nothing and sees so many.
const WORLD: u64 = 2_500;

fn wanted() -> u64 {
    let asked = std::env::var_os("STORE_OPERATIONS").and_then(|count| count.to_str()?.parse().ok());
    asked.unwrap_or(OPERATIONS)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_and_postgresql_answer_as_the_model_does() {
    let mut done = BTreeMap::new();
    for world in 0..wanted().div_ceil(WORLD) {
        in_a_world(world, &mut done).await;
    }
    // What never came to anything was not compared.
    let idle: Vec<_> = done.iter().filter(|(_, done)| **done < 20).collect();
    assert!(done.len() >= 35 && idle.is_empty(), "{} kinds, of these hardly done: {idle:?}", done.len());
}

/// A folder that is in memory where the system has one: no power is cut here.
fn folder() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).expect("a folder")
}

async fn in_a_world(seed: u64, done: &mut BTreeMap<String, u32>) {
    let dir = folder();
    let key = Key::create(&dir.path().join("key")).expect("a key");
    let database = Cluster::of_this_process().database();
    Postgres::prepare(&database.url(OWNER), APP).await.expect("it is prepared");
    let setup = PostgresSetup {
        url: database.url(APP),
        connections: 2,
        prepared_statements: seed.is_multiple_of(2),
        allow_privileged_role: false,
    };
    let sqlite = Sqlite::open(&dir.path().join("statusync.db"), key.clone()).expect("it opens");
    let postgres = Postgres::open(&setup, key).expect("it opens");
    let mut engines =
        [Engine::new("SQLite", Arc::new(sqlite)), Engine::new("PostgreSQL", Arc::new(postgres))];
    let mut model = Model::default();
    let mut random = Random::of(seed, 7);
    let mut lately = VecDeque::new();
    for at in 0..WORLD {
        let operation = possible(operations::draw(&mut random, model.fences(), model.runs()), &model);
        lately.push_back(format!("{operation:?}"));
        if lately.len() > 12 {
            lately.pop_front();
        }
        let where_it_is = || {
            format!(
                "world {seed}, operation {at}, after\n{}",
                lately.iter().fold(String::new(), |text, one| text + one.as_str() + "\n")
            )
        };
        let expected = model.answer(&operation);
        let first = engines[0].answer(&operation).await;
        let second = engines[1].answer(&operation).await;
        let expected = expected.unwrap_or_else(|| first.clone());
        assert_eq!(first, expected, "SQLite in {}", where_it_is());
        assert_eq!(second, expected, "PostgreSQL in {}", where_it_is());
        let name = format!("{operation:?}").split(['(', ' ']).next().unwrap_or_default().to_owned();
        *done.entry(name).or_default() += u32::from(expected.is_ok());
        assert!(engines.iter().all(|engine| engine.runs() == model.runs()), "{}", where_it_is());
    }
}

/// The operation, without what nobody would ask: an id of a run that is gone, or a fence of another channel than the run's.
fn possible(operation: Operation, model: &Model) -> Operation {
    match operation {
        // Without a run it goes ahead of the timer, and keeps the timer away for a while if it is in vain.
        Operation::Claim { tenant, channel, holds, begins: Begins::Nothing }
            if model.is_held(tenant, channel) =>
        {
            Operation::Claim { tenant, channel, holds, begins: Begins::Run(None) }
        }
        Operation::FinishRun { run, .. } | Operation::Run(run) if !model.has_run(run) => Operation::Tenants,
        Operation::FinishRun { run, fence: Some(fence), result, applied, until, due }
            if !model.fits(fence, run) =>
        {
            Operation::FinishRun { run, fence: None, result, applied, until, due }
        }
        Operation::Page { fence, lines, mark, run: Some(run), keep }
            if !model.has_run(run) || !model.fits(fence, run) =>
        {
            Operation::Page { fence, lines, mark, run: None, keep }
        }
        other => other,
    }
}
