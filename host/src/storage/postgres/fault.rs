//! PostgreSQL's errors in the store's words.

use std::{error::Error, fmt};

use sqlx::postgres::PgDatabaseError;

use super::{address::Address, scope::stage_in};
use crate::storage::{Stage, StoreError};

/// What a job may fail with: the engine's own error, one that is already in words, or nothing within its time.
#[derive(Debug)]
pub(super) enum Fail {
    Sql(sqlx::Error),
    Store(StoreError),
    /// A connection could not be made or taken.
    Connecting(sqlx::Error),
    TookTooLong,
    /// The decision that was handed to us panicked.
    Decision,
}

impl From<sqlx::Error> for Fail {
    fn from(error: sqlx::Error) -> Self {
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

/// The server's words with their code. Its details are left out: they may quote what is stored.
#[derive(Debug)]
struct Said {
    message: String,
    code: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.code)
    }
}

impl Error for Said {}

impl Fail {
    /// The code that the server gave, if it is the server that refused.
    pub(super) fn code(&self) -> Option<&str> {
        let (Fail::Sql(error) | Fail::Connecting(error)) = self else { return None };
        let sqlx::Error::Database(error) = error else { return None };
        Some(error.try_downcast_ref::<PgDatabaseError>()?.code())
    }

    /// Whether the connection was not there any more when it was asked.
    pub(super) fn is_of_connection(&self) -> bool {
        match self {
            // 57P01 to 57P03: the server shuts down or starts; 08: the connection; 25P03: it was idle for too long.
            Fail::Sql(sqlx::Error::Database(_)) => self
                .code()
                .is_some_and(|code| code.starts_with("57P") || code.starts_with("08") || code == "25P03"),
            Fail::Sql(
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::BeginFailed,
            )
            | Fail::Connecting(_)
            | Fail::TookTooLong => true,
            Fail::Sql(_) | Fail::Store(_) | Fail::Decision => false,
        }
    }

    pub(super) fn in_words(self, doing: &'static str, address: &Address) -> StoreError {
        match stage_in(&self) {
            Some(Stage::Leaving) => return StoreError::Moving,
            Some(_) => return StoreError::Moved,
            None => {}
        }
        let code = self.code().map(str::to_owned);
        let connecting = matches!(self, Fail::Connecting(_));
        let error = match self {
            Fail::Store(error) => return error,
            Fail::Decision => return StoreError::DecisionFailed { doing: doing.to_owned() },
            Fail::TookTooLong => {
                return StoreError::TimedOut { place: address.place.clone(), doing: doing.to_owned() };
            }
            Fail::Sql(error) | Fail::Connecting(error) => error,
        };
        let place = address.place.clone();
        let not_admitted = |what: String| StoreError::NotAdmitted { place: place.clone(), what };
        let (role, database) = (address.role(), address.database());
        match code.as_deref() {
            Some("28P01") => {
                return not_admitted(format!(
                    "does not accept the password of role {role}; set it in `[database] url`, in ~/.pgpass, or with ALTER \
                     ROLE"
                ));
            }
            Some("28000") => {
                return not_admitted(format!(
                    "does not let role {role} in; make the role, or add a line for it to the server's pg_hba.conf ({error})",
                    error = plain(error)
                ));
            }
            Some("3D000") => {
                return not_admitted(format!(
                    "has no database {database}; make it with CREATE DATABASE, or correct `[database] url`"
                ));
            }
            Some("53300") => {
                return not_admitted(
                    "has no connection left; raise max_connections there, or lower `[database] connections` here"
                        .to_owned(),
                );
            }
            Some("42501") => {
                return not_admitted(format!(
                    "does not allow role {role} what was asked; `statusync database prepare` grants what is needed \
                     ({error})",
                    error = plain(error)
                ));
            }
            Some("42P01" | "3F000") => {
                return not_admitted(format!(
                    "lacks a table; run `statusync database prepare` as the owner ({error})",
                    error = plain(error)
                ));
            }
            Some("53100") => return StoreError::DiskFull { path: place.into() },
            // Another transaction holds a row for longer than we wait, or they would wait for each other.
            Some("55P03" | "40P01" | "40001") => return StoreError::InUse { path: place.into() },
            // 57014: the statement reached its limit; 25P03: the transaction did nothing for too long.
            Some("57014" | "25P03") => {
                return StoreError::TimedOut { place, doing: doing.to_owned() };
            }
            Some("22021") => {
                return StoreError::Contradiction(
                    "a text with a NUL character, which PostgreSQL cannot keep, was to be stored".to_owned(),
                );
            }
            Some("25006") => {
                return not_admitted(
                    "can only be read: it is a standby; name the server that may write in `[database] url`"
                        .to_owned(),
                );
            }
            _ => {}
        }
        let is_of_connection = connecting || Fail::from_parts(&error);
        if is_of_connection {
            return StoreError::Unreachable { place, source: plain(error) };
        }
        StoreError::Failed { doing: doing.to_owned(), source: plain(error) }
    }

    fn from_parts(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) => true,
            sqlx::Error::Database(error) => {
                error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
            }
            _ => false,
        }
    }
}

/// The error without what it repeats of its cause.
fn plain(error: sqlx::Error) -> Box<dyn Error + Send + Sync> {
    match error {
        sqlx::Error::Database(error) => Box::new(Said {
            message: error.message().to_owned(),
            code: error.code().unwrap_or_default().into_owned(),
        }),
        sqlx::Error::Io(error) => Box::new(error),
        sqlx::Error::Tls(error) => error,
        other => Box::new(other),
    }
}
