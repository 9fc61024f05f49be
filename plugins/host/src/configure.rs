//! The settings of something a plugin registers, read from where they are: its schema, its own file, `takopi.toml`.
//!
//! Reads files, and starts nothing. What they amount to is decided in `layers.rs`.

use std::path::Path;

use takopi_core::id::{Distribution, InstanceId, PluginId};
use takopi_core::settings::{Diagnostic, Settings, Severity};
use takopi_plugin_protocol::life::Kind;

use crate::info::{OwnFile, SettingsInfo};
use crate::layers::{Effective, effective, table_of};
use crate::manifest::Package;
use crate::own_config::{self, Head};
use crate::problem::{Code, Problem};
use crate::schema::Schema;

/// Something a plugin registers, and what its settings are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What it is.
    pub kind: Kind,
    /// Its id in the manifest.
    pub id: PluginId,
    /// Of a transport: the instance that is configured. `None` is the one called as the kind.
    pub instance: Option<InstanceId>,
}

/// Where settings are.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// `takopi.toml` with what is laid over it.
    pub settings: &'a Settings,
    /// The folder of `takopi.toml`.
    pub config_dir: &'a Path,
    /// The home directory, for `~` in messages.
    pub home: Option<&'a Path>,
}

/// The settings of something a plugin registers.
#[derive(Debug, Clone)]
pub struct Configured {
    /// What they may be; `None` when the plugin has no schema for them.
    pub schema: Option<Schema>,
    /// What they are.
    pub effective: Effective,
    /// The plugin's own file for them.
    pub head: Head,
    /// Whether that is there.
    pub there: bool,
}

/// Reads the settings of `subject`, which `package` registers. Mistakes in them are in [`Effective::diagnostics`].
///
/// # Errors
/// [`Code::InvalidManifest`] when its schema cannot be used.
pub fn configure(package: &Package, subject: &Subject, sources: &Sources<'_>) -> Result<Configured, Problem> {
    let Subject { kind, id, instance } = subject;
    let schema =
        package.manifest.schema(*kind, id.as_str()).map(|path| Schema::read(&package.dir.join(path)));
    let schema = schema.transpose()?;
    let takopi = table_of(sources.settings, *kind, instance.as_ref().unwrap_or(id));
    let head = head(package, subject, takopi.path(), sources);
    let (own, there, mistakes) = match own_config::read(&head.path, sources.home) {
        Ok(own) => (own.clone(), own.is_some(), Vec::new()),
        Err(mistakes) => (None, true, mistakes),
    };
    let mut effective = effective(schema.as_ref(), own.as_ref(), &takopi);
    effective.diagnostics.splice(..0, mistakes);
    Ok(Configured { schema, effective, head, there })
}

impl Configured {
    /// Returns why nothing may be started with these settings, in one line.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let is_error = |one: &&Diagnostic| one.severity == Severity::Error;
        let mut errors = self.effective.diagnostics.iter().filter(is_error);
        let first = errors.next()?;
        let more = match errors.count() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        Some(Problem::new(Code::BadConfig, format!("{}; {}{more}", first.finding(), first.remedy)))
    }

    /// Returns them for `plugins info`.
    #[must_use]
    pub fn info(&self, subject: &Subject) -> SettingsInfo {
        let Head { command, table, .. } = &self.head;
        let file = OwnFile { path: self.head.shown(), there: self.there, command: command.clone() };
        let id = subject.instance.as_ref().unwrap_or(&subject.id);
        SettingsInfo::of(subject.kind, id.as_str(), table, file, self.schema.as_ref(), &self.effective)
    }
}

fn head(package: &Package, subject: &Subject, table: &str, sources: &Sources<'_>) -> Head {
    let Subject { kind, id, .. } = subject;
    let name = &package.manifest.distribution.name;
    let word = match kind {
        Kind::Engine => "an engine",
        Kind::Transport => "a transport",
        Kind::Command => "a command",
    };
    Head {
        whose: format!("{id}, {word} of {name}"),
        command: format!("takopi plugins config {id}"),
        table: table.to_owned(),
        path: own_config::path(sources.config_dir, Distribution::parse(name).as_ref(), *kind, id),
        home: sources.home.map(Path::to_path_buf),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};
    use takopi_core::settings::{ConfigFile, Input, Known, load};

    use super::*;
    use crate::info::tests::package;
    use crate::own_config::renew;

    fn weather() -> Subject {
        Subject { kind: Kind::Command, id: PluginId::parse("weather").unwrap(), instance: None }
    }

    fn settings(text: &str) -> Settings {
        let file =
            ConfigFile { path: "/c/takopi.toml".into(), named: false, content: Ok(text.as_bytes().to_vec()) };
        let known = Known { transports: vec![PluginId::parse("local").unwrap()], ..Known::default() };
        load(&Input { file: &file, environment: &[], overrides: &[], home: None }, &known).unwrap().settings
    }

    #[test]
    fn settings_are_read_from_the_schema_the_own_file_and_takopi_toml() {
        let dir = tempfile::tempdir().unwrap();
        let package = Package { dir: dir.path().to_owned(), ..package() };
        let settings = settings("[plugins.weather]\ndays = 'many'\nplace = 'Ulm'");
        let sources = Sources { settings: &settings, config_dir: dir.path(), home: Some(dir.path()) };
        let missing = configure(&package, &weather(), &sources).unwrap_err();
        assert_eq!(missing.code, Code::InvalidManifest);

        let schema = json!({"required": ["key"], "properties": {
            "key": {"type": "string"}, "days": {"type": "integer"}, "place": {"type": "string"}
        }});
        fs::write(dir.path().join("weather.schema.json"), schema.to_string()).unwrap();
        let configured = configure(&package, &weather(), &sources).unwrap();
        assert_eq!(
            configured.problem().unwrap().message,
            "/c/takopi.toml:1:10: plugins.weather.key: it is missing; write e.g. key = \"…\" in [plugins.weather] \
             (and 1 more)"
        );
        assert!(!configured.there);

        let new = renew(configured.schema.as_ref().unwrap(), &configured.head).unwrap();
        assert!(new.written);
        let file = &configured.head.path;
        let text = fs::read_to_string(file).unwrap().replace("#key = \"…\"", "key = 'hush'");
        fs::write(file, text.replace("#days = 0", "days = 2")).unwrap();
        assert!(!renew(configured.schema.as_ref().unwrap(), &configured.head).unwrap().written);
        let settings = self::settings("[plugins.weather]\nplace = 'Ulm'");
        let configured =
            configure(&package, &weather(), &Sources { settings: &settings, ..sources }).unwrap();
        assert_eq!(configured.problem(), None);
        assert_eq!(
            Value::Object(configured.effective.values.clone()),
            json!({"key": "hush", "days": 2, "place": "Ulm"})
        );
        let info = configured.info(&weather());
        assert_eq!((info.table.as_str(), info.file.there), ("plugins.weather", true));
        assert_eq!(info.file.path, "~/plugin-config/takopi-acme/weather.toml");
    }

    #[test]
    fn an_own_file_that_is_broken_is_told_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let package = Package { dir: dir.path().to_owned(), ..package() };
        fs::write(dir.path().join("weather.schema.json"), "{\"properties\": {}}").unwrap();
        let settings = settings("");
        let sources = Sources { settings: &settings, config_dir: dir.path(), home: Some(dir.path()) };
        let path = dir.path().join("plugin-config/takopi-acme/weather.toml");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "a = hush hush\n").unwrap();
        let configured = configure(&package, &weather(), &sources).unwrap();
        let problem = configured.problem().unwrap();
        assert_eq!(
            problem.message,
            "~/plugin-config/takopi-acme/weather.toml:1:5: a: this is no value; put text in quotes: \"…\""
        );
        assert!(renew(configured.schema.as_ref().unwrap(), &configured.head).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "a = hush hush\n");
    }

    #[test]
    fn an_engine_without_a_schema_gets_what_is_written() {
        let id = PluginId::parse("acme").unwrap();
        let engine = Subject { kind: Kind::Engine, id, instance: None };
        let settings = settings("[engines.acme]\nmodel = 'm'");
        let sources = Sources { settings: &settings, config_dir: Path::new("/none"), home: None };
        let configured = configure(&package(), &engine, &sources).unwrap();
        assert_eq!(Value::Object(configured.effective.values), json!({"model": "m"}));
        assert_eq!(configured.head.path, Path::new("/none/plugin-config/takopi-acme/acme.toml"));
    }
}
