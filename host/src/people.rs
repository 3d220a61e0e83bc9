//! Adding people, and links that sign them in: the same for the command line and the console.
//!
//! Which role may do what is `access`'s business; who may add whom is the caller's.

use plugin_api::Millis;

use crate::{
    access::{self, Role, Token, TokenKind},
    address,
    domain::codes::TenantCode,
    secrets::{Secret, SecretError},
    storage::{Person, Session, Store, StoreError, User},
};

/// A link that was not used is void after a day.
const LINK_LASTS_MS: Millis = 86_400_000;

/// Why somebody was not added, or got no link.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The store; [`StoreError::Exists`] if the login is taken.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no random numbers.
    #[error(transparent)]
    Random(#[from] SecretError),
}

/// What somebody signs in with, in the form in which it is kept: lower case.
///
/// # Errors
/// What to give instead.
pub fn login(text: &str) -> Result<String, String> {
    let is_fine = |c: char| !c.is_whitespace() && !c.is_control();
    if text.is_empty() || text.chars().count() > 100 || !text.chars().all(is_fine) {
        return Err("give 1 to 100 characters without blanks, such as ana@acme.example".to_owned());
    }
    Ok(text.to_lowercase())
}

/// Adds somebody who has no password yet; answers the id.
///
/// # Errors
/// If the login is taken, the tenant is not known, or the store fails.
pub async fn add(
    store: &dyn Store,
    now: Millis,
    login: &str,
    name: String,
    role: (Option<TenantCode>, Role),
) -> Result<String, PeopleError> {
    let id = access::mint()?.id;
    let user = User {
        id: id.clone(),
        login: login.to_owned(),
        name,
        created_at: now,
        password_set_at: now,
        must_change_password: true,
        disabled_at: None,
    };
    store.add_user(&Person { user, roles: vec![role] }, "").await?;
    Ok(id)
}

/// The path of a link that signs somebody in, once, within a day.
///
/// # Errors
/// If the store fails.
pub async fn link(store: &dyn Store, now: Millis, user: &str) -> Result<Secret, PeopleError> {
    let token = Token::mint(TokenKind::Link)?;
    let link = Session {
        user: user.to_owned(),
        created_at: now,
        last_seen_at: now,
        expires_at: now + LINK_LASTS_MS,
    };
    store.add_session(&token.hash, &link).await?;
    Ok(Secret::new(address::path("/console/enter", &[token.text.reveal()])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_kept_in_lower_case_and_has_no_blanks() {
        assert_eq!(login("Ana@Acme.example"), Ok("ana@acme.example".to_owned()));
        for wrong in ["", " ana", "a na", "a\u{7}", &"x".repeat(101)] {
            assert!(login(wrong).is_err(), "{wrong:?}");
        }
    }
}
