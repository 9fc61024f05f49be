//! From the text of a manifest to what it says. Ids are taken as they are: who may have which is decided in core.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use semver::{Version, VersionReq};
use takopi_core::id::Distribution;
use takopi_core::port::command::Access;
use takopi_core::port::engine::EngineFeatures;
use takopi_core::port::transport::{Limits, Rate, TextLimit, TextUnit, TransportFeatures};
use takopi_core::resume::{DEFAULT_TOKEN, PatternError, ResumePattern};
use toml::de::DeTable;

use super::read::{Table, Told, integer};
use super::{
    CommandTable, DistributionTable, EngineTable, MAX_BYTES, Manifest, Permission, ProcessTable, Things,
    TransportTable, VERSION,
};
use crate::problem::{Code, Problem};

/// The protocol that is spoken here.
const PROTOCOL: &str = "takopi/1";

/// Groups whose meaning is still to come.
const RESERVED_GROUPS: [&str; 4] = ["auth", "cli", "pipe", "tool"];

/// Seconds of the longest idle time: a day.
const MAX_IDLE_S: i64 = 86_400;

/// Seconds without work before a plugin is stopped that doesn't say.
const IDLE_STOP_S: i64 = 300;

/// Characters of a message where a transport doesn't say: what most services take.
const MESSAGE_CHARS: i64 = 4000;

/// Milliseconds between two edits of a message where a transport doesn't say.
const EDIT_GAP_MS: i64 = 1500;

const PERMISSIONS: [(&str, Permission); 4] = [
    ("run_engine", Permission::RunEngine),
    ("send_message", Permission::SendMessage),
    ("store", Permission::Store),
    ("background", Permission::Background),
];

/// Sets one feature.
type Feature<F> = (&'static str, fn(&mut F));

const ENGINE_FEATURES: [Feature<EngineFeatures>; 6] = [
    ("ask", |features| features.ask = true),
    ("blank_ok", |features| features.blank_ok = true),
    ("images", |features| features.images = true),
    ("options", |features| features.options = true),
    ("plain", |features| features.plain = true),
    ("steer", |features| features.steer = true),
];

/// Not `follows` and `caller_dir`: they are for what runs inside takopi on this machine.
const TRANSPORT_FEATURES: [Feature<TransportFeatures>; 5] = [
    ("buttons", |features| features.buttons = true),
    ("conversations", |features| features.conversations = true),
    ("delete", |features| features.delete = true),
    ("edit", |features| features.edit = true),
    ("hides_resume_lines", |features| features.hides_resume_lines = true),
];

pub(super) fn parse(text: &str) -> Result<(Manifest, Vec<Problem>), Problem> {
    let invalid = |problem: String| Problem::new(Code::InvalidManifest, problem);
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > MAX_BYTES) {
        return Err(invalid(format!(
            "it is larger than {} KiB; move what it doesn't need elsewhere",
            MAX_BYTES >> 10
        )));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = DeTable::parse(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let what = error.message().lines().next().unwrap_or_default();
        invalid(format!("line {line} is no TOML: {what}; see https://toml.io"))
    })?;
    let root = root.into_inner();
    match root.get("manifest").map(|version| integer(version.get_ref())) {
        Some(Some(VERSION)) => {}
        Some(Some(other)) => {
            let text = format!(
                "manifest = {other} is not read by this takopi, which reads {VERSION}; update takopi"
            );
            return Err(Problem::new(Code::UnsupportedManifest, text));
        }
        _ => {
            return Err(invalid(format!(
                "manifest is missing or no whole number; begin with manifest = {VERSION}"
            )));
        }
    }
    let (mut told, mut root) = (Told::default(), Table::new("", &root));
    let manifest = manifest(&mut root, &mut told)?;
    root.close(&mut told);
    told.problem().map_or(Ok((manifest, told.notes)), Err)
}

fn manifest(root: &mut Table<'_, '_>, told: &mut Told) -> Result<Manifest, Problem> {
    // Read above already.
    root.names("manifest");
    let distribution = section(root, told, "distribution", "name = \"takopi-acme\"", distribution);
    let process = section(root, told, "process", "command = [\"./acme-plugin\"]", |table, told| {
        let protocol = table.required(told, "protocol", "\"takopi/1\"");
        (process(table, told), protocol)
    });
    let engines = group(root, told, "engine", engine);
    let transports = group(root, told, "transport", transport);
    let commands = group(root, told, "command", command);
    let mut reserved = Vec::new();
    for key in RESERVED_GROUPS {
        reserved.extend(root.names(key));
    }
    if engines.is_empty() && transports.is_empty() && commands.is_empty() && reserved.is_empty() {
        let groups = ["engine", "transport", "command"].into_iter();
        if !groups.into_iter().any(|group| root.has(group)) {
            told.mistake("it registers nothing; write [command.NAME], [engine.NAME] or [transport.NAME]");
        }
    }
    for name in reserved {
        told.note(Code::UnsupportedGroup, format!("[{name}]: group not supported yet"));
    }
    let (process, protocol) = process.unwrap_or_default();
    if !matches!(protocol.as_str(), "" | PROTOCOL) {
        let text = format!(
            "process.protocol: this takopi does not speak {protocol:?} with plugins; write protocol = {PROTOCOL:?}"
        );
        return Err(Problem::new(Code::UnsupportedProtocol, text));
    }
    Ok(Manifest { distribution: distribution.unwrap_or_default(), process, engines, transports, commands })
}

/// Reads a table that must be there.
fn section<T>(
    root: &mut Table<'_, '_>,
    told: &mut Told,
    key: &'static str,
    example: &str,
    read: impl FnOnce(&mut Table<'_, '_>, &mut Told) -> T,
) -> Option<T> {
    if !root.has(key) {
        told.mistake(format!("[{key}] is missing; write it with e.g. {example}"));
    }
    let mut table = root.table(told, key)?;
    let value = read(&mut table, told);
    table.close(told);
    Some(value)
}

/// Reads the tables of a group, by id.
fn group<T>(
    root: &mut Table<'_, '_>,
    told: &mut Told,
    key: &'static str,
    read: impl Fn(&str, &mut Table<'_, '_>, &mut Told) -> T,
) -> Things<T> {
    let mut read_all = Things::new();
    for (id, mut table) in root.tables(told, key) {
        let value = read(&id, &mut table, told);
        table.close(told);
        read_all.insert(id, Box::new(value));
    }
    read_all
}

fn distribution(table: &mut Table<'_, '_>, told: &mut Told) -> DistributionTable {
    let name = table.required(told, "name", "\"takopi-acme\"");
    let edge = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let inside = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let mut letters = name.chars();
    let is_named = edge(letters.next()) && edge(name.chars().next_back()) && letters.all(inside);
    if !name.is_empty() && (!is_named || name.len() > 100) {
        // It names a folder too.
        told.mistake("distribution.name: expected at most 100 of A-Z a-z 0-9 . _ -, a letter or digit at both ends; write e.g. name = \"takopi-acme\"");
    }
    if Distribution::parse(&name) == Some(Distribution::builtin()) {
        told.mistake(format!(
            "distribution.name: {name:?} is takopi itself; write e.g. name = \"takopi-acme\""
        ));
    }
    let version = table.required(told, "version", "\"0.1.0\"");
    let requires_takopi = table.text(told, "requires_takopi", "\">=0.1, <0.2\"");
    if let Some(wanted) = &requires_takopi
        && let Err(error) = VersionReq::parse(wanted)
    {
        told.mistake(format!(
            "distribution.requires_takopi: {wanted:?} is no range of versions ({error}); write e.g. requires_takopi = \">=0.1, <0.2\""
        ));
    }
    let description = table.text(told, "description", "\"what it is, in a few words\"");
    DistributionTable { name, version, requires_takopi, description }
}

fn process(table: &mut Table<'_, '_>, told: &mut Told) -> ProcessTable {
    let command = table.required_texts(told, "command", "[\"./acme-plugin\"]");
    let env = variables(table, told, "env");
    let needs_env = variables(table, told, "needs_env");
    let idle_stop = table.integer(told, "idle_stop_s", 0..=MAX_IDLE_S, IDLE_STOP_S);
    let idle_stop = u64::try_from(idle_stop).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs);
    let permissions = table.words(told, "permissions", &PERMISSIONS, |told, text| told.mistake(text));
    ProcessTable { command, env, needs_env, idle_stop, permissions }
}

fn variables(table: &mut Table<'_, '_>, told: &mut Told, key: &'static str) -> Vec<String> {
    let names = table.texts(told, key, "[\"ACME_API_KEY\"]");
    let is_name = |name: &String| {
        !name.contains(|letter: char| letter == '=' || letter.is_whitespace() || letter.is_control())
    };
    if !names.iter().all(is_name) {
        // What stands behind the equals sign may be a secret.
        told.mistake(format!(
            "{}: list names only, without values; write e.g. {key} = [\"ACME_API_KEY\"]",
            table.dotted(key)
        ));
    }
    names
}

fn programs(table: &mut Table<'_, '_>, told: &mut Told) -> Vec<String> {
    table.texts(told, "needs", "[\"acme\"]")
}

fn schema(table: &mut Table<'_, '_>, told: &mut Told) -> Option<PathBuf> {
    let path = PathBuf::from(table.text(told, "config_schema", "\"settings.schema.json\"")?);
    let is_inside =
        |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !is_inside(&path) {
        let key = table.dotted("config_schema");
        told.mistake(format!("{key}: expected a file in the plugin's folder; write e.g. config_schema = \"settings.schema.json\""));
    }
    Some(path)
}

fn features<F: Default>(table: &mut Table<'_, '_>, told: &mut Told, known: &[Feature<F>]) -> F {
    let mut features = F::default();
    // A later takopi may know more words.
    for set in table.words(told, "features", known, |told, text| told.note(Code::UnknownKey, text)) {
        set(&mut features);
    }
    features
}

fn engine(id: &str, table: &mut Table<'_, '_>, told: &mut Told) -> EngineTable {
    EngineTable {
        title: table.text(told, "title", "\"Acme Coder\"").unwrap_or_else(|| id.to_owned()),
        install: table.text(told, "install", "\"npm install -g acme\""),
        needs: programs(table, told),
        features: features(table, told, &ENGINE_FEATURES),
        shared: table.flag(told, "shared"),
        resume: resume(table, told),
        config_schema: schema(table, told),
    }
}

fn resume(engine: &mut Table<'_, '_>, told: &mut Told) -> Option<ResumePattern> {
    let mut table = engine.table(told, "resume")?;
    let show = table.required(told, "show", "\"acme resume {token}\"");
    let also = table.texts(told, "match", "[\"acme -r {token}\"]");
    let token = table.text(told, "token", "\"[A-Za-z0-9_-]{1,128}\"");
    let (show_key, token_key) = (table.dotted("show"), table.dotted("token"));
    table.close(told);
    if show.is_empty() {
        return None;
    }
    let also: Vec<&str> = also.iter().map(String::as_str).filter(|template| *template != show).collect();
    match ResumePattern::new(&show, &also, token.as_deref().unwrap_or(DEFAULT_TOKEN)) {
        Ok(pattern) => return Some(pattern),
        Err(error @ PatternError::Template(_)) => {
            told.mistake(format!("{show_key}: {error}; write e.g. show = \"acme resume {{token}}\""));
        }
        Err(error @ PatternError::Expression { .. }) => {
            // The compiler draws where in the expression it is, over several lines.
            let error = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            told.mistake(format!("{token_key}: {error}; write e.g. token = \"[A-Za-z0-9_-]{{1,128}}\""));
        }
    }
    None
}

fn transport(id: &str, table: &mut Table<'_, '_>, told: &mut Told) -> TransportTable {
    TransportTable {
        title: table.text(told, "title", "\"Matrix\"").unwrap_or_else(|| id.to_owned()),
        needs: programs(table, told),
        limits: limits(table, told),
        features: features(table, told, &TRANSPORT_FEATURES),
        config_schema: schema(table, told),
    }
}

fn limits(transport: &mut Table<'_, '_>, told: &mut Told) -> Limits {
    let mut limits = Limits {
        text: TextLimit { max: unsigned(MESSAGE_CHARS), unit: TextUnit::Chars },
        bot: None,
        chat: None,
        edit_gap: Duration::from_millis(unsigned(EDIT_GAP_MS)),
    };
    let Some(mut table) = transport.table(told, "limits") else { return limits };
    let units = [("chars", TextUnit::Chars), ("utf16", TextUnit::Utf16)];
    // The least is what a resume line and some words around it need.
    limits.text.max = unsigned(table.integer(told, "max", 200..=10_000_000, MESSAGE_CHARS));
    if let Some(unit) = table.text(told, "unit", "\"chars\"") {
        match units.iter().find(|(word, _)| *word == unit) {
            Some((_, unit)) => limits.text.unit = *unit,
            None => told.mistake(format!(
                "{}: expected \"chars\" or \"utf16\"; write e.g. unit = \"chars\"",
                table.dotted("unit")
            )),
        }
    }
    limits.edit_gap =
        Duration::from_millis(unsigned(table.integer(told, "min_edit_gap_ms", 0..=3_600_000, EDIT_GAP_MS)));
    limits.bot = rate(&mut table, told, "bot");
    limits.chat = rate(&mut table, told, "chat");
    table.close(told);
    limits
}

fn rate(limits: &mut Table<'_, '_>, told: &mut Told, key: &'static str) -> Option<Rate> {
    let mut table = limits.table(told, key)?;
    let calls = unsigned(table.integer(told, "calls", 1..=1_000_000, 20));
    let per = Duration::from_secs(unsigned(table.integer(told, "per_s", 1..=86_400, 60)));
    let bursts = table.flag(told, "bursts");
    table.close(told);
    Some(Rate { calls, per, bursts })
}

/// A number whose range was checked when it was read.
fn unsigned<T: TryFrom<i64> + Default>(number: i64) -> T {
    T::try_from(number).unwrap_or_default()
}

fn command(id: &str, table: &mut Table<'_, '_>, told: &mut Told) -> CommandTable {
    CommandTable {
        description: table.required(told, "description", "\"what it does, in a few words\""),
        usage: table.text(told, "usage", "\"/weather <place>\"").unwrap_or_else(|| format!("/{id}")),
        needs: programs(table, told),
        access: access(table, told),
        config_schema: schema(table, told),
    }
}

fn access(table: &mut Table<'_, '_>, told: &mut Told) -> Access {
    match table.text(told, "access", "\"manager\"").as_deref() {
        None | Some("everyone") => Access::Everyone,
        Some("manager") => Access::Manager,
        Some(_) => {
            told.mistake(format!("{}: write \"manager\" or \"everyone\"", table.dotted("access")));
            Access::Everyone
        }
    }
}

/// Says whether a manifest wants this takopi. A version before its release counts as that release.
pub(super) fn wants(manifest: &Manifest, version: &str) -> Result<(), Problem> {
    let Some(wanted) = &manifest.distribution.requires_takopi else { return Ok(()) };
    let (Ok(range), Ok(mut this)) = (VersionReq::parse(wanted), Version::parse(version)) else {
        return Ok(());
    };
    this.pre = semver::Prerelease::EMPTY;
    if range.matches(&this) {
        return Ok(());
    }
    let text = format!("it wants takopi {wanted}, and this is {version}; look for another version of either");
    Err(Problem::new(Code::UnsupportedTakopi, text))
}
