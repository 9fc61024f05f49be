//! How many events of an agent go through one run in a second: from the child's pipe over lines, JSON, the sink and
//! the tracker to a follower, while the run is opened, noted and ended in a ledger on disk. And that a long run takes
//! no more memory than a short one.
//!
//! Time runs from handing in the message to the end of the run. Memory is the peak of this process, which is agent's
//! reader, desk and ledger in one, during the runs of one length.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;
use takopi_core::desk::{Follow, Followed};

use super::actors::PLAYED;
use super::stage::Stage;
use super::table::{Amount, Row, Target};
use super::{lines, process};

const SHORT: usize = 20_000;
const LONG: usize = 200_000;
const TIMES: usize = 7;
const HUGE_BYTES: usize = 10_000_000;

/// 300,000 small events a second, so that no agent ever waits for its bridge.
const WANTED: Target = Target::AtLeast(Amount::PerSecond(300_000.0));

pub(super) fn rows() -> anyhow::Result<Vec<Row>> {
    runtime()?.block_on(measure())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

async fn measure() -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let mut stage = Stage::open(folder.path()).await?;
    let mut rows = Vec::new();
    for agent in PLAYED {
        rows.extend(steps(&mut stage, folder.path(), agent).await?);
        rows.extend(recorded(&mut stage, folder.path(), agent).await?);
    }
    stage.close().await;
    Ok(rows)
}

/// Many small lines, twice as many lines, and what they take.
async fn steps(stage: &mut Stage, folder: &Path, agent: &str) -> anyhow::Result<Vec<Row>> {
    let short = lines::steps(folder, agent, SHORT)?;
    let long = lines::steps(folder, agent, LONG)?;
    play(stage, agent, &short, SHORT, false).await.context("a run to warm up")?;
    let mut rows = Vec::new();
    let mut peaks = Vec::new();
    for (file, events) in [(&short, SHORT), (&long, LONG)] {
        process::forget_peak()?;
        for followed in [false, true] {
            let mut measured = Vec::new();
            for _ in 0..TIMES {
                measured.push(play(stage, agent, file, events, followed).await?);
            }
            let who = if followed { "one follower" } else { "no follower" };
            rows.push(Row::new(
                format!("{agent} lines through a run, {events} events, {who}"),
                WANTED,
                measured,
            ));
        }
        peaks.push(process::memory("self", "status", "VmHWM")?);
    }
    if let [Amount::Mebibytes(short), Amount::Mebibytes(long)] = peaks[..] {
        let what = format!("growth of the peak memory from {SHORT} to {LONG} {agent} events");
        let grown = Amount::Mebibytes((long - short).max(0.0));
        rows.push(Row::new(what, Target::AtMost(Amount::Mebibytes(16.0)), vec![grown]));
        let what = format!("peak memory with {LONG} {agent} events");
        rows.push(Row::new(what, Target::Reference, vec![Amount::Mebibytes(long)]));
    }
    Ok(rows)
}

/// The lines of a recording of the real program, which are larger.
async fn recorded(stage: &mut Stage, folder: &Path, agent: &str) -> anyhow::Result<Vec<Row>> {
    let (file, count) = lines::recorded(folder, agent, 2_000)?;
    let bytes = std::fs::metadata(&file)?.len() / count as u64;
    let mut measured = Vec::new();
    for _ in 0..TIMES {
        measured.push(play(stage, agent, &file, count, false).await?);
    }
    let what = format!("{agent} lines as recorded, {bytes} bytes each, {count} lines");
    Ok(vec![Row::new(what, Target::Reference, measured)])
}

/// Names the agent and the file with its line that a process is to measure, and nothing else.
const ONLY: [&str; 2] = ["TAKOPI_MEASURE_AGENT", "TAKOPI_MEASURE_FILE"];

/// One line of 10 MB: how far the peak of memory is above that of a house which has done nothing yet. Each agent has a
/// process of its own: pages that an earlier run has left would cost nothing any more, or count twice.
pub(super) fn line() -> anyhow::Result<Vec<Row>> {
    if let (Ok(agent), Some(file)) = (std::env::var(ONLY[0]), std::env::var_os(ONLY[1])) {
        println!("{}", runtime()?.block_on(peak_of_line(&agent, Path::new(&file)))?);
        return Ok(Vec::new());
    }
    let folder = tempfile::tempdir()?;
    let mut rows = Vec::new();
    for agent in PLAYED {
        let file = lines::huge(folder.path(), agent, HUGE_BYTES)?;
        let mut measured = Vec::new();
        for _ in 0..3 {
            let mut alone = Command::new(std::env::current_exe()?);
            alone.args(["measure", "line"]).env(ONLY[0], agent).env(ONLY[1], &file);
            let output = alone.stderr(Stdio::inherit()).output()?;
            let told = String::from_utf8_lossy(&output.stdout);
            let mebibytes = told.lines().next().and_then(|line| line.parse().ok());
            measured.push(Amount::Mebibytes(mebibytes.context("the process of its own told nothing")?));
        }
        let target = Target::AtMost(Amount::Mebibytes(40.0));
        rows.push(Row::new(
            format!("memory that one {agent} line of 10 MB takes at its peak"),
            target,
            measured,
        ));
    }
    Ok(rows)
}

async fn peak_of_line(agent: &str, file: &Path) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut stage = Stage::open(folder.path()).await?;
    // What any first run needs is not the line's.
    let short = lines::steps(folder.path(), agent, 10)?;
    play(&mut stage, agent, &short, 10, false).await?;
    let before = process::memory("self", "status", "VmRSS")?;
    process::forget_peak()?;
    play(&mut stage, agent, file, 0, false).await?;
    let peak = process::memory("self", "status", "VmHWM")?;
    stage.close().await;
    match (before, peak) {
        (Amount::Mebibytes(before), Amount::Mebibytes(peak)) => Ok((peak - before).max(0.0)),
        _ => anyhow::bail!("memory is not told in mebibytes"),
    }
}

#[expect(clippy::disallowed_methods, reason = "the real time is what is measured")]
async fn play(
    stage: &mut Stage,
    agent: &str,
    file: &Path,
    events: usize,
    followed: bool,
) -> anyhow::Result<Amount> {
    let begun = Instant::now();
    stage.say(&format!("/{agent} {}", file.display())).await?;
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
