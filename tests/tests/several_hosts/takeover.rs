//! How long a channel stands still when the host that has it is killed.

use std::time::Duration;

use kit::{
    faults::{Fault, Kind},
    simulators::{Config, Simulator, flipkart::Flipkart},
};

use crate::{
    asked,
    place::{PATIENCE, Place, start, until},
    witness::Witness,
};

const KILLS: u64 = 2;
/// What is promised: a dead host's channels go on within so long.
const PROMISED_MS: i64 = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_host_had_is_taken_over_within_twenty_seconds() {
    let _turn = crate::TURN.lock().await;
    let kills = asked("SEVERAL_HOSTS_KILLS", KILLS);
    // Leases as they are by default.
    let place = Place::new("rate_plan = false", &["flipkart"]);
    let witness = Witness::of(&place.database);
    let now = || jiff::Timestamp::now().as_millisecond();
    let mut hosts = [place.host("a"), place.host("b"), place.host("c")];
    let mut sellers = Vec::new();
    for seed in 0..4 {
        let market = Simulator::start(Flipkart, Config::new(seed, 40, now)).await.unwrap();
        hosts[0].import(&format!("seller{seed}"), std::slice::from_ref(&market), "1s");
        // Each answer comes slowly, so that channels are nearly always held.
        let slow = Fault::next(Kind::SlowBody { millis: 3_000 });
        market.faults(vec![slow.with_probability(1.0)]);
        sellers.push(market);
    }
    start(&mut hosts);

    let mut took: Vec<i64> = Vec::new();
    for kill in 0..kills {
        let victim = until("a host has a channel", PATIENCE, || {
            let rich = |at: &usize| !witness.held_by(&hosts[*at].alias()).is_empty();
            (0..hosts.len()).map(|at| (at + usize::try_from(kill).unwrap()) % hosts.len()).find(rich)
        });
        let (before, alias) = (witness.last(), hosts[victim].alias());
        hosts[victim].kill();
        let died_at = now();
        let left = witness.held_by(&alias);
        // What was on its way to the server when it died may still have given a channel back.
        let all = until("every channel goes on", Duration::from_mins(1), || {
            let claims: Vec<_> = witness
                .claims(before)
                .into_iter()
                .filter(|one| one.at >= died_at && one.by != alias)
                .collect();
            let of = |channel: &String| claims.iter().find(|one| one.channel == *channel).cloned();
            left.iter().map(of).collect::<Option<Vec<_>>>()
        });
        took.extend(all.iter().map(|one| one.at - died_at));
        hosts[victim].start();
    }
    for host in &mut hosts {
        assert!(!host.has_ended(), "{}: {}", host.name, host.said());
    }
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    println!(
        "{kills} kills, {} channels taken over: p50 {} ms, p99 {} ms, longest {} ms",
        took.len(),
        at(50),
        at(99),
        at(100)
    );
    assert!(at(100) <= PROMISED_MS, "{took:?}");
}
