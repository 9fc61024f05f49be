//! Threads that are conversations: which engine one goes on with.

use super::*;

fn in_thread() -> Known {
    Known { topic: true, threads: true, conversations: true, ..known() }
}

/// Returns what is known of a thread with these conversations, the latest first.
fn conversing(engines: &[&str]) -> Facts {
    let mut facts = Facts::default();
    facts.stored.conversations = engines.iter().map(|engine| session_row(engine, "s1", None)).collect();
    facts
}

fn under_way(number: u32, thread: ThreadKey, engine: &str) -> LiveFacts {
    let run = RunId::parse(&format!("01900000-0000-7000-8000-00000000000{number}")).unwrap();
    LiveFacts { run, thread, engine: id(engine), context: Context::default() }
}

fn begun(engine: &str, generation: Generation) -> ThreadKey {
    ThreadKey::Scope(address(Some("th")).into(), id(engine), generation)
}

fn engine(text: &str, facts: &Facts, known: &Known) -> String {
    plan(message(text), facts, known).engine.to_string()
}

#[test]
fn a_thread_goes_on_with_the_engine_of_its_last_session() {
    let known = in_thread();
    assert_eq!(engine("x", &conversing(&[]), &known), "alpha");
    assert_eq!(engine("x", &conversing(&["beta"]), &known), "beta");
    assert_eq!(engine("x", &conversing(&["beta", "alpha"]), &known), "beta");
    assert_eq!(engine("/alpha x", &conversing(&["beta", "alpha"]), &known), "alpha");
    assert_eq!(engine("/p x", &conversing(&["beta"]), &known), "beta", "the project's is for new threads");
    let facts = conversing(&["beta"]);
    assert!(matches!(plan(message("x"), &facts, &known).thread, Some(ThreadKey::Token(_))));
    let (topic, chat) = (Known { threads: false, ..in_thread() }, Known { topic: false, ..in_thread() });
    let mut bound = conversing(&["beta"]);
    bound.stored.preferences = vec![prefer(Some("th"), PreferenceKey::Context, "q")];
    assert_eq!(engine("x", &bound, &topic), "alpha", "topics have a session of each engine");
    assert_eq!(engine("x", &conversing(&["beta"]), &chat), "alpha", "so have chats");
}

#[test]
fn what_was_chosen_in_the_thread_is_heeded_and_what_was_chosen_for_its_chat_is_for_new_threads() {
    let known = in_thread();
    let mut facts = conversing(&["beta"]);
    facts.stored.preferences = vec![prefer(None, PreferenceKey::Engine, "gamma")];
    assert_eq!(engine("x", &facts, &known), "beta");
    assert_eq!(default_engine(&Context::default(), &facts, &known), Some((id("beta"), "conversation")));
    facts.stored.preferences.insert(0, prefer(Some("th"), PreferenceKey::Engine, "alpha"));
    assert_eq!(engine("x", &facts, &known), "alpha");
    facts.stored.conversations.clear();
    facts.stored.preferences.remove(0);
    assert_eq!(engine("x", &facts, &known), "gamma");
}

#[test]
fn an_engine_that_is_not_there_any_more_is_passed_over_and_one_that_cannot_be_used_is_told() {
    let known = in_thread();
    assert_eq!(engine("x", &conversing(&["gone"]), &known), "alpha");
    let told = decision(message("x"), &conversing(&["delta"]), &known);
    assert_eq!(told, Decision::Refuse("Failed to load engine 'delta': no d on PATH".to_owned()));
}

#[test]
fn a_run_under_way_counts_before_its_session_is_known() {
    let known = in_thread();
    let mut facts = conversing(&["alpha"]);
    facts.under_way = vec![under_way(1, begun("beta", 0), "beta")];
    assert_eq!(engine("x", &facts, &known), "beta");
    let token = ThreadKey::Token(session_row("alpha", "s1", None).session);
    facts.under_way.push(under_way(2, token, "alpha"));
    assert_eq!(engine("x", &facts, &known), "alpha", "the last of them");
    facts = conversing(&[]);
    facts.under_way = vec![under_way(1, begun("beta", 0), "beta"), under_way(2, begun("gamma", 0), "gamma")];
    assert_eq!(engine("x", &facts, &known), "beta", "what has no sessions takes no message that names none");
}

#[test]
fn what_is_under_way_from_before_a_new_conversation_is_none_of_it() {
    let known = in_thread();
    let mut facts = conversing(&[]);
    facts.stored.generation = 1;
    let former = ThreadKey::Token(session_row("beta", "s1", None).session);
    facts.under_way = vec![under_way(1, begun("beta", 0), "beta"), under_way(2, former, "beta")];
    assert_eq!(engine("x", &facts, &known), "alpha");
    facts.under_way.push(under_way(3, begun("beta", 1), "beta"));
    assert_eq!(engine("x", &facts, &known), "beta");
}
