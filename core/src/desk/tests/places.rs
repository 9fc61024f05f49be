//! Where runs work: sessions in their own place, whatever the chat is bound to now, and two in one place.

use std::path::Path;

use super::*;
use crate::port::ledger::PreferenceKey;
use crate::session::Context;

fn machine() -> FakeWorkspace {
    FakeWorkspace::at("/default").with("p", "/p").with("q", "/q")
}

/// Opens a desk on a machine with the projects p and q, in chats that are no conversations.
async fn in_projects(serialize: SerializeBy) -> Stage {
    open(FakeTransport::new(), serialize).await
}

async fn open(service: FakeTransport, serialize: SerializeBy) -> Stage {
    let stage = Stage::placed(service, Arc::default(), machine(), serialize);
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    stage
}

impl Stage {
    async fn bind(&self, chat: &str, context: &str) {
        let address = self.service.address(chat);
        self.ledger.prefer(&address, PreferenceKey::Context, None, Some(context)).await.unwrap();
    }

    /// Waits until a run with these last words has been handed to the engine, and returns its place.
    async fn place_of(&self, prompt: &str) -> (Context, String, Option<String>) {
        let chat_is_quiet = || self.desk.runs().is_empty();
        self.service.wait_for("a", |_| chat_is_quiet()).await;
        let job = self.engine.jobs().into_iter().find(|job| job.prompt.contains(prompt)).unwrap();
        (job.context, job.dir.display().to_string(), job.session.map(|token| token.to_string()))
    }
}

fn context(project: &str, branch: Option<&str>) -> Context {
    Context { project: Some(project.to_owned()), branch: branch.map(str::to_owned) }
}

#[tokio::test(start_paused = true)]
async fn a_session_resumed_by_its_line_from_another_chat_keeps_project_branch_and_directory() {
    let stage = in_projects(SerializeBy::Session).await;
    stage.say("a", "1", "/p @fix session:s1 one").await;
    stage.texts("a", &["ok"]).await;
    stage.bind("b", "q @main").await;
    stage.say("b", "2", "two\nalpha resume s1").await;
    stage.texts("b", &["ok"]).await;
    let place = stage.place_of("two").await;
    assert_eq!(place, (context("p", Some("fix")), "/p/.worktrees/fix".to_owned(), Some("s1".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_session_resumed_by_a_reply_keeps_project_branch_and_directory() {
    let stage = in_projects(SerializeBy::Session).await;
    stage.say("a", "1", "/p @fix session:s1 one").await;
    let seen = stage.texts("a", &["ok"]).await;
    stage.bind("a", "gone @main").await;
    let mut reply = stage.service.reply("a", "2", "two", &seen[0].id.to_string());
    // A chat service that doesn't show what is replied to: the ledger knows it by its id.
    reply.reply_to.as_mut().unwrap().text = None;
    stage.hand_in(reply).await;
    stage.texts("a", &["ok", "ok"]).await;
    let place = stage.place_of("two").await;
    assert_eq!(place, (context("p", Some("fix")), "/p/.worktrees/fix".to_owned(), Some("s1".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_a_command_resumes_keeps_its_place_too() {
    let stage = in_projects(SerializeBy::Session).await;
    stage.say("a", "1", "/p @fix session:s1 one").await;
    stage.texts("a", &["ok"]).await;
    stage.bind("b", "q").await;
    stage.say("b", "2", "/probe capture s1 two").await;
    stage.texts("b", &["captured ok"]).await;
    let place = stage.place_of("two").await;
    assert_eq!(place, (context("p", Some("fix")), "/p/.worktrees/fix".to_owned(), Some("s1".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_a_run_under_way_works_where_that_one_works() {
    let stage = in_projects(SerializeBy::Session).await;
    stage.say("a", "1", "/p @fix one gate:x session:late").await;
    stage.engine.wait_running(&["one gate:x session:late"]).await;
    let seen = stage.service.wait_for("a", |seen| seen.len() == 1).await;
    stage.bind("a", "q").await;
    let mut reply = stage.service.reply("a", "2", "two", &seen[0].id.to_string());
    reply.reply_to.as_mut().unwrap().text = None;
    stage.hand_in(reply).await;
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", "ok"]).await;
    let place = stage.place_of("two").await;
    assert_eq!(place, (context("p", Some("fix")), "/p/.worktrees/fix".to_owned(), Some("late".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_session_without_a_project_keeps_its_callers_directory() {
    let service = FakeTransport::new().with_spec(|spec| spec.features.caller_dir = true);
    let stage = open(service, SerializeBy::Session).await;
    let from = |upstream: &str, text: &str, dir: &str| {
        let mut message = stage.service.message("a", upstream, text);
        message.chosen.dir = Some(dir.into());
        message
    };
    stage.hand_in(from("1", "session:s1 one", "/here")).await;
    stage.texts("a", &["ok"]).await;
    stage.hand_in(from("2", "two\nalpha resume s1", "/there")).await;
    stage.texts("a", &["ok", "ok"]).await;
    assert_eq!(stage.place_of("two").await.1, "/here");
    stage.hand_in(from("3", "/p three", "/there")).await;
    stage.texts("a", &["ok", "ok", "ok"]).await;
    assert_eq!(stage.place_of("three").await.1, "/p");
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_directory_is_gone_says_where_it_goes_on_or_why_not() {
    let stage = in_projects(SerializeBy::Session).await;
    stage.say("a", "1", "/p session:s1 one").await;
    stage.say("b", "2", "session:s2 one").await;
    stage.texts("a", &["ok"]).await;
    stage.texts("b", &["ok"]).await;
    stage.workspace.remove("/p");
    stage.workspace.remove("/default");
    stage.say("b", "3", "two\nalpha resume s2").await;
    let seen = stage.service.wait_for("b", |seen| seen.len() == 2 && stage.desk.runs().is_empty()).await;
    let told = crate::render::flatten(&seen[1].body);
    assert!(told.contains("/default is gone"), "{told}");
    stage.say("a", "4", "two\nalpha resume s1").await;
    let seen = stage.service.wait_for("a", |seen| seen.len() == 2 && stage.desk.runs().is_empty()).await;
    assert!(crate::render::flatten(&seen[1].body).contains("/p is gone"));
}

#[tokio::test(start_paused = true)]
async fn a_quick_second_message_that_names_another_project_does_not_follow_the_first() {
    let service = FakeTransport::new().with_spec(|spec| spec.features.conversations = true);
    let stage = open(service, SerializeBy::Session).await;
    stage.say("a", "1", "/p gate:x session:s1 one").await;
    stage.say("a", "2", "/q session:s2 two").await;
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", "ok"]).await;
    assert_eq!(stage.place_of("two").await, (context("q", None), "/q".to_owned(), None));
}

#[tokio::test(start_paused = true)]
async fn a_bare_branch_begins_a_session_on_that_branch_of_the_conversations_project() {
    let service = FakeTransport::new().with_spec(|spec| spec.features.conversations = true);
    let stage = open(service, SerializeBy::Session).await;
    stage.say("a", "1", "/p session:s1 one").await;
    stage.texts("a", &["ok"]).await;
    stage.say("a", "2", "@fix session:s2 two").await;
    stage.texts("a", &["ok", "ok"]).await;
    let branch = (context("p", Some("fix")), "/p/.worktrees/fix".to_owned());
    let (place, dir, session) = stage.place_of("two").await;
    assert_eq!(((place, dir), session), (branch.clone(), None));
    // From then on the chat talks with that one.
    stage.say("a", "3", "three").await;
    stage.texts("a", &["ok", "ok", "ok"]).await;
    let (place, dir, session) = stage.place_of("three").await;
    assert_eq!(((place, dir), session.as_deref()), (branch, Some("s2")));
}

#[tokio::test(start_paused = true)]
async fn two_sessions_in_one_directory_are_told_of_each_other() {
    let stage = in_projects(SerializeBy::Session).await;
    stage.say("a", "1", "/p gate:x one").await;
    stage.engine.wait_running(&["gate:x one"]).await;
    stage.say("b", "2", "/p /beta gate:x two").await;
    let other_chat = "alpha of another chat works in the same directory now";
    let warned =
        |seen: &[Seen]| seen.iter().any(|seen| crate::render::flatten(&seen.body).contains(other_chat));
    stage.service.wait_for("b", warned).await;
    stage.engine.open_gate("x");
    stage.texts("b", &["ok"]).await;
    stage.say("b", "3", "/p three").await;
    let seen = stage.texts("b", &["ok", "ok"]).await;
    assert!(seen.iter().all(|seen| !crate::render::flatten(&seen.body).contains("same directory")));
}

#[tokio::test(start_paused = true)]
async fn with_serialize_worktree_a_second_session_waits_and_shows_for_whom() {
    let stage = in_projects(SerializeBy::Worktree).await;
    stage.say("a", "1", "/p gate:x one").await;
    stage.engine.wait_running(&["gate:x one"]).await;
    stage.say("a", "2", "/p /beta two").await;
    stage.say("b", "3", "/q elsewhere").await;
    stage.texts("b", &["ok"]).await;
    let waits = "waits for alpha of this chat, which works in /p";
    let shown = |seen: &[Seen]| seen.iter().any(|seen| crate::render::flatten(&seen.body).contains(waits));
    stage.service.wait_for("a", shown).await;
    assert_eq!(stage.engine.jobs().len(), 2, "the second has not begun");
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", "ok"]).await;
    assert_eq!(stage.engine.jobs().last().unwrap().dir, Path::new("/p"));
}

#[tokio::test(start_paused = true)]
async fn a_quick_second_message_shows_the_place_of_the_conversation_it_joins() {
    let service = FakeTransport::new().with_spec(|spec| spec.features.conversations = true);
    let stage = open(service, SerializeBy::Session).await;
    stage.say("a", "1", "/p @fix gate:x session:s1 one").await;
    stage.say("a", "2", "two").await;
    stage.engine.open_gate("x");
    let seen = stage.texts("a", &["ok", "ok"]).await;
    let footer = answering(&seen, "2").body.footer.clone();
    assert!(footer.contains(&"`ctx: P @fix`".to_owned()), "{footer:?}");
}
