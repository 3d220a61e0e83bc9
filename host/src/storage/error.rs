//! What can go wrong in a store, told apart by whose move it is.

use std::path::PathBuf;

use plugin_api::Millis;

use crate::{domain::time, secrets::SecretError};

/// Why a store did not do what it was asked. The text is a lower-case fragment that names the thing; where a person can
/// mend it, it says how.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed in a way that has no name of its own.
    #[error("the database failed while it {doing}")]
    Failed {
        /// What was being done, in the past continuous: `was writing a page of channel FK1`.
        doing: String,
        /// The engine's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No space is left. Nothing was written; the next attempt works once there is space.
    #[error("the disk of {} is full; free some space, and what was not written is tried again", path.display())]
    DiskFull {
        /// The database.
        path: PathBuf,
    },
    /// The file may be read only.
    #[error("{} cannot be written; give this user write permission on the file and its directory", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// Reading or writing the file failed. The connection is opened anew before the next attempt.
    #[error("the disk failed under {}; see the system's log for the device, and run `statusync doctor`", path.display())]
    DiskFault {
        /// The database.
        path: PathBuf,
        /// The engine's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is not what was written.
    #[error("{} is damaged; stop the host, keep the file, and restore the last backup", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// The engine's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file cannot be opened.
    #[error("could not open the database {}; check that the directory exists and belongs to this user", path.display())]
    CannotOpen {
        /// The database.
        path: PathBuf,
        /// The engine's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another program holds the database for longer than we wait.
    #[error("{} is in use by another program; try again when that has finished", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The database was written by a later version of this program.
    #[error(
        "{} has schema {found} and this program knows schemas up to {known}; use the newer statusync that wrote it",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The last schema that this program knows.
        known: i64,
    },
    /// The database engine has known faults.
    #[error(
        "SQLite {found} can lose data in our way of use; {needed} or later is needed, build with the bundled one"
    )]
    OldEngine {
        /// The version in use.
        found: String,
        /// The first good version.
        needed: &'static str,
    },
    /// The database server does not answer.
    #[error("could not reach {place}; check that the server runs, and host and port in `[database] url`")]
    Unreachable {
        /// The database, without a password.
        place: String,
        /// The connection's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database server answers and refuses.
    #[error("{place} {what}")]
    NotAdmitted {
        /// The database, without a password.
        place: String,
        /// What it refuses, and what to do.
        what: String,
    },
    /// The database took too long. What was asked may have been done.
    #[error("{place} took too long while it {doing}; look at its load and at locks that are held there")]
    TimedOut {
        /// The database, without a password.
        place: String,
        /// What was being done, in the past continuous.
        doing: String,
    },
    /// What is stored, or what was given to be stored, contradicts itself.
    #[error("{0}")]
    Contradiction(String),
    /// Someone else changed it first.
    #[error("{0} was changed by someone else; look again and repeat")]
    Changed(String),
    /// There is one of that code already.
    #[error("{0} exists already")]
    Exists(String),
    /// There is none.
    #[error("{0} is not known here")]
    NotFound(String),
    /// The lease under which the write was meant has ended. Nothing was written.
    #[error("the lease on channel {channel} of tenant {tenant} is lost; another run has taken it over")]
    LeaseLost {
        /// The tenant.
        tenant: String,
        /// The channel.
        channel: String,
    },
    /// A run holds the channel.
    #[error("channel {channel} is held by a run since {}; try again when it has ended", time::text(*since))]
    Busy {
        /// The channel.
        channel: String,
        /// Since when, UTC.
        since: Millis,
    },
    /// The tenant is being moved to another database. Nothing was written.
    #[error(
        "the tenant is being moved to another database; try again when `statusync tenant move` has ended"
    )]
    Moving,
    /// The tenant is in another database than this one. Nothing was read or written.
    #[error(
        "the tenant is not in this database any more, or not yet; start this host with the control database"
    )]
    Moved,
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The decision about an order panicked. Nothing was written.
    #[error("a decision failed while the store {doing}; this is a fault of the program, please report it")]
    DecisionFailed {
        /// What was being done.
        doing: String,
    },
    /// The store was closed.
    #[error("the database is closed")]
    Closed,
    /// The output of an export could not be written.
    #[error("the export could not be written")]
    Output(#[source] std::io::Error),
}

impl StoreError {
    /// Whether the same write may succeed later without anyone changing what is written.
    pub const fn is_passing(&self) -> bool {
        match self {
            StoreError::DiskFull { .. }
            | StoreError::DiskFault { .. }
            | StoreError::InUse { .. }
            | StoreError::ReadOnly { .. }
            | StoreError::CannotOpen { .. }
            | StoreError::Busy { .. }
            | StoreError::Moving
            | StoreError::Moved
            | StoreError::Unreachable { .. }
            | StoreError::NotAdmitted { .. }
            | StoreError::TimedOut { .. }
            | StoreError::Failed { .. } => true,
            StoreError::Damaged { .. }
            | StoreError::Newer { .. }
            | StoreError::OldEngine { .. }
            | StoreError::Contradiction(_)
            | StoreError::Changed(_)
            | StoreError::Exists(_)
            | StoreError::NotFound(_)
            | StoreError::LeaseLost { .. }
            | StoreError::Secret(_)
            | StoreError::DecisionFailed { .. }
            | StoreError::Closed
            | StoreError::Output(_) => false,
        }
    }
}

/// The result of everything that a store does.
pub type Result<T> = std::result::Result<T, StoreError>;
