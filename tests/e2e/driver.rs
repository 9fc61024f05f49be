//! ChromeDriver as a child that cannot outlive the test: found, started, asked over HTTP, ended.
//!
//! It knows the wire of WebDriver (W3C) and no command of it; those are in `browser.rs`.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// Longer than any wait inside the browser: whoever waits there tells better what was missing.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// Ends the driver and its browsers as soon as the pipe to it closes, however this process ends.
const UNTIL_THE_PIPE_CLOSES: &str = r#""$0" --port=0 & exec >/dev/null; cat; kill -KILL 0"#;

/// Where the browser and its driver are installed.
pub(crate) struct Installed {
    pub(crate) chromium: PathBuf,
    chromedriver: PathBuf,
}

impl Installed {
    /// Finds both, by `TAKOPI_TEST_CHROMIUM` and `TAKOPI_TEST_CHROMEDRIVER` or else on `PATH`; or tells which is missing.
    pub(crate) fn find() -> Result<Self, String> {
        let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
        let chromium = named_or_on_path("TAKOPI_TEST_CHROMIUM", &names)?;
        let chromedriver =
            named_or_on_path("TAKOPI_TEST_CHROMEDRIVER", &["chromedriver", "chromium.chromedriver"])?;
        Ok(Self { chromium, chromedriver })
    }
}

fn named_or_on_path(variable: &str, names: &[&str]) -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let find = |name: &&str| {
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
    };
    names.iter().find_map(find).ok_or_else(|| format!("no {} on PATH, and no {variable}", names[0]))
}

/// A running ChromeDriver.
pub(crate) struct Driver {
    guard: Child,
    pipe: Option<ChildStdin>,
    agent: ureq::Agent,
    url: String,
}

impl Driver {
    /// Starts the driver on a free loopback port, which it chooses and tells.
    pub(crate) fn start(installed: &Installed) -> Self {
        let mut guard = Command::new("sh")
            .args(["-c", UNTIL_THE_PIPE_CLOSES])
            .arg(&installed.chromedriver)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let pipe = guard.stdin.take();
        let mut said = BufReader::new(guard.stdout.take().unwrap());
        let mut all = String::new();
        let port = loop {
            let mut line = String::new();
            let read = said.read_line(&mut line).unwrap();
            assert!(read > 0, "ChromeDriver ended before it told its port; it said:\n{all}");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim().trim_end_matches('.').to_owned();
            }
            all.push_str(&line);
        };
        // What it says later has to go somewhere, or it would stop at a full pipe.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_WITHIN))
            .proxy(None)
            .build()
            .into();
        Self { guard, pipe, agent, url: format!("http://127.0.0.1:{port}") }
    }

    /// Sends a command and returns its value, or what WebDriver calls the error and its message.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        value(self.agent.post(format!("{}{path}", self.url)).send_json(body))
    }

    /// Asks for a value.
    pub(crate) fn get(&self, path: &str) -> Result<Value, String> {
        value(self.agent.get(format!("{}{path}", self.url)).call())
    }

    /// Ends a session.
    pub(crate) fn delete(&self, path: &str) -> Result<Value, String> {
        value(self.agent.delete(format!("{}{path}", self.url)).call())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.pipe = None;
        if let Err(error) = self.guard.wait() {
            eprintln!("ChromeDriver could not be waited for: {error}");
        }
    }
}

fn value(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, String> {
    let mut answer = answer.map_err(|error| format!("ChromeDriver did not answer: {error}"))?;
    let mut body: Value = answer.body_mut().read_json().map_err(|error| format!("no JSON: {error}"))?;
    let value = body["value"].take();
    if answer.status().is_success() {
        return Ok(value);
    }
    // The message goes on with a stack trace of the driver, which helps nobody here.
    let told = json!([value["error"], value["message"].as_str().and_then(|text| text.lines().next())]);
    Err(told.to_string())
}
