//! From an accepted message to its engine's process, and the bare fork and exec to compare with.
//!
//! Both are measured in this process with the same clock and the same program. A spawn returns when the child has
//! executed its program (`posix_spawn` holds the parent that long), so its return is the moment the engine is there.
//! What is left after the bare one is what the house adds: routing, the queue, the run's row made durable.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::stage::Stage;
use super::table::{Amount, Row, Target};

const TIMES: usize = 200;

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
    let file = folder.path().join("answer.jsonl");
    std::fs::write(&file, "{\"type\":\"result\",\"text\":\"done\"}\n")?;
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
