//! What everyday and odd texts look like, and what becomes of those too long.

use std::fmt::Write;

use takopi_core::id::RunIds;
use takopi_core::message::{Button, ButtonAction, SpooledFile};
use takopi_core::time::Timestamp;

use super::layout::Attachment;
use super::*;

/// Returns the text, and below it each entity with what it covers.
fn seen(rendered: &Rendered) -> String {
    let units: Vec<u16> = rendered.text.encode_utf16().collect();
    let mut out = rendered.text.replace('\u{a0}', "·");
    for entity in &rendered.entities {
        let covered = String::from_utf16(&units[entity.offset..entity.end()]).unwrap();
        write!(out, "\n  {:?} {covered:?}", entity.kind).unwrap();
    }
    out
}

fn show(cases: &[&str]) -> String {
    let shown = cases.iter().map(|case| format!("{case}\n----\n{}", seen(&render(&Body::markdown(*case)))));
    shown.collect::<Vec<_>>().join("\n====\n")
}

fn whole(text: &str) -> Body {
    let footer = vec!["`ctx: Takopi @main`".to_owned(), "`codex resume 0199a213`".to_owned()];
    Body { header: Some("done · codex · 12s · step 3".to_owned()), footer, ..Body::markdown(text) }
}

#[test]
fn styles_and_headings() {
    insta::assert_snapshot!(show(&[
        "# Große *Straße* `x`\n\nOne *two* **three** ~~four~~ `five`.",
        "## Second\n### Third\n#### Fourth\n##### Fifth",
        "**bold `code` bold** and ***both*** and **a **b** c** and __**twice**__",
        "🎉🎉 **ü 🎉** _é_",
        "one\ntwo  \nthree\\\nfour\n\nfive",
        "\\*not\\* &amp; &lt;b&gt; <b>raw</b> a_b_c 2 * 3 * 4",
        "a\n\n---\n\nb",
        "** ** * * ``` ``` `` ` ``",
    ]));
}

#[test]
fn lists() {
    insta::assert_snapshot!(show(&[
        "3. three\n4. four\n   - nested\n     - deeper\n       goes on\n5. five",
        "1. one\n- a\n- b\n2. two",
        "* loose\n\n* items\n\n  second paragraph\n\nafter",
        "Todo:\n- [x] done\n- [ ] open\n1. [ ] numbered",
        "- code:\n  ```sh\n  ls\n    -l\n  ```\n- > quoted\n- - inner",
        "0. zero\n0. one",
        "-\n- x\n-",
    ]));
}

#[test]
fn code() {
    insta::assert_snapshot!(show(&[
        "Run:\n```rust title=x\nfn main() {\n    x();\n}\n\n```\nafter",
        "```c++,ignore\n  int a;\n```",
        "```\"><script>\nx\n```",
        "    indented\n      more",
        "~~~\nnever closed\n\nand on",
        "```\n\n```\n\nempty above",
        "`` a ` b `` and ` c `",
    ]));
}

#[test]
fn quotes() {
    let long = (1..=12).map(|n| format!("> line {n}")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(show(&[
        "before\n> quoted **text**\n> goes on\n>\n> - item\n> - item\n\nafter",
        "> outer\n> > inner\n> > goes on\n>\n> outer again",
        "> ```sh\n>   ls\n> ```",
        &long,
        ">\n\nnothing quoted",
        "<think>\nlet me see\n</think>\n\nThe answer.",
    ]));
    let thought = format!("<think>{} `x`</think>\n\nThe answer.", "hm ".repeat(200));
    let kinds: Vec<_> =
        render(&Body::markdown(thought)).entities.into_iter().map(|entity| entity.kind).collect();
    assert_eq!(kinds, [EntityKind::ExpandableBlockquote, EntityKind::Spoiler, EntityKind::Code]);
}

#[test]
fn links() {
    insta::assert_snapshot!(show(&[
        "[docs](https://example.com/a_b) and <https://example.com> and https://bare.example/x",
        "[main.rs](src/main.rs:12) and [the file](file:///etc/passwd) and [x](javascript:alert(1))",
        "[**bold** `code`](https://example.com) [`only.rs`](../only.rs)",
        "[write](mailto:me@example.com) <me@example.com> [anna](tg://user?id=1) [bot](tg://resolve?domain=b)",
        "![a chart](https://example.com/a.png) ![local](a.png) [![in](https://e.example/i.png)](https://e.example)",
        "[](https://example.com) [ref][r]\n\n[r]: https://example.com/ref",
        "[r]: https://example.com/only",
    ]));
}

#[test]
fn tables() {
    insta::assert_snapshot!(show(&[
        "| name | n |\n|------|--:|\n| **漢字** | 1 |\n| `b` | 20 |\n|  |",
        "x\n\n| file | what was changed in it | why |\n|-|-|-|\n| `a.rs` | a **long** explanation of it | because |\n| b.rs | another one | |\n\ny",
        "| a | link |\n|-|-|\n| 1 | [x](https://example.com) |",
        "| a |\n|-|",
        "| only names that are far too long | to stand beside each other |\n|-|-|",
    ]));
}

#[test]
fn nobody_is_pinged() {
    insta::assert_snapshot!(show(&[
        "ask @anna_b or **@bob, now** about `@types/node`, @types/node and me@example.com",
        "https://x.example/@anna [@anna](https://example.com) /help@takopi_bot",
    ]));
    let crowd: String = (0..200).map(|n| format!("@name{n} ")).collect();
    let shown = render(&Body::markdown(&crowd));
    assert_eq!(shown.entities.len(), 30);
    assert!(shown.text.ends_with("＠name199") && shown.text.starts_with("@name0 "), "{}", shown.text);
    let quoted: String = (0..150).map(|n| format!("`@name{n}` ")).collect();
    let shown = render(&Body::markdown(&quoted));
    assert_eq!((shown.entities.len(), shown.text.matches('＠').count()), (100, 50));
    assert!(!shown.without_entities().text.contains('@'));
}

#[test]
fn header_text_and_footer_are_paragraphs_and_plain_text_stands_as_it_is() {
    let mut body = whole("a\n\n```\nnever closed");
    insta::assert_snapshot!(seen(&render(&body)));
    body.text = String::new();
    assert_eq!(render(&body).text, "done · codex · 12s · step 3\n\nctx: Takopi @main\ncodex resume 0199a213");
    let plain = render(&Body::plain("\n  *as*\n\n\n `it` <b> stands \n"));
    assert_eq!(plain, Rendered { text: "  *as*\n\n\n `it` <b> stands".to_owned(), entities: Vec::new() });
    assert_eq!(render(&Body::default()), Rendered::default());
}

#[test]
fn what_is_taken_away_at_the_end_of_a_line_below_is_not_marked_in_the_next() {
    let footer = vec!["# one &nbsp;".to_owned(), "🎉".to_owned()];
    let shown = render(&Body { footer, ..Body::default() });
    assert_eq!(shown.text, "ONE\n🎉");
    assert!(shown.entities.iter().all(|entity| entity.end() == 3), "{:?}", shown.entities);
}

#[test]
fn formatting_that_makes_a_text_too_long_is_left_out() {
    let body = Body::markdown("---\n".repeat(1000) + "@anna");
    let shown = render(&body);
    assert_eq!(shown.text, "---\n".repeat(1000) + "＠anna");
    assert!(shown.entities.is_empty());
}

#[test]
fn what_fits_is_one_part_and_stays_as_it_is() {
    for overflow in [Overflow::Trim, Overflow::Split, Overflow::File] {
        assert_eq!(lay_out(&whole("x **y**"), overflow), [whole("x **y**")]);
        assert_eq!(lay_out(&Body::default(), overflow), [Body::default()]);
    }
}

#[test]
fn a_long_answer_goes_on_in_further_parts() {
    let run = RunIds::new([0; 6]).next(Timestamp::default());
    let code: String = (0..150).map(|n| format!("    let line_{n} = {n}; // 🎉🎉🎉🎉\n")).collect();
    let items: String = (0..9).map(|n| format!("1. item {n} {}\n", "word ".repeat(80))).collect();
    let mut body = whole(&format!("First.\n\n```rust\n{code}```\n\n{items}"));
    body.buttons = vec![vec![Button { label: "cancel".into(), action: ButtonAction::Cancel { run } }]];
    let parts = lay_out(&body, Overflow::Split);
    assert!(parts.len() > 2);
    for (number, part) in parts.iter().enumerate().skip(1) {
        let header = format!("done · codex · 12s · step 3 · continued ({}/{})", number + 1, parts.len());
        assert_eq!(part.header.as_deref(), Some(header.as_str()));
    }
    let (last, others) = parts.split_last().unwrap();
    assert_eq!(last.buttons, body.buttons);
    assert!(
        others.iter().all(|part| part.buttons.is_empty())
            && parts.iter().all(|part| part.footer == body.footer)
    );
    let shown: Vec<Rendered> = parts.iter().map(render).collect();
    let rust = EntityKind::Pre { language: Some("rust".to_owned()) };
    assert!(shown[..2].iter().all(|part| part.entities.iter().any(|entity| entity.kind == rust)));
    let all: String = shown.iter().map(|part| part.text.as_str()).collect();
    for n in 0..9 {
        assert!(all.contains(&format!("{}. item {n} ", n + 1)), "item {n} keeps its number");
    }
}

#[test]
fn a_nested_list_goes_on_as_a_list() {
    let items: String =
        (1..60).map(|n| format!("{n}. outer {n}\n    - inner {} \n", "word ".repeat(30))).collect();
    let parts = lay_out(&whole(&items), Overflow::Split);
    assert!(parts.len() > 2);
    for part in &parts {
        let shown = formatted(part);
        let code = shown.entities.iter().filter(|entity| entity.kind.is_code()).count();
        assert_eq!(code, part.footer.len(), "{}", seen(&shown));
        assert!(shown.text.contains("\u{a0}\u{a0}- inner"));
    }
    let all: String = parts.iter().map(|part| render(part).text + "\n").collect();
    assert!((1..60).all(|n| all.lines().any(|line| line == format!("{n}. outer {n}"))));
}

#[test]
fn many_entities_make_shorter_parts() {
    let text = "`code` and **bold**, ".repeat(150);
    let parts = lay_out(&whole(&text), Overflow::Split);
    let entities: usize = parts.iter().map(|part| formatted(part).entities.len()).sum();
    assert!(parts.iter().all(|part| formatted(part).entities.len() <= MAX_ENTITIES));
    assert_eq!(entities, 300 + 2 * parts.len(), "none is lost");
    assert_eq!(
        lay_out(&whole(&text), Overflow::Trim).len(),
        1,
        "a trimmed text loses styles rather than words"
    );
}

#[test]
fn a_long_answer_is_trimmed_or_sent_as_a_file() {
    let text = "🎉 some words ".repeat(900);
    let trimmed = lay_out(&whole(&text), Overflow::Trim);
    let [part] = trimmed.as_slice() else { panic!("{trimmed:?}") };
    assert!(part.text.ends_with('…') && part.text.len() > 3500);
    let (short, frame) = (render(part), whole(""));
    assert!(short.text.ends_with("codex resume 0199a213") && short.text.starts_with("done · codex"));
    assert_eq!((&part.header, &part.footer), (&frame.header, &frame.footer));

    let parts = lay_out(&whole(&text), Overflow::File);
    let [first, file] = parts.as_slice() else { panic!("{parts:?}") };
    assert_eq!((first, attachment(first)), (part, None));
    assert_eq!(attachment(file), Some(Attachment { name: "answer.md", text: &text }));
    assert_eq!(render(file).text, "ctx: Takopi @main\ncodex resume 0199a213");
    assert_eq!(lay_out(file, Overflow::File), std::slice::from_ref(file));
}

#[test]
fn each_file_is_a_message_and_a_short_text_the_caption_of_the_first() {
    let file = |name: &str| SpooledFile { path: name.into(), name: name.to_owned() };
    let body = Body { files: vec![file("a"), file("b")], ..whole("short") };
    let parts = lay_out(&body, Overflow::Split);
    assert_eq!(parts[0], Body { files: vec![file("a")], ..whole("short") });
    assert_eq!(parts[1], Body { files: vec![file("b")], header: None, ..whole("") });
    let long = Body { files: vec![file("a")], ..whole(&"word ".repeat(400)) };
    let parts = lay_out(&long, Overflow::Split);
    assert_eq!((parts.len(), parts[0].files.len(), parts[1].files.len()), (2, 0, 1));
    for part in &parts {
        assert_eq!(lay_out(part, Overflow::Split), std::slice::from_ref(part));
    }
}

#[test]
fn an_everyday_answer() {
    let answer = "## Summary\nI fixed the **race** in `pacer.rs` — see [the guide](https://example.com/guide#a(b)) and [pacer.rs](src/pacer.rs:42).\n\n\
        **What changed:**\n- `Pacer::next` takes *one* lock\n  and keeps it\n- tests:\n  1. `cargo nextest run`\n  2. 120 passed, ~~3~~ 0 failed 🎉\n\n\
        | Test | Before | After |\n|:-----|-------:|------:|\n| `paces` | 1,027 ms | 4 ms |\n| `bursts 🎉` | 49 s | 1 s |\n\n\
        1. First:\n\n   ```rust\n   fn main() {\n       run();\n   }\n   ```\n\n2. Then > 3 & done.\n\n\
        > **Note**\n> ask @anna\n\n---\n\nNext steps? <https://example.com>\n";
    insta::assert_snapshot!(seen(&render(&whole(answer))));
}
