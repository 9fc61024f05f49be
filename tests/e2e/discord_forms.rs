//! Forms that messages take on Discord: posts of a forum, files that are what somebody says, and whom nobody serves.

use takopi_fake::discord::Attachment;

use crate::discord::{config, home, said, thread_on};
use crate::house::{Daemon, Home};

#[test]
fn discord_a_post_of_a_forum_is_answered_in_it() {
    let server = crate::discord::server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let post = server.person("alice").posts("forum", "an idea", "@takopi echo in the post");
    assert_eq!(said(&server, post, "in the post").reply_to, Some(post));
    daemon.stop();
}

#[test]
fn discord_a_post_that_was_written_while_nobody_listened_is_answered_in_it() {
    let server = crate::discord::server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let asked = server.person("alice").says("general", "@takopi echo awake");
    said(&server, thread_on(&server, asked).id, "awake");
    daemon.stop();
    let post = server.person("alice").posts("forum", "an idea", "@takopi echo missed");
    let daemon = Daemon::start(&home);
    said(&server, post, "missed");
    daemon.stop();
}

#[test]
fn discord_who_is_not_served_is_told_in_the_channel_and_gets_no_thread() {
    let server = crate::discord::server();
    let home = Home::with_config(&config(&server, "shell", ""));
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let asked = server.person("bob").says("general", "@takopi echo mine");
    assert_eq!(said(&server, "general", "takopi serves only members").reply_to, Some(asked));
    assert!(server.threads().is_empty(), "{:?}", server.threads());
    daemon.stop();
}

#[test]
fn discord_a_long_paste_is_what_somebody_says() {
    let server = crate::discord::server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let script = format!("echo {} | wc -c", "x".repeat(2999));
    let paste = Attachment::new("message.txt", script.as_bytes()).typed("text/plain; charset=utf-8");
    let asked = server.person("alice").sends("general", "@takopi", None, &[paste]);
    said(&server, thread_on(&server, asked).id, "3000");
    daemon.stop();
}
