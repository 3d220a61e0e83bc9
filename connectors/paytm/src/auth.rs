//! Logging in, in three steps, and what counts as a refusal.
//!
//! Keeps no token: the host does, and fills it in when a request leaves.

use plugin_api::{Cx, Error, Millis, Reply, Request, Result, Token, time};
use serde_json::Value;

use crate::{
    config::Settings,
    errors,
    requests::{self, COOKIE, op},
    wire::{Code, TokenReply},
};

/// Life of a token whose reply does not say, in seconds; assumed.
const UNSAID_LIFE_SECS: u64 = 12 * 3600;

/// Exchanges the seller's panel login for a code, the code for a token, and opens the token's session.
///
/// # Errors
/// `auth` if Paytm refuses the login or the app; `bad_reply` if a step succeeds without its result; else as
/// [`Reply::ok`]. A session that cannot be opened is no error: the token is sent with each call too.
pub(crate) async fn login(cx: &Cx, settings: &Settings) -> Result<Token> {
    let login = "Paytm refuses the seller-panel login; enter `username` and `password` again";
    let code: Code = granted(cx.send(requests::authorize(settings)).await?, login)?.json()?;
    let code = given(code.code, "the code")?;

    let app = "Paytm refuses the app; enter `client_id` and `client_secret` again";
    let token: TokenReply = granted(cx.send(requests::token(settings, &code)).await?, app)?.json()?;
    let life = life_secs(&token.token_expiry_time, cx.now());
    let token = given(token.access_token, "the token")?;

    let cookie = session(cx, requests::session(settings, &token)).await;
    Ok(Token::new(token, life).part(COOKIE, cookie))
}

/// A step that Paytm granted. Each step is tried once: the code of a second try would be another one.
fn granted(reply: Reply, refusal: &str) -> Result<Reply> {
    // An outage or a wrong path may come with an error inside too; it says nothing about the credentials.
    let is_refused =
        matches!(reply.status, 400 | 401 | 403) || (reply.is_success() && errors::tells_of_failure(&reply));
    if is_refused {
        return Err(Error::auth(refusal).during(op::LOGIN));
    }
    reply.ok()
}

/// What a step was for.
fn given(text: Option<String>, what: &str) -> Result<String> {
    text.filter(|text| !text.trim().is_empty()).ok_or_else(|| {
        Error::bad_reply(format!("a step of the login succeeded but the reply lacks {what}"))
            .during(op::LOGIN)
    })
}

/// The seconds until a time that is written in seconds or milliseconds. One that is past or no time says nothing.
fn life_secs(until: &Value, now: Millis) -> u64 {
    let number = match until {
        Value::Number(number) => number.as_i64(),
        Value::String(digits) => digits.trim().parse().ok(),
        _ => None,
    };
    let left_ms = number.and_then(time::epoch).map_or(0, |until| until.saturating_sub(now));
    match u64::try_from(left_ms / 1000) {
        Ok(secs @ 1..) => secs,
        _ => UNSAID_LIFE_SECS,
    }
}

/// The session's cookies, as a request sends them; empty if there is no session.
async fn session(cx: &Cx, request: Request) -> String {
    let reply = match cx.send(request).await {
        Ok(reply) => reply,
        Err(error) => {
            tracing::warn!(%error, "the session was not opened; going on with the token alone");
            return String::new();
        }
    };
    let pairs = reply.headers.iter().filter(|(name, _)| name == "set-cookie").filter_map(|(_, cookie)| {
        let pair = cookie.split(';').next().unwrap_or_default().trim();
        let is_pair = pair.contains('=') && pair.bytes().all(|byte| byte.is_ascii_graphic());
        is_pair.then_some(pair)
    });
    let cookies = pairs.collect::<Vec<_>>().join("; ");
    if cookies.is_empty() {
        tracing::warn!(status = reply.status, "the session has no cookie; going on with the token alone");
    }
    cookies
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// 2023-11-14 22:13:20 UTC.
    const NOW: Millis = 1_700_000_000_000;

    #[test]
    fn the_end_of_a_token_is_read_in_seconds_and_in_milliseconds() {
        for until in [
            json!(1_700_000_900),
            json!(1_700_000_900_000_i64),
            json!("1700000900"),
            json!(" 1700000900000 "),
        ] {
            assert_eq!(life_secs(&until, NOW), 900, "{until}");
        }
    }

    #[test]
    fn an_end_that_says_nothing_means_twelve_hours() {
        for until in
            [json!(null), json!("soon"), json!(43_200), json!(1_600_000_000), json!(0), json!(-1), json!({})]
        {
            assert_eq!(life_secs(&until, NOW), 43_200, "{until}");
        }
    }
}
