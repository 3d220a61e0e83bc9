//! Why a pull ended early: a kind that says whose move it is, and a sentence for a person.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A result with a connector's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal,)*) => {
        /// Whose move it is, and whether trying again can help.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorKind { $($(#[$doc])* $name = $code,)* }

        impl ErrorKind {
            /// The name, as in `{"error":{"kind":…}}`.
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorKind::$name => $text,)* }
            }

            /// The kind of a boundary code. A code that this version does not know is a fault of the plugin.
            pub const fn from_code(code: u16) -> ErrorKind {
                match code { $($code => ErrorKind::$name,)* _ => ErrorKind::PluginFault }
            }
        }
    };
}

kinds! {
    /// The channel's settings are wrong: the operator's move.
    Config = 1 "config",
    /// The marketplace does not accept our credentials: the seller's move.
    Auth = 2 "auth",
    /// The marketplace asks us to wait.
    RateLimited = 3 "rate_limited",
    /// The marketplace or the way to it is down: again later.
    Unavailable = 4 "unavailable",
    /// The connector cannot do what it was asked for.
    Unsupported = 5 "unsupported",
    /// The marketplace refused the request as wrong: the channel team's move.
    BadRequest = 6 "bad_request",
    /// The reply is not what the marketplace documents: the channel team's move.
    BadReply = 7 "bad_reply",
    /// The connector itself failed: a panic, or an await that nothing can end.
    PluginFault = 8 "plugin_fault",
}

/// A connector's error.
///
/// `message` is for a person and must hold neither secrets nor buyers' data; `operation` is the rate-plan name of the
/// call it belongs to, empty if none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Whose move it is.
    pub kind: ErrorKind,
    /// The call it happened in.
    pub operation: String,
    /// What happened, in a sentence fragment.
    pub message: String,
    /// When trying again makes sense, if the marketplace said so.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, operation: String::new(), message: message.into(), retry_after: None }
    }

    /// Wrong settings; the message names the field.
    pub fn config(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Config, message)
    }

    /// Credentials that the marketplace does not accept.
    pub fn auth(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Auth, message)
    }

    /// A reply that is not what it should be.
    pub fn bad_reply(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::BadReply, message)
    }

    /// Something this connector does not do.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Unsupported, message)
    }

    /// The same error, naming the call it happened in (an operation that is already named stays).
    #[must_use]
    pub fn during(mut self, operation: &str) -> Self {
        if self.operation.is_empty() {
            operation.clone_into(&mut self.operation);
        }
        self
    }

    /// The same error with advice on when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.as_str())?;
        if !self.operation.is_empty() {
            write!(f, " in {}", self.operation)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Error {}
