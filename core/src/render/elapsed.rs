//! How long something took, as people read it at a glance.

use std::time::Duration;

/// Returns `12s`, `3m 05s` or `1h 02m`: whole units, rounded down; hours are the largest.
#[must_use]
pub fn format_elapsed(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_at_most_are_shown() {
        let shown = |ms| format_elapsed(Duration::from_millis(ms));
        assert_eq!([shown(0), shown(999), shown(59_999)], ["0s", "0s", "59s"]);
        assert_eq!([shown(60_000), shown(185_000), shown(3_599_000)], ["1m 00s", "3m 05s", "59m 59s"]);
        assert_eq!([shown(3_720_000), shown(360_000_000)], ["1h 02m", "100h 00m"]);
    }
}
