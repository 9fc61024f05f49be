//! How many events of an agent go through one run in a second: from the child's pipe over lines, JSON, the sink and
//! the tracker to a follower, while the run is opened, noted and ended in a ledger on disk. And that a long run takes
//! no more memory than a short one.
//!
//! Time runs from handing in the message to the end of the run. Memory is the peak of this process, which is agent's
//! reader, desk and ledger in one, during the runs of one length.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use takopi_core::desk::{Follow, Followed};

use super::process;
use super::stage::Stage;
use super::table::{Amount, Row, Target};

const SHORT: usize = 20_000;
const LONG: usize = 200_000;
const TIMES: usize = 7;

/// 300,000 small events a second, so that no agent ever waits for its bridge.
const WANTED: Target = Target::AtLeast(Amount::PerSecond(300_000.0));

pub(super) fn rows() -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let short = script(folder.path(), SHORT)?;
    let long = script(folder.path(), LONG)?;
    let mut stage = Stage::open(folder.path()).await?;
    play(&mut stage, &short, SHORT, false).await.context("a run to warm up")?;

    let mut rows = Vec::new();
    let mut peaks = Vec::new();
    for (file, events) in [(&short, SHORT), (&long, LONG)] {
        process::forget_peak()?;
        for followed in [false, true] {
            let mut measured = Vec::new();
            for _ in 0..TIMES {
                measured.push(play(&mut stage, file, events, followed).await?);
            }
            let who = if followed { "one follower" } else { "no follower" };
            rows.push(Row::new(
                format!("JSON lines through a run, {events} events, {who}"),
                WANTED,
                measured,
            ));
        }
        peaks.push(process::memory("self", "status", "VmHWM")?);
    }
    stage.close().await;
    if let [Amount::Mebibytes(short), Amount::Mebibytes(long)] = peaks[..] {
        let what = format!("growth of the peak memory from {SHORT} to {LONG} events");
        let grown = Amount::Mebibytes((long - short).max(0.0));
        rows.push(Row::new(what, Target::AtMost(Amount::Mebibytes(16.0)), vec![grown]));
        let what = format!("peak memory with {LONG} events");
        rows.push(Row::new(what, Target::Reference, vec![Amount::Mebibytes(long)]));
    }
    Ok(rows)
}

#[expect(clippy::disallowed_methods, reason = "the real time is what is measured")]
async fn play(stage: &mut Stage, file: &Path, events: usize, followed: bool) -> anyhow::Result<Amount> {
    let begun = Instant::now();
    stage.say(&file.to_string_lossy()).await?;
    let run = stage.started().await?;
    let follower = match followed {
        true => Some(tokio::task::spawn(read(stage.desk.follow(run, 0).context("nothing to follow")?))),
        false => None,
    };
    stage.answered().await?;
    let seconds = begun.elapsed().as_secs_f64();
    if let Some(follower) = follower {
        let last = follower.await?;
        anyhow::ensure!(last > events as u64, "the follower saw the run only up to event {last}");
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of events is small")]
    Ok(Amount::PerSecond(events as f64 / seconds))
}

/// Reads a run to its end and returns the number of the end.
async fn read(mut follow: Follow) -> u64 {
    let mut last = 0;
    while let Some(item) = follow.next().await {
        let (Followed::Snapshot { seq, .. } | Followed::Event { seq, .. } | Followed::End { seq, .. }) = item;
        last = seq;
    }
    last
}

/// Writes what the agent will print: every step begins and ends, as an agent's do.
fn script(folder: &Path, events: usize) -> anyhow::Result<PathBuf> {
    let mut lines = String::new();
    for number in 0..events {
        let (step, phase) = (number / 2, if number % 2 == 0 { "started" } else { "completed" });
        writeln!(
            lines,
            r#"{{"type":"action","id":"a{step}","phase":"{phase}","title":"cargo check -p package-{step}"}}"#
        )?;
    }
    lines.push_str("{\"type\":\"result\",\"text\":\"done\"}\n");
    let file = folder.join(format!("{events}.jsonl"));
    std::fs::write(&file, lines)?;
    Ok(file)
}
