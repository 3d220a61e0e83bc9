//! Why a file is not taken as a connector: one sentence that names the file and what to do.

use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// A file that is not taken.
///
/// The text holds the whole sentence except for the cause of an input or output error, which is the source;
/// [`sentence`](Self::sentence) joins the two.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file or folder cannot be read.
    #[error("{} cannot be read: check that it exists and that the host's user may read it", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no library for this machine, or not a whole one. Nothing was mapped.
    #[error("{} {problem}", path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The library is whole and is not a connector. Nothing was mapped.
    #[error("{} is not a connector: it has no `.connector` section; build it with plugin-api's export_connector!", path.display())]
    NotAConnector {
        /// The file.
        path: PathBuf,
    },
    /// The connector speaks another major version of the boundary.
    #[error(
        "{} was built with plugin-abi {theirs}, this host speaks {}.x: rebuild the connector with plugin-abi {ours}",
        path.display(), ours.major
    )]
    OtherAbi {
        /// The file.
        path: PathBuf,
        /// The connector's version of plugin-abi.
        theirs: semver::Version,
        /// The host's.
        ours: semver::Version,
    },
    /// The connector's records are laid out otherwise than the host's, whatever its version says.
    #[error(
        "{} says plugin-abi {theirs}, but its records are not this host's: {differences}: \
         rebuild the connector with plugin-abi {ours} as released", path.display()
    )]
    OtherLayout {
        /// The file.
        path: PathBuf,
        /// The connector's version of plugin-abi.
        theirs: String,
        /// The host's.
        ours: semver::Version,
        /// The first differences.
        differences: String,
    },
    /// The system's loader refused the library.
    #[error("{} cannot be loaded: {reason}; build it on a system no newer than this one", path.display())]
    Unloadable {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// The connector's start-up code failed.
    #[error("{} failed while it was started: {reason}; this is for the connector's author", path.display())]
    FailedToStart {
        /// The file.
        path: PathBuf,
        /// What the connector said.
        reason: String,
    },
    /// The connector's start-up code did not return.
    #[error("{} did not finish starting within {limit:?}; this is for the connector's author", path.display())]
    Slow {
        /// The file.
        path: PathBuf,
        /// How long the host waited.
        limit: Duration,
    },
    /// The connector's description of itself is not valid.
    #[error("{} describes itself wrongly: {problems}; this is for the connector's author", path.display())]
    BadDescriptor {
        /// The file.
        path: PathBuf,
        /// Every problem.
        problems: String,
    },
    /// The host cannot keep its own copy of the file.
    #[error("{} cannot be copied into {}: check that the folder is writable and the disk is not full", path.display(), store.display())]
    NotStored {
        /// The file.
        path: PathBuf,
        /// The host's folder of copies.
        store: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another file with other content serves the same id in the same version.
    #[error(
        "{} is not taken: connector `{id}` {version} is served by {} with other content; \
         remove one of the two files or raise the version of one", path.display(), serving.display()
    )]
    SameVersion {
        /// The file.
        path: PathBuf,
        /// The connector's id.
        id: String,
        /// The version of both.
        version: String,
        /// The file that serves.
        serving: PathBuf,
    },
    /// A newer version serves already.
    #[error(
        "{} is not taken: it is connector `{id}` {version}, and the newer {newer} is served by {}; \
         remove the older file, or restart the host without the newer one to go back", path.display(), serving.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The connector's id.
        id: String,
        /// The version of the file.
        version: String,
        /// The version that serves.
        newer: String,
        /// The file that serves.
        serving: PathBuf,
    },
}

impl LoadError {
    pub(super) fn not_a_library(path: &Path, problem: impl Into<String>) -> Self {
        LoadError::NotALibrary { path: path.to_owned(), problem: problem.into() }
    }

    /// The text together with the cause.
    pub fn sentence(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            // Writing to a String cannot fail.
            let _ = write!(text, " ({error})");
            cause = error.source();
        }
        text
    }
}
