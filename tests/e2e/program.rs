//! A started program whose output is kept line by line, and which does not outlive its test.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::wait_for;

/// A program under way.
pub(crate) struct Program {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// How a program ended, and what it had said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; that of a shell for a signal.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// Starts `command` in a process group of its own, so that a signal to the test does not reach it by chance.
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().expect("the program starts");
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, signal).expect("the program is there to be signalled");
    }

    /// Returns how it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for a line on stdout.
    pub(crate) fn says(&mut self, wanted: &str) -> String {
        let what = format!("{wanted:?} on stdout");
        self.line(&what, |program| program.stdout.find(wanted))
    }

    /// Waits for a line on stderr.
    pub(crate) fn remarks(&mut self, wanted: &str) -> String {
        let what = format!("{wanted:?} on stderr");
        self.line(&what, |program| program.stderr.find(wanted))
    }

    fn line(&mut self, what: &str, find: impl Fn(&Self) -> Option<String>) -> String {
        wait_for(what, || {
            let found = find(self);
            let over = found.is_none() && self.stdout.over() && self.stderr.over();
            assert!(!over, "ended without {what}; stderr: {}", self.stderr.text());
            found
        })
    }

    /// Returns what it has said on stderr so far.
    pub(crate) fn heard(&self) -> String {
        self.stderr.text()
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> Ended {
        let status = wait_for("the end of the program", || self.ended());
        wait_for("the end of its output, which others hold", || {
            (self.stdout.over() && self.stderr.over()).then_some(())
        });
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap();
        Ended { code, stdout: self.stdout.text(), stderr: self.stderr.text() }
    }

    /// Ends it as a power cut would; returns what it had said on stdout.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        wait_for("the end of its output", || self.stdout.over().then_some(()));
        self.stdout.text()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail when it is over already, which is what is wanted.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What comes out of a pipe.
struct Lines(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    text: String,
    over: bool,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let lines = Self(Arc::default());
        let read = lines.0.clone();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                read.lock().unwrap().text.push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
            read.lock().unwrap().over = true;
        });
        lines
    }

    fn find(&self, wanted: &str) -> Option<String> {
        let read = self.0.lock().unwrap();
        read.text.lines().find(|line| line.contains(wanted)).map(str::to_owned)
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().text.clone()
    }

    fn over(&self) -> bool {
        self.0.lock().unwrap().over
    }
}
