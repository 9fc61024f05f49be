//! Processes by a variable in their environment: what a test started, however far it has gone away.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A living process that carries the mark of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) pid: i32,
    /// When it started, so that another one with its pid is not mistaken for it.
    started: String,
    /// The run it belongs to; a takopi belongs to none.
    pub(crate) run: Option<String>,
    pub(crate) command: String,
}

impl Marked {
    /// Tells whether both are the same process, which may have become another program meanwhile.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (self.pid, &self.started) == (other.pid, &other.started)
    }
}

/// Returns the living processes that carry `NAME=value`.
pub(crate) fn marked(mark: &str) -> Vec<Marked> {
    let folders = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: i32| read(pid, mark)).collect()
}

/// Ends what carries the mark, and returns what that was.
pub(crate) fn end_marked(mark: &str) -> Vec<Marked> {
    let left = marked(mark);
    for process in &left {
        // It may have ended by itself meanwhile.
        kill_process(Pid::from_raw(process.pid).unwrap(), Signal::KILL).ok();
    }
    left
}

fn read(pid: i32, mark: &str) -> Option<Marked> {
    let folder = Path::new("/proc").join(pid.to_string());
    let environment = std::fs::read(folder.join("environ")).ok()?;
    let mut variables = environment.split(|byte| *byte == 0);
    variables.find(|variable| *variable == mark.as_bytes())?;
    let value = |name: &str| {
        let prefix = format!("{name}=");
        let text = String::from_utf8_lossy(&environment);
        text.split('\0').find_map(|variable| variable.strip_prefix(&prefix).map(str::to_owned))
    };
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // Fields 3 and 22 of proc_pid_stat(5); the dead have an empty environment or are zombies.
    if fields.first() == Some(&"Z") {
        return None;
    }
    let command = std::fs::read(folder.join("cmdline")).ok()?;
    Some(Marked {
        pid,
        started: (*fields.get(19)?).to_owned(),
        run: value("TAKOPI_RUN"),
        command: String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned(),
    })
}
