//! Passwords, as they are kept: argon2id with 19 MiB and two passes, each with a salt of its own.
//!
//! The figures are those of the OWASP Password Storage Cheat Sheet. Hashing takes some 20 ms on purpose: call it off the
//! threads of the runtime.

use std::sync::LazyLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

use crate::secrets::Secret;

/// The fewest characters of a password.
const SHORTEST: usize = 12;
/// The most bytes: what is longer only costs time.
const LONGEST: usize = 1_024;

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It can be guessed.
    #[error("a password has at least {SHORTEST} characters; a few words do well")]
    Short,
    /// Nobody types that.
    #[error("a password has at most {LONGEST} bytes")]
    Long,
    /// It is the name that it goes with.
    #[error("a password is not the name that one signs in with")]
    IsLogin,
    /// It could not be hashed.
    #[error("the password could not be hashed; the system gives no random numbers")]
    Failed,
}

/// A password that somebody typed.
#[derive(Clone, Debug)]
pub struct Password(Secret);

impl Password {
    /// A password as it was typed.
    pub fn new(text: impl Into<String>) -> Password {
        Password(Secret::new(text))
    }

    /// Whether it will do for somebody who signs in with `login`.
    ///
    /// # Errors
    /// Why it will not do.
    pub fn check(&self, login: &str) -> Result<(), PasswordError> {
        let text = self.0.reveal();
        if text.chars().count() < SHORTEST {
            Err(PasswordError::Short)
        } else if text.len() > LONGEST {
            Err(PasswordError::Long)
        } else if text.eq_ignore_ascii_case(login) {
            Err(PasswordError::IsLogin)
        } else {
            Ok(())
        }
    }

    /// What is kept of it, as a PHC string. Slow on purpose.
    ///
    /// # Errors
    /// [`PasswordError::Failed`].
    pub fn hash(&self) -> Result<String, PasswordError> {
        let hashed = Argon2::default().hash_password(self.0.reveal().as_bytes());
        hashed.map(|hash| hash.to_string()).map_err(|_| PasswordError::Failed)
    }

    /// Whether it is the one of which `kept` is kept; without one it takes as long and is not. Slow on purpose.
    pub fn is(&self, kept: Option<&str>) -> bool {
        let (kept, is_real) = match kept {
            Some(kept) if !kept.is_empty() => (kept, true),
            _ => (NOBODY.as_str(), false),
        };
        let typed = self.0.reveal().as_bytes();
        let Ok(kept) = PasswordHash::new(kept) else { return false };
        typed.len() <= LONGEST && Argon2::default().verify_password(typed, &kept).is_ok() && is_real
    }
}

/// Stands in for the password of somebody who does not exist, so that nobody can tell by the time that it takes.
static NOBODY: LazyLock<String> = LazyLock::new(|| Password::new("nobody").hash().unwrap_or_default());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_what_is_kept_of_it_and_no_other_is() {
        let password = Password::new("correct horse battery");
        let kept = password.hash().unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(password.is(Some(&kept)) && !Password::new("correct horse").is(Some(&kept)));
        assert_ne!(password.hash().unwrap(), kept, "each has a salt of its own");
        assert!(!password.is(None) && !password.is(Some("")) && !password.is(Some("no hash")));
        assert!(!Password::new("nobody").is(None));
    }

    #[test]
    fn passwords_that_are_easily_guessed_are_refused_and_none_shows_in_debug() {
        let check = |text: &str| Password::new(text).check("ana@acme.example");
        assert_eq!(check("correct horse battery"), Ok(()));
        assert_eq!(check("elevenchars"), Err(PasswordError::Short));
        assert_eq!(check("Ana@Acme.example"), Err(PasswordError::IsLogin));
        assert_eq!(check(&"x".repeat(LONGEST + 1)), Err(PasswordError::Long));
        assert!(!format!("{:?}", Password::new("correct horse battery")).contains("horse"));
    }
}
