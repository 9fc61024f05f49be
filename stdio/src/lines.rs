//! Lines out of a byte stream: fast (whole batches, borrowed) and bounded (one line at most in memory).
//!
//! A line ends at `\n`, which is not part of it; a `\r` before it is kept (JSON takes it as white space). Empty lines are
//! handed out like any other. A last line without `\n` counts.

use std::future::poll_fn;
use std::pin::Pin;

use tokio::io::{AsyncRead, ReadBuf};

use crate::StdioError;

/// Bytes a line may have unless the caller says otherwise: 64 MiB.
pub const DEFAULT_MAX_LINE_BYTES: usize = 64 << 20;

/// Room for one read: what a Linux pipe holds.
const READ_BYTES: usize = 64 << 10;

/// Up to here the buffer doubles.
const SMALL_BYTES: usize = 1 << 20;

/// Reads whole lines from `source`.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    /// Initialised up to its whole length; `filled` bytes of it are data.
    buffer: Vec<u8>,
    filled: usize,
    /// Bytes at the front that the caller has had.
    handed_out: usize,
    max_line_bytes: usize,
    /// Inside a line that was too long: everything up to its end is thrown away.
    skipping: bool,
    ended: bool,
}

/// Whole lines, in order.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Returns the lines without their line ends.
    pub fn lines(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (line, behind) = match memchr::memchr(b'\n', rest) {
                Some(end) => (rest.get(..end)?, rest.get(end + 1..)?),
                None => (rest, &[][..]),
            };
            rest = behind;
            Some(line)
        })
    }
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads lines of at most `max_line_bytes` bytes from `source`.
    pub fn new(source: R, max_line_bytes: usize) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            filled: 0,
            handed_out: 0,
            max_line_bytes,
            skipping: false,
            ended: false,
        }
    }

    /// Returns the next lines, at least one, as many as have arrived together; `None` when there are no more.
    ///
    /// Dropping the future loses nothing, so it may stand in a `select!`.
    ///
    /// # Errors
    /// [`StdioError::LineTooLong`]: the line is skipped, the next call goes on behind it.
    /// [`StdioError::Read`]: the source failed; from then on there are no more lines.
    pub async fn next_batch(&mut self) -> Result<Option<Batch<'_>>, StdioError> {
        self.forget_handed_out();
        while !self.ended {
            if self.filled > self.max_line_bytes {
                self.skipping = true;
                self.filled = 0;
                self.shrink();
                return Err(StdioError::LineTooLong { limit: self.max_line_bytes });
            }
            let old = self.filled;
            let read = self.read().await;
            if !matches!(read, Ok(1..)) {
                self.ended = true;
            }
            read.map_err(StdioError::Read)?;
            self.handed_out = self.whole_lines(old);
            if self.handed_out > 0 {
                break;
            }
        }
        Ok(self.buffer.get(..self.handed_out).filter(|bytes| !bytes.is_empty()).map(|bytes| Batch { bytes }))
    }

    /// Returns the source. Bytes already read are lost.
    pub fn into_inner(self) -> R {
        self.source
    }

    /// Returns how many bytes from the front are whole lines, when the bytes from `old` on are new.
    fn whole_lines(&mut self, old: usize) -> usize {
        if self.ended {
            return if self.skipping { 0 } else { self.filled };
        }
        if self.skipping {
            let end = memchr::memchr(b'\n', self.buffer.get(..self.filled).unwrap_or_default());
            let drop = end.map_or(self.filled, |end| end + 1);
            self.skipping = end.is_none();
            self.buffer.copy_within(drop..self.filled, 0);
            self.filled -= drop;
            return self.whole_lines_from(0);
        }
        self.whole_lines_from(old)
    }

    fn whole_lines_from(&self, old: usize) -> usize {
        let new = self.buffer.get(old..self.filled).unwrap_or_default();
        memchr::memrchr(b'\n', new).map_or(0, |last| old + last + 1)
    }

    fn forget_handed_out(&mut self) {
        if self.handed_out > 0 {
            self.buffer.copy_within(self.handed_out..self.filled, 0);
            self.filled -= self.handed_out;
            self.handed_out = 0;
            self.shrink();
        }
    }

    /// Gives back what a giant line needed.
    fn shrink(&mut self) {
        let wanted = self.filled.max(READ_BYTES);
        if self.buffer.len() > 4 * wanted {
            self.buffer.truncate(wanted);
            self.buffer.shrink_to_fit();
        }
    }

    /// Reads once. The buffer grows by doubling while it is small and by a quarter then, since all of it counts as
    /// used memory; never beyond one line, its line end, and one byte that tells "too long".
    async fn read(&mut self) -> std::io::Result<usize> {
        let most = self.max_line_bytes.saturating_add(1);
        if self.filled == self.buffer.len() {
            let old = self.buffer.len();
            let size = if old < SMALL_BYTES { old * 2 } else { old + old / 4 };
            let size = size.max(READ_BYTES).min(most);
            self.buffer.reserve_exact(size - self.filled);
            self.buffer.resize(size, 0);
        }
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let mut into = ReadBuf::new(room);
        poll_fn(|context| Pin::new(&mut self.source).poll_read(context, &mut into)).await?;
        let read = into.filled().len();
        self.filled += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::task::{Context, Poll};

    use proptest::prelude::*;

    use super::*;

    /// Hands out its input in the chunks given.
    struct Chunks(VecDeque<Vec<u8>>);

    impl AsyncRead for Chunks {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<std::io::Result<()>> {
            if let Some(mut chunk) = self.0.pop_front() {
                let rest = chunk.split_off(chunk.len().min(into.remaining()));
                into.put_slice(&chunk);
                if !rest.is_empty() {
                    self.0.push_front(rest);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    /// Reads everything: `None` stands for a line that was too long.
    fn read_all(chunks: Vec<Vec<u8>>, max: usize) -> Vec<Option<Vec<u8>>> {
        let chunks = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
        let mut lines = Lines::new(Chunks(chunks), max);
        let mut all = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            loop {
                match lines.next_batch().await {
                    Ok(Some(batch)) => all.extend(batch.lines().map(|line| Some(line.to_vec()))),
                    Ok(None) => return,
                    Err(StdioError::LineTooLong { limit }) => {
                        assert_eq!(limit, max);
                        all.push(None);
                    }
                    Err(error) => panic!("{error}"),
                }
                assert!(lines.buffer.capacity() <= (max + 1).max(READ_BYTES * 4));
            }
        });
        all
    }

    /// What any framing must give: split at `\n`, too long ones replaced.
    fn expected(bytes: &[u8], max: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        if lines.last() == Some(&&[][..]) {
            lines.pop();
        }
        lines.into_iter().map(|line| (line.len() <= max).then(|| line.to_vec())).collect()
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_lines(
            chunks in prop::collection::vec(prop::collection::vec(prop::sample::select(b"ab\r\n".to_vec()), 0..20), 0..20),
            max in 1_usize..12,
        ) {
            let whole = chunks.concat();
            prop_assert_eq!(read_all(chunks, max), expected(&whole, max));
        }
    }

    #[test]
    fn a_line_beyond_the_bound_is_an_error_in_bounded_memory_and_the_next_line_is_read() {
        let mut chunks = vec![vec![b'x'; 1 << 20]; 5];
        chunks.push(b"\nnext\n".to_vec());
        assert_eq!(read_all(chunks, 4 << 20), vec![None, Some(b"next".to_vec())]);
    }

    #[test]
    fn a_line_of_exactly_the_bound_is_fine() {
        let line = vec![b'x'; 1 << 20];
        let all = read_all(vec![[&line[..], b"\nlast"].concat()], 1 << 20);
        assert_eq!(all, vec![Some(line), Some(b"last".to_vec())]);
    }

    #[tokio::test]
    async fn memory_is_given_back_after_a_giant_line() {
        let giant = [vec![b'x'; 10 << 20], b"\n".to_vec()].concat();
        let mut lines = Lines::new(Chunks([giant, b"small\n".to_vec()].into()), DEFAULT_MAX_LINE_BYTES);
        assert_eq!(lines.next_batch().await.unwrap().unwrap().lines().next().unwrap().len(), 10 << 20);
        assert_eq!(lines.next_batch().await.unwrap().unwrap().lines().next().unwrap(), b"small");
        assert!(lines.buffer.capacity() <= READ_BYTES * 4);
    }
}
