//! Logging in: a password grant in JSON. Keeps no token: the host does, and fills it in when a request leaves.

use plugin_api::{Cx, Error, Result, Token};

use crate::{
    config::Settings,
    requests::{self, op},
    wire::TokenReply,
};

/// Life of a token whose reply does not say, in seconds; asking again early costs one call.
const UNSAID_LIFE_SECS: u64 = 3600;

/// Asks for a token. The refresh token is not used: nobody shows how.
///
/// # Errors
/// `auth` if ShopClues refuses the credentials, which an answer without a token means too; else as
/// [`plugin_api::Reply::ok`].
pub(crate) async fn login(cx: &Cx, settings: &Settings) -> Result<Token> {
    let refused = || {
        let message = "ShopClues refuses the login; enter `username`, `password`, `client_id` and `client_secret` again, \
                       and see whether `password_is_md5` fits";
        Error::auth(message).during(op::LOGIN)
    };
    let reply = cx.send(requests::token(settings)).await?;
    if matches!(reply.status, 400 | 401 | 403) {
        return Err(refused());
    }
    let token: TokenReply = reply.ok()?.json()?;
    let value = token.access_token.filter(|token| !token.trim().is_empty()).ok_or_else(refused)?;
    let life = token.expires_in.and_then(|secs| secs.parse().ok()).filter(|secs| *secs > 0);
    Ok(Token::new(value, life.unwrap_or(UNSAID_LIFE_SECS)))
}
