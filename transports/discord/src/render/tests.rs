//! What everyday and odd texts look like, and what becomes of those too long.

use crate::config::Overflow;
use takopi_core::message::{Body, SpooledFile};

use super::*;

const SPLIT: Layout = Layout { max_parts: 5, overflow: Overflow::Split };

fn show(cases: &[&str]) -> String {
    let shown = cases.iter().map(|case| format!("{case}\n----\n{}", text_of(&Body::markdown(*case))));
    shown.collect::<Vec<_>>().join("\n====\n")
}

fn whole(text: &str) -> Body {
    let footer = vec!["`ctx: Takopi @main`".to_owned(), "`codex resume 0199a213`".to_owned()];
    Body { header: Some("done · codex · 12s · step 3".to_owned()), footer, ..Body::markdown(text) }
}

fn contents(body: &Body, layout: &Layout) -> Vec<String> {
    let contents: Vec<String> = lay_out(body, layout).iter().map(text_of).collect();
    for content in &contents {
        assert!(content.chars().count() <= MAX_TEXT, "{}", content.chars().count());
    }
    contents
}

#[test]
fn styles_and_headings() {
    insta::assert_snapshot!(show(&[
        "# Große *Straße* `x`\n\nOne *two* **three** ~~four~~ `five` ***six***.",
        "## Second\n### Third\n#### Fourth\ntext\n##### Fifth `x`",
        "one\ntwo  \nthree\\\nfour\n\nfive",
        "\\*not\\* &amp; &lt;b&gt; a_b_c 2 * 3 * 4 || spoiler || ~~~",
        "a\n\n---\n\nb\n***\nc",
        "Setext\nof two lines\n===\ntext",
    ]));
}

#[test]
fn lists_and_quotes() {
    insta::assert_snapshot!(show(&[
        "3. three\n4. four\n   - nested\n     - deeper\n       goes on\n5. five",
        "* loose\n\n* items\n\n  second paragraph\n\nafter",
        "Todo:\n- [x] done\n- [ ] open\n1. [ ] numbered",
        "- code:\n  ```sh\n  ls\n    -l\n  ```\n- > quoted\n- - inner",
        "before\n> quoted **text**\n> goes on\n>\n> - item\n> - item\n\nafter",
        "> outer\n> > inner\n\n> ```sh\n>   ls\n>   ll\n> ```",
    ]));
}

#[test]
fn code() {
    insta::assert_snapshot!(show(&[
        "Run:\n```rust title=x\nfn main() {\n    x();\n}\n\n```\nafter",
        "````md\n```rust\nx\n```\n````",
        "    indented\n      more",
        "```\n\n```\n\nempty above",
        "`` a ` b `` and ` c ` and ```` ``` ````",
        "~~~\nnever closed",
        "`a`<b>``b``</b>`c`",
    ]));
}

#[test]
fn tables() {
    insta::assert_snapshot!(show(&[
        "| Name | Größe | 漢字 |\n|:--|--:|:-:|\n| a | 1 | 漢 |\n| *b* `c` | 1000 | x |\n\nafter",
        "| a | b |\n|---|---|\n| [x](https://a.b) | 2 |\n| y | 3 |",
        "- item\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |",
    ]));
}

#[test]
fn links_pictures_and_html() {
    insta::assert_snapshot!(show(&[
        "[the *docs*](https://a.b/c_(d)) and https://a.b/c_d. And <https://a.b> [https://a.b](https://a.b)",
        "[src/main.rs:3](/home/x/src/main.rs#L3) [mail](mailto:a@b.c) <a@b.c> [note](note.md)",
        "![alt](https://a.b/c.png) ![](https://a.b/c.png) [![ci](https://a.b/ci.svg)](https://a.b)",
        "<details><summary>More</summary>\n\ntext<br>line <b>x</b> <kbd>Ctrl</kbd>\n\n</details>",
        "<p align=\"center\">\n  <img src=\"https://a.b/c.png\" alt=\"logo\">\n  <a href=\"https://a.b\">home</a>\n</p>\n\nVec<String> <T>",
        "<@12> <#34> <:ok:56> @everyone",
    ]));
}

#[test]
fn a_plain_text_reads_as_it_stands() {
    let text =
        "# no heading\n- *no* list\n> `x` ||y|| __z__\n-# small [a](https://b.c) <@1>\n\n  1. two\n@here";
    insta::assert_snapshot!(text_of(&Body::plain(text)));
}

#[test]
fn header_and_footer_are_small_and_never_apart_from_their_text() {
    insta::assert_snapshot!(text_of(&whole("Answer.\n\n- one\n- two")));
    let parts = contents(&whole(&"A sentence of some words. ".repeat(200)), &SPLIT);
    assert_eq!(parts.len(), 3);
    assert_eq!(parts.concat().matches("-# done").count(), 1);
    assert_eq!(parts.concat().matches("codex resume").count(), 1);
    assert!(as_written(&parts[2]).ends_with("\n`codex resume 0199a213`"));
    assert!(parts[0].starts_with("-# done") && parts[2].ends_with("-# `codex resume 0199a213`"));
    assert!(
        parts[..2].iter().all(|part| part.ends_with("words.") && part.chars().count() > 1900),
        "{parts:?}"
    );
}

#[test]
fn code_that_is_cut_is_closed_and_opened_again() {
    let code = format!("Look:\n\n```rust\n{}```\n\nEnd.", "let x = 1; // and so on\n".repeat(150));
    let parts = contents(&whole(&code), &SPLIT);
    assert!(parts.len() > 1);
    for part in &parts {
        assert_eq!(part.matches("```").count() % 2, 0, "{part}");
    }
    assert!(parts[1].starts_with("```rust\nlet x"));
    assert_eq!(parts.concat().matches("let x").count(), 150);
    let info = format!("```{}\n{}```", "x".repeat(900), "y\n".repeat(2000));
    assert!(contents(&Body::markdown(info), &SPLIT)[1].starts_with(&format!("```{}\n", "x".repeat(32))));
}

#[test]
fn what_belongs_together_is_not_cut() {
    for piece in ["[label of it](<https://a.b/c>)", "<@123456789012345678>", "`some code here`", "👩‍👩‍👧"]
    {
        for shift in 0..40 {
            let text = format!("{}{}", "x".repeat(shift), format!(" {piece}").repeat(200));
            let parts = contents(&Body::markdown(text), &SPLIT);
            let found: usize = parts.iter().map(|part| part.matches(piece).count()).sum();
            assert_eq!(found, 200, "{piece}");
        }
    }
    let flags = "🇩🇪".repeat(3000);
    for part in contents(&Body::markdown(flags), &SPLIT) {
        let count = part
            .trim_end_matches("\n-# the whole text is in answer.md")
            .trim_end_matches('…')
            .chars()
            .count();
        assert_eq!(count % 2, 0, "half a flag");
    }
}

#[test]
fn a_text_too_long_for_its_messages_goes_along_as_a_file() {
    let text = "word and **more** of it\n\n".repeat(1000);
    let parts = lay_out(&whole(&text), &SPLIT);
    assert_eq!(parts.len(), 5);
    let last = parts.last().unwrap();
    assert_eq!(last.extra[ATTACHMENT], text);
    assert!(parts[..4].iter().all(|part| !part.extra.contains_key(ATTACHMENT)));
    let shown = text_of(last);
    assert!(shown.contains("…\n-# the whole text is in answer.md\n-# `ctx:"), "{shown}");
    let file = lay_out(&whole(&text), &Layout { overflow: Overflow::File, ..SPLIT });
    assert_eq!((file.len(), file[0].extra.contains_key(ATTACHMENT)), (1, true));
    let trim = lay_out(&whole(&text), &Layout { overflow: Overflow::Trim, ..SPLIT });
    assert_eq!((trim.len(), trim[0].extra.contains_key(ATTACHMENT)), (1, false));
    assert!(text_of(&trim[0]).ends_with("codex resume 0199a213`"));
}

#[test]
fn more_files_than_a_message_takes_come_in_further_ones() {
    let files = vec![SpooledFile { path: "a".into(), name: "a".to_owned() }; 23];
    let parts = lay_out(&Body { files, ..Body::markdown("x") }, &SPLIT);
    let counts: Vec<usize> = parts.iter().map(|part| part.files.len()).collect();
    assert_eq!(counts, [10, 10, 3]);
    assert_eq!(text_of(&parts[1]), "");
}
