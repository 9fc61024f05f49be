//! Digests of the token, so that two programs of one bot are told apart without telling it.

use ring::digest::{SHA256, digest};
use takopi_core::settings::Secret;

/// Digits of a token's fingerprint in lock files.
const DIGITS: usize = 10;

/// Returns the fingerprint of a bot's token: the first ten hexadecimal digits of its SHA-256.
pub(crate) fn of_token(token: &Secret) -> String {
    of(token.reveal())
}

/// Returns the fingerprint of the bot itself, which outlives its tokens: their first part is the bot's id.
pub(crate) fn of_bot(token: &Secret) -> String {
    of(token.reveal().split('.').next().unwrap_or_default())
}

fn of(text: &str) -> String {
    let bytes = digest(&SHA256, text.as_bytes());
    bytes.as_ref().iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_ten_digits_of_its_sha256() {
        // `printf abc | sha256sum`
        assert_eq!(of_token(&Secret::new("abc")), "ba7816bf8f");
    }

    #[test]
    fn a_bot_stays_the_same_with_another_token() {
        let of = |token: &str| of_bot(&Secret::new(token));
        assert_eq!(of("MTIz.a.b"), of("MTIz.c.d"));
        assert_ne!(of("MTIz.a.b"), of("NDU2.a.b"));
    }
}
