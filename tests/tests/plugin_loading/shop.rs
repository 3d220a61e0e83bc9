//! What the cases of this suite share: a folder with connector files, a marketplace that answers at once, and a run.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt, pending};
use kit::built_plugins::{Surface, library};
use plugin_api::{Error, ErrorKind, Job, Pull, Reply, Scope, Task, Work};
use serde_json::json;
use statusync::plugins::{
    Connector,
    drive::{self, Outside, Page},
};
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc};

/// Far more than any run here takes; a run that comes near it hangs.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// A folder of connector files and a store, gone after the test.
pub(crate) struct Shop {
    folder: TempDir,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let shop = Shop { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(shop.plugins()).expect("a folder for files");
        shop
    }

    pub(crate) fn plugins(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Writes a file by way of another name, as a careful installer does.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let (part, path) = (self.plugins().join("part"), self.plugins().join(name));
        fs::write(&part, bytes).expect("written");
        fs::rename(&part, &path).expect("renamed");
        path
    }

    pub(crate) fn load(&self, path: &Path) -> Arc<Connector> {
        let loaded = Connector::load(path, &self.store());
        Arc::new(loaded.unwrap_or_else(|error| panic!("{}", error.sentence())))
    }
}

/// The path of a fixture's library.
pub(crate) fn built(surface: Surface, fixture: &str) -> PathBuf {
    library(surface, fixture).unwrap_or_else(|error| panic!("{error:?}"))
}

/// The content of a fixture's library.
pub(crate) fn bytes(surface: Surface, fixture: &str) -> Vec<u8> {
    fs::read(built(surface, fixture)).expect("the library that was built")
}

/// The same bytes with a text replaced by another of its length, in every place.
pub(crate) fn patched(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut patched = bytes.to_vec();
    let mut count = 0;
    while let Some(at) = patched.windows(from.len()).position(|window| window == from.as_bytes()) {
        patched[at..at + to.len()].copy_from_slice(to.as_bytes());
        count += 1;
    }
    assert!(count > 0, "{from:?} is not in the file");
    patched
}

/// A marketplace that answers with the last part of the path, and a host that allows one name.
#[derive(Default)]
pub(crate) struct Outer {
    /// Answers never come.
    pub(crate) is_silent: bool,
    /// Signalled at each request.
    pub(crate) asked: Notify,
    /// What was asked for, in order.
    pub(crate) log: Mutex<Vec<String>>,
    /// Requests that were dropped before their answer.
    pub(crate) cancelled: Arc<Mutex<usize>>,
}

struct CountsDrop(Arc<Mutex<usize>>);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        *self.0.lock().expect("no panic holds it") += 1;
    }
}

impl Outer {
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().expect("no panic holds it").clone()
    }

    fn note(&self, line: String) {
        self.log.lock().expect("no panic holds it").push(line);
        self.asked.notify_one();
    }
}

impl Outside for Outer {
    fn send(&self, request: plugin_abi::Request) -> BoxFuture<'_, Result<Reply, Error>> {
        let url = request.url.to_string();
        self.note(url.clone());
        let guard = self.is_silent.then(|| CountsDrop(Arc::clone(&self.cancelled)));
        async move {
            if guard.is_some() {
                pending::<()>().await;
            }
            let Some(path) = url.strip_prefix("https://api.example.com/") else {
                return Err(Error::new(ErrorKind::BadRequest, format!("{url} is on no allowed host")));
            };
            Ok(Reply::new(200, format!("re {path}")))
        }
        .boxed()
    }

    fn relogin(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.note("relogin".into());
        async { Ok(()) }.boxed()
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'_, ()> {
        self.note(format!("sleep {wait:?}"));
        async {}.boxed()
    }
}

/// A pull of what changed, by a connector whose settings say what to do.
pub(crate) fn job(act: &str, count: usize) -> Job {
    let scope = Scope::Changed { since: 0, until: 1 };
    let work = Work::Pull(Pull { task: Task::Status, statuses: vec![], scope, mark: None });
    Job { now: 1_768_469_400_000, settings: json!({ "act": act, "count": count }), work }
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) end: Result<String, Error>,
    pub(crate) pages: Vec<Page>,
}

impl Ran {
    pub(crate) fn orders(&self) -> Vec<&str> {
        self.pages.iter().flat_map(|page| &page.observations).map(|seen| seen.order.as_str()).collect()
    }

    /// The kind and the text of the error that the run ended with.
    pub(crate) fn error(&self) -> (ErrorKind, &str) {
        let error = self.end.as_ref().expect_err("the run should have failed");
        (error.kind, &error.message)
    }
}

/// Runs a job to its end.
pub(crate) async fn run(connector: &Arc<Connector>, job: &Job, outer: &Outer, limit: Duration) -> Ran {
    let (pages, mut received) = mpsc::channel(2);
    let collect = async {
        let mut all = Vec::new();
        while let Some(page) = received.recv().await {
            all.push(page);
        }
        all
    };
    let end = async {
        let end = drive::run(connector, job, outer, &pages, limit).await;
        drop(pages);
        end
    };
    let (end, pages) = tokio::join!(end, collect);
    Ran { end, pages }
}
