//! Seals secrets for keeping: XChaCha20-Poly1305 under the key of the host's key file.
//!
//! It owns the key file and the sealed form. Where sealed bytes are kept, and who may ask for them, is not its business.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use rand::TryRng;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// The first byte of the sealed form, so that another form can be told apart later.
const FORM: u8 = 1;

/// A text that never shows in logs, errors or `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself; for the place that has to send or seal it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Why a secret could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The key file cannot be read or made.
    #[error("could not use the key file {}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Others may read the key file.
    #[error("the key file {} can be read by others; run `chmod 600 {}`", path.display(), path.display())]
    KeyFileOpen {
        /// The file.
        path: PathBuf,
    },
    /// The key file has another length than a key.
    #[error("the key file {} does not hold a key; restore it from the backup", path.display())]
    KeyFileBad {
        /// The file.
        path: PathBuf,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandom,
    /// The sealed bytes do not open with this key.
    #[error(
        "{what} does not open with this host's key file; restore the key file it was sealed with, or set it again"
    )]
    WrongKey {
        /// What was to be opened.
        what: String,
    },
}

/// The host's key.
#[derive(Clone)]
pub struct Key([u8; KEY_BYTES]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([REDACTED])")
    }
}

impl Key {
    /// Makes a new key file that only this user may read.
    ///
    /// # Errors
    /// [`SecretError::KeyFile`] if there is one already.
    pub fn create(path: &Path) -> Result<Key, SecretError> {
        let fail = |source| SecretError::KeyFile { path: path.to_owned(), source };
        let mut bytes = [0; KEY_BYTES];
        random(&mut bytes)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(fail)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(fail)?;
        Ok(Key(bytes))
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`SecretError::KeyFileOpen`] if others than its owner may read it.
    pub fn load(path: &Path) -> Result<Key, SecretError> {
        let fail = |source| SecretError::KeyFile { path: path.to_owned(), source };
        #[cfg(unix)]
        {
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).map_err(fail)?.permissions());
            if mode & 0o077 != 0 {
                return Err(SecretError::KeyFileOpen { path: path.to_owned() });
            }
        }
        let bytes = fs::read(path).map_err(fail)?;
        let key = bytes.try_into().map_err(|_| SecretError::KeyFileBad { path: path.to_owned() })?;
        Ok(Key(key))
    }

    /// Seals a text for one place: it opens only under the same key and for the same `place`.
    pub fn seal(&self, place: &[&str], secret: &Secret) -> Result<Vec<u8>, SecretError> {
        let mut nonce = [0; NONCE_BYTES];
        random(&mut nonce)?;
        let aad = place_bytes(place);
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: secret.0.as_bytes(), aad: &aad })
            .map_err(|_| SecretError::WrongKey { what: describe(place) })?;
        let mut out = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        out.push(FORM);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`seal`](Key::seal) made for the same place.
    pub fn open(&self, place: &[&str], sealed: &[u8]) -> Result<Secret, SecretError> {
        let wrong = || SecretError::WrongKey { what: describe(place) };
        let (form, rest) = sealed.split_first().ok_or_else(wrong)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(wrong)?;
        if *form != FORM {
            return Err(wrong());
        }
        let aad = place_bytes(place);
        let text = self
            .cipher()
            .decrypt(&XNonce::from(*nonce), Payload { msg: body, aad: &aad })
            .map_err(|_| wrong())?;
        String::from_utf8(text).map(Secret).map_err(|_| wrong())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

/// The parts of a place, each with its length, so that no two places are alike.
fn place_bytes(place: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in place {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out
}

fn describe(place: &[&str]) -> String {
    format!("the secret {}", place.join("/"))
}

fn random(bytes: &mut [u8]) -> Result<(), SecretError> {
    rand::rngs::SysRng.try_fill_bytes(bytes).map_err(|_| SecretError::NoRandom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> (tempfile::TempDir, Key) {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::create(&dir.path().join("key")).unwrap();
        (dir, key)
    }

    #[test]
    fn a_secret_opens_for_its_own_place_and_key_only() {
        let (_dir, key) = key();
        let (_other_dir, other) = self::key();
        let sealed = key.seal(&["acme", "FK1", "token"], &"s3cret".into()).unwrap();
        assert!(!sealed.windows(6).any(|bytes| bytes == b"s3cret"));
        assert_eq!(key.open(&["acme", "FK1", "token"], &sealed).unwrap().reveal(), "s3cret");
        assert!(key.open(&["acme", "FK1t", "oken"], &sealed).is_err());
        assert!(other.open(&["acme", "FK1", "token"], &sealed).is_err());
        for cut in 0..sealed.len() {
            assert!(key.open(&["acme", "FK1", "token"], &sealed[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn the_same_secret_is_never_sealed_alike() {
        let (_dir, key) = key();
        assert_ne!(key.seal(&["a"], &"x".into()).unwrap(), key.seal(&["a"], &"x".into()).unwrap());
    }

    #[test]
    fn a_key_file_is_read_again_and_never_replaced() {
        let (dir, key) = key();
        let path = dir.path().join("key");
        let sealed = key.seal(&["a"], &"x".into()).unwrap();
        assert_eq!(Key::load(&path).unwrap().open(&["a"], &sealed).unwrap().reveal(), "x");
        assert!(matches!(Key::create(&path), Err(SecretError::KeyFile { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_can_read_is_refused_with_the_remedy() {
        use std::os::unix::fs::PermissionsExt;
        let (dir, _key) = key();
        let path = dir.path().join("key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Key::load(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_key_file_of_another_length_is_refused() {
        let (dir, _key) = key();
        let path = dir.path().join("key");
        fs::write(&path, b"short").unwrap();
        assert!(matches!(Key::load(&path), Err(SecretError::KeyFileBad { .. })));
    }

    #[test]
    fn debug_shows_neither_secret_nor_key() {
        let (_dir, key) = key();
        assert_eq!(format!("{:?} {key:?}", Secret::new("s3cret")), "[REDACTED] Key([REDACTED])");
    }
}
