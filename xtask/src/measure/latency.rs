//! From an accepted message to its engine's process, from a cancel to its end, and the bare fork and exec to compare with.
//!
//! Both are measured in this process with the same clock and the same program. A spawn returns when the child has
//! executed its program (`posix_spawn` holds the parent that long), so its return is the moment the engine is there.
//! What is left after the bare one is what the house adds: routing, the queue, the run's row made durable.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use takopi_core::desk::{Follow, Followed};
use takopi_core::event::{Outcome, RunEvent};
use tokio::io::AsyncWriteExt;

use super::actors::PLAYED;
use super::lines;
use super::stage::Stage;
use super::table::{Amount, Row, Target};

const TIMES: usize = 200;

/// A cancelled run takes its time to be over: its processes are looked for.
const CANCELS: usize = 50;

#[expect(clippy::disallowed_methods, reason = "the real time is what is measured")]
fn now() -> Instant {
    Instant::now()
}

/// A trivial child, from nothing to its end.
pub(super) fn exec() -> anyhow::Result<Vec<Row>> {
    let mut measured = Vec::new();
    for _ in 0..TIMES {
        measured.push(Amount::from(bare("/bin/true", &[])?));
    }
    Ok(vec![Row::new("fork and exec of `/bin/true`, to its end", Target::Reference, measured)])
}

/// Returns how long a program takes from nothing to its end.
pub(super) fn bare(program: &str, arguments: &[&str]) -> anyhow::Result<Duration> {
    let begun = now();
    let mut command = Command::new(program);
    let quiet = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = quiet.status().with_context(|| format!("failed to run {program}"))?;
    let took = begun.elapsed();
    anyhow::ensure!(status.success(), "{program} ended with {status}");
    Ok(took)
}

/// From the return of `accept` to the engine's process, less what a bare spawn of the same program takes.
pub(super) fn message() -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("answer");
    std::fs::write(&file, "done\n")?;
    let prompt = file.to_string_lossy().into_owned();
    let mut bare = Vec::new();
    for _ in 0..TIMES {
        let begun = now();
        let mut child =
            Command::new("/bin/cat").arg(&prompt).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        bare.push(Amount::from(begun.elapsed()));
        child.wait()?;
    }
    let bare = Row::new("spawn of the engine's program alone", Target::Reference, bare);
    let Some(Amount::Millis(alone)) = bare.median() else { anyhow::bail!("nothing was measured") };

    let mut stage = Stage::open(folder.path()).await?;
    let (mut accepting, mut beyond) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let handed_in = now();
        stage.say(&prompt).await?;
        let accepted = now();
        stage.answered().await?;
        let started = stage.agent.started.lock().ok().and_then(|mut started| started.take());
        let started = started.context("no engine was started")?;
        accepting.push(Amount::from(accepted.duration_since(handed_in)));
        let Amount::Millis(took) = Amount::from(started.saturating_duration_since(accepted)) else {
            continue;
        };
        beyond.push(Amount::Millis(took - alone));
    }
    stage.close().await;
    let accept = Row::new("a message handed in until it is durable", Target::Reference, accepting);
    let target = Target::AtMost(Amount::Millis(5.0));
    Ok(vec![
        bare,
        accept,
        Row::new("message accepted until its engine is spawned, beyond a bare spawn", target, beyond),
    ])
}

/// From an agent's last line to its answer, while the agent's process goes on.
pub(super) fn answer() -> anyhow::Result<Vec<Row>> {
    let what = |agent: &str| format!("{agent}'s last line until its answer is told, its process still there");
    by_hand(TIMES, Amount::Millis(5.0), what, one_answer)
}

/// Measures runs of each agent that are played by hand through a pipe.
fn by_hand(
    times: usize,
    at_most: Amount,
    what: impl Fn(&str) -> String,
    one: impl AsyncFn(&mut Stage, &str, &Path) -> anyhow::Result<Duration>,
) -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        let mut stage = Stage::open(folder.path()).await?;
        let mut rows = Vec::new();
        for agent in PLAYED {
            let mut measured = Vec::new();
            for _ in 0..times {
                measured.push(Amount::from(one(&mut stage, agent, &pipe).await?));
            }
            rows.push(Row::new(what(agent), Target::AtMost(at_most), measured));
        }
        stage.close().await;
        Ok(rows)
    })
}

/// Plays one run by hand: the agent prints what is written into the pipe, and ends when that is closed.
async fn one_answer(stage: &mut Stage, agent: &str, pipe: &Path) -> anyhow::Result<Duration> {
    stage.say(&format!("/{agent} {}", pipe.display())).await?;
    let run = stage.started().await?;
    let mut follow = stage.desk.follow(run, 0).context("nothing to follow")?;
    let (mut beginning, mut ending) = (String::new(), String::new());
    lines::begin(&mut beginning, agent)?;
    lines::end(&mut ending, agent)?;
    let mut words = tokio::fs::OpenOptions::new().write(true).open(pipe).await?;
    words.write_all(beginning.as_bytes()).await?;
    words.flush().await?;
    hear(&mut follow, |event| matches!(event, RunEvent::Session(_))).await?;
    let said = now();
    words.write_all(ending.as_bytes()).await?;
    words.flush().await?;
    hear(&mut follow, |event| matches!(event, RunEvent::Answer(_))).await?;
    let took = said.elapsed();
    drop(words);
    stage.answered().await?;
    Ok(took)
}

/// From the desk's being told to cancel a run to its first signal: the played agent dies of that, and with it the
/// only reader of its pipe.
pub(super) fn cancel() -> anyhow::Result<Vec<Row>> {
    let what = |agent: &str| format!("cancel of a run of {agent} decided until its program is gone");
    by_hand(CANCELS, Amount::Millis(1.0), what, one_cancel)
}

async fn one_cancel(stage: &mut Stage, agent: &str, pipe: &Path) -> anyhow::Result<Duration> {
    stage.say(&format!("/{agent} {}", pipe.display())).await?;
    let run = stage.started().await?;
    let mut follow = stage.desk.follow(run, 0).context("nothing to follow")?;
    let mut beginning = String::new();
    lines::begin(&mut beginning, agent)?;
    let mut words = tokio::fs::OpenOptions::new().write(true).open(pipe).await?;
    words.write_all(beginning.as_bytes()).await?;
    words.flush().await?;
    hear(&mut follow, |event| matches!(event, RunEvent::Session(_))).await?;
    let words = words.into_std().await;
    let gone = tokio::task::spawn_blocking(move || {
        let mut end = [PollFd::new(&words, PollFlags::empty())];
        poll(&mut end, Some(&Timespec { tv_sec: 10, tv_nsec: 0 })).map(|ended| (ended == 1).then(now))
    });
    let decided = now();
    anyhow::ensure!(stage.desk.cancel(run), "there is nothing to cancel");
    let gone = gone.await??.context("the program did not end")?;
    stage.ended(&Outcome::Cancelled).await?;
    Ok(gone.saturating_duration_since(decided))
}

/// Follows a run until the event that is waited for.
async fn hear(follow: &mut Follow, is_it: impl Fn(&RunEvent) -> bool) -> anyhow::Result<()> {
    loop {
        match follow.next().await.context("the run ended before its answer")? {
            Followed::Event { event, .. } if is_it(&event) => return Ok(()),
            _ => {}
        }
    }
}
