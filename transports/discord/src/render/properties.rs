//! What holds for any text: messages that fit, nothing lost, fences closed, and no text that takes long.

use crate::config::Overflow;
use proptest::prelude::*;
use takopi_core::message::{Body, Format};

use super::*;

const PIECES: &[&str] = &[
    "*",
    "**",
    "***",
    "_",
    "~~",
    "||",
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
    "#### ",
    "-# ",
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
    "<br>",
    "<img src='https://x.y' alt='z'>",
    "<a href='https://x.y'>",
    "</a>",
    "<https://x.example>",
    "<@123>",
    "<#4>",
    "@everyone",
    "word ",
    "word",
    "ß",
    "é",
    "漢字。",
    "🎉",
    "👩‍👩‍👧",
    "\u{a0}",
    "\u{200d}",
    "&amp;",
    "\\",
    "\0",
    "https://example.com/a_b",
];

fn texts(max_pieces: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![20 => prop::sample::select(PIECES).prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(piece, 0..max_pieces).prop_map(|pieces| pieces.concat())
}

fn bodies() -> impl Strategy<Value = Body> {
    let frame = (prop::option::of(texts(8)), prop::collection::vec(texts(8), 0..3));
    (frame, texts(100), 1..40_usize, any::<bool>()).prop_map(|((header, footer), text, times, plain)| Body {
        header,
        text: text.repeat(times),
        format: if plain { Format::Plain } else { Format::Markdown },
        footer,
        ..Body::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_body_is_laid_out_in_messages_that_fit(body in bodies()) {
        for overflow in [Overflow::Trim, Overflow::Split, Overflow::File] {
            let layout = Layout { max_parts: 5, overflow };
            let parts = lay_out(&body, &layout);
            prop_assert!(!parts.is_empty() && parts.len() <= 5);
            for part in &parts {
                let content = text_of(part);
                prop_assert!(content.chars().count() <= MAX_TEXT, "{} characters", content.chars().count());
                prop_assert_eq!(content.matches("```").count() % 2, 0, "open code: {}", content);
                prop_assert_eq!(lay_out(part, &layout), std::slice::from_ref(part), "a part laid out again");
            }
        }
    }

    #[test]
    fn every_word_is_read(words in prop::collection::vec(prop::sample::select(WORDY), 0..400)) {
        let pieces = words.iter().enumerate().map(|(at, piece)| piece.replace("word", &format!("w{at}w")));
        let text = pieces.collect::<String>();
        let layout = Layout { max_parts: 1000, overflow: Overflow::Split };
        let shown: String = lay_out(&Body::markdown(text.clone()), &layout).iter().map(text_of).collect();
        for (at, _) in words.iter().enumerate().filter(|(_, piece)| piece.contains("word")) {
            prop_assert!(shown.contains(&format!("w{at}w")), "w{at}w of {text:?} is not in {shown:?}");
        }
    }
}

/// Pieces whose words are all to be read.
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
    "<b>",
    "word&amp;",
    "\n| word | word |\n|---|---|\n| word | a longer word |\n\n",
    "[word](https://example.com) ",
    "![word](https://example.com)",
    "[word](src/x.rs) ",
    "word word word word word word\n",
];

#[test]
fn hostile_texts_are_quick() {
    let hostile = [
        "> ".repeat(30_000),
        "- ".repeat(20_000),
        "`".repeat(100_000),
        "*".repeat(100_000),
        "*a ".repeat(33_000),
        "[".repeat(100_000),
        "[a](".repeat(25_000),
        "![".repeat(50_000),
        "<".repeat(100_000),
        "x".repeat(100_000),
        "\\".repeat(50_000),
        "e\u{301}".repeat(50_000),
        "a".to_owned() + &"\u{301}".repeat(9000),
        "@a_b ".repeat(20_000),
        "\n".repeat(100_000) + "x",
        "  - a\n".repeat(10_000),
    ];
    for text in hostile {
        // A runner's time limit is the assertion: what is not linear takes minutes here.
        for body in [Body::markdown(text.clone()), Body::plain(text)] {
            let parts = lay_out(&body, &Layout { max_parts: 300, overflow: Overflow::Split });
            assert!(parts.iter().all(|part| text_of(part).chars().count() <= MAX_TEXT));
        }
    }
}
