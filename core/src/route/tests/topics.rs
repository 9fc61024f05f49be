//! Topics: what is kept for each of them, what binds one, and what one that is not bound refuses.

use super::*;

fn in_topic() -> Known {
    Known { topic: true, conversations: true, ..known() }
}

fn bound(value: &str) -> Facts {
    let mut facts = Facts::default();
    facts.stored.preferences = vec![prefer(Some("th"), PreferenceKey::Context, value)];
    facts
}

#[test]
fn only_a_topic_has_something_of_its_own() {
    let asked = |known: &Known| wants(&Inbound::Message(message("x")), known).query.scope.address;
    assert_eq!(asked(&in_topic()), address(Some("th")));
    assert_eq!(asked(&known()), address(None));
}

#[test]
fn a_topic_that_is_bound_to_nothing_refuses_what_names_no_project() {
    let known = in_topic();
    let told = |message: Message, facts: &Facts, known: &Known| match decision(message, facts, known) {
        Decision::Tell(body) => Some(body.text),
        _ => None,
    };
    let nothing = Facts::default();
    for text in ["x", "/beta x"] {
        let told = told(message(text), &nothing, &known).unwrap();
        assert!(told.starts_with("this topic isn't bound to a project yet."), "{told}");
        assert!(
            told.contains("`/ctx set <project> [@branch]`") && told.contains("`/topic <project> @branch`")
        );
    }
    let usual = Known { default_project: Some("q".to_owned()), ..known.clone() };
    assert!(told(message("x"), &nothing, &usual).is_some(), "the default project is for chats");
    let mut own = known.clone();
    own.projects[0].chat = Some("c".to_owned());
    let mut of_chat = Facts::default();
    of_chat.stored.preferences = vec![prefer(None, PreferenceKey::Context, "q")];
    let outside = Known { topic: false, ..known.clone() };
    for (message, facts, known) in [
        (message("/p x"), &nothing, &known),
        (reply("x", "ctx: q"), &nothing, &known),
        (message("go on\nalpha resume s1"), &nothing, &known),
        (message("x"), &bound("p"), &known),
        (message("x"), &of_chat, &known),
        (message("x"), &nothing, &own),
        (message("x"), &nothing, &outside),
    ] {
        assert_eq!(told(message.clone(), facts, known), None, "{message:?}");
    }
}

#[test]
fn directives_bind_a_topic_and_nothing_else_does() {
    let known = in_topic();
    let binds = |message: Message, facts: &Facts, known: &Known| {
        let plan = plan(message, facts, known);
        plan.binds.then_some(plan.context)
    };
    let nothing = Facts::default();
    assert_eq!(binds(message("/p @b x"), &nothing, &known), Some(context(Some("p"), Some("b"))));
    assert_eq!(binds(message("@c x"), &bound("p @b"), &known), Some(context(Some("p"), Some("c"))));
    assert_eq!(binds(message("/p x"), &bound("p @b"), &known), Some(context(Some("p"), Some("b"))));
    assert_eq!(binds(message("/beta x"), &bound("p"), &known), None);
    assert_eq!(binds(reply("/p x", "ctx: q"), &nothing, &known), None, "the replied line decides");
    assert_eq!(binds(message("/p x\nalpha resume s1"), &nothing, &known), None, "a session is where it is");
    let outside = Known { topic: false, ..known.clone() };
    assert_eq!(binds(message("/p x"), &nothing, &outside), None);
}

#[test]
fn a_topic_goes_on_in_its_session_unless_it_is_bound_elsewhere_since() {
    let known = in_topic();
    let running = |binding: &str| {
        let mut facts = bound(binding);
        facts.stored.conversations = vec![session_row("alpha", "s1", Some("q"))];
        facts
    };
    let goes_on =
        |facts: &Facts| matches!(plan(message("x"), facts, &known).thread, Some(ThreadKey::Token(_)));
    assert!(goes_on(&running("q")));
    assert!(!goes_on(&running("status")));
    let scope = Some(ThreadKey::Scope(address(Some("th")).into(), id("alpha"), 0));
    assert_eq!(
        plan(message("x"), &running("status"), &known).thread,
        scope,
        "the new one is the topic's from then on"
    );
}
