//! The host that the console is shown on has something of everything.

use anyhow::Result;
use kit::showcase::{SELLER, Showcase};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_something_of_everything_to_look_at() -> Result<()> {
    let showcase = Showcase::open().await?;
    let held = showcase.held(SELLER)?;
    let rows = |name: &str| held[name].as_array().cloned().unwrap_or_default();
    let open = rows("conflicts").iter().filter(|conflict| conflict["open"] == true).count();
    assert!(open > 0, "open conflicts");
    let waiting = |cause: &str| rows("parked").iter().filter(|fact| fact["cause"] == cause).count();
    assert!(waiting("UNKNOWN_ORDER") > 0 && waiting("SEQUENCE_NOT_DEFINED") > 0, "{:?}", held["parked"]);
    assert!(rows("putaways").iter().any(|putaway| putaway["status"] == "DUE"));
    let tasks: Value = serde_json::from_str(&showcase.run(&["--json", "tasks"])?)?;
    let results: Vec<&Value> =
        tasks.as_array().into_iter().flatten().map(|task| &task["last"]["result"]).collect();
    for result in ["SUCCESS", "FAILED", "SKIPPED"] {
        assert!(results.iter().any(|is| *is == result), "{result}: {results:?}");
    }
    Ok(())
}
