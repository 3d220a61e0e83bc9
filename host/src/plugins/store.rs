//! The host's own copies of connector files, named by their content.
//!
//! The system's loader remembers a path: opened again, a replaced file gives the old library. And a mapped file that is
//! overwritten in place ends the process. So what is loaded is a copy that is written once and never touched again.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest, Sha256};

use super::{
    error::LoadError,
    preflight::{Preflight, hex},
};

static WRITERS: AtomicU64 = AtomicU64::new(0);

/// The path of the store's copy of a file, which is written if it is not there.
///
/// # Idempotency
/// Any number of threads and processes may keep the same file at once; each writes under a name of its own.
pub(super) fn keep(file: &Preflight, store: &Path) -> Result<PathBuf, LoadError> {
    let copy = store.join(format!("{}.so", file.sha256));
    write(file, store, &copy).map_err(|source| LoadError::NotStored {
        path: file.path.clone(),
        store: store.to_owned(),
        source,
    })?;
    Ok(copy)
}

/// SHA-256 of a file as it is on the disk, piece by piece: in one piece it would be memory that is never needed again.
fn sha256(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut piece) = (File::open(path)?, Sha256::new(), [0; 16 << 10]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&piece[..read]),
        }
    }
}

fn write(file: &Preflight, store: &Path, copy: &Path) -> io::Result<()> {
    // A copy is code that will be run: nobody else may write beside it.
    DirBuilder::new().recursive(true).mode(0o700).create(store)?;
    if sha256(copy).is_ok_and(|kept| kept == file.sha256) {
        return Ok(());
    }
    let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
    let part = store.join(format!("{}.{}-{writer}.part", file.sha256, std::process::id()));
    let written = (|| {
        let mut out = File::create(&part)?;
        out.write_all(&file.bytes)?;
        out.sync_all()?;
        fs::rename(&part, copy)?;
        File::open(store)?.sync_all()
    })();
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&part);
    }
    written
}
