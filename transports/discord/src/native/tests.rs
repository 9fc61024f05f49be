//! Interactions as Discord sends them, and what they are answered with.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use takopi_core::id::{CommandId, EngineId, RunId};
use takopi_core::message::{Address, ButtonAction, Inbound, Message, MessageRef};
use takopi_core::port::command::{Access, CommandOption, OptionKind};
use takopi_core::port::ledger::InboxId;
use takopi_core::port::transport::Admission;

use super::rest::To;
use super::stage::{Stage, message};
use super::{NativeCommand, NativeKind, is_asked};
use crate::api::CallError;

const RUN: &str = "00000000-0000-0000-0000-000000000001";

fn status() -> NativeCommand {
    let option = CommandOption {
        name: "Engine".to_owned(),
        kind: OptionKind::Engine,
        description: "whose".to_owned(),
        required: false,
    };
    NativeCommand {
        name: "status".to_owned(),
        description: "how things are".to_owned(),
        options: vec![option],
        kind: NativeKind::Command(CommandId::parse("status").unwrap()),
        access: Access::Everyone,
        ephemeral: true,
    }
}

fn codex() -> NativeCommand {
    let kind = NativeKind::Engine(EngineId::parse("nothing").unwrap());
    NativeCommand { name: "codex".to_owned(), kind, options: Vec::new(), ephemeral: false, ..status() }
}

async fn stage() -> Stage {
    Stage::open(vec![status(), codex()]).await
}

fn command(stage: &Stage, name: &str, options: &Value) -> Value {
    stage.interaction(2, json!({"data": {"id": "1", "name": name, "type": 1, "options": options}}))
}

fn press(stage: &Stage, custom_id: &str) -> Value {
    let data = json!({"custom_id": custom_id, "component_type": 2});
    stage.interaction(3, json!({"data": data, "message": message("600")}))
}

fn text(name: &str, value: &str) -> Value {
    json!({"name": name, "type": 3, "value": value})
}

fn token(action: &ButtonAction) -> String {
    format!("tk:{}", action.token())
}

fn cancel() -> String {
    token(&ButtonAction::Cancel { run: RunId::parse(RUN).unwrap() })
}

fn only<T: std::fmt::Debug>(all: Vec<T>) -> T {
    assert_eq!(all.len(), 1, "{all:#?}");
    all.into_iter().next().unwrap()
}

fn only_message(stage: &Stage) -> Message {
    match only(stage.accepted()) {
        Inbound::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_is_called_with_its_arguments_by_name_and_answered_at_once() {
    let stage = stage().await;
    stage.hear(&command(&stage, "status", &json!([text("engine", "codex")]))).await;
    let Inbound::Invoke(invoke) = only(stage.accepted()) else { panic!("no command") };
    assert_eq!(Value::Object(invoke.arguments), json!({"Engine": "codex"}), "as the command calls it");
    assert_eq!((invoke.sender.id.as_str(), invoke.sender.name.as_str()), ("5", "Ada"));
    assert_eq!(invoke.upstream, format!("interaction:{}", invoke.message.id));
    assert_eq!((invoke.message.address.chat.as_str(), invoke.message.address.thread), ("3", None));
    assert_eq!(only(stage.rest.responses())["type"], json!(5));
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_sub_command_is_called_with_its_file_and_its_options_below_its_name() {
    let option =
        |name: &str, kind| CommandOption { name: name.to_owned(), kind, ..status().options.remove(0) };
    let options = vec![option("put", OptionKind::Verb), option("file", OptionKind::File)];
    let stage = Stage::open(vec![NativeCommand { options, ..status() }]).await;
    let file = json!({"id": "8", "filename": "a.txt", "size": 3, "url": "http://cdn/8", "proxy_url": "http://cdn/8"});
    let given =
        json!([{"name": "file", "type": 11, "value": "8"}, {"name": "force", "type": 5, "value": true}]);
    let put = json!([{"name": "put", "type": 1, "options": given}]);
    let resolved = json!({"attachments": {"8": file}});
    let data = json!({"id": "1", "name": "status", "type": 1, "options": put, "resolved": resolved});
    stage.hear(&stage.interaction(2, json!({"data": data}))).await;
    let Inbound::Invoke(invoke) = only(stage.accepted()) else { panic!("no command") };
    assert_eq!(Value::Object(invoke.arguments), json!({"put": {"force": "true"}}));
    assert_eq!(only(invoke.files).name.as_deref(), Some("a.txt"));
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_hangs_does_not_keep_discord_waiting() {
    let stage = stage().await;
    stage.ledger.hold_accepts(true);
    stage.begin(&command(&stage, "status", &json!([])));
    let asked = stage.rest.wait_for(1).await;
    assert_eq!(asked[0].body, Some(json!({"type": 5, "data": {"flags": 64}})), "as the command says");
    assert_eq!(stage.clock_s(), 1, "well before three seconds are over");
    stage.ledger.hold_accepts(false);
    stage.native.finish().await;
    assert_eq!(stage.accepted().len(), 1);
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_down_after_a_while_fills_the_answer() {
    let stage = stage().await;
    stage.ledger.hold_accepts(true);
    stage.begin(&command(&stage, "status", &json!([])));
    stage.rest.wait_for(1).await;
    stage.ledger.break_writes(true);
    stage.ledger.hold_accepts(false);
    stage.native.finish().await;
    let filled = stage.rest.asked().pop().unwrap();
    assert_eq!((filled.method, matches!(filled.to, To::Original(_))), (Method::PATCH, true));
    assert!(filled.body.unwrap()["content"].as_str().unwrap().contains("was not done"));
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_gives_is_taken_away() {
    let stage = stage().await;
    stage.hear(&command(&stage, "status", &json!([]))).await;
    tokio::select! {
        () = stage.native.keep(&stage.inbox) => unreachable!("it never ends"),
        asked = stage.rest.wait_for(2) => {
            assert_eq!((&asked[1].method, matches!(asked[1].to, To::Original(_))), (&Method::DELETE, true));
        }
    }
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_down_is_told() {
    let stage = stage().await;
    stage.ledger.break_writes(true);
    stage.hear(&command(&stage, "status", &json!([]))).await;
    let said = only(stage.rest.responses());
    assert_eq!((&said["type"], &said["data"]["flags"]), (&json!(4), &json!(64)));
    assert!(said["data"]["content"].as_str().unwrap().contains("was not done"));
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_prompt_is_answered_in_public_and_its_thread_opens_on_the_answer() {
    let stage = stage().await;
    let given = json!([text("prompt", "fix it @everyone"), text("project", "Site"), text("branch", "@dev")]);
    stage.hear(&command(&stage, "codex", &given)).await;
    let said = only_message(&stage);
    assert_eq!((said.message.id.as_str(), said.message.address.thread.as_deref()), ("700", Some("700")));
    assert_eq!(said.text, "fix it @everyone");
    assert_eq!(said.chosen.engine, Some(EngineId::parse("nothing").unwrap()));
    assert_eq!(said.chosen.context.project.as_deref(), Some("site"));
    assert_eq!(said.chosen.context.branch.as_deref(), Some("dev"));
    assert!(is_asked(&said));
    assert_eq!(only(stage.rest.responses()), json!({"type": 5, "data": {"flags": 0}}));
    let filled = only(stage.rest.asked().split_off(1));
    assert_eq!((filled.method, matches!(filled.to, To::Original(_))), (Method::PATCH, true));
    let body = filled.body.unwrap();
    assert_eq!(body["content"], json!("**Ada** asks:\n> fix it @everyone"));
    assert_eq!(body["allowed_mentions"]["parse"], json!([]));
    let began = only(stage.around.began.lock().unwrap().clone());
    assert_eq!((began.0, began.1.as_str()), (said.message, "fix it @everyone"));
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn in_a_thread_a_prompt_stays_in_it() {
    let stage = stage().await;
    let thread = json!({"id": "33", "name": "t", "type": 11, "permissions": "0", "parent_id": "3"});
    let mut asked = command(&stage, "ask", &json!([text("prompt", "go on")]));
    (asked["channel_id"], asked["channel"]) = (json!("33"), thread);
    stage.hear(&asked).await;
    let Message { message: MessageRef { id, address: Address { chat, thread, .. } }, chosen, .. } =
        only_message(&stage);
    assert_eq!((id.as_str(), chat.as_str(), thread.as_deref()), ("700", "3", Some("33")));
    assert_eq!(chosen.engine, None);
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_is_not_taken_says_so_where_it_would_stand() {
    let stage = stage().await;
    stage.ledger.break_writes(true);
    stage.hear(&command(&stage, "ask", &json!([text("prompt", "go")]))).await;
    let filled = stage.rest.asked().pop().unwrap().body.unwrap();
    assert!(filled["content"].as_str().unwrap().contains("nothing runs"), "{filled}");
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_text_a_form_opens_and_what_is_typed_there_runs() {
    let stage = stage().await;
    stage.hear(&command(&stage, "codex", &json!([text("project", "site")]))).await;
    assert!(stage.accepted().is_empty());
    let form = only(stage.rest.responses());
    let field = &form["data"]["components"][0]["components"][0];
    assert_eq!((&form["type"], &field["max_length"], &field["style"]), (&json!(9), &json!(4000), &json!(2)));
    let typed = json!({"type": 4, "custom_id": field["custom_id"], "value": "a long\nprompt"});
    let rows = json!([{"type": 1, "components": [typed]}]);
    let data = json!({"custom_id": form["data"]["custom_id"], "components": rows});
    stage.hear(&stage.interaction(5, json!({"data": data}))).await;
    let said = only_message(&stage);
    assert_eq!(
        (said.text.as_str(), said.chosen.context.project.as_deref()),
        ("a long\nprompt", Some("site"))
    );
    assert_eq!(said.chosen.engine, Some(EngineId::parse("nothing").unwrap()));
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_menu_of_a_message_runs_what_it_says_with_its_files() {
    let stage = stage().await;
    let mut target = message("600");
    target["attachments"] = json!([{"id": "8", "filename": "log.png", "size": 3, "url": "http://cdn/8/log.png",
        "proxy_url": "http://cdn/8", "content_type": "image/png"}]);
    let data = json!({"id": "1", "name": "Run this message", "type": 3, "target_id": "600",
        "resolved": {"messages": {"600": target}}});
    stage.hear(&stage.interaction(2, json!({"data": data}))).await;
    let said = only_message(&stage);
    assert_eq!(
        (said.text.as_str(), only(said.attachments).handle.as_str()),
        ("look at this", "http://cdn/8/log.png")
    );
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn run_gives_any_command_as_it_is_typed() {
    let stage = stage().await;
    let given = json!([text("name", "status"), text("arguments", "all of it")]);
    stage.hear(&command(&stage, "run", &given)).await;
    let said = only_message(&stage);
    assert_eq!((said.text.as_str(), said.message.address.thread.clone()), ("/status all of it", None));
    assert_eq!(said.upstream, format!("interaction:{}", said.message.id), "replies to it are its answers");
    assert_eq!(only(stage.rest.responses()), json!({"type": 5, "data": {"flags": 64}}));
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_press_is_heard_and_what_the_desk_says_is_added_for_one_pair_of_eyes() {
    let stage = stage().await;
    stage.hear(&press(&stage, &cancel())).await;
    let Inbound::Press(pressed) = only(stage.accepted()) else { panic!("no press") };
    assert_eq!((token(&pressed.action), pressed.message.id.as_str()), (cancel(), "600"));
    let asked = stage.rest.asked();
    assert_eq!(asked[0].body, Some(json!({"type": 7, "data": {"components": []}})), "nothing runs there");
    let added = asked[1].body.clone().unwrap();
    assert!(matches!(asked[1].to, To::FollowUp(_)) && added["flags"] == json!(64), "{added}");
    assert_eq!(added["content"], json!("nothing is currently running for that message."));
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_came_late_runs_once_however_often_it_is_pressed() {
    let stage = stage().await;
    for _ in 0..2 {
        stage.hear(&press(&stage, &token(&ButtonAction::Run { inbox: InboxId(7) }))).await;
    }
    assert_eq!(only(stage.accepted()).upstream(), "r7");
    assert_eq!(stage.rest.responses(), [json!({"type": 6}), json!({"type": 6})]);
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_button_nobody_knows_is_taken_away() {
    let stage = stage().await;
    stage.hear(&press(&stage, "somebody:else")).await;
    assert!(stage.accepted().is_empty());
    let asked = stage.rest.asked();
    assert_eq!(asked[0].body, Some(json!({"type": 7, "data": {"components": []}})));
    assert!(asked[1].body.as_ref().unwrap()["content"].as_str().unwrap().contains("already finished"));
    stage.close().await;
}

fn answer(option: &str) -> ButtonAction {
    let (run, question) = (RunId::parse(RUN).unwrap(), "q1".to_owned());
    ButtonAction::Answer { run, question, option: option.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_choice_from_a_menu_is_the_answer_to_its_question() {
    let stage = stage().await;
    for value in [token(&answer("yes")), "yes".to_owned()] {
        let data = json!({"custom_id": token(&answer("")), "component_type": 3, "values": [value]});
        stage.hear(&stage.interaction(3, json!({"data": data, "message": message("600")}))).await;
    }
    let actions = stage.accepted().into_iter().map(|inbound| match inbound {
        Inbound::Press(press) => press.action,
        other => panic!("{other:?}"),
    });
    assert_eq!(actions.collect::<Vec<_>>(), [answer("yes"), answer("yes")]);
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_button_without_an_option_asks_for_a_text() {
    let stage = stage().await;
    stage.hear(&press(&stage, &token(&answer("")))).await;
    let form = only(stage.rest.responses());
    assert_eq!(form["type"], json!(9));
    let rows = json!([{"type": 1, "components": [{"type": 4, "custom_id": "text", "value": "blue"}]}]);
    let data = json!({"custom_id": form["data"]["custom_id"], "components": rows});
    stage.hear(&stage.interaction(5, json!({"data": data, "message": message("600")}))).await;
    let Inbound::Modal(modal) = only(stage.accepted()) else { panic!("no form") };
    assert_eq!((modal.action, modal.message.id.as_str()), (answer(""), "600"));
    assert_eq!(Value::Object(modal.fields), json!({"text": "blue"}));
    assert_eq!(stage.rest.responses()[1], json!({"type": 6}));
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_form_nobody_knows_says_so_in_a_form_that_discord_takes() {
    let stage = stage().await;
    let data = json!({"custom_id": "tk:old", "components": []});
    stage.hear(&stage.interaction(5, json!({"data": data}))).await;
    stage.hear(&stage.interaction(5, json!({"data": data, "message": message("600")}))).await;
    let kinds: Vec<_> = stage.rest.responses().into_iter().map(|said| said["type"].clone()).collect();
    assert_eq!((stage.accepted().len(), kinds), (0, vec![json!(4), json!(7)]));
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_may_not_is_told_why_and_nothing_is_written_down() {
    let stage = stage().await;
    for (admission, why) in [
        (Admission::Told("only for members of staff".to_owned()), "only for members of staff"),
        (Admission::Silence, "you may not use this bot here"),
        (Admission::Stranger, "you may not use this bot here"),
    ] {
        *stage.around.admission.lock().unwrap() = admission;
        let prompt = json!([text("prompt", "go")]);
        let tries = [
            command(&stage, "status", &json!([])),
            command(&stage, "ask", &prompt),
            press(&stage, &cancel()),
        ];
        for wanted in tries {
            let before = stage.rest.asked().len();
            stage.hear(&wanted).await;
            let said = only(stage.rest.asked().split_off(before)).body.unwrap();
            assert_eq!((&said["type"], &said["data"]["flags"]), (&json!(4), &json!(64)));
            assert!(said["data"]["content"].as_str().unwrap().starts_with(why), "{said}");
        }
    }
    assert!(stage.accepted().is_empty());
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_half_typed_is_completed() {
    let stage = stage().await;
    let half = |name: &str, option: &str| {
        let typed = json!({"name": option, "type": 3, "value": "s", "focused": true});
        stage.interaction(4, json!({"data": {"id": "1", "name": name, "type": 1, "options": [typed]}}))
    };
    stage.hear(&half("run", "name")).await;
    let status = json!([{"name": "status", "value": "status"}]);
    assert_eq!(only(stage.rest.responses()), json!({"type": 8, "data": {"choices": status}}));
    *stage.around.admission.lock().unwrap() = Admission::Silence;
    for (name, option) in [("run", "name"), ("nope", "engine"), ("status", "nope")] {
        stage.hear(&half(name, option)).await;
    }
    assert_eq!(stage.rest.responses()[1..], vec![json!({"type": 8, "data": {"choices": []}}); 3]);
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_twice_is_done_once() {
    let stage = stage().await;
    let twice = command(&stage, "status", &json!([]));
    stage.hear(&twice).await;
    stage.hear(&twice).await;
    assert_eq!((stage.accepted().len(), stage.rest.asked().len()), (1, 1));
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_old_interaction_is_not_done_and_a_wrong_clock_is_learnt() {
    let stage = stage().await;
    let late = Duration::from_secs(10);
    let gone = CallError::Refused { status: 404, code: 10_062, message: "Unknown interaction".to_owned() };
    let old = || {
        let old = command(&stage, "status", &json!([]));
        async {
            tokio::time::advance(late).await;
            old
        }
    };
    stage.rest.fail([gone]);
    stage.hear(&old().await).await;
    stage.hear(&old().await).await;
    assert!(stage.accepted().is_empty(), "the second was still waited for, but is not done either");
    assert!(stage.rest.responses()[1]["data"]["content"].as_str().unwrap().contains("too late"));
    stage.hear(&old().await).await;
    assert_eq!(stage.accepted().len(), 1);
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_first_response_is_tried_again_and_stands_once() {
    let stage = stage().await;
    stage.rest.fail([CallError::Unreachable("no route".to_owned())]);
    *stage.rest.loses_answers.lock().unwrap() = true;
    stage.hear(&command(&stage, "ask", &json!([text("prompt", "go")]))).await;
    assert_eq!(only_message(&stage).message.id, "701", "as the answer itself says");
    let asked = stage.rest.asked();
    let methods: Vec<_> = asked.iter().map(|ask| ask.method.clone()).collect();
    assert_eq!(methods, [Method::POST, Method::POST, Method::POST, Method::PATCH, Method::PATCH]);
    let filled = asked[3].body.clone().unwrap();
    assert!(
        filled["content"].as_str().unwrap().contains("> go"),
        "some servers have no message before: {filled}"
    );
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn discord_that_is_away_is_not_asked_for_longer_than_it_waits() {
    let stage = stage().await;
    stage.rest.fail((0..1000).map(|_| CallError::Unreachable("no route".to_owned())));
    stage.hear(&command(&stage, "ask", &json!([text("prompt", "go")]))).await;
    assert!(stage.accepted().is_empty(), "nobody saw it begin");
    assert_eq!(stage.clock_s(), 2);
    stage.close().await;
}
