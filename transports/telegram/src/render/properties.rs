//! What holds for any text: entities that Telegram takes, parts that fit, nothing lost, and no text that
//! takes long.

use proptest::prelude::*;
use takopi_core::message::SpooledFile;

use super::*;

/// Texts of pieces that mean something to the parser, to UTF-16 or to Telegram.
fn texts(max_pieces: usize) -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "*",
        "**",
        "***",
        "_",
        "~~",
        "`",
        "``",
        "```",
        "```rust\n",
        "~~~",
        "\n",
        "\n\n",
        "\r\n",
        "  \n",
        " ",
        "    ",
        "\t",
        "> ",
        ">",
        "- ",
        "* ",
        "1. ",
        "12) ",
        "- [ ] ",
        "- [x] ",
        "# ",
        "### ",
        "---\n",
        "|",
        "|-|-|\n",
        "| a | b |\n",
        "[",
        "](https://example.com)",
        "](src/a.rs)",
        "](mailto:a@b.c)",
        "![",
        "<b>",
        "<div>\n",
        "<think>",
        "</think>",
        "<https://x.example>",
        "@anna",
        "@types/node",
        "@",
        "//",
        "://",
        "a",
        "word",
        "ß",
        "é",
        "漢字",
        "🎉",
        "👩‍👩‍👧",
        "\u{a0}",
        "\u{200d}",
        "\u{2028}",
        "&amp;",
        "&nbsp;",
        "\\",
        "\0",
        "https://example.com/@x",
    ];
    let piece = prop_oneof![20 => prop::sample::select(PIECES).prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(piece, 0..max_pieces).prop_map(|pieces| pieces.concat())
}

fn bodies(max_pieces: usize) -> impl Strategy<Value = Body> {
    let frame = (prop::option::of(texts(8)), prop::collection::vec(texts(8), 0..3));
    (frame, texts(max_pieces), 1..40_usize, any::<bool>(), 0..3_usize).prop_map(
        |((header, footer), text, times, plain, files)| Body {
            header,
            text: text.repeat(times),
            format: if plain { Format::Plain } else { Format::Markdown },
            footer,
            files: vec![SpooledFile { path: "a".into(), name: "a".to_owned() }; files],
            ..Body::default()
        },
    )
}

/// Pieces whose words are all to be read; not so the info of a fence, a definition, or a cell too many.
const WORDY: &[&str] = &[
    "word ",
    "word",
    "**",
    "*",
    "~~word~~ ",
    "`word` ",
    "_",
    "\n",
    "\n\n",
    "> ",
    "- ",
    "1. ",
    "\n- [x] word",
    "\n# word\n",
    "    ",
    "🎉 ",
    "\n```rust\n",
    "\n```\n",
    "@word_x ",
    "<b>",
    "word&amp;",
    "\n| word | word |\n|---|---|\n| word | a much longer word here |\n\n",
    "[word](https://example.com) ",
    "![word](https://example.com)",
    "[word](src/x.rs) ",
    "word word word word word word\n",
];

fn check(rendered: &Rendered) -> Result<(), TestCaseError> {
    let units: Vec<u16> = rendered.text.encode_utf16().collect();
    prop_assert!(units.len() <= MAX_TEXT_UNITS, "{} units", units.len());
    prop_assert!(rendered.entities.len() <= MAX_ENTITIES);
    prop_assert_eq!(rendered.text.trim_end(), &rendered.text);
    let mut open: Vec<&Entity> = Vec::new();
    let mut last = (0, usize::MAX);
    for entity in &rendered.entities {
        prop_assert!(entity.length > 0 && entity.end() <= units.len(), "{entity:?}");
        let covered = String::from_utf16(&units[entity.offset..entity.end()]);
        prop_assert!(covered.is_ok(), "half a character: {entity:?}");
        let covered = covered.unwrap();
        prop_assert_eq!(covered.trim_end(), &covered);
        if !entity.kind.is_code() && !entity.kind.is_quote() {
            prop_assert_eq!(covered.trim(), &covered);
        }
        prop_assert!(
            entity.offset > last.0 || (entity.offset == last.0 && entity.length <= last.1),
            "not sorted"
        );
        last = (entity.offset, entity.length);
        open.retain(|outer| outer.end() > entity.offset);
        for outer in &open {
            prop_assert!(entity.end() <= outer.end(), "{entity:?} crosses {outer:?}");
            prop_assert!(!outer.kind.is_code(), "{entity:?} in {outer:?}");
            prop_assert!(!entity.kind.is_code() || outer.kind.is_quote(), "{entity:?} in {outer:?}");
            prop_assert!(outer.kind != entity.kind, "twice {entity:?}");
            prop_assert!(!(outer.kind.is_quote() && entity.kind.is_quote()), "a quote in a quote");
            prop_assert!(!(outer.kind.is_link() && entity.kind.is_link()), "a link in a link");
        }
        open.push(entity);
    }
    let mut again = rendered.clone();
    mention::disarm_open(&mut again);
    prop_assert_eq!(&again.text, &rendered.text, "somebody is pinged");
    Ok(())
}

/// Returns what must not be lost: white space may go, markup becomes entities.
fn ink(text: &str) -> String {
    text.chars().filter(|character| character.is_alphabetic() || *character == '🎉').collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_becomes_a_message_that_telegram_takes(text in texts(60)) {
        let body = Body::markdown(text);
        check(&render(&body))?;
        check(&render(&body).without_entities())?;
        prop_assert!(body.text.trim().is_empty() || !formatted(&body).text.is_empty(), "nothing is shown");
    }

    #[test]
    fn every_word_of_an_answer_is_shown(pieces in prop::collection::vec(prop::sample::select(WORDY), 0..400)) {
        let number = |(number, piece): (usize, &&str)| piece.replace("word", &format!("w{number}w"));
        let text: String = pieces.iter().enumerate().map(number).collect();
        let parts = lay_out(&Body::markdown(&text), Overflow::Split);
        let shown: String = parts.iter().map(|part| render(part).text).collect();
        for (number, piece) in pieces.iter().enumerate() {
            let word = format!("w{number}w");
            let is_there = shown.contains(&word) || shown.contains(&word.to_uppercase());
            prop_assert!(!piece.contains("word") || is_there, "{word} of {text:?} is not in {shown:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_body_is_laid_out_in_parts_that_fit(body in bodies(120)) {
        for overflow in [Overflow::Trim, Overflow::Split, Overflow::File] {
            let parts = lay_out(&body, overflow);
            prop_assert!(!parts.is_empty());
            for part in &parts {
                let units = TextUnit::Utf16.count(&flatten(part));
                prop_assert!(units <= MAX_TEXT_UNITS, "{units} units of Markdown");
                check(&render(part))?;
                prop_assert_eq!(lay_out(part, overflow), std::slice::from_ref(part), "a part laid out again");
            }
            let files: Vec<_> = parts.iter().flat_map(|part| part.files.clone()).collect();
            prop_assert_eq!(&files, &body.files);
            if overflow == Overflow::Split {
                // A table's names and a fence's info come again in each part: nothing may be missing.
                let (whole, all) = (ink(&body.text), parts.iter().map(|part| ink(&part.text)).collect::<String>());
                let mut rest = all.chars();
                for character in whole.chars() {
                    prop_assert!(rest.any(|found| found == character), "{character:?} is lost");
                }
            }
        }
    }
}

#[test]
fn hostile_texts_are_quick() {
    let hostile = [
        "> ".repeat(50_000),
        ">".repeat(100_000),
        "- ".repeat(50_000),
        "1. ".repeat(33_000),
        "`".repeat(100_000),
        "*".repeat(100_000),
        "*a ".repeat(33_000),
        "[".repeat(100_000),
        "[a](".repeat(25_000),
        "![".repeat(50_000),
        "<".repeat(100_000),
        "|".repeat(50_000) + "\n" + &"-|".repeat(25_000),
        "@a_b ".repeat(20_000),
        "**a `b` ".repeat(12_000),
        "\n".repeat(100_000) + "x",
        "  - a\n".repeat(15_000),
        (0..400).map(|depth| " ".repeat(depth) + "- a\n").collect(),
        (0..400).map(|depth| ">".repeat(depth) + " a\n").collect(),
    ];
    for text in hostile {
        // A runner's time limit is the assertion: what is not linear takes minutes here.
        let body = Body::markdown(text);
        assert!(TextUnit::Utf16.count(&render(&body).text) <= body.text.len() + 100);
        for overflow in [Overflow::Split, Overflow::Trim] {
            let parts = lay_out(&body, overflow);
            assert!(parts.iter().all(|part| TextUnit::Utf16.count(&render(part).text) <= MAX_TEXT_UNITS));
        }
    }
}
