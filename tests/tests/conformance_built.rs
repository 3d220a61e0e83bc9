//! The family suite over every connector that the workspace builds, and looks at the suite itself.

#[path = "contract/trial.rs"]
mod trial;

use std::{
    io::Write,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use futures_util::future::{BoxFuture, FutureExt as _};
use kit::conformance::{Ask, CASES, Host, Ran, Subject, built, run, run_cases};
use plugin_api::{Descriptor, Error, ErrorKind, Mark, Observation, Status, Task};
use statusync::plugins::Connector;
use tracing_subscriber::EnvFilter;

/// Everything that was logged in this process, but for the layers that carry bytes.
static LOG: LazyLock<Arc<Mutex<Vec<u8>>>> = LazyLock::new(|| {
    let lines: Arc<Mutex<Vec<u8>>> = Arc::default();
    let into = Arc::clone(&lines);
    let quiet = "trace,hyper=off,hyper_util=off,reqwest=off,rustls=off,h2=off,wiremock=off";
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(quiet))
        .with_ansi(false)
        .with_writer(move || Lines(Arc::clone(&into)))
        .init();
    lines
});

struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The real loader and fetcher with a built library.
struct Built {
    id: String,
    connector: Arc<Connector>,
}

impl Host for Built {
    fn descriptor(&self) -> &Descriptor {
        &self.connector.descriptor
    }

    fn pull(&self, ask: Ask) -> BoxFuture<'_, Ran> {
        let Ask { settings, task, scope, now, max_attempts } = ask;
        let asked = trial::Asked { connector: self.id.clone(), settings, task, scope, now, max_attempts };
        asked.run().boxed()
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_built_connector_keeps_to_the_contract() {
    LazyLock::force(&LOG);
    let mut problems = Vec::new();
    for id in built::ids().expect("connectors/") {
        let subject = match Subject::read(&built::folder(&id)) {
            Ok(subject) => subject,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let host = Built { connector: trial::connector(&id), id };
        let report = run(&host, &subject).await;
        println!(
            "{}: {} cases passed; left out: {:#?}",
            host.id,
            report.passed().count(),
            report.left_out().collect::<Vec<_>>()
        );
        problems.extend(report.verdict().err().map(|problem| format!("{}:\n{problem}", host.id)));
        assert!(host.log().contains("attempt: 1"), "requests are logged, so that the log proves something");
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

fn subject() -> Subject {
    Subject::read(&built::folder("flipkart")).expect("a suite file")
}

/// A connector that answers everything alike.
struct Stuck {
    descriptor: Descriptor,
    ran: Ran,
}

impl Host for Stuck {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn pull(&self, _: Ask) -> BoxFuture<'_, Ran> {
        std::future::ready(self.ran.clone()).boxed()
    }

    fn log(&self) -> String {
        String::new()
    }
}

fn stuck(result: Result<Mark, Error>, observations: Vec<Observation>) -> Stuck {
    let descriptor = Descriptor::new("flipkart", "Flipkart", "1").tasks(&[Task::Pending]);
    Stuck { descriptor, ran: Ran { result, observations, checkpoints: Vec::new() } }
}

async fn failures(host: &Stuck) -> String {
    run(host, &subject()).await.verdict().expect_err("the suite should have failed")
}

#[tokio::test]
async fn a_connector_that_reports_nothing_fails() {
    let text = failures(&stuck(Ok(Mark::default()), Vec::new())).await;
    assert!(text.contains("nothing is reported of a sound answer"), "{text}");
    assert!(text.contains("complete the descriptor"), "{text}");
    assert!(text.contains("a 500 that stays is unavailable, scene pending: it ended well"), "{text}");
}

#[tokio::test]
async fn a_connector_that_breaks_down_fails_with_the_word_for_it() {
    let panicked = Error::new(ErrorKind::PluginFault, "it panicked");
    let text = failures(&stuck(Err(panicked), Vec::new())).await;
    assert!(text.contains("the connector broke down"), "{text}");
    assert!(text.contains("task pending is declared and no case proves it"), "{text}");
}

#[tokio::test]
async fn a_connector_that_reports_what_it_does_not_claim_or_shows_a_secret_fails() {
    let seen = Observation::new("OD1", Some(Status::Delivered), "DELIVERED");
    let text = failures(&stuck(Ok(Mark::default()), vec![seen.clone()])).await;
    assert!(text.contains("is not claimed"), "{text}");
    let leaking = Observation { sku: Some("suite-token-1-of-flipkart".to_owned()), ..seen };
    let text = failures(&stuck(Ok(Mark::default()), vec![leaking])).await;
    assert!(text.contains("`the token` stands in"), "{text}");
}

#[tokio::test]
async fn a_suite_that_selects_nothing_fails() {
    let mut idle = stuck(Ok(Mark::default()), Vec::new());
    let subject = subject();
    let text = run_cases(&[], &idle, &subject).await.verdict().expect_err("nothing was proved");
    assert!(text.contains("no case proves it"), "{text}");
    idle.descriptor.tasks.clear();
    let text = run_cases(&[], &idle, &subject).await.verdict().expect_err("nothing was proved");
    assert!(text.contains("not a single case"), "{text}");
}

#[test]
fn no_two_cases_have_one_name() {
    let mut names: Vec<_> = CASES.iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CASES.len());
}
