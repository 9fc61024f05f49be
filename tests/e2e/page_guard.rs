//! What the page keeps out: strangers, other names, and text that wants to be more than text.

use serde_json::json;

use crate::page_visit::Visit;

#[test]
fn page_shows_a_stranger_the_way_in_and_nothing_else() {
    let Some(page) = Visit::begin() else { return };
    page.say("echo secret");
    page.until_run(1, "done");
    // Cookies know no ports, but the name of `localhost` is another one: there this browser has none.
    let stranger = page.daemon.bare_url().replace("127.0.0.1", "localhost");
    page.goto(&stranger);
    assert!(page.text("main").contains("takopi status"));
    assert!(!page.has("#thread"));
    let log = page.console_log();
    assert!(log.len() == 1 && log[0].contains("401"), "{log:?}");
}

#[test]
fn page_answers_only_under_its_own_name_and_with_its_token() {
    let Some(page) = Visit::begin() else { return };
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let status = |path: &str, host: &str| {
        let url = format!("{}{path}", page.daemon.bare_url());
        agent.get(url).header("host", host).call().unwrap().status().as_u16()
    };
    let own = page.daemon.bare_url().replace("http://", "").replace('/', "");
    assert_eq!(status("", &own), 401);
    assert_eq!(status("api/state", &own), 401);
    assert_eq!(status("?token=0000", &own), 401);
    assert_eq!(status("style.css", &own), 200, "what the page for strangers looks like");
    assert_eq!(status("style.css", "evil.example"), 403);
    let (_, token) = page.daemon.url().split_once("/?").unwrap();
    assert_eq!(status(&format!("?{token}"), "evil.example"), 403, "not even with the token");
}

#[test]
fn page_shows_hostile_text_as_text() {
    let Some(page) = Visit::begin() else { return };
    let hostile = "<img src=x onerror=window.caught=1><a href=javascript:window.caught=2>x</a>";
    page.say(&format!("echo '{hostile}' '[x](javascript:window.caught=3)'"));
    page.until_run(1, "done");
    assert_eq!(page.run_text(1, ".answer"), json!(format!("{hostile} [x](javascript:window.caught=3)")));
    page.say(&format!("/cancel {hostile} [x](javascript:window.caught=4)"));
    page.wait_for(".note");
    page.say(&format!("'{hostile}'"));
    page.until_run(2, "error");

    let found =
        "return [window.caught ?? null, document.querySelectorAll('#thread :is(img, a, script)').length,
                  document.querySelectorAll('#conversations img').length]";
    assert_eq!(page.execute(found, &[]), json!([null, 0, 0]));
    page.reload();
    page.until_run(2, "error");
    assert_eq!(page.execute(found, &[]), json!([null, 0, 0]));
}
