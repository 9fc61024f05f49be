//! Messages, threads and answers on Discord: where a conversation takes place, and what is shown of it.

use crate::discord::{agents, by_bot, home, said, server, thread_on, with_button};
use crate::house::Daemon;

#[test]
fn discord_a_thread_is_one_session_and_two_threads_do_not_mix() {
    let server = server();
    let agents = agents(&server, "");
    let daemon = Daemon::start(&agents.home);
    server.wait_ready();
    let alice = server.person("alice");
    let one = alice.says("general", "@takopi apples");
    said(&server, thread_on(&server, one).id, "ok: apples (turn 1)");
    let other = alice.says("general", "@takopi pears");
    said(&server, thread_on(&server, other).id, "ok: pears (turn 1)");
    alice.says(one, "more");
    said(&server, one, "ok: more (turn 2)");
    alice.says(other, "enough");
    said(&server, other, "ok: enough (turn 2)");
    let sessions: std::collections::BTreeSet<_> =
        agents.log("turn").iter().map(|turn| turn["session"].to_string()).collect();
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    daemon.stop();
}

#[test]
fn discord_the_answer_is_a_new_message_that_pings_who_asked_and_nobody_else() {
    let server = server();
    let agents = agents(&server, "");
    let daemon = Daemon::start(&agents.home);
    server.wait_ready();
    let alice = server.person("alice");
    let bob = server.person("bob").id;
    let first = alice.says("general", &format!("@takopi [[say first @everyone @here <@{bob}>]]"));
    let answer = said(&server, thread_on(&server, first).id, "first");
    assert_eq!((answer.edits, answer.silent), (0, false));
    let asked = alice.says(first, "[[say second @everyone]]");
    let second = said(&server, first, "second");
    assert_eq!((second.edits, second.silent, second.reply_to), (0, false, Some(asked)));
    let pings = server.pings();
    assert_eq!(pings.iter().map(|ping| ping.message).collect::<Vec<_>>(), [answer.id, second.id]);
    for ping in &pings {
        assert_eq!((ping.users.as_slice(), ping.everyone), (&["alice".to_owned()][..], false), "{ping:?}");
    }
    // Of the progress nothing is left.
    server.wait_in(first, "answers alone", |shown| {
        let left = shown.iter().filter(|one| one.by_bot && !one.service && one.deleted.is_none());
        (left.count() == 2).then_some(())
    });
    daemon.stop();
}

#[test]
fn discord_an_edit_amends_what_waits_a_deletion_drops_it_and_a_preview_changes_nothing() {
    let server = server();
    let agents = agents(&server, "");
    let gate = agents.gate("hold");
    let daemon = Daemon::start(&agents.home);
    server.wait_ready();
    let alice = server.person("alice");
    let thread = alice.says("general", "@takopi [[wait hold]] one");
    thread_on(&server, thread);
    let standing = gate.reached();
    let amended = alice.says(thread, "befre");
    said(&server, thread, "queued");
    let dropped = [alice.says(thread, "never"), alice.says(thread, "never at all")];
    let linked = alice.says(thread, "see http://127.0.0.1/page");
    let waiting = |count: usize| {
        server.wait_in(thread, &format!("{count} that wait"), |shown| {
            let queued = shown.iter().filter(|one| one.deleted.is_none() && one.text.contains("queued"));
            (queued.count() == count).then_some(())
        });
    };
    waiting(4);
    // Twice, and in one second if this machine is not too slow.
    alice.edits(amended, "befor");
    alice.deletes(dropped[0]);
    waiting(3);
    alice.edits(amended, "before");
    alice.deletes(dropped[1]);
    server.unfurl(linked, "http://127.0.0.1/page");
    waiting(2);
    drop(standing);
    said(&server, thread, "(turn 3)");
    let prompts: Vec<_> = by_bot(&server, thread).into_iter().map(|shown| shown.text).collect();
    assert!(prompts.iter().any(|text| text.contains("ok: before (turn 2)")), "{prompts:#?}");
    assert!(!prompts.iter().any(|text| text.contains("never")), "{prompts:#?}");
    daemon.stop();
}

#[test]
fn discord_an_edit_of_what_runs_and_a_preview_of_what_ran_start_nothing() {
    let server = server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let alice = server.person("alice");
    let thread = alice.says("general", "@takopi echo x >> ran; echo one");
    said(&server, thread_on(&server, thread).id, "one");
    server.unfurl(thread, "http://127.0.0.1/page");
    alice.edits(thread, "@takopi echo y >> ran; echo two");
    server.repeat(thread);
    alice.says(thread, "echo after");
    said(&server, thread, "after");
    assert_eq!(home.lines("ran"), ["x"]);
    daemon.stop();
}

#[test]
fn discord_typing_is_shown_while_it_works_and_stops_before_the_answer_and_at_a_cancel() {
    let server = server();
    let agents = agents(&server, "");
    let gate = agents.gate("hold");
    let daemon = Daemon::start(&agents.home);
    server.wait_ready();
    let alice = server.person("alice");
    let thread = alice.says("general", "@takopi [[wait hold]] one");
    let standing = gate.reached();
    let began = |log: &takopi_fake::discord::Log| log.of("POST /channels/:id/typing").next().map(drop);
    server.wait_for("typing", began);
    drop(standing);
    said(&server, thread, "ok: one");
    assert!(!server.typing(thread), "typing beside the answer");
    let other = alice.says("general", "@takopi [[wait hold]] two");
    let progress = with_button(&server, thread_on(&server, other).id, "cancel");
    let standing = gate.reached();
    alice.clicks(progress.id, "cancel");
    let told = said(&server, other, "cancelled");
    drop(standing);
    let before = server.log().of("POST /channels/:id/typing").count();
    // Longer than the pause between two signs of it.
    server.advance(std::time::Duration::from_secs(11));
    assert!(!server.typing(other), "typing after a cancel: {told:?}");
    alice.says(thread, "after");
    said(&server, thread, "ok: after");
    let in_other = server.log();
    let in_other = in_other.of("POST /channels/:id/typing").skip(before);
    assert_eq!(in_other.filter(|call| call.channel == Some(other)).count(), 0);
    daemon.stop();
}

#[test]
fn discord_a_long_answer_arrives_whole_in_parts_and_beyond_them_as_a_file() {
    let server = server();
    let home = home(&server, "");
    let daemon = Daemon::start(&home);
    server.wait_ready();
    let alice = server.person("alice");
    let thread = alice.says("general", "@takopi seq -f 'line %04g of many words that are said' 1 100");
    let last = said(&server, thread_on(&server, thread).id, "line 0100");
    let parts = by_bot(&server, thread);
    for number in 1..=100 {
        let line = format!("line {number:04} of many words that are said");
        assert!(parts.iter().any(|part| part.text.contains(&line)), "{line}");
    }
    assert!(parts.iter().all(|part| part.text.chars().count() <= 2000));
    assert!(last.files.is_empty());
    alice.says(thread, "seq -f 'long %05g of many words that are said' 1 2000");
    let with_file = server.wait_in(thread, "a file", |shown| {
        shown.iter().find(|one| one.by_bot && !one.files.is_empty()).cloned()
    });
    let text = String::from_utf8_lossy(&with_file.files[0].bytes).into_owned();
    let parts: String = by_bot(&server, thread).into_iter().map(|part| part.text).collect();
    for number in [1, 2, 999, 1000, 1999, 2000] {
        let line = format!("long {number:05} of many words that are said");
        assert!(text.contains(&line) || parts.contains(&line), "{line}");
    }
    daemon.stop();
}

#[test]
fn discord_a_thread_whose_session_is_gone_goes_on_in_a_new_one_and_says_so() {
    let server = server();
    let agents = agents(&server, "");
    let daemon = Daemon::start(&agents.home);
    server.wait_ready();
    let alice = server.person("alice");
    let thread = alice.says("general", "@takopi one");
    said(&server, thread_on(&server, thread).id, "ok: one (turn 1)");
    agents.lose_sessions();
    let asked = alice.says(thread, "two");
    let answer = said(&server, thread, "ok: two (turn 1)");
    assert!(answer.text.contains("session not found; began a new one"), "{answer:?}");
    assert_eq!(answer.reply_to, Some(asked));
    alice.says(thread, "three");
    let answer = said(&server, thread, "ok: three (turn 2)");
    assert!(!answer.text.contains("began a new one"), "{answer:?}");
    assert_eq!(by_bot(&server, thread).iter().filter(|shown| shown.text.contains("ok: ")).count(), 3);
    daemon.stop();
}

#[test]
fn discord_a_thread_begun_with_an_engine_goes_on_with_it_until_another_is_chosen() {
    let server = server();
    let agents = agents(&server, "");
    let gate = agents.gate("hold");
    let daemon = Daemon::start(&agents.home);
    server.wait_ready();
    let alice = server.person("alice");
    let thread = alice.says("general", "@takopi /claude [[wait hold]] one");
    thread_on(&server, thread);
    let standing = gate.reached();
    alice.says(thread, "two");
    said(&server, thread, "queued");
    drop(standing);
    said(&server, thread, "ok: two (turn 2)");
    alice.says(thread, "/agent codex");
    said(&server, thread, "default engine set to");
    alice.says(thread, "three");
    said(&server, thread, "ok: three (turn 1)");
    let engines: Vec<_> = agents.log("start").iter().map(|start| start["cli"].clone()).collect();
    assert_eq!(engines, ["claude", "claude", "codex"]);
    daemon.stop();
}
