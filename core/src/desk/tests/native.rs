//! Native commands: what the service is told at once, and how their arguments reach the command.

use serde_json::json;

use super::*;
use crate::id::CommandId;
use crate::message::{Invoke, MessageRef};

fn invoke(stage: &Stage, upstream: &str, command: &str, arguments: serde_json::Value) -> Inbound {
    let serde_json::Value::Object(arguments) = arguments else { panic!("{arguments}") };
    Inbound::Invoke(Invoke {
        upstream: upstream.to_owned(),
        message: MessageRef { address: stage.service.address("a"), id: upstream.to_owned() },
        sender: stage.service.message("a", upstream, "").sender,
        command: CommandId::parse(command).unwrap(),
        arguments,
        files: Vec::new(),
    })
}

#[tokio::test(start_paused = true)]
async fn a_command_says_itself_who_sees_its_answer_and_an_unknown_one_bothers_nobody() {
    let stage = Stage::open().await;
    let first = async |upstream: &str, command: &str| {
        stage.service.hand_in(invoke(&stage, upstream, command, json!({}))).await.unwrap()
    };
    assert_eq!(first("1", "probe").await, FirstResponse::Defer { ephemeral: false });
    assert_eq!(first("2", "quiet").await, FirstResponse::Defer { ephemeral: true });
    assert_eq!(first("3", "gone").await, FirstResponse::Defer { ephemeral: true });
    let seen = stage.service.wait_for("a", |seen| seen.len() == 3).await;
    assert_eq!(answering(&seen, "3").body.text, "error: the command 'gone' is not known here any more");
}

#[tokio::test(start_paused = true)]
async fn native_arguments_reach_the_command_in_the_order_of_its_options() {
    let stage = Stage::open().await;
    let given = json!({ "alpha": "second one", "zeta": "first", "count": 2 });
    stage.service.hand_in(invoke(&stage, "1", "quiet", given)).await.unwrap();
    let seen = stage.service.wait_for("a", |seen| seen.len() == 1).await;
    assert_eq!(seen[0].body.text, r#"["first", "second one", "2"]"#);
}
