//! A plugin's command before a house in memory: the plugin is a shell script that speaks the protocol.

#![expect(clippy::unwrap_used, reason = "a premise that doesn't hold fails the test")]

#[path = "command/asking.rs"]
mod asking;
#[path = "command/ending.rs"]
mod ending;
#[path = "command/script.rs"]
mod script;

use std::sync::Arc;

use serde_json::{Value, json};
use takopi_core::message::{ButtonAction, Format, MessageRef, Reply};
use takopi_core::port::command::{
    Access, Call, Command as _, CommandError, CommandReply, CommandSettings, CommandSpec,
};
use takopi_core::testing::command::{Deed, FakeHost, command_contract};
use takopi_plugin_host::manifest::Permission;
use tokio_util::sync::CancellationToken;

use script::{Script, id};

fn text(answer: Result<Option<CommandReply>, CommandError>) -> String {
    answer.unwrap().unwrap().body.text
}

fn error(answer: Result<Option<CommandReply>, CommandError>) -> String {
    answer.unwrap_err().0
}

fn house() -> FakeHost {
    FakeHost::default()
        .with_engine("codex", "Codex", None)
        .with_engine("claude", "Claude", None)
        .with_project("api")
}

#[tokio::test]
async fn a_command_of_a_plugin_keeps_the_contract() {
    let script = Script::new(&[], r#"answer "you said something""#);
    let spec = CommandSpec {
        id: id("poll"),
        description: "asks people".to_owned(),
        usage: "/poll [QUESTION]".to_owned(),
        options: Vec::new(),
        ephemeral: false,
        access: Access::Everyone,
    };
    command_contract(&spec, &script.command, false).await;
}

#[tokio::test]
async fn a_call_says_who_wants_what_and_where() {
    let script = Script::new(&[], r#"answer "$(quoted "$line")""#);
    let mut host = house();
    host.default_project = Some("api".to_owned());
    let message = MessageRef { address: FakeHost::address(), id: "7".to_owned() };
    let settings = json!({"unit": "C", "since": "2026-01-01", "days": 3});
    let call = Call {
        reply_to: Some(Reply { message, text: Some("42".to_owned()), of_bot: true }),
        pressed: true,
        settings: CommandSettings(settings.as_object().unwrap().clone()),
        ..FakeHost::call(&id("poll"), "what \"is it\"\nnow")
    };
    let answer = script.command.call(call, Arc::new(host), CancellationToken::new()).await;
    let request: Value = serde_json::from_str(&text(answer)).unwrap();
    let mut params = request["params"].clone();
    let context = params["context"].take();
    assert!(context.as_str().unwrap().len() >= 32, "nobody guesses {context}");
    insta::assert_snapshot!(serde_json::to_string_pretty(&params).unwrap());
}

#[tokio::test]
async fn an_answer_is_text_with_buttons_or_nothing() {
    let script = Script::new(
        &[],
        r#"case $line in
            *'"args_text":"quiet"'*) say "{\"id\":$id,\"result\":{}}" ;;
            *'"args_text":"empty"'*) say "{\"id\":$id,\"result\":{\"reply\":{\"body\":{}}}}" ;;
            *'"args_text":"odd"'*) say "{\"id\":$id,\"result\":{\"reply\":7}}" ;;
            *'"args_text":"no"'*) say "{\"id\":$id,\"error\":{\"code\":1,\"message\":\"no such place\"}}" ;;
            *) say "{\"id\":$id,\"result\":{\"reply\":{\"notify\":true,\"body\":{\"text\":\"a\\u001b[31mb\",\"format\":\"plain\",\"buttons\":[[{\"label\":\"Yes\",\"token\":\"vote yes\"}]]}}}}" ;;
        esac"#,
    );
    let reply = script.call("", house()).await.unwrap().unwrap();
    assert_eq!((reply.body.text.as_str(), reply.body.format, reply.notify), ("ab", Format::Plain, true));
    let (command, arguments) = (id("poll"), "vote yes".to_owned());
    assert_eq!(reply.body.buttons[0][0].action, ButtonAction::Command { command, arguments });
    assert_eq!(script.call("quiet", house()).await, Ok(None));
    assert_eq!(error(script.call("no", house()).await), "no such place");
    let empty = error(script.call("empty", house()).await);
    assert!(empty.contains("neither text nor buttons nor files"), "{empty}");
    let odd = error(script.call("odd", house()).await);
    assert!(odd.starts_with("the plugin takopi-poll: ") && odd.contains("command/call"), "{odd}");
}

#[tokio::test]
async fn what_only_managers_may_call_is_refused_to_others() {
    let script = Script::with(&[], Access::Manager, r#"answer "done""#);
    let mut host = house();
    host.is_member = true;
    assert_eq!(error(script.call("", host).await), "/poll is restricted to group admins.");
    let mut host = house();
    host.unverified = true;
    assert!(error(script.call("", host).await).starts_with("failed to verify /poll permissions. "));
    assert_eq!(text(script.call("", house()).await), "done");
}

#[tokio::test]
async fn a_message_goes_out_with_files_of_the_plugins_own_folder_only() {
    let script = Script::new(
        &[Permission::SendMessage],
        r#"file() { ask host/send ",\"body\":{\"text\":\"here\",\"files\":[{\"path\":\"$1\",\"name\":\"$2\"}]}"; }
           file "$TAKOPI_DATA_DIR/chart.png" "Chart.png"; one=$got
           file /etc/passwd ""; two=$got
           file nothing.png ""
           answer "$(quoted "$one $two $got")""#,
    );
    let host = Arc::new(house().with_files());
    let told = text(script.call_in("", &host).await);
    let told = told.replace(script.data_dir().to_str().unwrap(), "DATA");
    insta::assert_snapshot!(told.replace("} {", "}\n{"));
    let [Deed::Sent(body, false)] = &host.deeds()[..] else { panic!("{:?}", host.deeds()) };
    assert_eq!(body.files[0].name, "Chart.png");
}
