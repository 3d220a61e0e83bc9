//! The part of `connector check` that needs no marketplace: what can be said of a file by looking at it and at what it
//! says about itself.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use plugin_api::{Descriptor, ScopeKind};

use super::{
    connector::{self_contradictions, start},
    descriptor::{Topic, faults},
    error::LoadError,
    preflight::{Preflight, preflight},
};

/// A connector holds tables and requests: below 1 MiB when released, some 14 MiB with debug information. A larger file
/// carries something else along.
const BYTES_EXPECTED: usize = 32 << 20;

/// What was found about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// The file.
    pub path: PathBuf,
    /// One line for each thing that was looked at; after a file that cannot be loaded there are no more.
    pub lines: Vec<CheckLine>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckLine {
    /// What: one word.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub is_ok: bool,
    /// What was found.
    pub sentence: String,
}

impl CheckReport {
    /// Whether everything is as it should be.
    pub fn is_ok(&self) -> bool {
        self.lines.iter().all(|line| line.is_ok)
    }

    fn ok(&mut self, name: &'static str, sentence: impl Into<String>) {
        self.lines.push(CheckLine { name, is_ok: true, sentence: sentence.into() });
    }

    fn failed(&mut self, name: &'static str, sentence: impl Into<String>) {
        self.lines.push(CheckLine { name, is_ok: false, sentence: sentence.into() });
    }

    /// A line of problems, or what to say if there are none.
    fn found(&mut self, name: &'static str, problems: &[String], otherwise: impl Into<String>) {
        if problems.is_empty() {
            self.ok(name, otherwise);
        } else {
            self.failed(name, problems.join("; "));
        }
    }
}

/// Looks a file over. Loads it into this process, by way of a copy in the folder for temporary files (`TMPDIR`), and
/// thereby runs its start-up code.
pub fn check(path: &Path) -> CheckReport {
    let mut report = CheckReport { path: path.to_owned(), lines: Vec::new() };
    let file = match preflight(path) {
        Ok(file) => file,
        Err(error) => {
            report.failed("file", error.sentence());
            return report;
        }
    };
    about_the_file(&mut report, &file);
    match describe(&file) {
        Ok(said) => about_the_descriptor(&mut report, &file, &said),
        Err(error) => report.failed("loading", error.sentence()),
    }
    report
}

/// Loads by way of a folder of its own, which is gone afterwards; what is mapped stays.
fn describe(file: &Preflight) -> Result<Descriptor, LoadError> {
    static CHECKS: AtomicU64 = AtomicU64::new(0);
    let number = CHECKS.fetch_add(1, Ordering::Relaxed);
    let store = std::env::temp_dir().join(format!("statusync-check-{}-{number}", std::process::id()));
    let started = start(file, &store);
    // A folder left behind does no harm.
    let _ = fs::remove_dir_all(&store);
    started.map(|(_, descriptor)| descriptor)
}

fn about_the_file(report: &mut CheckReport, file: &Preflight) {
    report.ok("file", format!("a whole library for this machine, connector `{}` {}", file.id, file.version));
    report.ok("abi", format!("built with plugin-abi {}, this host speaks {}", file.abi, plugin_abi::VERSION));
    let (bytes, shown) = (file.bytes.len(), file.bytes.len().div_ceil(1024));
    if bytes <= BYTES_EXPECTED {
        report.ok("size", format!("{shown} KiB"));
    } else {
        report.failed(
            "size",
            format!("{shown} KiB: more than a connector needs; build it with --release and strip it"),
        );
    }
    let others: Vec<String> = file
        .exports
        .iter()
        .filter(|name| *name != plugin_abi::ROOT_SYMBOL)
        .map(|name| format!("`{name}`"))
        .collect();
    if others.is_empty() {
        report.ok("symbols", "exports the connector's entry and nothing else");
    } else {
        let shown = others[..others.len().min(5)].join(", ");
        report.failed(
            "symbols",
            format!("exports {} names besides the connector's entry: {shown}", others.len()),
        );
    }
}

fn about_the_descriptor(report: &mut CheckReport, file: &Preflight, said: &Descriptor) {
    report.ok("loading", "its records are laid out as the host's, and it has started");
    for &topic in Topic::ALL {
        let mut problems = faults(topic, said);
        if topic == Topic::Identity {
            problems.extend(self_contradictions(file, said));
        }
        problems.extend(missing(topic, said));
        report.found(topic.as_str(), &problems, counted(topic, said));
    }
    report.found(
        "tasks",
        &unserved(said),
        format!("{} tasks, each with something to report", said.tasks.len()),
    );
    report.found("limits", &limits(said), "every size and time is given, with its source");
}

/// What a complete descriptor has, and a host could do without.
fn missing(topic: Topic, said: &Descriptor) -> Option<String> {
    let is_missing = match topic {
        Topic::Identity => {
            return said.auth.source.trim().is_empty().then(|| "the way to sign in has no source".into());
        }
        Topic::Capabilities => said.capabilities.is_empty(),
        Topic::Operations => said.operations.is_empty(),
        // The operator's own URLs may be all there are.
        Topic::Hosts | Topic::Settings => false,
        Topic::Statuses => said.statuses.is_empty(),
    };
    is_missing.then(|| format!("there are no {}", topic.as_str()))
}

fn counted(topic: Topic, said: &Descriptor) -> String {
    match topic {
        Topic::Identity => format!("{} ({}), {}", said.name, said.id, said.api_version),
        Topic::Capabilities => format!("{} claims, each with a source", said.capabilities.len()),
        Topic::Operations => format!("{} operations, each with a rate and a source", said.operations.len()),
        Topic::Hosts => format!("{} host names", said.hosts.len()),
        Topic::Settings => {
            let secret_count = said.settings.iter().filter(|setting| setting.secret).count();
            format!("{} settings, {secret_count} of them secret", said.settings.len())
        }
        Topic::Statuses => format!("{} rows, none twice, each with a source", said.statuses.len()),
    }
}

/// A task needs a claim for a status that it is for, under the scope in which it asks.
fn unserved(said: &Descriptor) -> Vec<String> {
    if said.tasks.is_empty() {
        return vec!["there are no tasks: the host would never ask for anything".into()];
    }
    let serves = |task: &plugin_api::Task| {
        let scope = if task.is_by_id() { ScopeKind::Orders } else { ScopeKind::Changed };
        said.capabilities.iter().any(|claim| claim.scope == scope && task.statuses().contains(&claim.status))
    };
    let unserved = said.tasks.iter().filter(|task| !serves(task));
    unserved.map(|task| format!("task {task} is served, and no capability is for it in its scope")).collect()
}

fn limits(said: &Descriptor) -> Vec<String> {
    let limits = &said.limits;
    let sizes = [
        ("page_size", u64::from(limits.page_size)),
        ("batch_size", u64::from(limits.batch_size)),
        ("look_back_secs", limits.look_back_secs),
        ("window_secs", limits.window_secs),
        ("reply_bytes", limits.reply_bytes),
    ];
    let zeros = sizes.iter().filter(|(_, size)| *size == 0).map(|(name, _)| format!("{name} is 0"));
    let source = limits.source.trim().is_empty().then(|| "the limits have no source".to_owned());
    zeros.chain(source).collect()
}
