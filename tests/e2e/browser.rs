//! A headless Chromium for page tests: what a person does with a page, as methods that panic with what was missing.
//!
//! It never sleeps: waiting happens inside the page, which knows the time. How the browser is reached is in `driver.rs`.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::driver::{Driver, Installed};

/// How long `wait_for` waits. Generous: only a failing test ever uses it up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The name under which WebDriver passes an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    // The browser ends when its driver does, even one that is killed.
    "--remote-debugging-pipe",
];

/// One browser with one tab and a fresh profile; it is gone when this is dropped.
pub(crate) struct Browser {
    session: String,
    // Fields drop in this order: the profile can only go when the browser is gone.
    driver: Driver,
    _profile: TempDir,
}

impl Browser {
    /// Opens a browser. `None`, with a line that says why, where none is installed; in CI that is a failure.
    pub(crate) fn open() -> Option<Self> {
        let installed = match Installed::find() {
            Ok(installed) => installed,
            Err(why) if std::env::var_os("CI").is_some() => panic!("page tests need a browser: {why}"),
            Err(why) => {
                eprintln!("SKIPPED: page tests need a browser: {why}");
                return None;
            }
        };
        let profile = TempDir::with_prefix("takopi-page-").unwrap();
        let driver = Driver::start(&installed);
        let data = format!("--user-data-dir={}", profile.path().display());
        let flags: Vec<&str> = FLAGS.into_iter().chain([data.as_str()]).collect();
        let wanted = json!({
            "goog:chromeOptions": { "binary": installed.chromium, "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": 60_000, "pageLoad": 60_000, "implicit": 0 },
        });
        let answer = driver.post("/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        let answer = answer.unwrap_or_else(|error| panic!("no browser session: {error}"));
        let id = answer["sessionId"].as_str().expect("a session has an id");
        Some(Self { session: format!("/session/{id}"), driver, _profile: profile })
    }

    /// Opens the address and waits until it is loaded.
    pub(crate) fn goto(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Loads the page again.
    pub(crate) fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    /// Tells whether an element is there now.
    pub(crate) fn has(&self, css: &str) -> bool {
        self.execute("return document.querySelector(arguments[0]) !== null", &[json!(css)]) == json!(true)
    }

    /// Waits until an element is there.
    pub(crate) fn wait_for(&self, css: &str) {
        self.wait_until(&format!("document.querySelector({}) !== null", json!(css)), PATIENCE);
    }

    /// Waits until a JavaScript expression is true. Asked again at every change of the page and every 20 ms.
    pub(crate) fn wait_until(&self, expression: &str, within: Duration) {
        let script = format!(
            "const [within, done] = arguments;
             const holds = () => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }};
             const answer = (found) => {{ clearInterval(clock); clearTimeout(end); done(found); }};
             const look = () => {{ if (holds()) answer(true); }};
             const clock = setInterval(look, 20);
             const end = setTimeout(() => answer(holds()), within);
             look();"
        );
        let millis = u64::try_from(within.as_millis()).unwrap();
        let found = self.post("/execute/async", &json!({ "script": script, "args": [millis] }));
        if found != json!(true) {
            let page = self.execute("return document.body.innerText", &[]);
            panic!("`{expression}` did not become true within {within:?}; the page says:\n{page}");
        }
    }

    /// From the next load on, keeps what the page asks for at addresses that begin so from being sent. Returns once
    /// the page was loaded again and waits for it.
    pub(crate) fn reload_and_hold(&self, path: &str) {
        let script = format!(
            "const ask = window.fetch;
             window.held = [];
             window.fetch = async (...what) => {{
               if (window.held && what[0].startsWith({})) await new Promise((go) => window.held.push(go));
               return ask(...what);
             }};",
            json!(path)
        );
        self.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }));
        self.reload();
        self.wait_until("window.held.length > 0", PATIENCE);
    }

    /// Sends what [`Browser::reload_and_hold`] has kept, and keeps nothing more.
    pub(crate) fn release(&self) {
        self.execute("const held = window.held; window.held = null; held.forEach((go) => go());", &[]);
    }

    /// Clicks into the middle of an element, as a mouse does: one that is covered is a failure.
    pub(crate) fn click(&self, css: &str) {
        self.post(&format!("/element/{}/click", self.find(css)), &json!({}));
    }

    /// Types text into an element, after what it holds.
    pub(crate) fn type_into(&self, css: &str, text: &str) {
        self.post(&format!("/element/{}/value", self.find(css)), &json!({ "text": text }));
    }

    /// Presses a key wherever the focus is: `Enter`, `Escape`, `a`, `Shift+Enter`.
    pub(crate) fn press(&self, chord: &str) {
        let keys: Vec<String> = chord.split('+').map(key).collect();
        let down = keys.iter().map(|key| json!({ "type": "keyDown", "value": key }));
        let up = keys.iter().rev().map(|key| json!({ "type": "keyUp", "value": key }));
        let actions: Vec<Value> = down.chain(up).collect();
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }),
        );
    }

    /// Returns the text of an element as it is shown.
    pub(crate) fn text(&self, css: &str) -> String {
        let text = self.get(&format!("/element/{}/text", self.find(css)));
        text.as_str().expect("a text is a string").to_owned()
    }

    /// Returns an attribute of an element.
    pub(crate) fn attribute(&self, css: &str, name: &str) -> Option<String> {
        self.get(&format!("/element/{}/attribute/{name}", self.find(css))).as_str().map(str::to_owned)
    }

    /// Runs the body of a JavaScript function with these `arguments` and returns what it returns.
    pub(crate) fn execute(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Makes the page this many CSS pixels wide and high; a window could not be as narrow as a phone.
    pub(crate) fn set_size(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Says which colours this person prefers: `light` or `dark`.
    pub(crate) fn prefer_colours(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
    }

    /// Saves what is seen as a PNG.
    pub(crate) fn screenshot(&self, path: &Path) {
        let picture = self.get("/screenshot");
        std::fs::write(path, decode_base64(picture.as_str().expect("a picture is a string"))).unwrap();
    }

    /// Takes the lines of the console that were not taken before: JavaScript errors, refused content, failed requests.
    pub(crate) fn console_log(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({ "type": "browser" }));
        let line = |entry: &Value| {
            format!("{} {}", entry["level"].as_str().unwrap_or("?"), entry["message"].as_str().unwrap_or("?"))
        };
        entries.as_array().expect("a log is a list").iter().map(line).collect()
    }

    fn find(&self, css: &str) -> String {
        let found = self.post("/element", &json!({ "using": "css selector", "value": css }));
        found[ELEMENT].as_str().expect("an element has an id").to_owned()
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.driver.post(&format!("{}{path}", self.session), body);
        answer.unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    fn get(&self, path: &str) -> Value {
        self.driver.get(&format!("{}{path}", self.session)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The gentle way, so that the profile is at rest when it is removed; the driver's end is the other one.
        if let Err(error) = self.driver.delete(&self.session) {
            eprintln!("the browser did not close: {error}");
        }
    }
}

/// Returns the character by which WebDriver means a key.
fn key(name: &str) -> String {
    let code = match name {
        "Enter" => '\u{E007}',
        "Tab" => '\u{E004}',
        "Escape" => '\u{E00C}',
        "Backspace" => '\u{E003}',
        "Shift" => '\u{E008}',
        "Control" => '\u{E009}',
        "ArrowUp" => '\u{E013}',
        "ArrowDown" => '\u{E015}',
        letter if letter.chars().count() == 1 => return letter.to_owned(),
        unknown => panic!("no key is called {unknown}: add it to `key`"),
    };
    code.to_string()
}

fn decode_base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut held, mut bits) = (Vec::with_capacity(text.len()), 0_u32, 0);
    for letter in text.bytes().take_while(|letter| *letter != b'=') {
        let six = alphabet.iter().position(|known| *known == letter).expect("base64");
        held = held << 6 | u32::try_from(six).unwrap();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xFF) as u8);
        }
    }
    bytes
}
