//! `SQLite`'s errors in the store's words.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::storage::StoreError;

/// What a job inside a worker may fail with: the engine's own error, or one that is already in words.
#[derive(Debug)]
pub(super) enum Fail {
    Sql(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Fail {
    fn from(error: rusqlite::Error) -> Self {
        Fail::Sql(error)
    }
}

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Self {
        Fail::Store(error)
    }
}

impl From<crate::secrets::SecretError> for Fail {
    fn from(error: crate::secrets::SecretError) -> Self {
        Fail::Store(error.into())
    }
}

impl Fail {
    /// Whether the connection's view of the disk can no longer be believed, so that it has to be opened anew.
    pub(super) fn spoils_connection(&self) -> bool {
        let Fail::Sql(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::SystemIoFailure
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::CannotOpen
                    | ErrorCode::OutOfMemory
            )
        )
    }

    /// What the other jobs of a transaction are told when a fault has ended it.
    pub(super) fn taken_back() -> Fail {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR);
        Fail::Sql(rusqlite::Error::SqliteFailure(code, Some("a fault ended the transaction".to_owned())))
    }

    /// The same failure once more, for another caller.
    pub(super) fn again(&self) -> Fail {
        match self {
            Fail::Sql(rusqlite::Error::SqliteFailure(code, text)) => {
                Fail::Sql(rusqlite::Error::SqliteFailure(*code, text.clone()))
            }
            _ => Fail::taken_back(),
        }
    }

    pub(super) fn in_words(self, doing: &'static str, path: &Path) -> StoreError {
        let error = match self {
            Fail::Store(error) => return error,
            Fail::Sql(error) => error,
        };
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::DiskFull { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreError::ReadOnly { path },
            Some(ErrorCode::SystemIoFailure) => StoreError::DiskFault { path, source: Box::new(error) },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Damaged { path, source: Box::new(error) }
            }
            Some(ErrorCode::CannotOpen) => StoreError::CannotOpen { path, source: Box::new(error) },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::InUse { path },
            _ => StoreError::Failed { doing: doing.to_owned(), source: Box::new(error) },
        }
    }
}
