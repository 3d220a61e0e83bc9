//! Which connector serves which id.
//!
//! Knows files by what they say before they are run, so a file that cannot be taken is refused without running it.
//! A newer version serves new runs; the older one stays mapped and finishes its own. Taking a file away does not take
//! its connector away: that happens when the host starts again.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::{
    connector::Connector,
    error::LoadError,
    preflight::{Preflight, preflight},
};

/// Each loaded version keeps about half a MiB for as long as the process lives.
const LOADS_WARN: usize = 64;

/// The name of the file under which a connector is expected: `lib<id>.so`, with `_` for `-`, as cargo names it.
pub fn file_name(id: &str) -> String {
    format!("lib{}.so", id.replace('-', "_"))
}

/// A file that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The file or folder.
    pub path: PathBuf,
    /// Why, and what to do: a sentence that names it.
    pub sentence: String,
}

/// The connectors of a host, by id.
#[derive(Debug)]
pub struct Registry {
    store: PathBuf,
    state: RwLock<State>,
    /// Held while a file is looked at: the same file is never loaded twice, and versions are compared in turn.
    adding: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    serving: BTreeMap<String, Arc<Connector>>,
    refusals: BTreeMap<PathBuf, String>,
    /// What the scanned files were like when they were last looked at.
    looked_at: BTreeMap<PathBuf, Stamp>,
    load_count: usize,
}

/// Changes whenever a file's content does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Stamp> {
        let seen = fs::metadata(path)?;
        Ok(Stamp {
            file: (seen.dev(), seen.ino()),
            bytes: seen.size(),
            modified: (seen.mtime(), seen.mtime_nsec()),
            changed: (seen.ctime(), seen.ctime_nsec()),
        })
    }
}

impl Registry {
    /// An empty registry that keeps its copies of files in `store`, which is made when needed.
    pub fn new(store: impl Into<PathBuf>) -> Self {
        Registry { store: store.into(), state: RwLock::default(), adding: Mutex::new(()) }
    }

    /// Takes a file: loads it, or finds that its content is already loaded.
    ///
    /// # Errors
    /// A sentence that names the file and what to do; it is also kept among the [`refusals`](Self::refusals).
    pub fn add_file(&self, path: &Path) -> Result<Arc<Connector>, LoadError> {
        let _turn = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        self.note(path, self.take(path))
    }

    /// Looks at every `.so` file of some folders and takes what is new, in the order of names. Returns what was taken.
    ///
    /// A library without a `.connector` section is none of our business and is passed over; a broken file is kept among
    /// the [`refusals`](Self::refusals), and so is a folder that cannot be read.
    ///
    /// # Idempotency
    /// Meant to be called every few seconds: files that have not changed are not read again.
    pub fn scan(&self, folders: &[PathBuf]) -> Vec<Arc<Connector>> {
        let _turn = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        for folder in folders {
            let found =
                files(folder).map_err(|source| LoadError::Unreadable { path: folder.clone(), source });
            self.forget_missing(folder, found.as_deref().unwrap_or_default());
            for path in self.note(folder, found).unwrap_or_default() {
                taken.extend(self.look_at(&path));
            }
        }
        taken
    }

    /// The connector that serves an id.
    pub fn get(&self, id: &str) -> Option<Arc<Connector>> {
        self.read().serving.get(id).cloned()
    }

    /// Every connector that serves, by id.
    pub fn list(&self) -> Vec<Arc<Connector>> {
        self.read().serving.values().cloned().collect()
    }

    /// Every file that was not taken, by path; a file leaves the list when it is taken or gone.
    pub fn refusals(&self) -> Vec<Refusal> {
        let refusal = |(path, sentence): (&PathBuf, &String)| Refusal {
            path: path.clone(),
            sentence: sentence.clone(),
        };
        self.read().refusals.iter().map(refusal).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at one file of a folder, if it has changed; returns its connector if that is newly taken.
    fn look_at(&self, path: &Path) -> Option<Arc<Connector>> {
        // Before the file is read: if it changes meanwhile, it is read again next time.
        let stamp = Stamp::of(path).ok();
        if stamp.is_some() && self.read().looked_at.get(path) == stamp.as_ref() {
            return None;
        }
        if let Some(stamp) = stamp {
            self.write().looked_at.insert(path.to_owned(), stamp);
        }
        let before = self.read().load_count;
        let result = self.take(path);
        match &result {
            Err(LoadError::NotAConnector { .. }) => {
                self.write().refusals.remove(path);
                return None;
            }
            // Not for what the file holds: next time may go better.
            Err(LoadError::Unreadable { .. } | LoadError::NotStored { .. }) => {
                self.write().looked_at.remove(path);
            }
            _ => {}
        }
        self.note(path, result).ok().filter(|_| self.read().load_count > before)
    }

    fn forget_missing(&self, folder: &Path, found: &[PathBuf]) {
        let is_here = |path: &PathBuf| path.parent() != Some(folder) || found.contains(path);
        let mut state = self.write();
        state.looked_at.retain(|path, _| is_here(path));
        state.refusals.retain(|path, _| is_here(path) || path.exists());
        let before = state.serving.len();
        state.serving.retain(|id, connector| {
            let stays = is_here(&connector.path) || connector.path.exists();
            if !stays {
                tracing::warn!(connector = id, path = %connector.path.display(), "the connector's file is gone: no new runs");
            }
            stays
        });
        if state.serving.len() < before {
            // Another file of the same connector may have stood back behind it.
            state.looked_at.clear();
        }
    }

    fn take(&self, path: &Path) -> Result<Arc<Connector>, LoadError> {
        let file = preflight(path)?;
        if let Some(serving) = self.get(&file.id) {
            if serving.sha256 == file.sha256 {
                return Ok(serving);
            }
            may_replace(&file, &serving)?;
        }
        let connector = Arc::new(Connector::take(&file, &self.store)?);
        let mut state = self.write();
        state.load_count += 1;
        if state.load_count == LOADS_WARN {
            tracing::warn!(
                "{LOADS_WARN} connector libraries were loaded since the start; a restart frees the older ones"
            );
        }
        let replaced = state.serving.insert(file.id, Arc::clone(&connector));
        drop(state);
        let replaced = replaced.map(|older| older.version.to_string());
        tracing::info!(connector = %connector.descriptor.id, version = %connector.version, replaced, "connector taken");
        Ok(connector)
    }

    /// Keeps or forgets why a path was refused.
    fn note<T>(&self, path: &Path, result: Result<T, LoadError>) -> Result<T, LoadError> {
        let mut state = self.write();
        match &result {
            Ok(_) => state.refusals.remove(path),
            Err(error) => state.refusals.insert(path.to_owned(), error.sentence()),
        };
        result
    }
}

/// Whether a file with other content may take the place of the connector that serves its id.
fn may_replace(file: &Preflight, serving: &Connector) -> Result<(), LoadError> {
    let (path, id, version) = (file.path.clone(), file.id.clone(), file.version.to_string());
    let by = serving.path.clone();
    match file.version.cmp_precedence(&serving.version) {
        std::cmp::Ordering::Greater => Ok(()),
        std::cmp::Ordering::Equal => Err(LoadError::SameVersion { path, id, version, serving: by }),
        std::cmp::Ordering::Less => {
            Err(LoadError::Older { path, id, version, newer: serving.version.to_string(), serving: by })
        }
    }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("so")) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_s_file_is_named_as_cargo_names_it() {
        assert_eq!(file_name("flipkart"), "libflipkart.so");
        assert_eq!(file_name("tata-cliq"), "libtata_cliq.so");
    }

    #[test]
    fn a_registry_is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Registry>();
        shared::<Connector>();
    }
}
