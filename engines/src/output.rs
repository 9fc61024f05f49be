//! Output of any length, kept as its head and its tail; and pieces of it as text, for those who watch.

/// Bytes kept of the head and of the tail of an output. Together they are more than any chat shows, and
/// little enough to be held for every run at once.
pub(crate) const KEPT_BYTES: usize = 64 << 10;

/// Bytes of a piece that are told as text: two screens. With [`takopi_core::port::engine::EVENT_BOUND`] pieces
/// on their way a flood takes 8 MiB.
pub(crate) const TOLD_BYTES: usize = 8 << 10;

/// Longest start of a character that may be waiting for its rest.
const MAX_OPEN_BYTES: usize = 3;

/// Collects an output within bounded memory.
#[derive(Debug, Default)]
pub(crate) struct Output {
    head: Vec<u8>,
    tail: Vec<u8>,
    left_out: u64,
    /// The start of a character whose rest has not come yet: neither told nor lost.
    open: Vec<u8>,
}

impl Output {
    /// Adds a piece, and returns it as text to be told; of a long piece only the end is.
    pub(crate) fn push(&mut self, piece: &[u8]) -> String {
        self.keep(piece);
        let mut told = std::mem::take(&mut self.open);
        let skipped = piece.len().saturating_sub(TOLD_BYTES);
        if skipped == 0 {
            told.extend_from_slice(piece);
        } else {
            let end = piece.get(skipped..).unwrap_or_default();
            told = "…".into();
            told.extend_from_slice(end.get(rest_bytes(end)..).unwrap_or_default());
        }
        self.open = told.split_off(told.len() - open_bytes(&told));
        match String::from_utf8(told) {
            Ok(text) => text,
            Err(broken) => String::from_utf8_lossy(broken.as_bytes()).into_owned(),
        }
    }

    fn keep(&mut self, mut bytes: &[u8]) {
        let room = KEPT_BYTES - self.head.len();
        if room > 0 {
            let (first, rest) = bytes.split_at(room.min(bytes.len()));
            self.head.extend_from_slice(first);
            bytes = rest;
        }
        self.tail.extend_from_slice(bytes);
        // Cut rarely, so that the cost per byte stays constant.
        if self.tail.len() > 2 * KEPT_BYTES {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let surplus = self.tail.len().saturating_sub(KEPT_BYTES);
        self.tail.drain(..surplus);
        self.left_out += surplus as u64;
    }

    /// Returns the output as text without trailing line ends; bytes that are no UTF-8 are replaced. Of a long
    /// one the middle is left out, at line ends where there are any near, and it says how much.
    pub(crate) fn into_text(mut self) -> String {
        if self.tail.len() > KEPT_BYTES {
            self.cut();
        }
        if self.left_out == 0 {
            self.head.append(&mut self.tail);
            return String::from_utf8_lossy(&self.head).trim_end().to_owned();
        }
        let head_end = self.head.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let head_end =
            if head_end > KEPT_BYTES / 2 { head_end } else { self.head.len() - open_bytes(&self.head) };
        let tail_start =
            self.tail.iter().position(|byte| *byte == b'\n').map_or(self.tail.len(), |at| at + 1);
        let tail_start = if tail_start < KEPT_BYTES / 2 { tail_start } else { rest_bytes(&self.tail) };
        let left_out = self.left_out + (self.head.len() - head_end + tail_start) as u64;
        let head = String::from_utf8_lossy(self.head.get(..head_end).unwrap_or_default());
        let tail = String::from_utf8_lossy(self.tail.get(tail_start..).unwrap_or_default());
        format!("{}\n… {left_out} bytes left out …\n{}", head.trim_end_matches('\n'), tail.trim_end())
    }
}

/// Returns how many bytes at the end are the start of a character whose rest is missing.
fn open_bytes(bytes: &[u8]) -> usize {
    let longest = MAX_OPEN_BYTES.min(bytes.len());
    let starts = |length: &usize| {
        let end = bytes.get(bytes.len() - length..).unwrap_or_default();
        std::str::from_utf8(end).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=longest).rev().find(starts).unwrap_or(0)
}

/// Returns how many bytes at the start are the rest of a character whose start is missing.
fn rest_bytes(bytes: &[u8]) -> usize {
    bytes.iter().take(MAX_OPEN_BYTES).take_while(|byte| **byte & 0b1100_0000 == 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_output_is_kept_and_told_whole() {
        let mut output = Output::default();
        assert_eq!(output.push(b"one\n"), "one\n");
        assert_eq!(output.push(b"two\n\n"), "two\n\n");
        assert_eq!(output.into_text(), "one\ntwo");
    }

    #[test]
    fn a_long_output_keeps_head_and_tail_and_says_what_is_missing() {
        let mut output = Output::default();
        let mut total = 0;
        for number in 0..200_000 {
            let line = format!("line {number}\n");
            total += line.len();
            output.push(line.as_bytes());
            assert!(output.head.len() + output.tail.len() <= 4 * KEPT_BYTES);
        }
        let text = output.into_text();
        assert!(text.starts_with("line 0\nline 1\n") && text.ends_with("line 199998\nline 199999"));
        let left_out = left_out(&text);
        // Everything is either there or counted, but for the last line end.
        let there = text.len() - format!("… {left_out} bytes left out …\n").len();
        assert_eq!(total, there + left_out + 1);
        // Cut at line ends.
        assert!(text.lines().all(|line| line.starts_with("line ") || line.starts_with('…')));
    }

    #[test]
    fn one_endless_line_is_cut_between_characters() {
        let mut output = Output::default();
        for _ in 0..10_000 {
            output.push("é😀é".repeat(10).as_bytes());
        }
        let text = output.into_text();
        assert!(text.len() < 3 * KEPT_BYTES && !text.contains('\u{fffd}'));
        let there = text.len() - format!("\n… {} bytes left out …\n", left_out(&text)).len();
        assert_eq!(there + left_out(&text), 10_000 * 80);
    }

    #[test]
    fn a_character_that_comes_in_two_pieces_is_told_whole() {
        let mut output = Output::default();
        let told: String = "aé😀\n".bytes().map(|byte| output.push(&[byte])).collect();
        assert_eq!(told, "aé😀\n");
        // What is no UTF-8 at all does not wait for a rest that never comes.
        assert_eq!(output.push(b"\xff\xfe!"), "\u{fffd}\u{fffd}!");
    }

    #[test]
    fn of_a_flood_only_the_end_is_told() {
        let piece = format!("{}last\n", "é".repeat(TOLD_BYTES));
        let told = Output::default().push(piece.as_bytes());
        assert!(told.starts_with("…é") && told.ends_with("élast\n") && told.len() < TOLD_BYTES + 16);
    }

    fn left_out(text: &str) -> usize {
        text.split("… ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap()
    }
}
