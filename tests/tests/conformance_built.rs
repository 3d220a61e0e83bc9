//! The family suite over every connector that the workspace builds, and looks at the suite itself.

use std::sync::{Arc, LazyLock};

use futures_util::future::{BoxFuture, FutureExt as _};
use kit::conformance::{Ask, CASES, Host, Ran, Subject, built, run, run_cases};
use plugin_api::{Descriptor, Error, ErrorKind, Mark, Observation, Status, Task};
use statusync::{
    plugins::Connector,
    proof::{Candidate, Log},
};

/// Everything that was logged in this process, but for the layers that carry bytes.
static LOG: LazyLock<Log> = LazyLock::new(Log::start);

/// A connector that proves less declares too little, or its suite file does.
const FEWEST_CASES: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn every_built_connector_keeps_to_the_contract() {
    let log = LazyLock::force(&LOG);
    let store = tempfile::tempdir().expect("a folder");
    let mut problems = Vec::new();
    for id in built::ids().expect("connectors/") {
        let subject = match Subject::read(&built::folder(&id)) {
            Ok(subject) => subject,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let library = built::library(&id).expect("a library");
        let connector = Connector::load(&library, store.path()).expect("a connector");
        let host = Candidate::new(Arc::new(connector), log.clone()).expect("a way out");
        let report = host.prove(&subject).await;
        let (passed, left_out) = (report.passed().count(), report.left_out().collect::<Vec<_>>());
        println!("{id}: {passed} cases passed; left out: {left_out:#?}");
        assert!(passed >= FEWEST_CASES, "{id}: only {passed} cases passed");
        problems.extend(report.verdict().err().map(|problem| format!("{id}:\n{problem}")));
        assert!(log.text().contains("attempt: 1"), "requests are logged, so that the log proves something");
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
