//! Builds what a user builds, once for each test process, and finds it: the program and the connector libraries.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context as _, Result, ensure};

/// The connectors, by id.
pub const CONNECTORS: [&str; 8] =
    ["amazon", "flipkart", "paytm", "shopclues", "snapdeal", "tata-cliq", "voonik", "wooplr"];

/// The folder that holds the program `statusync` and the connectors' libraries.
///
/// # Errors
/// If they do not build.
pub fn folder() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn build() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--offline", "-p", "statusync"])
        .args(CONNECTORS.iter().flat_map(|id| ["-p", id]))
        .current_dir(&root)
        .status()
        .context("cargo cannot be started")?;
    ensure!(status.success(), "`cargo build` of the program and the connectors failed");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("debug"))
}
