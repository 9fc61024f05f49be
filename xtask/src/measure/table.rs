//! What was measured against what is wanted, as rows of a Markdown table.

use std::fmt;
use std::time::Duration;

/// A number with its unit.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) enum Amount {
    Millis(f64),
    Seconds(f64),
    Mebibytes(f64),
    PerSecond(f64),
}

impl From<Duration> for Amount {
    fn from(duration: Duration) -> Self {
        Self::Millis(duration.as_secs_f64() * 1000.0)
    }
}

impl Amount {
    pub(crate) fn bytes(bytes: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "sizes stay below 2^53")]
        Self::Mebibytes(bytes as f64 / f64::from(1 << 20))
    }

    const fn number(self) -> f64 {
        match self {
            Self::Millis(number)
            | Self::Seconds(number)
            | Self::Mebibytes(number)
            | Self::PerSecond(number) => number,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Millis(number) => write!(f, "{number:.2} ms"),
            Self::Seconds(number) => write!(f, "{number:.0} s"),
            Self::Mebibytes(number) => write!(f, "{number:.1} MiB"),
            Self::PerSecond(number) => write!(f, "{:.0} k/s", number / 1000.0),
        }
    }
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    AtMost(Amount),
    AtLeast(Amount),
    /// It is there to compare with.
    Reference,
}

/// One thing that was measured, some number of times.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    what: String,
    target: Target,
    measured: Vec<Amount>,
}

impl Row {
    /// Returns the row of these measurements, of which there must be some.
    pub(crate) fn new(what: impl Into<String>, target: Target, mut measured: Vec<Amount>) -> Self {
        measured.sort_by(|a, b| a.number().total_cmp(&b.number()));
        Self { what: what.into(), target, measured }
    }

    /// Returns the middle one; of an even number the upper of the two in the middle.
    pub(crate) fn median(&self) -> Option<Amount> {
        self.measured.get(self.measured.len() / 2).copied()
    }

    /// Returns whether the median is on the wrong side of the target.
    pub(crate) fn misses(&self) -> bool {
        match (self.median(), self.target) {
            (_, Target::Reference) => false,
            (None, _) => true,
            (Some(median), Target::AtMost(most)) => median.number() > most.number(),
            (Some(median), Target::AtLeast(least)) => median.number() < least.number(),
        }
    }

    fn cells(&self) -> [String; 5] {
        let target = match self.target {
            Target::AtMost(amount) => format!("≤ {amount}"),
            Target::AtLeast(amount) => format!("≥ {amount}"),
            Target::Reference => "–".to_owned(),
        };
        let shown =
            |amount: Option<Amount>| amount.map_or_else(|| "?".to_owned(), |amount| amount.to_string());
        let worst = match self.target {
            Target::AtLeast(_) => self.measured.first(),
            Target::AtMost(_) | Target::Reference => self.measured.last(),
        };
        let verdict = match self.target {
            Target::Reference => "–",
            _ if self.misses() => "MISSED",
            _ => "met",
        };
        let count = self.measured.len();
        let median = shown(self.median());
        let median = if count > 1 { format!("{median} (of {count})") } else { median };
        [self.what.clone(), target, median, shown(worst.copied()), verdict.to_owned()]
    }
}

/// Returns the rows as a Markdown table.
pub(crate) fn render(rows: &[Row]) -> String {
    let head = ["what", "target", "median", "worst", "verdict"].map(str::to_owned);
    let rule = ["---", "--:", "--:", "--:", "---"].map(str::to_owned);
    let lines = [head, rule].into_iter().chain(rows.iter().map(Row::cells));
    lines.map(|cells| format!("| {} |\n", cells.join(" | "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_judged_by_its_median_and_shows_its_worst() {
        let target = Target::AtMost(Amount::Millis(5.0));
        let row = Row::new("start", target, [9.0, 1.0, 4.0].map(Amount::Millis).to_vec());
        let speed = Row::new("speed", Target::AtLeast(Amount::PerSecond(3e5)), vec![Amount::PerSecond(2e5)]);
        assert!(!row.misses() && speed.misses());
        assert_eq!(
            render(&[row, speed]),
            "| what | target | median | worst | verdict |\n\
             | --- | --: | --: | --: | --- |\n\
             | start | ≤ 5.00 ms | 4.00 ms (of 3) | 9.00 ms | met |\n\
             | speed | ≥ 300 k/s | 200 k/s | 200 k/s | MISSED |\n"
        );
    }
}
