//! A loaded connector: what it said about itself, and the way to start a job in it.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use plugin_abi::{Answer, ConnectorModule_Ref, PullBox, RResult, RVec, Step};
use plugin_api::{Descriptor, Error, ErrorKind, Job, host_side};

use super::{
    descriptor::{Topic, faults},
    error::LoadError,
    load::load,
    preflight::{Preflight, preflight},
    steps, store,
};

/// How long a library may take to be mapped, started and to describe itself.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A connector library in this process. It stays mapped for as long as the process lives.
pub struct Connector {
    /// What it is and can do; valid.
    pub descriptor: Descriptor,
    /// The file that it was loaded from. The file may have changed since.
    pub path: PathBuf,
    /// SHA-256 of what was loaded, in lower-case hexadecimal.
    pub sha256: String,
    /// Its own version.
    pub version: semver::Version,
    /// The version of plugin-abi that it was built with.
    pub abi: semver::Version,
    module: ConnectorModule_Ref,
    /// Steps that were given up and are still running.
    hung: AtomicUsize,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("id", &self.descriptor.id)
            .field("version", &self.version.to_string())
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Loads a file by way of a copy in `store`.
    ///
    /// # Errors
    /// A sentence that names the file and what to do.
    pub fn load(path: &Path, store: &Path) -> Result<Connector, LoadError> {
        Connector::take(&preflight(path)?, store)
    }

    /// Loads a file that preflight has let through.
    pub(super) fn take(file: &Preflight, store: &Path) -> Result<Connector, LoadError> {
        let (module, descriptor) = start(file, store)?;
        let faults: Vec<String> = Topic::ALL.iter().flat_map(|topic| faults(*topic, &descriptor)).collect();
        let mut problems = self_contradictions(file, &descriptor);
        problems.extend(faults);
        if !problems.is_empty() {
            return Err(LoadError::BadDescriptor { path: file.path.clone(), problems: problems.join("; ") });
        }
        Ok(Connector {
            descriptor,
            path: file.path.clone(),
            sha256: file.sha256.clone(),
            version: file.version.clone(),
            abi: file.abi.clone(),
            module,
            hung: AtomicUsize::new(0),
        })
    }

    /// Starts a job; nothing of it has run but the reading of its settings.
    ///
    /// Runs the connector's code on this thread: [`drive::run`](super::drive::run) does it where that cannot hurt.
    ///
    /// # Errors
    /// What the connector says (`config` for wrong settings), or `plugin_fault` while a step of it hangs.
    pub fn open(self: &Arc<Self>, job: &Job) -> Result<Running, Error> {
        self.refuse_if_hung()?;
        let job = serde_json::to_string(job).map_err(|error| {
            Error::new(ErrorKind::PluginFault, format!("the job cannot be written: {error}"))
        })?;
        match (self.module.open())(job.as_str().into()) {
            RResult::ROk(pull) => Ok(Running { pull, connector: Arc::clone(self) }),
            RResult::RErr(fault) => Err(host_side::error(fault)),
        }
    }

    /// Whether a step of this connector was given up and has not come back yet.
    pub fn is_hung(&self) -> bool {
        self.hung.load(Ordering::Acquire) > 0
    }

    pub(super) fn refuse_if_hung(&self) -> Result<(), Error> {
        if !self.is_hung() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::PluginFault,
            format!(
                "{self} is refused: an earlier run had to be given up and its code is still running; put a corrected \
                 version into the plugin folder, or restart the host"
            ),
        ))
    }
}

impl std::fmt::Display for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "connector `{}` {}", self.descriptor.id, self.version)
    }
}

/// A job under way in a connector. Dropping it cancels the job and runs the connector's destructors.
pub struct Running {
    pull: PullBox,
    connector: Arc<Connector>,
}

impl Running {
    /// Hands answers over and runs until the connector waits again or has ended.
    pub fn step(&mut self, answers: Vec<Answer>) -> Step {
        self.pull.step(RVec::from(answers))
    }

    /// The connector that runs it.
    pub fn connector(&self) -> &Arc<Connector> {
        &self.connector
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("connector", &self.connector).finish_non_exhaustive()
    }
}

/// Counts one stretch of connector code: given up by whoever waits for it, and come back, in either order.
#[derive(Clone)]
pub(super) struct Stretch {
    connector: Arc<Connector>,
    /// Set by the first of the two.
    is_over: Arc<AtomicBool>,
}

impl Stretch {
    pub(super) fn new(connector: &Arc<Connector>) -> Self {
        Stretch { connector: Arc::clone(connector), is_over: Arc::default() }
    }

    /// Nobody waits for it any more: the connector counts as hung until it comes back.
    pub(super) fn give_up(&self) {
        if !self.is_over.swap(true, Ordering::AcqRel) {
            self.connector.hung.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// It came back.
    pub(super) fn came_back(&self) {
        if self.is_over.swap(true, Ordering::AcqRel) {
            self.connector.hung.fetch_sub(1, Ordering::AcqRel);
            tracing::warn!(connector = %self.connector.descriptor.id, "a step that was given up has come back");
        }
    }
}

/// Maps a file and asks what it is, on a thread of its own: a library's start-up code may never return.
pub(super) fn start(file: &Preflight, store: &Path) -> Result<(ConnectorModule_Ref, Descriptor), LoadError> {
    let copy = store::keep(file, store)?;
    let failed = |reason: String| LoadError::FailedToStart { path: file.path.clone(), reason };
    let (sender, receiver) = mpsc::channel();
    let span = tracing::info_span!("load", connector = %file.id, version = %file.version);
    let known = file.without_bytes();
    let started = steps::run(move || {
        let described = span.in_scope(|| {
            let module = load(&known, &copy)?;
            Ok((module, describe(&known, module)?))
        });
        // Nobody listens any more if it took too long.
        let _ = sender.send(described);
    });
    started.map_err(|error| failed(format!("the host has no thread for it: {error}")))?;
    match receiver.recv_timeout(START_LIMIT) {
        Ok(described) => described,
        Err(_) => Err(LoadError::Slow { path: file.path.clone(), limit: START_LIMIT }),
    }
}

fn describe(file: &Preflight, module: ConnectorModule_Ref) -> Result<Descriptor, LoadError> {
    let text = (module.describe())().into_result().map_err(|fault| LoadError::FailedToStart {
        path: file.path.clone(),
        reason: host_side::error(fault).message,
    })?;
    serde_json::from_str(&text).map_err(|error| LoadError::BadDescriptor {
        path: file.path.clone(),
        problems: format!("it cannot be read: {error}"),
    })
}

/// What the library says must be what its section says: files are sorted out by the section alone.
pub(super) fn self_contradictions(file: &Preflight, said: &Descriptor) -> Vec<String> {
    let mut problems = Vec::new();
    if said.id != file.id {
        problems.push(format!("its id is `{}` and its package is `{}`: name them alike", said.id, file.id));
    }
    if said.version != file.version.to_string() {
        problems.push(format!(
            "its version is {} inside and {} in the file's section",
            said.version, file.version
        ));
    }
    problems
}
