//! All that is known of a plugin while nothing of it runs, for `takopi plugins info`: as text and as JSON.
//!
//! Pure: what is on the machine is asked through [`Surroundings`]. No secret gets in here: where one is set stands
//! [`SET`]. The layout of the text is `info/render.rs`.

mod render;
#[cfg(test)]
pub(crate) mod tests;

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};
use takopi_core::settings::Diagnostic;
use takopi_plugin_protocol::{
    self as protocol,
    life::{Kind, Provided},
};

pub use render::render_info;

use crate::layers::{Effective, Layer, Origin, at};
use crate::manifest::{Manifest, Package, Permission};
use crate::problem::Problem;
use crate::schema::{Schema, Shape, key_of};

/// What stands where a secret is set.
pub const SET: &str = "(set)";

/// A plugin: a distribution with all it registers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Info {
    /// Its name, as it spells itself.
    pub distribution: String,
    /// Its version.
    pub version: String,
    /// What it is, in a few words.
    pub description: Option<String>,
    /// Where it was found: `the manifest in ~/.takopi/plugins/acme`.
    pub origin: String,
    /// Its folder.
    pub folder: String,
    /// Whether `plugins.enabled` lets it be used.
    pub enabled: bool,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What it speaks: `takopi/1`.
    pub protocol: String,
    /// Which takopi it wants.
    pub requires_takopi: Option<String>,
    /// What it registers.
    pub registers: Vec<Registered>,
    /// What it may ask takopi for.
    pub permissions: Vec<Allowed>,
    /// Variables that are passed through to it.
    pub environment: Vec<String>,
    /// What it does not work without.
    pub needs: Vec<Need>,
    /// The settings of what it registers.
    pub settings: Vec<SettingsInfo>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// One thing a plugin registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registered {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Its name for people, or what it does.
    pub about: String,
    /// How it is typed.
    pub usage: Option<String>,
}

/// Something a plugin may ask takopi for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// Its word in the manifest.
    pub permission: Permission,
    /// The same for people: `run engines`.
    pub words: &'static str,
}

/// What is needed of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NeedKind {
    /// A program on PATH.
    Program,
    /// A variable of the environment.
    Variable,
}

/// Something a plugin does not work without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// What it is.
    pub kind: NeedKind,
    /// Its name.
    pub name: String,
    /// What needs it; `None` is the whole plugin.
    pub of: Option<Provided>,
    /// Whether it is there.
    pub there: bool,
    /// What to type to get it.
    pub install: Option<String>,
}

/// The settings of one thing a plugin registers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingsInfo {
    /// What it is.
    pub kind: Kind,
    /// Its id; of a transport, the instance.
    pub id: String,
    /// The table in `takopi.toml`: `plugins.weather`.
    pub table: String,
    /// The plugin's own config file, and whether it is there.
    pub file: OwnFile,
    /// Whether the plugin has a schema for them; without one nothing is checked.
    pub checked: bool,
    /// Its keys: those of the schema in its order, then what else is set.
    pub fields: Vec<FieldInfo>,
    /// What is wrong with them.
    pub diagnostics: Vec<Diagnostic>,
    /// What of the schema is not enforced.
    pub notes: Vec<String>,
}

/// A plugin's own config file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnFile {
    /// Where it is.
    pub path: String,
    /// Whether it is there.
    pub there: bool,
    /// What to type to write it.
    pub command: String,
}

/// A key of the settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldInfo {
    /// The key, dotted.
    pub key: String,
    /// What it is for, a paragraph each.
    pub docs: Vec<String>,
    /// What may be there: `a whole number from 1 to 7`; nothing for a key the schema does not know.
    pub expects: Option<String>,
    /// Whether the plugin cannot do without it.
    pub required: bool,
    /// Whether nobody may see it.
    pub secret: bool,
    /// What holds when it is not set.
    pub default: Option<Value>,
    /// What holds now; [`SET`] for a secret.
    pub value: Option<Value>,
    /// Which layer that is from.
    pub from: Option<Layer>,
    /// Where that is written.
    pub place: Option<String>,
}

/// What is asked of the machine.
pub struct Surroundings<'a> {
    /// Whether a program is on PATH.
    pub on_path: &'a dyn Fn(&str) -> bool,
    /// Whether a variable is set, and not empty.
    pub is_set: &'a dyn Fn(&str) -> bool,
    /// How people write a path.
    pub shown: &'a dyn Fn(&Path) -> String,
}

impl Info {
    /// Returns what a manifest says. Whether it is enabled, its settings and its problems are for the caller to add.
    #[must_use]
    pub fn of(package: &Package, surroundings: &Surroundings<'_>) -> Self {
        let Package { dir, manifest } = package;
        let Manifest { distribution, process, .. } = manifest;
        let folder = (surroundings.shown)(dir);
        Self {
            distribution: distribution.name.clone(),
            version: distribution.version.clone(),
            description: distribution.description.clone(),
            origin: format!("the manifest in {folder}"),
            folder,
            enabled: true,
            command: process.command.clone(),
            protocol: format!("takopi/{}", protocol::VERSION),
            requires_takopi: distribution.requires_takopi.clone(),
            registers: registers(manifest),
            permissions: process.permissions.iter().map(|one| allowed(*one)).collect(),
            environment: process.env.clone(),
            needs: needs(manifest, surroundings),
            settings: Vec::new(),
            problems: Vec::new(),
        }
    }
}

fn registers(manifest: &Manifest) -> Vec<Registered> {
    let one = |kind, id: &String, about: &str, usage: Option<&str>| Registered {
        kind,
        id: id.clone(),
        about: about.to_owned(),
        usage: usage.map(str::to_owned),
    };
    let engines = manifest.engines.iter().map(|(id, table)| one(Kind::Engine, id, &table.title, None));
    let transports =
        manifest.transports.iter().map(|(id, table)| one(Kind::Transport, id, &table.title, None));
    let commands = manifest
        .commands
        .iter()
        .map(|(id, table)| one(Kind::Command, id, &table.description, Some(table.usage.as_str())));
    engines.chain(transports).chain(commands).collect()
}

fn needs(manifest: &Manifest, surroundings: &Surroundings<'_>) -> Vec<Need> {
    let program = |kind, id: &String, name: &String, install: Option<&String>| Need {
        kind: NeedKind::Program,
        name: name.clone(),
        of: Some(Provided { kind, id: id.clone() }),
        there: (surroundings.on_path)(name),
        install: install.cloned(),
    };
    let mut needs = Vec::new();
    for (id, table) in &manifest.engines {
        needs.extend(table.needs.iter().map(|name| program(Kind::Engine, id, name, table.install.as_ref())));
    }
    for (id, table) in &manifest.transports {
        needs.extend(table.needs.iter().map(|name| program(Kind::Transport, id, name, None)));
    }
    for (id, table) in &manifest.commands {
        needs.extend(table.needs.iter().map(|name| program(Kind::Command, id, name, None)));
    }
    needs.extend(manifest.process.needs_env.iter().map(|name| Need {
        kind: NeedKind::Variable,
        name: name.clone(),
        of: None,
        there: (surroundings.is_set)(name),
        install: None,
    }));
    needs
}

fn allowed(permission: Permission) -> Allowed {
    let words = match permission {
        Permission::RunEngine => "run engines",
        Permission::SendMessage => "send messages into the chat it was called from",
        Permission::Store => "keep values in takopi's ledger",
        Permission::Background => "go on after it has answered",
    };
    Allowed { permission, words }
}

impl SettingsInfo {
    /// Returns the settings of `id` as they hold, without anything that nobody may see. `table` is the one in
    /// `takopi.toml`.
    #[must_use]
    pub fn of(
        kind: Kind,
        id: &str,
        table: &str,
        file: OwnFile,
        schema: Option<&Schema>,
        effective: &Effective,
    ) -> Self {
        let mut fields = Vec::new();
        if let Some(schema) = schema {
            known(&schema.root, &mut Vec::new(), (true, false), effective, &mut fields);
        }
        let told = |fields: &[(Vec<String>, FieldInfo)], origin: &Origin| {
            fields.iter().any(|(path, _)| origin.path.starts_with(path))
        };
        for origin in &effective.origins {
            if !told(&fields, origin) {
                let field = FieldInfo { docs: Vec::new(), ..blank(&origin.path) };
                fields.push((origin.path.clone(), filled(field, &origin.path, effective)));
            }
        }
        Self {
            kind,
            id: id.to_owned(),
            table: table.to_owned(),
            file,
            checked: schema.is_some(),
            fields: fields.into_iter().map(|(_, field)| field).collect(),
            diagnostics: effective.diagnostics.clone(),
            notes: schema.map(|schema| schema.notes().to_vec()).unwrap_or_default(),
        }
    }
}

/// Adds the keys of a schema's table. `needed` is whether the table itself has to be there, `secret` whether nobody may
/// see what is in it.
fn known(
    shape: &Shape,
    path: &mut Vec<String>,
    (needed, secret): (bool, bool),
    effective: &Effective,
    fields: &mut Vec<(Vec<String>, FieldInfo)>,
) {
    for field in &shape.fields {
        path.push(field.name.clone());
        let (required, secret) = (needed && field.required, secret || field.shape.secret);
        let is_table = at(&effective.values, path).is_none_or(Value::is_object);
        if field.shape.is_table() && !field.shape.fields.is_empty() && is_table {
            known(&field.shape, path, (required, secret), effective, fields);
        } else {
            let info = FieldInfo {
                docs: field.shape.docs.clone(),
                expects: Some(field.shape.words()),
                required,
                secret,
                default: field.shape.default.clone(),
                ..blank(path)
            };
            fields.push((path.clone(), filled(info, path, effective)));
        }
        path.pop();
    }
}

fn blank(path: &[String]) -> FieldInfo {
    FieldInfo {
        key: path.iter().map(|key| key_of(key)).collect::<Vec<_>>().join("."),
        docs: Vec::new(),
        expects: None,
        required: false,
        secret: false,
        default: None,
        value: None,
        from: None,
        place: None,
    }
}

/// Adds what is set at `path`: masked as a whole, or in the parts that nobody may see.
fn filled(mut field: FieldInfo, path: &[String], effective: &Effective) -> FieldInfo {
    let mut origins = effective.origins.iter().filter(|origin| origin.path.starts_with(path));
    let Some(first) = origins.next() else { return field };
    field.secret |= first.secret && first.path == path;
    field.from = Some(first.layer);
    field.place = first.place.as_ref().map(ToString::to_string);
    let shown = |value: &Value| masked(value, path, effective);
    field.value = match at(&effective.values, path) {
        Some(_) if field.secret => Some(SET.into()),
        value => value.map(shown),
    };
    field
}

fn masked(value: &Value, path: &[String], effective: &Effective) -> Value {
    if effective.origins.iter().any(|origin| origin.secret && origin.path == path) {
        return SET.into();
    }
    let Value::Object(table) = value else { return value.clone() };
    let each = |(key, value): (&String, &Value)| {
        let path: Vec<String> = path.iter().chain([key]).cloned().collect();
        (key.clone(), masked(value, &path, effective))
    };
    Value::Object(table.iter().map(each).collect::<Map<_, _>>())
}
