//! Groups on Telegram: who is answered there, and who may change that.

use takopi_fake::telegram::{Fault, Injection, Role, Shown, TelegramServer};

use crate::house::Daemon;
use crate::telegram::{ADA, home, server};

const GROUP: i64 = -100;

/// A member who is no administrator.
const BEN: i64 = 8;

fn answer(server: &TelegramServer, to: i64) -> String {
    let is_answer = |shown: &&Shown| shown.by_bot && shown.reply_to == Some(to) && shown.buttons.is_empty();
    server.wait_in(GROUP, "the answer", |shown| shown.iter().find(is_answer).map(|one| one.text.clone()))
}

fn ask(server: &TelegramServer, person: i64, text: &str) -> String {
    answer(server, server.say(GROUP, person, text))
}

#[test]
fn telegram_only_administrators_of_a_group_say_whose_messages_run_there() {
    let server = server();
    server.supergroup(GROUP, "team");
    server.user(BEN, "Ben", "ben");
    server.role(GROUP, ADA, Role::Owner);
    server.role(GROUP, BEN, Role::Member);
    let home = home(&server, "[projects.team]\npath = '.'\nchat_id = -100\n");
    let daemon = Daemon::start(&home);
    assert_eq!(
        ask(&server, BEN, "/trigger mentions"),
        "changing trigger mode is restricted to group admins."
    );
    server
        .inject(Injection::of("getChatMember", Fault::Refuse(400, "Bad Request: chat not found".to_owned())));
    let unknown = ask(&server, ADA, "/trigger mentions");
    assert!(unknown.starts_with("failed to verify trigger permissions."), "{unknown}");
    assert!(ask(&server, BEN, "/trigger").starts_with("trigger: all (default)"));
    assert_eq!(ask(&server, ADA, "/trigger mentions"), "chat trigger mode set to mentions");
    let overheard = server.say(GROUP, BEN, "echo just chatting");
    let ran = ask(&server, BEN, "/shell echo by its word");
    assert!(ran.contains("by its word"), "{ran}");
    assert!(!server.shown(GROUP).iter().any(|shown| shown.reply_to == Some(overheard)));
    assert_eq!(ask(&server, ADA, "/trigger clear"), "chat trigger mode reset to all.");
    assert!(ask(&server, BEN, "echo for all again").contains("for all again"));
    daemon.stop();
}
