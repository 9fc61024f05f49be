//! Looks at everything, what takes time at once, and writes down what there is. Without a daemon the ledger is read;
//! with one it is read beside it, and the daemon is asked what only it knows.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use takopi_core::settings::Settings;
use takopi_ledger::Inspection;
use tokio_util::task::TaskTracker;

use super::{Checkup, Part, Row, State, engines, plugins, projects, transports};
use crate::config::{self, Read};
use crate::control::client::Client;
use crate::control::wire::Status;
use crate::lock::{self, Host};
use crate::place::Place;
use crate::report::Failure;

/// How long a daemon may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// What there is to look at.
pub(super) struct Scene<'a> {
    pub(super) place: &'a Place,
    pub(super) settings: &'a Settings,
    /// What settings may name, and the plugins there are.
    pub(super) read: &'a Read,
    /// The daemon, when it answers.
    pub(super) status: Option<&'a Status>,
    /// The ledger, when it is there and can be read.
    pub(super) ledger: Option<&'a Inspection>,
}

/// Marks children of a look where no ledger has an id yet.
const NO_LEDGER: &str = "doctor";

impl Scene<'_> {
    /// Returns the mark of the children that the look starts.
    pub(super) fn mark(&self) -> String {
        let id = self.ledger.and_then(|ledger| ledger.id().ok().flatten());
        id.unwrap_or_else(|| NO_LEDGER.to_owned())
    }
}

/// Looks at everything.
///
/// # Errors
/// When this program's own names are not sound, which never happens.
pub(crate) async fn look(place: &Place) -> Result<Checkup, Failure> {
    let mut rows = Vec::new();
    let read = read_config(place, &mut rows)?;
    let settings = &read.settings;
    let (status, row) = ask_daemon(place).await;
    rows.push(row);
    let path = status.as_ref().map(|status| status.ledger.clone());
    let path = path.or_else(|| settings.ledger.path.clone()).unwrap_or_else(|| place.ledger());
    let (ledger, row) = open_ledger(place, &path);
    rows.push(row);
    let scene = Scene { place, settings, read: &read, status: status.as_ref(), ledger: ledger.as_ref() };
    let (engines, transports, projects) =
        tokio::join!(engines::look(&scene), transports::look(&scene), projects::look(&scene));
    rows.extend(engines?);
    rows.extend(transports?);
    rows.extend(projects);
    rows.extend(plugins::look(&scene)?);
    Ok(Checkup::new(rows))
}

/// Reads the settings; with mistakes in them the defaults are looked at, so that the rest is not hidden by one.
fn read_config(place: &Place, rows: &mut Vec<Row>) -> Result<Read, Failure> {
    let shown = place.shown(&place.config);
    let row = |state, text: String| Row::new(Part::Config, state, text).fact("path", json!(place.config));
    match config::read(place, &[]) {
        Ok(read) => {
            let text = match place.config.exists() {
                true => shown,
                false => format!("none at {shown}; everything has its default"),
            };
            rows.push(row(State::Ok, text));
            rows.extend(
                read.warnings.iter().map(|warning| Row::mistake(Part::Config, State::Warning, warning)),
            );
            Ok(read)
        }
        Err(Failure::Settings(mistakes)) => {
            let text = format!("{shown} cannot be used; what follows is as if nothing were set");
            rows.push(row(State::Failure, text));
            rows.extend(mistakes.iter().map(|mistake| Row::mistake(Part::Config, State::Failure, mistake)));
            config::defaults(place)
        }
        Err(other) => Err(other),
    }
}

async fn ask_daemon(place: &Place) -> (Option<Status>, Row) {
    let row = |state, text: String| Row::new(Part::Daemon, state, text);
    let Some(holder) = lock::holder(&place.lock()) else {
        return (None, row(State::Note, "takopi is not running".to_owned()).fact("running", false));
    };
    let pid = holder.pid;
    let Some(socket) = holder.socket else {
        let text = format!("about to start or to end (pid {pid})");
        return (None, row(State::Note, text).fact("running", true).fact("pid", pid));
    };
    let tasks = TaskTracker::new();
    let ask = async { Client::connect(&socket, &tasks).await?.status().await };
    let problem = match tokio::time::timeout(PATIENCE, ask).await {
        Ok(Ok(status)) => {
            let what = match status.host {
                Host::Daemon => "running",
                Host::Chat => "hosted by a `takopi chat`",
            };
            let elapsed = crate::cli::elapsed(status.uptime_s);
            let text = format!("{what} (takopi {}, pid {pid}, for {elapsed})", status.version);
            let row = row(State::Ok, text).fact("running", true).fact("pid", pid);
            return (
                Some(status.clone()),
                row.fact("uptime_s", status.uptime_s).fact("version", status.version),
            );
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    let row = row(State::Failure, format!("pid {pid} holds the ledger and does not answer: {problem}"));
    (None, row.remedy(format!("stop it with `kill {pid}`")).fact("running", true).fact("pid", pid))
}

fn open_ledger(place: &Place, path: &Path) -> (Option<Inspection>, Row) {
    let row = |state, text: String| Row::new(Part::Ledger, state, text).fact("path", json!(path));
    let shown = place.shown(path);
    if matches!(path.try_exists(), Ok(false)) {
        return (None, row(State::Note, format!("none at {shown}; the first start makes it")));
    }
    match Inspection::open(path) {
        Ok(ledger) => {
            let size = size(ledger.bytes);
            let text = match ledger.format == ledger.newest {
                true => format!("{shown} · {size} · format {}", ledger.format),
                false => format!(
                    "{shown} · {size} · format {}, the next start brings it to {}",
                    ledger.format, ledger.newest
                ),
            };
            let row = row(State::Ok, text).fact("bytes", ledger.bytes).fact("format", ledger.format);
            (Some(ledger), row)
        }
        Err(error) => (None, row(State::Failure, error.to_string())),
    }
}

/// Returns a size as people say it.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{} MB", bytes.div_ceil(1_000_000)),
    }
}
