//! Builds the connector libraries that the plugin suite loads: sound ones, broken ones, and some that were made with
//! another version of the boundary.
//!
//! Each fixture is a small package of its own under `tests/fixtures/plugins`. It is built in a copy of the part of the
//! workspace that it needs, under `target/fixtures/trees`; a copy may differ from the workspace by a few exact
//! replacements ([`Surface`]), so that no second version of the boundary has to be kept by hand. A replacement whose
//! text is not found once is a failure. All copies share one target folder, and nothing is fetched.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context as _, Result, bail, ensure};

/// The version of the boundary that a fixture is built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Surface {
    /// The workspace's.
    Current,
    /// 1.1.0: one function more at the end of `ConnectorModule` and of `HostFns`, one defaulted method more in `Pull`.
    NewerMinor,
    /// A record has a field more, and the version does not say so.
    OtherLayout,
    /// 2.0.0, laid out like the workspace's.
    NewerMajor,
}

/// A file, a text that occurs in it exactly once, and what stands there instead.
type Edit = (&'static str, &'static str, &'static str);

const FIXTURES: &str = "tests/fixtures/plugins";
const ABI: &str = "plugin-api/abi/src/lib.rs";
const ABI_MANIFEST: &str = "plugin-api/abi/Cargo.toml";
const SDK: &str = "plugin-api/src/lib.rs";
const BOUNDARY: &str = "plugin-api/src/boundary.rs";
const LOAD: &str = "host/src/plugins/load.rs";
const CONNECTOR: &str = "host/src/plugins/connector.rs";

const NEWER_MINOR: &[Edit] = &[
    (ABI_MANIFEST, "version = \"1.0.0\"", "version = \"1.1.0\""),
    (SDK, "\"1.0.0\"", "\"1.1.0\""),
    (
        ABI,
        "    fn step(&mut self, answers: RVec<Answer>) -> Step;\n",
        "    fn step(&mut self, answers: RVec<Answer>) -> Step;\n    fn weigh(&self) -> u64 {\n        41\n    }\n",
    ),
    (
        ABI,
        "    pub log: extern \"C\" fn(u8, RStr<'_>, RStr<'_>),\n",
        "    pub log: extern \"C\" fn(u8, RStr<'_>, RStr<'_>),\n    pub later: extern \"C\" fn() -> u64,\n",
    ),
    (
        ABI,
        "    pub open: extern \"C\" fn(RStr<'_>) -> RResult<PullBox, Fault>,\n",
        "    pub open: extern \"C\" fn(RStr<'_>) -> RResult<PullBox, Fault>,\n    pub farewell: extern \"C\" fn() -> u64,\n",
    ),
    (BOUNDARY, "open: open::<C> })", "open: open::<C>, farewell })"),
    (
        BOUNDARY,
        "static HOST: OnceLock<HostFns_Ref> = OnceLock::new();\n",
        "static HOST: OnceLock<HostFns_Ref> = OnceLock::new();\n\nextern \"C\" fn farewell() -> u64 {\n    43\n}\n",
    ),
    (
        BOUNDARY,
        "            logging::forward();\n",
        "            logging::forward();\n            logging::panicked(&format!(\"the host's later is {:?}\", host.later().map(|later| later())));\n",
    ),
    (LOAD, "HostFns { max_level, log })", "HostFns { max_level, log, later })"),
    (
        LOAD,
        "extern \"C\" fn max_level()",
        "extern \"C\" fn later() -> u64 {\n    42\n}\n\nextern \"C\" fn max_level()",
    ),
    (
        CONNECTOR,
        "impl Running {\n",
        "impl Running {\n    pub fn weigh(&self) -> u64 {\n        self.pull.weigh()\n    }\n",
    ),
    (
        CONNECTOR,
        "impl Connector {\n",
        "impl Connector {\n    pub fn farewell(&self) -> Option<u64> {\n        self.module.farewell().map(|farewell| farewell())\n    }\n",
    ),
];

const OTHER_LAYOUT: &[Edit] = &[(
    ABI,
    "pub struct Reply {\n    pub status: u16,\n",
    "pub struct Reply {\n    pub status: u16,\n    pub reason: RString,\n",
)];

const NEWER_MAJOR: &[Edit] =
    &[(ABI_MANIFEST, "version = \"1.0.0\"", "version = \"2.0.0\""), (SDK, "\"1.0.0\"", "\"2.0.0\"")];

impl Surface {
    const fn name(self) -> &'static str {
        match self {
            Surface::Current => "current",
            Surface::NewerMinor => "newer_minor",
            Surface::OtherLayout => "other_layout",
            Surface::NewerMajor => "newer_major",
        }
    }

    const fn edits(self) -> &'static [Edit] {
        match self {
            Surface::Current => &[],
            Surface::NewerMinor => NEWER_MINOR,
            Surface::OtherLayout => OTHER_LAYOUT,
            Surface::NewerMajor => NEWER_MAJOR,
        }
    }
}

/// Builds the library of a fixture, once in a process, and returns its path.
///
/// # Errors
/// What cargo said, or which replacement no longer fits the workspace.
pub fn library(surface: Surface, fixture: &str) -> Result<PathBuf> {
    static BUILT: Mutex<BTreeMap<(Surface, String), PathBuf>> = Mutex::new(BTreeMap::new());
    // Held during the build: cargo would wait for itself anyway.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (surface, fixture.to_owned());
    if let Some(path) = built.get(&key) {
        return Ok(path.clone());
    }
    let package = tree(surface, &["plugin-api", FIXTURES])?.join(FIXTURES).join(fixture);
    lock(&package)?;
    cargo(&package, &[])?;
    let path = target().join("debug").join(format!("lib{}.so", library_name(surface, fixture)));
    built.insert(key, path.clone());
    Ok(path)
}

/// Builds the library of a fixture with optimisation, for measurements, and returns its path.
///
/// # Errors
/// As [`library`].
pub fn fast_library(fixture: &str) -> Result<PathBuf> {
    let surface = Surface::Current;
    let package = tree(surface, &["plugin-api", FIXTURES])?.join(FIXTURES).join(fixture);
    lock(&package)?;
    cargo(&package, &["--release"])?;
    Ok(target().join("release").join(format!("lib{}.so", library_name(surface, fixture))))
}

/// Builds a program that is a host of a newer minor version, and returns its path.
///
/// # Errors
/// As [`library`].
pub fn newer_host() -> Result<PathBuf> {
    let tree = tree(Surface::NewerMinor, &["plugin-api", "host/src/plugins", FIXTURES])?;
    lock(&tree)?;
    cargo(&tree.join(FIXTURES).join("newer_host"), &[])?;
    Ok(target().join("debug/newer_host"))
}

fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

fn target() -> PathBuf {
    workspace().join("target/fixtures")
}

/// Cargo puts libraries of one name into one file, so each has a name of its own.
fn library_name(surface: Surface, fixture: &str) -> String {
    format!("{fixture}_{}", surface.name())
}

/// A copy of parts of the workspace, with the surface's replacements.
fn tree(surface: Surface, parts: &[&str]) -> Result<PathBuf> {
    let tree = target().join("trees").join(surface.name());
    let mut files = vec![PathBuf::from("Cargo.toml")];
    for part in parts {
        list(&workspace().join(part), &mut files)?;
    }
    for file in files {
        let mut text =
            fs::read_to_string(workspace().join(&file)).with_context(|| file.display().to_string())?;
        for (of, from, to) in surface.edits() {
            if Path::new(of) == file {
                text = replace(&text, from, to)
                    .with_context(|| format!("{of}, for the fixtures of {surface:?}"))?;
            }
        }
        if file == Path::new("Cargo.toml") {
            let members = text
                .lines()
                .find(|line| line.starts_with("members = ["))
                .context("the workspace has no members")?
                .to_owned();
            let newer_host =
                if surface == Surface::NewerMinor { ", \"tests/fixtures/plugins/newer_host\"" } else { "" };
            text = replace(
                &text,
                &members,
                &format!("members = [\"plugin-api\", \"plugin-api/abi\"{newer_host}]"),
            )?;
            text = replace(&text, "exclude = [\"tests/fixtures/plugins\"]\n", "")?;
        }
        if let Some(fixture) = fixture_of(&file).filter(|_| text.contains("[lib]\n")) {
            text = replace(
                &text,
                "[lib]\n",
                &format!("[lib]\nname = \"{}\"\n", library_name(surface, fixture)),
            )?;
        }
        write(&tree.join(&file), &text)?;
    }
    Ok(tree)
}

/// The fixture whose manifest a file is.
fn fixture_of(file: &Path) -> Option<&str> {
    file.strip_prefix(FIXTURES).ok()?.to_str()?.strip_suffix("/Cargo.toml")
}

/// The text files below a folder, from the workspace's root.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "toml" || kind == "md") {
            files.push(path.strip_prefix(workspace())?.to_owned());
        }
    }
    Ok(())
}

fn replace(text: &str, from: &str, to: &str) -> Result<String> {
    let count = text.matches(from).count();
    ensure!(count == 1, "{count} places instead of one hold {from:?}");
    Ok(text.replacen(from, to, 1))
}

/// Gives a package the workspace's choice of versions, so that nothing has to be looked up. Cargo trims it.
fn lock(package: &Path) -> Result<()> {
    let chosen = fs::read_to_string(workspace().join("Cargo.lock"))?;
    let origin = package.join("Cargo.lock.origin");
    if fs::read_to_string(&origin).is_ok_and(|before| before == chosen) && package.join("Cargo.lock").exists()
    {
        return Ok(());
    }
    write(&package.join("Cargo.lock"), &chosen)?;
    write(&origin, &chosen)
}

/// Writes a file unless it holds the text already: cargo goes by times. Tests of several processes may do it at once.
fn write(path: &Path, text: &str) -> Result<()> {
    static WRITERS: AtomicU64 = AtomicU64::new(0);
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return Ok(());
    }
    let folder = path.parent().context("a file without a folder")?;
    fs::create_dir_all(folder)?;
    let part =
        folder.join(format!(".{}-{}.part", std::process::id(), WRITERS.fetch_add(1, Ordering::Relaxed)));
    fs::write(&part, text)?;
    fs::rename(&part, path).with_context(|| path.display().to_string())
}

fn cargo(package: &Path, options: &[&str]) -> Result<()> {
    let done = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline"])
        .args(options)
        .arg("--target-dir")
        .arg(target())
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .current_dir(package)
        .output()?;
    if !done.status.success() {
        bail!("{} does not build:\n{}", package.display(), String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}
