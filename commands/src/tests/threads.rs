//! Chats whose conversations take place in threads of their own: what holds for the whole chat, and for a thread.

use takopi_core::port::transport::Topics;

use super::*;

/// Returns a chat of threads, in one of which the caller is.
fn inside() -> FakeHost {
    let mut host = house();
    host.topics.here = Some(Topics::Here("threads".to_owned()));
    host.topics.inside = true;
    host.topics.threads = true;
    host
}

#[tokio::test]
async fn bind_sets_the_project_and_the_engine_of_the_whole_chat_even_from_a_thread() {
    let calls = [
        "",
        "Web",
        "api @fix",
        "api @fix Codex",
        "api claude",
        "wbe",
        "api cludex",
        "api @",
        "@fix",
        "api @fix codex now",
    ];
    let mut script = talk(inside(), calls.map(|text| call("bind", text))).await;
    script += "— in the chat of web —\n\n";
    let mut own = inside();
    own.topics.chat_project = Some("web".to_owned());
    script += &talk(own, ["@fix", "api", "web codex"].map(|text| call("bind", text))).await;
    script += "— a mere member —\n\n";
    let mut member = inside();
    member.is_member = true;
    script += &talk(member, [call("bind", "api"), call("unbind", "")]).await;
    insta::assert_snapshot!(script);
}

#[tokio::test]
async fn unbind_clears_what_is_set_for_the_chat_and_leaves_the_thread_its_own() {
    let calls = [
        call("unbind", ""),
        call("bind", "api @main codex"),
        call("ctx", "set web"),
        call("agent", "claude"),
        call("unbind", ""),
        call("ctx", ""),
        call("unbind", ""),
    ];
    insta::assert_snapshot!(talk(inside(), calls).await);
}

#[tokio::test]
async fn trigger_knows_where_the_bot_is_involved() {
    let calls = ["", "Involved", "all", "", "clear", "often"].map(|text| call("trigger", text));
    insta::assert_snapshot!(talk(inside(), calls).await);
}
