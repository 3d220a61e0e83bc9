//! Tokens that people carry: of a session, in a cookie, and of a link that signs in once.
//!
//! Only the hash of a token is kept. A token of one kind is none of the other, whatever its text.

use sha2::{Digest, Sha256};

use super::random_digits;
use crate::secrets::{Secret, SecretError};

/// The SHA-256 of a token's kind and text: what is kept of it.
pub type TokenHash = [u8; 32];

/// 43 digits of 62 are 256 bits.
const LENGTH: usize = 43;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// It stands for somebody who has signed in.
    Session,
    /// It signs somebody in, once.
    Link,
}

/// A token that has just been made. Its text is shown once and not kept.
#[derive(Debug)]
pub struct Token {
    /// What its owner carries: letters and digits.
    pub text: Secret,
    /// What is kept.
    pub hash: TokenHash,
}

impl Token {
    /// Makes a token.
    ///
    /// # Errors
    /// [`SecretError::NoRandom`].
    pub fn mint(kind: TokenKind) -> Result<Token, SecretError> {
        let text = random_digits(LENGTH)?;
        Ok(Token { hash: hash(kind, &text), text: Secret::new(text) })
    }

    /// What would be kept of a token that somebody shows; `None` if the text is none.
    pub fn read(kind: TokenKind, text: &str) -> Option<TokenHash> {
        let fits = text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| hash(kind, text))
    }
}

fn hash(kind: TokenKind, text: &str) -> TokenHash {
    let kind = match kind {
        TokenKind::Session => "session ",
        TokenKind::Link => "link ",
    };
    Sha256::new().chain_update(kind).chain_update(text).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_made_and_serves_one_purpose() {
        let token = Token::mint(TokenKind::Link).unwrap();
        let text = token.text.reveal();
        assert_eq!(Token::read(TokenKind::Link, text), Some(token.hash));
        assert_ne!(Token::read(TokenKind::Session, text), Some(token.hash));
        assert_ne!(Token::mint(TokenKind::Link).unwrap().hash, token.hash);
        for wrong in ["", &text[1..], &format!("{text}0"), &"-".repeat(LENGTH)] {
            assert_eq!(Token::read(TokenKind::Link, wrong), None, "{wrong}");
        }
        assert!(!format!("{token:?}").contains(text));
    }
}
