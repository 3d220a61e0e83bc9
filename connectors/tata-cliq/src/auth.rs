//! Signing in: with a token that the operator pastes, or with user name and password.
//!
//! Keeps no token: the host does, and fills it in when a request leaves. A pasted token is a secret that this crate
//! never sees, so its end cannot be foretold here; it shows as a refusal.

use plugin_api::{Cx, Error, Reply, Request, Result, Token, account_token, secret};
use serde_json::Value;

use crate::{
    config::{Auth, Settings},
    errors,
    requests::{self, op},
};

/// Asks for a token with user name and password.
///
/// # Errors
/// `auth` if they are refused; `bad_reply` if there is no token in the reply; `unsupported` if the channel signs in with
/// a pasted token, which has no login.
pub(crate) async fn login(cx: &Cx, settings: &Settings) -> Result<Token> {
    let Auth::Login(call) = &settings.auth else {
        return Err(Error::unsupported("a channel with a pasted token has no login"));
    };
    let reply = cx.send(requests::token(settings, call)).await?;
    if matches!(reply.status, 400 | 401 | 403) || errors::refuses_the_token(&reply) {
        let message = "Tata CLiQ refuses user name or password; enter new ones for this channel";
        return Err(Error::auth(message).during(op::LOGIN));
    }
    let body: Value = reply.ok()?.json()?;
    let token = body.get(&call.token_field).and_then(Value::as_str).unwrap_or_default().trim();
    if token.is_empty() {
        let message =
            format!("the login's reply has no `{}`; see the setting `token_field`", call.token_field);
        return Err(Error::bad_reply(message).during(op::LOGIN));
    }
    Ok(Token::new(token, u64::from(call.life_secs)))
}

/// Sends a request as this channel; a login that has run out is renewed once.
///
/// # Errors
/// `auth` if the token is refused. Any other status is a reply.
pub(crate) async fn send(cx: &Cx, settings: &Settings, request: Request) -> Result<Reply> {
    let operation = request.operation().to_owned();
    let reply = match settings.auth {
        Auth::StaticToken => cx.send(request.bearer(secret("token"))).await?,
        Auth::Login(_) => {
            cx.send_signed_in(request.bearer(account_token()), errors::refuses_the_token).await?
        }
    };
    errors::signed_in(reply, &settings.auth, &operation)
}
