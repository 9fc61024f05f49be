//! How the page looks with an agent at work: wide and narrow, light and dark.
//!
//! Pictures of it are left in `target/tmp`, for people who change how it looks.

use std::path::Path;

use serde_json::json;
use takopi_core::event::ActionKind::{Command, FileChange, Subagent, Tool, WebSearch};
use takopi_core::event::Phase::{Completed, Started, Updated};
use takopi_core::event::{Detail, FileChange as Change, RunEvent};

use crate::tab::{Tab, action, output, told};

const ANSWER: &str = "The test raced the clock. I made the token's **expiry an argument** in `src/login.rs`:\n\n\
    ```rust\npub fn is_valid(&self, now: Timestamp) -> bool {\n    now < self.expires_at\n}\n```\n\n\
    All 48 tests pass, fifty times in a row.";
const DIFF: &str = "--- a/src/login.rs\n+++ b/src/login.rs\n@@ -12,4 +12,4 @@ impl Token {\n     /// Whether it still counts.\n\
    -    pub fn is_valid(&self) -> bool {\n-        Timestamp::now() < self.expires_at\n\
    +    pub fn is_valid(&self, now: Timestamp) -> bool {\n+        now < self.expires_at\n     }";

/// Returns how much an element's text stands out from its ground, as WCAG counts it.
const CONTRAST: &str = "
    const one = document.querySelector(arguments[0]);
    const light = (colour) => {
      const [r, g, b] = colour.match(/[0-9.]+/g).map((part) => {
        const c = part / 255;
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    let ground = one;
    while (getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
    const [a, b] = [getComputedStyle(one).color, getComputedStyle(ground).backgroundColor].map(light);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);";

fn work() -> String {
    let edit = Detail {
        changes: vec![Change { path: "src/login.rs".to_owned(), verb: "update".to_owned() }],
        output: Some(DIFF.to_owned()),
        ..Detail::default()
    };
    let failed = "thread 'login::expires' panicked at src/login.rs:48:\nassertion failed: token.is_valid()";
    [
        action("1", Tool, "read src/login.rs", Completed, Detail::default()),
        action("2", WebSearch, "rust flaky test clock", Completed, Detail::default()),
        action("3", Command, "cargo test login", Completed, output(failed, 101)),
        action("4", FileChange, "src/login.rs", Completed, edit),
        action("5", Subagent, "review the change", Updated, Detail::default()),
        action(
            "6",
            Command,
            "for i in $(seq 50); do cargo test login || break; done",
            Started,
            Detail::default(),
        ),
    ]
    .join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn page_is_readable_with_an_agent_at_work() {
    let Some(tab) = Tab::open().await else { return };
    tab.type_into("#engine", "Oth");
    tab.type_into("#project", "App");
    tab.until("!document.querySelector('#branch-label').hidden");
    tab.type_into("#branch", "fix-login");
    let answer = told(&RunEvent::Answer(ANSWER.to_owned()));
    let first = format!("session:019c8a7e-41f7 {} {answer}", work());
    tab.say(&format!("fix the flaky login test\n\n{first}"));
    tab.until("document.querySelector('.run')?.dataset.state === 'done'");
    // Only these words are for people; the rest tells the engine what to do.
    let brief = "document.querySelectorAll('.bubble').forEach((one) => {
                   one.textContent = one.textContent.split('\\n')[0]; });";
    tab.execute(brief, &[]);
    tab.say(&format!("now run it fifty times\n\n{} gate:a", work()));
    tab.until("document.querySelectorAll('.run')[1]?.querySelectorAll('.steps > li').length === 5");
    tab.execute(brief, &[]);
    tab.click(".run:last-child .steps > li:nth-child(3) summary");
    tab.until("document.querySelector('.diff').offsetParent !== null");

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for scheme in ["light", "dark"] {
        tab.prefer_colours(scheme);
        for part in [".diff .add", ".diff .cut", ".diff .hunk", ".steps .kind", "#engine", "#branch"] {
            let contrast = tab.execute(CONTRAST, &[json!(part)]).as_f64().unwrap();
            assert!(contrast >= 4.5, "{part} in {scheme}: {contrast}");
        }
        for (width, height, name) in [(1280, 800, "wide"), (390, 844, "phone"), (360, 740, "narrow")] {
            tab.set_size(width, height);
            let fits = "[document.documentElement, document.querySelector('#scroll'), document.querySelector('#composer')]
                          .every((one) => one.scrollWidth <= one.clientWidth)";
            assert_eq!(tab.value(fits), json!(true), "{scheme} {name}");
            let reach = "['#engine', '#project', '#branch', '#send'].every((css) => {
                           const box = document.querySelector(css).getBoundingClientRect();
                           return box.width > 40 && box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight; })";
            assert_eq!(tab.value(reach), json!(true), "{scheme} {name}");
            tab.screenshot(&folder.join(format!("agent-{scheme}-{name}.png")));
        }
    }
    tab.house.engine.open_gate("a");
    tab.until("document.querySelectorAll('.run')[1].dataset.state === 'done'");
    tab.close().await;
}
