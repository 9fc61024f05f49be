//! Precedence: which engine, project, branch and session hold, and what is refused.

mod files;
mod threads;
mod topics;

use super::*;
use crate::message::{Chosen, Reply, Sender};
use crate::port::ledger::{Preference, PreferenceKey};
use crate::resume::{DEFAULT_TOKEN, ResumePattern};
use crate::session::{Session, SessionRow};
use crate::time::Timestamp;

fn id(text: &str) -> EngineId {
    EngineId::parse(text).unwrap()
}

fn address(thread: Option<&str>) -> Address {
    Address { instance: id("t"), chat: "c".to_owned(), thread: thread.map(str::to_owned) }
}

fn known() -> Known {
    let pattern = |engine: &str| {
        let pattern = ResumePattern::new(&format!("{engine} resume {{token}}"), &[], DEFAULT_TOKEN).unwrap();
        (id(engine), pattern)
    };
    let project = |key: &str, engine: Option<&str>, chat: Option<&str>| KnownProject {
        key: key.to_owned(),
        alias: key.to_uppercase(),
        default_engine: engine.map(id),
        chat: chat.map(str::to_owned),
    };
    Known {
        engines: ["alpha", "beta", "gamma"].map(id).to_vec(),
        unusable: [(id("delta"), "Failed to load engine 'delta': no d on PATH".to_owned())].into(),
        commands: ["cancel", "status"].map(id).to_vec(),
        projects: vec![
            project("p", Some("gamma"), None),
            project("q", None, None),
            project("status", None, None),
        ],
        resume: ["alpha", "beta"].map(pattern).into_iter().collect(),
        default_engine: Some(id("alpha")),
        default_project: None,
        conversations: false,
        shared: false,
        topic: false,
        caller_dir: false,
        files: None,
        bot: None,
        threads: false,
        trigger: Trigger::All,
        own_branch: None,
        options: Vec::new(),
    }
}

fn message(text: &str) -> Message {
    Message {
        upstream: "u".to_owned(),
        message: MessageRef { address: address(Some("th")), id: "1".to_owned() },
        sender: Sender { id: "1".to_owned(), name: "Ada".to_owned(), is_bot: false },
        text: text.to_owned(),
        reply_to: None,
        attachments: Vec::new(),
        album: None,
        forwarded: false,
        sent_at: Timestamp::default(),
        chosen: Chosen::default(),
    }
}

fn reply(text: &str, replied: &str) -> Message {
    let to = MessageRef { address: address(Some("th")), id: "0".to_owned() };
    Message {
        reply_to: Some(Reply { message: to, text: Some(replied.to_owned()), of_bot: false }),
        ..message(text)
    }
}

fn prefer(thread: Option<&str>, key: PreferenceKey, value: &str) -> Preference {
    let engine = (key == PreferenceKey::Model).then(|| id("beta"));
    Preference { scope: address(thread), key, engine, value: value.to_owned() }
}

fn decision(message: Message, facts: &Facts, known: &Known) -> Decision {
    decide(&wants(&Inbound::Message(message), known), facts, known)
}

fn plan(message: Message, facts: &Facts, known: &Known) -> RunPlan {
    match decision(message, facts, known) {
        Decision::Run(plan) => *plan,
        other => panic!("{other:?}"),
    }
}

fn context(project: Option<&str>, branch: Option<&str>) -> Context {
    Context { project: project.map(str::to_owned), branch: branch.map(str::to_owned) }
}

fn session_row(engine: &str, token: &str, project: Option<&str>) -> SessionRow {
    SessionRow {
        session: Session { engine: id(engine), token: SessionToken::parse(token).unwrap() },
        context: context(project, None),
        cwd: Some("/was/here".into()),
        mode: None,
        host: None,
    }
}

#[test]
fn the_engine_is_the_directive_then_the_thread_the_chat_the_project_and_the_default() {
    let known = known();
    let mut facts = Facts::default();
    let engine = |text: &str, facts: &Facts| plan(message(text), facts, &known).engine.to_string();
    assert_eq!(engine("x", &facts), "alpha");
    assert_eq!(engine("/p x", &facts), "gamma");
    facts.stored.preferences = vec![prefer(None, PreferenceKey::Engine, "beta")];
    assert_eq!(engine("/p x", &facts), "beta");
    facts.stored.preferences.insert(0, prefer(Some("th"), PreferenceKey::Engine, "gamma"));
    assert_eq!(engine("x", &facts), "gamma");
    assert_eq!(engine("/alpha x", &facts), "alpha");
    facts.stored.preferences[0].value = "gone".to_owned();
    assert_eq!(engine("x", &facts), "beta", "an engine that is not there any more is passed over");
    let chosen = Chosen { engine: Some(id("gamma")), ..Chosen::default() };
    assert_eq!(plan(Message { chosen, ..message("x") }, &facts, &known).engine, id("gamma"));
}

#[test]
fn the_context_is_the_replied_line_then_directives_the_binding_and_the_default() {
    let mut known = known();
    let mut facts = Facts::default();
    let of = |message: Message, facts: &Facts, known: &Known| plan(message, facts, known).context;
    assert_eq!(of(message("/p @b x"), &facts, &known), context(Some("p"), Some("b")));
    facts.stored.preferences = vec![prefer(None, PreferenceKey::Context, "q @main")];
    assert_eq!(of(message("x"), &facts, &known), context(Some("q"), Some("main")));
    assert_eq!(of(message("@b x"), &facts, &known), context(Some("q"), Some("b")));
    assert_eq!(
        of(message("/p x"), &facts, &known),
        context(Some("p"), None),
        "the branch was the other project's"
    );
    assert_eq!(of(reply("/q @z x", "done\n`ctx: P @y`"), &facts, &known), context(Some("p"), Some("y")));
    facts.stored.preferences.clear();
    known.default_project = Some("q".to_owned());
    assert_eq!(of(message("x"), &facts, &known), context(Some("q"), None));
    known.projects[0].chat = Some("c".to_owned());
    assert_eq!(of(message("x"), &facts, &known), context(Some("p"), None), "the chat's own project");
}

#[test]
fn a_branch_that_was_chosen_with_a_project_is_none_of_another() {
    let known = known();
    let of = |text: &str, chosen: Context| {
        let chosen = Chosen { context: chosen, ..Chosen::default() };
        plan(Message { chosen, ..message(text) }, &Facts::default(), &known).context
    };
    let on_p = || context(Some("p"), Some("b"));
    assert_eq!(of("x", on_p()), on_p());
    assert_eq!(of("/p x", on_p()), on_p());
    assert_eq!(of("/q x", on_p()), context(Some("q"), None));
    assert_eq!(of("/q @c x", on_p()), context(Some("q"), Some("c")));
    assert_eq!(of("/q x", context(None, Some("b"))), context(Some("q"), Some("b")));
}

#[test]
fn what_cannot_be_followed_is_refused_with_what_to_write() {
    let known = known();
    let facts = Facts::default();
    let refusal = |message: Message| match decision(message, &facts, &known) {
        Decision::Refuse(text) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(message("/alpha /beta x")), "multiple engine directives");
    assert!(refusal(message("@b x")).contains("/PROJECT @b"));
    assert!(refusal(reply("x", "ctx: gone")).contains("'gone'"));
    let nobody = Known { engines: Vec::new(), default_engine: None, ..known.clone() };
    assert!(
        matches!(decision(message("x"), &facts, &nobody), Decision::Refuse(text) if text.contains("no engine"))
    );
}

#[test]
fn an_engine_that_cannot_be_used_is_told_why_and_is_no_prompt_for_another() {
    let known = known();
    let mut facts = Facts::default();
    let why = Decision::Refuse(known.unusable[&id("delta")].clone());
    let of = |text: &str, facts: &Facts| decision(message(text), facts, &known);
    assert_eq!(of("/delta fix it", &facts), why);
    assert_eq!(of("/p /Delta@bot @b fix it", &facts), why);
    let chosen = Chosen { engine: Some(id("delta")), ..Chosen::default() };
    assert_eq!(decision(Message { chosen, ..message("x") }, &facts, &known), why);
    facts.stored.preferences = vec![prefer(None, PreferenceKey::Engine, "delta")];
    assert_eq!(of("x", &facts), why, "it was chosen for the chat");
    assert_eq!(plan(message("/alpha x"), &facts, &known).engine, id("alpha"), "another may be named");
}

#[test]
fn a_session_is_named_in_the_text_then_in_the_reply_and_its_engine_wins() {
    let known = known();
    let facts = Facts::default();
    let named = plan(message("/beta go on\n`alpha resume s1`"), &facts, &known);
    assert_eq!((named.engine, named.prompt.as_str()), (id("alpha"), "go on"));
    assert_eq!(named.session, Continue::Session(SessionToken::parse("s1").unwrap()));
    assert!(named.remark.unwrap().contains("/beta"));
    let replied = plan(reply("beta resume s2", "alpha resume s1"), &facts, &known);
    assert_eq!((replied.engine, replied.prompt.as_str()), (id("beta"), "continue"));
    let replied = plan(reply("go on", "alpha resume s1"), &facts, &known);
    assert!(matches!(replied.thread, Some(ThreadKey::Token(session)) if session.token.as_str() == "s1"));
}

#[test]
fn a_resumed_session_runs_where_it_was_whatever_the_chat_is_bound_to() {
    let known = known();
    let mut facts = Facts::default();
    facts.stored.preferences = vec![prefer(None, PreferenceKey::Context, "q @main")];
    facts.stored.session = Some(session_row("alpha", "s1", Some("p")));
    let resumed = plan(message("go on\nalpha resume s1"), &facts, &known);
    assert_eq!(resumed.context, context(Some("p"), None));
    assert_eq!(resumed.place, Place::Session("/was/here".into()));
}

#[test]
fn a_resumed_session_does_not_care_whether_the_chats_project_is_still_there() {
    let known = known();
    let mut facts = Facts::default();
    facts.stored.preferences = vec![prefer(None, PreferenceKey::Context, "removed @main")];
    facts.stored.session = Some(session_row("alpha", "s1", Some("p")));
    assert_eq!(plan(message("go on\nalpha resume s1"), &facts, &known).context, context(Some("p"), None));
    assert!(
        matches!(decision(message("go on"), &facts, &known), Decision::Refuse(why) if why.contains("'removed'"))
    );
}

#[test]
fn directives_that_a_session_does_not_follow_are_told() {
    let known = known();
    let mut facts = Facts::default();
    facts.stored.session = Some(session_row("alpha", "s1", Some("p")));
    let remark = |text: &str| plan(message(&format!("{text}\nalpha resume s1")), &facts, &known).remark;
    assert_eq!(remark("/alpha /p go on"), None);
    let told = remark("/beta /q @y go on").unwrap();
    assert_eq!(told, "this continues a session of alpha in p, so /beta /q @y were not heeded");
    assert_eq!(remark("@y").unwrap(), "this continues a session of alpha in p, so @y was not heeded");

    // What was chosen with a control is asked for as well; what is typed stands for it.
    let chosen = Chosen { engine: Some(id("gamma")), context: context(Some("q"), None), ..Chosen::default() };
    let remark = |text: &str| {
        let message = Message { chosen: chosen.clone(), ..message(&format!("{text}\nalpha resume s1")) };
        plan(message, &facts, &known).remark
    };
    let told = remark("go on").unwrap();
    assert_eq!(told, "this continues a session of alpha in p, so /gamma /q were not heeded");
    assert_eq!(remark("/alpha /p go on"), None);
}

#[test]
fn a_reply_to_a_live_run_joins_its_thread() {
    let known = known();
    let run = crate::id::RunIds::new([0; 6]).next(Timestamp::default());
    let live =
        LiveFacts { run, thread: ThreadKey::Run(run), engine: id("beta"), context: context(Some("p"), None) };
    let facts = Facts { live: Some(live), ..Facts::default() };
    let joined = plan(reply("and then", "working"), &facts, &known);
    assert_eq!((joined.engine, joined.thread), (id("beta"), Some(ThreadKey::Run(run))));
    assert_eq!((joined.session, joined.context), (Continue::Run(run), context(Some("p"), None)));
}

#[test]
fn a_conversation_goes_on_unless_another_place_is_named() {
    let known = Known { conversations: true, caller_dir: true, ..known() };
    let mut facts = Facts::default();
    facts.stored.generation = 3;
    let scope = ThreadKey::Scope(address(None).into(), id("alpha"), 3);
    assert_eq!(plan(message("x"), &facts, &known).thread, Some(scope.clone()));

    facts.stored.conversations = vec![session_row("alpha", "s1", Some("p"))];
    let on = plan(message("x"), &facts, &known);
    assert!(matches!(&on.thread, Some(ThreadKey::Token(_))));
    assert_eq!(
        (on.session, on.context),
        (Continue::Conversation(address(None).into(), 3), context(Some("p"), None))
    );

    let elsewhere = plan(message("/q x"), &facts, &known);
    assert_eq!((elsewhere.session, elsewhere.thread), (Continue::Fresh, Some(scope)));

    facts.stored.conversations = vec![session_row("alpha", "s1", None)];
    let chosen = Chosen { dir: Some("/other".into()), ..Chosen::default() };
    assert_eq!(
        plan(Message { chosen: chosen.clone(), ..message("x") }, &facts, &known).session,
        Continue::Fresh
    );
    let stranger = Known { caller_dir: false, ..known };
    assert_eq!(
        plan(Message { chosen, ..message("x") }, &facts, &stranger).place,
        Place::Session("/was/here".into())
    );
}

#[test]
fn a_bare_branch_is_one_of_the_project_that_the_conversation_works_in() {
    let known = Known { conversations: true, default_project: Some("status".to_owned()), ..known() };
    let mut facts = Facts::default();
    facts.stored.conversations = vec![session_row("alpha", "s1", Some("q"))];
    let branched = plan(message("@fix x"), &facts, &known);
    assert_eq!(branched.context, context(Some("q"), Some("fix")));
    assert_eq!(branched.session, Continue::Fresh, "a session of its own");
    let branch = Context { branch: Some("fix".to_owned()), ..Context::default() };
    let chosen = Chosen { context: branch, ..Chosen::default() };
    let picked = plan(Message { chosen, ..message("x") }, &facts, &known);
    assert_eq!(picked.context, context(Some("q"), Some("fix")));

    facts.stored.conversations[0].context.branch = Some("fix".to_owned());
    let there = plan(message("@fix x"), &facts, &known);
    assert!(matches!(there.thread, Some(ThreadKey::Token(_))), "it is there already: {there:?}");

    facts.stored.preferences = vec![prefer(None, PreferenceKey::Context, "p @main")];
    assert_eq!(plan(message("@fix x"), &facts, &known).context, context(Some("p"), Some("fix")), "bound");
    facts.stored.preferences.clear();
    let lone = Known { conversations: false, ..known };
    assert_eq!(plan(message("@fix x"), &facts, &lone).context, context(Some("status"), Some("fix")));
}

#[test]
fn of_several_running_sessions_a_bare_branch_means_the_one_that_would_go_on() {
    let known = Known { conversations: true, ..known() };
    let mut facts = Facts::default();
    facts.stored.conversations =
        vec![session_row("alpha", "s1", Some("q")), session_row("beta", "s2", Some("p"))];
    let project = |text: &str| plan(message(text), &facts, &known).context.project;
    assert_eq!(project("@fix x").as_deref(), Some("q"));
    assert_eq!(project("/beta @fix x").as_deref(), Some("p"));

    let refused = |text: &str, facts: &Facts| {
        let Decision::Refuse(why) = decision(message(text), facts, &known) else { return false };
        why.contains("needs a project")
    };
    assert!(refused("/gamma @fix x", &facts), "that engine has no session to go on with");
    facts.stored.conversations[0].context = Context::default();
    assert!(refused("@fix x", &facts), "what would go on is in no project");
}

#[test]
fn commands_are_called_and_yield_to_projects_of_their_name() {
    let known = known();
    let facts = Facts::default();
    let called = decision(message("/Cancel@bot all"), &facts, &known);
    assert_eq!(called, Decision::Call { command: id("cancel"), text: "all".to_owned() });
    assert_eq!(plan(message("/status x"), &facts, &known).context, context(Some("status"), None));
    assert_eq!(plan(message("/unknown x"), &facts, &known).prompt, "/unknown x");
}

#[test]
fn models_are_those_of_the_engine_that_runs() {
    let known = known();
    let mut facts = Facts::default();
    facts.stored.preferences = vec![prefer(None, PreferenceKey::Model, "large")];
    assert_eq!(plan(message("/beta x"), &facts, &known).options.model.as_deref(), Some("large"));
    assert_eq!(plan(message("x"), &facts, &known).options.model, None);
    let of_thread = prefer(Some("th"), PreferenceKey::Model, "small");
    facts.stored.preferences.insert(0, of_thread);
    assert_eq!(plan(message("/beta x"), &facts, &known).options.model.as_deref(), Some("small"));
}

#[test]
fn edits_and_deletions_mean_only_what_still_waits() {
    let known = known();
    let edit = Inbound::Edited(message("better"));
    let mut facts = Facts::default();
    assert_eq!(decide(&wants(&edit, &known), &facts, &known), Decision::Ignore);
    facts.stored.pending = Some(InboxId(7));
    let amended = Decision::Amend { inbox: InboxId(7), text: "better".to_owned() };
    assert_eq!(decide(&wants(&edit, &known), &facts, &known), amended);
    let gone = Inbound::Deleted { upstream: "d".to_owned(), message: message("").message };
    assert_eq!(decide(&wants(&gone, &known), &facts, &known), Decision::Withdraw(InboxId(7)));
}

#[test]
fn a_session_that_began_without_a_project_stays_there_when_its_chat_has_one() {
    let mut known = known();
    known.default_project = Some("p".to_owned());
    let mut facts = Facts::default();
    facts.stored.session = Some(session_row("alpha", "s1", None));
    let plan = plan(reply("x", "alpha resume s1"), &facts, &known);
    assert_eq!((plan.context, plan.place), (context(None, None), Place::Session("/was/here".into())));
}

#[test]
fn a_reply_to_a_context_line_is_not_drawn_into_a_conversation_elsewhere() {
    let known = Known { conversations: true, ..known() };
    let mut facts = Facts::default();
    facts.stored.conversations = vec![session_row("alpha", "s1", Some("q"))];
    let here = plan(message("x"), &facts, &known);
    assert_eq!(here.context, context(Some("q"), None));
    let there = plan(reply("/alpha x", "done\n`ctx: P @y`"), &facts, &known);
    assert_eq!((there.context, there.session), (context(Some("p"), Some("y")), Continue::Fresh));
}

#[test]
fn where_only_who_addresses_the_bot_is_answered_others_are_overheard() {
    let known = known();
    let mut facts = Facts::default();
    let overheard = |message: &Message, facts: &Facts, named: bool| {
        let heard = Heard { named, involved: false };
        is_overheard(&wants(&Inbound::Message(message.clone()), &known), message, facts, &known, heard)
    };
    let chat = message("just chatting");
    assert!(!overheard(&chat, &facts, false), "all are answered where nothing is set");
    facts.stored.preferences = vec![prefer(None, PreferenceKey::Trigger, "mentions")];
    assert!(overheard(&chat, &facts, false) && !overheard(&chat, &facts, true));
    for text in ["/beta do it", "/Q do it", "/status", "beta resume abc"] {
        assert!(!overheard(&message(text), &facts, false), "{text}");
    }
    for text in ["@one @two of us", "/unknown word", "see /beta"] {
        assert!(overheard(&message(text), &facts, false), "{text}");
    }
    let mut to_bot = chat.clone();
    to_bot.reply_to = Some(Reply { message: chat.message.clone(), text: None, of_bot: true });
    assert!(!overheard(&to_bot, &facts, false), "a reply to what the bot said, of a run or not");
    let live = LiveFacts {
        run: crate::testing::command::FakeHost::run_id(1),
        thread: ThreadKey::Token(Session { engine: id("beta"), token: SessionToken::parse("s").unwrap() }),
        engine: id("beta"),
        context: Context::default(),
    };
    assert!(!overheard(&chat, &Facts { live: Some(live), ..facts.clone() }, false), "a reply to a run");
    facts.stored.preferences.insert(0, prefer(Some("th"), PreferenceKey::Trigger, "all"));
    assert!(!overheard(&chat, &facts, false), "the topic has its own");
}

#[test]
fn in_a_shared_chat_a_conversation_is_its_senders_and_in_a_topic_everybodys() {
    let known = Known { conversations: true, shared: true, ..known() };
    let scope_of = |thread: Option<&str>, known: &Known| {
        let place = MessageRef { address: address(thread), id: "1".to_owned() };
        let inbound = Inbound::Message(Message { message: place, ..message("x") });
        let wants = wants(&inbound, known);
        let Decision::Run(plan) = decide(&wants, &Facts::default(), known) else { panic!("it would run") };
        let scope = wants.query.scope;
        assert_eq!(plan.session, Continue::Conversation(scope.clone(), 0));
        assert_eq!(plan.thread, Some(ThreadKey::Scope(scope.clone(), id("alpha"), 0)));
        scope
    };
    let own = Scope { address: address(None), person: Some("1".to_owned()) };
    assert_eq!(scope_of(None, &known), own);
    assert_eq!(scope_of(Some("th"), &known), own, "a thread that is no topic");
    let topic = Known { topic: true, ..known.clone() };
    assert_eq!(topic.scope(&address(Some("th")), Some(&message("x").sender)), address(Some("th")).into());
    let private = Known { shared: false, ..known };
    assert_eq!(scope_of(None, &private), address(None).into());
}
