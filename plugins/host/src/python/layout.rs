//! Where an interpreter keeps its distributions, by the layout of its folders: `bin/python` beside
//! `lib/python3.*/site-packages`, and `pyvenv.cfg` where it is a virtual environment.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use takopi_core::settings::PythonEnvironment;

use crate::discover::which;
use crate::problem::{Code, Problem};

/// An environment's folders.
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) site: Vec<PathBuf>,
}

/// Returns the folders of an environment; `path` is where interpreters are looked for.
pub(super) fn of(environment: &PythonEnvironment, path: &OsStr) -> Result<Layout, Problem> {
    let interpreter = interpreter(&environment.python, path);
    if let Some(first) = environment.site.first() {
        let root = interpreter.as_ref().and_then(|file| roots(file).into_iter().next());
        return Ok(Layout { root: root.unwrap_or_else(|| first.clone()), site: environment.site.clone() });
    }
    let Some(interpreter) = interpreter else {
        let name = environment.python.first().map(|name| Path::new(name).display().to_string());
        let text = format!("{} is not on PATH; write the path of the interpreter", name.unwrap_or_default());
        return Err(Problem::new(Code::Unreadable, text));
    };
    for root in roots(&interpreter) {
        let site = site(&root, &interpreter);
        if !site.is_empty() {
            return Ok(Layout { root, site });
        }
    }
    let text = "no site-packages beside this interpreter; write python = \"…/bin/python\" in \
                [[plugins.environments]], or the folders as site = [\"…/site-packages\"]";
    Err(Problem::new(Code::Unreadable, text))
}

/// Returns the interpreter among the words of a command: what else is there loads it.
fn interpreter(words: &[OsString], path: &OsStr) -> Option<PathBuf> {
    let is_python = |word: &&OsString| {
        Path::new(word).file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"python"))
    };
    let word = words.iter().rev().find(is_python).or_else(|| words.first())?;
    let file = Path::new(word);
    if file.components().count() > 1 { Some(file.to_owned()) } else { which(&word.to_string_lossy(), path) }
}

/// Returns the folders in which `bin` and `lib` may be: the interpreter's own first, since that of a virtual environment
/// is a link to another's.
fn roots(interpreter: &Path) -> Vec<PathBuf> {
    if interpreter.is_dir() {
        return vec![interpreter.to_owned()];
    }
    let around = |file: &Path| file.parent().and_then(Path::parent).map(Path::to_path_buf);
    let real = interpreter.canonicalize().ok();
    around(interpreter).into_iter().chain(real.as_deref().and_then(around)).collect()
}

/// Returns the folders with distributions below a root, in the order of Python's path.
fn site(root: &Path, interpreter: &Path) -> Vec<PathBuf> {
    let config = std::fs::read_to_string(root.join("pyvenv.cfg")).ok();
    let setting = |wanted: &str| {
        let pairs = config.iter().flat_map(|text| text.lines()).filter_map(|line| line.split_once('='));
        pairs.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| key.eq_ignore_ascii_case(wanted))
    };
    let written =
        setting("version_info").or_else(|| setting("version")).map(|(_, version)| version.to_owned());
    let Some(version) = version(root, interpreter, written.as_deref()) else { return Vec::new() };
    // Debian keeps apart what its packages bring and what people install.
    let system = |prefix: &Path| {
        let folders =
            ["local/lib/VERSION/dist-packages", "lib/VERSION/site-packages", "lib/python3/dist-packages"];
        folders.map(|folder| prefix.join(folder.replace("VERSION", &version)))
    };
    let mut candidates = Vec::new();
    if config.is_none() {
        candidates.extend(system(root));
    } else {
        candidates.push(root.join(format!("lib/{version}/site-packages")));
        let sees_system = setting("include-system-site-packages")
            .is_some_and(|(_, word)| word.eq_ignore_ascii_case("true"));
        let home = setting("home").and_then(|(_, home)| Path::new(home).parent());
        candidates.extend(home.filter(|_| sees_system).into_iter().flat_map(system));
    }
    let mut site: Vec<PathBuf> = Vec::new();
    for folder in candidates {
        if folder.is_dir() && !site.contains(&folder) {
            site.push(folder);
        }
    }
    site
}

/// Returns `python3.N`: as `pyvenv.cfg` says, as the interpreter is called, or the newest there is.
fn version(root: &Path, interpreter: &Path, written: Option<&str>) -> Option<String> {
    let minor = |text: &str| -> Option<u32> {
        let digits: String = text.strip_prefix("3.")?.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    let of_name = |file: &Path| minor(file.file_name()?.to_str()?.strip_prefix("python")?);
    let called = || of_name(interpreter).or_else(|| of_name(&interpreter.canonicalize().ok()?));
    let newest = || {
        let entries = root.join("lib").read_dir().ok()?.filter_map(Result::ok);
        entries.filter_map(|entry| of_name(&entry.path())).max()
    };
    let chosen = written.and_then(minor).or_else(called).or_else(newest)?;
    Some(format!("python3.{chosen}"))
}
