//! Chats of several people: each has a conversation of their own there.

use std::time::Duration;

use super::*;
use crate::message::Sender;

async fn open() -> Stage {
    let service = FakeTransport::new().with_spec(|spec| spec.features.conversations = true).shared();
    Stage::open_with(service, Arc::new(MemoryLedger::new())).await
}

fn by(person: &str, message: Message) -> Message {
    let sender = Sender { id: person.to_owned(), name: person.to_owned(), is_bot: false };
    Message { sender, ..message }
}

impl Stage {
    /// Hands in a message of a person and waits until it is past the gatherer.
    async fn says(&self, person: &str, upstream: &str, text: &str) {
        self.hand_in(by(person, self.service.message("a", upstream, text))).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    async fn saw_answers(&self, count: usize) {
        self.service
            .wait_for("a", |seen| texts(seen).iter().filter(|text| **text == "ok").count() == count)
            .await;
    }

    /// Returns the session that a prompt was given to.
    fn session_of(&self, prompt: &str) -> Option<String> {
        let job = self.engine.jobs().into_iter().find(|job| job.prompt == prompt).unwrap();
        job.session.map(|session| session.to_string())
    }
}

fn session(token: &str) -> Option<String> {
    Some(token.to_owned())
}

#[tokio::test(start_paused = true)]
async fn people_of_a_chat_do_not_go_on_in_each_others_sessions() {
    let stage = open().await;
    stage.says("ann", "1", "session:s1 one").await;
    stage.says("ben", "2", "session:s2 two").await;
    stage.saw_answers(2).await;
    stage.says("ann", "3", "three").await;
    stage.says("ben", "4", "four").await;
    stage.saw_answers(4).await;
    assert_eq!(stage.session_of("session:s2 two"), None, "ben begins his own");
    assert_eq!((stage.session_of("three"), stage.session_of("four")), (session("s1"), session("s2")));
}

#[tokio::test(start_paused = true)]
async fn what_follows_before_the_session_is_known_joins_it_for_its_own_sender_only() {
    let stage = open().await;
    stage.says("ann", "1", "gate:x session:s1 one").await;
    stage.says("ann", "2", "two").await;
    stage.says("ben", "3", "session:s2 three").await;
    stage.saw_answers(1).await;
    assert_eq!(stage.session_of("session:s2 three"), None, "ben does not wait for ann");
    stage.engine.open_gate("x");
    stage.saw_answers(3).await;
    assert_eq!(stage.session_of("two"), session("s1"));
}

#[tokio::test(start_paused = true)]
async fn a_new_conversation_is_that_of_the_person_who_asked_for_it() {
    let stage = open().await;
    stage.says("ann", "1", "session:s1 one").await;
    stage.says("ben", "2", "session:s2 two").await;
    stage.saw_answers(2).await;
    stage.says("ben", "3", "/probe new").await;
    stage.says("ann", "4", "three").await;
    stage.says("ben", "5", "four").await;
    stage.saw_answers(4).await;
    assert_eq!((stage.session_of("three"), stage.session_of("four")), (session("s1"), None));
}

#[tokio::test(start_paused = true)]
async fn a_reply_goes_on_with_the_session_of_whoever_it_is() {
    let stage = open().await;
    stage.says("ann", "1", "session:s1 one").await;
    stage.saw_answers(1).await;
    stage.hand_in(by("ben", stage.service.reply("a", "2", "two", "1"))).await;
    stage.saw_answers(2).await;
    stage.says("ben", "3", "three").await;
    stage.saw_answers(3).await;
    assert_eq!((stage.session_of("two"), stage.session_of("three")), (session("s1"), None));
}

#[tokio::test(start_paused = true)]
async fn one_person_stops_the_run_of_another() {
    let stage = open().await;
    stage.says("ann", "1", "gate:x one").await;
    stage.says("ben", "2", "/cancel").await;
    stage.service.wait_for("a", |seen| texts(seen).contains(&"stopped 1")).await;
}

#[tokio::test(start_paused = true)]
async fn of_the_runs_of_an_old_conversation_those_go_on_that_have_not_answered() {
    let stage = open().await;
    stage.says("ann", "1", "session:s1 answer:first gate:x").await;
    stage.service.wait_for("a", |seen| texts(seen).contains(&"first")).await;
    stage.says("ann", "2", "/probe renew").await;
    stage.service.wait_for("a", |seen| texts(seen).contains(&"0 go on")).await;
    stage.says("ann", "3", "session:s2 gate:x answer:second").await;
    stage.says("ann", "4", "/probe renew").await;
    stage.service.wait_for("a", |seen| texts(seen).contains(&"1 go on")).await;
    stage.engine.open_gate("x");
    stage.service.wait_for("a", |seen| texts(seen).contains(&"second")).await;
}
