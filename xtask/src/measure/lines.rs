//! What the played agents print: lines as the real ones print them, small and many, or one that is huge.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

/// Writes a run of `agent` that tells `events` steps' events, and returns the file.
pub(super) fn steps(folder: &Path, agent: &str, events: usize) -> anyhow::Result<PathBuf> {
    let mut lines = String::new();
    begin(&mut lines, agent)?;
    for number in 0..events {
        let (step, ends) = (number / 2, number % 2 == 1);
        let command = format!("cargo check -p package-{step}");
        let line = match (agent, ends) {
            ("codex", false) => json!({"type": "item.started", "item": {
                "id": format!("item_{step}"), "type": "command_execution", "command": command,
                "aggregated_output": "", "exit_code": null, "status": "in_progress"}}),
            ("codex", true) => json!({"type": "item.completed", "item": {
                "id": format!("item_{step}"), "type": "command_execution", "command": command,
                "aggregated_output": "ok\n", "exit_code": 0, "status": "completed"}}),
            (_, false) => json!({"type": "assistant", "message": {"role": "assistant", "content": [
                {"type": "tool_use", "id": format!("toolu_{step}"), "name": "Bash", "input": {"command": command}}]}}),
            (_, true) => json!({"type": "user", "message": {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": format!("toolu_{step}"), "content": "ok", "is_error": false}]}}),
        };
        writeln!(lines, "{line}")?;
    }
    end(&mut lines, agent)?;
    save(folder, &format!("{agent}-{events}.jsonl"), &lines)
}

/// Writes the lines of a recording, `times` over, within one run, and returns the file and how many lines there are.
pub(super) fn recorded(folder: &Path, agent: &str, times: usize) -> anyhow::Result<(PathBuf, usize)> {
    let recording = match agent {
        "codex" => include_str!("../../../engines/fixtures/codex/multi.jsonl"),
        _ => include_str!("../../../engines/fixtures/claude/multi.jsonl"),
    };
    let all: Vec<&str> = recording.lines().collect();
    let mut lines = String::new();
    let mut count = 0;
    for number in 0..times {
        // The result stands once, at the end.
        let body =
            if number + 1 == times { &all[..] } else { all.split_last().map_or(&[][..], |(_, body)| body) };
        for line in body {
            writeln!(lines, "{line}")?;
            count += 1;
        }
    }
    Ok((save(folder, &format!("{agent}-recorded.jsonl"), &lines)?, count))
}

/// Writes a run of `agent` with one line of `bytes`: the output of a command.
pub(super) fn huge(folder: &Path, agent: &str, bytes: usize) -> anyhow::Result<PathBuf> {
    let output = "0123456789abcdef0123456789abcdef\n".repeat(bytes / 33);
    let mut lines = String::new();
    begin(&mut lines, agent)?;
    let line = match agent {
        "codex" => json!({"type": "item.completed", "item": {"id": "item_0", "type": "command_execution",
            "command": "cat big", "aggregated_output": output, "exit_code": 0, "status": "completed"}}),
        _ => json!({"type": "user", "message": {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_0", "content": output, "is_error": false}]}}),
    };
    writeln!(lines, "{line}")?;
    end(&mut lines, agent)?;
    save(folder, &format!("{agent}-huge.jsonl"), &lines)
}

/// Writes the beginning of a run.
pub(super) fn begin(lines: &mut String, agent: &str) -> std::fmt::Result {
    const SESSION: &str = "0199a213-81c0-7800-8aa1-bbab2a035a53";
    match agent {
        "codex" => writeln!(lines, "{}", json!({"type": "thread.started", "thread_id": SESSION})),
        _ => writeln!(lines, "{}", json!({"type": "system", "subtype": "init", "session_id": SESSION})),
    }
}

/// Writes the end of a run.
pub(super) fn end(lines: &mut String, agent: &str) -> std::fmt::Result {
    if agent == "codex" {
        let answer = json!({"type": "item.completed", "item": {
            "id": "item_last", "type": "agent_message", "text": "done"}});
        let usage = json!({"input_tokens": 1, "output_tokens": 1});
        writeln!(lines, "{answer}\n{}", json!({"type": "turn.completed", "usage": usage}))
    } else {
        let result = json!({"type": "result", "subtype": "success", "is_error": false, "result": "done",
            "session_id": "0199a213-81c0-7800-8aa1-bbab2a035a53"});
        writeln!(lines, "{result}")
    }
}

fn save(folder: &Path, name: &str, lines: &str) -> anyhow::Result<PathBuf> {
    let file = folder.join(name);
    std::fs::write(&file, lines)?;
    Ok(file)
}
