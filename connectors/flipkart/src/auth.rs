//! Logging in, and sending with a login that may run out without saying 401.
//!
//! Keeps no token: the host does, and fills it in when a request leaves.

use plugin_api::{Cx, Error, Reply, Request, Result, Token};

use crate::{
    config::{App, Settings},
    errors,
    requests::{self, op},
    wire::TokenReply,
};

/// Life of a token whose reply does not say, in seconds. Flipkart's live 60 days; asking again early costs one call.
const UNSAID_LIFE_SECS: u64 = 3600;

/// Asks the token endpoint.
///
/// A partner's refresh token may be replaced on the way; the new one goes to the host, which stores it before the access
/// token is used. The refresh token that comes with the seller's own app is not kept: id and secret are enough there.
///
/// # Errors
/// `auth` if Flipkart refuses the credentials, else as [`errors::checked`]; `bad_reply` if there is no token in it.
pub(crate) async fn login(cx: &Cx, settings: &Settings) -> Result<Token> {
    let reply = cx.send(requests::token(settings)).await?;
    if matches!(reply.status, 400 | 401 | 403) || (reply.is_success() && errors::code(&reply.body).is_some())
    {
        return Err(Error::auth(refusal(settings.app)).during(op::LOGIN));
    }
    let token: TokenReply = errors::checked(reply, op::LOGIN)?.json()?;
    if token.access_token.is_empty() {
        return Err(
            Error::bad_reply("the login succeeded but the reply has no access token").during(op::LOGIN)
        );
    }
    let account = Token::new(token.access_token, token.expires_in.unwrap_or(UNSAID_LIFE_SECS));
    Ok(match (settings.app, token.refresh_token) {
        (App::Partner, Some(next)) if !next.is_empty() => account.rotate("refresh_token", next),
        _ => account,
    })
}

fn refusal(app: App) -> &'static str {
    match app {
        App::Own => "Flipkart refuses the app id or secret; enter new ones for this channel",
        App::Partner => {
            "Flipkart refuses the app or its refresh token; let the seller authorise the app again"
        }
    }
}

/// Sends a request; if the login has run out, logs in again and repeats once.
///
/// # Errors
/// As [`errors::checked`]; `auth` if the new login does not hold either.
pub(crate) async fn send(cx: &Cx, request: Request) -> Result<Reply> {
    let operation = request.operation().to_owned();
    let mut reply = cx.send(request.clone()).await?;
    if errors::login_has_run_out(&reply) {
        tracing::info!(operation, "the login has run out; logging in again");
        cx.relogin().await?;
        reply = cx.send(request).await?;
        if errors::login_has_run_out(&reply) {
            return Err(errors::login_does_not_hold(&operation));
        }
    }
    errors::checked(reply, &operation)
}
