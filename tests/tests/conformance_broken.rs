//! Connectors that are wrong on purpose before the family suite: it must catch each, and say what to mend.

use std::{path::Path, sync::Arc};

use kit::{
    built_plugins::{Surface, library},
    conformance::{Report, Subject},
};
use statusync::{
    plugins::Connector,
    proof::{Candidate, Log},
};

/// How the shop's marketplace looks to all of them.
fn subject() -> Subject {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plugins/shop");
    Subject::read(&folder).expect("a suite file")
}

async fn proved(fixture: &str) -> Report {
    let store = tempfile::tempdir().expect("a folder");
    let file = library(Surface::Current, fixture).expect("a library");
    let connector = Connector::load(&file, store.path()).expect("a connector");
    let candidate = Candidate::new(Arc::new(connector), Log::start()).expect("a way out");
    candidate.prove(&subject()).await
}

/// The cases that failed, each with what to mend, and nothing about any other.
async fn caught(fixture: &str) -> Vec<String> {
    let report = proved(fixture).await;
    report.failed().map(|(name, mend)| format!("{name}: {mend}")).collect()
}

#[tokio::test]
async fn nothing_is_found_in_the_sound_one() {
    let report = proved("shop").await;
    report.verdict().expect("it keeps to the contract");
    assert!(report.passed().count() >= 60, "{}", report.passed().count());
}

#[tokio::test]
async fn one_that_guesses_is_told_to_look_words_up() {
    let caught = caught("guesses").await;
    assert_eq!(caught.len(), 1, "{caught:#?}");
    assert_eq!(
        caught[0],
        "an unknown word stays UNMAPPED with its text, line: in scene status, an unknown word becomes DELIVERED, with the \
         text `UNHEARD_OF_BY_THE_SUITE`: look words up in the table and guess none"
    );
}

#[tokio::test]
async fn one_that_hurries_is_told_to_read_on() {
    let caught = caught("hurries").await;
    let told = "pages are read to the end, scene status: the second page is not asked for: read on until the marketplace says \
                that there is no more";
    assert!(caught.iter().any(|line| line == told), "{caught:#?}");
    assert!(caught.iter().all(|line| line.contains("page")), "{caught:#?}");
}

#[tokio::test]
async fn one_that_leaks_is_told_to_quote_no_reply() {
    let caught = caught("leaks").await;
    let told = "`the token` stands in an error, a mark or an observation: refer to it, and quote no reply";
    assert!(!caught.is_empty() && caught.iter().all(|line| line.ends_with(told)), "{caught:#?}");
}
