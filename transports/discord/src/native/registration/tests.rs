//! What Discord is told, when, and what stands in the way.

use takopi_core::id::CommandId;
use takopi_core::port::command::Access;

use super::*;
use crate::native::stage::Stage;
use crate::native::{NativeCommand, NativeKind};

fn command(name: &str) -> NativeCommand {
    NativeCommand {
        name: name.to_owned(),
        description: "does it".to_owned(),
        options: Vec::new(),
        kind: NativeKind::Command(CommandId::parse(name).unwrap()),
        access: Access::Everyone,
        ephemeral: true,
    }
}

fn guilds(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// Keeps the lists until so many calls were made, and returns where they went.
async fn told(stage: &Stage, calls: usize) -> Vec<Scope> {
    tokio::select! {
        () = stage.native.keep(&stage.inbox) => unreachable!("it never ends"),
        asked = stage.rest.wait_for(calls) => {
            let scope = |ask: &Ask| match &ask.to {
                To::Commands { scope, .. } => scope.clone(),
                other => panic!("{other:?}"),
            };
            asked.iter().map(scope).collect()
        }
    }
}

/// Keeps the lists until nothing more is to be done for a minute.
async fn settle(stage: &Stage) {
    let waiting = tokio::time::timeout(Duration::from_secs(60), stage.native.keep(&stage.inbox));
    assert!(waiting.await.is_err(), "it never ends");
}

fn guild(id: &str) -> Scope {
    Scope::Guild(id.to_owned())
}

fn refused(status: u16, code: u32) -> CallError {
    CallError::Refused { status, code, message: "no".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn every_server_is_told_once_and_again_only_of_changes() {
    let stage = Stage::open(vec![command("status")]).await;
    stage.native.connected("9", guilds(&["1", "2"]), false);
    assert_eq!(told(&stage, 3).await, [Scope::Global, guild("1"), guild("2")]);
    settle(&stage).await;
    let asked = stage.rest.asked();
    assert_eq!(asked[0].body, Some(json!([])), "what stood there stands nowhere twice");
    assert_eq!((asked[1].method.clone(), asked[1].body.clone()), (Method::PUT, asked[2].body.clone()));

    stage.native.connected("9", guilds(&["1", "2"]), false);
    stage.native.set_commands(vec![command("status")]);
    settle(&stage).await;
    assert_eq!(stage.rest.asked().len(), 3, "nothing has changed");

    stage.native.joined("3");
    settle(&stage).await;
    stage.native.set_commands(vec![command("status"), command("new")]);
    assert_eq!(told(&stage, 7).await[3..], [guild("3"), guild("1"), guild("2"), guild("3")]);
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_the_bot_back_is_told_again() {
    let stage = Stage::open(vec![command("status")]).await;
    stage.native.connected("9", guilds(&["1"]), false);
    settle(&stage).await;
    stage.native.left("1", &stage.inbox).await.unwrap();
    stage.native.joined("1");
    assert_eq!(told(&stage, 3).await[2..], [guild("1")]);
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn where_direct_messages_are_served_the_global_commands_are_theirs() {
    let stage = Stage::open(vec![command("status")]).await;
    stage.native.connected("9", guilds(&[]), true);
    settle(&stage).await;
    let body = stage.rest.asked()[0].body.clone().unwrap();
    let contexts: Vec<_> = body.as_array().unwrap().iter().map(|told| told["contexts"].clone()).collect();
    assert_eq!(contexts, vec![json!([1]); 3], "{body}");
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_allow_commands_is_told_of_with_the_way_to_allow_them() {
    let stage = Stage::open(vec![command("status")]).await;
    stage.rest.fail([
        CallError::Limited { after: Duration::from_millis(5), bot: false },
        refused(403, MISSING_ACCESS),
    ]);
    stage.native.connected("9", guilds(&["1"]), false);
    settle(&stage).await;
    let trouble = stage.native.trouble().unwrap();
    assert!(trouble.contains("client_id=9&scope=applications.commands&guild_id=1"), "{trouble}");
    assert_eq!(stage.rest.asked().len(), 3, "the first one was limited, and came again");
    // It was allowed meanwhile.
    assert_eq!(told(&stage, 4).await[3], guild("1"));
    settle(&stage).await;
    assert_eq!(stage.native.trouble(), None);
    stage.close().await;
}

#[tokio::test(start_paused = true)]
async fn used_up_commands_of_a_day_are_told_of_and_tried_again_later() {
    let stage = Stage::open(vec![command("status")]).await;
    stage.native.connected("9", guilds(&["1"]), false);
    stage.rest.fail([CallError::Unknown("cut".to_owned()), refused(400, DAILY_LIMIT)]);
    settle(&stage).await;
    let trouble = stage.native.trouble().unwrap();
    assert!(trouble.contains("server 1 today; they are tried again in 1h 00m"), "{trouble}");
    assert_eq!(stage.rest.asked().len(), 3);
    stage.native.connected("9", guilds(&["1"]), false);
    assert_eq!(told(&stage, 4).await[3], guild("1"), "a new connection does not wait for it");
    stage.close().await;
}
