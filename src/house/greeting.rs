//! What a transport with a main chat says there when the daemon is ready, and what its menu offers.

use std::path::Path;

use takopi_core::message::Body;
use takopi_core::port::command::EngineStatus;
use takopi_core::render::code_span;
use takopi_telegram::MenuEntry;

use super::bot::Ways;

/// What the greeting tells of.
pub(super) struct Greeting<'a> {
    /// The engine where nobody says otherwise.
    pub(super) default_engine: &'a str,
    /// The engines that serve the chat.
    pub(super) engines: &'a [EngineStatus],
    /// The projects, as they are written.
    pub(super) projects: Vec<&'a str>,
    /// How the bot serves.
    pub(super) ways: &'a Ways,
    /// Where the daemon works.
    pub(super) dir: &'a Path,
    /// What people should know at once.
    pub(super) warnings: &'a [String],
}

impl Greeting<'_> {
    pub(super) fn body(&self) -> Body {
        let mut projects = self.projects.clone();
        projects.sort_by_key(|alias| alias.to_lowercase());
        let projects = if projects.is_empty() { "none".to_owned() } else { projects.join(", ") };
        let resume_lines = if self.ways.resume_lines { "shown" } else { "hidden" };
        let dir = self.dir.display().to_string();
        let lines = [
            ("default", self.default_engine),
            ("engines", &self.engines_line()),
            ("projects", &projects),
            ("mode", self.ways.mode),
            (self.ways.more.0, &self.ways.more.1),
            ("resume lines", resume_lines),
            ("working in", &dir),
        ];
        let lines = lines.map(|(key, value)| format!("{key}: {}", code_span(value))).join("  \n");
        let paragraphs = ["🐙 **takopi is ready**".to_owned(), lines];
        let warnings = self.warnings.iter().map(|warning| format!("⚠️ {warning}"));
        Body::markdown(paragraphs.into_iter().chain(warnings).collect::<Vec<_>>().join("\n\n"))
    }

    fn engines_line(&self) -> String {
        let missing = |engine: &&EngineStatus| engine.issue.as_deref().is_some_and(is_missing);
        let ids = |keep: &dyn Fn(&&EngineStatus) -> bool| {
            let ids: Vec<&str> = self.engines.iter().filter(keep).map(|engine| engine.id.as_str()).collect();
            ids.join(", ")
        };
        let usable = ids(&|engine| engine.issue.is_none());
        let notes = [
            ("not installed", ids(&missing)),
            ("misconfigured", ids(&|engine| engine.issue.is_some() && !missing(engine))),
        ];
        let notes: Vec<String> = notes
            .into_iter()
            .filter(|(_, ids)| !ids.is_empty())
            .map(|(what, ids)| format!("{what}: {ids}"))
            .collect();
        match (usable.as_str(), notes.as_slice()) {
            ("", []) => "none".to_owned(),
            ("", notes) => format!("none ({})", notes.join("; ")),
            (_, []) => usable,
            (_, notes) => format!("{usable} ({})", notes.join("; ")),
        }
    }
}

fn is_missing(issue: &str) -> bool {
    issue.contains("not found on PATH")
}

/// Built-in commands in the order of the menu, which is the one people know from the Python takopi; those it
/// did not have come last.
const BUILT_IN: [&str; 13] = [
    "new",
    "ctx",
    "agent",
    "model",
    "reasoning",
    "trigger",
    "topic",
    "file",
    "bind",
    "unbind",
    "forget",
    "status",
    "help",
];

/// Returns whether a command comes with takopi.
pub(super) fn is_built_in(name: &str) -> bool {
    name == "cancel" || BUILT_IN.contains(&name)
}

/// Returns the menu: engines that can be used, projects, commands of plugins, the built-in ones in their order,
/// `cancel` at the end.
pub(super) fn menu<'a>(
    engines: &[EngineStatus],
    projects: impl Iterator<Item = &'a str>,
    commands: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<MenuEntry> {
    let entry = |name: &str, description: String| MenuEntry { name: name.to_owned(), description };
    let usable = engines.iter().filter(|engine| engine.issue.is_none());
    let mut menu: Vec<_> =
        usable.map(|engine| entry(engine.id.as_str(), format!("use engine: {}", engine.id))).collect();
    menu.extend(
        projects.map(|alias| entry(&alias.to_lowercase(), format!("work on: {}", alias.to_lowercase()))),
    );
    let (cancel, mut others): (Vec<_>, Vec<_>) = commands
        .map(|(name, description)| entry(name, description.to_owned()))
        .partition(|one| one.name == "cancel");
    // Stable, and a name that is not listed ranks before all that are.
    others.sort_by_key(|one| BUILT_IN.iter().position(|name| *name == one.name));
    menu.extend(others);
    menu.extend(cancel);
    menu
}

#[cfg(test)]
mod tests {
    use super::*;
    use takopi_core::id::EngineId;
    use takopi_core::render::flatten;

    fn engine(id: &str, issue: Option<&str>) -> EngineStatus {
        EngineStatus {
            id: EngineId::parse(id).unwrap(),
            title: id.to_owned(),
            issue: issue.map(str::to_owned),
            options: true,
        }
    }

    #[test]
    fn the_greeting_tells_what_is_there_in_seven_lines() {
        let engines = [
            engine("claude", None),
            engine("codex", Some("codex not found on PATH; install it")),
            engine("pi", Some("its table cannot be used")),
        ];
        let greeting = Greeting {
            default_engine: "claude",
            engines: &engines,
            projects: vec!["beta", "Alpha"],
            ways: &Ways { mode: "stateless", more: ("topics", "disabled".to_owned()), resume_lines: true },
            dir: Path::new("/work dir"),
            warnings: &["anybody may".to_owned()],
        };
        insta::assert_snapshot!(flatten(&greeting.body()));
    }

    #[test]
    fn the_menu_ends_with_cancel_and_leaves_out_engines_that_are_not_there() {
        let engines = [engine("claude", None), engine("codex", Some("codex not found on PATH"))];
        let commands = [("cancel", "cancel run"), ("new", "start anew")];
        let menu = menu(&engines, ["App"].into_iter(), commands.into_iter());
        let names: Vec<&str> = menu.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["claude", "app", "new", "cancel"]);
    }

    #[test]
    fn the_menu_has_commands_of_plugins_before_the_built_in_ones_in_the_order_people_know() {
        let commands =
            ["agent", "backlog", "cancel", "ctx", "help", "new", "trigger"].map(|name| (name, "it"));
        let menu = menu(&[], std::iter::empty(), commands.into_iter());
        let names: Vec<&str> = menu.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["backlog", "new", "ctx", "agent", "trigger", "help", "cancel"]);
    }

    #[test]
    fn every_built_in_command_has_its_place_in_the_menu() {
        for (spec, _) in takopi_commands::all().unwrap() {
            let id = spec.id.as_str();
            assert!(is_built_in(id), "/{id} is not in the menu's order");
        }
    }
}
