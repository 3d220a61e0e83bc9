//! A link that signs somebody in, once. Opening it changes nothing, as mail programs open links too; the button does.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    http::{Extensions, HeaderMap},
    routing::get,
};

use super::sign_in;
use crate::{
    access::{Token, TokenKind},
    console::{
        Console, Reached,
        fault::{Fault, Shown, show},
        frame::{Frame, Section},
    },
};

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/enter/{token}", get(form).post(enter))
}

/// The button.
#[derive(Template)]
#[template(path = "enter.html")]
struct EnterPage {
    frame: Frame,
    /// As the person is called.
    name: String,
}

fn used_up() -> Fault {
    Fault::NotFound("This link was used, has run out, or never was one: a link signs in once".to_owned())
}

async fn form(State(console): State<Arc<Console>>, Path(token): Path<String>) -> Shown {
    let hash = Token::read(TokenKind::Link, &token).ok_or_else(used_up)?;
    let (link, person) = console.store.session(&hash).await?.ok_or_else(used_up)?;
    if link.expires_at <= console.clock.now_ms() || person.user.disabled_at.is_some() {
        return Err(used_up());
    }
    let frame = Frame::of("Sign in", None, None, Section::Elsewhere);
    show(&EnterPage { frame, name: person.user.name })
}

async fn enter(
    State(console): State<Arc<Console>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Shown {
    if console.reached == Reached::Openly {
        return Err(Fault::Refused("Nobody can sign in over an open way".to_owned()));
    }
    let from = sign_in::address(&console, &headers, &extensions);
    console.by_address.take(&from).map_err(Fault::TooOften)?;
    let hash = Token::read(TokenKind::Link, &token).ok_or_else(used_up)?;
    let (link, person) = console.store.end_session(&hash).await?.ok_or_else(used_up)?;
    if link.expires_at <= console.clock.now_ms() || person.user.disabled_at.is_some() {
        return Err(used_up());
    }
    sign_in::welcome(&console, &headers, &extensions, person, "").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_link_names_the_person_and_has_one_button() {
        let frame = Frame::of("Sign in", None, None, Section::Elsewhere);
        let text = EnterPage { frame, name: "Ana <b>".to_owned() }.render().unwrap();
        assert!(text.contains("Ana &#60;b&#62;") && text.contains("method=\"post\""), "{text}");
    }
}
