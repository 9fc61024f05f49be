//! Putting text on a terminal safely: nothing an engine wrote may drive it, and lines that are repainted
//! must not wrap.

use std::io::{self, Write};

use takopi_core::text::visible;
use unicode_width::UnicodeWidthChar;

/// Columns when the terminal doesn't say.
const USUAL_COLUMNS: usize = 80;

/// Returns `line` on one line of at most `columns`, with `…` where it was cut.
pub(super) fn fit(line: &str, columns: usize) -> String {
    let clean = visible(line);
    let flat: String = clean.chars().map(|c| if c == '\t' || c == '\n' { ' ' } else { c }).collect();
    let width = |c: char| c.width().unwrap_or(0);
    if flat.chars().map(width).sum::<usize>() <= columns {
        return flat;
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in flat.chars() {
        used += width(c);
        if used + 1 > columns {
            break;
        }
        cut.push(c);
    }
    cut + "…"
}

/// Lines on stderr that are painted over in place.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    painted: usize,
}

impl Canvas {
    /// Returns how wide a line may be. One column stays free: some terminals wrap on the last one.
    pub(super) fn columns() -> usize {
        let size = rustix::termios::tcgetwinsize(io::stderr()).map(|size| usize::from(size.ws_col));
        size.ok().filter(|columns| *columns > 0).unwrap_or(USUAL_COLUMNS).saturating_sub(1).max(10)
    }

    /// Paints `lines` over the last ones.
    pub(super) fn paint(&mut self, lines: &[String]) {
        let mut frame = self.home();
        for line in lines {
            frame.push_str(line);
            frame.push('\n');
        }
        self.painted = lines.len();
        put(&frame);
    }

    /// Takes the lines away.
    pub(super) fn clear(&mut self) {
        let frame = self.home();
        self.painted = 0;
        put(&frame);
    }

    /// Returns what goes to the first painted line and clears from there on.
    fn home(&self) -> String {
        match self.painted {
            0 => String::new(),
            lines => format!("\u{1b}[{lines}A\r\u{1b}[J"),
        }
    }
}

fn put(frame: &str) {
    let mut stderr = io::stderr().lock();
    if stderr.write_all(frame.as_bytes()).and_then(|()| stderr.flush()).is_err() {
        tracing::debug!("the terminal is gone");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_whatever_is_in_it() {
        assert_eq!(fit("short", 10), "short");
        assert_eq!(fit("exactly ten", 11), "exactly ten");
        assert_eq!(fit("much too long", 6), "much …");
        assert_eq!(fit("漢字漢字", 5), "漢字…");
        assert_eq!(fit("two\nlines\u{1b}[1m", 20), "two lines");
    }
}
