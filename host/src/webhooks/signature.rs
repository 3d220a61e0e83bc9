//! What makes a message recognisable, as Standard Webhooks has it: an id, a time, and a signature for each secret that
//! counts. Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>, read 2026-11-22.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::TryRng as _;
use sha2::Sha256;

use crate::secrets::{Secret, SecretError};

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// The scheme asks for 24 to 64 bytes.
const SECRET_BYTES: usize = 32;
const FEWEST_BYTES: usize = 24;

/// Makes a secret.
///
/// # Errors
/// [`SecretError::NoRandom`].
pub fn mint() -> Result<Secret, SecretError> {
    let mut bytes = [0; SECRET_BYTES];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(|_| SecretError::NoRandom)?;
    Ok(Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes))))
}

/// The headers of a message that is sent at `at_secs`, in seconds since 1970.
///
/// # Errors
/// If there is no secret, or one that is none.
pub(super) fn headers(
    secrets: &[Secret],
    id: &str,
    at_secs: i64,
    body: &str,
) -> Result<Vec<(&'static str, String)>, String> {
    let content = format!("{id}.{at_secs}.{body}");
    let signatures = secrets.iter().map(|secret| signature(secret, &content)).collect::<Option<Vec<_>>>();
    let unusable = || "its secret cannot be used; rotate it".to_owned();
    let signatures = signatures.filter(|signatures| !signatures.is_empty()).ok_or_else(unusable)?;
    Ok(vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at_secs.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ])
}

fn signature(secret: &Secret, content: &str) -> Option<String> {
    let key = STANDARD.decode(secret.reveal().strip_prefix(PREFIX)?).ok()?;
    if key.len() < FEWEST_BYTES {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(content.as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// Both forms in which a secret could be echoed.
pub(super) fn forms(secret: &Secret) -> [&str; 2] {
    let text = secret.reveal();
    [text, text.strip_prefix(PREFIX).unwrap_or(text)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock as _;

    #[test]
    fn a_message_is_signed_as_the_scheme_s_own_example_says() {
        let secret = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let headers =
            headers(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#)
                .unwrap();
        let expected = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ];
        assert_eq!(headers, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn the_reference_library_takes_each_of_two_secrets_while_they_overlap() {
        let now = crate::clock::SystemClock.now_ms() / 1_000;
        let (new, old) = (mint().unwrap(), mint().unwrap());
        let sent = headers(&[new.clone(), old.clone()], "evt_1", now, "{}").unwrap();
        let mut map = http::HeaderMap::new();
        for (name, value) in sent {
            map.insert(name, value.parse().unwrap());
        }
        for secret in [&new, &old] {
            let reader = standardwebhooks::Webhook::new(secret.reveal()).unwrap();
            assert!(reader.verify(b"{}", &map).is_ok());
            assert!(reader.verify(b"{} ", &map).is_err(), "another body");
        }
        let stranger = standardwebhooks::Webhook::new(mint().unwrap().reveal()).unwrap();
        assert!(stranger.verify(b"{}", &map).is_err());
    }

    #[test]
    fn nothing_is_signed_with_what_is_no_secret() {
        for wrong in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!"] {
            assert!(headers(&[wrong.into()], "evt_1", 1, "{}").is_err(), "{wrong}");
        }
        assert!(headers(&[], "evt_1", 1, "{}").is_err());
    }
}
