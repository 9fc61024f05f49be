//! Topics: `/topic`, and what the other commands say in one.

use takopi_core::message::Address;
use takopi_core::port::transport::Topics;
use takopi_core::session::Context;

use super::*;

/// Returns a chat with topics, in one of which the caller is.
fn inside() -> FakeHost {
    let mut host = house();
    host.topics.here = Some(Topics::Here("auto (main)".to_owned()));
    host.topics.inside = true;
    host
}

/// Returns the topic 7, bound to a branch of api.
fn of_api() -> (Address, Context) {
    let context = Context { project: Some("api".to_owned()), branch: Some("fix".to_owned()) };
    (FakeHost::thread("7"), context)
}

#[tokio::test]
async fn topic_opens_a_topic_for_a_project_and_branch_unless_there_is_one() {
    let calls = [
        "Web @fix",
        "set web @fix",
        "",
        "web",
        "@fix",
        "web fix",
        "web @fix now",
        "@fix web",
        "wbe @fix",
        "web @",
    ];
    let mut script = talk(inside(), calls.map(|text| call("topic", text))).await;
    script += "— one for api @fix is there —\n\n";
    let mut known = inside();
    known.topics.bound = vec![of_api()];
    script += &talk(known, [call("topic", "api @fix")]).await;
    script += "— and is gone —\n\n";
    let mut gone = inside();
    (gone.topics.bound, gone.topics.gone) = (vec![of_api()], vec![of_api().0]);
    script += &talk(gone, [call("topic", "api @fix")]).await;
    script += "— in the chat of web —\n\n";
    let mut own = inside();
    own.topics.chat_project = Some("web".to_owned());
    script += &talk(own, ["@fix", "Web @fix", "api @fix", ""].map(|text| call("topic", text))).await;
    script += "— the disk is full —\n\n";
    let mut broken = inside();
    broken.broken = Some("the ledger could not store it: the disk is full".to_owned());
    script += &talk(broken, [call("topic", "api @fix")]).await;
    insta::assert_snapshot!(script);
}

#[tokio::test]
async fn topic_says_where_topics_are_and_how_to_switch_them_on() {
    let mut script = String::new();
    for here in [Topics::Off("topics are off".to_owned()), Topics::Outside("only elsewhere".to_owned())] {
        let mut host = house();
        host.topics.here = Some(here);
        script += &talk(host, [call("topic", "api @fix")]).await;
    }
    insta::assert_snapshot!(script);
}

#[tokio::test]
async fn ctx_in_a_topic_binds_that_topic_and_tells_of_its_sessions() {
    let calls = ["", "set web @Main", "", "set @fix", "clear", "set @fix", "set nope", "set web fix", "frob"];
    let mut script = talk(inside(), calls.map(|text| call("ctx", text))).await;
    script += "— in the chat of web, with sessions —\n\n";
    let mut own = inside();
    own.default_project = Some("web".to_owned());
    own.topics.chat_project = Some("web".to_owned());
    own.topics.sessions = own.engines.iter().map(|engine| engine.id.clone()).collect();
    script += &talk(own, ["", "set @fix", "set web", "set api"].map(|text| call("ctx", text))).await;
    insta::assert_snapshot!(script);
}

#[tokio::test]
async fn what_is_set_in_a_topic_holds_for_the_topic() {
    let calls = [
        ("agent", "set codex"),
        ("agent", "clear"),
        ("model", "set gpt-5"),
        ("model", ""),
        ("model", "clear"),
        ("reasoning", "set low"),
        ("reasoning", "clear"),
        ("trigger", "mentions"),
        ("trigger", "all"),
        ("trigger", ""),
        ("trigger", "clear"),
    ];
    let mut host = choosing();
    host.topics.here = Some(Topics::Here("all".to_owned()));
    host.topics.inside = true;
    insta::assert_snapshot!(talk(host, calls.map(|(id, text)| call(id, text))).await);
}

#[tokio::test]
async fn file_put_binds_the_topic_to_what_directives_before_its_path_name() {
    let captions = ["put x.txt", "put /web @side x.txt", "put /codex y.txt", "put /web ../x"];
    let calls = captions.map(|text| with_files(text, &[Some("n.txt")]));
    let mut script = talk(inside().with_files(), calls.clone()).await;
    script += "— outside of topics —\n\n";
    script += &talk(house().with_files(), calls).await;
    insta::assert_snapshot!(script);
}
