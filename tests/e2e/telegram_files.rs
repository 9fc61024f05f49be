//! Files that are sent to a bot: stored in a project, handed to an agent with a prompt, or refused with why.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use takopi_fake::telegram::{Attachment, Fault, Injection, Role, Say, Shown, TOKEN, TelegramServer};

use crate::agents::Agents;
use crate::house::Daemon;
use crate::telegram::{ADA, server};

const GROUP: i64 = -100;

/// A member who is no administrator.
const BEN: i64 = 8;

/// A bot with a project, in which files come by these settings.
struct Bed {
    server: TelegramServer,
    agents: Agents,
}

impl Bed {
    fn new(files: &str) -> Self {
        let server = server();
        server.supergroup(GROUP, "team");
        server.user(BEN, "Ben", "ben");
        server.role(GROUP, ADA, Role::Owner);
        server.role(GROUP, BEN, Role::Member);
        let agents = Agents::with(&["codex"], "");
        let bed = Self { server, agents };
        std::fs::create_dir(bed.project()).unwrap();
        bed.agents.home.configure(&format!(
            "transport = ['telegram', 'local']\ndefault_engine = 'codex'\ndefault_project = 'app'\n\
             [projects.App]\npath = '{}'\nchat_id = {GROUP}\n\
             [transports.telegram]\nbot_token = '{TOKEN}'\nchat_id = {ADA}\napi_url = '{}'\n\
             media_group_debounce_s = 0.2\n[transports.telegram.files]\n{files}",
            bed.project().display(),
            bed.server.url()
        ));
        bed
    }

    fn project(&self) -> PathBuf {
        self.agents.home.work().join("app")
    }

    fn daemon(&self) -> Daemon<'_> {
        Daemon::start(&self.agents.home)
    }

    fn stored(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.project().join(path)).ok()
    }

    /// Sends a file with a caption and returns what is answered.
    fn send(&self, caption: &str, file: Attachment) -> String {
        self.send_as(ADA, ADA, caption, file)
    }

    fn send_as(&self, chat: i64, person: i64, caption: &str, file: Attachment) -> String {
        let sent = self.server.send(Say::new(chat, person, caption).with(file)).message;
        self.answer(chat, sent)
    }

    /// Sends an album whose first part has a caption, and returns what is answered to that.
    fn send_album(&self, id: &str, caption: &str, files: Vec<Attachment>) -> String {
        let mut captions = std::iter::once(caption).chain(std::iter::repeat(""));
        let say = |file| Say::new(ADA, ADA, captions.next().unwrap()).with(file).album(id);
        let parts: Vec<Say> = files.into_iter().map(say).collect();
        self.server.hold_updates(true);
        let sent: Vec<i64> = parts.into_iter().map(|part| self.server.send(part).message).collect();
        self.server.hold_updates(false);
        self.answer(ADA, sent[0])
    }

    fn answer(&self, chat: i64, to: i64) -> String {
        let is_answer = |shown: &&Shown| {
            shown.by_bot && shown.reply_to == Some(to) && shown.buttons.is_empty() && shown.deleted.is_none()
        };
        self.server.wait_in(chat, "the answer", |shown| {
            shown.iter().find(is_answer).map(|answer| answer.text.clone())
        })
    }

    /// Returns how many files lie in the spool, unfinished or forgotten.
    fn spooled(&self) -> usize {
        let folder = self.agents.home.place().join("takopi.spool/arriving");
        std::fs::read_dir(folder).map(Iterator::count).unwrap_or_default()
    }
}

fn document(name: &str) -> Attachment {
    Attachment::document(name, b"content")
}

#[test]
fn telegram_a_document_is_stored_where_its_caption_says_and_never_outside() {
    let bed = Bed::new("enabled = true");
    let elsewhere = bed.agents.home.work().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, bed.project().join("out")).unwrap();
    let daemon = bed.daemon();
    let is_file = |(name, _): &(String, String)| name == "file";
    bed.server
        .wait_for("the menu", |log| log.of("setMyCommands").find(|call| call.ended.is_some()).map(drop));
    assert!(bed.server.menu().iter().any(is_file));
    let told = |caption: &str, file: Attachment| bed.send(caption, file);
    assert_eq!(told("", document("n.txt")), "saved incoming/n.txt in App (7 b)");
    assert_eq!(bed.stored("incoming/n.txt").unwrap(), b"content");
    assert!(told("", document("n.txt")).starts_with("file already exists; use --force to overwrite."));
    let forced = told("/file put --force", Attachment::document("n.txt", b"new"));
    assert_eq!(
        (forced.as_str(), bed.stored("incoming/n.txt").unwrap().as_slice()),
        ("saved incoming/n.txt in App (3 b)", &b"new"[..])
    );
    assert_eq!(told("/file put docs/", document("a.txt")), "saved docs/a.txt in App (7 b)");
    let photo = Attachment::photo(b"more than the small one");
    assert_eq!(told("", photo), "saved incoming/file_5.jpg in App (23 b)");
    assert!(told("what is this", document("c.txt")).starts_with("usage: /file put <path>"));
    assert!(told("/file put out/x.txt", document("x.txt")).starts_with("upload path escapes the repo root."));
    assert!(told("/file put deep/.ENV", document("x.txt")).starts_with("path denied by rule: .env"));
    assert!(told("", document(".env")).starts_with("path denied by rule: .env"));
    assert!(told("/file put ../x.txt", document("x.txt")).starts_with("invalid upload path."));
    let large = "file is too large to upload. At most 20 mb";
    assert!(told("", document("l.bin").claiming(21 << 20)).starts_with(large));
    let lies = Attachment::document("l.bin", &vec![0; (20 << 20) + 1]).claiming(7);
    assert!(told("", lies).starts_with(large));
    assert_eq!(std::fs::read_dir(elsewhere).unwrap().count(), 0);
    let incoming = std::fs::read_dir(bed.project().join("incoming")).unwrap().count();
    assert_eq!((incoming, bed.spooled(), bed.agents.log("turn").len()), (2, 0, 0));
    daemon.stop();
}

#[test]
fn telegram_a_caption_is_a_prompt_whose_agent_finds_the_file() {
    let bed = Bed::new("enabled = true\nauto_put_mode = 'prompt'");
    let daemon = bed.daemon();
    let answer = bed.send("look at it", document("n.txt"));
    assert!(answer.contains("ok: look at it\n\n[uploaded file: incoming/n.txt] (turn 1)"), "{answer}");
    assert_eq!(bed.stored("incoming/n.txt").unwrap(), b"content");
    assert!(bed.send("look again", document("n.txt")).starts_with("file already exists"));
    assert_eq!(bed.send("", document("m.txt")), "saved incoming/m.txt in App (7 b)");
    assert_eq!(bed.agents.log("turn").len(), 1);
    daemon.stop();
}

#[test]
fn telegram_an_album_is_stored_together_or_is_what_a_prompt_is_about() {
    let bed = Bed::new("enabled = true\nauto_put_mode = 'prompt'");
    let daemon = bed.daemon();
    let album =
        |id: &str, caption: &str, names: [&str; 2]| bed.send_album(id, caption, names.map(document).to_vec());
    assert_eq!(album("1", "", ["a.txt", "b.txt"]), "saved a.txt, b.txt to incoming/ in App (14 b)");
    assert_eq!(
        album("2", "/file put docs", ["a.txt", ".env"]),
        "saved a.txt to docs/ in App (7 b)\n\nfailed: .env (path denied by rule: .env)"
    );
    let answer = album("3", "compare", ["c.txt", "d.txt"]);
    let prompt = "ok: compare\n\n[uploaded files]\n- incoming/c.txt\n- incoming/d.txt (turn 1)";
    assert!(answer.contains(prompt), "{answer}");
    daemon.stop();
}

#[test]
fn telegram_files_that_are_switched_off_are_answered_and_not_in_the_menu() {
    let bed = Bed::new("enabled = false");
    let daemon = bed.daemon();
    let disabled = "file transfer disabled; enable [transports.telegram.files].";
    assert_eq!(bed.send("", document("n.txt")), disabled);
    assert_eq!(bed.send("what is this", document("n.txt")), disabled);
    assert_eq!(bed.send("/file put", document("n.txt")), disabled);
    let sticker = bed.server.send(Say::new(ADA, ADA, "").with(Attachment::sticker(b"webp"))).message;
    assert_eq!(bed.answer(ADA, bed.server.say(ADA, ADA, "/file")), disabled);
    assert!(!bed.server.shown(ADA).iter().any(|shown| shown.reply_to == Some(sticker)));
    let is_there = bed.server.menu().iter().any(|(name, _)| name == "file");
    assert!(!is_there && !bed.project().join("incoming").exists());
    daemon.stop();
}

#[test]
fn telegram_in_a_group_only_administrators_or_those_who_are_named_put_files() {
    let bed = Bed::new("enabled = true\nauto_put_mode = 'prompt'");
    let daemon = bed.daemon();
    let refused = "file transfer is restricted to group admins.";
    assert_eq!(bed.send_as(GROUP, BEN, "/file put", document("n.txt")), refused);
    assert_eq!(bed.send_as(GROUP, BEN, "look", document("n.txt")), refused);
    assert_eq!(bed.send_as(GROUP, ADA, "", document("n.txt")), "saved incoming/n.txt in App (7 b)");
    daemon.stop();
    assert!(bed.agents.log("turn").is_empty());

    let bed = Bed::new("enabled = true\nallowed_user_ids = [8]");
    let daemon = bed.daemon();
    assert_eq!(bed.send_as(GROUP, BEN, "", document("n.txt")), "saved incoming/n.txt in App (7 b)");
    assert_eq!(bed.send("", document("m.txt")), "file transfer is not allowed for this user.");
    daemon.stop();
}

#[test]
fn telegram_a_cancel_ends_a_prompt_whose_file_is_still_coming() {
    let bed = Bed::new("enabled = true\nauto_put_mode = 'prompt'");
    let daemon = bed.daemon();
    bed.server.inject(Injection::of("file", Fault::HangBefore));
    let sent = bed.server.send(Say::new(ADA, ADA, "look").with(document("n.txt"))).message;
    bed.server.wait_for("the download", |log| log.of("file").next().map(|_| ()));
    assert_eq!(bed.spooled(), 1);
    let cancel = bed.server.say(ADA, ADA, "/cancel");
    assert!(bed.answer(ADA, sent).starts_with("cancelled · codex"));
    bed.answer(ADA, cancel);
    assert_eq!((bed.spooled(), bed.agents.log("start").len()), (0, 0));
    bed.server.release();
    daemon.stop();
    assert!(!bed.project().join("incoming").exists());
}

#[test]
fn telegram_what_a_crash_leaves_of_a_download_goes_with_the_next_start_which_stores_the_file() {
    let bed = Bed::new("enabled = true");
    let daemon = bed.daemon();
    bed.server.inject(Injection::of("file", Fault::HangBefore));
    let sent = bed.server.send(Say::new(ADA, ADA, "").with(document("n.txt"))).message;
    bed.server.wait_for("the download", |log| log.of("file").next().map(|_| ()));
    daemon.kill();
    assert_eq!(bed.spooled(), 1);
    bed.server.release();
    let daemon = bed.daemon();
    assert_eq!(bed.answer(ADA, sent), "saved incoming/n.txt in App (7 b)");
    assert_eq!(bed.spooled(), 0);
    daemon.stop();
}
