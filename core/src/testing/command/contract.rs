//! The contract of the commands' port, as a suite every command runs.

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio_util::sync::CancellationToken;

use super::{Deed, FakeHost};
use crate::id::PluginKind;
use crate::message::{Attachment, AttachmentKind, Body, MessageRef, Reply};
use crate::port::command::{Call, Command, CommandError, CommandReply, CommandSpec, OptionKind, options_of};
use crate::port::engine::RunOptions;
use crate::port::transport::{TextLimit, TextUnit, Topics};

/// Longest description: Telegram Bot API, BotCommand, allows 256; a phone's menu shows about this many.
const MAX_DESCRIPTION_CHARS: usize = 60;

/// Longest answer that is one message on the strictest service: Discord's 2000 characters.
const ONE_MESSAGE: TextLimit = TextLimit { max: 2000, unit: TextUnit::Chars };

/// Longest a call may take where nothing outside is waited for.
const BOUND: Duration = Duration::from_secs(5);

/// A model whose name is longer than any real one's.
const MODEL: &str = "provider/an-organisation/a-model-with-a-very-long-name-and-a-version-0123456789@latest";

/// Odd arguments tried per house.
const CASES: usize = 64;

/// Checks what is promised of any command: a sane spec, an answer of one short message to whatever is typed, in
/// a house of any size, and an end when it is stopped.
///
/// # Panics
/// Where a promise is broken.
pub async fn command_contract(spec: &CommandSpec, command: &dyn Command, is_built_in: bool) {
    the_spec_is_sane(spec, is_built_in);
    a_stop_is_heeded(spec, command, silent()).await;
    // What others have to say may take several messages.
    let longest = if is_built_in { ONE_MESSAGE.max } else { usize::MAX };
    for house in [empty, small, in_a_topic, broken, full] {
        for text in texts() {
            answers(spec, command, longest, house(), FakeHost::call(&spec.id, &text)).await;
        }
        for mut made in ["", "put", "put x", "put --force x/"].map(|text| FakeHost::call(&spec.id, text)) {
            made.files = files();
            made.album = made.text.ends_with('/');
            answers(spec, command, longest, house(), made).await;
        }
        let mut reply = FakeHost::call(&spec.id, "");
        let message = MessageRef { address: FakeHost::address(), id: "7".to_owned() };
        reply.reply_to = Some(Reply { message, text: None, of_bot: false });
        answers(spec, command, longest, house(), reply).await;
        a_stop_is_heeded(spec, command, house()).await;
    }
}

fn the_spec_is_sane(spec: &CommandSpec, is_built_in: bool) {
    let id = spec.id.as_str();
    assert!(is_built_in || !PluginKind::Command.reserves(id), "{id} is reserved");
    let after = spec.usage.strip_prefix(&format!("/{id}"));
    assert!(after.is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')), "{:?}", spec.usage);
    let description = &spec.description;
    let is_short = (1..=MAX_DESCRIPTION_CHARS).contains(&description.chars().count());
    let is_plain = !description.ends_with('.') && !description.contains(['\n', '`']);
    let starts_low = description.chars().next().is_some_and(|first| !first.is_uppercase());
    assert!(is_short && is_plain && starts_low, "no line for a menu: {description:?}");
    for option in &spec.options {
        assert!(crate::id::PluginId::parse(&option.name).is_ok(), "no name of an option: {:?}", option.name);
        assert!(
            !option.description.is_empty() && option.description.chars().count() <= MAX_DESCRIPTION_CHARS
        );
        let shown = match option.kind {
            OptionKind::Verb => option.name.clone(),
            OptionKind::Flag => format!("--{}", option.name),
            // A file is not typed.
            OptionKind::File => String::new(),
            _ => option.name.to_uppercase(),
        };
        assert!(spec.usage.contains(&shown), "{:?} does not show the option {:?}", spec.usage, option.name);
    }
    let verbs = spec.options.iter().filter(|option| option.kind == OptionKind::Verb);
    for verb in [None].into_iter().chain(verbs.map(|verb| Some(verb.name.as_str()))) {
        let mut names: Vec<_> = options_of(&spec.options, verb).iter().map(|option| &option.name).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "two options of one name");
    }
}

/// Returns files as they come in, one with a name that nobody wants to see and one that is too large.
fn files() -> Vec<Attachment> {
    let file = |name: Option<String>, bytes| Attachment {
        handle: "1".to_owned(),
        kind: AttachmentKind::File,
        name,
        bytes: Some(bytes),
    };
    let long = "*_`<b>".repeat(60);
    let names =
        [Some("a.txt".to_owned()), None, Some("../.env".to_owned()), Some(long), Some("\0\u{1b}".to_owned())];
    let few = names.into_iter().map(|name| file(name, 7));
    few.chain(std::iter::once(file(Some("large".to_owned()), u64::MAX))).collect()
}

fn empty() -> FakeHost {
    FakeHost::default()
}

fn small() -> FakeHost {
    let host = FakeHost::default().with_engine("codex", "Codex", None).with_project("api");
    let host = host.taking(&["m-1", "m-2"], &["low", "high"], RunOptions::default());
    host.with_run(1, true, None, "tidy up").with_files()
}

/// A topic of a chat with topics.
fn in_a_topic() -> FakeHost {
    let mut host = small();
    host.topics.here = Some(Topics::Here("auto (main)".to_owned()));
    host.topics.inside = true;
    host
}

fn broken() -> FakeHost {
    FakeHost { broken: Some("the ledger could not store it: the disk is full".to_owned()), ..small() }
}

/// Engines that don't tell what may be chosen, however long one waits.
fn silent() -> FakeHost {
    FakeHost { silent: true, ..small() }
}

/// More of everything than one message holds, and texts nobody would choose.
fn full() -> FakeHost {
    let mut host = FakeHost::default();
    for number in 0..12 {
        let issue = (number % 2 == 1).then_some("codex is not on PATH; npm install -g codex");
        host = host
            .with_engine(&format!("engine_{number}"), "An engine", issue)
            .taking(&[MODEL; 200], &[], RunOptions { model: Some(MODEL.to_owned()), reasoning: None })
            .with_project(&format!("P{number}"));
    }
    host = host.with_files();
    for number in 0..200 {
        let prompt = format!("`{}\n\n# {number}", "a very long prompt ".repeat(20));
        host = host.with_run(number, number % 2 == 0, (number % 3 == 0).then_some(2), &prompt);
    }
    host
}

/// What people type: every documented word, and whatever else a keyboard gives.
fn texts() -> Vec<String> {
    let odd = prop_oneof![
        "\\PC{0,60}",
        "[@/`*_'\" \n\t-]{0,20}",
        "(clear|set|all|codex|api|@main|help|put|--force|-1| ){0,6}",
        "[a-zA-Z0-9@/ ]{0,40}",
    ];
    let mut runner = TestRunner::deterministic();
    let random = (0..CASES).map(|_| odd.new_tree(&mut runner).unwrap().current());
    let run = FakeHost::run_id(1).to_string();
    let fixed =
        ["", "clear", "all", "set", "set codex", "api @main", "@", "\"", "\0", &run].map(str::to_owned);
    fixed.into_iter().chain(random).chain(["x".repeat(10_000)]).collect()
}

type Answer = Result<Option<CommandReply>, CommandError>;

/// Calls, and says with what if it panics.
async fn call(command: &dyn Command, call: Call, host: Arc<FakeHost>, stop: CancellationToken) -> Answer {
    let text = call.text.clone();
    let mut work = pin!(command.call(call, host, stop));
    let caught = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => std::task::Poll::Ready(None),
    });
    match tokio::time::timeout(BOUND, caught).await {
        Ok(Some(answer)) => answer,
        Ok(None) => panic!("it panics when called with {text:?}"),
        Err(_) => panic!("it takes longer than {BOUND:?} when called with {text:?}"),
    }
}

async fn answers(spec: &CommandSpec, command: &dyn Command, longest: usize, host: FakeHost, made: Call) {
    let (host, text) = (Arc::new(host), made.text.clone());
    let answer = call(command, made, host.clone(), CancellationToken::new()).await;
    let id = &spec.id;
    let mut bodies: Vec<Body> = host
        .deeds()
        .into_iter()
        .filter_map(|deed| match deed {
            Deed::Sent(body, _) | Deed::SaidIn(_, body) => Some(body),
            _ => None,
        })
        .collect();
    match answer {
        Ok(reply) => bodies.extend(reply.map(|reply| reply.body)),
        Err(CommandError(error)) => {
            assert!(!error.trim().is_empty(), "/{id} {text:?} fails without a word");
            bodies.push(Body::plain(error));
        }
    }
    for body in bodies {
        let said = !body.text.trim().is_empty() || !body.buttons.is_empty();
        assert!(said, "/{id} {text:?} answers with nothing");
        let size = ONE_MESSAGE.unit.count(&body.text);
        assert!(size <= longest, "/{id} {text:?} answers {size} characters: {}", body.text);
        assert!(body.buttons.len() <= 20, "/{id} {text:?} answers {} rows of buttons", body.buttons.len());
        for button in body.buttons.iter().flatten() {
            let length = button.label.chars().count();
            assert!(
                (1..=80).contains(&length) && !button.label.contains('\n'),
                "no label: {:?}",
                button.label
            );
        }
        for control in ['\0', '\u{7}', '\u{1b}'] {
            assert!(!body.text.contains(control), "/{id} {text:?} answers {:?}", body.text);
        }
    }
}

/// A call that is taken back ends, with or without an answer.
async fn a_stop_is_heeded(spec: &CommandSpec, command: &dyn Command, host: FakeHost) {
    let stop = CancellationToken::new();
    stop.cancel();
    drop(call(command, FakeHost::call(&spec.id, ""), Arc::new(host), stop).await);
}
