//! A child's stderr: its end, kept for error texts, and its lines one by one. Never the whole of it: a child may write
//! for days.

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

/// Takes a line of stderr.
pub(crate) type OnLine = Box<dyn Fn(&str) + Send + Sync>;

/// Bytes of a line that are shown; what follows is passed over.
const SHOWN_BYTES: usize = 4 << 10;

/// Cuts what comes in pieces into lines.
pub(crate) struct LineByLine {
    on_line: OnLine,
    line: Vec<u8>,
}

impl LineByLine {
    pub(crate) fn new(on_line: OnLine) -> Self {
        Self { on_line, line: Vec::new() }
    }

    pub(crate) fn push(&mut self, new: &[u8]) {
        for piece in new.split_inclusive(|byte| *byte == b'\n') {
            let room = SHOWN_BYTES.saturating_sub(self.line.len());
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            self.line.extend(text.get(..room).unwrap_or(text));
            if text.len() < piece.len() {
                self.end();
            }
        }
    }

    /// Shows what is there of a line.
    pub(crate) fn end(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        if !line.trim().is_empty() {
            (self.on_line)(line.trim_end());
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown_whole_however_they_come_and_long_ones_by_their_start() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut lines = LineByLine::new(Box::new({
            let seen = seen.clone();
            move |line: &str| seen.lock().unwrap().push(line.to_owned())
        }));
        lines.push(b"on");
        lines.push(b"e\r\n\ntwo\n");
        lines.push(&[b'x'; 5000]);
        lines.push(b"y\nlast");
        lines.end();
        lines.end();
        assert_eq!(*seen.lock().unwrap(), ["one", "two", &"x".repeat(SHOWN_BYTES), "last"]);
    }

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
