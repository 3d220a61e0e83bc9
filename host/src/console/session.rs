//! Sessions: begun at sign-in, carried in a cookie, over after half an hour without use or twelve hours in all.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use plugin_api::Millis;

use super::{Console, Reached, fault::Fault, guard::Trail, place::Somebody};
use crate::{
    access::{Token, TokenHash, TokenKind},
    storage::Session,
};

/// A session that was not used for so long is over.
const IDLE_MS: Millis = 30 * 60_000;
/// A session is over after so long, used or not.
const WHOLE_MS: Millis = 12 * 3_600_000;
/// Its use is noted this often.
const NOTED_MS: Millis = 60_000;

/// Finds out who asks, by the cookie; lets everybody through.
pub(super) async fn recognise(
    State(console): State<Arc<Console>>,
    mut request: Request,
    next: Next,
) -> Response {
    match somebody(&console, request.headers()).await {
        Ok(None) => {}
        Ok(Some(somebody)) => {
            let somebody = Arc::new(somebody);
            if let Some(trail) = request.extensions().get::<Trail>() {
                trail.is_by(&somebody);
            }
            request.extensions_mut().insert(somebody);
        }
        Err(fault) => return fault.into_response(),
    }
    next.run(request).await
}

async fn somebody(console: &Console, headers: &HeaderMap) -> Result<Option<Somebody>, Fault> {
    let Some(hash) = carried(&console.reached, headers) else { return Ok(None) };
    let Some((session, person)) = console.store.session(&hash).await? else { return Ok(None) };
    let now = console.clock.now_ms();
    if person.user.disabled_at.is_some() || is_over(&session, now) {
        return Ok(None);
    }
    if now - session.last_seen_at >= NOTED_MS
        && let Err(error) = console.store.session_was_used(&hash, now).await
    {
        tracing::warn!(%error, user = person.user.id, "the use of a session was not noted");
    }
    Ok(Some(Somebody::new(person, hash)))
}

fn is_over(session: &Session, now: Millis) -> bool {
    now >= session.expires_at || now - session.last_seen_at >= IDLE_MS
}

/// Begins a session for somebody, whose browser is to carry the cookie that is answered. One that the browser carries
/// already is over.
///
/// # Errors
/// If the store fails, or the system gives no random numbers.
pub(super) async fn begin(console: &Console, headers: &HeaderMap, user: &str) -> Result<HeaderValue, Fault> {
    if let Some(before) = carried(&console.reached, headers) {
        console.store.end_session(&before).await?;
    }
    let token = Token::mint(TokenKind::Session).map_err(|error| {
        tracing::error!(%error, "no session can begin");
        Fault::Internal
    })?;
    let now = console.clock.now_ms();
    let session =
        Session { user: user.to_owned(), created_at: now, last_seen_at: now, expires_at: now + WHOLE_MS };
    console.store.add_session(&token.hash, &session).await?;
    cookie(&console.reached, token.text.reveal(), WHOLE_MS / 1_000)
}

/// The cookie that takes the place of another and says nothing.
///
/// # Errors
/// Never: there is nothing in it that a header does not take.
pub(super) fn no_cookie(console: &Console) -> Result<HeaderValue, Fault> {
    cookie(&console.reached, "", 0)
}

fn cookie(reached: &Reached, token: &str, secs: i64) -> Result<HeaderValue, Fault> {
    let secure = if reached.is_encrypted() { "; Secure" } else { "" };
    let name = name(reached);
    let text = format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={secs}{secure}");
    HeaderValue::from_str(&text).map_err(|_| Fault::Internal)
}

/// The prefix makes browsers take the cookie from this host over HTTPS only. Over plain HTTP they would not take it at all.
fn name(reached: &Reached) -> &'static str {
    if reached.is_encrypted() { "__Host-statusync" } else { "statusync" }
}

/// The session that the browser carries.
fn carried(reached: &Reached, headers: &HeaderMap) -> Option<TokenHash> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, token) = cookies.find(|(name_there, _)| *name_there == name(reached))?;
    Token::read(TokenKind::Session, token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_over_when_it_was_not_used_or_lasted_too_long() {
        let session = Session { user: String::new(), created_at: 0, last_seen_at: 0, expires_at: WHOLE_MS };
        assert!(!is_over(&session, IDLE_MS - 1) && is_over(&session, IDLE_MS));
        let used = Session { last_seen_at: WHOLE_MS - 1, ..session };
        assert!(!is_over(&used, WHOLE_MS - 1) && is_over(&used, WHOLE_MS));
    }

    #[test]
    fn the_cookie_is_for_this_host_alone_and_no_script_reads_it() {
        let url = "https://sync.example".to_owned().try_into().unwrap();
        let safe = cookie(&Reached::Through(url), "abc", 5).unwrap();
        assert_eq!(safe, "__Host-statusync=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=5; Secure");
        let plain = cookie(&Reached::Here, "abc", 5).unwrap();
        assert_eq!(plain, "statusync=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=5");
    }

    #[test]
    fn a_session_is_found_among_other_cookies() {
        let token = Token::mint(TokenKind::Session).unwrap();
        let line = format!("a=b; statusync={}; __Host-statusync=x", token.text.reveal());
        let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&line).unwrap())]);
        assert_eq!(carried(&Reached::Here, &headers), Some(token.hash));
        let url = "https://sync.example".to_owned().try_into().unwrap();
        assert_eq!(carried(&Reached::Through(url), &headers), None, "a plain cookie is not taken over HTTPS");
    }
}
