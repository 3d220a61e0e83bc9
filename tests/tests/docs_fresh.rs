//! What is printed from code and kept among the documents is as the code prints it now.
//!
//! `make docs` writes what these tests compare.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use kit::built_programs;
use plugin_api::{Descriptor, ErrorKind};
use statusync::{
    domain::apply::{Code, matrix},
    http::{openapi, problems},
    import::{observation_schema, snapshot_schema},
    plugins::Connector,
    printed,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Compares a committed document with what the code prints, or writes it if that is what was asked for.
fn holds(path: &str, printed: &str) {
    let file = root().join(path);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("the folder can be made");
        fs::write(&file, printed).expect("the document can be written");
        return;
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == printed, "{path} is not what the code prints: run `make docs` and commit it");
}

fn descriptors() -> Vec<Descriptor> {
    let folder = built_programs::folder().expect("the connectors build");
    let copies = tempfile::tempdir().expect("a folder");
    let mut found: Vec<Descriptor> = built_programs::CONNECTORS
        .iter()
        .map(|id| {
            let file = folder.join(statusync::plugins::file_name(id));
            Connector::load(&file, copies.path()).expect("the connector loads").descriptor.clone()
        })
        .collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

#[test]
fn the_schemas_of_files_are_the_code_s() {
    holds("docs/generated/snapshot.schema.json", &snapshot_schema());
    holds("docs/generated/observation.schema.json", &observation_schema());
}

#[test]
fn the_description_of_the_api_is_the_code_s() {
    holds("docs/generated/openapi.json", &openapi());
    let page = fs::read_to_string(root().join("docs/API.md")).expect("docs/API.md");
    let (before, rest) = page.split_once("<!-- problems -->\n").expect("a place for the problems");
    let (_, after) = rest.split_once("<!-- /problems -->").expect("the end of that place");
    holds("docs/API.md", &format!("{before}<!-- problems -->\n{}<!-- /problems -->{after}", problems()));
}

#[test]
fn the_rules_are_the_code_s() {
    holds("docs/generated/rules.md", &printed::rules());
    holds("docs/generated/decision_matrix.md", &matrix::matrix());
}

#[test]
fn each_connector_has_its_page_and_the_readme_their_matrix() {
    let descriptors = descriptors();
    for said in &descriptors {
        holds(&format!("docs/generated/connectors/{}.md", said.id), &printed::connector(said));
    }
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let (before, rest) = readme.split_once("<!-- matrix -->\n").expect("a place for the matrix");
    let (_, after) = rest.split_once("<!-- /matrix -->").expect("the end of that place");
    let matrix = printed::matrix(&descriptors);
    holds("README.md", &format!("{before}<!-- matrix -->\n{matrix}<!-- /matrix -->{after}"));
}

#[test]
fn operations_tell_what_to_do_about_every_code_and_kind_of_error() {
    let page = fs::read_to_string(root().join("docs/OPERATIONS.md")).expect("docs/OPERATIONS.md");
    let codes = Code::ALL.iter().map(|code| code.as_str());
    let kinds = (1..=8).map(|code| ErrorKind::from_code(code).as_str());
    let missing: Vec<&str> = codes.chain(kinds).filter(|word| !page.contains(*word)).collect();
    assert!(missing.is_empty(), "docs/OPERATIONS.md says nothing about {missing:?}");
}
