//! Steps of a run as they happen, what can be unfolded of them, and what can be copied.

use serde_json::json;
use takopi_core::event::ActionKind::{Command, FileChange, Tool};
use takopi_core::event::Phase::{Completed, Started, Updated};
use takopi_core::event::{Detail, FileChange as Change, RunEvent};

use crate::tab::{Tab, action, output, told};

const DIFF: &str =
    "--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1,2 +1,2 @@\n fn main() {\n-    old();\n+    new();";

fn edit() -> Detail {
    let change = |path: &str, verb: &str| Change { path: path.to_owned(), verb: verb.to_owned() };
    Detail {
        changes: vec![change("src/lib.rs", "update"), change("src/new.rs", "add")],
        output: Some(DIFF.to_owned()),
        ..Detail::default()
    }
}

/// The steps as they are read: class and words of each.
const STEPS: &str = "[...document.querySelectorAll('.steps > li')].map((one) =>
    `${one.className}: ${[...one.querySelectorAll('.line > *')].filter((part) => !part.hidden).map((part) => part.textContent).join(' ')}`)";

#[tokio::test(flavor = "multi_thread")]
async fn page_shows_steps_as_they_happen() {
    let Some(tab) = Tab::open().await else { return };
    let script = [
        action("1", Command, "cargo test", Started, Detail::default()),
        "gate:a".to_owned(),
        action("2", Tool, "read README.md", Updated, Detail::default()),
        action("1", Command, "cargo test", Completed, output("two failed", 101)),
        action("3", FileChange, "src/lib.rs", Completed, edit()),
        "gate:b answer:done".to_owned(),
    ];
    tab.say(&script.join(" "));
    tab.until("document.querySelectorAll('.steps > li').length === 1");
    assert_eq!(tab.value(STEPS), json!(["running: ▸ $ cargo test"]));
    tab.house.engine.open_gate("a");
    tab.until("document.querySelectorAll('.steps > li').length === 3");
    let steps = json!([
        "failed: ✗ $ cargo test exit 101",
        "running: ↻ tool read README.md",
        "ok: ✓ files update src/lib.rs, add src/new.rs",
    ]);
    assert_eq!(tab.value(STEPS), steps);
    let said = tab.value("document.querySelector('.steps .glyph').getAttribute('aria-label')");
    assert_eq!(said, json!("failed"));
    // A failure shows why; the rest is folded.
    assert_eq!(
        tab.value("[...document.querySelectorAll('.steps details')].map((one) => one.open)"),
        json!([true, false])
    );

    // By keyboard: the fold of the diff.
    tab.execute("document.querySelectorAll('.steps summary')[1].focus()", &[]);
    tab.press("Enter");
    tab.until("document.querySelectorAll('.steps details')[1].open");
    let lines = tab.value("[...document.querySelectorAll('.diff span')].map((line) => line.className)");
    assert_eq!(lines, json!(["file", "file", "hunk", "", "cut", "add"]));
    let colour =
        |class: &str| tab.value(&format!("getComputedStyle(document.querySelector('.diff .{class}')).color"));
    assert_ne!(colour("add"), colour("cut"));
    tab.until("document.querySelector('.diff').getBoundingClientRect().height < 400");
    assert_eq!(tab.text(".steps > li:last-child .files"), "update src/lib.rs\nadd src/new.rs");

    tab.set_size(360, 740);
    let fits = "[document.documentElement, document.querySelector('#scroll')].every((one) => one.scrollWidth <= one.clientWidth)";
    assert_eq!(tab.value(fits), json!(true));
    tab.house.engine.open_gate("b");
    tab.until("document.querySelector('.run').dataset.state === 'done'");
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_leaves_alone_what_is_being_read_while_steps_come() {
    let Some(tab) = Tab::open().await else { return };
    let more = |from: u32, to: u32| -> String {
        let step =
            |n: u32| action(&n.to_string(), Command, &format!("step {n}"), Completed, output("said", 0));
        (from..to).map(step).collect::<Vec<_>>().join(" ")
    };
    let begun = action("x", Command, "make", Updated, output("first line\n", 0));
    let goes_on = action("x", Command, "make", Updated, output("first line\nsecond line\n", 0));
    let script = format!("{begun} gate:a {goes_on} {} gate:b {} answer:done", more(1, 9), more(9, 12));
    tab.say(&script);
    tab.until("document.querySelector('.steps summary')");
    tab.click(".steps summary");
    tab.execute(
        "const out = document.querySelector('.steps .output');
         out.dataset.kept = 'yes';
         getSelection().setBaseAndExtent(out.firstChild, 0, out.firstChild, 5);",
        &[],
    );
    tab.house.engine.open_gate("a");
    // The last five, and the one that is read.
    tab.until("document.querySelectorAll('.steps > li').length === 6");
    let kept = "document.querySelector('.steps details[open] .output').dataset.kept";
    assert_eq!(tab.value(kept), json!("yes"));
    tab.until("document.querySelector('.steps .output').textContent === 'first line\\nsecond line'");
    assert_eq!(tab.value("String(getSelection())"), json!("first"));

    // The end folds nothing either that is being read; once it is folded, one line is left.
    tab.house.engine.open_gate("b");
    tab.until("document.querySelector('.run').dataset.state === 'done'");
    assert_eq!(tab.value(kept), json!("yes"));
    assert_eq!(tab.text(".run .toggle"), "Hide steps");
    tab.click(".run .toggle");
    tab.until("document.querySelector('.steps').hidden");
    assert_eq!(tab.text(".run .toggle"), "12 steps");
    tab.click(".run .toggle");
    tab.until("document.querySelectorAll('.steps > li').length === 12");
    assert_eq!(tab.value(kept), json!("yes"));

    // Somebody who comes later finds them folded, and can open them.
    tab.reload();
    tab.until("document.querySelector('.run')?.dataset.state === 'done'");
    assert_eq!(tab.value("document.querySelector('.steps').hidden"), json!(true));
    tab.click(".run .toggle");
    tab.until("document.querySelectorAll('.steps > li').length === 12");
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_copies_code_answers_and_resume_lines() {
    let Some(tab) = Tab::open().await else { return };
    let answer = "Do this:\n\n```sh\necho <b>\n  ls\n```\n\nand *then* that.";
    tab.say(&format!("session:s-7 {} gate:a", told(&RunEvent::Answer(answer.to_owned()))));
    tab.until("document.querySelector('.run .answer pre')");
    let hooked =
        "window.copied = []; navigator.clipboard.writeText = async (text) => { window.copied.push(text); }";
    tab.execute(hooked, &[]);
    tab.click(".run .resume .copy");
    tab.until(
        "window.copied.length === 1 && document.querySelector('.resume .copy').textContent === 'Copied'",
    );
    tab.house.engine.open_gate("a");
    tab.until("document.querySelector('.run').dataset.state === 'done'");
    tab.click(".answer .copy");
    tab.until("window.copied.length === 2");
    tab.click(".run footer > .copy");
    tab.until("window.copied.length === 3");
    assert_eq!(tab.value("window.copied"), json!(["script resume s-7", "echo <b>\n  ls\n", answer]));

    // Where the browser gives no clipboard to pages, it is done as by hand.
    tab.execute("navigator.clipboard.writeText = async () => { throw new Error('denied'); }", &[]);
    tab.click(".run .resume .copy");
    tab.until("document.querySelector('.resume .copy').textContent === 'Copied'");
    tab.click("#text");
    tab.press("Control+v");
    tab.until("document.querySelector('#text').value === 'script resume s-7'");
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_shows_what_engines_tell_as_text_alone() {
    let Some(tab) = Tab::open().await else { return };
    let evil = "<img src=x onerror=alert(1)>";
    let detail = Detail { output: Some(format!("@@ -1 +1 @@\n+{evil}")), ..edit() };
    let step = action("1", FileChange, evil, Completed, detail);
    let note = action("2", Tool, evil, Completed, output(evil, 2));
    tab.say(&format!("{step} {note} answer:x"));
    tab.until("document.querySelector('.run')?.dataset.state === 'done'");
    tab.click(".run .toggle");
    tab.until("document.querySelectorAll('.steps > li').length === 2");
    assert_eq!(tab.value("document.querySelector('.run img')"), json!(null));
    assert!(tab.text(".steps > li:last-child .output").contains(evil));
    tab.close().await;
}
