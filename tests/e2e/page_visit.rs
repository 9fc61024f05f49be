//! A person at the page: a daemon with a home of its own, a browser on the address it printed, and what both can do.
//!
//! Every visit ends with a look into the browser's console: whatever the page did, it made no error and asked for
//! nothing that its policy refuses.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::Browser;

/// How long anything on the page may take. Generous: only a failing test ever uses it up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The built binary, in a home of its own, on a port of its own.
pub(crate) struct Daemon {
    child: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
    port: u16,
    home: TempDir,
}

impl Daemon {
    /// Starts it and waits until it has printed its address.
    pub(crate) fn start() -> Self {
        let home = TempDir::with_prefix("takopi-home-").unwrap();
        std::fs::create_dir(home.path().join("work")).unwrap();
        // A port of the system's choice, so that a second start of the daemon finds it free again.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = spawn(home.path(), port);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let url = address(&mut stdout);
        Self { child, stdout, url, port, home }
    }

    /// Returns the printed address, with its token.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address without the token.
    pub(crate) fn bare_url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Returns a path in the directory where commands run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("work").join(name)
    }

    /// Makes a gate: a command that reads from it waits for [`Daemon::open`].
    pub(crate) fn gate(&self, name: &str) {
        let made = Command::new("mkfifo").arg(self.path(name)).status().unwrap();
        assert!(made.success(), "no fifo: {made}");
    }

    /// Opens a gate once somebody waits at it.
    pub(crate) fn open(&self, name: &str) {
        std::fs::write(self.path(name), "go\n").unwrap();
    }

    /// Returns the process whose id a command wrote into a file.
    pub(crate) fn process(&self, name: &str) -> Process {
        let id = std::fs::read_to_string(self.path(name)).unwrap();
        Process(Path::new("/proc").join(id.trim()).join("stat"))
    }

    /// Returns a `takopi` command line of the same person.
    pub(crate) fn takopi(&self) -> Command {
        takopi(self.home.path())
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port after [`Daemon::kill`]; its address is still the same.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.home.path(), self.port);
        self.stdout = BufReader::new(self.child.stdout.take().unwrap());
        assert_eq!(address(&mut self.stdout), self.url);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Asked, not killed, so that it ends what its runs have started.
        let asked = Pid::from_raw(i32::try_from(self.child.id()).unwrap_or_default())
            .map(|pid| kill_process(pid, Signal::TERM));
        if !matches!((asked, self.child.wait()), (Some(Ok(())), Ok(_))) {
            eprintln!("the daemon could not be ended");
        }
    }
}

fn takopi(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_takopi"));
    // No agent on PATH, whatever is installed here: messages are command lines.
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("SHELL", "/bin/sh").env("HOME", home);
    command.env_remove("TAKOPI_CONFIG").current_dir(home.join("work")).stdin(Stdio::null());
    command
}

fn spawn(home: &Path, port: u16) -> Child {
    let mut command = takopi(home);
    command.env("TAKOPI__DEFAULT_ENGINE", "shell").env("TAKOPI__TRANSPORTS__LOCAL__PORT", port.to_string());
    command.stdout(Stdio::piped()).spawn().unwrap()
}

fn address(stdout: &mut BufReader<ChildStdout>) -> String {
    let mut all = String::new();
    loop {
        let start = all.len();
        assert!(stdout.read_line(&mut all).unwrap() > 0, "it ended without an address; it said:\n{all}");
        if let Some(url) = all[start..].strip_prefix("open ") {
            return url.trim().to_owned();
        }
    }
}

/// A process that a command started.
pub(crate) struct Process(PathBuf);

impl Process {
    /// Tells whether it runs; one that only waits to be collected by its parent does not.
    pub(crate) fn runs(&self) -> bool {
        let stat = std::fs::read_to_string(&self.0).unwrap_or_default();
        let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
        state.is_some_and(|state| state != 'Z')
    }
}

/// A browser at the page of a daemon.
pub(crate) struct Visit {
    browser: Browser,
    pub(crate) daemon: Daemon,
}

impl Visit {
    /// Starts both and opens the printed address; `None` where no browser is installed.
    pub(crate) fn begin() -> Option<Self> {
        let visit = Self { browser: Browser::open()?, daemon: Daemon::start() };
        visit.goto(visit.daemon.url());
        visit.until("!document.querySelector('#empty').hidden");
        Some(visit)
    }

    /// Waits until a JavaScript expression is true.
    pub(crate) fn until(&self, expression: &str) {
        self.wait_until(expression, PATIENCE);
    }

    /// Types a message and sends it.
    pub(crate) fn say(&self, text: &str) {
        self.type_into("#text", text);
        self.press("Enter");
    }

    /// Waits until the `number`th run, from 1 on, is in a state.
    pub(crate) fn until_run(&self, number: usize, state: &str) {
        self.until(&format!(
            "document.querySelectorAll('.run')[{number} - 1].dataset.state === {}",
            json!(state)
        ));
    }

    /// Returns what the `number`th run, from 1 on, says in its part `css`.
    pub(crate) fn run_text(&self, number: usize, css: &str) -> Value {
        let script = "const run = document.querySelectorAll('.run')[arguments[0] - 1];
                      return run.querySelector(arguments[1])?.innerText ?? null;";
        self.execute(script, &[json!(number), json!(css)])
    }

    /// Ends the daemon as a power cut would, and waits until the page says so.
    pub(crate) fn cut_power(&mut self) {
        self.daemon.kill();
        self.until("!document.querySelector('#banner').hidden");
    }
}

impl Deref for Visit {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.browser.console_log(), Vec::<String>::new());
        }
    }
}
