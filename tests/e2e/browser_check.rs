//! Checks the browser client itself, against a page of ten lines: when this fails, no page test means anything.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::json;

use crate::browser::Browser;

const PAGE: &str = r#"<!doctype html><title>check</title><link rel="icon" href="data:,"><script src="/page.js" defer></script>
<input id="name" aria-label="name"><button id="greet">greet</button><p id="answer"></p>"#;

const SCRIPT: &str = r##"
const name = document.querySelector("#name");
const greet = () => setTimeout(() => {
  document.querySelector("#answer").innerHTML = `<b class="done">hello ${name.value}</b>`;
}, 50);
document.querySelector("#greet").addEventListener("click", greet);
name.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.shiftKey) greet(); });
"##;

#[test]
fn page_client_does_what_a_person_does() {
    let Some(browser) = Browser::open() else { return };
    browser.goto(&serve());

    browser.type_into("#name", "ada");
    browser.click("#greet");
    browser.wait_for("#answer .done");
    assert_eq!(browser.text("#answer"), "hello ada");
    assert_eq!(browser.attribute("#answer b", "class").as_deref(), Some("done"));
    assert_eq!(browser.attribute("#answer b", "title"), None);

    browser.press("x");
    browser.click("#name");
    browser.press("y");
    browser.press("Shift+Enter");
    browser
        .wait_until("document.querySelector('#answer').innerText === 'hello aday'", Duration::from_secs(20));

    browser.reload();
    assert!(!browser.has("#answer .done"), "a reload starts afresh");
    assert_eq!(browser.execute("return arguments[0] + arguments[1]", &[json!(1), json!(2)]), json!(3));
    assert_eq!(browser.console_log(), Vec::<String>::new());
}

#[test]
fn page_client_sees_what_the_browser_refuses() {
    let Some(browser) = Browser::open() else { return };
    browser.goto(&serve());
    browser
        .execute("document.body.append(Object.assign(document.createElement('script'), { text: '1' }))", &[]);
    let log = browser.console_log();
    assert!(log.iter().any(|line| line.contains("Content Security Policy")), "{log:?}");
}

#[test]
fn page_client_looks_through_a_phone_in_the_dark() {
    let Some(browser) = Browser::open() else { return };
    browser.goto(&serve());
    browser.set_size(360, 640);
    browser.prefer_colours("dark");
    let seen = "return [innerWidth, innerHeight, matchMedia('(prefers-color-scheme: dark)').matches]";
    assert_eq!(browser.execute(seen, &[]), json!([360, 640, true]));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.png");
    browser.screenshot(&file);
    let picture = std::fs::read(file).unwrap();
    assert_eq!(picture[..8], *b"\x89PNG\r\n\x1a\n");
    // Width and height stand at the start of the first chunk, big-endian.
    assert_eq!(picture[16..24], [0, 0, 1, 104, 0, 0, 2, 128]);
}

/// Serves the page until the test ends and returns its address.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // The browser opens connections ahead of need: one must not keep the others waiting.
            std::thread::spawn(move || answer(stream.unwrap()));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let (kind, body) = match request.split(' ').nth(1) {
        Some("/page.js") => ("text/javascript", SCRIPT),
        _ => ("text/html", PAGE),
    };
    let rules = "default-src 'none'; script-src 'self'; img-src data:";
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Security-Policy: {rules}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
}
