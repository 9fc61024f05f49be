//! What is typed, what is answered, what is done: each command before a house in memory.

use std::fmt::Write as _;

use takopi_core::message::{MessageRef, Reply};
use takopi_core::port::command::{Call, CommandReply};
use takopi_core::port::engine::RunOptions;
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

#[tokio::test]
async fn members_of_a_group_look_and_change_nothing() {
    let calls = [
        ("agent", "set codex"),
        ("agent", "clear"),
        ("model", "set x"),
        ("reasoning", "clear"),
        ("trigger", "mentions"),
        ("trigger", ""),
    ];
    let mut host = choosing();
    host.is_member = true;
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
async fn new_begins_a_session_and_tells_of_runs_that_go_on() {
    let mut script = talk(house(), [call("new", "")]).await;
    let one = house().with_run(1, true, None, "tidy up");
    script += &talk(one, [call("new", "")]).await;
    let two = house().with_run(1, true, None, "tidy up").with_run(2, true, Some(1), "then this");
    script += &talk(two, [call("new", "please")]).await;
    let mut broken = house();
    broken.broken = Some("the ledger could not store it: the disk is full".to_owned());
    script += &talk(broken, [call("new", "")]).await;
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
