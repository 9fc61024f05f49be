//! Every part fits, nothing is lost, fences pair and the footer stays.

use proptest::prelude::*;

use super::*;
use crate::id::RunIds;
use crate::message::{Button, ButtonAction, Format, SpooledFile};
use crate::time::Timestamp;

const CHARS: TextUnit = TextUnit::Chars;

fn body(text: &str) -> Body {
    let footer = vec!["`ctx: Takopi @main`".to_owned(), "`codex resume 0199a213`".to_owned()];
    Body { header: Some("done · codex · 12s".to_owned()), footer, ..Body::markdown(text) }
}

fn parts(text: &str, max: usize) -> Vec<Body> {
    split(&body(text), TextLimit { max, unit: CHARS })
}

fn shown(parts: &[Body]) -> String {
    parts.iter().map(flatten).collect::<Vec<_>>().join("\n=====\n")
}

#[test]
fn what_fits_stays_as_it_is() {
    let whole = body(" a\n\n```\nb");
    let max = CHARS.count(&flatten(&whole));
    assert_eq!(split(&whole, TextLimit { max, unit: CHARS }), std::slice::from_ref(&whole));
    assert_eq!(trim(&whole, TextLimit { max, unit: CHARS }), whole);
    assert_eq!(split(&Body::default(), TextLimit { max: 1, unit: CHARS }), [Body::default()]);
}

#[test]
fn code_lists_and_tables_go_on_in_the_next_part() {
    let code: Vec<String> = (0..12).map(|n| format!("    let line_{n} = {n};")).collect();
    let rows: Vec<String> = (0..12).map(|n| format!("| row {n} | {} |", "x".repeat(n))).collect();
    let text = format!(
        "First paragraph of some length.\n\nSecond one, before the code:\n\n```rust title\nfn main() {{\n{}\n}}\n```\n\n\
         3. three\n4. four\n   - nested\n\n| name | value |\n|------|------:|\n{}\n\nend",
        code.join("\n"),
        rows.join("\n")
    );
    insta::assert_snapshot!(shown(&parts(&text, 300)));
}

#[test]
fn code_in_a_list_is_opened_again_further_left() {
    let lines: Vec<String> = (0..20).map(|n| format!("      echo line number {n}")).collect();
    let text = format!("1. Do:\n\n      ```sh\n{}\n      ```\n2. Done.", lines.join("\n"));
    insta::assert_snapshot!(shown(&parts(&text, 400)));
}

#[test]
fn a_long_line_is_cut_at_words_and_a_long_word_between_characters() {
    let text = format!("{} {}", "word ".repeat(40).trim(), "👩‍👩‍👧".repeat(60));
    let parts = parts(&text, 200);
    assert!(parts[0].text.ends_with("word"), "{parts:?}");
    for part in &parts {
        let tail = part.text.rsplit(' ').next().unwrap();
        assert!(tail.chars().count() % 5 == 0 || tail == "word", "a family is cut: {tail:?}");
    }
}

#[test]
fn buttons_and_files_go_with_the_last_part() {
    let run = RunIds::new([0; 6]).next(Timestamp::default());
    let buttons = vec![vec![Button { label: "cancel".into(), action: ButtonAction::Cancel { run } }]];
    let files = vec![SpooledFile { path: "a".into(), name: "a".into() }];
    let whole = Body { buttons: buttons.clone(), files: files.clone(), ..body(&"word ".repeat(200)) };
    let parts = split(&whole, TextLimit { max: 400, unit: CHARS });
    let (last, others) = parts.split_last().unwrap();
    assert_eq!((&last.buttons, &last.files), (&buttons, &files));
    assert!(others.iter().all(|part| part.buttons.is_empty() && part.files.is_empty()));
}

#[test]
fn a_header_and_a_footer_leave_room_for_the_text() {
    let mut whole = body(&"word ".repeat(100));
    whole.header = Some("😀 ".repeat(300));
    whole.footer.insert(0, "x".repeat(300));
    for unit in [TextUnit::Chars, TextUnit::Utf16] {
        let parts = split(&whole, TextLimit { max: 300, unit });
        for part in parts.iter().chain([&trim(&whole, TextLimit { max: 300, unit })]) {
            assert!(unit.count(&flatten(part)) <= 300, "{part:?}");
            assert_eq!(part.footer.last().unwrap(), "`codex resume 0199a213`");
        }
    }
}

#[test]
fn trimming_keeps_the_head_and_closes_code() {
    let limit = TextLimit { max: 220, unit: CHARS };
    insta::assert_snapshot!(shown(&[
        trim(&body(&"some words ".repeat(50)), limit),
        trim(&body(&format!("```sh\n{}```", "echo hello\n".repeat(50))), limit),
    ]));
}

#[test]
fn a_text_of_nothing_but_oddities_ends() {
    let limit = TextLimit { max: 200, unit: CHARS };
    let odd = [
        "`",
        "~",
        "```\n",
        "~~~\n",
        "|-|\n",
        "\n",
        " ",
        "> ```\n",
        "\u{200d}",
        "| a\n|-|\n",
        "- ```x\n",
        "\r\n",
        "`````` ",
    ];
    for text in odd.map(|odd| odd.repeat(600) + "x") {
        let parts = split(&Body::markdown(&text), limit);
        assert!(parts.iter().all(|part| CHARS.count(&flatten(part)) <= 200), "{text:?}");
        assert!(parts.len() < 300, "{text:?}");
    }
}

#[test]
fn the_work_grows_with_the_text_alone() {
    let limit = TextLimit { max: 4096, unit: TextUnit::Utf16 };
    for text in ["x".repeat(1_000_000), "```\n".to_owned() + &"y ".repeat(300_000), "z\n".repeat(100_000)] {
        // Minutes if the rest were looked at for each part.
        assert!(split(&body(&text), limit).len() >= text.len() / 4096);
    }
}

#[test]
fn code_with_windows_line_ends_fits_too() {
    let text = format!("```sh\r\n{}```", "echo hello\r\n".repeat(100));
    for max in 200..230 {
        let limit = TextLimit { max, unit: CHARS };
        let parts = split(&Body::markdown(text.as_str()), limit);
        assert!(parts.iter().all(|part| CHARS.count(&flatten(part)) <= max), "{max}: {parts:?}");
    }
}

#[test]
fn an_opening_of_code_longer_than_a_part_is_cut_too() {
    for length in 100..400 {
        let text = format!("~~~ {}\n> x", "é".repeat(length));
        let parts = parts(&text, 200);
        assert!(parts.iter().all(|part| CHARS.count(&flatten(part)) <= 200), "{length}: {parts:?}");
        assert!(parts.last().unwrap().text.contains("> x"));
    }
}

fn blocks() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => "[a-z]{1,9}", 1 => "\\*\\*[a-z]{3}\\*\\*", 1 => "`[a-z]{3}`", 1 => Just("👩‍👩‍👧‍👦".to_owned()),
        1 => "[漢字仮名]{1,150}", 1 => "[😀🎉é]{1,120}", 1 => "[a-z/]{1,300}",
    ];
    let line = prop::collection::vec(word, 1..14).prop_map(|words| words.join(" "));
    let lines = |least: usize| prop::collection::vec(line.clone(), least..5);
    let block = prop_oneof![
        3 => lines(1).prop_map(|lines| lines.join("\n")),
        1 => lines(1).prop_map(|lines| lines.iter().map(|line| format!("- {line}\n")).collect::<String>()),
        2 => (prop_oneof!["", "rust", "sh x"], lines(0)).prop_map(|(info, lines)| {
            format!("```{info}\n{}```", lines.iter().map(|line| format!("  {line}\n\n")).collect::<String>())
        }),
    ];
    prop::collection::vec(block, 0..6).prop_map(|blocks| blocks.join("\n\n"))
}

/// Returns all that is text: no white space, no lines that open or close code.
fn ink(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("```")).flat_map(str::split_whitespace).collect()
}

fn fences_pair(text: &str) -> bool {
    let mut open = false;
    for line in text.lines().filter(|line| line.starts_with("```")) {
        if open && line != "```" {
            return false;
        }
        open = !open;
    }
    !open
}

proptest! {
    #[test]
    fn every_part_fits_and_nothing_is_lost(
        text in blocks(), max in 200..600_usize, utf16: bool, framed: bool, plain: bool,
    ) {
        let unit = if utf16 { TextUnit::Utf16 } else { TextUnit::Chars };
        let limit = TextLimit { max, unit };
        let format = if plain { Format::Plain } else { Format::Markdown };
        let whole = if framed { Body { format, ..body(&text) } } else { Body { format, ..Body::markdown(&text) } };
        let parts = split(&whole, limit);
        for (index, part) in parts.iter().enumerate() {
            prop_assert!(unit.count(&flatten(part)) <= max, "{}", flatten(part));
            prop_assert_eq!(&part.footer, &whole.footer);
            prop_assert!(plain || fences_pair(&part.text), "{}", part.text);
            if index > 0 {
                let mark = format!("continued ({}/{})", index + 1, parts.len());
                prop_assert!(part.header.as_ref().unwrap().ends_with(&mark));
                prop_assert!(!part.text.trim().is_empty());
            }
        }
        let texts: String = parts.iter().map(|part| ink(&part.text)).collect();
        prop_assert_eq!(texts, ink(&text));

        let trimmed = trim(&whole, limit);
        prop_assert!(unit.count(&flatten(&trimmed)) <= max);
        prop_assert!(plain || fences_pair(&trimmed.text));
        if parts.len() > 1 {
            let head = ink(trimmed.text.strip_suffix('…').unwrap());
            prop_assert!(ink(&text).starts_with(&head) && !head.is_empty());
        }
    }

    #[test]
    fn any_text_is_cut_to_the_limit(text in "([`~>| \n#-]{0,9}|[a-zé😀]{0,90}){0,30}", max in 200..400_usize) {
        let limit = TextLimit { max, unit: TextUnit::Utf16 };
        for part in split(&body(&text), limit).iter().chain([&trim(&body(&text), limit)]) {
            prop_assert!(limit.unit.count(&flatten(part)) <= max, "{}", flatten(part));
        }
    }
}
