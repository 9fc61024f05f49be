//! `[transports.<instance>]`: which there are, of which kind, and which are served.

use super::diagnostic::{Diagnostic, Severity};
use super::engine::propose;
use super::project::Project;
use super::source::{Entry, Node, Value, find};
use super::table::Table;
use crate::id::{InstanceId, TransportKind};

/// Keys of an instance's table that are read here; the others are its room's.
pub(super) const OWN_KEYS: [&str; 2] = ["kind", "enabled"];

/// The instance served where none is configured.
const LOCAL: &str = "local";
const TELEGRAM: &str = "telegram";

/// A configured transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The name of its table.
    pub id: InstanceId,
    /// What it is; by default what it is called.
    pub kind: TransportKind,
    /// Whether it is to be served.
    pub served: bool,
    /// Whether `enabled` is not false.
    pub enabled: bool,
}

/// Moves the Python takopi's oldest keys to where they belong now. The file stays as it is.
pub(super) fn adopt_legacy(root: &mut Vec<Entry>, diagnostics: &mut Vec<Diagnostic>) {
    for key in ["bot_token", "chat_id"] {
        let Some(at) = root.iter().position(|entry| entry.key == key) else { continue };
        let entry = root.remove(at);
        let Some(telegram) = table_in(root, "transports", &entry.node)
            .and_then(|transports| table_in(transports, TELEGRAM, &entry.node))
        else {
            continue;
        };
        let doubled = find(telegram, key).is_some();
        let problem = if doubled {
            "this is an old place for it and is ignored; [transports.telegram] has it too"
        } else {
            "this is an old place for it"
        };
        let remedy = if doubled { "remove it" } else { "move it into [transports.telegram]" };
        diagnostics.push(Diagnostic {
            severity: Severity::Warning,
            place: entry.node.place.clone(),
            key: key.to_owned(),
            problem: problem.to_owned(),
            remedy: remedy.to_owned(),
        });
        if !doubled {
            telegram.push(entry);
        }
    }
}

/// Returns the table `key`, made where there is none; `None` when something else stands there.
fn table_in<'a>(entries: &'a mut Vec<Entry>, key: &str, origin: &Node) -> Option<&'a mut Vec<Entry>> {
    let at = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
        let node = Node { value: Value::Table(Vec::new()), place: origin.place.clone() };
        entries.push(Entry { key: key.to_owned(), node });
        entries.len() - 1
    });
    match &mut entries[at].node.value {
        Value::Table(inner) => Some(inner),
        _ => None,
    }
}

/// Reads the instances, and which of them are served: those `transport` names; without it, every one that
/// isn't disabled; without any, `local`.
pub(super) fn read(table: &mut Table<'_>, kinds: &[TransportKind]) -> Vec<Instance> {
    let broken = find(table.entries, "transports").is_some_and(|node| node.entries().is_none());
    let mut instances = table.within("transports", read_instances);
    match read_names(table) {
        Some(names) => serve_named(table, &mut instances, &names, broken),
        None => {
            instances.iter_mut().for_each(|instance| instance.served = instance.enabled);
            let disabled = instances.iter().any(|instance| instance.id.as_str() == LOCAL);
            if !instances.iter().any(|instance| instance.served) && !disabled {
                instances.extend(local(true));
            }
        }
    }
    check_kinds(table, &mut instances, kinds);
    if !broken && !instances.is_empty() && !table.has("transport") && instances.iter().all(|one| !one.enabled)
    {
        table.error("transports", "every transport is disabled", "remove enabled = false from one of them");
    }
    instances
}

/// The instance that needs no table.
fn local(served: bool) -> Option<Instance> {
    let id = InstanceId::parse(LOCAL).ok()?;
    Some(Instance { kind: id.clone(), id, served, enabled: true })
}

fn read_instances(transports: &mut Table<'_>) -> Vec<Instance> {
    let mut instances = Vec::new();
    for entry in transports.entries {
        let Ok(id) = InstanceId::parse(&entry.key) else {
            let problem = "a transport's name is 1 to 32 of a-z, 0-9 and _";
            transports.error(&entry.key, problem, "rename the table, e.g. [transports.telegram]");
            transports.leave(&entry.key);
            continue;
        };
        let instance = transports.within(&entry.key, |table| {
            let enabled = table.boolean("enabled", true);
            let kind = table.string("kind", "\"telegram\"").map(|kind| TransportKind::parse(&kind));
            if let Some(Err(_)) = kind {
                table.error("kind", "a kind is 1 to 32 of a-z, 0-9 and _", "write e.g. kind = \"telegram\"");
            }
            table.entries.iter().for_each(|entry| table.leave(&entry.key));
            // A kind that is no name ends the load; it shall not be missed as a kind too.
            let known = || local(false).map(|local| local.kind);
            let kind = match kind {
                Some(kind) => kind.ok().or_else(known),
                None => None,
            };
            let kind = kind.unwrap_or_else(|| id.clone());
            Instance { id: id.clone(), kind, served: false, enabled }
        });
        instances.push(instance);
    }
    instances
}

/// Reads `transport`: one name or several.
fn read_names(table: &mut Table<'_>) -> Option<Vec<String>> {
    let listed = match table.ask("transport").map(|node| &node.value) {
        None => return None,
        Some(Value::Text(text)) => text.trim_start().starts_with('['),
        Some(Value::String(_)) => false,
        Some(_) => true,
    };
    let names = if listed {
        table.strings("transport", "[\"local\"]")?
    } else {
        vec![table.string("transport", "\"local\"")?]
    };
    if names.is_empty() {
        let problem = "this list is empty, so nothing would be served";
        table.error("transport", problem, "name one, e.g. transport = \"local\", or remove the key");
    }
    Some(names)
}

fn serve_named(table: &mut Table<'_>, instances: &mut Vec<Instance>, names: &[String], broken: bool) {
    for name in names {
        if name == LOCAL && !instances.iter().any(|instance| instance.id.as_str() == LOCAL) {
            instances.extend(local(false));
        }
        match instances.iter_mut().find(|instance| instance.id.as_str() == name) {
            Some(instance) if instance.served => {
                table.warn("transport", format!("{name} is named twice"), "name it once");
            }
            Some(instance) if !instance.enabled => {
                let problem = format!("{name} is named here, but [transports.{name}] has enabled = false");
                table.error("transport", problem, "remove one of the two");
            }
            Some(instance) => instance.served = true,
            // What the tables are called is not known then.
            None if broken => {}
            None => {
                let known = instances.iter().map(|instance| instance.id.as_str());
                let known =
                    known.chain((!instances.iter().any(|one| one.id.as_str() == LOCAL)).then_some(LOCAL));
                let remedy = format!("{}; or write a table of that name", propose(name, known));
                table.error("transport", format!("there is no table [transports.{name}]"), remedy);
            }
        }
    }
}

/// Leaves out what this build cannot serve; that is an error only when nothing else is left.
fn check_kinds(table: &mut Table<'_>, instances: &mut [Instance], kinds: &[TransportKind]) {
    let served = |instance: &Instance| instance.served && kinds.contains(&instance.kind);
    let severity = if instances.iter().any(served) { Severity::Warning } else { Severity::Error };
    let mut names: Vec<&str> = kinds.iter().map(TransportKind::as_str).collect();
    names.sort_unstable();
    let names = names.join(", ");
    for instance in instances.iter_mut().filter(|instance| instance.served) {
        if kinds.contains(&instance.kind) {
            continue;
        }
        instance.served = false;
        let id = instance.id.clone();
        let problem = format!("{} is no transport this build serves; it serves: {names}", instance.kind);
        let remedy = match severity {
            Severity::Error => format!("write transport = \"{LOCAL}\" to start without it"),
            Severity::Warning => "remove it from transport, or add enabled = false to its table".to_owned(),
        };
        table.tell_at(severity, &["transports", id.as_str()], problem, remedy);
    }
}

/// Tells projects that claim a chat that is somebody else's.
pub(super) fn check_chats(table: &mut Table<'_>, instances: &[Instance], projects: &[Project]) {
    let transports = find(table.entries, "transports").and_then(Node::entries).unwrap_or_default();
    let main_chat = |instance: &Instance| -> Option<(i64, String)> {
        let settings = find(transports, instance.id.as_str())?.entries()?;
        let id = match &find(settings, "chat_id")?.value {
            Value::Integer(number) => (*number)?,
            Value::String(text) | Value::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        Some((id, format!("transports.{}", instance.id)))
    };
    let mut taken: Vec<(i64, String)> = instances.iter().filter_map(main_chat).collect();
    for project in projects {
        let Some(chat) = project.chat_id else { continue };
        if let Some((_, owner)) = taken.iter().find(|(id, _)| *id == chat) {
            let problem = format!("the chat {chat} is already that of {owner}");
            let remedy = "give the project a chat of its own, or remove this".to_owned();
            let path = ["projects", &project.alias, "chat_id"];
            table.tell_at(Severity::Error, &path, problem, remedy);
            continue;
        }
        taken.push((chat, format!("projects.{}", project.alias)));
    }
}
