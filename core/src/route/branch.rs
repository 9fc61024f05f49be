//! The branch that a new thread gets where each has one of its own: named after what it begins with, and after the
//! thread itself, so that two that begin alike have two.

use crate::message::{Address, Message};
use crate::speech;

/// What all of them begin with, so that people know whose they are.
const PREFIX: &str = "takopi/";

/// Words of a prompt in the name of its branch, and characters of them all: what a list of branches shows.
const WORDS: usize = 4;
const WORD_CHARS: usize = 32;

/// Returns the name of the branch for the thread that a message begins; `None` outside of threads. The same message
/// gets the same name.
#[must_use]
pub fn branch_of_thread(message: &Message) -> Option<String> {
    let address = &message.message.address;
    address.thread.as_ref()?;
    let (_, typed) = speech::split(&message.text);
    let words = typed.split_whitespace().filter(|word| !word.starts_with(['/', '@', '<']));
    let mut slug = String::new();
    for word in words.map(plain).filter(|word| !word.is_empty()).take(WORDS) {
        if slug.len() + 1 + word.len() > WORD_CHARS && !slug.is_empty() {
            break;
        }
        slug.extend((!slug.is_empty()).then_some('-'));
        slug.extend(word.chars().take(WORD_CHARS));
    }
    let first = if slug.is_empty() { "thread" } else { &slug };
    Some(format!("{PREFIX}{first}-{}", mark(address)))
}

/// Returns the letters and digits of a word that every file system and every shell takes as they are.
fn plain(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

/// Returns six characters that tell a thread from others: FNV-1a of its ids, which no later version may compute
/// differently.
fn mark(address: &Address) -> String {
    let thread = address.thread.as_deref().unwrap_or_default();
    let bytes = address.chat.bytes().chain([b'/']).chain(thread.bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{:06x}", hash & 0x00ff_ffff)
}
