//! Builds the workspace's connectors, as cargo builds them for everybody, and finds their libraries.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// The names of the folders under `connectors/`, in order: each is a package of that name.
///
/// # Errors
/// If the folder cannot be read.
pub fn ids() -> Result<Vec<String>> {
    let folder = workspace().join("connectors");
    let mut ids = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.join("Cargo.toml").is_file() {
            ids.extend(path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    ids.sort();
    Ok(ids)
}

/// The library of a connector. All of them are built by the first call in a process.
///
/// # Errors
/// What cargo said, or that there is no such connector.
pub fn library(id: &str) -> Result<PathBuf> {
    static BUILT: Mutex<Option<BTreeMap<String, PathBuf>>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = match &mut *built {
        Some(built) => built,
        empty => empty.insert(build(&ids()?)?),
    };
    built.get(id).cloned().with_context(|| format!("connectors/{id} builds no library"))
}

/// The folder of a connector.
pub fn folder(id: &str) -> PathBuf {
    workspace().join("connectors").join(id)
}

fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

fn build(ids: &[String]) -> Result<BTreeMap<String, PathBuf>> {
    ensure!(!ids.is_empty(), "there is no connector under connectors/");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--offline", "--message-format=json"]).current_dir(workspace());
    for id in ids {
        cargo.args(["--package", id]);
    }
    let done = cargo.output()?;
    if !done.status.success() {
        bail!("the connectors do not build:\n{}", String::from_utf8_lossy(&done.stderr));
    }
    let mut built = BTreeMap::new();
    for line in done.stdout.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{")) {
        let told: Value = serde_json::from_slice(line)?;
        let name = told["target"]["name"].as_str().unwrap_or_default().replace('_', "-");
        let is_library =
            told["target"]["kind"].as_array().is_some_and(|kinds| kinds.contains(&"cdylib".into()));
        if told["reason"] != "compiler-artifact" || !is_library || !ids.contains(&name) {
            continue;
        }
        let files = told["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(file) =
            files.map(PathBuf::from).find(|file| file.extension().is_some_and(|kind| kind == "so"))
        {
            built.insert(name, file);
        }
    }
    Ok(built)
}
