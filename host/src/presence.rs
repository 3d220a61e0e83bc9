//! One daemon for each data directory: the lock that keeps a second one away, and the note by which other commands find
//! the first.
//!
//! Says nothing about other data directories on the same database: those are held apart by leases.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use plugin_api::Millis;
use serde::{Deserialize, Serialize};

/// What a daemon tells about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its process.
    pub pid: u32,
    /// When it started, UTC.
    pub started_at: Millis,
    /// How often it has taken its configuration, or tried to.
    pub loads: u64,
    /// When it last took its configuration, UTC.
    pub loaded_at: Millis,
    /// What was wrong with the configuration that it did not take last time.
    pub problem: Option<String>,
    /// Where it listens for HTTP.
    pub http: Option<String>,
}

/// Why there is no presence.
#[derive(Debug, thiserror::Error)]
pub enum PresenceError {
    /// Another one is there.
    #[error("a daemon runs on {} already{}", dir.display(), pid.map(|pid| format!(", process {pid}")).unwrap_or_default())]
    Taken {
        /// The data directory.
        dir: PathBuf,
        /// The other one's process, if it says so.
        pid: Option<u32>,
    },
    /// A file cannot be used.
    #[error("could not write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// This process as the daemon of a data directory, for as long as it is kept.
#[derive(Debug)]
pub struct Presence {
    dir: PathBuf,
    note: Note,
    /// Locked; the lock ends with the process, however that ends.
    _lock: File,
}

impl Presence {
    /// Takes the place.
    ///
    /// # Errors
    /// [`PresenceError::Taken`] by another process.
    pub fn take(dir: &Path, now: Millis) -> Result<Presence, PresenceError> {
        let path = dir.join("daemon.lock");
        let failed = |source| PresenceError::File { path: path.clone(), source };
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(PresenceError::Taken {
                    dir: dir.to_owned(),
                    pid: read(dir).map(|note| note.pid),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let note = Note {
            pid: std::process::id(),
            started_at: now,
            loads: 1,
            loaded_at: now,
            problem: None,
            http: None,
        };
        let presence = Presence { dir: dir.to_owned(), note, _lock: lock };
        presence.write()?;
        Ok(presence)
    }

    /// Tells where it listens.
    ///
    /// # Errors
    /// If the note cannot be written.
    pub fn listens_at(&mut self, address: String) -> Result<(), PresenceError> {
        self.note.http = Some(address);
        self.write()
    }

    /// Tells how taking the configuration again went.
    ///
    /// # Errors
    /// If the note cannot be written.
    pub fn loaded(&mut self, now: Millis, problem: Option<String>) -> Result<(), PresenceError> {
        self.note.loads += 1;
        if problem.is_none() {
            self.note.loaded_at = now;
        }
        self.note.problem = problem;
        self.write()
    }

    /// Written aside and renamed, so that nobody reads half of it.
    fn write(&self) -> Result<(), PresenceError> {
        let path = path(&self.dir);
        let aside = path.with_extension("part");
        let text = serde_json::to_vec_pretty(&self.note).unwrap_or_default();
        fs::write(&aside, text)
            .and_then(|()| fs::rename(&aside, &path))
            .map_err(|source| PresenceError::File { path, source })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // A note that stays is seen to be old by the lock.
        let _ = fs::remove_file(path(&self.dir));
    }
}

/// The daemon that runs on a data directory now.
pub fn find(dir: &Path) -> Option<Note> {
    let lock = File::options().write(true).open(dir.join("daemon.lock")).ok()?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => read(dir),
        _ => None,
    }
}

fn read(dir: &Path) -> Option<Note> {
    serde_json::from_slice(&fs::read(path(dir)).ok()?).ok()
}

fn path(dir: &Path) -> PathBuf {
    dir.join("daemon.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_daemon_is_there_and_the_next_when_it_has_gone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find(dir.path()), None);
        let mut first = Presence::take(dir.path(), 7).unwrap();
        let second = Presence::take(dir.path(), 8).unwrap_err();
        let pid = std::process::id();
        assert!(second.to_string().ends_with(&format!("already, process {pid}")), "{second}");
        first.loaded(9, Some("c.toml:1: wrong".into())).unwrap();
        let note = find(dir.path()).unwrap();
        assert_eq!((note.pid, note.loads, note.loaded_at), (pid, 2, 7));
        assert_eq!(note.problem.as_deref(), Some("c.toml:1: wrong"));
        drop(first);
        assert_eq!(find(dir.path()), None);
        Presence::take(dir.path(), 10).unwrap();
    }
}
