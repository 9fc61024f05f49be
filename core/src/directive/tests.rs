//! What directs and what does not, and that no word of a message is lost.

use proptest::prelude::*;

use super::*;

fn known() -> Vocabulary {
    let engine = |id: &str| EngineId::parse(id).unwrap();
    Vocabulary::new([engine("codex"), engine("claude")], ["Takopi", "web-site"])
}

fn parsed(text: &str) -> (Option<String>, Option<String>, Option<String>, String) {
    let found = parse_directives(text, &known()).unwrap();
    (found.engine.map(String::from), found.project, found.branch, found.prompt)
}

#[test]
fn directives_stand_in_any_order_and_case() {
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(parsed("/CODEX@bot  hi   there"), (some("codex"), None, None, "hi there".into()));
    assert_eq!(parsed("/codex@"), (some("codex"), None, None, String::new()));
    assert_eq!(
        parsed("\n \t\n@feat/X /TAKOPI /claude do  it\n  and\tthis \r\nend\n"),
        (some("claude"), some("takopi"), some("feat/X"), "do it\n  and\tthis \nend".into())
    );
    assert_eq!(parsed("@feat/x"), (None, None, some("feat/x"), String::new()));
    assert_eq!(parsed("/codex\u{2028}/claude x").3, "/claude x");
}

#[test]
fn the_bots_own_name_before_a_prompt_is_no_branch() {
    let known = known().with_bot(Some("Our_Bot".to_owned()));
    let read = |text: &str| {
        let found = parse_directives(text, &known).unwrap();
        (found.engine.map(String::from), found.branch, found.prompt)
    };
    assert_eq!(read("@our_bot do  it"), (None, None, "do it".to_owned()));
    assert_eq!(
        read("@our_bot /codex @fix @OUR_BOT go"),
        (Some("codex".into()), Some("fix".into()), "go".into())
    );
    assert_eq!(read("@our_bots go"), (None, Some("our_bots".into()), "go".to_owned()));
    assert_eq!(read("ask @our_bot").2, "ask @our_bot");
}

#[test]
fn what_is_no_directive_leaves_the_text_alone() {
    for text in [
        "",
        " \n ",
        "/codex, x",
        "/codex: x",
        "/unknown /codex x",
        "/ x",
        "/@x",
        "@ x",
        "  hi /codex ",
        "x\n/codex",
    ] {
        assert_eq!(parsed(text), (None, None, None, text.to_owned()), "{text:?}");
    }
}

#[test]
fn a_second_directive_of_a_kind_is_refused() {
    let error = |text| parse_directives(text, &known()).unwrap_err().to_string();
    assert_eq!(error("/codex /claude x"), "multiple engine directives");
    assert_eq!(error("/takopi @b /Takopi x"), "multiple project directives");
    assert_eq!(error("@a @b"), "multiple @branch directives");
}

#[test]
fn an_engine_wins_over_a_project_of_its_name() {
    let known = Vocabulary::new([EngineId::parse("codex").unwrap()], ["codex"]);
    let found = parse_directives("/codex x", &known).unwrap();
    assert_eq!((found.engine.is_some(), found.project), (true, None));
}

#[test]
fn a_slash_command_takes_the_lines_after_it() {
    let call = slash_command(" /Ping@My_bot one  'two\nthree'\n\nfour \n").unwrap();
    assert_eq!((call.name.as_str(), call.bot.as_deref()), ("ping", Some("My_bot")));
    assert_eq!(call.arguments, "one  'two\nthree'\n\nfour");
    assert_eq!(slash_command("/x\ny").unwrap().arguments, "y");
    for text in ["", "/", "/@bot x", "x /y", "@b"] {
        assert_eq!(slash_command(text), None, "{text:?}");
    }
}

#[test]
fn words_split_as_in_a_shell() {
    assert_eq!(
        split_words(r#" a 'b  c' "d \" \x" e\ f '' g'h'"i" "#),
        ["a", "b  c", r#"d " \x"#, "e f", "", "ghi"]
    );
    assert_eq!(split_words("it's  so"), ["it's", "so"]);
    assert_eq!(split_words("a \\"), ["a", "\\"]);
    assert!(split_words(" \n").is_empty());
}

#[test]
fn a_context_line_is_found_as_it_was_written() {
    let context = |project: &str, branch: Option<&str>| {
        Some(Context { project: Some(project.to_owned()), branch: branch.map(str::to_owned) })
    };
    let parse = |text: &str| parse_context_line(text, &known()).unwrap();
    assert_eq!(format_context_line("Takopi", Some("feat/x")), "`ctx: Takopi @feat/x`");
    assert_eq!(parse("done\n\n`ctx: Takopi @feat/x`  \n`codex resume 1`"), context("takopi", Some("feat/x")));
    assert_eq!(parse(&format_context_line("Web-Site", None)), context("web-site", None));
    assert_eq!(parse("CTX:takopi @ b rest"), context("takopi", Some("b")));
    assert_eq!(parse("ctx: takopi b"), context("takopi", None));
    assert_eq!(parse("-# `ctx: takopi @b`"), context("takopi", Some("b")), "as Discord shows it");
    assert_eq!(parse("`ctx: takopi @"), context("takopi", None));
    assert_eq!(parse("ctx: gone\nctx: takopi"), context("takopi", None), "the last one counts");
    for text in [
        "",
        "> ctx: takopi",
        "``ctx: takopi``",
        "ctx : takopi",
        "foo ctx: takopi",
        "ctx:",
        "ctx:  `",
        "ct\u{e4}",
    ] {
        assert_eq!(parse(text), None, "{text:?}");
    }
    assert_eq!(
        parse_context_line("ctx: takopi\nctx: Gone @x", &known()).unwrap_err().to_string(),
        "unknown project 'gone' in ctx line; start a new thread or add it back to your config"
    );
}

#[test]
fn resume_lines_are_no_part_of_the_prompt() {
    let is_line = |line: &str| line.contains("resume");
    assert_eq!(strip_resume_lines("a\r\n`codex resume 1`\nb\n", is_line), "a\nb");
    assert_eq!(strip_resume_lines(" a\r\nb ", is_line), "a\r\nb");
    assert_eq!(strip_resume_lines("codex resume 1\n \n", is_line), "continue");
}

fn directive_like() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("/codex".to_owned()),
        Just("/Takopi@bot".to_owned()),
        Just("@feat".to_owned()),
        Just("@".to_owned()),
        "/?[a-z]{0,3}",
        "\\PC{0,4}",
    ];
    let space =
        prop_oneof![Just(" "), Just("\n"), Just("\r\n"), Just("\u{85}"), Just("\t "), Just("\x1c"), Just("")];
    prop::collection::vec((word, space), 0..12)
        .prop_map(|parts| parts.into_iter().map(|(word, space)| word + space).collect())
}

proptest! {
    #[test]
    fn no_word_is_lost(text in directive_like()) {
        if let Ok(found) = parse_directives(&text, &known()) {
            let before: Vec<&str> = words(&text).collect();
            let after: Vec<&str> = words(&found.prompt).collect();
            let taken = usize::from(found.engine.is_some())
                + usize::from(found.project.is_some())
                + usize::from(found.branch.is_some());
            prop_assert_eq!(&before[taken..], &after[..]);
            if taken == 0 {
                prop_assert_eq!(found.prompt, text);
            }
        }
    }

    #[test]
    fn any_text_can_be_asked_for_anything(text in "\\PC{0,40}|[ctx:`@/\\\\'\" \\n]{0,20}") {
        let joined: String = split_words(&text).concat();
        prop_assert!(joined.chars().count() <= text.chars().count());
        prop_assert!(slash_command(&text).is_none_or(|call| !call.name.is_empty()));
        parse_context_line(&text, &known()).ok();
        prop_assert_eq!(strip_resume_lines(&text, |_| true), CONTINUE);
    }

    #[test]
    fn a_context_line_round_trips(branch in "[A-Za-z0-9/_.-]{1,12}") {
        let line = format_context_line("Takopi", Some(&branch));
        let context = parse_context_line(&line, &known()).unwrap().unwrap();
        prop_assert_eq!(context.branch, Some(branch));
    }
}
