//! Login with Amazon: trades the seller's refresh token for an access token. Holds no secret: the host fills them in.

use plugin_api::{Cx, Error, Result, Token};

use crate::{config::Config, errors, requests, wire::Login};

/// How a refresh token begins. A login that carries anything else there did not replace ours.
const REFRESH_TOKEN_START: &str = "Atzr|";

/// Logs in. Amazon may hand out a new refresh token with the access token; it then replaces the stored one.
///
/// # Errors
/// `auth` if the seller or the app is no longer accepted, `config` if Amazon calls the request wrong, `unavailable`
/// if the login has trouble.
pub(crate) async fn login(cx: &Cx, config: &Config) -> Result<Token> {
    let reply = cx.send(requests::login(config)).await?;
    if !reply.is_success() {
        return Err(errors::login(&reply).during(requests::LOGIN));
    }
    let login: Login = reply.json()?;
    if login.access_token.is_empty() {
        return Err(Error::bad_reply("the login brought no access token").during(requests::LOGIN));
    }
    let token = Token::new(login.access_token, login.expires_in);
    Ok(match login.refresh_token {
        Some(refresh) if refresh.starts_with(REFRESH_TOKEN_START) => token.rotate("refresh_token", refresh),
        _ => token,
    })
}
