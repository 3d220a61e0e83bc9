//! Connectors and hosts of different versions of the boundary.

use std::process::Command;

use kit::built_plugins::{Surface, newer_host};
use statusync::plugins::Connector;

use crate::{
    log_lines,
    shop::{LONG, Outer, Shop, built, bytes, job, patched, run},
};

#[tokio::test]
async fn a_connector_of_a_newer_minor_version_runs_and_sees_that_the_host_lacks_something() {
    log_lines::collect();
    let shop = Shop::new();
    let connector = shop.load(&built(Surface::NewerMinor, "faults"));
    assert_eq!(connector.abi.to_string(), "1.1.0");
    let ran = run(&connector, &job("one page", 0), &Outer::default(), LONG).await;
    assert_eq!(ran.orders(), ["O1", "re 1"]);
    log_lines::wait_for(&["the host's later is None"]);
}

#[test]
fn a_host_of_a_newer_minor_version_runs_connectors_of_both() {
    let shop = Shop::new();
    let host = newer_host().unwrap_or_else(|error| panic!("{error:?}"));
    let said = Command::new(host)
        .arg(shop.store())
        .args([built(Surface::Current, "faults"), built(Surface::NewerMinor, "faults")])
        .output()
        .expect("the newer host runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    // The older one lacks the new function, and its pulls take the new method's default.
    assert_eq!(
        String::from_utf8_lossy(&said.stdout).lines().collect::<Vec<_>>(),
        [
            r#"abi 1.0.0 saw 3 end {"text":"","complete_until":7} weigh 41 farewell None"#,
            r#"abi 1.1.0 saw 3 end {"text":"","complete_until":7} weigh 41 farewell Some(43)"#,
        ]
    );
}

#[test]
fn a_connector_of_another_major_version_is_refused_before_it_is_mapped() {
    let path = built(Surface::NewerMajor, "faults");
    let error = statusync::plugins::preflight(&path).expect_err("another major version").sentence();
    assert_eq!(
        error,
        format!(
            "{} was built with plugin-abi 2.0.0, this host speaks 1.x: rebuild the connector with plugin-abi 1.0.0",
            path.display()
        )
    );
}

#[test]
fn a_connector_whose_section_hides_its_major_version_is_refused_once_mapped() {
    let shop = Shop::new();
    let honest = bytes(Surface::NewerMajor, "faults");
    let path = shop.put("libfaults.so", &patched(&honest, "\nabi=2.0.0\n", "\nabi=1.0.0\n"));
    let error = Connector::load(&path, &shop.store()).expect_err("another major version").sentence();
    assert!(error.contains("was built with plugin-abi 2.0.0, this host speaks 1.x"), "{error}");
}

#[test]
fn a_connector_with_other_records_is_refused_with_a_few_differences() {
    let shop = Shop::new();
    let path = built(Surface::OtherLayout, "faults");
    let error = Connector::load(&path, &shop.store()).expect_err("other records").sentence();
    let expected = format!(
        "{} says plugin-abi 1.0.0, but its records are not this host's: Reply: 4 fields here, 5 in the connector; \
         Reply: field `headers` here, `reason` in the connector; Reply: field `body` here, `headers` in the connector; \
         and 5 more: rebuild the connector with plugin-abi 1.0.0 as released",
        path.display()
    );
    assert_eq!(error, expected);
}
