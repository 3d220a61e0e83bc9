//! Signing in and out.

use std::{net::SocketAddr, sync::Arc};

use askama::Template;
use axum::{
    Form, Router,
    extract::{ConnectInfo, Query, State},
    http::{Extensions, HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;

use crate::{
    access::Password,
    console::{
        Console, Reached,
        fault::{Fault, Shown, show, show_with},
        frame::{Frame, Section},
        guard::Trail,
        place::{Signed, Somebody},
        session,
    },
    storage::Person,
};

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/sign-in", get(form).post(sign_in))
        .route("/console/sign-out", post(sign_out))
}

/// The form for name and password.
#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    /// What to show afterwards.
    next: String,
    login: String,
    /// What was wrong.
    wrong: Option<String>,
    /// Nobody can sign in: the way here is not safe.
    is_open: bool,
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Typed {
    login: String,
    password: String,
    #[serde(default)]
    next: String,
}

impl SignInPage {
    fn new(console: &Console, next: &str) -> SignInPage {
        SignInPage {
            frame: Frame::of("Sign in", None, None, Section::Elsewhere),
            next: within(next).to_owned(),
            login: String::new(),
            wrong: None,
            is_open: console.reached == Reached::Openly,
        }
    }
}

async fn form(State(console): State<Arc<Console>>, Query(asked): Query<Asked>) -> Shown {
    show(&SignInPage::new(&console, &asked.next))
}

async fn sign_in(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    extensions: Extensions,
    Form(typed): Form<Typed>,
) -> Shown {
    if console.reached == Reached::Openly {
        return Err(Fault::Refused("Nobody can sign in over an open way".to_owned()));
    }
    let login = typed.login.trim().to_lowercase();
    console.by_address.take(&address(&console, &headers, &extensions)).map_err(Fault::TooOften)?;
    console.by_login.take(&login).map_err(Fault::TooOften)?;
    let Some(person) = proven(&console, &login, typed.password).await? else {
        let page = SignInPage {
            login: typed.login,
            // The same for everything that can be wrong: nobody learns from it who may sign in.
            wrong: Some("Name or password is wrong, or the account is switched off.".to_owned()),
            ..SignInPage::new(&console, &typed.next)
        };
        return Ok(show_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    welcome(&console, &headers, &extensions, person, &typed.next).await
}

/// The person of that name, if the password is theirs and they may sign in.
async fn proven(console: &Console, login: &str, password: String) -> Result<Option<Person>, Fault> {
    let found = console.store.user(login).await?;
    let (person, kept) = found.unzip();
    let _turn = console.hashing.acquire().await.map_err(|_| Fault::Internal)?;
    let typed = Password::new(password);
    let is_theirs = tokio::task::spawn_blocking(move || typed.is(kept.as_deref()));
    let is_theirs = is_theirs.await.map_err(|_| Fault::Internal)?;
    Ok(person.filter(|person| is_theirs && person.user.disabled_at.is_none()))
}

/// Begins a session for somebody who has proven who they are, and goes on.
pub(super) async fn welcome(
    console: &Console,
    headers: &HeaderMap,
    extensions: &Extensions,
    person: Person,
    next: &str,
) -> Shown {
    let cookie = session::begin(console, headers, &person.user.id).await?;
    let next = if person.user.must_change_password { "/console/password" } else { within(next) };
    if let Some(trail) = extensions.get::<Trail>() {
        trail.is_by(&Arc::new(Somebody::new(person, [0; 32])));
    }
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response())
}

async fn sign_out(State(console): State<Arc<Console>>, Signed(somebody): Signed) -> Result<Response, Fault> {
    console.store.end_session(&somebody.session).await?;
    let cookie = session::no_cookie(&console)?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/console/sign-in")).into_response())
}

/// An address of the console's own; whatever else is asked for leads to its first page.
fn within(next: &str) -> &str {
    let is_ours = next.starts_with("/console/") && !next.contains("//") && !next.contains('\\');
    if is_ours && !next.chars().any(char::is_control) { next } else { "/console" }
}

/// Where somebody asks from, as far as it is known. A proxy that was named says so in the last entry that it adds.
pub(super) fn address(console: &Console, headers: &HeaderMap, extensions: &Extensions) -> String {
    let told = match console.reached {
        Reached::Through(_) => headers.get_all("x-forwarded-for").iter().next_back(),
        Reached::Here | Reached::Openly => None,
    };
    let told = told.and_then(|line| line.to_str().ok()?.rsplit(',').next().map(str::trim));
    match (told, extensions.get::<ConnectInfo<SocketAddr>>()) {
        (Some(told), _) => told.to_owned(),
        (None, Some(ConnectInfo(peer))) => peer.ip().to_string(),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_one_is_not_led_elsewhere() {
        assert_eq!(within("/console/t/acme/orders?after=O%2F1"), "/console/t/acme/orders?after=O%2F1");
        for elsewhere in [
            "",
            "/",
            "https://other.example",
            "//other.example",
            "/console/..//x",
            "/console/\\x",
            "/console/a\nb",
        ] {
            assert_eq!(within(elsewhere), "/console", "{elsewhere}");
        }
    }

    fn sample() -> SignInPage {
        SignInPage {
            frame: Frame::of("Sign in", None, None, Section::Elsewhere),
            next: "/console/t/a\"b/orders".to_owned(),
            login: "ana\"><script>".to_owned(),
            wrong: Some("wrong".to_owned()),
            is_open: false,
        }
    }

    #[test]
    fn what_was_typed_stands_in_the_form_and_is_no_markup() {
        let text = sample().render().unwrap();
        assert!(text.contains("role=\"alert\"") && !text.contains("<script>"), "{text}");
        assert!(text.contains("autocomplete=\"current-password\""), "{text}");
    }

    #[test]
    fn over_an_open_way_there_is_no_form() {
        let text = SignInPage { is_open: true, ..sample() }.render().unwrap();
        assert!(!text.contains("type=\"password\"") && text.contains("public_url"), "{text}");
    }
}
