//! What becomes of a pull of which a part failed. Sends nothing and waits for nothing.

use crate::{Error, ErrorKind, Result};

/// Whether to go on after a failure. One list or batch that fails does not keep the others from being read; an outage, a
/// limit or a refused login does.
///
/// ```
/// use plugin_api::{Error, Progress};
///
/// let mut progress = Progress::default();
/// progress.note(Ok(()))?;
/// progress.note(Err(Error::bad_reply("a row cannot be read")))?; // the other lists are read all the same
/// assert!(progress.has_failed());
/// assert!(progress.end().is_err());
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Progress {
    any: bool,
    first_error: Option<Error>,
}

impl Progress {
    /// Notes how one part went.
    ///
    /// # Errors
    /// The first failure of all, if what happened now concerns more than this part: the pull ends.
    pub fn note(&mut self, result: Result<()>) -> Result<()> {
        let Err(error) = result else {
            self.any = true;
            return Ok(());
        };
        let concerns_this_part = match error.kind {
            ErrorKind::BadReply | ErrorKind::BadRequest => true,
            ErrorKind::Unavailable => self.any,
            _ => false,
        };
        if concerns_this_part {
            self.first_error.get_or_insert(error);
            Ok(())
        } else {
            Err(self.first_error.take().unwrap_or(error))
        }
    }

    /// Whether a part has failed so far. A mark must not move past it.
    pub fn has_failed(&self) -> bool {
        self.first_error.is_some()
    }

    /// The end of the pull.
    ///
    /// # Errors
    /// The first failure, if there was one.
    pub fn end(self) -> Result<()> {
        self.first_error.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: ErrorKind) -> Result<()> {
        Err(Error::new(kind, "of this kind"))
    }

    #[test]
    fn a_part_that_failed_is_told_at_the_end_and_the_first_one_wins() {
        let mut progress = Progress::default();
        progress.note(failed(ErrorKind::BadRequest)).unwrap();
        progress.note(Ok(())).unwrap();
        progress.note(failed(ErrorKind::BadReply)).unwrap();
        assert!(progress.has_failed());
        assert_eq!(progress.end().unwrap_err().kind, ErrorKind::BadRequest);
        assert!(Progress::default().end().is_ok());
    }

    #[test]
    fn what_concerns_everything_ends_the_pull_at_once() {
        for kind in [ErrorKind::Auth, ErrorKind::RateLimited, ErrorKind::Config, ErrorKind::PluginFault] {
            assert_eq!(Progress::default().note(failed(kind)).unwrap_err().kind, kind);
        }
        let mut progress = Progress::default();
        progress.note(failed(ErrorKind::BadReply)).unwrap();
        assert_eq!(
            progress.note(failed(ErrorKind::Auth)).unwrap_err().kind,
            ErrorKind::BadReply,
            "the first"
        );
    }

    #[test]
    fn an_outage_ends_the_pull_unless_something_was_answered_before() {
        assert!(Progress::default().note(failed(ErrorKind::Unavailable)).is_err());
        let mut progress = Progress::default();
        progress.note(Ok(())).unwrap();
        progress.note(failed(ErrorKind::Unavailable)).unwrap();
        assert!(progress.end().is_err());
    }
}
