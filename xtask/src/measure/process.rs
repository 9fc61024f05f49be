//! What Linux tells of a process's memory, and a stopwatch around a child.

use std::fs;

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
