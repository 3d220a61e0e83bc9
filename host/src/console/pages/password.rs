//! Choosing a password of one's own.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::get,
};
use serde::Deserialize;

use crate::{
    access::{Password, PasswordError},
    console::{
        Console,
        fault::{Fault, Shown, show, show_with},
        frame::{Frame, Section},
        place::{Signed, Somebody},
        session, shown,
    },
};

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/password", get(form).post(set))
}

/// The form for a new password.
#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    /// What one signs in with, for programs that keep passwords.
    login: String,
    /// It is due: the old one, if there is one, need not be typed.
    is_due: bool,
    wrong: Option<String>,
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    old: String,
    new: String,
    again: String,
}

impl PasswordPage {
    fn of(somebody: &Somebody, wrong: Option<String>) -> PasswordPage {
        PasswordPage {
            frame: Frame::of("Password", Some(somebody), None, Section::Elsewhere),
            login: somebody.person.user.login.clone(),
            is_due: somebody.person.user.must_change_password,
            wrong,
        }
    }
}

async fn form(Signed(somebody): Signed) -> Shown {
    show(&PasswordPage::of(&somebody, None))
}

async fn set(
    State(console): State<Arc<Console>>,
    Signed(somebody): Signed,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Shown {
    let user = &somebody.person.user;
    let wrong = |said: &str| {
        let page = PasswordPage::of(&somebody, Some(said.to_owned()));
        Ok(show_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
    };
    if typed.new != typed.again {
        return wrong("The two are not the same.");
    }
    console.by_login.take(&user.login).map_err(Fault::TooOften)?;
    let kept = if user.must_change_password {
        None
    } else {
        console.store.user(&user.login).await?.map(|(_, kept)| kept)
    };
    let login = user.login.clone();
    let _turn = console.hashing.acquire().await.map_err(|_| Fault::Internal)?;
    let hashed = tokio::task::spawn_blocking(move || checked(&login, &typed, kept.as_deref()));
    match hashed.await.map_err(|_| Fault::Internal)? {
        Err(Refused::NotTheOld) => wrong("The old password is wrong."),
        Err(Refused::New(error)) => wrong(&format!("{}.", shown::sentence(&error.to_string()))),
        Ok(hashed) => {
            let now = console.clock.now_ms();
            console.store.set_password(&user.id, &hashed, false, now).await?;
            // Every session ended with the old password; this browser gets a new one.
            let cookie = session::begin(&console, &headers, &user.id).await?;
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/console")).into_response())
        }
    }
}

enum Refused {
    NotTheOld,
    New(PasswordError),
}

fn checked(login: &str, typed: &Typed, kept: Option<&str>) -> Result<String, Refused> {
    if kept.is_some() && !Password::new(typed.old.as_str()).is(kept) {
        return Err(Refused::NotTheOld);
    }
    let new = Password::new(typed.new.as_str());
    new.check(login).and_then(|()| new.hash()).map_err(Refused::New)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::Role, console::place::sample_somebody};

    #[test]
    fn the_old_password_is_asked_for_unless_a_new_one_is_due() {
        let mut somebody = sample_somebody(Role::Viewer);
        let text = PasswordPage::of(&somebody, Some("x".to_owned())).render().unwrap();
        assert!(text.contains("name=\"old\"") && text.contains("role=\"alert\""), "{text}");
        somebody.person.user.must_change_password = true;
        assert!(!PasswordPage::of(&somebody, None).render().unwrap().contains("name=\"old\""));
    }
}
