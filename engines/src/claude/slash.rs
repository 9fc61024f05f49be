//! Prompts that begin with a slash. claude takes the first word of one for a command, and answers one it does
//! not know without asking the model. Its own commands are wanted in a chat, and so are the project's; but a
//! text that merely begins so has to reach the model: a blank before it is enough.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::agent::config::Common;

/// Commands claude brings (`slash_commands` of its first line, 2.1.197 and 2.1.329, and names they go by).
const BUILT_IN: [&str; 47] = [
    "agents",
    "auto-mode-setup",
    "autocompact",
    "batch",
    "claude-api",
    "code-review",
    "color",
    "compact",
    "config",
    "context",
    "cost",
    "dataviz",
    "debug",
    "deep-research",
    "doctor",
    "effort",
    "fast",
    "fewer-permission-prompts",
    "focus",
    "goal",
    "heapdump",
    "init",
    "insights",
    "list-agents",
    "loop",
    "mcp",
    "model",
    "output-style",
    "plugin-authoring",
    "pr-comments",
    "recap",
    "release-notes",
    "reload-plugins",
    "reload-skills",
    "rename",
    "review",
    "run",
    "run-skill-generator",
    "security-review",
    "simplify",
    "stats",
    "team-onboarding",
    "todos",
    "update-config",
    "usage",
    "verify",
    "workflow-authoring",
];

/// Commands after which claude is in another session than the one it was asked to continue.
const NEW_SESSION: [&str; 1] = ["clear"];

/// What a prompt is to claude.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Slash<'a> {
    /// One of its commands, or of the project's.
    Command,
    /// A command that begins another session.
    NewSession(&'a str),
    /// A text, as it is to be handed over.
    Text(Cow<'a, str>),
}

impl<'a> Slash<'a> {
    /// Returns what `prompt` is to a claude that works in `dir` and keeps its own files in `home`.
    pub(super) fn of(prompt: &'a str, dir: &Path, home: Option<&Path>) -> Self {
        let Some(rest) = prompt.strip_prefix('/') else { return Self::Text(prompt.into()) };
        let word = rest.split_whitespace().next().unwrap_or_default();
        if NEW_SESSION.contains(&word) {
            return Self::NewSession(word);
        }
        // No text begins with a word such as /plugin:command.
        let namespaced = word.split_once(':').is_some_and(|(plugin, name)| is_name(plugin) && is_name(name));
        if namespaced || BUILT_IN.contains(&word) || is_name(word) && is_written(word, dir, home) {
            return Self::Command;
        }
        Self::Text(format!(" {prompt}").into())
    }
}

fn is_name(word: &str) -> bool {
    let legal = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    !word.is_empty() && word.chars().all(legal)
}

/// Returns whether somebody has written the command or the skill `word`: claude looks for them in its
/// directory, in those above it, and in its home.
fn is_written(word: &str, dir: &Path, home: Option<&Path>) -> bool {
    let places = dir.ancestors().map(|dir| dir.join(".claude")).chain(home.map(Path::to_owned));
    places.into_iter().any(|place| {
        place.join("commands").join(format!("{word}.md")).is_file()
            || place.join("skills").join(word).join("SKILL.md").is_file()
    })
}

/// Returns where claude keeps its own files: `CLAUDE_CONFIG_DIR`, else `~/.claude`.
pub(super) fn home(common: &Common) -> Option<PathBuf> {
    const KEY: &str = "CLAUDE_CONFIG_DIR";
    let set = common.env.iter().find(|(name, _)| name == KEY);
    let set = set.map(|(_, value)| OsString::from(value.reveal())).or_else(|| std::env::var_os(KEY));
    set.map(PathBuf::from).or_else(|| std::env::home_dir().map(|home| home.join(".claude")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(prompt: &str) -> Slash<'_> {
        Slash::of(prompt, Path::new("/nowhere"), None)
    }

    #[test]
    fn only_a_text_that_begins_with_an_unknown_word_is_moved_off_the_slash() {
        for prompt in ["fix /etc/hosts", "", " /compact", "- a"] {
            assert_eq!(read(prompt), Slash::Text(prompt.into()));
        }
        for prompt in ["/frobnicate the thing", "/etc/hosts is wrong", "/", "/ x", "//", "/a:", "/Compact"] {
            assert_eq!(read(prompt), Slash::Text(format!(" {prompt}").into()), "{prompt}");
        }
        for prompt in ["/compact", "/review 12", "/compact\nkeep the tests", "/plugin:name x"] {
            assert_eq!(read(prompt), Slash::Command, "{prompt}");
        }
        assert_eq!(read("/clear now"), Slash::NewSession("clear"));
    }

    #[test]
    fn commands_and_skills_of_the_project_and_of_the_person_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let (home, project) = (folder.path().join("home"), folder.path().join("app"));
        let inner = project.join("src/deep");
        fs::create_dir_all(&inner).unwrap();
        for (place, file) in
            [(project.join(".claude/commands"), "ship.md"), (home.join("skills/tidy"), "SKILL.md")]
        {
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join(file), "x").unwrap();
        }
        let is_command = |prompt| Slash::of(prompt, &inner, Some(&home)) == Slash::Command;
        assert!(is_command("/ship it") && is_command("/tidy"));
        assert!(!is_command("/ship/it") && !is_command("/../ship") && !is_command("/other"));
    }

    #[test]
    fn every_command_of_the_recorded_versions_is_known() {
        for folder in ["claude", "claude-2.1.329"] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
            let text = fs::read_to_string(file.join("answer.jsonl")).unwrap();
            let init: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
            let words = init["slash_commands"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
            // Those with underscores in front and the one of workflows are its own errands.
            for word in words.filter(|word| !word.starts_with('_') && *word != "workflow-launch-exec") {
                assert!(!matches!(read(&format!("/{word}")), Slash::Text(_)), "{word}");
            }
        }
    }
}
