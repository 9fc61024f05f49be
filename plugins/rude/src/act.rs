//! Does what a script says.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use takopi_plugin_protocol::DATA_DIR;

use crate::script::Act;

/// Where the process that is left behind writes its id, in the data folder.
const PID_FILE: &str = "grandchild.pid";

/// Ignores SIGTERM, which what it becomes then ignores too, writes its id, and stays.
const STAYS: &str = "trap '' TERM; echo $$ >\"$1\"; exec sleep 600";

pub(crate) fn perform(act: Act) {
    match act {
        Act::Say(message) => write(format!("{message}\n").as_bytes()),
        Act::Write(bytes) => write(&bytes),
        Act::Complain(text) => eprintln!("rude: {text}"),
        Act::Wait(ms) => std::thread::sleep(Duration::from_millis(ms)),
        Act::Take(mib) => take(mib),
        Act::LeaveBehind => leave_behind(),
        Act::Exit(code) => std::process::exit(code),
    }
}

fn write(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    if stdout.write_all(bytes).and_then(|()| stdout.flush()).is_err() {
        // Nobody reads any more.
        std::process::exit(0);
    }
}

fn take(mib: u64) {
    let bytes = usize::try_from(mib << 20).unwrap_or(usize::MAX);
    // Written to, so that it is there; kept, so that it stays.
    std::mem::forget(vec![1_u8; bytes]);
}

/// The process keeps stdout, so that takopi never sees its end.
fn leave_behind() {
    let dir = std::env::var_os(DATA_DIR).unwrap_or_else(|| ".".into());
    let file = std::path::Path::new(&dir).join(PID_FILE);
    let started =
        Command::new("setsid").args(["sh", "-c", STAYS, "sh"]).arg(file).stdin(Stdio::null()).spawn();
    if let Err(error) = started {
        eprintln!("rude: nobody could be left behind: {error}");
    }
}
