//! What is printed from code and kept among the documents is as the code prints it now.

use std::{fs, path::Path};

use statusync::import::{observation_schema, snapshot_schema};

fn kept(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/generated").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_schema_of_snapshots_is_the_code_s() {
    let hint = "renew it: statusync schema snapshot > docs/generated/snapshot.schema.json";
    assert!(kept("snapshot.schema.json") == snapshot_schema(), "{hint}");
}

#[test]
fn the_schema_of_observations_is_the_code_s() {
    let hint = "renew it: statusync schema observation > docs/generated/observation.schema.json";
    assert!(kept("observation.schema.json") == observation_schema(), "{hint}");
}
