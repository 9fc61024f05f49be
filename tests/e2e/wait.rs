//! Waiting for what must happen: looked for again and again, and in vain only when something is wrong.

use std::fmt::Display;
use std::time::Duration;

/// Between two looks; short beside anything that is waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks before giving up: some 30 s, which nothing here takes on the slowest machine.
const LOOKS: usize = 6_000;

/// Returns what `look` finds, as soon as it finds it.
pub(crate) fn wait_for<T>(what: impl Display, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("waited in vain for {what}")
}
