//! `/forget` on Telegram: asked about, agreed to with a button, and gone from the file.

use takopi_fake::telegram::Say;

use crate::house::Daemon;
use crate::telegram::{ADA, home, said, server};

#[test]
fn telegram_what_was_said_is_forgotten_once_somebody_agreed_and_never_runs_again() {
    let server = server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    let ran = server.send(Say::new(ADA, ADA, "echo x >> ran; echo xylophone-8731"));
    said(&server, "xylophone-8731");
    server.wait_in(ADA, "one answer alone", |shown| {
        let replies = shown.iter().filter(|shown| shown.reply_to == Some(ran.message)).count();
        (replies == 1).then_some(())
    });
    server.say(ADA, ADA, "/forget");
    let asked = said(&server, "takopi keeps of this chat");
    assert!(asked.text.contains("1 run with its answer"), "{}", asked.text);
    assert_eq!(asked.labels(), ["forget it"]);
    server.press(ADA, asked.id, ADA, "forget it");
    let gone = said(&server, "forgotten: ");
    assert!(gone.text.contains("are not takopi's"), "{}", gone.text);

    server.redeliver(ran.update);
    server.repeat(ran.update);
    server.say(ADA, ADA, "echo afterwards");
    said(&server, "afterwards");
    assert_eq!(home.lines("ran"), ["x"]);
    daemon.stop();
    let ledger = std::fs::read(home.place().join("takopi.db")).unwrap();
    assert!(!String::from_utf8_lossy(&ledger).contains("xylophone"), "it is not in the file any more");
}
