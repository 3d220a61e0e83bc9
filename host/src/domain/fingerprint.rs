//! Short fingerprints of observations, by which the same content is known again.
//!
//! FNV-1a over the fields: stable between runs and versions of the standard library, which the standard hasher does not
//! promise. Not for anything that an attacker may choose.

use std::hash::{Hash, Hasher};

struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// The fingerprint of a value.
pub fn of(value: &impl Hash) -> u64 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    value.hash(&mut hasher);
    hasher.finish()
}

/// The same as text, for files.
pub fn text(value: &impl Hash) -> String {
    format!("{:016x}", of(value))
}
