//! Which of the client's tools does what the model wants, and how it is to be asked.
//!
//! codex has a shell and `apply_patch`, claude `Bash`, `Write` and `Edit`, opencode and pi the same in small letters
//! with other keys. What a tool takes is read off the schema it was offered with.

use serde_json::{Value, json};

use super::conversation::Conversation;
use super::script::{AFTER, BEFORE, Call, Input, Wish};

/// How long a command may take, far beyond any test. Some clients count it in milliseconds, some in seconds.
const COMMAND_LIMIT_S: u64 = 600;

/// How long codex waits for a command before it asks the model again; its own limit.
const YIELD_MS: u64 = 30_000;

/// Puts a wish in the client's words; `None` when it has no tool for it.
pub(super) fn call(conversation: &Conversation, wish: Wish<'_>) -> Option<Call> {
    match wish {
        Wish::Run(command) => run(conversation, command),
        Wish::Write(path) => write(conversation, path),
        Wish::Change(path) => change(conversation, path),
    }
}

fn run(conversation: &Conversation, command: &str) -> Option<Call> {
    let (name, tool) =
        tool(conversation, &["bash", "shell_command", "exec_command", "shell", "local_shell"])?;
    let schema = tool.to_string();
    let input = match bare(name).as_str() {
        "exec_command" => json!({"cmd": command, "yield_time_ms": YIELD_MS}),
        "shell_command" => json!({"command": command, "timeout_ms": COMMAND_LIMIT_S * 1000}),
        "shell" | "local_shell" => {
            json!({"command": ["bash", "-lc", command], "timeout_ms": COMMAND_LIMIT_S * 1000})
        }
        _ => {
            let in_seconds = schema.contains("econds") && !schema.contains("illisec");
            let limit = COMMAND_LIMIT_S * if in_seconds { 1 } else { 1000 };
            let mut input = json!({"command": command, "timeout": limit});
            if schema.contains("\"description\":{") {
                input["description"] = "Run a command".into();
            }
            input
        }
    };
    Some(Call { name: name.to_owned(), input: Input::Object(input) })
}

fn write(conversation: &Conversation, path: &str) -> Option<Call> {
    let Some((name, tool)) = tool(conversation, &["write"]) else {
        return patch(conversation, &format!("*** Add File: {path}\n+{BEFORE}"));
    };
    let input = json!({path_key(tool): in_directory(conversation, path), "content": format!("{BEFORE}\n")});
    Some(Call { name: name.to_owned(), input: Input::Object(input) })
}

fn change(conversation: &Conversation, path: &str) -> Option<Call> {
    let Some((name, tool)) = tool(conversation, &["edit"]) else {
        return patch(conversation, &format!("*** Update File: {path}\n@@\n-{BEFORE}\n+{AFTER}"));
    };
    let schema = tool.to_string();
    let (old, new) = [("old_string", "new_string"), ("oldString", "newString"), ("oldText", "newText")]
        .into_iter()
        .find(|(old, _)| schema.contains(old))?;
    let mut input = json!({path_key(tool): in_directory(conversation, path)});
    if schema.contains("\"edits\"") {
        input["edits"] = json!([{old: BEFORE, new: AFTER}]);
    } else {
        input[old] = BEFORE.into();
        input[new] = AFTER.into();
    }
    Some(Call { name: name.to_owned(), input: Input::Object(input) })
}

fn patch(conversation: &Conversation, body: &str) -> Option<Call> {
    let patch = format!("*** Begin Patch\n{body}\n*** End Patch");
    let Some((name, tool)) = tool(conversation, &["apply_patch"]) else {
        // Without the tool, the same word in the shell does it.
        return run(conversation, &format!("apply_patch <<'PATCH'\n{patch}\nPATCH"));
    };
    let input = match tool["type"].as_str() {
        Some("custom") => Input::Raw(patch),
        _ => Input::Object(json!({"input": patch})),
    };
    Some(Call { name: name.to_owned(), input })
}

/// Returns the first of these tools that the client offers.
fn tool<'a>(conversation: &'a Conversation, names: &[&str]) -> Option<(&'a str, &'a Value)> {
    names.iter().find_map(|wanted| {
        conversation
            .tools
            .iter()
            .find(|(name, _)| bare(name) == *wanted)
            .map(|(name, tool)| (name.as_str(), tool))
    })
}

/// Returns a tool's name without its namespace, in small letters.
fn bare(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_lowercase()
}

fn path_key(tool: &Value) -> &'static str {
    let schema = tool.to_string();
    ["file_path", "filePath"].into_iter().find(|key| schema.contains(&format!("\"{key}\""))).unwrap_or("path")
}

fn in_directory(conversation: &Conversation, path: &str) -> String {
    match conversation.directory() {
        Some(directory) if !path.starts_with('/') => format!("{directory}/{path}"),
        _ => path.to_owned(),
    }
}
