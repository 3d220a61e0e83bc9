//! The whole suite over an installation of two databases, its tenants in the other one; and what only several can get wrong.

use std::{collections::BTreeMap, sync::Arc};

use kit::cluster::{self, Cluster};
use plugin_api::Task;

use super::{CONTROL, Ended, Phase, Placement, Shards, shown};
use crate::{
    secrets::{Key, Secret},
    storage::{
        AccessStore as _, Call, Claim, Full, MovingStore as _, NewRun, NewTask, PageResult, Part, Postgres,
        PostgresSetup, RunFilter, RunId, Stage, Store, StoreError, TaskFilter, Trigger, copy,
        suite::{
            Database,
            sample::{MINUTE, acme, apply, begin, export, fence, fk1, import, keys, now},
            tenants::full,
        },
    },
};

/// A control database and two beside it, each in a cluster's own database.
struct Installation {
    databases: [cluster::Database; 3],
    dir: tempfile::TempDir,
    key: Key,
}

impl Installation {
    async fn new() -> Installation {
        let cluster = Cluster::of_this_process();
        let databases = [cluster.database(), cluster.database(), cluster.database()];
        for database in &databases {
            Postgres::prepare(&database.url(cluster::OWNER), cluster::APP).await.unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let key = Key::create(&dir.path().join("key")).unwrap();
        Installation { databases, dir, key }
    }

    fn url(&self, number: usize) -> String {
        if number == 0 { CONTROL.to_owned() } else { self.databases[number].url(cluster::APP) }
    }

    fn setup(&self, number: usize) -> PostgresSetup {
        PostgresSetup {
            url: self.databases[number].url(cluster::APP),
            connections: 4,
            prepared_statements: true,
            allow_privileged_role: false,
        }
    }

    fn host(&self) -> Shards {
        Shards::open(self.setup(0), self.key.clone()).unwrap()
    }

    /// A database by itself.
    fn alone(&self, number: usize) -> Postgres {
        Postgres::open(&self.setup(number), self.key.clone()).unwrap()
    }
}

async fn moved(host: &Shards, to: &str) -> Ended {
    host.move_tenant(&acme(), to, now(), &|_| {}).await.unwrap()
}

fn due_run() -> NewRun {
    NewRun {
        tenant: acme(),
        channel: fk1(),
        task: Some(Task::Status),
        trigger: Trigger::Timer,
        started_at: now(),
        request_key: None,
        only_if_due: true,
    }
}

async fn settled(host: &Shards) -> String {
    let secret = BTreeMap::from([("token".to_owned(), Secret::from("t0"))]);
    import(host, full()).await;
    host.put_secrets(&acme(), &fk1(), &secret).await.unwrap();
    host.ensure_tasks(&acme(), &fk1(), &[NewTask::usual(Task::Status, 5)]).await.unwrap();
    export(host, &acme()).await
}

#[tokio::test]
async fn a_tenant_moves_with_everything_and_a_host_that_does_not_know_it_follows() {
    let places = Installation::new().await;
    let (host, other) = (places.host(), places.host());
    let exported = settled(&host).await;
    host.add_tenant(&"beta".into()).await.unwrap();
    let (lease, first) = begin(&other, &due_run(), "a").await;
    other.release(&lease).await.unwrap();
    let call = |patience_ms| Call {
        account: "acme/FK1".to_owned(),
        operation: "search".to_owned(),
        interval_ms: MINUTE,
        burst: 1,
        patience_ms,
        // Opening a database forgets buckets that have been full for long.
        now: 4_000_000_000_000,
    };
    other.reserve(call(0), None).await.unwrap();

    for to in [1, 2, 0] {
        let tasks = host.tasks(&TaskFilter::default()).await.unwrap();
        let ended = moved(&host, &places.url(to)).await;
        assert!(matches!(ended, Ended::Moved { rows, .. } if rows > 20), "{ended:?}");
        assert_eq!(moved(&host, &places.url(to)).await, Ended::Already);
        // It has asked before, and is told nothing.
        assert_eq!(export(&other, &acme()).await, exported);
        let names: Vec<_> = other.tenants().await.unwrap().into_iter().map(|row| row.code).collect();
        assert_eq!(names, [acme(), "beta".into()]);
        assert_eq!(other.secrets(&acme(), &fk1()).await.unwrap()["token"].reveal(), "t0");
        assert_eq!(host.tasks(&TaskFilter::default()).await.unwrap(), tasks);
        assert_eq!(host.due_tasks(now(), &Full::default(), 10).await.unwrap().len(), 1);
        assert!(host.run(first).await.unwrap().is_some(), "its runs go with it");
        let waits = host.reserve(call(0), None).await.unwrap();
        assert!(matches!(waits, crate::storage::Slot::TooFar(_)), "so do its buckets: {waits:?}");
        let late = apply(&other, &lease, keys([]), |_| PageResult::default()).await;
        assert!(matches!(late, Err(StoreError::LeaseLost { .. })), "{late:?}");
        for number in (0..3).filter(|number| *number != to) {
            let stages = places.alone(number).stages().await.unwrap();
            assert!(stages.get(&acme()).is_none_or(|stage| *stage == Stage::Left), "{number}: {stages:?}");
            let rows = places.databases[number]
                .execute(cluster::SUPERUSER, "SELECT count(*) FROM orders WHERE tenant = 'acme'");
            assert_eq!(rows.unwrap().trim(), "0");
        }
        let (lease, run) = begin(&other, &due_run(), &format!("on {to}")).await;
        let newest = host.runs(&RunFilter::default(), None, 10).await.unwrap()[0].id;
        assert_eq!(run, newest, "numbers rise over all databases");
        other.release(&lease).await.unwrap();
    }
}

#[tokio::test]
async fn runs_of_all_databases_are_numbered_together_and_found() {
    let places = Installation::new().await;
    let host = places.host();
    settled(&host).await;
    let mut beta = full();
    beta.tenant = "beta".into();
    import(&host, beta).await;
    moved(&host, &places.url(1)).await;
    let mut runs: Vec<RunId> = Vec::new();
    for tenant in ["acme", "beta", "acme", "beta"] {
        let new = NewRun { tenant: tenant.into(), task: None, only_if_due: false, ..due_run() };
        runs.push(host.start_run(&new).await.unwrap());
    }
    assert!(runs.is_sorted() && runs[0] != runs[3], "{runs:?}");
    for run in &runs {
        assert_eq!(host.run(*run).await.unwrap().unwrap().0.id, *run);
        assert!(host.run_orders(*run).await.unwrap().is_empty());
    }
    let listed: Vec<RunId> =
        host.runs(&RunFilter::default(), None, 10).await.unwrap().iter().map(|run| run.id).collect();
    assert_eq!(listed, runs.iter().rev().copied().collect::<Vec<_>>());
    let page = host.runs(&RunFilter::default(), Some(runs[2]), 1).await.unwrap();
    assert_eq!(page[0].id, runs[1]);
    assert!(host.run(RunId(9_999)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_tenant_leaves_only_when_no_run_of_it_is_on_and_is_not_written_from_then_on() {
    let places = Installation::new().await;
    let host = places.host();
    settled(&host).await;
    let lease = fence(&host, "FK1", "a").await;
    let source = places.alone(0);
    assert!(matches!(source.leave(&acme()).await, Err(StoreError::Busy { .. })));
    let due = host.due_tasks(now(), &Full::default(), 10).await.unwrap();
    assert!(due.is_empty(), "the timer stands back");
    host.release(&lease).await.unwrap();
    source.leave(&acme()).await.unwrap();
    source.leave(&acme()).await.unwrap();

    let refused = [
        host.claim(&acme(), &fk1(), "b", 1_000, None).await.map(drop),
        host.claim(&acme(), &fk1(), "b", 1_000, Some(&due_run())).await.map(drop),
        host.set_live(&acme(), false).await,
        host.start_run(&due_run()).await.map(drop),
        host.forget_token(&acme(), &fk1()).await,
        host.put_channel(&acme(), &full().channels[0]).await,
        host.remove_tenant(&acme()).await,
        host.import(full(), BTreeMap::new()).await,
    ];
    for refused in refused {
        assert!(matches!(refused, Err(StoreError::Moving)), "{refused:?}");
    }
    assert_eq!(host.tenants().await.unwrap().len(), 1);
    assert!(host.due_tasks(now(), &Full::default(), 10).await.unwrap().is_empty());
    source.settle(&acme()).await.unwrap();
    assert_eq!(host.due_tasks(now(), &Full::default(), 10).await.unwrap().len(), 1, "what is due stays due");
    let claimed = host.claim(&acme(), &fk1(), "b", 1_000, Some(&due_run())).await.unwrap();
    assert!(matches!(claimed, Claim::Got(_, Some(_))));
}

/// What a process leaves that is killed after each step of a move.
#[tokio::test]
async fn a_move_that_was_cut_off_anywhere_is_finished_or_taken_back() {
    let copying = |to: String| Placement { place: CONTROL.to_owned(), moves: Some((to, Phase::Copying)) };
    let clearing = |to: String| Placement { place: to, moves: Some((CONTROL.to_owned(), Phase::Clearing)) };
    for is_taken_back in [false, true] {
        for cut_after in 0..6 {
            let places = Installation::new().await;
            let (host, to) = (places.host(), places.url(1));
            let exported = settled(&host).await;
            let (source, target) = (places.alone(0), places.alone(1));
            host.control.put_placement(&acme(), &copying(to.clone())).await.unwrap();
            if cut_after >= 1 {
                source.leave(&acme()).await.unwrap();
            }
            if cut_after >= 2 {
                let from: Arc<dyn Store> = Arc::new(places.alone(0));
                let part = Part::Moving(acme());
                crate::storage::migrate::part(&from, &target, part, now()).await.unwrap();
            }
            if cut_after >= 3 {
                host.control.put_placement(&acme(), &clearing(to.clone())).await.unwrap();
            }
            if cut_after >= 4 {
                target.settle(&acme()).await.unwrap();
            }
            if cut_after >= 5 {
                source.let_go(&acme()).await.unwrap();
            }
            let next = places.host();
            let elsewhere = next.move_tenant(&acme(), &places.url(2), now(), &|_| {}).await;
            if cut_after < 3 {
                assert!(elsewhere.unwrap_err().to_string().contains("was cut off; give that as the target"));
                let goal = if is_taken_back { CONTROL } else { to.as_str() };
                let ended = moved(&next, goal).await;
                assert_eq!(ended == Ended::TakenBack, is_taken_back, "{ended:?}");
                let (here, there) = if is_taken_back { (&source, &target) } else { (&target, &source) };
                assert_eq!(here.stages().await.unwrap().get(&acme()), Some(&Stage::Here));
                assert_ne!(there.stages().await.unwrap().get(&acme()), Some(&Stage::Here));
            } else {
                // It had got there, and went on to the third.
                elsewhere.unwrap();
                assert_eq!(places.alone(2).stages().await.unwrap().get(&acme()), Some(&Stage::Here));
                assert_eq!(target.stages().await.unwrap().get(&acme()), Some(&Stage::Left));
            }
            assert_eq!(export(&host, &acme()).await, exported, "after step {cut_after}");
            assert_eq!(host.due_tasks(now(), &Full::default(), 10).await.unwrap().len(), 1);
        }
    }
}

#[tokio::test]
async fn one_tenant_is_moved_at_a_time_and_strangers_are_not_mixed() {
    let places = Installation::new().await;
    let host = places.host();
    settled(&host).await;
    let held = host.control.hold_moves().await.unwrap();
    let second = places.host().move_tenant(&acme(), &places.url(1), now(), &|_| {}).await;
    assert!(matches!(second, Err(StoreError::InUse { .. })), "{second:?}");
    drop(held);
    places.alone(2).add_tenant(&"stranger".into()).await.unwrap();
    let mixed = loop {
        match host.move_tenant(&acme(), &places.url(2), now(), &|_| {}).await {
            // The right is given back in a moment.
            Err(StoreError::InUse { .. }) => tokio::task::yield_now().await,
            other => break other,
        }
    };
    assert!(mixed.unwrap_err().to_string().contains("tenant stranger in"));
    let nobody = host.move_tenant(&"nobody".into(), &places.url(1), now(), &|_| {}).await;
    assert!(matches!(nobody, Err(StoreError::NotFound(_))), "{nobody:?}");
    let itself = places.databases[0].url(cluster::APP);
    let onto_itself = host.move_tenant(&acme(), &itself, now(), &|_| {}).await;
    assert!(onto_itself.is_err());
    host.set_live(&acme(), true).await.unwrap();
}

#[tokio::test]
async fn a_tenant_that_was_moved_is_removed_with_its_callers_and_can_be_added_again() {
    let places = Installation::new().await;
    let (host, other) = (places.host(), places.host());
    settled(&host).await;
    let action = crate::storage::Action {
        id: 0,
        tenant: Some(acme()),
        at: now(),
        who: "key:k".into(),
        action: "a".into(),
        subject: "s".into(),
    };
    other.note_action(&action).await.unwrap();
    moved(&host, &places.url(1)).await;
    assert_eq!(other.actions(&acme(), None, 5).await.unwrap().len(), 1, "callers stay where all are known");
    assert!(matches!(other.add_tenant(&acme()).await, Err(StoreError::Exists(_))));

    let mut text = Vec::new();
    let written = copy::write(&other, now(), &mut text).await.unwrap();
    assert_eq!(copy::check(&*text).unwrap(), written);
    assert!(String::from_utf8(text).unwrap().contains("key:k"), "a backup has both");

    other.remove_tenant(&acme()).await.unwrap();
    assert!(host.tenant(&acme()).await.unwrap().is_none());
    assert!(host.actions(&acme(), None, 5).await.unwrap().is_empty());
    host.add_tenant(&acme()).await.unwrap();
    assert_eq!(places.alone(0).stages().await.unwrap().get(&acme()), Some(&Stage::Here));
}

#[tokio::test]
async fn when_one_database_is_away_the_tenants_of_the_others_are_served() {
    let places = Installation::new().await;
    let host = places.host();
    settled(&host).await;
    let away = Placement { place: "postgres://app:hush@127.0.0.1:1/db".to_owned(), moves: None };
    host.control.put_placement(&"beta".into(), &away).await.unwrap();
    host.read_places().await.unwrap();
    assert_eq!(host.due_tasks(now(), &Full::default(), 10).await.unwrap().len(), 1);
    assert_eq!(host.freshness(now()).await.unwrap().len(), 1);
    let beta = host.tenant(&"beta".into()).await.unwrap_err();
    assert!(matches!(beta, StoreError::Unreachable { .. }), "{beta}");
    assert!(!format!("{beta} {beta:?}").contains("hush"));
    assert!(host.tenants().await.is_err(), "a list that lacks some is no list");
    assert_eq!(shown(&away.place), "postgres://app@127.0.0.1:1/db");
}

/// The suite's database: every case works on `acme`, which has been in the second database from the start.
struct Elsewhere(Installation);

impl Elsewhere {
    fn new() -> Elsewhere {
        let make = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let places = Installation::new().await;
                let placement = Placement { place: places.url(1), moves: None };
                places.host().control.put_placement(&acme(), &placement).await.unwrap();
                places
            })
        };
        Elsewhere(std::thread::scope(|scope| scope.spawn(make).join().unwrap()))
    }
}

impl Database for Elsewhere {
    fn open(&self) -> Box<dyn Store> {
        Box::new(self.0.host())
    }

    fn open_with_another_key(&self) -> Box<dyn Store> {
        let key = Key::create(&self.0.dir.path().join("another")).unwrap();
        Box::new(Shards::open(self.0.setup(0), key).unwrap())
    }
}

mod shared {
    //! Cases in which tenants are added or come as copies are about one database, and are left out.
    use super::super::super::suite;

    suite::cases! { super::super::Elsewhere::new();
        pages:
            a_page_is_written_whole,
            a_passed_fence_changes_nothing,
            a_lease_that_ran_out_changes_nothing_although_nobody_took_over,
            a_rehearsal_leaves_no_trace,
            facts_wait_until_they_are_taken_back,
            an_order_is_found_by_its_item,
            two_hosts_draw_distinct_consecutive_numbers,
            a_person_edits_one_order_without_a_lease;
        leases:
            one_run_holds_a_channel,
            a_lease_that_ran_out_is_taken_over_with_a_higher_epoch,
            a_person_who_waits_goes_ahead_of_the_timer;
        tasks:
            tasks_are_made_once,
            channels_that_lack_tasks_are_found_by_connector,
            due_are_enabled_tasks_of_enabled_channels_that_no_run_holds,
            a_finished_run_shows_in_its_task,
            a_task_that_is_set_during_its_run_is_due_when_it_was_said,
            a_run_whose_host_died_fails_when_the_next_begins,
            a_run_that_was_passed_ends_as_lost_and_leaves_its_task_alone,
            a_run_learns_how_its_channel_stands,
            a_run_keeps_its_lines,
            two_runs_are_not_made_for_one_request,
            runs_are_listed_newest_first;
        lists:
            orders_are_filtered,
            orders_are_found_in_all_channels_by_their_names,
            items_are_counted_per_channel_and_state,
            duties_are_listed_by_number;
        settings:
            secrets_are_read_back_and_sealed_for_their_place,
            a_token_is_kept_unless_its_run_was_passed,
            secrets_that_were_replaced_meanwhile_are_not_replaced_again,
            a_run_that_was_passed_takes_nothing_from_a_bucket,
            stock_on_hand_is_set_and_what_is_blocked_stays,
            a_channel_is_switched_off_and_on,
            the_store_is_sound;
        intake:
            orders_are_added_and_replaced_and_nothing_else_is_touched,
            what_is_taken_by_other_orders_is_told;
        tenants:
            an_export_of_an_import_of_an_export_is_equal,
            an_import_replaces_everything_but_secrets_and_tasks,
            an_import_is_refused_while_a_run_holds_a_channel;
    }
}
