//! A browser's tab at the page of a house in this process, so that a test can say what engines tell, and when.

use std::ops::Deref;
use std::time::Duration;

use serde_json::{Value, json};
use takopi_core::event::{Action, ActionKind, Detail, Phase, RunEvent};

use crate::browser::Browser;
use crate::house::{House, Served};

/// How long anything on the page may take. Generous: only a failing test ever uses it up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A tab, and the house behind it.
pub(crate) struct Tab {
    browser: Browser,
    pub(crate) house: House,
    _served: Served,
}

impl Tab {
    /// Opens the page; `None` where no browser is installed. The test's runtime must have a thread besides its own.
    pub(crate) async fn open() -> Option<Self> {
        let browser = Browser::open()?;
        let house = House::open().await;
        let served = house.page().await;
        browser.goto(&format!("http://127.0.0.1:{}/?token={}", served.port, served.token.expose()));
        let tab = Self { browser, house, _served: served };
        tab.until("!document.querySelector('#empty').hidden");
        Some(tab)
    }

    /// Waits until a JavaScript expression is true.
    pub(crate) fn until(&self, expression: &str) {
        self.wait_until(expression, PATIENCE);
    }

    /// Sends a message, which is the script of the run.
    pub(crate) fn say(&self, text: &str) {
        let fill = "const text = document.querySelector('#text');
                    text.value = arguments[0]; text.dispatchEvent(new Event('input')); text.focus();";
        self.execute(fill, &[json!(text)]);
        self.press("Enter");
    }

    /// Returns the value of a JavaScript expression.
    pub(crate) fn value(&self, expression: &str) -> Value {
        self.execute(&format!("return {expression}"), &[])
    }

    /// Looks into the console, which must be empty, and closes the house.
    pub(crate) async fn close(self) {
        assert_eq!(self.browser.console_log(), Vec::<String>::new());
        drop(self.browser);
        self.house.close().await;
    }
}

impl Deref for Tab {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

/// Returns the word of a script that tells an event.
pub(crate) fn told(event: &RunEvent) -> String {
    format!("event:{}", serde_json::to_string(event).unwrap().replace(' ', "\\u0020"))
}

/// Returns the word of a script that tells an action.
pub(crate) fn action(id: &str, kind: ActionKind, title: &str, phase: Phase, detail: Detail) -> String {
    let ok = (phase == Phase::Completed).then(|| detail.exit_code.unwrap_or_default() == 0);
    told(&RunEvent::Action(Action { id: id.to_owned(), kind, phase, title: title.to_owned(), ok, detail }))
}

/// Returns a detail with output.
pub(crate) fn output(text: &str, exit_code: i32) -> Detail {
    Detail { exit_code: Some(exit_code), output: Some(text.to_owned()), ..Detail::default() }
}
