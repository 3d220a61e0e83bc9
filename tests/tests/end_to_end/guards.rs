//! Rows G1, G2 and G9: what stops a run before it asks, and what a marketplace does not mention. Also the going live itself.

use kit::agreement::Units;
use plugin_api::Task;
use serde_json::Value;
use statusync::storage::RunResult;

use super::{agreement::disagreements, site::Site};

/// Every duty, as the timer has them.
const TASKS: [Task; 4] = [Task::Status, Task::Pending, Task::Delivery, Task::Returns];

/// A site whose marketplace has gone on for five days while nobody asked.
async fn site_behind(seed: u64) -> Site {
    let site = Site::flipkart(seed, 60).await;
    site.simulator.advance(5 * 24);
    site.simulator.forget_calls();
    site
}

/// The units that have left, were cancelled, … there and are open here.
fn missed(site: &Site, held: &Value) -> Vec<String> {
    let (said, held) = (Units::said(&site.simulator), Units::held(held, site.simulator.channel()));
    let lines = said.differences(&held);
    lines
        .into_iter()
        .filter(|line| line.rsplit(" and ").next().is_some_and(|here| here.contains("OPEN")))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g1_a_tenant_that_is_not_live_is_not_asked_about_by_any_task() {
    let site = site_behind(5).await;
    site.store.set_live(&site.tenant, false).await.expect("not live");
    let before = site.export().await;
    for task in TASKS {
        let summary = site.run(task).await;
        let stopped = (summary.result, summary.message.as_str(), summary.calls);
        assert_eq!(stopped, (RunResult::Skipped, "Sync not allowed as Tenant is not Live yet", 0), "{task}");
    }
    assert_eq!(site.simulator.calls().total, 0, "the marketplace was not even asked for a token");
    assert_eq!(site.export().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g1_before_going_live_a_dry_run_shows_what_the_first_run_then_does_to_everything_open() {
    let site = site_behind(6).await;
    site.store.set_live(&site.tenant, false).await.expect("not live");
    let before = site.export().await;
    assert!(!missed(&site, &before).is_empty(), "the marketplace has gone on");
    let shown = site.dry_run(Task::Pending).await;
    assert_eq!((shown.result, shown.run), (RunResult::Success, None));
    assert!(
        shown.counts.applied > 0 && shown.lines.iter().any(|line| line.outcome == "APPLIED"),
        "{shown:?}"
    );
    assert_eq!(site.export().await, before, "a dry run changes nothing");

    site.store.set_live(&site.tenant, true).await.expect("live");
    let done = site.run(Task::Pending).await;
    assert_eq!((done.result, done.counts), (RunResult::Success, shown.counts), "as it was shown");
    let missed = missed(&site, &site.export().await);
    assert!(missed.is_empty(), "still open here:\n{}", missed.join("\n"));
    for task in [Task::Status, Task::Delivery, Task::Returns, Task::Delivery] {
        site.run(task).await;
    }
    let wrong = disagreements(&site).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g2_a_channel_that_is_off_or_without_a_connector_is_not_asked_and_is_named() {
    let site = site_behind(7).await;
    let channel = site.simulator.channel().into();
    site.store.enable_channel(&site.tenant, &channel, false).await.expect("off");
    let before = site.export().await;
    let off = site.run(Task::Pending).await;
    assert_eq!((off.result, off.calls), (RunResult::Skipped, 0));
    assert_eq!(off.message, format!("Channel {channel} is switched off"));
    assert_eq!(site.export().await, before);

    let mut elsewhere =
        site.store.channel(&site.tenant, &channel).await.expect("it answers").expect("a channel");
    elsewhere.enabled = true;
    elsewhere.connector = "nowhere".to_owned();
    site.store.put_channel(&site.tenant, &elsewhere).await.expect("another connector");
    let before = site.export().await;
    let without = site.run(Task::Pending).await;
    assert_eq!((without.result, without.calls), (RunResult::Skipped, 0));
    assert!(
        without.message.contains(channel.as_str()) && without.message.contains("nowhere"),
        "{}",
        without.message
    );
    assert_eq!(site.export().await, before);
    assert_eq!(site.simulator.calls().total, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g9_an_order_that_was_asked_for_and_not_mentioned_stays_as_it_is() {
    let site = Site::flipkart(8, 20).await;
    let mut document = site.export().await;
    // An order that is open here and that the marketplace has never heard of.
    let orders = document["orders"].as_array_mut().expect("orders");
    let mut ghost = orders[0].clone();
    ghost["code"] = "GHOST".into();
    ghost["channel_order_id"] = "OD-GHOST".into();
    ghost["packages"] = Value::Array(Vec::new());
    for (number, item) in ghost["items"].as_array_mut().expect("items").iter_mut().enumerate() {
        item["code"] = format!("GHOST-{number}").into();
        item["channel_item_id"] = format!("9990{number}").into();
        item["status"] = "CREATED".into();
        item["package"] = Value::Null;
        item["allocated"] = Value::Bool(false);
    }
    ghost["status"] = "PROCESSING".into();
    orders.push(ghost);
    let snapshot = serde_json::from_value(document).expect("a snapshot");
    site.store.import(snapshot, std::collections::BTreeMap::new()).await.expect("it fits");
    let before = site.store.order(&site.tenant, "GHOST").await.expect("it answers");
    let summary = site.run(Task::Pending).await;
    assert_eq!((summary.result, summary.absent), (RunResult::Success, vec!["OD-GHOST".to_owned()]));
    assert!(
        summary.message.contains("1 asked for and not mentioned by the marketplace"),
        "{}",
        summary.message
    );
    assert_eq!(site.store.order(&site.tenant, "GHOST").await.expect("it answers"), before);
    assert!(site.store.history(&site.tenant, &"GHOST".into()).await.expect("history").is_empty());
}
