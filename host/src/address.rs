//! Addresses below the host: parts that stay parts, whatever they are called.

use std::fmt::Write as _;

/// The address of something, with each part written so that it stays one.
pub fn path(root: &str, parts: &[&str]) -> String {
    let mut address = root.to_owned();
    for part in parts {
        address.push('/');
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                address.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(address, "%{byte:02X}");
            }
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_address_stays_one_part() {
        assert_eq!(path("/v1", &["tenants", "a/b c", "é"]), "/v1/tenants/a%2Fb%20c/%C3%A9");
    }
}
