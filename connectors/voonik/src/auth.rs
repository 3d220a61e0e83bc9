//! Signing in: HTTP Basic, or a key in a header or a parameter. There is no login and no token.
//!
//! User name and key are references that the host fills in when a request leaves.

use plugin_api::{Request, secret};

use crate::config::{Auth, Settings};

/// The request with what signs it.
pub(crate) fn signed(request: Request, settings: &Settings) -> Request {
    match &settings.auth {
        Auth::Basic => request.basic_auth("username", "key"),
        Auth::Header(name) => request.header(name, secret("key")),
        Auth::Query(name) => request.query(name, secret("key")),
    }
}
