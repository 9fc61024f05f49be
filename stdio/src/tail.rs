//! The end of a child's stderr, kept for error texts. Never the whole of it: a child may write for days.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The last lines a child wrote to its stderr. Clones see the same tail.
#[derive(Clone)]
pub struct StderrTail {
    bytes: Arc<Mutex<VecDeque<u8>>>,
    max_lines: usize,
    max_bytes: usize,
}

impl fmt::Debug for StderrTail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StderrTail").finish_non_exhaustive()
    }
}

impl StderrTail {
    pub(crate) fn new(max_lines: usize, max_bytes: usize) -> Self {
        Self { bytes: Arc::default(), max_lines, max_bytes }
    }

    pub(crate) fn push(&self, new: &[u8]) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let new = new.get(new.len().saturating_sub(self.max_bytes)..).unwrap_or_default();
        let overflow = (bytes.len() + new.len()).saturating_sub(self.max_bytes);
        bytes.drain(..overflow);
        bytes.extend(new);
    }

    /// Returns the last lines, without the final line end; bytes that aren't UTF-8 are replaced.
    ///
    /// Complete once [`crate::Process::wait`] has returned.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(bytes.make_contiguous());
        let text = text.trim_end();
        let start =
            text.rmatch_indices('\n').nth(self.max_lines.saturating_sub(1)).map_or(0, |(end, _)| end + 1);
        text.get(start..).unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_and_the_last_bytes_are_kept() {
        let tail = StderrTail::new(2, 8);
        tail.push(b"one\ntwo\n");
        assert_eq!(tail.text(), "one\ntwo");
        tail.push(b"3\n");
        assert_eq!(tail.text(), "two\n3");
        tail.push(b"a very long last line");
        assert_eq!(tail.text(), "ast line");
    }
}
