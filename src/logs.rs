//! The log: what goes to stderr and to a file, in which shape, and never with a secret in it.
//!
//! Stdout is for what a person asked for, so no log line goes there. Secrets are cut out of the finished line,
//! whoever wrote it: every value the settings know as a secret, and whatever looks like a Telegram token.
//! Prompts and messages are never logged above `debug`; that is up to those who log.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use takopi_core::settings::Secret;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

/// What a secret reads as.
const REDACTED: &str = "[REDACTED]";

/// How the log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogSettings {
    level: LevelFilter,
    json: bool,
    colour: bool,
    file: Option<PathBuf>,
}

impl LogSettings {
    /// Reads the environment. `usual` is the level where nothing says otherwise.
    pub(crate) fn from_environment(debug: bool, usual: LevelFilter) -> Self {
        Self::read(|name| env::var(name).ok(), debug, usual, io::stderr().is_terminal())
    }

    fn read(
        variable: impl Fn(&str) -> Option<String>,
        debug: bool,
        usual: LevelFilter,
        terminal: bool,
    ) -> Self {
        let word =
            |name| variable(name).map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty());
        let level = word("TAKOPI_LOG_LEVEL").map_or(usual, |level| match level.as_str() {
            "trace" => LevelFilter::TRACE,
            "debug" => LevelFilter::DEBUG,
            "warning" | "warn" => LevelFilter::WARN,
            "error" | "critical" => LevelFilter::ERROR,
            _ => LevelFilter::INFO,
        });
        let colour = word("TAKOPI_LOG_COLOR").map_or(terminal && word("NO_COLOR").is_none(), |word| {
            ["1", "true", "yes", "on"].contains(&word.as_str())
        });
        let file = variable("TAKOPI_LOG_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
        Self {
            level: if debug { LevelFilter::DEBUG.max(level) } else { level },
            json: word("TAKOPI_LOG_FORMAT").is_some_and(|format| format == "json"),
            colour,
            file: file.or_else(|| debug.then(|| PathBuf::from("debug.log"))),
        }
    }
}

/// The log, open. Clones are the same log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logs {
    secrets: Arc<RwLock<Vec<String>>>,
}

impl Logs {
    /// Opens the log of this process. Opening it twice changes nothing.
    pub(crate) fn open(settings: &LogSettings) -> Self {
        let logs = Self::default();
        let (file, problem) = match settings.file.as_ref().map(|path| (path, open_file(path))) {
            Some((_, Ok(file))) => (Some(file), None),
            Some((path, Err(error))) => (None, Some((path, error))),
            None => (None, None),
        };
        let stderr = logs.writer(io::stderr);
        let to_stderr: Box<dyn Layer<Registry> + Send + Sync> = if settings.json {
            tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(stderr).boxed()
        } else {
            tracing_subscriber::fmt::layer().with_ansi(settings.colour).with_writer(stderr).boxed()
        };
        let to_file = file.map(|file| {
            let file = logs.writer(Arc::new(file));
            tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(file).boxed()
        });
        let layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> =
            [Some(to_stderr), to_file].into_iter().flatten().collect();
        let opened =
            tracing_subscriber::registry().with(layers.with_filter(filter(settings.level))).try_init();
        if let Err(error) = opened {
            tracing::debug!(%error, "the log is open already");
        }
        if let Some((path, error)) = problem {
            tracing::warn!(path = %path.display(), %error, "the log file could not be opened");
        }
        logs
    }

    /// Keeps these out of every line from now on, besides those named before: work under way may still have
    /// the old ones.
    pub(crate) fn hide(&self, secrets: &[Secret]) {
        let mut hidden = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets {
            for text in [secret.reveal().to_owned(), escaped(secret.reveal())] {
                if !text.is_empty() && !hidden.contains(&text) {
                    hidden.push(text);
                }
            }
        }
        // A secret that holds another one is cut out whole.
        hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// Returns `text` without secrets.
    pub(crate) fn clean(&self, text: &str) -> String {
        redact(text, &self.secrets.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn writer<M>(&self, inner: M) -> Redacting<M> {
        Redacting { inner, secrets: self.secrets.clone() }
    }
}

/// Libraries of Discord's gateway. They log whole events they cannot read, with what people wrote in them, and frames;
/// what becomes of a connection `transports/discord` tells itself.
const GATEWAY: [&str; 3] = ["serenity", "tungstenite", "tokio_tungstenite"];

/// Returns what is written: our own words from `level` on, warnings of libraries, and of those in [`GATEWAY`] nothing.
fn filter(level: LevelFilter) -> Targets {
    let targets = Targets::new().with_target("takopi", level).with_default(LevelFilter::WARN);
    targets.with_targets(GATEWAY.map(|library| (library, LevelFilter::OFF)))
}

/// Returns `text` as it stands inside a string of JSON, and of `Debug`.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

fn open_file(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Makes writers that cut secrets out.
struct Redacting<M> {
    inner: M,
    secrets: Arc<RwLock<Vec<String>>>,
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Redacting<M> {
    type Writer = RedactingWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactingWriter { inner: self.inner.make_writer(), secrets: self.secrets.clone() }
    }
}

/// Cuts secrets out of what it is given: the subscriber hands over one whole line at a time.
struct RedactingWriter<W> {
    inner: W,
    secrets: Arc<RwLock<Vec<String>>>,
}

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let clean = redact(&text, &self.secrets.read().unwrap_or_else(PoisonError::into_inner));
        // A log nobody reads is no reason to stop.
        match self.inner.write_all(clean.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(line.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn redact(line: &str, secrets: &[String]) -> String {
    let mut clean = line.to_owned();
    for secret in secrets.iter().filter(|secret| line.contains(secret.as_str())) {
        clean = clean.replace(secret.as_str(), REDACTED);
    }
    redact_tokens(&clean)
}

/// Characters behind the colon from which on something is taken for a Telegram token; real ones have 35.
const TOKEN_TAIL: usize = 10;

/// Replaces `<digits>:<ten or more of A-Za-z0-9_->`, the shape of a Telegram bot token.
fn redact_tokens(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(colon) = rest.find(':') {
        let (before, after) = (&rest[..colon], &rest[colon + 1..]);
        let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let tail = after.len()
            - after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-').len();
        if digits > 0 && tail >= TOKEN_TAIL {
            clean.push_str(&before[..colon - digits]);
            clean.push_str(REDACTED);
            rest = &after[tail..];
        } else {
            clean.push_str(&rest[..=colon]);
            rest = after;
        }
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], debug: bool) -> LogSettings {
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        LogSettings::read(variable, debug, LevelFilter::INFO, true)
    }

    #[test]
    fn the_environment_says_how_much_and_where_to() {
        let usual = read(&[], false);
        assert_eq!(usual, LogSettings { level: LevelFilter::INFO, json: false, colour: true, file: None });
        let said = read(
            &[
                ("TAKOPI_LOG_LEVEL", "Warning"),
                ("TAKOPI_LOG_FORMAT", "json"),
                ("TAKOPI_LOG_COLOR", "0"),
                ("TAKOPI_LOG_FILE", "/x"),
            ],
            false,
        );
        assert_eq!(
            said,
            LogSettings { level: LevelFilter::WARN, json: true, colour: false, file: Some("/x".into()) }
        );
        let debug = read(&[("TAKOPI_LOG_LEVEL", "nonsense"), ("NO_COLOR", "1")], true);
        assert_eq!(
            debug,
            LogSettings {
                level: LevelFilter::DEBUG,
                json: false,
                colour: false,
                file: Some("debug.log".into())
            }
        );
    }

    #[test]
    fn libraries_that_log_what_people_wrote_are_not_heard() {
        let said =
            |target: &str, level: tracing::Level| filter(LevelFilter::TRACE).would_enable(target, &level);
        for library in ["serenity::gateway::shard", "serenity", "tungstenite::protocol", "tokio_tungstenite"]
        {
            assert!(!said(library, tracing::Level::ERROR), "{library}");
        }
        assert!(
            said("takopi_discord::gateway", tracing::Level::DEBUG) && said("hyper", tracing::Level::WARN)
        );
        assert!(!said("hyper", tracing::Level::INFO));
    }

    #[test]
    fn no_secret_reaches_a_line() {
        let logs = Logs::default();
        logs.hide(&[Secret::new("hunter2"), Secret::new("with \"quotes\""), Secret::new("hunter2-and-more")]);
        let mut written = Vec::new();
        let mut writer = RedactingWriter { inner: &mut written, secrets: logs.secrets.clone() };
        for line in [
            "key hunter2, hunter2-and-more\n",
            r#"{"error":"no access for with \"quotes\""}"#,
            "\nGET /bot123456789:AAF-abc_defghijklmnopqrstuvwxyz12345/getMe 12:30:59.1234567890\n",
        ] {
            writer.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "key [REDACTED], [REDACTED]\n{\"error\":\"no access for [REDACTED]\"}\n\
             GET /bot[REDACTED]/getMe 12:30:59.1234567890\n"
        );
    }

    #[test]
    fn the_log_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("debug.log");
        let mode = open_file(&path).unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
