//! Signing requests: one header with the operator's value, and no login.
//!
//! The header's scheme is not known, so the value is sent exactly as it was entered. Nothing here sees it.

use plugin_api::{Request, secret};

use crate::config::Settings;

/// The request with the header that every call needs.
pub(crate) fn signed(settings: &Settings, request: Request) -> Request {
    request.header(&settings.auth_header, secret("auth_value"))
}
