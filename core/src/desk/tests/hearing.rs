//! Voice notes on their way into a prompt.

use super::*;
use crate::message::{Attachment, AttachmentKind};
use crate::port::Transcriber;
use crate::port::ledger::PreferenceKey;
use crate::port::transcriber::TranscribeError;

/// Hears what the bytes say, once the test lets it: `panic` panics, `nothing` fails.
#[derive(Default)]
struct Dictation {
    lets: tokio::sync::watch::Sender<bool>,
    heard: Mutex<Vec<String>>,
}

#[async_trait]
impl Transcriber for Dictation {
    fn max_bytes(&self) -> u64 {
        20
    }

    async fn transcribe(&self, audio: Vec<u8>, _: &CancellationToken) -> Result<String, TranscribeError> {
        let said = String::from_utf8(audio).unwrap();
        self.heard.lock().unwrap().push(said.clone());
        assert_ne!(said, "panic", "as the test says");
        self.lets.subscribe().wait_for(|lets| *lets).await.unwrap();
        match said.as_str() {
            "nothing" => Err(TranscribeError("nothing could be heard.".to_owned())),
            _ => Ok(said),
        }
    }
}

/// Opens a desk whose voice notes are heard at once, or when the test lets them.
async fn open(lets: bool) -> (Stage, Arc<Dictation>) {
    let stage = Stage::open().await;
    let dictation = Arc::new(Dictation::default());
    dictation.lets.send_replace(lets);
    stage.desk.set_transcriber(&stage.service.instance(), Some(dictation.clone()));
    (stage, dictation)
}

impl Stage {
    /// Hands in a voice note that says `said`, sent with `caption`.
    async fn speak(&self, upstream: &str, caption: &str, said: &str) {
        self.service.keep_file(upstream, said.as_bytes());
        self.hand_in(note(&self.service, upstream, caption, None)).await;
    }

    fn prompts(&self) -> Vec<String> {
        self.engine.jobs().into_iter().map(|job| job.prompt).collect()
    }
}

fn note(service: &FakeTransport, upstream: &str, caption: &str, bytes: Option<u64>) -> Message {
    let file = Attachment { handle: upstream.to_owned(), kind: AttachmentKind::Voice, name: None, bytes };
    Message { attachments: vec![file], ..service.message("a", upstream, caption) }
}

#[tokio::test(start_paused = true)]
async fn a_voice_note_runs_and_what_is_written_after_it_waits_for_it() {
    let (stage, dictation) = open(false).await;
    stage.speak("1", "", "fix the tests").await;
    stage.say("a", "2", "then push").await;
    stage.say("b", "3", "elsewhere").await;
    stage.texts("b", &["ok"]).await;
    assert_eq!(stage.prompts(), ["elsewhere"], "nobody else waits");
    dictation.lets.send_replace(true);
    stage.texts("a", &["ok", "ok"]).await;
    assert_eq!(stage.prompts(), ["elsewhere", "(voice transcribed) fix the tests", "then push"]);
}

#[tokio::test(start_paused = true)]
async fn directives_are_heeded_spoken_or_written_beside() {
    let (stage, _) = open(true).await;
    stage.speak("1", "", "/beta fix it").await;
    stage.texts("a", &["ok"]).await;
    stage.speak("2", "/beta", "fix that").await;
    stage.texts("a", &["ok", "ok"]).await;
    stage.speak("3", "", "/probe").await;
    stage.texts("a", &["ok", "ok", "stopped 0"]).await;
    assert_eq!(stage.prompts(), ["(voice transcribed) fix it", "(voice transcribed) fix that"]);
    for job in stage.engine.jobs() {
        let row = stage.ledger.run(job.run).await.unwrap().unwrap();
        assert_eq!(row.opened.engine.as_str(), "beta");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_heard_is_told_and_holds_nobody_up() {
    let (stage, dictation) = open(true).await;
    stage.speak("1", "", "nothing").await;
    stage.speak("2", "", "panic").await;
    stage.speak("3", "", "more than twenty bytes").await;
    stage.hand_in(note(&stage.service, "4", "", Some(21))).await;
    stage.hand_in(note(&stage.service, "5", "", None)).await;
    stage.say("a", "6", "go on").await;
    let seen = stage.service.wait_for("a", |seen| seen.len() == 6).await;
    let told = |upstream: &str| answering(&seen, upstream).body.text.clone();
    assert_eq!(told("1"), "nothing could be heard.");
    assert_eq!(told("2"), "error: transcribing the voice message crashed inside takopi");
    assert_eq!(told("3"), "voice message is too large to transcribe.");
    assert_eq!(told("4"), "voice message is too large to transcribe.");
    let gone = "failed to fetch voice file. there is no such file";
    assert_eq!(told("5"), gone);
    assert_eq!(stage.prompts(), ["go on"]);
    let mut heard = dictation.heard.lock().unwrap().clone();
    heard.sort();
    assert_eq!(heard, ["nothing", "panic"], "what is too large is not even fetched, or not sent");
    assert!(!stage.service.calls().contains(&"fetch 4".to_owned()));
    assert!(stage.ledger.unfinished().await.unwrap().inbox.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_speaks_where_nobody_listens_is_told_how_to_change_that() {
    let stage = Stage::open().await;
    stage.speak("1", "", "hello").await;
    let seen = stage.service.wait_for("a", |seen| seen.len() == 1).await;
    let told = &seen[0].body.text;
    assert!(told.ends_with("```toml\n[transports.fake]\nvoice_transcription = true\n```"), "{told}");
    assert_eq!(stage.service.calls(), ["send"], "nothing was fetched");
}

#[tokio::test(start_paused = true)]
async fn an_edited_caption_does_not_take_the_words_away() {
    let (stage, _) = open(true).await;
    stage.say("a", "1", "one gate:x").await;
    stage.speak("2", "", "two").await;
    stage.engine.wait_running(&["one gate:x"]).await;
    stage.service.wait_for("a", |seen| seen.len() == 2).await;
    let edited =
        Inbound::Edited(Message { upstream: "e".to_owned(), ..note(&stage.service, "2", "now", None) });
    stage.service.hand_in(edited).await.unwrap();
    stage.engine.open_gate("x");
    stage.texts("a", &["ok", "ok"]).await;
    assert_eq!(stage.prompts(), ["one gate:x", "(voice transcribed) two"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_is_not_heard_again_after_a_restart_and_the_rest_is() {
    let service = FakeTransport::new().with_spec(|spec| spec.features.conversations = true);
    let ledger = Arc::new(MemoryLedger::new());
    {
        let stage = Stage::open_with(service.clone(), ledger.clone()).await;
        let dictation = Arc::new(Dictation::default());
        stage.desk.set_transcriber(&service.instance(), Some(dictation.clone()));
        dictation.lets.send_replace(true);
        stage.say("a", "1", "one hang").await;
        stage.speak("2", "", "two").await;
        stage.service.wait_for("a", |seen| seen.len() == 2).await;
        dictation.lets.send_replace(false);
        stage.speak("3", "", "three").await;
        stage.say("a", "4", "four").await;
        while dictation.heard.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
        stage.desk.close(Duration::from_secs(5)).await;
    }
    let stage = Stage::unserved(service.clone(), ledger);
    let dictation = Arc::new(Dictation::default());
    dictation.lets.send_replace(true);
    stage.desk.set_transcriber(&service.instance(), Some(dictation.clone()));
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    stage.service.wait_for("a", |seen| texts(seen).iter().filter(|text| **text == "ok").count() == 3).await;
    assert_eq!(stage.prompts(), ["(voice transcribed) two", "(voice transcribed) three", "four"]);
    assert_eq!(*dictation.heard.lock().unwrap(), ["three"]);
}

#[tokio::test(start_paused = true)]
async fn a_voice_note_waits_for_its_instance() {
    let service = FakeTransport::new();
    let (stage, _) = open(true).await;
    stage.desk.retire(&service.instance()).await;
    let message = note(&stage.service, "1", "", None);
    stage.service.keep_file("1", b"hello");
    stage.ledger.accept(&Inbound::Message(message), crate::time::Timestamp::default()).await.unwrap();
    stage.desk.recover().await.unwrap();
    stage.serve().await;
    stage.texts("a", &["ok"]).await;
    assert_eq!(stage.prompts(), ["(voice transcribed) hello"]);
}

#[tokio::test(start_paused = true)]
async fn a_voice_note_that_is_not_meant_for_the_bot_goes_to_no_transcriber() {
    let (stage, dictation) = open(true).await;
    stage.say("a", "1", "session:s1 one").await;
    let answer = stage.texts("a", &["ok"]).await[0].id.to_string();
    let chat = stage.service.address("a");
    stage.ledger.prefer(&chat, PreferenceKey::Trigger, None, Some("mentions")).await.unwrap();
    stage.speak("2", "", "private").await;
    stage.speak("3", "look at this", "private too").await;
    stage.service.keep_file("4", b"reply");
    let reply = note(&stage.service, "4", "", None);
    let reply_to = stage.service.reply("a", "4", "", &answer).reply_to;
    stage.hand_in(Message { reply_to, ..reply }).await;
    stage.speak("5", "/beta", "named").await;
    stage.texts("a", &["ok", "ok", "ok"]).await;
    assert_eq!(*dictation.heard.lock().unwrap(), ["reply", "named"]);
    assert!(stage.ledger.unfinished().await.unwrap().inbox.is_empty(), "and is not kept for later");
}

#[tokio::test(start_paused = true)]
async fn a_caption_that_is_edited_before_the_note_is_heard_stands_before_its_words() {
    let (stage, dictation) = open(false).await;
    stage.speak("1", "/alpha", "fix the tests").await;
    stage.say("a", "2", "then push").await;
    let edited =
        |upstream: &str, message| Inbound::Edited(Message { upstream: upstream.to_owned(), ..message });
    stage.service.hand_in(edited("e1", note(&stage.service, "1", "/beta now", None))).await.unwrap();
    stage.service.hand_in(edited("e2", stage.service.message("a", "2", "then wait"))).await.unwrap();
    while stage.ledger.unfinished().await.unwrap().inbox.len() > 2 {
        tokio::task::yield_now().await;
    }
    dictation.lets.send_replace(true);
    stage.texts("a", &["ok", "ok"]).await;
    assert_eq!(stage.prompts(), ["now\n\n(voice transcribed) fix the tests", "then wait"]);
}
