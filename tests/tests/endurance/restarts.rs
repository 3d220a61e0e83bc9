//! The rate plan over many restarts.

use std::{
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use kit::built_plugins::{Surface, library};

use crate::{
    place::{Place, seller},
    stall::{Answer, Stall, What},
};

const RESTARTS: usize = 100;
/// What the connector declares for its lists of orders.
const PER_SECOND: f64 = 4.0;
const BURST: f64 = 5.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rate_plan_holds_over_a_hundred_kills_and_restarts() {
    let _turn = crate::TURN.lock().await;
    let place = Place::new("lease_ttl_ms = 200\nlease_renew_ms = 50");
    place.put(&library(Surface::Current, "stall").unwrap(), "libstall.so");
    let logins = AtomicUsize::new(0);
    let stall = Stall::open(move |asked| {
        let number = logins.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            match asked.what {
                What::Login => Answer::token(number),
                // There is always another page.
                What::Page(page) => Answer::Page { orders: vec![(page, "sent")], more: true },
            }
        })
    })
    .await;
    place.import(&seller("acme", &stall.base_url, 1, 1));
    place.run(&["-q", "tasks", "set", "--tenant", "acme", "--channel", "C00", "--task", "status", "--now"]);
    let began = Instant::now();
    for life in 0..RESTARTS {
        // The timer and a person take turns.
        let args: &[&str] = match life % 2 {
            0 => &["run", "--log", "off"],
            _ => &["sync", "--tenant", "acme", "--channel", "C00", "--task", "status"],
        };
        let before = stall.calls().len();
        let mut command = tokio::process::Command::from(place.command(args));
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        // A bucket that was forgotten lets these out at once. On a starved machine a run may lose its short lease and end.
        tokio::select! {
            () = stall.until_called(before + 1 + life % 3) => child.kill().await.unwrap(),
            _ = child.wait() => {}
        }
    }
    let took = began.elapsed().as_secs_f64();
    let calls = stall.calls();
    let pages = calls.iter().filter(|call| matches!(call.what, What::Page(_)));
    let mut at: Vec<f64> = pages.map(|call| (call.at - began).as_secs_f64()).collect();
    at.sort_by(f64::total_cmp);
    let mut most = 0.0_f64;
    for (before, at) in at.iter().enumerate() {
        let made = f64::from(u32::try_from(before).unwrap() + 1);
        let allowed = BURST + PER_SECOND * at;
        assert!(made <= allowed, "{made} calls in {at:.3} s, and the plan allows {allowed:.1}");
        most = most.max(made / allowed);
    }
    println!(
        "{RESTARTS} restarts in {took:.1} s: {} calls, at most {:.0} % of what the plan allowed until then",
        at.len(),
        most * 100.0
    );
}
