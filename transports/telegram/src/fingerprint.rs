//! Digests: of the token, so that two pollers of one bot are told apart without telling it, and of buttons.

use ring::digest::{SHA256, digest};
use takopi_core::settings::Secret;

/// Digits of a token's fingerprint in lock files; the Python takopi writes as many.
const FINGERPRINT_DIGITS: usize = 10;

/// Returns the SHA-256 of `bytes` in hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the fingerprint of a bot's token: the first ten hexadecimal digits of its SHA-256.
pub(crate) fn of_token(token: &Secret) -> String {
    sha256_hex(token.reveal().as_bytes()).chars().take(FINGERPRINT_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_ten_digits_of_its_sha256() {
        // `printf abc | sha256sum`
        assert_eq!(of_token(&Secret::new("abc")), "ba7816bf8f");
    }
}
