//! The settings of a plugin as they hold: its defaults, over them its own file, over both `takopi.toml`.
//!
//! Key by key: a table of one layer is merged into the same table of the other, anything else replaces what is below it.
//! Pure. The own file is read and written by `own_config.rs`; what is shown of all this is `info.rs`.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use takopi_core::id::PluginId;
use takopi_core::settings::{
    Diagnostic, Meaning, Place, Secret, Settings, Written, has_errors, names_a_secret,
};
use takopi_plugin_protocol::life::Kind;

use crate::schema::{Others, Schema, Shape, Type, Whence};

/// Bytes below which a text is no secret: hiding it would blot out ordinary words. The same as core's.
const SHORTEST_SECRET: usize = 6;

/// Settings by their keys.
pub type Values = Map<String, Value>;

/// Which layer a value is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The schema's default.
    Default,
    /// The plugin's own file.
    OwnFile,
    /// `takopi.toml`, with the environment and the command line laid over it.
    Takopi,
}

/// Where one value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The steps to it.
    pub path: Vec<String>,
    /// Which layer has it.
    pub layer: Layer,
    /// Where it is written; `None` is a default.
    pub place: Option<Place>,
    /// Whether nobody may see it.
    pub secret: bool,
}

/// Settings as they hold. `Debug` shows no values.
#[derive(Clone, PartialEq)]
pub struct Effective {
    /// The values, in clear; for the plugin alone.
    pub values: Map<String, Value>,
    /// Where each of them is from; tables are told by what is in them.
    pub origins: Vec<Origin>,
    /// What is wrong with them.
    pub diagnostics: Vec<Diagnostic>,
}

impl Effective {
    /// Returns the values with the warnings.
    ///
    /// # Errors
    /// All diagnostics, when one of them is an error: what is configured so is not to be started.
    pub fn usable(self) -> Result<(Values, Vec<Diagnostic>), Vec<Diagnostic>> {
        if has_errors(&self.diagnostics) {
            Err(self.diagnostics)
        } else {
            Ok((self.values, self.diagnostics))
        }
    }

    /// Returns every text that nobody may see, for logs to hide and engines not to inherit.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        let mut texts = Vec::new();
        for origin in self.origins.iter().filter(|origin| origin.secret) {
            if let Some(value) = at(&self.values, &origin.path) {
                collect(value, &mut texts);
            }
        }
        texts
    }
}

impl fmt::Debug for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effective")
            .field("origins", &self.origins)
            .field("diagnostics", &self.diagnostics)
            .finish_non_exhaustive()
    }
}

/// Returns the table of `takopi.toml` that is for something a plugin registers. For transports `id` is the instance.
#[must_use]
pub fn table_of(settings: &Settings, kind: Kind, id: &PluginId) -> Written {
    match kind {
        Kind::Engine => settings.written_engine(id),
        Kind::Transport => settings.written_transport(id),
        Kind::Command => settings.written_plugin(id),
    }
}

/// Returns the settings as they hold. Without a schema they are taken as they are written.
#[must_use]
pub fn effective(schema: Option<&Schema>, own: Option<&Written>, takopi: &Written) -> Effective {
    let anything = Shape { types: vec![Type::Table], others: Others::Allowed, ..Shape::default() };
    let root = schema.map_or(&anything, |schema| &schema.root);
    let settled = |written: &Written| settle(root, written.values(), written);
    let mut values = own.map(settled).unwrap_or_default();
    // The own file has a header for each table of the schema, whether or not anything is set in it.
    prune(&mut values);
    merge(&mut values, settled(takopi));
    let layers = Layers { own, takopi };
    let mut diagnostics: Vec<Diagnostic> =
        [own, Some(takopi)].into_iter().flatten().filter_map(Written::mistake).cloned().collect();
    let mut origins = Vec::new();
    leaves(root, &values, &mut Vec::new(), false, &mut |path, secret| {
        let (layer, written) = layers.of(path);
        origins.push(Origin { path: path.to_vec(), layer, place: Some(written.place_of(path)), secret });
    });
    if let Some(schema) = schema {
        diagnostics.extend(schema.check(&values, &layers));
        schema.fill(&mut values);
        leaves(root, &values, &mut Vec::new(), false, &mut |path, secret| {
            if !origins.iter().any(|origin| path.starts_with(&origin.path)) {
                origins.push(Origin { path: path.to_vec(), layer: Layer::Default, place: None, secret });
            }
        });
    }
    Effective { values, origins, diagnostics }
}

/// Where merged settings stand.
struct Layers<'a> {
    own: Option<&'a Written>,
    takopi: &'a Written,
}

impl<'a> Layers<'a> {
    /// Returns the layer that `path` is from; of what is nowhere, the one that has its table.
    fn of(&self, path: &[String]) -> (Layer, &'a Written) {
        let above = path.split_last().map_or(path, |(_, above)| above);
        match self.own {
            Some(own) if !self.takopi.has(path) && (own.has(path) || !self.takopi.has(above)) => {
                (Layer::OwnFile, own)
            }
            _ => (Layer::Takopi, self.takopi),
        }
    }
}

impl Whence for Layers<'_> {
    fn place(&self, path: &[String]) -> Place {
        self.of(path).1.place_of(path)
    }

    fn key(&self, path: &[String]) -> String {
        self.of(path).1.key_of(path)
    }

    fn home(&self, path: &[String]) -> String {
        match (self.of(path), self.own) {
            ((Layer::OwnFile, own), _) => Whence::home(own, path),
            ((_, takopi), Some(own)) if path.is_empty() => {
                format!("{}, or in {}", Whence::home(takopi, path), own.place_of(&[]))
            }
            ((_, takopi), _) => Whence::home(takopi, path),
        }
    }
}

/// Gives texts of the environment and the command line the types that the schema expects.
fn settle(shape: &Shape, table: Map<String, Value>, written: &Written) -> Map<String, Value> {
    settle_table(shape, table, written, &mut Vec::new())
}

fn settle_table(
    shape: &Shape,
    table: Map<String, Value>,
    written: &Written,
    path: &mut Vec<String>,
) -> Map<String, Value> {
    let settle = |(key, value): (String, Value)| {
        let settled = match shape.below(&key) {
            Some(below) => {
                path.push(key.clone());
                let settled = settle_value(below, value, written, path);
                path.pop();
                settled
            }
            None => value,
        };
        (key, settled)
    };
    table.into_iter().map(settle).collect()
}

fn settle_value(shape: &Shape, value: Value, written: &Written, path: &mut Vec<String>) -> Value {
    let meanings = [
        (Type::Integer, Meaning::Integer),
        (Type::Number, Meaning::Number),
        (Type::Boolean, Meaning::Boolean),
        (Type::List, Meaning::List),
    ];
    let value = match value {
        Value::String(text) if !shape.types.contains(&Type::Text) => {
            let meant = |(kind, meaning): &(Type, Meaning)| {
                shape.types.contains(kind).then(|| written.meant(path, *meaning)).flatten()
            };
            meanings.iter().find_map(meant).unwrap_or(Value::String(text))
        }
        other => other,
    };
    match value {
        Value::Object(table) => Value::Object(settle_table(shape, table, written, path)),
        Value::Array(items) => {
            let any = Shape::default();
            let each = shape.items.as_deref().unwrap_or(&any);
            let mut settled = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                path.push(index.to_string());
                settled.push(settle_value(each, item, written, path));
                path.pop();
            }
            Value::Array(settled)
        }
        other => other,
    }
}

/// Takes out tables that hold nothing.
fn prune(table: &mut Map<String, Value>) {
    table.retain(|_, value| match value {
        Value::Object(inner) => {
            prune(inner);
            !inner.is_empty()
        }
        _ => true,
    });
}

fn merge(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(inner)), Value::Object(over)) => merge(inner, over),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

/// Shows every value that is no table, and whether nobody may see it. A list is one value.
fn leaves(
    shape: &Shape,
    table: &Map<String, Value>,
    path: &mut Vec<String>,
    secret: bool,
    show: &mut dyn FnMut(&[String], bool),
) {
    let any = Shape::default();
    for (key, value) in table {
        let by_name = || shape.field(key).is_none() && names_a_secret(key);
        let below = shape.below(key).unwrap_or(&any);
        let within = || value.is_array() && (below.hides() || hides(value));
        let secret = secret || below.secret || by_name() || within();
        path.push(key.clone());
        match value {
            Value::Object(inner) if !inner.is_empty() => leaves(below, inner, path, secret, show),
            _ => show(path, secret),
        }
        path.pop();
    }
}

impl Shape {
    /// Returns whether something in such a value is a secret.
    fn hides(&self) -> bool {
        let others = matches!(&self.others, Others::Each(each) if each.hides());
        let items = self.items.as_ref().is_some_and(|items| items.hides());
        self.secret || others || items || self.fields.iter().any(|field| field.shape.hides())
    }
}

/// Returns whether a key in the value names a secret.
fn hides(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(hides),
        Value::Object(table) => table.iter().any(|(key, value)| names_a_secret(key) || hides(value)),
        _ => false,
    }
}

/// Returns the value at `path`.
pub(crate) fn at<'a>(table: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(first)?, |value, key| value.get(key))
}

fn collect(value: &Value, texts: &mut Vec<Secret>) {
    match value {
        Value::String(text) if text.trim().len() >= SHORTEST_SECRET => texts.push(Secret::new(text.trim())),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(table) => table.values().for_each(|item| collect(item, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;
    use takopi_core::settings::{ConfigFile, Input, Known, load};

    use super::*;

    fn file(path: &str, text: &str) -> ConfigFile {
        ConfigFile { path: path.into(), named: false, content: Ok(text.as_bytes().to_vec()) }
    }

    fn own(text: &str) -> Written {
        Written::parse(&file("/home/ann/.takopi/plugin-config/acme/weather.toml", text), home()).unwrap()
    }

    fn home() -> Option<&'static Path> {
        Some(Path::new("/home/ann"))
    }

    fn takopi(text: &str, variables: &[(&str, &str)]) -> Written {
        let environment: Vec<_> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let file = file("/home/ann/.takopi/takopi.toml", text);
        let input = Input { file: &file, environment: &environment, overrides: &[], home: home() };
        let known = Known { transports: vec![PluginId::parse("local").unwrap()], ..Known::default() };
        let settings = load(&input, &known).unwrap().settings;
        table_of(&settings, Kind::Command, &PluginId::parse("weather").unwrap())
    }

    fn schema() -> Schema {
        let schema = json!({"required": ["place"], "properties": {
            "place": {"type": "string"},
            "days": {"type": "integer", "default": 3, "maximum": 7},
            "alerts": {"type": "boolean", "default": true},
            "tags": {"type": "array", "items": {"type": "integer"}},
            "phrase": {"type": "string", "x-secret": true},
            "level": {"enum": [1, 2]},
            "cache": {"type": "object", "properties": {
                "hours": {"type": "integer", "default": 6}, "dir": {"type": "string"}
            }},
            "login": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
        }});
        Schema::parse(&schema.to_string()).unwrap()
    }

    fn shown(effective: &Effective) -> Vec<String> {
        let line = |origin: &Origin| {
            let place = origin.place.as_ref().map_or_else(|| "default".to_owned(), Place::to_string);
            format!("{} {place}{}", origin.path.join("."), if origin.secret { " secret" } else { "" })
        };
        effective.origins.iter().map(line).collect()
    }

    #[test]
    fn takopi_toml_outranks_the_own_file_key_by_key() {
        let own = own("place = 'Ulm'\ndays = 5\n[cache]\nhours = 1\ndir = 'x'\n[login]\n");
        let takopi = takopi("[plugins.weather]\ndays = 7\ncache = { hours = 2 }", &[]);
        let effective = effective(Some(&schema()), Some(&own), &takopi);
        assert_eq!(effective.diagnostics, []);
        assert_eq!(
            Value::Object(effective.values.clone()),
            json!({"place": "Ulm", "days": 7, "alerts": true, "cache": {"hours": 2, "dir": "x"}})
        );
        assert_eq!(
            shown(&effective),
            [
                "cache.dir ~/.takopi/plugin-config/acme/weather.toml:5:1",
                "cache.hours ~/.takopi/takopi.toml:3:11",
                "days ~/.takopi/takopi.toml:2:1",
                "place ~/.takopi/plugin-config/acme/weather.toml:1:1",
                "alerts default",
            ]
        );
    }

    #[test]
    fn texts_of_the_environment_get_the_types_of_the_schema() {
        let variables = [
            ("TAKOPI__PLUGINS__WEATHER__PLACE", "5"),
            ("TAKOPI__PLUGINS__WEATHER__DAYS", "5"),
            ("TAKOPI__PLUGINS__WEATHER__ALERTS", "off"),
            ("TAKOPI__PLUGINS__WEATHER__LEVEL", "2"),
            ("TAKOPI__PLUGINS__WEATHER__TAGS", "[1, 2]"),
            ("TAKOPI__PLUGINS__WEATHER__CACHE__HOURS", "2"),
        ];
        let effective = effective(Some(&schema()), None, &takopi("", &variables));
        assert_eq!(effective.diagnostics, []);
        assert_eq!(
            Value::Object(effective.values),
            json!({"place": "5", "days": 5, "alerts": false, "level": 2, "tags": [1, 2], "cache": {"hours": 2}})
        );
    }

    #[test]
    fn mistakes_are_told_where_they_are_and_none_of_what_is_outranked() {
        let own = own("days = 99\nalerts = 'x'\n[login]\nnaem = 'ann'\n");
        let takopi = takopi("[plugins.weather]\ndays = 8\nphrase = 12", &[]);
        let told = effective(Some(&schema()), Some(&own), &takopi).usable().unwrap_err();
        let told: Vec<_> = told.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn without_a_schema_settings_are_as_they_are_written() {
        let effective =
            effective(None, None, &takopi("[plugins.weather]\nx.y = 1\napi_key = 'hush hush'", &[]));
        assert_eq!(Value::Object(effective.values.clone()), json!({"x": {"y": 1}, "api_key": "hush hush"}));
        assert_eq!(effective.secrets(), [Secret::new("hush hush")]);
    }

    #[test]
    fn secrets_are_found_by_the_schema_and_are_in_no_debug() {
        let own = own("place = 'Ulm'\nphrase = 'hush hush'\n");
        let effective = effective(Some(&schema()), Some(&own), &takopi("", &[]));
        assert_eq!(effective.secrets(), [Secret::new("hush hush")]);
        assert!(!format!("{effective:?} {own:?}").contains("hush"));
    }
}
