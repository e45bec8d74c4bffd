//! Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, in base64 behind `v1,`
//! (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, read 2026-11-25).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;

/// What both sides know. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The specification asks for 24 to 64 bytes. Longer ones do no harm.
const BYTES_MIN: usize = 24;

impl Secret {
    /// From `whsec_` and base64.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let Some(encoded) = text.trim().strip_prefix("whsec_") else {
            return Err("does not begin with whsec_");
        };
        let bytes = STANDARD.decode(encoded).map_err(|_| "has no base64 behind whsec_")?;
        if bytes.len() < BYTES_MIN { Err("has less than 24 bytes") } else { Ok(Self(bytes)) }
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, timestamp_s: u64, body: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp_s}.{body}").as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_has_its_signature() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(format!("{secret:?}"), "Secret");
    }

    #[test]
    fn a_secret_that_protects_nothing_is_refused() {
        assert_eq!(Secret::parse("hunter2"), Err("does not begin with whsec_"));
        assert_eq!(Secret::parse("whsec_hunter2!"), Err("has no base64 behind whsec_"));
        assert_eq!(Secret::parse("whsec_aHVudGVyMg=="), Err("has less than 24 bytes"));
    }
}
