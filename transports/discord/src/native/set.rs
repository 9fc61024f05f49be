//! From the commands that are known here to what Discord is told of them, purely.
//!
//! Names, descriptions and counts are made to fit, because one illegal command makes Discord refuse all of them. What
//! finds no place is reachable by `/run`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use takopi_core::port::command::{Access, CommandOption, OptionKind, options_of};
use takopi_core::render::shorten;

use super::{NativeCommand, NativeKind};

/// Most commands that are typed (Discord, "Application Commands": 100 of the chat-input kind in each scope).
const MAX_COMMANDS: usize = 100;

/// Most options of a command (Discord, "Application Command Object").
const MAX_OPTIONS: usize = 25;

/// Most characters of a name (Discord, "Application Command Naming").
const MAX_NAME: usize = 32;

/// Most characters of a description (Discord, "Application Command Object").
const MAX_DESCRIPTION: usize = 100;

/// Who sees commands that only managers may give: those with "Manage Server" (Discord, "Permissions"). Only a
/// convenience: whoever gives a command is asked for at the desk.
const MANAGE_GUILD: &str = "32";

/// The command that runs a prompt with whatever engine is meant.
pub(crate) const ASK: &str = "ask";

/// The command that gives those which have found no place.
pub(crate) const RUN: &str = "run";

/// The command in the menu of a message.
pub(crate) const RUN_THIS: &str = "Run this message";

/// Options of commands that run a prompt, and those of [`RUN`].
pub(crate) const PROMPT: &str = "prompt";
pub(crate) const ENGINE: &str = "engine";
pub(crate) const PROJECT: &str = "project";
pub(crate) const BRANCH: &str = "branch";
pub(crate) const SESSION: &str = "session";
pub(crate) const FILE: &str = "file";
pub(crate) const NAME: &str = "name";
pub(crate) const ARGUMENTS: &str = "arguments";

/// The kinds of options and commands (Discord, "Application Command Option Type", "Application Command Types").
const TEXT: u8 = 3;
const SUB_COMMAND: u8 = 1;
const YES_OR_NO: u8 = 5;
const ATTACHMENT: u8 = 11;
const CHAT_INPUT: u8 = 1;
const MESSAGE: u8 = 3;

/// The commands, as Discord is told of them and as they are understood.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct CommandSet {
    /// What Discord is told.
    pub(crate) told: Vec<Value>,
    known: BTreeMap<String, NativeCommand>,
    /// Names of those which have found no place, as they came.
    overflow: Vec<String>,
}

impl CommandSet {
    /// Returns the set of these commands. The earlier one wins, over a name as over a place.
    pub(crate) fn of(commands: Vec<NativeCommand>) -> Self {
        let mut set = Self::default();
        let is_own = |name: &str| name == ASK || name == RUN;
        let mut room = MAX_COMMANDS - 1;
        if commands.len() > room || commands.iter().any(|command| !fits(command) || is_own(&command.name)) {
            room -= 1;
        }
        set.told.push(ask());
        for command in commands {
            if set.known.contains_key(&command.name) {
                continue;
            }
            if room > 0 && fits(&command) && !is_own(&command.name) {
                room -= 1;
                set.told.push(told(&command));
            } else {
                set.overflow.push(command.name.clone());
            }
            set.known.insert(command.name.clone(), command);
        }
        if !set.overflow.is_empty() {
            set.told.push(run());
        }
        set.told.push(json!({"type": MESSAGE, "name": RUN_THIS}));
        set
    }

    /// Returns the command of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&NativeCommand> {
        self.known.get(name)
    }

    /// Returns the names that [`RUN`] offers for what is typed of one: those without a place of their own, and then,
    /// because it takes them too, all others.
    pub(crate) fn offered(&self, typed: &str) -> Vec<String> {
        let typed = typed.trim().to_lowercase();
        let others = self.known.keys().filter(|name| !self.overflow.contains(name));
        self.overflow.iter().chain(others).filter(|name| name.contains(&typed)).cloned().collect()
    }
}

/// Returns what an option of a command, or of one of its sub-commands, takes; `None` for a name it does not have.
pub(crate) fn kind_of(command: &NativeCommand, verb: Option<&str>, option: &str) -> Option<OptionKind> {
    if matches!(command.kind, NativeKind::Engine(_)) {
        return prompt_kind(option);
    }
    options_of(&command.options, verb)
        .iter()
        .find(|known| known.name.to_lowercase() == option)
        .map(|known| known.kind)
}

/// Returns what an option of a command that runs a prompt takes.
pub(crate) fn prompt_kind(option: &str) -> Option<OptionKind> {
    match option {
        PROMPT => Some(OptionKind::Text),
        ENGINE => Some(OptionKind::Engine),
        PROJECT => Some(OptionKind::Project),
        BRANCH => Some(OptionKind::Branch),
        SESSION => Some(OptionKind::Session),
        _ => None,
    }
}

fn fits(command: &NativeCommand) -> bool {
    is_name(&command.name)
}

/// Returns whether a name is legal: `^[-_'\p{L}\p{N}]{1,32}$` in lower case; of letters only the plain ones are used.
fn is_name(name: &str) -> bool {
    let legal = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_' || letter == '-'
    };
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(legal)
}

/// Returns what Discord is told of a command.
fn told(command: &NativeCommand) -> Value {
    let options = match &command.kind {
        NativeKind::Engine(_) => prompt_options(false),
        NativeKind::Command(_) => match verbs(&command.options) {
            verbs if verbs.is_empty() => options(&command.options),
            verbs => verbs,
        },
    };
    let mut told = chat_input(&command.name, &command.description, options);
    if command.access == Access::Manager {
        told["default_member_permissions"] = json!(MANAGE_GUILD);
    }
    told
}

fn ask() -> Value {
    chat_input(ASK, "run a prompt; without one a form opens", prompt_options(true))
}

fn run() -> Value {
    let options = vec![
        option(NAME, "which command", true, true),
        option(ARGUMENTS, "what is typed after its name", false, false),
    ];
    chat_input(RUN, "give a command that has no place in this list", options)
}

fn chat_input(name: &str, description: &str, options: Vec<Value>) -> Value {
    let description = described(description, name);
    json!({"type": CHAT_INPUT, "name": name, "description": description, "options": options})
}

fn prompt_options(any_engine: bool) -> Vec<Value> {
    let mut options = vec![option(PROMPT, "what to do; without it a form opens", false, false)];
    if any_engine {
        options.push(option(ENGINE, "who does it; not given: the one here", false, true));
    }
    options.push(option(PROJECT, "where; not given: the project here", false, true));
    options.push(option(BRANCH, "on which branch", false, true));
    options.push(option(SESSION, "which one goes on; not given: the one here", false, true));
    let file = described("a file that goes with it", FILE);
    options.push(json!({"type": ATTACHMENT, "name": FILE, "description": file}));
    options
}

/// Returns the sub-commands of a command. Discord lets a command have those or options, so that options before the
/// first one are left out.
fn verbs(options: &[CommandOption]) -> Vec<Value> {
    let is_verb = |option: &&CommandOption| option.kind == OptionKind::Verb && is_name(&option.name);
    let told = |verb: &CommandOption| {
        let (name, own) = (&verb.name, self::options(options_of(options, Some(&verb.name))));
        let description = described(&verb.description, name);
        json!({"type": SUB_COMMAND, "name": name, "description": description, "options": own})
    };
    options.iter().filter(is_verb).take(MAX_OPTIONS).map(told).collect()
}

/// Returns the options that fit, required ones first.
fn options(options: &[CommandOption]) -> Vec<Value> {
    let mut seen = Vec::new();
    let mut legal: Vec<(&CommandOption, String)> = Vec::new();
    for wanted in options {
        let name = wanted.name.to_lowercase();
        if is_name(&name) && !seen.contains(&name) {
            seen.push(name.clone());
            legal.push((wanted, name));
        }
    }
    legal.sort_by_key(|(wanted, _)| !wanted.required);
    let told = |(wanted, name): &(&CommandOption, String)| {
        let (kind, completes) = match wanted.kind {
            OptionKind::Text | OptionKind::Verb => (TEXT, false),
            OptionKind::Flag => (YES_OR_NO, false),
            OptionKind::File => (ATTACHMENT, false),
            OptionKind::Engine
            | OptionKind::Project
            | OptionKind::Branch
            | OptionKind::Model
            | OptionKind::Level
            | OptionKind::Command
            | OptionKind::Session
            | OptionKind::Path => (TEXT, true),
        };
        let mut told = option(name, &wanted.description, wanted.required, completes);
        told["type"] = json!(kind);
        told
    };
    legal.iter().take(MAX_OPTIONS).map(told).collect()
}

fn option(name: &str, description: &str, required: bool, completes: bool) -> Value {
    let mut option = json!({"type": TEXT, "name": name, "description": described(description, name)});
    if required {
        option["required"] = json!(true);
    }
    if completes {
        option["autocomplete"] = json!(true);
    }
    option
}

/// Returns a description that fits; Discord wants one.
fn described(description: &str, name: &str) -> String {
    let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
    shorten(if line.is_empty() { name } else { &line }, MAX_DESCRIPTION)
}

#[cfg(test)]
mod tests;
