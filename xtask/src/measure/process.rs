//! What Linux tells of a process: its memory, and how long it was at work.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

use super::table::Amount;

/// Returns a line of `/proc/PID/FILE` that reads `key:  123 kB`. `pid` may be `self`.
pub(super) fn memory(pid: &str, file: &str, key: &str) -> anyhow::Result<Amount> {
    let path = format!("/proc/{pid}/{file}");
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    Ok(Amount::bytes(kib.with_context(|| format!("{path} has no {key}"))? * 1024))
}

/// Lets this process's peak of memory begin anew.
pub(super) fn forget_peak() -> anyhow::Result<()> {
    fs::write("/proc/self/clear_refs", "5").context("failed to reset the peak of memory")
}

/// Returns how long a process has been at work on a processor, its threads together: fields 14 and 15 of `proc_pid_stat(5)`.
pub(super) fn worked(pid: &str) -> anyhow::Result<Duration> {
    ticks(pid, [11, 12])
}

/// Returns how long this process's children that have ended were at work: fields 16 and 17.
pub(super) fn worked_by_children() -> anyhow::Result<Duration> {
    ticks("self", [13, 14])
}

/// Adds up fields of `/proc/PID/stat`, counted from the one after the name.
fn ticks(pid: &str, fields: [usize; 2]) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    let after: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = fields.iter().map(|at| after.get(*at)?.parse::<u64>().ok()).sum::<Option<u64>>();
    // A tick is 10 ms on every Linux that anybody builds.
    Ok(Duration::from_millis(10 * ticks.with_context(|| format!("{path} has other fields"))?))
}
