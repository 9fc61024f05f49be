//! Engine, project and branch: what the page shows is what happens.

use serde_json::json;

use crate::tab::Tab;

const LABELS: &str =
    "[...document.querySelectorAll('#picks select')].map((one) => one.selectedOptions[0].text)";

#[tokio::test(flavor = "multi_thread")]
async fn page_sends_what_the_pickers_show() {
    let Some(tab) = Tab::open().await else { return };
    tab.until("document.querySelector('#engine').selectedOptions[0].text === 'Script (default)'");
    assert_eq!(tab.value(LABELS), json!(["Script (default)", "This directory"]));
    assert_eq!(tab.value("document.querySelector('#branch-label').hidden"), json!(true));
    let absent =
        tab.value("[...document.querySelectorAll('#engine option')].find((one) => one.disabled).text");
    assert_eq!(absent, json!("Absent: npm install -g absent"));

    // By keyboard: the first letters choose.
    tab.type_into("#engine", "Oth");
    tab.type_into("#project", "App");
    tab.until("!document.querySelector('#branch-label').hidden");
    tab.click("#branch");
    tab.until("document.querySelectorAll('#branches option').length === 2");
    tab.type_into("#branch", "fix-login");
    tab.press("Enter");
    assert_eq!(tab.value("document.activeElement.id"), json!("text"), "a branch sends nothing");
    tab.say("session:s1 answer:x");
    tab.until("document.querySelector('.run')?.dataset.state === 'done'");
    let job = tab.house.engine.jobs().remove(0);
    assert_eq!(job.context.project.as_deref(), Some("app"));
    assert_eq!(job.context.branch.as_deref(), Some("fix-login"));
    assert!(tab.text(".run .headline").contains("other"));
    assert!(tab.text(".run footer").contains("ctx: app @fix-login"));
    assert!(tab.text(".run footer").contains("other resume s1"));

    // They stay for this conversation, and are not another's.
    tab.reload();
    tab.until("document.querySelector('#branch')?.value === 'fix-login'");
    tab.until("document.querySelector('#engine').value === 'other'");
    assert_eq!(tab.value(LABELS), json!(["Other", "App"]));
    tab.click("#new");
    tab.until("document.querySelector('#engine').selectedOptions[0].text === 'Script (default)'");
    assert_eq!(tab.value("document.querySelector('#branch').value"), json!(""));
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_finds_an_engine_that_was_installed_while_somebody_was_elsewhere() {
    let Some(tab) = Tab::open().await else { return };
    let absent = "document.querySelectorAll('#engine option:disabled').length";
    tab.until(&format!("{absent} === 1"));
    let installed = "const ask = window.fetch;
         window.fetch = async (path, ...options) => {
           const answer = await ask(path, ...options);
           if (!String(path).startsWith('/api/state')) return answer;
           const state = await answer.json();
           for (const engine of state.menu.engines) delete engine.issue;
           return Response.json(state);
         };
         window.dispatchEvent(new Event('focus'));";
    tab.execute(installed, &[]);
    tab.until(&format!("{absent} === 0"));
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_says_what_a_message_would_do_before_it_is_sent() {
    let Some(tab) = Tab::open().await else { return };
    let outlook = |said: &str| {
        tab.until(&format!("document.querySelector('#outlook').innerText.includes({})", json!(said)))
    };
    tab.type_into("#text", "@fix do it");
    outlook("Would be refused: @fix needs a project");
    tab.say("/app @fix session:s1 answer:x");
    tab.until("document.querySelector('.run')?.dataset.state === 'done'");
    // What nobody picks goes on where the last message was.
    tab.until("document.querySelector('#project').selectedOptions[0].text === 'App'");
    tab.until("document.querySelector('#branch').placeholder === 'fix'");
    tab.until("document.querySelector('#outlook').hidden");

    tab.type_into("#branch", "main");
    outlook("Begins a new session of Script in App @main.");
    tab.type_into("#engine", "Other");
    tab.type_into("#text", "script resume s1");
    outlook("Goes on with Script in App @fix, as the message says.");
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_lets_a_branch_be_typed_where_none_can_be_listed() {
    let Some(tab) = Tab::open().await else { return };
    tab.type_into("#project", "bro");
    tab.until("!document.querySelector('#branch-label').hidden");
    tab.click("#branch");
    tab.until("document.querySelector('#outlook').innerText.includes('it is no git repository')");
    tab.type_into("#branch", "any");
    tab.say("answer:x");
    tab.until("document.querySelector('.run')?.dataset.state === 'done'");
    assert_eq!(tab.house.engine.jobs().remove(0).context.branch.as_deref(), Some("any"));
    let log = tab.console_log();
    assert!(log.len() == 1 && log[0].contains("503"), "{log:?}");
    tab.close().await;
}
