//! What goes out.

use super::{at, message_ref, post};
use crate::message::{Body, SpooledFile};
use crate::port::ledger::{Ledger, OutboxId, OutboxRow, PartState, Post, PostKind, ProgressUse};

fn three_parts() -> Post {
    let mut with_file = Body::plain("c");
    with_file.files.push(SpooledFile { path: "a/b.zip".into(), name: "b.zip".to_owned() });
    Post {
        reply_to: Some(message_ref("chat", "1")),
        notify: false,
        progress: ProgressUse::Replace,
        revises: Some(OutboxId(7)),
        parts: vec![Body::markdown("a"), Body::markdown("b"), with_file],
        ..post("chat", PostKind::Reply, None, "")
    }
}

pub(super) async fn posts_are_unfinished_until_closed_and_keep_a_state_per_part(ledger: &impl Ledger) {
    let one = ledger.post(three_parts(), at(10)).await.unwrap();
    let two = ledger.post(post("chat", PostKind::Notice, None, "n"), at(5)).await.unwrap();
    assert!(one < two);
    let sent = PartState::Sent { message: message_ref("chat", "8"), unknown: 2 };
    let refused = PartState::Refused { reason: "too large".to_owned() };
    ledger.mark(one, 0, &PartState::Trying { unknown: 0 }).await.unwrap();
    ledger.mark(one, 0, &sent).await.unwrap();
    ledger.mark(one, 2, &refused).await.unwrap();

    let mut expected = OutboxRow {
        id: one,
        posted_at: at(10),
        post: three_parts(),
        states: vec![sent, PartState::Waiting, refused],
        closed: false,
    };
    assert_eq!(ledger.outbox(one).await.unwrap().as_ref(), Some(&expected));
    let unfinished = ledger.unfinished().await.unwrap().outbox;
    assert_eq!(unfinished.iter().map(|row| row.id).collect::<Vec<_>>(), [one, two]);
    assert_eq!(unfinished[0], expected);

    ledger.close_post(one).await.unwrap();
    expected.closed = true;
    assert_eq!(ledger.outbox(one).await.unwrap(), Some(expected));
    let unfinished = ledger.unfinished().await.unwrap().outbox;
    assert_eq!(unfinished.iter().map(|row| row.id).collect::<Vec<_>>(), [two]);
}

pub(super) async fn a_try_cut_off_by_a_crash_reads_as_unknown(ledger: &impl Ledger) {
    let id = ledger.post(three_parts(), at(10)).await.unwrap();
    ledger.mark(id, 0, &PartState::Trying { unknown: 0 }).await.unwrap();
    ledger.mark(id, 1, &PartState::Trying { unknown: 1 }).await.unwrap();
    ledger.mark(id, 2, &PartState::Unknown { unknown: 1 }).await.unwrap();
    for _ in 0..2 {
        let states = ledger.unfinished().await.unwrap().outbox.remove(0).states;
        let expected = [1, 2, 1].map(|unknown| PartState::Unknown { unknown });
        assert_eq!(states, expected, "asking twice counts a try once");
    }
}

pub(super) async fn marks_need_a_part_that_exists(ledger: &impl Ledger) {
    let id = ledger.post(post("chat", PostKind::Reply, None, "x"), at(10)).await.unwrap();
    assert!(ledger.mark(id, 1, &PartState::Waiting).await.is_err());
    assert!(ledger.mark(OutboxId(999), 0, &PartState::Waiting).await.is_err());
    assert!(ledger.close_post(OutboxId(999)).await.is_err());
    assert_eq!(ledger.outbox(OutboxId(999)).await.unwrap(), None);
}
