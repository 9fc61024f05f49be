//! Letting a person in by a code that is shown on the machine: which codes are open, who tried, what is too
//! much. A state machine over moments; `desk/pairing.rs` drives it. Codes live in memory alone.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::{Moment, Timestamp};

/// How long a code can be used.
pub const CODE_LIFE: Duration = Duration::from_secs(600);

/// Most codes that are open at a time: somebody lets in a few people, not a crowd.
pub const MAX_OPEN: usize = 3;

/// Wrong codes of one sender that are looked at within [`MISS_WINDOW`]: a few slips of the finger.
pub const MAX_MISSES_EACH: usize = 5;

/// Wrong codes of all senders together that are looked at within [`MISS_WINDOW`].
///
/// A code is one of 32^8 = 2^40, about 1.1e12. So whoever guesses without a pause meets one of [`MAX_OPEN`] in
/// ten minutes with a chance of 100 * 3 / 2^40, below 3e-10, and in a whole year of codes that are always open
/// with one below 2e-5. The cap is on all together because accounts are cheap; the one for each keeps a single
/// account from using it up.
pub const MAX_MISSES: usize = 100;

/// How long a wrong code counts.
pub const MISS_WINDOW: Duration = Duration::from_secs(600);

/// Digits of a code, and the letters they are written in: Crockford's base 32, without I, L, O and U.
const DIGITS: usize = 8;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Bytes that a text with a code in it has at most; a longer one is looked at no further.
const MAX_TEXT_BYTES: usize = 64;

/// A code. Only `Display` shows it, for whoever stands at the machine.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(u64);

impl Code {
    /// Returns the code that five random bytes give.
    #[must_use]
    pub fn from_random(bytes: [u8; 5]) -> Self {
        Self(bytes.iter().fold(0, |code, byte| (code << 8) | u64::from(*byte)))
    }

    /// Returns the code that a message consists of, in any case, with or without its dash, also behind one
    /// command word (`/start K7QX-M2PD`). Letters that look alike are read as the ones that are written.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT_BYTES {
            return None;
        }
        let text = text.trim();
        let text = match text.split_once(char::is_whitespace) {
            Some((word, rest)) if word.starts_with('/') => rest,
            _ => text,
        };
        let is_digit = |letter: &char| !(letter.is_whitespace() || *letter == '-');
        let (mut code, mut digits) = (0, 0);
        for letter in text.chars().filter(is_digit) {
            code = (code << 5) | value(letter)?;
            digits += 1;
            if digits > DIGITS {
                return None;
            }
        }
        (digits == DIGITS).then_some(Self(code))
    }
}

/// Returns what a letter counts.
fn value(letter: char) -> Option<u64> {
    let letter = match letter.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    };
    let place = ALPHABET.iter().position(|known| char::from(*known) == letter)?;
    u64::try_from(place).ok()
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for digit in (0..DIGITS).rev() {
            let place = usize::try_from((self.0 >> (5 * digit)) & 31).unwrap_or_default();
            let letter = ALPHABET.get(place).copied().unwrap_or(b'0');
            write!(f, "{}", char::from(letter))?;
            if digit == DIGITS / 2 {
                f.write_str("-")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(•••)")
    }
}

/// The number of an open code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

/// A code that is open, or was just used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenCode {
    /// Its number.
    pub ticket: Ticket,
    /// Until when it can be used.
    pub until: Moment,
    code: Code,
}

/// The codes of one instance.
#[derive(Debug, Default)]
pub struct Book {
    open: Vec<OpenCode>,
    /// When which sender tried a wrong code; the oldest first.
    misses: VecDeque<(Moment, String)>,
    last: u64,
}

impl Book {
    /// Opens `code`; `None` when [`MAX_OPEN`] are, or this very one.
    pub fn issue(&mut self, code: Code, now: Moment) -> Option<OpenCode> {
        self.expire(now);
        if self.open.len() >= MAX_OPEN || self.open.iter().any(|open| open.code == code) {
            return None;
        }
        self.last += 1;
        let open = OpenCode { ticket: Ticket(self.last), until: now + CODE_LIFE, code };
        self.open.push(open);
        Some(open)
    }

    /// Uses a code up that a stranger sent; `None` when it isn't open, or too much was tried.
    pub fn redeem(&mut self, sender: &str, code: Code, now: Moment) -> Option<OpenCode> {
        self.expire(now);
        if self.open.is_empty() {
            return None;
        }
        let own = self.misses.iter().filter(|(_, of)| of == sender).count();
        if own >= MAX_MISSES_EACH || self.misses.len() >= MAX_MISSES {
            return None;
        }
        let Some(place) = self.open.iter().position(|open| open.code == code) else {
            self.misses.push_back((now, sender.to_owned()));
            return None;
        };
        Some(self.open.swap_remove(place))
    }

    /// Opens a code again whose use came to nothing.
    pub fn restore(&mut self, code: OpenCode) {
        self.open.push(code);
    }

    /// Closes a code, if it is still open.
    pub fn withdraw(&mut self, ticket: Ticket) {
        self.open.retain(|open| open.ticket != ticket);
    }

    /// Returns whether a code is open.
    pub fn is_open(&mut self, code: Code, now: Moment) -> bool {
        self.expire(now);
        self.open.iter().any(|open| open.code == code)
    }

    fn expire(&mut self, now: Moment) {
        self.open.retain(|open| now < open.until);
        while self.misses.front().is_some_and(|(at, _)| now.since(*at) >= MISS_WINDOW) {
            self.misses.pop_front();
        }
    }
}

/// Somebody who was let in by a code. Stored by the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paired {
    /// The service's id of the person.
    pub id: String,
    /// What people call them.
    pub name: String,
    /// When it was.
    pub at: Timestamp,
    /// The service's identity of the message that held the code: it is no prompt when it comes again.
    #[serde(default)]
    pub message: String,
}

#[cfg(test)]
mod tests;
