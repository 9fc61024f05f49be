//! `takopi plugins new`: the folder of a new plugin, made from a template for its kind and language.
//!
//! A plugin in Python or for the shell is short, because the helper of `plugins/templates` stands beside it, the one that
//! the examples have too. All of them pass `takopi plugins check` as they are.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use takopi_core::catalog::Holder;
use takopi_core::id::{Distribution, PluginKind};

use super::arguments::{Kind, Language, NewArguments};
use super::shelf::Shelf;
use crate::report::{Exit, Failure, say};

/// A template for each kind: engine, transport, command.
struct Kinds {
    engine: &'static str,
    transport: &'static str,
    command: &'static str,
}

impl Kinds {
    const fn of(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Engine => self.engine,
            Kind::Transport => self.transport,
            Kind::Command => self.command,
        }
    }
}

const MANIFEST: Kinds = Kinds {
    engine: include_str!("../../../plugins/templates/engine.toml"),
    transport: include_str!("../../../plugins/templates/transport.toml"),
    command: include_str!("../../../plugins/templates/command.toml"),
};
const SH: Kinds = Kinds {
    engine: include_str!("../../../plugins/templates/sh/engine.sh"),
    transport: include_str!("../../../plugins/templates/sh/transport.sh"),
    command: include_str!("../../../plugins/templates/sh/command.sh"),
};
const PYTHON: Kinds = Kinds {
    engine: include_str!("../../../plugins/templates/python/engine.py"),
    transport: include_str!("../../../plugins/templates/python/transport.py"),
    command: include_str!("../../../plugins/templates/python/command.py"),
};
const SH_HELPER: &str = include_str!("../../../plugins/templates/sh/takopi-plugin.sh");
const PYTHON_HELPER: &str = include_str!("../../../plugins/templates/python/takopi_plugin.py");
const RUST: Kinds = Kinds {
    engine: include_str!("../../../plugins/templates/rust/engine.rs.txt"),
    transport: include_str!("../../../plugins/templates/rust/transport.rs.txt"),
    command: include_str!("../../../plugins/templates/rust/command.rs.txt"),
};
const RUST_TAKOPI: &str = include_str!("../../../plugins/templates/rust/takopi.rs.txt");
const CARGO: &str = include_str!("../../../plugins/templates/rust/Cargo.toml.txt");

/// One file of a new plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Draft {
    path: String,
    text: String,
    is_program: bool,
}

pub(super) fn run(arguments: &NewArguments) -> Result<Exit, Failure> {
    let NewArguments { name, kind, lang, dir, config } = arguments;
    let (sort, label) = (PluginKind::from(*kind), PluginKind::from(*kind).label());
    if sort.reserves(name.as_str()) {
        return Err(
            Failure::told(format_args!("the {label} id {name} is reserved")).hint("choose another name")
        );
    }
    if let Some(holder) = Shelf::open(&config.place()?)?.names(sort).taken.get(name.as_str()) {
        let holder = match holder {
            Holder::Engine => "an engine",
            Holder::Command => "a command",
            Holder::Project => "a project",
        };
        return Err(Failure::told(format_args!(
            "{name} cannot be the id of the {label}: {holder} has it already"
        ))
        .hint("choose another name"));
    }
    let dir = dir.clone().unwrap_or_else(|| PathBuf::from(name.as_str()));
    make(&dir, &drafts(name.as_str(), *kind, *lang))?;
    let shown = quoted(&dir);
    say(format_args!("made {shown}"))?;
    say("next:")?;
    for step in steps(&shown, name.as_str(), *kind, *lang) {
        say(format_args!("  {step}"))?;
    }
    Ok(Exit::Done)
}

/// Returns what to type next.
fn steps(dir: &str, name: &str, kind: Kind, lang: Language) -> Vec<String> {
    let mut steps = Vec::new();
    if lang == Language::Rust {
        steps.push(format!("cargo build --release --manifest-path {dir}/Cargo.toml"));
    }
    steps.push(format!("takopi plugins check {dir}"));
    steps.push(format!("mkdir -p ~/.takopi/plugins && ln -s \"$(realpath {dir})\" ~/.takopi/plugins/"));
    match kind {
        Kind::Command => steps.push(format!("takopi chat '/{name} hello'")),
        Kind::Engine => steps.push(format!("takopi chat --engine {name} hello")),
        Kind::Transport => {
            let data = format!("~/.takopi/plugin-data/{}", distribution(name));
            steps.push(format!("takopi config set transports.{name}.allowed_user_ids '[\"me\"]'"));
            steps.push("takopi".to_owned());
            steps.push(format!(
                "echo hello > {data}/in/1.txt    # in another terminal; the answer is in {data}/out"
            ));
        }
    }
    steps
}

fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+~".contains(c);
    if path.chars().all(is_plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Returns the name of a new plugin's distribution.
fn distribution(name: &str) -> String {
    let name = format!("takopi-{name}");
    Distribution::parse(&name).map_or(name, |distribution| distribution.to_string())
}

/// Returns the files of a new plugin.
fn drafts(name: &str, kind: Kind, lang: Language) -> Vec<Draft> {
    let distribution = distribution(name);
    let command = match lang {
        Language::Rust => format!("[\"./target/release/{distribution}\"]"),
        Language::Python => r#"["python3", "main.py"]"#.to_owned(),
        Language::Sh => format!("[\"./{name}.sh\"]"),
    };
    let fill = |text: &str| {
        text.replace("@ID@", name).replace("@DISTRIBUTION@", &distribution).replace("@COMMAND@", &command)
    };
    let file = |path: &str, text: &str| Draft { path: path.to_owned(), text: fill(text), is_program: false };
    let mut drafts = vec![file(takopi_plugin_host::manifest::FILE, MANIFEST.of(kind))];
    match lang {
        Language::Rust => {
            drafts.push(file("Cargo.toml", CARGO));
            drafts.push(file("src/main.rs", RUST.of(kind)));
            drafts.push(file("src/takopi.rs", RUST_TAKOPI));
            drafts.push(file(".gitignore", "/target\n"));
        }
        Language::Python => {
            // Not NAME.py: a plugin called `calendar` would stand in the way of Python's own.
            drafts.push(file("main.py", PYTHON.of(kind)));
            drafts.push(file("takopi_plugin.py", PYTHON_HELPER));
            drafts.push(file(".gitignore", "__pycache__\n"));
        }
        Language::Sh => {
            drafts.push(Draft { is_program: true, ..file(&format!("{name}.sh"), SH.of(kind)) });
            drafts.push(file("takopi-plugin.sh", SH_HELPER));
        }
    }
    drafts
}

/// Writes the files into a folder that is new or empty. Others may not write there, whatever the umask: what they could
/// change is not run.
fn make(dir: &Path, drafts: &[Draft]) -> Result<(), Failure> {
    let failed = |path: &Path, error: &io::Error| {
        Failure::told(format_args!("failed to write {}: {error}", path.display()))
    };
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) => {
            return Err(Failure::told(format_args!("{} is there already and not empty", dir.display()))
                .hint("choose another folder: `--dir PATH`"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(dir, &error)),
    }
    for draft in drafts {
        let path = dir.join(&draft.path);
        let folder = path.parent().unwrap_or(dir);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(folder)
            .map_err(|error| failed(folder, &error))?;
        let mode = if draft.is_program { 0o755 } else { 0o644 };
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&path)
            .and_then(|mut file| io::Write::write_all(&mut file, draft.text.as_bytes()))
            .map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;
    use takopi_plugin_host::manifest::Manifest;

    use super::*;

    #[test]
    fn every_template_has_a_manifest_that_is_read_without_a_word() {
        for (kind, lang) in all() {
            let drafts = drafts("my_plugin", kind, lang);
            let (manifest, notes) = Manifest::parse_with_notes(&drafts[0].text).unwrap();
            assert_eq!(notes, [], "{kind:?} {lang:?}");
            assert_eq!(manifest.distribution.name, "takopi-my-plugin");
            assert_eq!(manifest.provides()[0].id, "my_plugin");
        }
    }

    #[test]
    fn no_blank_of_a_template_stays_open() {
        for (kind, lang) in all() {
            for draft in drafts("acme", kind, lang) {
                let is_blank = |word: &str| word.starts_with('@') && word.ends_with('@') && word.len() > 2;
                let open = draft
                    .text
                    .split(|c: char| c.is_whitespace() || "\"'`/".contains(c))
                    .find(|w| is_blank(w));
                assert_eq!(open, None, "{kind:?} {lang:?} {}", draft.path);
            }
        }
    }

    fn all() -> Vec<(Kind, Language)> {
        let kinds = Kind::value_variants();
        let of = |lang: &Language| kinds.iter().map(|kind| (*kind, *lang)).collect::<Vec<_>>();
        Language::value_variants().iter().flat_map(of).collect()
    }

    #[test]
    fn the_next_steps_can_be_typed() {
        let mut told = String::new();
        for (kind, lang) in [
            (Kind::Command, Language::Sh),
            (Kind::Engine, Language::Rust),
            (Kind::Transport, Language::Python),
        ] {
            told.push_str(&steps(&quoted(Path::new("my plugins/acme")), "acme", kind, lang).join("\n"));
            told.push('\n');
        }
        insta::assert_snapshot!(told);
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mine"), "").unwrap();
        let failure = make(dir.path(), &drafts("acme", Kind::Command, Language::Sh)).unwrap_err();
        assert!(failure.to_string().contains("not empty"), "{failure}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
