//! What an account is allowed is shared by all hosts: one token, one rate plan.

use std::time::Instant;

use kit::simulators::{Config, Rates, Simulator, flipkart::Flipkart};

use crate::{
    place::{PATIENCE, Place, start, until},
    witness::Witness,
};

/// Each host has had the channel so often.
const TURNS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hosts_log_in_once_and_keep_to_one_rate_plan() {
    let _turn = crate::TURN.lock().await;
    let place = Place::new("rate_plan = true", &["flipkart"]);
    let witness = Witness::of(&place.database);
    let now = || jiff::Timestamp::now().as_millisecond();
    let config = Config { rates: Rates::Published, ..Config::new(5, 30, now) };
    let market = [Simulator::start(Flipkart, config).await.unwrap()];
    let mut hosts = [place.host("a"), place.host("b"), place.host("c")];
    hosts[0].import("acme", &market, "1s");
    start(&mut hosts);
    let began = Instant::now();
    // A host that is always first is made to stand aside.
    for host in &mut hosts {
        until("every host has had the channel", PATIENCE, || {
            let claims = witness.claims(0).into_iter().filter(|claim| claim.by == host.alias());
            (claims.count() >= TURNS).then_some(())
        });
        host.stop();
    }
    let calls = market[0].calls();
    let refused: u64 = calls.operations.values().map(|of| of.replies.get(&429).copied().unwrap_or(0)).sum();
    println!(
        "{:?} by three hosts: {} calls, {} logins, {refused} refused for their rate",
        began.elapsed(),
        calls.total,
        calls.of("token"),
    );
    assert_eq!((calls.of("token"), refused), (1, 0), "{calls:?}");
    assert!(calls.total > 3 * TURNS as u64);
}
