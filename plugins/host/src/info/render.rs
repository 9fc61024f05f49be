//! The layout of `takopi plugins info`: a block of facts, then a block for each table of settings.

use takopi_plugin_protocol::life::Kind;

use super::{FieldInfo, Info, Need, NeedKind, Registered, SettingsInfo};
use crate::layers::Layer;
use crate::schema::literal;
use crate::wrap::wrap;

/// Characters of a line, where words allow it.
const WIDTH: usize = 100;

/// Characters before the facts.
const COLUMN: usize = 15;

/// Longest value that is shown, in bytes.
const MAX_VALUE: usize = 200;

/// Returns what is known of a plugin as text, with a final newline.
#[must_use]
pub fn render_info(info: &Info) -> String {
    let mut page = Page::default();
    page.facts(info);
    info.settings.iter().for_each(|settings| page.settings(settings));
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn facts(&mut self, info: &Info) {
        self.put(0, &format!("{} {}", info.distribution, info.version));
        if let Some(description) = &info.description {
            self.put(2, description);
        }
        self.blank();
        self.fact("from", [info.origin.clone()]);
        let enabled = if info.enabled { "yes" } else { "no: plugins.enabled does not name it" };
        self.fact("enabled", [enabled.to_owned()]);
        self.fact("registers", info.registers.iter().map(registered));
        self.fact("may", info.permissions.iter().map(|one| one.words.to_owned()));
        self.fact("needs", info.needs.iter().map(need));
        self.fact("variables", (!info.environment.is_empty()).then(|| info.environment.join(", ")));
        self.fact("command", (!info.command.is_empty()).then(|| info.command.join(" ")));
        self.fact("protocol", [info.protocol.clone()]);
        self.fact("wants takopi", info.requires_takopi.clone());
        let problem = |problem: &crate::Problem| format!("{}: {problem}", problem.code.word());
        self.fact("wrong", info.problems.iter().map(problem));
    }

    fn fact(&mut self, label: &str, facts: impl IntoIterator<Item = String>) {
        let mut label = label;
        for fact in facts {
            for line in wrap(&fact, WIDTH - COLUMN) {
                self.line(&format!("  {label:<width$}{line}", width = COLUMN - 2));
                label = "";
            }
        }
    }

    fn settings(&mut self, settings: &SettingsInfo) {
        let SettingsInfo { kind, id, table, file, .. } = settings;
        self.blank();
        self.put(0, &format!("settings of the {} {id}", word(*kind)));
        let own = if settings.checked || file.there { ", which outranks its own file:" } else { "" };
        self.put(2, &format!("in [{table}] of takopi.toml{own}"));
        if !own.is_empty() {
            self.put(2, &file.path);
        }
        if settings.checked && !file.there {
            self.put(2, &format!("(not there yet; try: {})", file.command));
        }
        if !settings.checked {
            self.blank();
            self.put(2, "The plugin has no schema for them: they reach it as they are written.");
        }
        settings.fields.iter().for_each(|field| self.field(field, settings.checked));
        if !settings.diagnostics.is_empty() {
            self.blank();
        }
        settings.diagnostics.iter().for_each(|one| self.put(2, &one.to_string()));
        if !settings.notes.is_empty() {
            self.blank();
            self.put(2, "Of its schema is not enforced, for its author to know:");
        }
        settings.notes.iter().for_each(|note| self.put(4, note));
    }

    fn field(&mut self, field: &FieldInfo, checked: bool) {
        self.blank();
        let value = match &field.value {
            Some(value) if field.secret => value.as_str().unwrap_or(super::SET).to_owned(),
            Some(value) => takopi_core::text::clip(&literal(value), MAX_VALUE).into_owned(),
            None if field.required => "(missing)".to_owned(),
            None => "(not set)".to_owned(),
        };
        self.line(&format!("  {} = {}", field.key, takopi_core::text::visible(&value)));
        for docs in field.docs.iter().flat_map(|docs| docs.trim().lines()) {
            self.put(6, docs);
        }
        let unknown = checked.then(|| "not in the schema".to_owned());
        let mut facts: Vec<String> = field.expects.clone().or(unknown).into_iter().collect();
        if field.required {
            facts.push("required".to_owned());
        }
        match (&field.default, field.from) {
            (_, Some(Layer::Default)) => facts.push("the default".to_owned()),
            (Some(default), _) => facts.push(format!("default {}", literal(default))),
            (None, _) => {}
        }
        facts.extend(field.place.as_ref().map(|place| format!("set at {place}")));
        self.put(6, &facts.join("; "));
    }

    /// Writes text behind so many spaces.
    fn put(&mut self, indent: usize, text: &str) {
        for line in wrap(text, WIDTH - indent) {
            self.line(&format!("{:indent$}{line}", ""));
        }
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}

fn registered(one: &Registered) -> String {
    let about = if one.about.is_empty() { String::new() } else { format!(": {}", one.about) };
    let usage = one.usage.as_ref().filter(|usage| !usage.is_empty());
    let usage = usage.map_or_else(String::new, |usage| format!("; {usage}"));
    format!("the {} {}{about}{usage}", word(one.kind), one.id)
}

fn need(need: &Need) -> String {
    let Need { kind, name, of, there, install } = need;
    let of = of.as_ref().map_or_else(String::new, |of| format!(" for the {} {}", word(of.kind), of.id));
    let install = install.as_ref().map_or_else(String::new, |install| format!("; try: {install}"));
    match (kind, there) {
        (NeedKind::Program, true) => format!("{name}{of}: is on PATH"),
        (NeedKind::Program, false) => format!("{name}{of}: not on PATH{install}"),
        (NeedKind::Variable, true) => format!("${name}{of}: is set"),
        (NeedKind::Variable, false) => format!("${name}{of}: not set"),
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Engine => "engine",
        Kind::Transport => "transport",
        Kind::Command => "command",
    }
}
