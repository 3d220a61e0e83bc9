//! Recurrent tasks and runs.

use plugin_api::Task;
use statusync::{
    access::Role,
    storage::{Counts, FailedCall, Moment, NewRun, NewTask, RunEnd, RunResult, Timeline, ToldCall, Trigger},
};

use crate::site::Site;

fn new_run(tenant: &str) -> NewRun {
    NewRun {
        tenant: tenant.into(),
        channel: "FK1".into(),
        task: Some(Task::Status),
        trigger: Trigger::Timer,
        started_at: 0,
        request_key: None,
        only_if_due: false,
    }
}

async fn with_tasks() -> Site {
    let site = Site::new().await;
    let rows: Vec<_> = Task::ALL.iter().map(|task| NewTask::usual(*task, 0)).collect();
    site.store.ensure_tasks(&"acme".into(), &"FK1".into(), &rows).await.unwrap();
    site
}

#[tokio::test]
async fn a_failed_run_is_told_in_the_task_list_and_shows_the_call_that_failed() {
    let site = with_tasks().await;
    let cookie = site.signed_in("ana", Role::Viewer).await;
    let run = site.store.start_run(&new_run("acme")).await.unwrap();
    let told = ToldCall {
        query: "page=2".into(),
        request: String::new(),
        content_type: None,
        reply: "<b>down</b>".into(),
        problem: None,
    };
    let call = |at_ms, waited_ms, attempt| Moment::Call {
        at_ms,
        waited_ms,
        took_ms: 30,
        operation: "list".into(),
        attempt,
        status: Some(503),
    };
    let (first, again) = (call(0, 0, 1), call(30, 900, 2));
    let end = RunEnd {
        ended_at: 1_000,
        result: RunResult::Failed,
        message: "unavailable in list: HTTP 503".into(),
        counts: Counts::default(),
        calls: 2,
        retries: 1,
        next_run_at: None,
        interval_ms: None,
        complete_until: None,
        orders: Vec::new(),
        failed_call: Some(FailedCall {
            operation: "list".into(),
            method: "GET".into(),
            target: "api.example.com/orders".into(),
            status: Some(503),
            bytes: 11,
            took_ms: 30,
            attempt: 2,
            told: Some(told),
        }),
        timeline: Some(Timeline { moments: vec![first, again], left_out: 0 }),
    };
    site.store.finish_run(run, &end, None).await.unwrap();
    let list = site.get("/console/t/acme/tasks", &cookie).await;
    list.shows(200, &["FAILED", "HTTP 503", &format!("/console/t/acme/runs/{run}"), "Last 1 runs: 1 FAILED"]);
    let page = site.get(&format!("/console/t/acme/runs/{run}"), &cookie).await;
    page.shows(200, &["GET api.example.com/orders?page=2", "HTTP 503", "&#60;b&#62;down", "attempt 2"]);
    page.shows(
        200,
        &["Where its time went", "waited 900 ms", "2 calls, 1 again took 60 ms", "asked list, attempt 2"],
    );
    site.get("/console/t/acme/runs?task=status", &cookie).await.shows(200, &["FAILED", "by timer"]);
    site.get("/console/t/acme/runs?task=nap", &cookie).await.shows(422, &["There is no task nap"]);
}

#[tokio::test]
async fn a_run_of_another_tenant_does_not_exist_here() {
    let site = with_tasks().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let run = site.store.start_run(&new_run("other")).await.unwrap();
    let theirs = site.get(&format!("/console/t/acme/runs/{run}"), &cookie).await;
    theirs.shows(404, &["There is no run"]);
    site.get("/console/t/acme/runs/seven", &cookie).await.shows(404, &["There is no run seven"]);
}

#[tokio::test]
async fn a_task_is_paused_resumed_and_run_more_often() {
    let site = with_tasks().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let task = "/console/t/acme/tasks/FK1/returns";
    assert_eq!(site.post(&format!("{task}/pause"), &cookie, &[]).await.leads_to(), task);
    site.get(task, &cookie).await.shows(200, &["paused", "Resume"]);
    let early = site.post(&format!("{task}/run-now"), &cookie, &[]).await;
    early.shows(422, &["paused; resume it first"]);
    assert_eq!(site.post(&format!("{task}/resume"), &cookie, &[]).await.leads_to(), task);
    let set = [("every", "6"), ("unit", "hours"), ("window_days", "14")];
    assert_eq!(site.post(task, &cookie, &set).await.leads_to(), task);
    site.get(task, &cookie).await.shows(200, &["then every 6 h", "value=\"14\""]);
    let wrong = [("every", "6"), ("unit", "lifetimes")];
    site.post(task, &cookie, &wrong).await.shows(422, &["lifetimes is no unit of time"]);
    assert_eq!(site.post(&format!("{task}/run-now"), &cookie, &[]).await.leads_to(), "/console/t/acme/tasks");
    site.get("/console/t/acme/tasks/FK1/naps", &cookie).await.shows(404, &["There is no task naps"]);
}
