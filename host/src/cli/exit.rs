//! How a command ends: the exit codes, and the sentence of a failure.

use std::{error::Error, fmt::Write as _, io, process::ExitCode};

use plugin_api::ErrorKind;

use crate::{
    app::AppError,
    storage::{RunResult, StoreError},
    sync::SyncError,
};

/// The exit codes that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done.
    Ok = 0,
    /// Failed.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// Some of it failed.
    Partly = 3,
    /// Something stands in the way, or there was no reason to begin.
    Blocked = 4,
    /// The marketplace does not accept the credentials.
    Auth = 5,
    /// The marketplace cannot be reached.
    Unreachable = 6,
    /// Somebody stopped it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

impl Exit {
    /// The code of a run's result; a connector's error makes a failure more precise.
    pub(super) fn of_run(result: RunResult, error: Option<ErrorKind>) -> Exit {
        match result {
            RunResult::Success => Exit::Ok,
            RunResult::Partial => Exit::Partly,
            RunResult::Skipped => Exit::Blocked,
            RunResult::Failed => error.map_or(Exit::Failed, Exit::of_error),
        }
    }

    /// The code of a connector's error.
    pub(super) fn of_error(kind: ErrorKind) -> Exit {
        match kind {
            ErrorKind::Auth => Exit::Auth,
            ErrorKind::Unavailable => Exit::Unreachable,
            ErrorKind::Config
            | ErrorKind::RateLimited
            | ErrorKind::Unsupported
            | ErrorKind::BadRequest
            | ErrorKind::BadReply
            | ErrorKind::PluginFault => Exit::Failed,
        }
    }
}

/// A command that did not do its work. Without a sentence there is nothing more to say: nobody listens, or it is said.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) sentence: Option<String>,
}

impl Failure {
    pub(super) fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Failure { exit, sentence: Some(sentence.into()) }
    }

    /// It failed: what, and what to do.
    pub(super) fn failed(sentence: impl Into<String>) -> Self {
        Failure::new(Exit::Failed, sentence)
    }

    /// What was typed makes no sense.
    pub(super) fn usage(sentence: impl Into<String>) -> Self {
        Failure::new(Exit::Usage, sentence)
    }
}

/// An error with its causes, in one line.
pub(super) fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Output(source) if source.kind() == io::ErrorKind::BrokenPipe => {
                Failure { exit: Exit::Ok, sentence: None }
            }
            StoreError::Busy { .. } | StoreError::Moving | StoreError::Moved => {
                Failure::new(Exit::Blocked, sentence(&error))
            }
            _ => Failure::failed(sentence(&error)),
        }
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Store(error) => error.into(),
            other => Failure::failed(sentence(&other)),
        }
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Self {
        let exit = match error {
            SyncError::Store(error) => return error.into(),
            SyncError::AlreadyRunning { .. }
            | SyncError::NoLongerDue
            | SyncError::Refused(_)
            | SyncError::NothingChosen(_) => Exit::Blocked,
            SyncError::Stopped => Exit::Interrupted,
            SyncError::NotFound(_) => Exit::Failed,
            SyncError::BadRequest(_) => Exit::Usage,
        };
        Failure::new(exit, sentence(&error))
    }
}

/// Of writing to stdout: whoever read it has gone, which is no failure.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure { exit: Exit::Ok, sentence: None };
        }
        Failure::failed(format!("could not write to stdout: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_errors_have_the_codes_that_scripts_rely_on() {
        let run = |result, error| Exit::of_run(result, error) as u8;
        assert_eq!(run(RunResult::Success, None), 0);
        assert_eq!(run(RunResult::Failed, None), 1);
        assert_eq!(run(RunResult::Partial, Some(ErrorKind::Auth)), 3);
        assert_eq!(run(RunResult::Skipped, None), 4);
        assert_eq!(run(RunResult::Failed, Some(ErrorKind::Auth)), 5);
        assert_eq!(run(RunResult::Failed, Some(ErrorKind::Unavailable)), 6);
        assert_eq!(run(RunResult::Failed, Some(ErrorKind::BadReply)), 1);
        let exit = |error: SyncError| Failure::from(error).exit;
        let running = SyncError::AlreadyRunning { channel: "FK1".into(), since: String::new() };
        assert_eq!(exit(running), Exit::Blocked);
        assert_eq!(exit(SyncError::BadRequest(String::new())), Exit::Usage);
        assert_eq!(exit(StoreError::Busy { channel: "FK1".into(), since: 0 }.into()), Exit::Blocked);
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        for failure in [Failure::from(gone()), Failure::from(StoreError::Output(gone()))] {
            assert_eq!((failure.exit, failure.sentence), (Exit::Ok, None));
        }
    }
}
