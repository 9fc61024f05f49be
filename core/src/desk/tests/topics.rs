//! Topics: each has its project and its sessions, and its name follows what it is bound to.

use std::time::Duration;

use super::*;
use crate::port::ledger::PreferenceKey;
use crate::port::transport::SendError;
use crate::session::Context;
use crate::testing::transport::Fault;

async fn with_topics() -> Stage {
    let workspace = FakeWorkspace::at("/default").with("p", "/p").with("q", "/q");
    let service = FakeTransport::new().with_topics();
    let stage = Stage::placed(service, Arc::default(), workspace, SerializeBy::Session);
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    stage
}

impl Stage {
    async fn say_in(&self, thread: &str, upstream: &str, text: &str) {
        self.hand_in(self.service.message_in("a", thread, upstream, text)).await;
    }

    /// Waits until as many answers stand in the chat.
    async fn answers(&self, count: usize) -> Vec<Seen> {
        let is_answer = |seen: &&Seen| seen.body.text == "ok";
        self.service.wait_for("a", |seen| seen.iter().filter(is_answer).count() == count).await
    }

    async fn named(&self, thread: &str, title: &str) {
        let thread = self.service.thread("a", thread);
        self.service.wait_for("a", |_| self.service.title(&thread).as_deref() == Some(title)).await;
    }

    fn job(&self, prompt: &str) -> (Context, Option<String>) {
        let job = self.engine.jobs().into_iter().find(|job| job.prompt.contains(prompt)).unwrap();
        (job.context, job.session.map(|token| token.to_string()))
    }
}

fn context(project: &str, branch: Option<&str>) -> Context {
    Context { project: Some(project.to_owned()), branch: branch.map(str::to_owned) }
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_nobody_has_bound_runs_nothing_and_says_how_to_bind_it() {
    let stage = with_topics().await;
    stage.say_in("5", "1", "tidy up").await;
    let seen = stage.service.wait_for("a", |seen| seen.len() == 1).await;
    assert!(seen[0].body.text.starts_with("this topic isn't bound to a project yet."), "{seen:?}");
    assert!(seen[0].body.text.contains("/ctx set") && seen[0].body.text.contains("/topic"));
    assert_eq!(seen[0].address, stage.service.thread("a", "5"));
    assert!(stage.engine.jobs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_directive_binds_its_topic_for_the_message_right_after_it_and_names_it() {
    let stage = with_topics().await;
    stage.say_in("5", "1", "/p @fix session:s1 one").await;
    stage.say_in("5", "2", "two").await;
    stage.answers(2).await;
    stage.named("5", "P @fix").await;
    assert_eq!(stage.job("one"), (context("p", Some("fix")), None));
    assert_eq!(stage.job("two"), (context("p", Some("fix")), Some("s1".to_owned())));
    stage.say_in("5", "3", "/q three").await;
    stage.answers(3).await;
    stage.named("5", "Q").await;
    assert_eq!(stage.job("three"), (context("q", None), None), "a session stays where it is");
}

#[tokio::test(start_paused = true)]
async fn topics_side_by_side_go_on_in_their_own_sessions_and_the_chat_in_none() {
    let stage = with_topics().await;
    stage.say_in("5", "1", "/p session:s1 one").await;
    stage.say_in("6", "2", "/q session:s2 two").await;
    stage.answers(2).await;
    stage.say_in("5", "3", "three").await;
    stage.say_in("6", "4", "four").await;
    stage.say("a", "5", "five").await;
    stage.answers(5).await;
    assert_eq!(stage.job("three"), (context("p", None), Some("s1".to_owned())));
    assert_eq!(stage.job("four"), (context("q", None), Some("s2".to_owned())));
    assert_eq!(stage.job("five").1, None, "outside of topics nothing goes on by itself");
}

#[tokio::test(start_paused = true)]
async fn a_topic_goes_on_by_itself_so_its_resume_lines_may_be_left_out() {
    let workspace = FakeWorkspace::at("/default").with("p", "/p");
    let service =
        FakeTransport::new().with_topics().with_spec(|spec| spec.features.hides_resume_lines = true);
    let stage = Stage::placed(service, Arc::default(), workspace, SerializeBy::Session);
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    stage.say_in("5", "1", "/p session:s1 one").await;
    stage.say("a", "2", "session:s2 two").await;
    let seen = stage.answers(2).await;
    let footer = |upstream: &str| answering(&seen, upstream).body.footer.concat();
    assert_eq!(footer("1"), "`ctx: P`");
    assert_eq!(footer("2"), "`alpha resume s2`");
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_bound_anew_begins_a_session_there() {
    let stage = with_topics().await;
    stage.say_in("5", "1", "/p session:s1 one").await;
    stage.answers(1).await;
    let topic = stage.service.thread("a", "5");
    stage.ledger.prefer(&topic, PreferenceKey::Context, None, Some("q")).await.unwrap();
    stage.say_in("5", "2", "two").await;
    stage.answers(2).await;
    assert_eq!(stage.job("two"), (context("q", None), None));
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_is_no_topic_has_its_chats_settings() {
    let workspace = FakeWorkspace::at("/default").with("p", "/p").with("q", "/q");
    let stage = Stage::placed(FakeTransport::new(), Arc::default(), workspace, SerializeBy::Session);
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    let bind = async |address: Address, project| {
        stage.ledger.prefer(&address, PreferenceKey::Context, None, Some(project)).await.unwrap();
    };
    bind(stage.service.thread("a", "5"), "q").await;
    bind(stage.service.address("a"), "p").await;
    stage.say_in("5", "1", "one").await;
    let seen = stage.answers(1).await;
    assert_eq!(stage.job("one"), (context("p", None), None));
    assert_eq!(seen[0].address, stage.service.thread("a", "5"), "it is answered there all the same");
}

#[tokio::test(start_paused = true)]
async fn a_run_does_not_wait_for_the_name_of_its_topic() {
    let stage = with_topics().await;
    stage.service.fail_names([Some(Fault::Late(Duration::from_secs(50)))]);
    stage.say_in("5", "1", "/p one").await;
    stage.answers(1).await;
    assert_eq!(stage.service.title(&stage.service.thread("a", "5")).as_deref(), Some(""));
    stage.named("5", "P").await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_keeps_its_old_name_when_the_service_refuses_and_gets_it_with_the_next_change() {
    let stage = with_topics().await;
    let refused = SendError::Denied("not enough rights".to_owned());
    let silence = SendError::RetryAfter {
        after: Duration::from_secs(5),
        scope: crate::port::transport::RetryScope::Chat,
    };
    stage.service.fail_names([Some(Fault::Fails(silence)), Some(Fault::Fails(refused))]);
    stage.say_in("5", "1", "/p one").await;
    stage.answers(1).await;
    stage
        .service
        .wait_for("a", |_| stage.service.calls().iter().filter(|call| *call == "name P").count() == 2)
        .await;
    stage.say_in("5", "2", "/p @fix two").await;
    stage.answers(2).await;
    stage.named("5", "P @fix").await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_reaches_a_prompt_that_waits_in_a_topic() {
    let stage = with_topics().await;
    stage.say_in("5", "1", "/p session:s1 one gate:x").await;
    stage.engine.wait_running(&["session:s1 one gate:x"]).await;
    stage.say_in("5", "2", "two").await;
    let edited = Message { upstream: "2e".to_owned(), ..stage.service.message_in("a", "5", "2", "two anew") };
    stage.service.hand_in(Inbound::Edited(edited)).await.unwrap();
    stage.engine.open_gate("x");
    stage.answers(2).await;
    assert_eq!(stage.job("two anew").0, context("p", None));
}
