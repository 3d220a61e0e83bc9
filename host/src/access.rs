//! Who may do what: scopes, the roles that people have, callers, and what they show: keys, passwords, tokens.
//!
//! It knows neither where these are kept nor how they arrive; it makes them, reads them and says what they allow.

mod caller;
mod password;
mod token;

use std::collections::BTreeSet;

use rand::TryRng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::{
    caller::{Admin, Caller, Needs, Operate, Orders, Read},
    password::{Password, PasswordError},
    token::{Token, TokenHash, TokenKind},
};
use crate::{
    domain::order::states,
    secrets::{Secret, SecretError},
};

states! {
    /// What a caller may do within a tenant.
    Scope {
        /// See everything but secrets.
        Read "read",
        /// Hand orders over: add them and keep them up to date.
        Orders "orders",
        /// Run syncs, decide conflicts, complete putaways.
        Operate "operate",
        /// Change how the tenant is set up, its secrets and its keys; all of the above besides.
        Admin "admin",
    }
}

states! {
    /// What a person is to a tenant.
    Role {
        /// Looks.
        Viewer "viewer",
        /// Looks and acts on orders.
        Operator "operator",
        /// May do everything.
        Admin "admin",
    }
}

impl Role {
    /// What the role allows.
    pub fn scopes(self) -> Scopes {
        match self {
            Role::Viewer => Scopes::from_iter([Scope::Read]),
            Role::Operator => Scopes::from_iter([Scope::Read, Scope::Operate]),
            Role::Admin => Scopes::from_iter([Scope::Admin]),
        }
    }
}

/// A set of scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Whether they allow what `wanted` stands for.
    pub fn allow(&self, wanted: Scope) -> bool {
        self.0.contains(&Scope::Admin) || self.0.contains(&wanted)
    }

    /// Whether they allow everything that `other` allows.
    pub fn cover(&self, other: &Scopes) -> bool {
        other.0.iter().all(|scope| self.allow(*scope))
    }

    /// Whether they allow nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Scopes(scopes.into_iter().collect())
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|scope| scope.as_str()).collect();
        f.write_str(&names.join(","))
    }
}

/// What every key begins with, so that one that leaked is recognised by whoever finds it.
const PREFIX: &str = "ssk_";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LENGTH: usize = 10;
/// 32 digits of 62 are 190 bits: more than anybody can try, so a plain hash of them is enough.
const SECRET_LENGTH: usize = 32;
const CHECK_LENGTH: usize = 6;

/// The SHA-256 of a key's text: what is kept of it.
pub type KeyHash = [u8; 32];

/// A key that has just been made. Its text is shown once and not kept.
#[derive(Debug)]
pub struct MintedKey {
    /// Names it ever after.
    pub id: String,
    /// What its owner sends: `ssk_`, the id, `_`, the secret, a checksum.
    pub text: Secret,
    /// What is kept.
    pub hash: KeyHash,
}

/// Makes a key.
///
/// # Errors
/// [`SecretError::NoRandom`].
pub fn mint() -> Result<MintedKey, SecretError> {
    let (id, secret) = (random_digits(ID_LENGTH)?, random_digits(SECRET_LENGTH)?);
    let body = format!("{PREFIX}{id}_{secret}");
    let text = format!("{body}{}", check_digits(&body));
    Ok(MintedKey { id, hash: Sha256::digest(text.as_bytes()).into(), text: Secret::new(text) })
}

/// A key as a caller sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedKey {
    /// The id that it names.
    pub id: String,
    /// To be compared with what is kept under that id.
    pub hash: KeyHash,
}

impl PresentedKey {
    /// Reads a key; `None` if the text is none, or if a character of it is wrong.
    pub fn read(text: &str) -> Option<PresentedKey> {
        let length = PREFIX.len() + ID_LENGTH + 1 + SECRET_LENGTH + CHECK_LENGTH;
        let is_plain =
            text.len() == length && text.bytes().all(|byte| byte == b'_' || DIGITS.contains(&byte));
        if !is_plain {
            return None;
        }
        let (body, check) = text.split_at(length - CHECK_LENGTH);
        let (id, secret) = body.strip_prefix(PREFIX)?.split_once('_')?;
        let fits = id.len() == ID_LENGTH && secret.len() == SECRET_LENGTH && check == check_digits(body);
        fits.then(|| PresentedKey { id: id.to_owned(), hash: Sha256::digest(text.as_bytes()).into() })
    }

    /// Whether it is the key of which `kept` is kept; takes as long for each wrong one.
    pub fn is(&self, kept: &KeyHash) -> bool {
        self.hash.iter().zip(kept).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

fn random_digits(count: usize) -> Result<String, SecretError> {
    let mut digits = String::with_capacity(count);
    let mut bytes = [0; 64];
    while digits.len() < count {
        rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(|_| SecretError::NoRandom)?;
        // 248 is the largest multiple of 62 in a byte: above it digits would not be equally likely.
        let fair = bytes.iter().filter(|byte| **byte < 248).map(|byte| DIGITS[usize::from(byte % 62)]);
        digits.extend(fair.take(count - digits.len()).map(char::from));
    }
    Ok(digits)
}

/// A checksum that tells a mistyped key without looking it up.
fn check_digits(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECK_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made_and_no_character_of_it_may_differ() {
        let minted = mint().unwrap();
        let text = minted.text.reveal();
        let read = PresentedKey::read(text).unwrap();
        assert_eq!(read.id, minted.id);
        assert!(read.is(&minted.hash) && !read.is(&mint().unwrap().hash));
        for at in 0..text.len() {
            let other = if &text[at..=at] == "x" { "y" } else { "x" };
            let wrong = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(PresentedKey::read(&wrong), None, "{at}");
        }
        for wrong in ["", "ssk_", "ssk_é", &text[1..], &format!("{text}0"), "Bearer x"] {
            assert_eq!(PresentedKey::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_two_keys_are_alike_and_none_shows_in_debug() {
        let (one, other) = (mint().unwrap(), mint().unwrap());
        assert!(one.id != other.id && one.hash != other.hash);
        assert!(!format!("{one:?}").contains(&one.text.reveal()[16..]));
    }

    #[test]
    fn an_admin_may_do_everything_and_others_what_they_are_given() {
        let allowed = |role: Role| -> Vec<Scope> {
            Scope::ALL.iter().copied().filter(|scope| role.scopes().allow(*scope)).collect()
        };
        assert_eq!(allowed(Role::Viewer), [Scope::Read]);
        assert_eq!(allowed(Role::Operator), [Scope::Read, Scope::Operate]);
        assert_eq!(allowed(Role::Admin), Scope::ALL);
        assert!(Role::Admin.scopes().cover(&Role::Operator.scopes()));
        assert!(!Role::Operator.scopes().cover(&Role::Admin.scopes()));
    }
}
