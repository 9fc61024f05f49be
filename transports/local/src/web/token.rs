//! The secret that opens the page.

use std::fmt;

use uuid::Uuid;

/// Characters of a token: two version 4 UUIDs in hex, 244 random bits.
const TOKEN_CHARS: usize = 64;

/// What a browser must show to be let in. Prints as `•••`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Returns a token nobody can guess.
    #[must_use]
    pub fn mint() -> Self {
        Self(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
    }

    /// Returns the token kept from an earlier start, or `None` when `text` is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let legal = text.len() == TOKEN_CHARS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        legal.then(|| Self(text.to_owned()))
    }

    /// Returns the token as text: to be kept, or shown to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether `shown` is this token, in a time that does not tell how much of it is right.
    pub(crate) fn matches(&self, shown: &str) -> bool {
        if shown.len() != self.0.len() {
            return false;
        }
        let different = shown.bytes().zip(self.0.bytes()).fold(0, |different, (a, b)| different | (a ^ b));
        std::hint::black_box(different) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}
