//! Commands that take their time and ask for more: stopped by a person or at closing time, what they are told, what
//! they can ask for.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use super::*;
use crate::id::Distribution;
use crate::message::{ButtonAction, Press, Sender};
use crate::port::command::{CallSummary, CommandSettings};

type Answer = Result<Option<CommandReply>, CommandError>;

fn said(text: impl Into<String>) -> Answer {
    Ok(Some(CommandReply::markdown(text)))
}

/// `/probe wait` says that it is at work and waits for its stop, `deaf` ignores it, `sore` fails by it, `run PROMPT` says
/// how such a run ended, `stop` stops the other calls, in reply to a message those it is of, `told` says what it was
/// called with, `resolve TEXT` what that means, `keep KEY VALUE` and `kept KEY` what they say.
pub(super) async fn play(call: &Call, host: &dyn CommandHost, stop: &CancellationToken) -> Option<Answer> {
    let (verb, rest) = call.text.split_once(' ').unwrap_or((&call.text, ""));
    Some(match verb {
        "wait" | "deaf" | "sore" => {
            if let Err(error) = host.send(Body::plain("at work"), false).await {
                return Some(Err(error));
            }
            stop.cancelled().await;
            match verb {
                "deaf" => std::future::pending().await,
                "sore" => Err(CommandError("it was stopped".to_owned())),
                _ => Ok(None),
            }
        }
        "run" => run(rest, host, stop).await,
        "stop" => said(format!("{} stopped", stop_others(call, host).await)),
        "told" => {
            let reply = replied(call);
            said(format!("pressed {}, reply {reply:?}, {:?}", call.pressed, call.settings.0))
        }
        "resolve" => {
            host.resolve(rest, replied(call)).await.map(|it| Some(CommandReply::markdown(format!("{it:?}"))))
        }
        "keep" => {
            let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
            let kept = host.keep(&owner(), key, Some(value).filter(|value| !value.is_empty())).await;
            kept.map(|()| Some(CommandReply::markdown("kept")))
        }
        "kept" => {
            let kept = host.kept(&owner(), rest).await;
            kept.map(|value| Some(CommandReply::markdown(format!("{value:?}"))))
        }
        "enclose" => {
            let file = FilePath::parse(rest).unwrap();
            let copied = match host.enclose("/p".as_ref(), &file, stop).await {
                Ok(copy) => host.send(Body { files: vec![copy], ..Body::plain("here") }, false).await,
                Err(error) => Err(CommandError(error.to_string())),
            };
            copied.map(|()| None)
        }
        _ => return None,
    })
}

fn replied(call: &Call) -> Option<&str> {
    call.reply_to.as_ref().and_then(|reply| reply.text.as_deref())
}

fn owner() -> Distribution {
    Distribution::parse("takopi-acme").unwrap()
}

async fn run(prompt: &str, host: &dyn CommandHost, stop: &CancellationToken) -> Answer {
    let request = RunRequest { prompt: prompt.to_owned(), ..RunRequest::default() };
    tokio::select! {
        ran = host.run(request, RunMode::Emit) => said(format!("ran {:?}", ran?.outcome)),
        () = stop.cancelled() => Ok(None),
    }
}

async fn stop_others(call: &Call, host: &dyn CommandHost) -> usize {
    let about = call.reply_to.as_ref().map(|reply| &reply.message);
    let meant = |one: &&CallSummary| about.is_none_or(|message| one.messages.contains(message));
    host.calls().await.iter().filter(meant).filter(|one| host.stop_call(one.id)).count()
}

impl Stage {
    async fn at_work(&self, chat: &str, upstream: &str, text: &str) -> Seen {
        self.say(chat, upstream, text).await;
        let seen = self
            .service
            .wait_for(chat, |seen| seen.iter().any(|one| one.reply_to.as_deref() == Some(upstream)))
            .await;
        answering(&seen, upstream).clone()
    }

    /// Waits for a further message that answers `upstream`, the last there is.
    async fn last_answer(&self, chat: &str, upstream: &str, text: &str) {
        self.service
            .wait_for(chat, |seen| {
                let mut answers = seen.iter().filter(|one| one.reply_to.as_deref() == Some(upstream));
                answers.next_back().is_some_and(|last| last.body.text == text)
            })
            .await;
    }

    /// Waits until no command is at work and everything that came in is dealt with.
    async fn settled(&self) {
        while !self.ledger.unfinished().await.unwrap().inbox.is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_is_stopped_by_a_reply_to_its_call_or_to_what_it_said() {
    let stage = Stage::open().await;
    for (upstream, chat) in [("1", "a"), ("2", "a"), ("3", "b")] {
        stage.at_work(chat, upstream, "/probe wait").await;
    }
    stage.hand_in(stage.service.reply("a", "4", "/probe stop", "1")).await;
    stage.last_answer("a", "1", "`cancelled`").await;
    stage.last_answer("a", "4", "1 stopped").await;
    let second =
        stage.service.seen("a").into_iter().find(|one| one.reply_to.as_deref() == Some("2")).unwrap();
    stage.hand_in(stage.service.reply("a", "5", "/probe stop", &second.id.to_string())).await;
    stage.last_answer("a", "2", "`cancelled`").await;
    stage.say("a", "6", "/probe stop").await;
    stage.last_answer("a", "6", "0 stopped").await;
    assert_eq!(stage.service.seen("b").len(), 1, "that of another chat goes on");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_command_is_given_up_after_its_grace_and_its_failure_is_the_stop() {
    let stage = Stage::open().await;
    for (upstream, text) in [("1", "/probe deaf"), ("2", "/probe sore")] {
        stage.at_work("a", upstream, text).await;
    }
    stage.say("a", "3", "/probe stop").await;
    stage.last_answer("a", "2", "`cancelled`").await;
    stage.last_answer("a", "1", "`cancelled`").await;
    stage.settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_takes_too_long_is_stopped_and_says_so() {
    let stage = Stage::open().await;
    stage.at_work("a", "1", "/probe sore").await;
    stage.last_answer("a", "1", "error: it took too long and was stopped").await;
    stage.settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_at_work_does_not_keep_others_waiting_and_ends_at_closing_time() {
    let stage = Stage::open().await;
    stage.at_work("a", "1", "/probe wait").await;
    stage.say("a", "2", "one").await;
    stage.last_answer("a", "2", "ok").await;
    assert!(stage.desk.close(Duration::from_secs(20)).await);
    stage.last_answer("a", "1", "error: takopi is closing").await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_command_takes_its_run_along() {
    let stage = Stage::open().await;
    stage.say("a", "1", "/probe run hang").await;
    stage.engine.wait_running(&["hang"]).await;
    stage.say("a", "2", "/probe stop").await;
    stage.engine.wait_running(&[]).await;
    stage.last_answer("a", "2", "1 stopped").await;
    stage.settled().await;
    let seen = stage.service.seen("a");
    let told = |seen: &Seen| seen.body.header.as_deref().is_some_and(|header| header.contains("cancelled"));
    assert!(seen.iter().any(told), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plain_cancel_means_no_run_that_a_command_waits_for() {
    let stage = Stage::open().await;
    stage.say("a", "1", "/probe run hang").await;
    stage.engine.wait_running(&["hang"]).await;
    stage.say("a", "2", "/cancel").await;
    stage.last_answer("a", "2", "stopped 0").await;
    stage.say("a", "3", "gate:x").await;
    stage.engine.wait_running(&["hang", "gate:x"]).await;
    stage.say("a", "4", "/cancel").await;
    stage.last_answer("a", "4", "stopped 1").await;
    stage.engine.wait_running(&["hang"]).await;
    // Named, replied to or by its button it is a run like others.
    stage.hand_in(stage.service.reply("a", "5", "/cancel", "1")).await;
    stage.last_answer("a", "1", "ran Cancelled").await;
}

#[tokio::test(start_paused = true)]
async fn a_command_is_told_what_it_replies_to_whether_a_button_called_it_and_its_settings() {
    let service = FakeTransport::new().with_spec(|spec| spec.features.conversations = true);
    let stage = Stage::unserved(service, Arc::default());
    let mut settings = serde_json::Map::new();
    settings.insert("unit".to_owned(), "C".into());
    let settings = [(PluginId::parse("probe").unwrap(), CommandSettings(settings))].into();
    stage.desk.adopt(Generation { command_settings: settings, ..generation(&stage.engine) }).await;
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    stage.say("a", "1", "answer:forty-two").await;
    stage.last_answer("a", "1", "forty-two").await;
    let final_message = stage.service.seen("a").into_iter().next_back().unwrap().id.to_string();
    let quiet = |upstream: &str, to: &str| {
        let mut message = stage.service.reply("a", upstream, "/probe told", to);
        message.reply_to.as_mut().unwrap().text = None;
        message
    };
    let settings = r#"{"unit": String("C")}"#;
    stage.hand_in(quiet("2", &final_message)).await;
    stage.last_answer("a", "2", &format!("pressed false, reply Some(\"forty-two\"), {settings}")).await;
    stage.hand_in(quiet("3", "1")).await;
    stage
        .last_answer("a", "3", &format!("pressed false, reply Some(\"answer:forty-two\"), {settings}"))
        .await;
    let press = Press {
        upstream: "4".to_owned(),
        message: stage.service.message("a", "4", "").message,
        sender: Sender { id: "1".to_owned(), name: "ann".to_owned(), is_bot: false },
        action: ButtonAction::Command {
            command: PluginId::parse("probe").unwrap(),
            arguments: "told".to_owned(),
        },
    };
    stage.service.hand_in(Inbound::Press(press)).await.unwrap();
    stage.last_answer("a", "4", &format!("pressed true, reply None, {settings}")).await;
}

#[tokio::test(start_paused = true)]
async fn a_text_is_resolved_as_a_message_would_be_read() {
    let workspace = FakeWorkspace::at("/home").with("api", "/api");
    let stage = Stage::placed(FakeTransport::new(), Arc::default(), workspace, SerializeBy::Session);
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    let mut script = String::new();
    for (number, text) in
        ["fix it", "/beta /api fix it", "/api @main fix it", "alpha resume s1\n\nfix it", "@main fix it"]
            .into_iter()
            .enumerate()
    {
        let upstream = (number + 1).to_string();
        let seen = stage.at_work("a", &upstream, &format!("/probe resolve {text}")).await;
        writeln!(script, "{text:?}\n  {}", seen.body.text).unwrap();
    }
    // A session goes on where it was, whatever the words of a reply to it say.
    stage.say("a", "7", "/api session:s7").await;
    stage.last_answer("a", "7", "ok").await;
    let answer = stage.service.seen("a").into_iter().next_back().unwrap();
    let reply = stage.service.reply("a", "8", "/probe resolve go on", &answer.id.to_string());
    let shown = replied_text(&reply);
    stage.hand_in(reply).await;
    let seen =
        stage.service.wait_for("a", |seen| seen.iter().any(|one| one.reply_to.as_deref() == Some("8"))).await;
    writeln!(script, "\"go on\" in reply to {shown:?}\n  {}", answering(&seen, "8").body.text).unwrap();
    insta::assert_snapshot!(script);
}

fn replied_text(message: &Message) -> String {
    message.reply_to.as_ref().and_then(|reply| reply.text.clone()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn values_of_a_distribution_stay_until_they_are_taken_away() {
    let stage = Stage::open().await;
    let said = ["keep unit C", "kept unit", "keep unit", "kept unit"];
    for (number, (text, answer)) in said.into_iter().zip(["kept", "Some(\"C\")", "kept", "None"]).enumerate()
    {
        let upstream = (number + 1).to_string();
        assert_eq!(stage.at_work("a", &upstream, &format!("/probe {text}")).await.body.text, answer);
    }
}

/// Keeps the house of its call, as a plugin does that goes on by itself.
#[derive(Clone, Default)]
struct Lingering(Arc<OnceLock<Arc<dyn CommandHost>>>);

#[async_trait]
impl Loader<CommandSpec, dyn Command> for Lingering {
    async fn load(&self, _: &PluginId, _: &CommandSpec, _: &Origin) -> Result<Arc<dyn Command>, String> {
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Command for Lingering {
    async fn call(&self, _: Call, host: Arc<dyn CommandHost>, _: CancellationToken) -> Answer {
        assert!(self.0.set(host).is_ok(), "it is called once");
        said("back soon")
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_after_its_call_goes_on_by_the_settings_in_force() {
    let (stage, lingering) = (Stage::open().await, Lingering::default());
    let probe = command("probe");
    let claims = vec![Claim::built_in(&probe.id.clone(), probe, false)];
    let commands = Catalog::new(survey(PluginKind::Command, claims, &Rules::default()), lingering.clone());
    stage.desk.adopt(Generation { commands, ..generation(&stage.engine) }).await;
    stage.at_work("a", "1", "/probe").await;
    stage.settled().await;
    let host = lingering.0.get().unwrap();
    let next = in_projects(&stage.engine, &FakeWorkspace::at("/").with("new", "/new"));
    stage.desk.adopt(Generation { default_engine: EngineId::parse("beta").unwrap(), ..next }).await;
    assert_eq!(host.projects().len(), 1);
    let request = RunRequest { prompt: "answer:late".to_owned(), ..RunRequest::default() };
    let ran = host.run(request, RunMode::Capture).await.unwrap();
    assert_eq!((ran.engine.as_str(), ran.answer.as_str()), ("beta", "late"));
}
