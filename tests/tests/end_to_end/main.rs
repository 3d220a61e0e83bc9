//! The whole road: a simulated marketplace, a real connector library, the real fetcher, the rules, the store.
//!
//! A world lives for some virtual days; after every few hours the host syncs. In the end the host holds for each unit of
//! each order what the marketplace knows of it.

mod agreement;
mod guards;
mod manual;
mod site;
mod unnamed;

use agreement::disagreements;
use kit::{
    faults::{Fault, Kind},
    simulators::tata_cliq::TataCliq,
};
use plugin_api::Task;
use site::Site;
use statusync::storage::RunResult;

const DAYS: u32 = 40;

/// Lives through the world's days, syncing as the timer would.
async fn live(site: &Site, faults: impl Fn(u32) -> Vec<Fault>) {
    for day in 0..DAYS {
        for quarter in 0..4 {
            site.simulator.faults(faults(day * 4 + quarter));
            site.simulator.advance(6);
            site.run(Task::Status).await;
        }
        for task in served(site, &[Task::Pending, Task::Delivery, Task::Returns]) {
            site.run(task).await;
        }
    }
    site.simulator.faults(Vec::new());
    site.simulator.advance(24 * 60);
    for task in served(site, &[Task::Status, Task::Pending, Task::Delivery, Task::Returns, Task::Delivery]) {
        let summary = site.run(task).await;
        assert!(matches!(summary.result, RunResult::Success), "{task}: {summary:?}");
    }
}

/// Those of the tasks that the connector serves.
fn served(site: &Site, tasks: &[Task]) -> Vec<Task> {
    tasks.iter().copied().filter(|task| site.tasks.contains(task)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flipkart_orders_end_as_the_marketplace_has_them() {
    let site = Site::flipkart(7, 120).await;
    live(&site, |_| Vec::new()).await;
    let wrong = disagreements(&site).await;
    assert!(wrong.is_empty(), "{} orders differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amazon_orders_end_as_the_marketplace_has_them() {
    let site = Site::amazon(7, 120).await;
    live(&site, |_| Vec::new()).await;
    let wrong = disagreements(&site).await;
    assert!(wrong.is_empty(), "{} orders differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tata_cliq_orders_end_as_the_marketplace_has_them_in_json_and_in_xml() {
    for xml in [false, true] {
        let site = Site::tata_cliq(TataCliq { xml }, 7, 20).await;
        live(&site, |_| Vec::new()).await;
        let wrong = disagreements(&site).await;
        assert!(wrong.is_empty(), "{} orders differ:\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn voonik_orders_end_as_the_marketplace_has_them() {
    let site = Site::voonik(7, 30).await;
    live(&site, |_| Vec::new()).await;
    let wrong = disagreements(&site).await;
    assert!(wrong.is_empty(), "{} orders differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paytm_orders_end_as_the_marketplace_has_them() {
    let site = Site::paytm(7, 60).await;
    live(&site, |_| Vec::new()).await;
    let wrong = disagreements(&site).await;
    assert!(wrong.is_empty(), "{} orders differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapdeal_orders_end_as_the_marketplace_has_them() {
    let site = Site::snapdeal(7, 20).await;
    live(&site, |_| Vec::new()).await;
    // Its lists of buyers' returns name no order.
    let orders = site.simulator.truth(false).orders;
    assert!(
        orders.iter().flat_map(|order| &order.returns).any(|ret| ret.kind == "CIR"),
        "some were sent back"
    );
    let wrong = disagreements(&site).await;
    assert!(wrong.is_empty(), "{} orders differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shopclues_orders_end_as_the_marketplace_has_them() {
    let site = Site::shopclues(7, 60).await;
    live(&site, |_| Vec::new()).await;
    let wrong = disagreements(&site).await;
    assert!(wrong.is_empty(), "{} orders differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wooplr_orders_end_as_the_marketplace_has_them() {
    let site = Site::wooplr(7, 20).await;
    live(&site, |_| Vec::new()).await;
    let wrong = disagreements(&site).await;
    assert!(wrong.is_empty(), "{} orders differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_on_the_way_delay_and_never_distort() {
    let site = Site::flipkart(11, 60).await;
    let faults = |step: u32| {
        let kinds = [
            Kind::LatePage,
            Kind::DuplicatePage,
            Kind::ShuffledRows,
            Kind::ServerError { status: 500 },
            Kind::HtmlBody,
            Kind::CutBody,
            Kind::RevokedToken,
        ];
        let kind = kinds[step as usize % kinds.len()].clone();
        vec![Fault::next(kind).times(2)]
    };
    live(&site, faults).await;
    let wrong = disagreements(&site).await;
    assert!(wrong.is_empty(), "{} orders differ:\n{}", wrong.len(), wrong.join("\n"));
}
