//! A person's machine in miniature: a home of its own, the built binary, and nothing of this machine but
//! `/usr/bin` and `/bin`. What is started here is gone when the test is over, or the test fails.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use crate::marked::{Marked, end_marked, marked};
use crate::page::Page;
use crate::program::{Ended, Program};
use crate::wait::wait_for;

/// A home, a working directory and a mark that everything started here carries.
pub(crate) struct Home {
    dir: TempDir,
    mark: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["home", "work", "bin"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        Self { dir, mark: format!("TAKOPI_TEST={}", Uuid::new_v4()) }
    }

    /// Returns a home whose `takopi.toml` says `text`.
    pub(crate) fn with_config(text: &str) -> Self {
        let home = Self::new();
        home.configure(text);
        home
    }

    pub(crate) fn configure(&self, text: &str) {
        std::fs::create_dir_all(self.place()).unwrap();
        std::fs::write(self.place().join("takopi.toml"), text).unwrap();
    }

    /// Returns the directory that takopi lives in.
    pub(crate) fn place(&self) -> PathBuf {
        self.own().join(".takopi")
    }

    /// Returns the directory that commands are typed in.
    pub(crate) fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// Returns the directory of the programs that a test installs; it is first on the path.
    pub(crate) fn programs(&self) -> PathBuf {
        self.dir.path().join("bin")
    }

    /// Returns the home directory itself.
    pub(crate) fn own(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Makes a command that finds nothing of this machine's but its ordinary programs.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let (name, value) = self.mark.split_once('=').unwrap();
        command
            .env_clear()
            .env(name, value)
            .env("PATH", format!("{}:/usr/bin:/bin", self.programs().display()))
            .env("HOME", self.own());
        command.current_dir(self.work()).stdin(Stdio::null());
        command
    }

    /// Makes a command line of takopi.
    pub(crate) fn takopi(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_takopi"));
        command.args(arguments);
        command
    }

    /// Runs a command line of takopi to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Program::start(&mut self.takopi(arguments)).wait()
    }

    /// Starts `takopi chat MESSAGE`.
    pub(crate) fn chat(&self, message: &str) -> Program {
        Program::start(&mut self.takopi(&["chat", message]))
    }

    /// Returns what `takopi status --json` prints.
    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.run(&["status", "--json"]).stdout).unwrap()
    }

    /// Returns the lines of a file in the working directory; none when it isn't there.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        match std::fs::read_to_string(self.work().join(name)) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// Returns all living processes that were started here, by their home: plugins inherit that and no mark.
    pub(crate) fn alive(&self) -> Vec<Marked> {
        marked(&format!("HOME={}", self.own().display()))
    }

    /// Returns the living processes that belong to a run.
    pub(crate) fn at_work(&self) -> Vec<Marked> {
        marked(&self.mark).into_iter().filter(|process| process.run.is_some()).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let left = end_marked(&self.mark);
        assert!(left.is_empty() || std::thread::panicking(), "left behind: {left:#?}");
    }
}

/// A daemon that has said it is ready.
pub(crate) struct Daemon<'a> {
    home: &'a Home,
    program: Program,
    supervisor: Supervisor,
    pub(crate) page: Page,
}

impl<'a> Daemon<'a> {
    /// Starts the daemon of `home` and waits until it is ready.
    pub(crate) fn start(home: &'a Home) -> Self {
        Self::ready(home, home.takopi(&[]))
    }

    /// Starts a daemon by a command line of one's own and waits until it is ready.
    pub(crate) fn ready(home: &'a Home, mut command: Command) -> Self {
        let supervisor = Supervisor::listen(home.dir.path());
        let mut program = Program::start(command.env("NOTIFY_SOCKET", &supervisor.path));
        supervisor.hears("READY=1", &mut program);
        let line = program.says("open    ");
        let page = Page::at(line.trim_start_matches("open    "));
        Self { home, program, supervisor, page }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.program.pid()
    }

    pub(crate) fn remarks(&mut self, wanted: &str) -> String {
        self.program.remarks(wanted)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.program.signal(signal);
    }

    /// Waits until the supervisor is told `word`.
    pub(crate) fn tells(&mut self, word: &str) {
        self.supervisor.hears(word, &mut self.program);
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(self) {
        drop(self.program.kill());
    }

    /// Waits for its end.
    pub(crate) fn wait(self) -> Ended {
        self.program.wait()
    }

    /// Ends it as a supervisor would.
    pub(crate) fn end(self) -> Ended {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Ends it as a supervisor would; what ran is over and gone then.
    pub(crate) fn stop(self) {
        let home = self.home;
        let ended = self.end();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(home.at_work(), []);
    }
}

/// The end of `NOTIFY_SOCKET` that a supervisor holds.
struct Supervisor {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Supervisor {
    fn listen(dir: &Path) -> Self {
        let path = dir.join(format!("{}.notify", Uuid::new_v4().simple()));
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        Self { socket, path }
    }

    fn hears(&self, word: &str, program: &mut Program) {
        wait_for(format!("the daemon's {word}"), || {
            let mut text = [0; 512];
            match self.socket.recv(&mut text) {
                Ok(length) => {
                    String::from_utf8_lossy(&text[..length]).lines().any(|line| line == word).then_some(())
                }
                Err(_) if program.ended().is_none() => None,
                Err(_) => panic!("the daemon ended before it said {word}; {}", program.heard()),
            }
        });
    }
}
