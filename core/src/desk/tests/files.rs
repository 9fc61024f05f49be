//! Files on their way into a directory, with a prompt or without.

use super::*;
use crate::event::Outcome;
use crate::files::FilePath;
use crate::message::{Attachment, AttachmentKind};
use crate::port::transport::{AutoPut, FilePolicy};
use crate::port::workspace::{FileRules, Way};

fn policy() -> FilePolicy {
    let rules = FileRules { max_put_bytes: 20, ..FileRules::usual().unwrap() };
    let uploads = FilePath::parse("incoming/").unwrap();
    FilePolicy { auto_put: AutoPut::Prompt, uploads, people: Vec::new(), rules }
}

/// Opens a desk with the project `p`, whose runs are given files.
async fn open(service: FakeTransport) -> Stage {
    open_with(service, FakeWorkspace::at("/").with("p", "/p")).await
}

async fn open_with(service: FakeTransport, workspace: FakeWorkspace) -> Stage {
    let ledger = Arc::new(MemoryLedger::new());
    let stage = Stage::placed(service.with_files(policy()), ledger, workspace, SerializeBy::Session);
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    stage
}

impl Stage {
    /// Hands in files with a caption; each contains its own name.
    async fn enclose(&self, upstream: &str, caption: &str, names: &[&str]) {
        let file = |name: &&str| {
            self.service.keep_file(name, name.as_bytes());
            self.file(name, Some(name), None)
        };
        let attachments: Vec<Attachment> = names.iter().map(file).collect();
        self.hand_in(Message { attachments, ..self.service.message("a", upstream, caption) }).await;
    }

    fn file(&self, handle: &str, name: Option<&str>, bytes: Option<u64>) -> Attachment {
        let name = name.map(str::to_owned);
        Attachment { handle: handle.to_owned(), kind: AttachmentKind::File, name, bytes }
    }

    fn told_engine(&self) -> Vec<String> {
        self.engine.jobs().into_iter().map(|job| job.prompt).collect()
    }

    /// Waits until a message is answered with that, and returns the prompts that ran meanwhile.
    async fn answered(&self, upstream: &str, wanted: &str) {
        let is_it = |seen: &Seen| seen.reply_to.as_deref() == Some(upstream) && seen.body.text == wanted;
        self.service.wait_for("a", |seen| seen.iter().any(is_it)).await;
    }

    /// Returns what is left in the spool.
    fn spooled(&self) -> usize {
        let mine = format!("{}-", std::process::id());
        let left = std::fs::read_dir(self.ledger.spool()).map(|folder| {
            folder.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(&mine)).count()
        });
        left.unwrap_or_default()
    }
}

#[tokio::test(start_paused = true)]
async fn files_are_in_the_runs_directory_before_its_engine_starts() {
    let stage = open(FakeTransport::new()).await;
    stage.enclose("1", "/p look", &["a.txt"]).await;
    stage.answered("1", "ok").await;
    stage.enclose("2", "/p", &["b.txt"]).await;
    stage.answered("2", "ok").await;
    assert_eq!(
        stage.told_engine(),
        ["look\n\n[uploaded file: incoming/a.txt]", "[uploaded file: incoming/b.txt]"]
    );
    assert_eq!(stage.spooled(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_prompt_whose_file_cannot_be_stored_does_not_run_and_its_sender_is_told_why() {
    let stage = open(FakeTransport::new()).await;
    stage.enclose("1", "/p look", &["a.txt"]).await;
    stage.answered("1", "ok").await;
    stage.enclose("2", "/p again", &["a.txt"]).await;
    let exists = "file already exists; use --force to overwrite. To keep incoming/a.txt, name another path";
    stage.answered("2", exists).await;
    stage.enclose("3", "/p look", &["more than twenty bytes"]).await;
    let large = "file is too large to upload. At most 20 b can be; make it smaller or split it";
    stage.answered("3", large).await;
    let told = stage.file("told", Some("told"), Some(21));
    let message = stage.service.message("a", "4", "/p look");
    stage.hand_in(Message { attachments: vec![told], ..message }).await;
    stage.answered("4", large).await;
    stage.enclose("5", "look", &["b.txt"]).await;
    stage.answered("5", &FileError::NoProject(Way::Put).to_string()).await;
    let gone = stage.file("gone", Some("gone"), None);
    let message = stage.service.message("a", "6", "/p look");
    stage.hand_in(Message { attachments: vec![gone], ..message }).await;
    stage.answered("6", "failed to fetch file metadata. The service refused: there is no such file").await;
    assert_eq!(stage.told_engine().len(), 1);
    assert!(!stage.service.calls().contains(&"fetch told".to_owned()));
    assert!(stage.ledger.unfinished().await.unwrap().runs.is_empty());
    assert_eq!(stage.spooled(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_album_runs_with_what_could_be_stored_of_it() {
    let stage = open(FakeTransport::new()).await;
    let album = |upstream: &str, caption: &str, names: &[&str]| {
        let attachments = names.iter().map(|name| stage.file(name, Some(name), None)).collect();
        let album = Some("album".to_owned());
        Message { attachments, album, ..stage.service.message("a", upstream, caption) }
    };
    for name in ["a.txt", "b.txt", ".env"] {
        stage.service.keep_file(name, name.as_bytes());
    }
    stage.hand_in(album("1", "/p compare", &["a.txt", ".env", "b.txt"])).await;
    stage.answered("1", "ok").await;
    stage.answered("1", "some files failed to upload.\n\nfailed: .env (path denied by rule: .env)").await;
    stage.hand_in(album("2", "/p compare", &[".env"])).await;
    stage.answered("2", "failed to upload files.\n\nfailed: .env (path denied by rule: .env)").await;
    let wanted = "compare\n\n[uploaded files]\n- incoming/a.txt\n- incoming/b.txt";
    assert_eq!(stage.told_engine(), [wanted]);
}

#[tokio::test(start_paused = true)]
async fn files_without_a_name_get_one_that_is_free() {
    let stage = open(FakeTransport::new()).await;
    for upstream in ["1", "2"] {
        stage.service.keep_file("photo.jpg", upstream.as_bytes());
        let photo = stage.file("photo.jpg", None, None);
        let message = stage.service.message("a", upstream, "/p look");
        stage.hand_in(Message { attachments: vec![photo], ..message }).await;
        stage.answered(upstream, "ok").await;
    }
    let told = stage.told_engine();
    assert!(told[0].ends_with("[uploaded file: incoming/photo.jpg]"), "{told:?}");
    assert!(told[1].ends_with("[uploaded file: incoming/photo-2.jpg]"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_a_run_whose_file_is_still_coming() {
    let stage = open(FakeTransport::new()).await;
    stage.service.keep_file("slow", FakeTransport::ENDLESS);
    let slow = stage.file("slow", Some("slow"), None);
    let message = stage.service.message("a", "1", "/p look");
    stage.hand_in(Message { attachments: vec![slow], ..message }).await;
    stage.service.wait_for_call("fetch slow").await;
    stage.say("a", "2", "/cancel").await;
    stage.answered("2", "stopped 1").await;
    stage.service.wait_for("a", |seen| seen.iter().any(|seen| seen.body.header.is_some())).await;
    let run = stage.desk.0.live().keys().copied().next().unwrap();
    let row = stage.ledger.run(run).await.unwrap().unwrap();
    assert_eq!(row.outcome, Some(Outcome::Cancelled));
    assert_eq!((stage.told_engine().len(), stage.spooled()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_use_files_is_told_and_nothing_is_fetched() {
    let stage = open(FakeTransport::new().with_member()).await;
    stage.enclose("1", "/p look", &["a.txt"]).await;
    stage.answered("1", "file transfer is restricted to group admins.").await;
    assert!(!stage.service.calls().iter().any(|call| call.starts_with("fetch")));

    let service = FakeTransport::new();
    let ledger = Arc::new(MemoryLedger::new());
    let named = FilePolicy { people: vec!["2".to_owned()], ..policy() };
    let workspace = FakeWorkspace::at("/").with("p", "/p");
    let stage = Stage::placed(service.with_files(named), ledger, workspace, SerializeBy::Session);
    stage.serve().await;
    stage.desk.recover().await.unwrap();
    stage.enclose("1", "/p look", &["a.txt"]).await;
    stage.answered("1", "file transfer is not allowed for this user.").await;
    assert_eq!(stage.told_engine().len(), 0);
}
