//! The database's server is away for a while: hosts wait for it without fuss and go on when it is back.

use std::time::{Duration, Instant};

use kit::simulators::{Config, Simulator, flipkart::Flipkart, snapdeal::Snapdeal};

use crate::{
    asked,
    place::{PATIENCE, Place, start, until},
};

const AWAY_SECS: u64 = 12;
/// How often each task comes.
const EVERY_SECS: u64 = 10;
/// What a host that waits may use, of one processor, in a hundred. Tests run it without optimisation.
const CPU_PERCENT: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_outlast_a_server_that_is_away_and_catch_up_when_it_is_back() {
    let _turn = crate::TURN.lock().await;
    let away = Duration::from_secs(asked("SEVERAL_HOSTS_AWAY_SECS", AWAY_SECS));
    let place = Place::new(
        "rate_plan = false\nlease_ttl_ms = 3000\nlease_renew_ms = 1000",
        &["flipkart", "snapdeal"],
    );
    let now = || jiff::Timestamp::now().as_millisecond();
    let markets = [
        Simulator::start(Flipkart, Config::new(3, 60, now)).await.unwrap(),
        Simulator::start(Snapdeal { accepts_returns: true }, Config::new(4, 60, now)).await.unwrap(),
    ];
    let mut hosts = [place.host("a"), place.host("b")];
    hosts[0].import("acme", &markets, &format!("{EVERY_SECS}s"));
    start(&mut hosts);
    let every_task_since = |host: &crate::place::Host<'_>, since: i64| {
        host.tasks("acme").iter().all(|task| {
            let at = task["last"]["started_at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
            at.is_some_and(|at| at.as_millisecond() >= since) && task["last"]["result"] == "SUCCESS"
        })
    };
    until("every task has run", PATIENCE, || every_task_since(&hosts[0], 0).then_some(()));

    place.cluster.stop_at_once();
    let gone = Instant::now();
    for host in &hosts {
        // It is told, in words, and what looks whether the process lives is not misled.
        let said = until("it is not ready", PATIENCE, || {
            host.get("/readyz").filter(|(status, _)| *status == 503).map(|(_, said)| said)
        });
        assert!(said.contains("database: could not reach postgres://app@127.0.0.1"), "{said}");
    }
    let before: Vec<_> =
        hosts.iter().map(|host| (host.cpu_ms(), host.line.accepted(), host.lines())).collect();
    let measured = Instant::now();
    let (mut looks, mut commands) = (0_u64, 0_u64);
    while gone.elapsed() < away {
        for host in &hosts {
            assert_eq!(host.get("/livez").map(|(status, _)| status), Some(200));
            looks += 1;
        }
        if commands < 3 {
            let done = hosts[0].attempt(&["tenant", "list"]);
            let said = String::from_utf8_lossy(&done.stderr);
            assert_eq!(done.status.code(), Some(1), "{said}");
            assert!(
                said.contains("could not reach postgres://app@")
                    && said.contains("check that the server runs"),
                "{said}"
            );
            commands += 1;
        }
        std::thread::park_timeout(Duration::from_secs(1));
    }
    let window = measured.elapsed();
    for (host, (cpu, attempts, lines)) in hosts.iter().zip(&before) {
        let own = if host.name == "a" { commands } else { 0 };
        let (cpu, attempts) = (host.cpu_ms() - cpu, host.line.accepted() - attempts - own);
        let lines = host.lines() - lines;
        let window_ms = u64::try_from(window.as_millis()).unwrap();
        println!(
            "host {}, away for {} s: {cpu} ms of processor time, {attempts} attempts to connect, {lines} lines of log, {looks} \
             looks at both",
            host.name,
            window.as_secs()
        );
        assert!(cpu <= window_ms * CPU_PERCENT / 100, "{cpu} ms in {window_ms} ms");
        // One a second, and those that were on their way together.
        assert!(attempts <= window.as_secs() + 10, "{attempts} attempts in {} s", window.as_secs());
        assert!(lines <= 60 + window.as_secs() * 5, "{lines} lines");
    }

    place.cluster.start_again();
    let (back, back_at) = (Instant::now(), now());
    let two_intervals = Duration::from_secs(2 * EVERY_SECS);
    for host in &hosts {
        until("it is ready again", two_intervals, || host.is_ready().then_some(()));
    }
    let ready_after = back.elapsed();
    until("every task has run again", PATIENCE, || every_task_since(&hosts[0], back_at).then_some(()));
    let caught_up = back.elapsed();
    println!("ready {ready_after:?} and caught up {caught_up:?} after the server was back");
    assert!(caught_up <= two_intervals, "{caught_up:?}");
    for host in &mut hosts {
        host.stop();
    }
}
