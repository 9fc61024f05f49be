//! Files that answers name: offered below them, sent when somebody asks, and by nobody else.

use super::*;
use crate::message::{Button, ButtonAction, MessageRef, Press};
use crate::port::transport::{AutoPut, FilePolicy, SendError};
use crate::port::workspace::FileRules;
use crate::session::Context;
use crate::testing::transport::Fault;

/// What an engine says: a file that is there, one that is not, one that is denied, one elsewhere.
const ANSWER: &str = "answer:[a](out/a.txt),[b](none.txt),[c](.env),[d](/etc/passwd)";

fn policy(people: &[&str]) -> FilePolicy {
    FilePolicy {
        auto_put: AutoPut::Off,
        uploads: FilePath::parse("incoming/").unwrap(),
        people: people.iter().map(|id| (*id).to_owned()).collect(),
        rules: FileRules::usual().unwrap(),
    }
}

/// Returns an empty ledger with a spool of its own.
fn ledger() -> (tempfile::TempDir, Arc<MemoryLedger>) {
    let spool = tempfile::tempdir().unwrap();
    let ledger = MemoryLedger::new().with_spool(spool.path());
    (spool, Arc::new(ledger))
}

/// Opens a desk in the project p with files in it.
async fn open(service: FakeTransport, ledger: &Arc<MemoryLedger>) -> Stage {
    open_with("the file", service, ledger).await
}

/// As [`open`], with a file that holds this.
async fn open_with(held: &str, service: FakeTransport, ledger: &Arc<MemoryLedger>) -> Stage {
    let workspace = FakeWorkspace::at("/default").with("p", "/p");
    let from = ledger.spool().join("in");
    std::fs::write(&from, held).unwrap();
    let put = Put {
        context: Context { project: Some("p".to_owned()), branch: None },
        place: Place::Open,
        from,
        to: FilePath::parse("out/a.txt").unwrap(),
        name: "a.txt".to_owned(),
        force: true,
        rules: FileRules::usual().unwrap(),
    };
    workspace.put(&put, &CancellationToken::new()).await.unwrap();
    let stage = Stage::placed(service, ledger.clone(), workspace, SerializeBy::Session);
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    stage
}

impl Stage {
    /// Waits for the answer to a message and returns it with its buttons.
    async fn answered_with_buttons(&self, upstream: &str, prompt: &str) -> (Seen, Vec<Button>) {
        self.say("a", upstream, prompt).await;
        let is_answer = |seen: &Seen| seen.reply_to.as_deref() == Some(upstream) && seen.notified;
        let seen = self.service.wait_for("a", |seen| seen.iter().any(is_answer)).await;
        let answer = seen.iter().find(|seen| is_answer(seen)).unwrap().clone();
        let buttons = answer.body.buttons.concat();
        (answer, buttons)
    }

    async fn press(&self, chat: &str, upstream: &str, on: &Seen, action: &ButtonAction) {
        let address = self.service.address(chat);
        let message = MessageRef { address, id: on.id.to_string() };
        let sender = self.service.message(chat, "", "").sender;
        let press = Press { upstream: upstream.to_owned(), message, sender, action: action.clone() };
        let first = self.service.hand_in(Inbound::Press(press)).await.unwrap();
        assert_eq!(first, FirstResponse::Toast("looking for the file".to_owned()));
    }

    async fn files(&self, count: usize) -> Vec<Seen> {
        let carries = |seen: &&Seen| !seen.body.files.is_empty();
        let seen = self.service.wait_for("a", |seen| seen.iter().filter(carries).count() == count).await;
        seen.into_iter().filter(|seen| carries(&seen)).collect()
    }

    fn sent_file(&self, seen: &Seen) -> String {
        std::fs::read_to_string(self.ledger.spool().join(&seen.body.files[0].path)).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_an_answer_names_is_sent_by_its_button_alone_and_also_after_a_restart() {
    let (_spool, ledger) = ledger();
    let service = FakeTransport::new().with_files(policy(&[]));
    let stage = open(service, &ledger).await;
    let (answer, buttons) = stage.answered_with_buttons("1", &format!("/p {ANSWER}")).await;
    assert_eq!(buttons.iter().map(|button| button.label.as_str()).collect::<Vec<_>>(), ["📎 a.txt"]);
    assert!(stage.files(0).await.is_empty(), "nothing is sent unasked");
    stage.press("a", "p1", &answer, &buttons[0].action).await;
    let sent = stage.files(1).await;
    assert_eq!(
        (sent[0].body.files[0].name.as_str(), stage.sent_file(&sent[0])),
        ("a.txt", "the file".to_owned())
    );
    assert_eq!(sent[0].reply_to.as_deref(), Some(answer.id.to_string().as_str()));
    stage.press("a", "p1", &answer, &buttons[0].action).await;
    assert!(ledger.unfinished().await.unwrap().inbox.is_empty(), "a press that comes twice is one");

    stage.desk.close(Duration::from_secs(60)).await;
    stage.service.disconnect();
    let next = open(stage.service.clone(), &ledger).await;
    next.press("a", "p2", &answer, &buttons[0].action).await;
    let sent = next.files(2).await;
    assert_eq!(next.sent_file(&sent[1]), "the file");
}

#[tokio::test(start_paused = true)]
async fn no_files_are_offered_where_nobody_may_have_them_or_words_are_no_markdown() {
    let (_spool, memory) = ledger();
    let stage = open(FakeTransport::new(), &memory).await;
    assert_eq!(stage.answered_with_buttons("1", &format!("/p {ANSWER}")).await.1, []);
    let service =
        FakeTransport::new().with_files(policy(&[])).with_spec(|spec| spec.features.buttons = false);
    let (_spool, memory) = ledger();
    let stage = open(service, &memory).await;
    assert_eq!(stage.answered_with_buttons("1", &format!("/p {ANSWER}")).await.1, []);
}

/// Presses the button of a file in a house where that is refused, and returns what is told.
async fn refused(service: FakeTransport, spoil: impl FnOnce(&Stage), chat: &str) -> String {
    let (_spool, memory) = ledger();
    let stage = open(service, &memory).await;
    let (answer, buttons) = stage.answered_with_buttons("1", &format!("/p {ANSWER}")).await;
    spoil(&stage);
    stage.press(chat, "p1", &answer, &buttons[0].action).await;
    let is_told = |seen: &Seen| seen.reply_to == Some(answer.id.to_string());
    let seen = stage.service.wait_for(chat, |seen| seen.iter().any(is_told)).await;
    assert!(stage.files(0).await.is_empty());
    assert!(stage.ledger.unfinished().await.unwrap().inbox.is_empty());
    seen.into_iter().find(is_told).unwrap().body.text
}

#[tokio::test(start_paused = true)]
async fn who_presses_a_button_and_may_not_or_comes_too_late_is_told() {
    let usual = || FakeTransport::new().with_files(policy(&[]));
    let listed = FakeTransport::new().with_files(policy(&["another"]));
    assert_eq!(refused(listed, |_| (), "a").await, "file transfer is not allowed for this user.");
    let told = refused(usual().with_member(), |_| (), "a").await;
    assert_eq!(told, "file transfer is restricted to group admins.");
    let told = refused(usual(), |stage| stage.workspace.remove("/p"), "a").await;
    assert!(told.contains("/p is gone"), "{told}");
    let told = refused(usual(), |_| (), "b").await;
    assert!(told.starts_with("that answer is not known any more"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_the_service_will_not_take_is_told_once() {
    let (_spool, memory) = ledger();
    let stage = open(FakeTransport::new().with_files(policy(&[])), &memory).await;
    let (answer, buttons) = stage.answered_with_buttons("1", &format!("/p {ANSWER}")).await;
    stage.service.fail_sends([Some(Fault::Fails(SendError::Denied("no documents here".to_owned())))]);
    stage.press("a", "p1", &answer, &buttons[0].action).await;
    let is_told = |seen: &Seen| seen.body.text.starts_with("failed to send file. a.txt: ");
    let seen = stage.service.wait_for("a", |seen| seen.iter().any(is_told)).await;
    let told = seen.iter().find(|seen| is_told(seen)).unwrap();
    assert!(told.body.text.ends_with("no documents here") && told.body.files.is_empty(), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn an_empty_file_is_not_even_sent_and_that_is_the_answer() {
    let (_spool, memory) = ledger();
    let stage = open_with("", FakeTransport::new().with_files(policy(&[])), &memory).await;
    let (answer, buttons) = stage.answered_with_buttons("1", &format!("/p {ANSWER}")).await;
    stage.press("a", "p1", &answer, &buttons[0].action).await;
    let is_told = |seen: &Seen| seen.reply_to == Some(answer.id.to_string());
    let seen = stage.service.wait_for("a", |seen| seen.iter().any(is_told)).await;
    let told = seen.into_iter().find(is_told).unwrap();
    assert_eq!(told.body.text, "failed to send file. out/a.txt: it is empty");
    assert!(stage.files(0).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_command_sends_a_copy_of_a_file_where_files_may_go() {
    let (_spool, ledger) = ledger();
    let stage = open(FakeTransport::new().with_files(policy(&[])), &ledger).await;
    stage.say("a", "1", "/probe enclose out/a.txt").await;
    let sent = stage.files(1).await;
    assert_eq!((sent[0].body.files[0].name.as_str(), sent[0].body.text.as_str()), ("a.txt", "here"));
    stage.say("a", "2", "/probe enclose .env").await;
    let seen = stage.service.wait_for("a", |seen| seen.len() == 2).await;
    assert!(seen[1].body.text.contains("denied by rule"), "{seen:?}");
    let (_other_spool, other) = self::ledger();
    let stage = open(FakeTransport::new(), &other).await;
    stage.say("a", "1", "/probe enclose out/a.txt").await;
    let seen = stage.service.wait_for("a", |seen| seen.len() == 1).await;
    assert!(seen[0].body.files.is_empty() && seen[0].body.text.contains("file transfer"), "{seen:?}");
}
