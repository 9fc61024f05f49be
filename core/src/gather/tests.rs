//! The gatherer by its rules one at a time, then over random conversations.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::id::PluginId;
use crate::message::{Attachment, AttachmentKind, Sender};
use crate::time::Timestamp;

const WINDOWS: Windows = Windows { album: Duration::from_secs(1), forward: Duration::from_millis(300) };

fn at(millis: u64) -> Moment {
    Moment::after_start(Duration::from_millis(millis))
}

/// What a person called Ann writes in the one chat there is.
fn said(number: i64, text: &str) -> Message {
    let id = PluginId::parse("telegram").unwrap();
    let address = Address { instance: id, chat: "7".to_owned(), thread: None };
    Message {
        upstream: number.to_string(),
        message: MessageRef { address, id: number.to_string() },
        sender: Sender { id: "ann".to_owned(), name: "Ann".to_owned(), is_bot: false },
        text: text.to_owned(),
        reply_to: None,
        attachments: Vec::new(),
        album: None,
        forwarded: false,
        sent_at: Timestamp::default(),
        chosen: Default::default(),
    }
}

fn forwarded(number: i64, text: &str) -> Message {
    Message { forwarded: true, ..said(number, text) }
}

fn part(number: i64, album: &str, text: &str) -> Message {
    let handle = format!("file {number}");
    let file = Attachment { handle, kind: AttachmentKind::Image, name: None, bytes: None };
    Message { album: Some(album.to_owned()), attachments: vec![file], ..said(number, text) }
}

fn by(sender: &str, mut message: Message) -> Message {
    message.sender.id = sender.to_owned();
    message
}

/// Pushes a message under its own number and returns what comes out: the numbers and the text.
fn push(gatherer: &mut Gatherer, message: Message, now: u64) -> Vec<(Vec<i64>, String)> {
    let inbox = InboxId(message.upstream.parse().unwrap());
    brief(gatherer.push(inbox, message, WINDOWS, at(now)))
}

fn brief(gathered: Vec<Gathered>) -> Vec<(Vec<i64>, String)> {
    let numbers = |inbox: Vec<InboxId>| inbox.into_iter().map(|inbox| inbox.0).collect();
    gathered.into_iter().map(|gathered| (numbers(gathered.inbox), gathered.message.text)).collect()
}

fn out(inbox: &[i64], text: &str) -> (Vec<i64>, String) {
    (inbox.to_vec(), text.to_owned())
}

#[test]
fn an_album_becomes_one_message_a_second_after_its_last_part() {
    let mut gatherer = Gatherer::default();
    assert_eq!(push(&mut gatherer, part(1, "a", ""), 0), []);
    assert_eq!(push(&mut gatherer, part(2, "b", "other"), 100), []);
    assert_eq!(push(&mut gatherer, part(3, "a", "caption"), 900), []);
    assert_eq!(gatherer.next_wake(), Some(at(1_900)));
    assert_eq!(gatherer.due(at(1_899)), []);
    let mut due = gatherer.due(at(1_900));
    let files: Vec<_> = due[0].message.attachments.iter().map(|file| file.handle.as_str()).collect();
    assert_eq!(files, ["file 1", "file 3"]);
    assert_eq!(due[0].message.upstream, "1");
    assert_eq!(brief(std::mem::take(&mut due)), [out(&[1, 3], "caption"), out(&[2], "other")]);
}

#[test]
fn an_album_stands_where_its_text_is() {
    let mut gatherer = Gatherer::default();
    push(&mut gatherer, part(1, "a", " "), 0);
    push(&mut gatherer, part(2, "a", "caption"), 0);
    push(&mut gatherer, part(3, "a", "another"), 0);
    push(&mut gatherer, part(4, "b", ""), 0);
    let due = gatherer.due(at(1_000));
    assert_eq!((due[0].message.message.id.as_str(), due[0].place()), ("2", Some(InboxId(1))));
    assert_eq!(due[1].message.message.id, "4");
}

#[test]
fn a_forwarded_file_is_a_matter_of_its_own() {
    let mut gatherer = Gatherer::default();
    push(&mut gatherer, forwarded(1, "that"), 0);
    assert_eq!(push(&mut gatherer, said(2, "explain"), 10), []);
    let file = Message { forwarded: true, album: None, ..part(3, "", "report") };
    let both = [out(&[1, 2], "explain\n\nthat"), out(&[3], "report")];
    assert_eq!(push(&mut gatherer, file, 20), both, "it joins nothing and comes in its turn");
}

#[test]
fn what_the_same_person_writes_is_held_behind_an_album_and_nobody_else() {
    let mut gatherer = Gatherer::default();
    push(&mut gatherer, part(1, "a", "look"), 0);
    assert_eq!(push(&mut gatherer, said(2, "and do it"), 10), []);
    assert_eq!(push(&mut gatherer, by("bob", said(3, "hi")), 20), []);
    assert_eq!(brief(gatherer.due(at(320))), [out(&[3], "hi")]);
    push(&mut gatherer, part(4, "a", ""), 330);
    assert_eq!(brief(gatherer.due(at(1_330))), [out(&[1, 4], "look"), out(&[2], "and do it")]);
}

#[test]
fn forwarded_messages_join_the_plain_one_that_follows() {
    let mut gatherer = Gatherer::default();
    push(&mut gatherer, forwarded(1, "first"), 0);
    push(&mut gatherer, forwarded(2, ""), 100);
    assert_eq!(push(&mut gatherer, said(3, "explain"), 200), []);
    push(&mut gatherer, forwarded(4, "last"), 400);
    let due = gatherer.due(at(700));
    assert_eq!((due[0].message.upstream.as_str(), due[0].message.forwarded), ("3", false));
    assert_eq!(brief(due), [out(&[1, 2, 3, 4], "explain\n\nfirst\n\nlast")]);
}

#[test]
fn a_second_plain_message_ends_the_wait_of_the_first() {
    let mut gatherer = Gatherer::default();
    push(&mut gatherer, forwarded(1, "that"), 0);
    push(&mut gatherer, said(2, "explain"), 100);
    assert_eq!(push(&mut gatherer, said(3, "quickly"), 200), [out(&[1, 2], "explain\n\nthat")]);
    assert_eq!(gatherer.next_wake(), Some(at(500)));
    assert_eq!(brief(gatherer.due(at(500))), [out(&[3], "quickly")]);
}

#[test]
fn forwarded_messages_join_the_plain_one_before_them_too() {
    let mut gatherer = Gatherer::default();
    assert_eq!(push(&mut gatherer, said(1, "explain"), 0), []);
    assert_eq!(push(&mut gatherer, forwarded(2, "this"), 200), []);
    assert_eq!(push(&mut gatherer, forwarded(3, "and this"), 400), []);
    assert_eq!(gatherer.due(at(699)), []);
    assert_eq!(brief(gatherer.due(at(700))), [out(&[1, 2, 3], "explain\n\nthis\n\nand this")]);
}

#[test]
fn a_plain_message_that_has_passed_is_named_by_forwarded_ones_that_come_too_late() {
    let mut gatherer = Gatherer::default();
    push(&mut gatherer, said(1, "explain"), 0);
    assert_eq!(brief(gatherer.due(at(300))), [out(&[1], "explain")]);
    push(&mut gatherer, forwarded(2, "this"), 400);
    push(&mut gatherer, forwarded(3, "and this"), 650);
    let due = gatherer.due(at(950));
    assert_eq!(due[0].follows, Some(InboxId(1)));
    assert_eq!(brief(due), [out(&[2, 3], "this\n\nand this")]);
    push(&mut gatherer, forwarded(4, "late"), 1_300);
    assert_eq!(gatherer.flush()[0].follows, None);
    assert!(gatherer.passed.is_empty());
}

#[test]
fn a_message_without_a_window_passes_at_once_and_ends_the_wait_of_what_is_before_it() {
    let mut gatherer = Gatherer::default();
    let command = |gatherer: &mut Gatherer, number: i64, now| {
        let windows = Windows { forward: Duration::ZERO, ..WINDOWS };
        brief(gatherer.push(InboxId(number), said(number, "/new"), windows, at(now)))
    };
    assert_eq!(command(&mut gatherer, 1, 0), [out(&[1], "/new")]);
    push(&mut gatherer, said(2, "explain"), 100);
    assert_eq!(command(&mut gatherer, 3, 150), [out(&[2], "explain"), out(&[3], "/new")]);
    push(&mut gatherer, forwarded(4, "this"), 200);
    assert_eq!(command(&mut gatherer, 5, 250), [out(&[4], "this"), out(&[5], "/new")]);
}

fn spoken(number: i64) -> Message {
    let handle = format!("file {number}");
    let file = Attachment { handle, kind: AttachmentKind::Voice, name: None, bytes: None };
    Message { attachments: vec![file], ..said(number, "") }
}

#[test]
fn a_voice_note_holds_what_follows_it_until_it_is_heard() {
    let mut gatherer = Gatherer::default();
    assert_eq!(push(&mut gatherer, spoken(1), 0), []);
    assert_eq!(push(&mut gatherer, said(2, "and that"), 10), []);
    assert_eq!(push(&mut gatherer, by("bob", said(3, "hi")), 20), []);
    assert_eq!(brief(gatherer.due(at(320))), [out(&[3], "hi")]);
    assert_eq!(gatherer.next_wake(), None, "time alone doesn't release it");
    assert_eq!(gatherer.due(at(60_000)), []);
    let text = crate::speech::with_words("", "this");
    let released = gatherer.heard(&spoken(1).message, text.clone(), at(60_000));
    assert_eq!(brief(released), [out(&[1], &text), out(&[2], "and that")]);
    assert_eq!(gatherer.heard(&spoken(1).message, text, at(60_001)), [], "it is not held any more");
}

#[test]
fn a_voice_note_that_cannot_be_heard_lets_the_rest_go() {
    let mut gatherer = Gatherer::default();
    push(&mut gatherer, spoken(1), 0);
    push(&mut gatherer, said(2, "and that"), 10);
    let cancelled = gatherer.cancel(&spoken(1).message, at(400)).unwrap();
    assert_eq!((cancelled.inbox, brief(cancelled.released)), (InboxId(1), vec![out(&[2], "and that")]));
}

#[test]
fn a_forwarded_voice_note_joins_with_its_words() {
    let mut gatherer = Gatherer::default();
    push(&mut gatherer, Message { forwarded: true, ..spoken(1) }, 0);
    assert_eq!(push(&mut gatherer, said(2, "do as she says"), 100), []);
    assert_eq!(gatherer.due(at(400)), [], "its window is over, but it is not heard");
    let released = gatherer.heard(&spoken(1).message, "(voice transcribed) push".to_owned(), at(500));
    assert_eq!(brief(released), [out(&[1, 2], "do as she says\n\n(voice transcribed) push")]);
}

#[test]
fn a_stream_without_end_is_cut() {
    let mut gatherer = Gatherer::default();
    let first = (0..).find(|n| !push(&mut gatherer, part(*n, "a", ""), 900 * n.unsigned_abs()).is_empty());
    assert_eq!(first, Some(12), "ten windows after the first part");
    let mut gatherer = Gatherer::default();
    let first = (0..).find(|n| !push(&mut gatherer, forwarded(*n, "x"), 0).is_empty());
    assert_eq!(first, Some(100), "a hundred forwarded messages and one");
}

#[test]
fn a_message_taken_back_is_left_out() {
    let mut gatherer = Gatherer::default();
    push(&mut gatherer, part(1, "a", "caption"), 0);
    push(&mut gatherer, part(2, "a", ""), 0);
    push(&mut gatherer, said(3, "and"), 0);
    let cancel =
        |gatherer: &mut Gatherer, number| gatherer.cancel(&said(number, "").message, at(400)).unwrap();
    assert_eq!(cancel(&mut gatherer, 1), Cancelled { inbox: InboxId(1), released: Vec::new() });
    let last = cancel(&mut gatherer, 2);
    assert_eq!(last.inbox, InboxId(2));
    assert_eq!(brief(last.released), [out(&[3], "and")]);
    assert_eq!(gatherer.cancel(&said(3, "").message, at(400)), None);
}

#[test]
fn a_message_edited_while_it_is_held_says_what_it_says_now() {
    let mut gatherer = Gatherer::default();
    push(&mut gatherer, forwarded(1, "one"), 0);
    push(&mut gatherer, spoken(2), 10);
    push(&mut gatherer, said(3, "three"), 20);
    assert_eq!(gatherer.typed(&said(3, "").message), Some("three"));
    for (number, text) in [(1, "uno"), (2, "dos"), (3, "tres")] {
        assert!(gatherer.amend(&said(number, "").message, text), "{number}");
    }
    assert!(!gatherer.amend(&said(4, "").message, "quatro"), "it is not held");
    assert_eq!(gatherer.typed(&spoken(2).message), Some("dos"));
    let heard = "dos\n\n(voice transcribed) go".to_owned();
    let mut all = gatherer.heard(&spoken(2).message, heard, at(30));
    assert!(!gatherer.amend(&spoken(2).message, "due"), "its words would be lost");
    all.extend(gatherer.flush());
    let texts: Vec<String> = all.into_iter().map(|all| all.message.text).collect();
    assert_eq!(texts, ["dos\n\n(voice transcribed) go\n\nuno", "tres"]);
}

#[test]
fn an_album_that_lost_its_first_part_goes_after_what_was_written_before_the_second() {
    let mut gatherer = Gatherer::default();
    push(&mut gatherer, part(1, "a", "caption"), 0);
    push(&mut gatherer, said(2, "meanwhile"), 0);
    push(&mut gatherer, part(3, "a", ""), 0);
    let cancelled = gatherer.cancel(&said(1, "").message, at(400)).unwrap();
    assert_eq!(brief(cancelled.released), [out(&[2], "meanwhile")]);
    assert_eq!(brief(gatherer.flush()), [out(&[3], "")]);
}

#[derive(Debug, Clone)]
enum Step {
    Say { who: u8, what: u8 },
    Wait(u64),
    Wake,
    Cancel(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3u8, 0..6u8).prop_map(|(who, what)| Step::Say { who, what }),
        3 => (1..1_200u64).prop_map(Step::Wait),
        2 => Just(Step::Wake),
        1 => (0..9usize).prop_map(Step::Cancel),
    ]
}

/// What was said, what came out of it so far, and what was taken back.
#[derive(Default)]
struct Record {
    said: HashMap<InboxId, Message>,
    last_place: HashMap<String, InboxId>,
    open: Vec<InboxId>,
}

impl Record {
    fn gathered(&mut self, all: &[Gathered]) {
        for Gathered { inbox, message, .. } in all {
            let members: Vec<&Message> = inbox.iter().map(|inbox| &self.said[inbox]).collect();
            let first = members[0];
            assert!(members.iter().all(|member| member.sender == first.sender), "of one person");
            let album = first.album.is_some() && members.iter().all(|member| member.album == first.album);
            let plain = members.iter().filter(|member| !member.forwarded).count();
            match members.len() {
                1 => assert_eq!(message, first, "alone it is as it was"),
                _ => assert!(album || plain <= 1, "one album, or one plain message with forwarded ones"),
            }
            let files = members.iter().flat_map(|member| &member.attachments);
            assert!(files.eq(&message.attachments), "no file is lost");
            let kept = |member: &&Message| message.text.split("\n\n").any(|text| text == member.text);
            assert!(album || members.iter().all(kept), "no text is lost");
            let before = self.last_place.insert(first.sender.id.clone(), inbox[0]);
            assert!(before < Some(inbox[0]), "the order is kept");
            for inbox in inbox {
                let index = self.open.iter().position(|open| open == inbox).expect("said, and out once");
                self.open.remove(index);
            }
        }
    }
}

fn talk(windows: Windows, steps: Vec<Step>) {
    let mut gatherer = Gatherer::default();
    let mut record = Record::default();
    let (mut now, mut number) = (0, 0);
    for step in steps {
        match step {
            Step::Say { who, what } => {
                number += 1;
                let text = format!("text {number}");
                let message = match what {
                    0 | 1 => said(number, &text),
                    2 => forwarded(number, &text),
                    3 => Message { forwarded: true, ..part(number, "a", &text) },
                    _ => part(number, ["a", "b"][usize::from(what - 4)], &text),
                };
                let message = by(&who.to_string(), message);
                let lane = (message.message.address.clone(), message.sender.id.clone());
                let inbox = InboxId(number);
                let pending = record.open.iter().any(|open| record.said[open].sender == message.sender);
                record.said.insert(inbox, message.clone());
                record.open.push(inbox);
                let out = gatherer.push(inbox, message, windows, at(now));
                record.gathered(&out);
                let waits = if what < 3 { windows.forward } else { windows.album.max(windows.forward) };
                let off = windows.album.is_zero() && windows.forward.is_zero();
                if off || (waits.is_zero() && !pending) {
                    assert_eq!(out.len(), 1, "nothing to wait for");
                    assert!(!gatherer.lanes.contains_key(&lane));
                }
            }
            Step::Wait(millis) => now += millis,
            Step::Wake => {
                let Some(wake) = gatherer.next_wake() else { continue };
                let wake = u64::try_from(wake.since_start().as_millis()).unwrap();
                if now < wake {
                    assert_eq!(gatherer.due(at(wake - 1)), [], "not early");
                }
                now = now.max(wake);
                let due = gatherer.due(at(now));
                assert!(!due.is_empty(), "the wake is worth it");
                assert!(gatherer.next_wake().is_none_or(|next| next > at(now)));
                record.gathered(&due);
            }
            Step::Cancel(which) => {
                let Some(index) = which.checked_rem(record.open.len()) else { continue };
                let inbox = record.open.remove(index);
                let cancelled = gatherer.cancel(&record.said[&inbox].message, at(now)).unwrap();
                assert_eq!(cancelled.inbox, inbox);
                record.gathered(&cancelled.released);
            }
        }
    }
    record.gathered(&gatherer.flush());
    assert_eq!(record.open, [], "everything comes out");
    gatherer.due(at(now + 10_000));
    assert!(gatherer.lanes.is_empty() && gatherer.passed.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_is_lost_doubled_or_out_of_order(
        steps in prop::collection::vec(step(), 1..80),
        album in any::<bool>(),
        forward in any::<bool>(),
    ) {
        let Windows { album: for_albums, forward: for_forwards } = WINDOWS;
        let window = |on, window| if on { window } else { Duration::ZERO };
        talk(Windows { album: window(album, for_albums), forward: window(forward, for_forwards) }, steps);
    }
}
