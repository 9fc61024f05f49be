//! What is shown is found again, and nothing else is.

use proptest::prelude::*;

use super::*;
use crate::id::EngineId;
use crate::session::Session;

fn codex() -> ResumePattern {
    ResumePattern::new("codex resume {token}", &[], DEFAULT_TOKEN).unwrap()
}

fn claude() -> ResumePattern {
    ResumePattern::new("claude --resume {token}", &["claude -r {token}"], DEFAULT_TOKEN).unwrap()
}

fn token(text: &str) -> Option<SessionToken> {
    SessionToken::parse(text)
}

#[test]
fn the_last_line_of_a_text_counts() {
    let text = "done\n\n`claude --resume a1`\r\n  claude  -R   b2 \nclaude --resume c3 please";
    assert_eq!(claude().find(text), token("b2"));
    assert_eq!(codex().find("x `codex resume a`\ncodex resume\na\ncodexresume b"), None);
    assert_eq!(codex().find("`CODEX Resume Ab`\u{2028}more"), token("Ab"));
    assert_eq!(codex().find("`codex resume a"), token("a"), "one backtick may be lost in pasting");
}

#[test]
fn a_line_in_small_print_counts() {
    assert_eq!(codex().find("done\n\n-# `codex resume a1`"), token("a1"));
    assert!(codex().is_line("-#  codex resume a1") && claude().is_line("  -# `claude -r b`"));
    for line in
        ["-#codex resume a1", "- # codex resume a1", "-# -# codex resume a1", "-# see codex resume a1"]
    {
        assert!(!codex().is_line(line), "{line}");
    }
}

#[test]
fn groups_in_a_token_expression_are_its_own() {
    let pattern =
        ResumePattern::new("acme {token}", &["acme -s {token}"], r"(ses|run)_(?P<n>\d+)|x(y)?").unwrap();
    assert_eq!(pattern.find("acme ses_12"), token("ses_12"));
    assert_eq!(pattern.find("`acme -s xy`"), token("xy"));
    assert_eq!(pattern.find("acme ses_"), None);
}

#[test]
fn a_token_expression_is_judged_each_time_as_the_first_time() {
    let of = |token: &str| ResumePattern::new("acme {token}", &[], token);
    for _ in 0..2 {
        assert!(of("[0-9a-f]{4}").is_ok());
        assert!(matches!(of("[0-9a-f]{4}("), Err(PatternError::Expression { .. })));
    }
    assert_eq!(of("[0-9a-f]{4}").unwrap().find("acme 12ab"), token("12ab"));
    assert_eq!(of("[0-9]{4}").unwrap().find("acme 12ab"), None);
}

#[test]
fn a_pattern_that_could_not_work_is_refused() {
    let template = |template| ResumePattern::new(template, &[], DEFAULT_TOKEN).unwrap_err();
    for text in
        ["acme", "{token}", " {token} ", "{token} x {token}", "a `{token}`", "a\n{token}", "a\u{85}{token}"]
    {
        assert_eq!(template(text), PatternError::Template(text.to_owned()));
    }
    let expression = |token: &str| ResumePattern::new("acme {token}", &[], token).unwrap_err();
    let long = "a".repeat(MAX_EXPRESSION_BYTES + 1);
    let nested = format!("{}a{}", "(".repeat(60), ")".repeat(60));
    for token in
        ["(", "a)|(b", "(?x)a # all", r"(?:\w{1000}){1000}", r"(?P<takopi_session_token>a)", &long, &nested]
    {
        assert!(matches!(expression(token), PatternError::Expression { .. }), "{token}");
    }
    assert!(ResumePattern::new("acme {token}", &["{token}"], DEFAULT_TOKEN).is_err());
}

#[test]
fn usual_expressions_fit_the_size_limit() {
    for token in
        [r"\w+", r"[A-Za-z0-9_.-]{8,64}", r"\w{1,20}", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"\S+"]
    {
        ResumePattern::new("acme {token}", &["acme -r {token}", "acme --session {token}"], token).unwrap();
    }
}

#[test]
fn a_long_line_names_no_session() {
    let pattern = ResumePattern::new("acme {token}", &[], r"(?:a+)+b?").unwrap();
    assert_eq!(pattern.find(&format!("acme {}c\n", "a".repeat(500)).repeat(2000)), None);
    assert_eq!(pattern.find(&format!("acme {}", "a".repeat(1_000_000))), None);
    assert!(pattern.find(&format!("acme {}", "a".repeat(MAX_TOKEN_BYTES))).is_some());
}

fn set(patterns: &[(&str, ResumePattern)]) -> ResumePatterns {
    patterns.iter().map(|(id, pattern)| (EngineId::parse(id).unwrap(), pattern.clone())).collect()
}

#[test]
fn the_first_engine_with_a_match_wins() {
    let all = set(&[("codex", codex()), ("claude", claude())]);
    let session =
        |engine: &str, text| Some(Session { engine: EngineId::parse(engine).unwrap(), token: token(text)? });
    assert_eq!(all.find("claude -r a\nclaude -r b\ncodex resume c"), session("claude", "b"));
    assert_eq!(all.find("codex resume c"), session("codex", "c"));
    assert_eq!(all.find("pi --session c"), None);
    assert!(all.is_line(" `codex resume c` ") && !all.is_line("codex resume c d"));
    assert_eq!(all.show(&session("claude", "b").unwrap()).unwrap(), "`claude --resume b`");
    assert_eq!(all.show(&session("pi", "b").unwrap()), None);
}

#[test]
fn patterns_that_take_each_others_lines_are_told() {
    let plain = |token| ResumePattern::new("codex resume {token}", &[], token).unwrap();
    let told = |patterns: &[(&str, ResumePattern)]| -> Vec<(String, String)> {
        let all = set(patterns).ambiguities().into_iter();
        all.map(|found| (found.shown_by.into(), found.taken_by.into())).collect()
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(told(&[("codex", codex()), ("claude", claude())]), []);
    assert_eq!(told(&[("a", codex()), ("b", codex())]), [pair("a", "b"), pair("b", "a")]);
    assert_eq!(
        told(&[("a", plain(r"ses_\w+")), ("b", codex())]),
        [pair("a", "b")].into_iter().chain([pair("b", "a")]).collect::<Vec<_>>()
    );
    assert_eq!(told(&[("a", plain(r"ses_\w+")), ("b", plain(r"\d+"))]), []);
    assert_eq!(
        told(&[("a", plain("%[0-9]{3}%")), ("b", plain(r"\d+"))]),
        [pair("a", "b")],
        "no sample fits a"
    );
}

proptest! {
    #[test]
    fn what_is_shown_is_found(
        before in "[a-zA-Z.+*(){}\\[\\]$^|?\\\\-]{1,8}", gap in " {0,2}", after in "( [a-z]{1,4}|!)?",
        text in "[^`\\s\\pC]{1,20}", lead in "\\PC{0,10}",
    ) {
        let template = format!("{before}{gap}{{token}}{after}");
        prop_assume!(template.matches("{token}").count() == 1);
        let pattern = ResumePattern::new(&template, &["other {token}"], DEFAULT_TOKEN).unwrap();
        let token = SessionToken::parse(&text).unwrap();
        prop_assert_eq!(pattern.find(&pattern.show(&token)), Some(token.clone()));
        let message = format!("{lead}\n\n{}\n", pattern.show_as_code(&token));
        prop_assert_eq!(pattern.find(&message), Some(token));
    }

    #[test]
    fn no_pattern_panics(show in "\\PC{0,8}\\{token\\}\\PC{0,8}", token in "\\PC{0,12}", text in "\\PC{0,30}") {
        if let Ok(pattern) = ResumePattern::new(&show, &[], &token) {
            prop_assert!(pattern.find(&text).is_none_or(|token| text.contains(token.as_str())));
        }
    }
}
