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
    Percent(f64),
    /// Of what its row says.
    Count(f64),
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

    /// Returns how many there are for each of `of`, such as seconds.
    pub(crate) fn count(count: usize, of: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "what is counted stays below 2^53")]
        Self::Count(count as f64 / of)
    }

    const fn number(self) -> f64 {
        match self {
            Self::Millis(number)
            | Self::Seconds(number)
            | Self::Mebibytes(number)
            | Self::PerSecond(number)
            | Self::Percent(number)
            | Self::Count(number) => number,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Millis(number) => write!(f, "{number:.2} ms"),
            Self::Seconds(number) => write!(f, "{number:.0} s"),
            Self::Mebibytes(number) => write!(f, "{number:.1} MiB"),
            Self::Percent(number) => write!(f, "{number:.2} %"),
            Self::Count(number) => write!(f, "{number:.1}"),
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
    /// Somebody else of whom the same was measured, by name.
    beside: Option<(String, Vec<Amount>)>,
}

impl Row {
    /// Returns the row of these measurements, of which there must be some.
    pub(crate) fn new(what: impl Into<String>, target: Target, mut measured: Vec<Amount>) -> Self {
        measured.sort_by(|a, b| a.number().total_cmp(&b.number()));
        Self { what: what.into(), target, measured, beside: None }
    }

    /// Puts the measurements of somebody else beside these; nobody judges them.
    pub(crate) fn beside(self, name: &str, other: Self) -> Self {
        Self { beside: Some((name.to_owned(), other.measured)), ..self }
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

    fn cells(&self) -> Vec<String> {
        let target = match self.target {
            Target::AtMost(amount) => format!("≤ {amount}"),
            Target::AtLeast(amount) => format!("≥ {amount}"),
            Target::Reference => "–".to_owned(),
        };
        let verdict = match self.target {
            Target::Reference => "–",
            _ if self.misses() => "MISSED",
            _ => "met",
        };
        let [median, worst] = self.numbers(&self.measured);
        vec![self.what.clone(), target, median, worst, verdict.to_owned()]
    }

    /// Returns the median and the worst of sorted amounts.
    fn numbers(&self, measured: &[Amount]) -> [String; 2] {
        let shown =
            |amount: Option<&Amount>| amount.map_or_else(|| "?".to_owned(), |amount| amount.to_string());
        let worst = match self.target {
            Target::AtLeast(_) => measured.first(),
            Target::AtMost(_) | Target::Reference => measured.last(),
        };
        let (count, median) = (measured.len(), shown(measured.get(measured.len() / 2)));
        [if count > 1 { format!("{median} (of {count})") } else { median }, shown(worst)]
    }
}

/// Returns the rows as a Markdown table; it is wider where somebody was measured beside.
pub(crate) fn render(rows: &[Row]) -> String {
    let mut head = ["what", "target", "median", "worst", "verdict"].map(str::to_owned).to_vec();
    let mut rule = ["---", "--:", "--:", "--:", "---"].map(str::to_owned).to_vec();
    let other = rows.iter().find_map(|row| row.beside.as_ref());
    if let Some((name, _)) = other {
        head.extend([name.clone(), "its worst".to_owned()]);
        rule.extend(["--:", "--:"].map(str::to_owned));
    }
    let cells = rows.iter().map(|row| {
        let mut cells = row.cells();
        if other.is_some() {
            let beside = row.beside.as_ref().map(|(_, measured)| row.numbers(measured));
            cells.extend(beside.unwrap_or_else(|| ["–", "–"].map(str::to_owned)));
        }
        cells
    });
    let lines = [head, rule].into_iter().chain(cells);
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

    #[test]
    fn somebody_measured_beside_widens_the_table() {
        let row = |number: f64| Row::new("start", Target::Reference, vec![Amount::Millis(number)]);
        assert_eq!(
            render(&[row(1.0).beside("other", row(2.0)), row(3.0)]),
            "| what | target | median | worst | verdict | other | its worst |\n\
             | --- | --: | --: | --: | --- | --: | --: |\n\
             | start | – | 1.00 ms | 1.00 ms | – | 2.00 ms | 2.00 ms |\n\
             | start | – | 3.00 ms | 3.00 ms | – | – | – |\n"
        );
    }
}
