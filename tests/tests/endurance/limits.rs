//! What a marketplace that refuses, or says absurd things, looks like from outside.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::http::StatusCode;
use kit::built_plugins::{Surface, library};
use serde_json::Value;

use crate::{
    place::{Place, seller},
    stall::{Answer, Stall, What},
};

const SYNC: [&str; 7] = ["sync", "--tenant", "acme", "--channel", "C00", "--task", "status"];

/// A stall that lets everybody in and refuses the first calls for pages.
async fn refusing(times: usize, status: StatusCode, wait: Option<&'static str>) -> Stall {
    let calls = Arc::new(AtomicUsize::new(0));
    Stall::open(move |asked| {
        let calls = Arc::clone(&calls);
        Box::pin(async move {
            match asked.what {
                What::Login => Answer::token(1),
                What::Page(_) if calls.fetch_add(1, Ordering::SeqCst) < times => {
                    Answer::Refused(status, wait)
                }
                What::Page(page) => Answer::Page { orders: vec![(page, "sent")], more: false },
            }
        })
    })
    .await
}

fn place(stall: &Stall, sync: &str) -> Place {
    let place = Place::new(sync);
    place.put(&library(Surface::Current, "stall").unwrap(), "libstall.so");
    place.import(&seller("acme", &stall.base_url, 1, 1));
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absurd_wish_to_wait_is_cut_and_told() {
    let _turn = crate::TURN.lock().await;
    let stall = refusing(1, StatusCode::TOO_MANY_REQUESTS, Some("315360000")).await;
    let place = place(&stall, "max_wait_ms = 300");
    let args: Vec<&str> = ["--log", "warn"].into_iter().chain(SYNC).collect();
    let output = tokio::process::Command::from(place.command(&args)).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("absurd Retry-After") && said.contains("acme/C00") && said.contains("300ms"),
        "{said}"
    );
    let at: Vec<_> =
        stall.calls().into_iter().filter(|call| call.what == What::Page(0)).map(|call| call.at).collect();
    assert!((at[1] - at[0]).as_millis() >= 300, "{at:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_to_wait_that_is_too_long_is_the_runs_message_and_nothing_more_leaves() {
    let _turn = crate::TURN.lock().await;
    let stall = refusing(9, StatusCode::TOO_MANY_REQUESTS, Some("3600")).await;
    let place = place(&stall, "max_wait_ms = 300");
    let args: Vec<&str> = ["--json"].into_iter().chain(SYNC).collect();
    let output = tokio::process::Command::from(place.command(&args)).output().await.unwrap();
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (summary["result"].as_str(), summary["calls"].as_u64()),
        (Some("FAILED"), Some(2)),
        "{summary}"
    );
    let error = &summary["error"];
    assert_eq!(
        (error["kind"].as_str(), error["retry_after_ms"].as_u64()),
        (Some("rate_limited"), Some(3_600_000))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_left_in_peace_is_shown_with_the_reason_and_the_next_attempt() {
    let _turn = crate::TURN.lock().await;
    let stall = refusing(100, StatusCode::SERVICE_UNAVAILABLE, None).await;
    let place = place(&stall, "max_wait_ms = 50\nmax_attempts = 8\nrate_plan = false");
    for _ in 0..2 {
        let ran = tokio::process::Command::from(place.command(&SYNC)).output().await.unwrap();
        assert!(!ran.status.success());
    }
    let asked = stall.calls().iter().filter(|call| call.what == What::Page(0)).count();
    assert_eq!(asked, 8, "the second run asks nothing, in another process");
    let doctor = tokio::process::Command::from(place.command(&["--json", "doctor"])).output().await.unwrap();
    let told = String::from_utf8_lossy(&doctor.stdout);
    let shown =
        ["account acme/C00", "8 attempts in a row have failed since", "HTTP 503", "the next is made after"];
    assert!(shown.iter().all(|part| told.contains(part)), "{told}");
}
