//! Signing requests: three headers, and no login.
//!
//! There is no code exchange and no refresh: the seller token arrives in the browser when the seller authorises the
//! partner's app, and is entered as a secret. Nothing here sees a value; the host fills the headers in.

use plugin_api::{Request, secret};

/// The request with the headers that every call needs.
pub(crate) fn signed(request: Request) -> Request {
    request
        .header("clientId", secret("client_id"))
        .header("X-Auth-Token", secret("auth_token"))
        .header("X-Seller-AuthZ-Token", secret("seller_token"))
}
