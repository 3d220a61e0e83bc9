//! The process dies in the middle of its work, again and again; what it leaves is whole, and the next one goes on.

use std::{fs, path::Path, process::Stdio, time::Duration};

use kit::{
    agreement::{Units, odd_numbers},
    built_programs,
    random::Random,
    simulators::{Config, Simulator, flipkart::Flipkart},
};
use serde_json::Value;
use statusync::clock::{Clock as _, SystemClock};
use tokio::{process::Command, time::timeout};

const KILLS: u32 = 50;
const SEED: u64 = 3;

struct Host<'a> {
    program: &'a Path,
    data: &'a Path,
}

impl Host<'_> {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command
            .arg("--data")
            .arg(self.data)
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    async fn run(&self, args: &[&str]) -> Vec<u8> {
        let output = self
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .await
            .expect("it starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {}\n{errors}", output.status);
        output.stdout
    }

    /// Begins a sync and kills it after a while; whether it was killed before it had ended.
    async fn kill_in_mid_sync(&self, task: &str, after: Duration) -> bool {
        let mut child = self
            .command(&["sync", "--tenant", "acme", "--channel", "FK1", "--task", task])
            .spawn()
            .expect("it starts");
        match timeout(after, child.wait()).await {
            Ok(ended) => {
                assert!(ended.expect("it ends").success(), "a sync that was left alone fails");
                false
            }
            Err(_) => {
                child.kill().await.expect("it dies");
                true
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_nothing_and_double_nothing() {
    let folder = built_programs::folder().expect("the program builds");
    let data = tempfile::tempdir().expect("a folder");
    let host = Host { program: &folder.join("statusync"), data: &data.path().join("data") };
    let simulator =
        Simulator::start(Flipkart, Config::new(SEED, 400, || SystemClock.now_ms())).await.expect("it starts");

    host.run(&["init"]).await;
    let config = "[egress]\nallow_loopback = true\n[sync]\nrate_plan = false\nlease_ttl_ms = 400\nlease_renew_ms = 100\n";
    fs::write(host.data.join("config.toml"), config).expect("a configuration");
    let mut snapshot = simulator.snapshot("acme");
    snapshot["live"] = Value::Bool(true);
    let file = data.path().join("snapshot.json");
    fs::write(&file, snapshot.to_string()).expect("a snapshot");
    host.run(&["import", &file.display().to_string()]).await;

    let mut random = Random::of(SEED, 0);
    let mut killed = 0;
    let mut begun = 0;
    while killed < KILLS {
        // A day passes with every fourth attempt, so that there is always work in hand.
        if begun % 4 == 0 {
            simulator.advance(12);
        }
        let task = ["pending", "delivery", "status", "pending"][begun % 4];
        let after = Duration::from_millis(u64::from(random.between(60, 900)));
        killed += u32::from(host.kill_in_mid_sync(task, after).await);
        begun += 1;
        assert!(begun < 400, "too few syncs last long enough to be killed: {killed} of {begun}");
    }

    simulator.advance(24 * 60);
    for task in ["pending", "status", "returns", "delivery"] {
        host.run(&["sync", "--tenant", "acme", "--channel", "FK1", "--task", task]).await;
    }
    let held: Value =
        serde_json::from_slice(&host.run(&["export", "--tenant", "acme"]).await).expect("an export");
    let differences = Units::said(&simulator).differences(&Units::held(&held, "FK1"));
    assert!(differences.is_empty(), "{killed} kills, {begun} begun:\n{}", differences.join("\n"));
    let odd = odd_numbers(&held);
    assert!(odd.is_empty(), "{}", odd.join("\n"));
}
