//! Opening the file: the engine's version, its settings, and the migrations.

use std::{fs::OpenOptions, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{fault::Fail, words};
use crate::storage::StoreError;

/// Migrations by number, from 1. Each is applied in one transaction, together with the number.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_start.sql"),
    include_str!("../../../migrations/sqlite/0002_schedule.sql"),
    include_str!("../../../migrations/sqlite/0003_quiet_runs.sql"),
    include_str!("../../../migrations/sqlite/0004_sync_now.sql"),
    include_str!("../../../migrations/sqlite/0005_access.sql"),
    include_str!("../../../migrations/sqlite/0006_webhooks.sql"),
    include_str!("../../../migrations/sqlite/0007_console.sql"),
    include_str!("../../../migrations/sqlite/0008_failed_call.sql"),
    include_str!("../../../migrations/sqlite/0009_shards.sql"),
    include_str!("../../../migrations/sqlite/0010_timeline.sql"),
    include_str!("../../../migrations/sqlite/0011_found.sql"),
    include_str!("../../../migrations/sqlite/0012_words.sql"),
    include_str!("../../../migrations/sqlite/0013_zone.sql"),
    include_str!("../../../migrations/sqlite/0014_history.sql"),
];

/// The migration after which words are made of the orders that are there.
const WORDS: i64 = 12;

/// The first `SQLite` without the WAL-reset fault (<https://www.sqlite.org/wal.html#walresetbug>), which two connections
/// that write or checkpoint at once can meet. That is our way of use.
const NEEDED: (i32, &str) = (3_051_003, "3.51.3");

/// How long we wait for another program that has the file.
const WAIT: Duration = Duration::from_secs(10);

/// A week: no bucket takes longer to fill.
const BUCKETS_KEPT_MS: i64 = 7 * 86_400_000;

/// The database's clock, in milliseconds.
pub(super) const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

pub(super) fn check_engine() -> Result<(), StoreError> {
    if rusqlite::version_number() < NEEDED.0 {
        return Err(StoreError::OldEngine { found: rusqlite::version().to_owned(), needed: NEEDED.1 });
    }
    Ok(())
}

/// The schema's number that this program makes.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Opens the writing connection, makes the file if there is none, and brings its schema up to date.
pub(super) fn open_writer(path: &Path) -> Result<Connection, Fail> {
    create_private(path);
    let mut connection = open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An acknowledged write must survive a power cut; in WAL mode that takes FULL.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A page of a thousand orders fills some thousand database pages: checkpoint every few of them, not with each.
    connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Opens a connection that cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Fail> {
    let connection = open(path)?;
    connection.pragma_update(None, "cache_size", -4_096)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open(path: &Path) -> Result<Connection, Fail> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(WAIT)?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Makes the file so that only this user reads it; `SQLite` gives its companions the same rights. If that fails, so does
/// opening it, which then says why.
fn create_private(path: &Path) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _exists_already = options.open(path);
}

/// The schema's number, if this program knows it.
///
/// # Errors
/// [`StoreError::Newer`].
pub(super) fn check_known(db: &Connection) -> Result<i64, Fail> {
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known() {
        let path = db.path().unwrap_or_default().into();
        return Err(StoreError::Newer { path, found, known: known() }.into());
    }
    Ok(found)
}

fn migrate(connection: &mut Connection) -> Result<(), Fail> {
    loop {
        // IMMEDIATE: a file that cannot be written shows itself here, and two programs do not migrate at once.
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = check_known(&tx)?;
        let Some(migration) = usize::try_from(found).ok().and_then(|done| MIGRATIONS.get(done)) else {
            let prune = format!("DELETE FROM buckets WHERE full_at < {NOW} - ?1");
            tx.execute(&prune, [BUCKETS_KEPT_MS])?;
            tx.commit()?;
            return Ok(());
        };
        tx.execute_batch(migration)?;
        if found + 1 == WORDS {
            words::fill(&tx)?;
        }
        tx.pragma_update(None, "user_version", found + 1)?;
        tx.commit()?;
    }
}
