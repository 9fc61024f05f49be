//! How the page looks and handles: a phone, the keyboard alone, light and dark, floods.
//!
//! Pictures of it are left in `target/tmp`, for people who change how it looks.

use std::path::Path;

use serde_json::{Value, json};

use crate::page_visit::Visit;

#[test]
fn page_fits_a_phone() {
    let Some(page) = Visit::begin() else { return };
    page.set_size(360, 740);
    page.say("echo short; printf 'wide-%s ' $(seq 1 200); echo");
    page.until_run(1, "done");
    page.say(&format!("echo {}", "unbroken".repeat(40)));
    page.until_run(2, "done");
    page.say("/help");
    page.wait_for(".note");
    let fits = "return [document.documentElement, document.body, document.querySelector('#scroll')]
                  .every((one) => one.scrollWidth <= one.clientWidth)";
    assert_eq!(page.execute(fits, &[]), json!(true));

    page.click("#open-sidebar");
    page.wait_for("#sidebar.open");
    assert_eq!(page.execute(fits, &[]), json!(true));
    page.click("#new");
    page.until("document.querySelectorAll('.run').length === 0 && !document.querySelector('#sidebar.open')");
    let reach = "return ['#text', '#send', '#open-sidebar'].every((css) => {
                   const box = document.querySelector(css).getBoundingClientRect();
                   return box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight; })";
    assert_eq!(page.execute(reach, &[]), json!(true));
}

#[test]
fn page_is_used_by_keyboard_alone() {
    let Some(page) = Visit::begin() else { return };
    page.say("echo one");
    page.until_run(1, "done");
    // From the very top, the way a person without a mouse comes in.
    page.execute("document.activeElement.blur(); document.querySelector('.skip').focus()", &[]);
    page.press("Tab");
    let mut stops = vec![stop(&page)];
    for _ in 0..20 {
        if stops.last().is_some_and(|stop| stop == "text") {
            break;
        }
        page.press("Tab");
        stops.push(stop(&page));
    }
    let known = ["new", "echo one", "Code", "Copy answer", "text"];
    assert_eq!(stops, known, "the order in which Tab goes");

    page.type_into("#text", "echo two");
    // Enter would send it from here. Who goes on passes who works on it, as the eye does, and ends at the button.
    page.press("Tab");
    assert_eq!(stop(&page), "engine");
    page.press("Tab");
    assert_eq!(stop(&page), "send");
    page.press("Enter");
    page.until_run(2, "done");
    assert_eq!(stop(&page), "text", "the next message can be typed at once");
    page.press("Shift+Tab");
    assert_eq!(stop(&page), "Copy answer");
}

/// Returns what has the focus, having made sure that it can be seen there.
fn stop(page: &Visit) -> String {
    let script = "
        const it = document.activeElement;
        const style = getComputedStyle(it);
        const frame = getComputedStyle(document.querySelector('#composer')).borderColor;
        const probe = document.createElement('i');
        probe.style.color = 'var(--accent)';
        document.body.append(probe);
        const accent = getComputedStyle(probe).color;
        probe.remove();
        const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
        const box = it.getBoundingClientRect();
        const inside = box.width > 0 && box.top < innerHeight && box.bottom > 0;
        const label = it.querySelector('.name')?.innerText || it.getAttribute('aria-label') || it.innerText;
        return { name: it.id || label,
                 seen: inside && (ring || it.id === 'text' && frame === accent) };";
    let found = page.execute(script, &[]);
    assert_eq!(found["seen"], json!(true), "the focus cannot be seen on {found}");
    found["name"].as_str().unwrap().to_owned()
}

#[test]
fn page_is_light_or_dark_as_the_person_prefers() {
    let Some(page) = Visit::begin() else { return };
    page.daemon.gate("gate");
    page.say("echo hello");
    page.until_run(1, "done");
    page.say("ls /nowhere");
    page.until_run(2, "error");
    page.say("echo compiling; cat gate");
    page.until("document.querySelectorAll('.draft')[2].innerText.includes('compiling')");
    let brightness = |css: &str, property: &str| -> f64 {
        let script = "const colour = getComputedStyle(document.querySelector(arguments[0]))[arguments[1]];
                      const [r, g, b] = colour.match(/[0-9.]+/g).map(Number);
                      return (r + g + b) / 765;";
        page.execute(script, &[json!(css), json!(property)]).as_f64().unwrap()
    };
    for scheme in ["light", "dark"] {
        page.prefer_colours(scheme);
        let (ground, text) = (brightness("body", "backgroundColor"), brightness("body", "color"));
        assert!(
            (ground > text) == (scheme == "light") && (ground - text).abs() > 0.6,
            "{scheme} {ground} {text}"
        );
        for (width, height, name) in [(1280, 800, "wide"), (390, 844, "phone")] {
            page.set_size(width, height);
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
            page.screenshot(&folder.join(format!("page-{scheme}-{name}.png")));
        }
    }
    page.daemon.open("gate");
    page.until_run(3, "done");
}

#[test]
fn page_survives_a_flood() {
    let Some(page) = Visit::begin() else { return };
    page.daemon.gate("gate");
    page.say("seq 300000; cat gate; echo next; cat gate");
    page.until("document.querySelector('.draft').innerText.includes('300000')");
    let size = "return document.querySelector('#thread').innerText.length";
    assert!(page.execute(size, &[]).as_u64().unwrap() < 20_000, "while it works the end is shown");

    // A box that was scrolled up stays there, so that it can be read while more comes.
    let scrolled = "return document.querySelector('.draft').scrollTop";
    assert!(page.execute(scrolled, &[]).as_f64().unwrap() > 1000.0, "it follows what is written");
    page.execute("document.querySelector('.draft').scrollTop = 7", &[]);
    page.daemon.open("gate");
    page.until("document.querySelector('.draft').innerText.includes('next')");
    assert_eq!(page.execute(scrolled, &[]), json!(7));
    page.daemon.open("gate");
    page.until_run(1, "done");
    let size = page.execute(size, &[]).as_u64().unwrap();
    assert!((100_000..200_000).contains(&size), "head and tail are shown: {size}");
    assert_eq!(
        page.execute(
            "return document.querySelector('.answer').innerText.endsWith('300000\\ngo\\nnext\\ngo')",
            &[]
        ),
        Value::Bool(true)
    );

    page.say("echo still here");
    page.until_run(2, "done");
    page.reload();
    page.until_run(2, "done");
}
