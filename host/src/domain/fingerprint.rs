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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_fnv_1a_and_stay_so() {
        // Vectors of the hash's own description (draft-eastlake-fnv): "", "a", "foobar".
        let fnv = |bytes: &[u8]| {
            let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
            hasher.write(bytes);
            hasher.finish()
        };
        assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!((of(&b'a'), text(&b'a')), (0xaf63_dc4c_8601_ec8c, "af63dc4c8601ec8c".to_owned()));
    }
}
