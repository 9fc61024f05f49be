//! What is typed, what is answered, what is done: each command before a house in memory.

mod threads;
mod topics;

use std::fmt::Write as _;

use takopi_core::files::FilePath;
use takopi_core::id::CommandId;
use takopi_core::message::{Address, Attachment, AttachmentKind, MessageRef, Reply};
use takopi_core::port::command::{Call, CallId, CallSummary, CommandReply};
use takopi_core::port::engine::RunOptions;
use takopi_core::port::ledger::Remembered;
use takopi_core::port::transport::{AutoPut, FilePolicy};
use takopi_core::port::workspace::FileRules;
use takopi_core::session::Scope;
use takopi_core::testing::command::{FakeHost, command_contract};
use tokio_util::sync::CancellationToken;

use super::*;

/// Returns a house with two engines and two projects.
fn house() -> FakeHost {
    let host = FakeHost::default().with_engine("codex", "Codex", None);
    let host =
        host.with_engine("claude", "Claude", Some("claude is not on PATH; npm install -g claude-code"));
    let mut host = host.with_project("api").with_project("Web");
    host.commands = all().unwrap().into_iter().map(|(spec, _)| spec).collect();
    host
}

fn command(id: &str) -> BuiltIn {
    all().unwrap().into_iter().find(|(spec, _)| spec.id.as_str() == id).unwrap()
}

fn call(id: &str, text: &str) -> Call {
    FakeHost::call(&command(id).0.id, text)
}

fn replying_to(id: &str, call: Call) -> Call {
    let message = MessageRef { address: FakeHost::address(), id: id.to_owned() };
    Call { reply_to: Some(Reply { message, text: None, of_bot: false }), ..call }
}

/// Returns a conversation as it is read: what was typed, what was answered, what that did.
async fn talk(host: FakeHost, calls: impl IntoIterator<Item = Call>) -> String {
    let host = Arc::new(host);
    let mut script = String::new();
    for call in calls {
        let (id, text, done) = (call.command.clone(), call.text.clone(), host.deeds().len());
        let answer = command(id.as_str()).1.call(call, host.clone(), CancellationToken::new()).await;
        writeln!(script, "{}", format!("> /{id} {text}").trim_end()).unwrap();
        match answer {
            Ok(Some(CommandReply { body, .. })) => {
                writeln!(script, "{}", body.text).unwrap();
                for button in body.buttons.iter().flatten() {
                    writeln!(script, "[{}] {:?}", button.label, button.action).unwrap();
                }
            }
            Ok(None) => script.push_str("(silence)\n"),
            Err(error) => writeln!(script, "error: {error}").unwrap(),
        }
        for deed in &host.deeds()[done..] {
            writeln!(script, "  ⇒ {deed:?}").unwrap();
        }
        script.push('\n');
    }
    script
}

#[tokio::test(start_paused = true)]
async fn every_command_keeps_the_contract() {
    for (spec, command) in all().unwrap() {
        command_contract(&spec, &*command, true).await;
    }
}

#[tokio::test]
async fn agent_shows_sets_and_clears_the_engine() {
    let calls = ["", "Codex", "/claude", "set codex", "", "clear", "set", "cluade", "gemini", "codex claude"];
    insta::assert_snapshot!(talk(house(), calls.map(|text| call("agent", text))).await);
    insta::assert_snapshot!(
        "agent_without_engines",
        talk(FakeHost::default(), ["", "codex", "clear"].map(|text| call("agent", text))).await
    );
}

/// Returns a house with an engine that lists models and levels, one that lists neither, and one that takes none.
fn choosing() -> FakeHost {
    let configured = RunOptions { model: Some("gpt-5".to_owned()), reasoning: None };
    let host = FakeHost::default().with_engine("codex", "Codex", None);
    let host = host.taking(&["gpt-5.5", "gpt-5"], &["low", "medium", "high"], configured);
    let missing = "opencode not found on PATH; install it: npm install -g opencode-ai";
    let host = host.with_engine("opencode", "opencode", Some(missing));
    host.taking(&[], &[], RunOptions::default()).with_engine("shell", "Shell", None)
}

#[tokio::test]
async fn model_shows_sets_and_clears_the_model_of_an_engine() {
    let calls = [
        "",
        "gpt-5.5",
        "",
        "set Gpt-6",
        "clear",
        "opencode",
        "Opencode anthropic/claude:1",
        "set opencode x/y",
        "opencode clear",
        "clear opencode",
        "shell",
        "shell x",
        "-c",
        "codex --yolo",
        "opncode x",
        "a b c",
        "gpt-7",
        "set",
        "set codex",
        "set codex gpt x",
        "show codex",
        "clear x",
        "clear a b",
        "'a b'",
        "codex codex",
    ];
    insta::assert_snapshot!(talk(choosing(), calls.map(|text| call("model", text))).await);
    insta::assert_snapshot!(
        "model_without_engines",
        talk(FakeHost::default(), ["", "x", "clear", "x y"].map(|text| call("model", text))).await
    );
}

#[tokio::test]
async fn reasoning_takes_the_levels_that_the_engine_names_or_any_word() {
    let calls =
        ["", "High", "", "hihg", "ultra", "set codex low", "clear", "opencode", "opencode any", "shell"];
    insta::assert_snapshot!(talk(choosing(), calls.map(|text| call("reasoning", text))).await);
}

#[tokio::test]
async fn ctx_shows_sets_and_clears_project_and_branch() {
    let calls = [
        "",
        "@main",
        "Api",
        "@fix-1",
        "set web @Main",
        "",
        "nope",
        "set wbe",
        "set",
        "api web",
        "set api @a @b",
        "nope @x",
        "@",
        "show",
        "clear now",
        "",
    ];
    insta::assert_snapshot!(talk(house(), calls.map(|text| call("ctx", text))).await);
    let to = |text: &str| {
        let mut call = replying_to("5", call("ctx", ""));
        call.reply_to = call.reply_to.map(|reply| Reply { text: Some(text.to_owned()), ..reply });
        call
    };
    let replies = [to("done\n\n`ctx: web @fix`"), to("no such line"), to("ctx: gone")];
    insta::assert_snapshot!("ctx_of_what_is_replied_to", talk(house(), replies).await);
    insta::assert_snapshot!(
        "ctx_without_projects",
        talk(FakeHost::default(), ["", "api", "clear"].map(|text| call("ctx", text))).await
    );
}

#[tokio::test]
async fn trigger_shows_sets_and_clears_what_is_answered() {
    let calls = ["", "Mentions", "", "set all", "", "clear", "often"].map(|text| call("trigger", text));
    insta::assert_snapshot!(talk(house(), calls).await);
}

/// Returns a call that came as the caption of files of these names.
fn with_files(text: &str, names: &[Option<&str>]) -> Call {
    let file = |name: &Option<&str>| Attachment {
        handle: "1".to_owned(),
        kind: AttachmentKind::File,
        name: name.map(str::to_owned),
        bytes: Some(if *name == Some("large") { 21 << 20 } else { 7 }),
    };
    Call { files: names.iter().map(file).collect(), album: names.len() > 1, ..call("file", text) }
}

#[tokio::test]
async fn file_put_stores_a_file_where_its_caption_says() {
    let one = [Some("n.txt")];
    let captions = [
        "put",
        "put",
        "put --force",
        "Put docs/a b.txt",
        "put docs/",
        "put /web @side x.txt",
        "put /codex y.txt",
        "put /api /web x",
        "put z.txt --force",
        "put --foo x",
        "put --",
        "put ../x",
        "put ~/x",
        "put .git/config",
        "put deep/.env",
        "put 'a",
        "",
        "frob",
    ];
    let mut calls: Vec<Call> = captions.iter().map(|text| with_files(text, &one)).collect();
    calls.extend([
        with_files("put", &[None]),
        with_files("put", &[Some("large")]),
        call("file", "put x"),
        call("file", ""),
    ]);
    insta::assert_snapshot!(talk(house().with_files(), calls).await);
}

#[tokio::test]
async fn file_put_stores_an_album_in_a_folder_and_names_what_failed() {
    let calls = [
        with_files("put", &[Some("a.txt"), Some("b.txt")]),
        with_files("put", &[Some("a.txt"), Some("c.txt")]),
        with_files("put", &[Some("a.txt"), Some("c.txt")]),
        with_files("put docs", &[Some(".env"), Some("large"), Some("a.txt")]),
        with_files("put --force /web docs/", &[Some("a.txt"), Some("a.txt")]),
        with_files("put ../docs", &[Some("a.txt"), Some("b.txt")]),
        Call { album: true, ..with_files("put one", &[Some("a.txt")]) },
    ];
    insta::assert_snapshot!(talk(house().with_files(), calls).await);
}

#[tokio::test]
async fn file_tells_who_may_not_put_files_and_where_nobody_may() {
    let call = || [with_files("put", &[Some("n.txt")])];
    let mut script = talk(house(), call()).await;
    let mut member = house().with_files();
    member.is_member = true;
    script += &talk(member, call()).await;
    let mut unlisted = house().with_files();
    unlisted.files.as_mut().unwrap().people = vec!["2".to_owned()];
    script += &talk(unlisted, call()).await;
    let mut homeless = house().with_files();
    homeless.default_project = None;
    script += &talk(homeless, call()).await;
    insta::assert_snapshot!(script);
}

#[tokio::test]
async fn members_of_a_group_look_and_change_nothing() {
    let calls = [
        ("agent", "set codex"),
        ("agent", "clear"),
        ("model", "set x"),
        ("reasoning", "clear"),
        ("trigger", "mentions"),
        ("trigger", ""),
        ("forget", ""),
        ("forget", "yes"),
    ];
    let mut host = choosing();
    host.is_member = true;
    insta::assert_snapshot!(talk(host, calls.map(|(id, text)| call(id, text))).await);
}

#[tokio::test]
async fn a_look_up_that_fails_is_told_in_the_words_of_each_command() {
    let calls = [("agent", "set codex"), ("model", "set x"), ("reasoning", "clear"), ("trigger", "mentions")];
    let mut host = choosing();
    host.unverified = true;
    insta::assert_snapshot!(talk(host, calls.map(|(id, text)| call(id, text))).await);
}

#[tokio::test]
async fn cancel_says_what_was_stopped_or_asks_which() {
    let stopped =
        |count: u8| Call { stopped: (0..count).map(FakeHost::run_id).collect(), ..call("cancel", "") };
    let replied = replying_to("5", stopped(1));
    let mut script = talk(house(), [stopped(1), replied, stopped(3), call("cancel", "")]).await;

    let one = || house().with_run(1, true, None, "tidy up").with_run(2, false, None, "in another chat");
    let (here, there) = (FakeHost::run_id(1).to_string(), FakeHost::run_id(2).to_string());
    script += "— one run here, one elsewhere —\n\n";
    script += &talk(one(), [call("cancel", ""), call("cancel", &here), call("cancel", &there)]).await;

    let mut several = one().with_run(3, true, Some(1), "a long prompt\nof two lines that goes on and on");
    let message = MessageRef { address: FakeHost::address(), id: "5".to_owned() };
    several.messages.push((message.clone(), FakeHost::run_id(3)));
    several.messages.push((MessageRef { id: "6".to_owned(), ..message }, FakeHost::run_id(9)));
    script += "— two runs here; message 5 is of the second, 6 of one that is over, 7 of none —\n\n";
    let replies = ["5", "6", "7"].map(|id| replying_to(id, call("cancel", "")));
    script += &talk(several, [call("cancel", ""), call("cancel", "All")].into_iter().chain(replies)).await;
    insta::assert_snapshot!(script);
}

#[tokio::test]
async fn a_run_that_only_winds_up_is_not_what_cancel_means_unless_it_is_named() {
    let mut host = house().with_run(1, true, None, "answered");
    host.runs[0].answered = true;
    let mut both = house().with_run(2, true, None, "at work");
    both.runs.splice(0..0, host.runs.clone());
    let mut script = talk(both, [call("cancel", "")]).await;
    let named = FakeHost::run_id(1).to_string();
    script += "— only the one that has answered —\n\n";
    script += &talk(host, [call("cancel", ""), call("cancel", &named)]).await;
    insta::assert_snapshot!(script);
}

/// Lets the caller's plain messages continue a conversation: of the chat, of a topic or of one person.
fn conversing(mut host: FakeHost, thread: Option<&str>, person: Option<&str>) -> FakeHost {
    let address = Address { thread: thread.map(str::to_owned), ..FakeHost::address() };
    host.scope = Some(Scope { address, person: person.map(str::to_owned) });
    host
}

#[tokio::test]
async fn new_clears_the_callers_sessions_and_tells_of_runs_that_go_on() {
    let mut script = talk(conversing(house(), None, None), [call("new", "")]).await;
    let one = house().with_run(1, true, None, "tidy up");
    script += &talk(conversing(one, None, None), [call("new", "")]).await;
    let two = house().with_run(1, true, None, "tidy up").with_run(2, true, Some(1), "then this");
    script += &talk(conversing(two, None, None), [call("new", "please")]).await;
    script += &talk(conversing(house(), None, Some("7")), [call("new", "")]).await;
    script += &talk(conversing(house(), Some("9"), None), [call("new", "")]).await;
    script += &talk(house(), [call("new", "")]).await;
    let mut broken = conversing(house(), None, None);
    broken.broken = Some("the ledger could not store it: the disk is full".to_owned());
    script += &talk(broken, [call("new", "")]).await;
    insta::assert_snapshot!(script);
}

#[tokio::test]
async fn forget_says_what_goes_before_it_goes_and_what_stays() {
    let mut host = house();
    host.remembered = Remembered { messages: 12, runs: 5, posts: 9, sessions: 1, unfinished: 2 };
    let mut script = talk(host, ["", "Yes", "no", "yes please"].map(|text| call("forget", text))).await;
    let mut one = house();
    one.remembered = Remembered { messages: 1, runs: 1, posts: 1, sessions: 0, unfinished: 1 };
    let mut in_topic = call("forget", "");
    in_topic.message.address.thread = Some("9".to_owned());
    script += &talk(one, [in_topic, call("forget", "yes")]).await;
    script += &talk(house(), ["", "yes"].map(|text| call("forget", text))).await;
    insta::assert_snapshot!(script);
}

#[tokio::test]
async fn status_tells_of_here_and_counts_elsewhere() {
    let mut script = talk(house(), [call("status", "")]).await;
    let mut busy = house().with_run(1, true, None, "tidy `up`\nthe tests");
    busy = busy.with_run(2, true, Some(1), &"very long ".repeat(30)).with_run(70, false, None, "elsewhere");
    busy.runs[0].context = Context { project: Some("api".to_owned()), branch: Some("main".to_owned()) };
    busy.default_project = Some("api".to_owned());
    script += &talk(busy, [call("status", "")]).await;
    let mut with_commands = house().with_run(1, true, None, "tidy up");
    with_commands.calls = vec![at_work(1, "multi"), at_work(2, "weather")];
    script += &talk(with_commands, [call("status", "")]).await;
    let mut many = FakeHost::default().with_engine("codex", "Codex", None);
    for number in 0..14 {
        many = many.with_run(number, number < 12, None, "one of many");
    }
    script += &talk(many, [call("status", "")]).await;
    insta::assert_snapshot!(script);
}

#[tokio::test]
async fn help_lists_commands_engines_and_projects() {
    let mut script = talk(house(), [call("help", "")]).await;
    script += &talk(FakeHost::default(), [call("help", "")]).await;
    insta::assert_snapshot!(script);
}

/// Returns the house with files switched on, and with a folder that is denied.
fn host_for(people: &[&str]) -> FakeHost {
    let people = people.iter().map(|id| (*id).to_owned()).collect();
    let uploads = FilePath::parse("incoming/").unwrap();
    let rules = FileRules::usual().unwrap();
    let mut host = house();
    host.files = Some(FilePolicy { auto_put: AutoPut::Off, uploads, people, rules });
    host
}

#[tokio::test]
async fn file_get_sends_a_file_of_the_project_that_is_meant() {
    let mut host = host_for(&[]);
    host.default_project = Some("api".to_owned());
    let calls = [
        "",
        "get",
        "get docs/notes.txt",
        "get /web @fix docs",
        "GET \"my notes.txt\"",
        "get @fix a.txt",
        "get .env",
        "get ../x",
        "get /etc/passwd",
        "get /web /api x",
    ];
    let calls = calls.map(|text| call("file", text));
    insta::assert_snapshot!(talk(host, calls).await);
}

#[tokio::test]
async fn file_get_is_refused_to_those_who_may_not_and_where_no_project_is_meant() {
    let get = || [call("file", "get a.txt")];
    let mut script = talk(house(), get()).await;
    script.push_str(&talk(host_for(&[]), get()).await);
    for people in [&[][..], &["1"], &["2"]] {
        let mut host = host_for(people);
        host.is_member = true;
        script.push_str(&talk(host, get()).await);
    }
    let mut host = host_for(&[]);
    host.default_project = Some("api".to_owned());
    host.broken = Some("the disk is full".to_owned());
    script.push_str(&talk(host, get()).await);
    insta::assert_snapshot!(script);
}

/// Returns a command that is at work, known by its number as the message and by ten times that as what it said.
fn at_work(number: u8, name: &str) -> CallSummary {
    let message = |id: String| MessageRef { address: FakeHost::address(), id };
    CallSummary {
        id: CallId(u64::from(number)),
        command: CommandId::parse(name).unwrap(),
        messages: vec![message(number.to_string()), message(format!("{number}0"))],
    }
}

#[tokio::test]
async fn cancel_stops_commands_that_are_at_work() {
    let housing = |calls: Vec<CallSummary>| {
        let mut host = house();
        host.calls = calls;
        host
    };
    let one = || housing(vec![at_work(1, "multi")]);
    let mut script = "— one command —\n\n".to_owned();
    let replies = ["1", "10", "2"].map(|id| replying_to(id, call("cancel", "")));
    script += &talk(one(), [call("cancel", ""), call("cancel", "all")].into_iter().chain(replies)).await;
    script += "— with a run of its own —\n\n";
    let mut lent = one().with_run(1, true, None, "what the command asked");
    lent.runs[0].of_call = Some(CallId(1));
    script += &talk(lent, [call("cancel", "")]).await;
    script += "— beside a run —\n\n";
    let beside = one().with_run(1, true, None, "tidy up");
    script += &talk(beside, [call("cancel", ""), call("cancel", "all")]).await;
    script += "— two commands —\n\n";
    let two = housing(vec![at_work(1, "multi"), at_work(2, "weather")]);
    script += &talk(two, [call("cancel", ""), replying_to("20", call("cancel", ""))]).await;
    script += "— one command twice, with another between —\n\n";
    let thrice = housing(vec![at_work(1, "multi"), at_work(2, "weather"), at_work(3, "multi")]);
    script += &talk(thrice, [call("cancel", "")]).await;
    insta::assert_snapshot!(script);
}
