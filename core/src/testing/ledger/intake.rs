//! What comes in.

use super::{accepted, at, id, message, open_run};
use crate::message::Inbound;
use crate::port::ledger::{Accepted, InboxId, Ledger, Settled};

async fn pending(ledger: &impl Ledger) -> Vec<InboxId> {
    ledger.unfinished().await.unwrap().inbox.iter().map(|it| it.id).collect()
}

pub(super) async fn a_second_delivery_is_a_duplicate_that_writes_nothing(ledger: &impl Ledger) {
    let mut first = message("chat", "1", "once");
    let one = accepted(ledger, "chat", "1", 10).await;
    "changed on the way".clone_into(&mut first.text);
    let again = ledger.accept(&Inbound::Message(first.clone()), at(20)).await.unwrap();
    assert_eq!(again, Accepted::Duplicate(one));
    let waiting = ledger.unfinished().await.unwrap().inbox;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].accepted_at, at(10));
    assert_eq!(waiting[0].inbound, Inbound::Message(message("chat", "1", "text 1")));

    first.message.address.instance = id("other");
    let elsewhere = ledger.accept(&Inbound::Message(first), at(30)).await.unwrap();
    assert!(matches!(elsewhere, Accepted::New(two) if two > one), "identities are per instance");

    ledger.settle(&[one], Settled::Done).await.unwrap();
    let later = ledger.accept(&Inbound::Message(message("chat", "1", "once")), at(40)).await.unwrap();
    assert_eq!(later, Accepted::Duplicate(one), "finished inbounds are known too");
}

pub(super) async fn numbers_rise_in_the_order_of_acceptance(ledger: &impl Ledger) {
    let mut ids = Vec::new();
    for number in 0..20 {
        // Times may stand still or run backwards; the order is that of acceptance.
        ids.push(accepted(ledger, "chat", &number.to_string(), 50 - number / 2).await);
    }
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert_eq!(pending(ledger).await, ids);
}

pub(super) async fn what_is_accepted_together_is_numbered_in_its_order(ledger: &impl Ledger) {
    let before = accepted(ledger, "chat", "1", 10).await;
    let several = [("chat", "2"), ("other", "3"), ("chat", "1"), ("chat", "4"), ("other", "3")];
    let several = several.map(|(chat, upstream)| Inbound::Message(message(chat, upstream, "hi")));
    let became = ledger.accept_all(&several, at(20)).await.unwrap();
    let [Accepted::New(two), Accepted::New(three), Accepted::Duplicate(one), Accepted::New(four), again] =
        became[..]
    else {
        panic!("{became:?}");
    };
    assert_eq!((one, again), (before, Accepted::Duplicate(three)));
    assert_eq!(pending(ledger).await, [before, two, three, four]);
    assert!(before < two && two < three && three < four);
    assert_eq!(ledger.accept_all(&[], at(30)).await.unwrap(), []);
}

pub(super) async fn settled_inbounds_are_finished_and_stay_as_they_were_settled(ledger: &impl Ledger) {
    let one = accepted(ledger, "chat", "1", 10).await;
    let two = accepted(ledger, "chat", "2", 10).await;
    let three = accepted(ledger, "chat", "3", 10).await;
    ledger.settle(&[one, three], Settled::Done).await.unwrap();
    assert_eq!(pending(ledger).await, [two]);
    ledger.settle(&[one, InboxId(999)], Settled::Ignored).await.unwrap();
    let said = ledger.history(&super::address("chat"), None, 10).await.unwrap();
    assert_eq!(said.len(), 3, "what was settled as done is not ignored afterwards");
    ledger.settle(&[two], Settled::Cancelled).await.unwrap();
    assert_eq!(pending(ledger).await, []);
    let kept = ledger.inbound(two).await.unwrap();
    assert_eq!(kept, Some(Inbound::Message(message("chat", "2", "text 2"))), "it can still be read");
    assert_eq!(ledger.inbound(InboxId(999)).await.unwrap(), None);
}

pub(super) async fn only_texts_nothing_was_done_with_are_amended(ledger: &impl Ledger) {
    let waiting = accepted(ledger, "chat", "1", 10).await;
    let taken = accepted(ledger, "chat", "2", 10).await;
    let settled = accepted(ledger, "chat", "3", 10).await;
    ledger.open(&open_run(1, "chat", &[taken])).await.unwrap();
    ledger.settle(&[settled], Settled::Cancelled).await.unwrap();
    let deleted = Inbound::Deleted { upstream: "4".to_owned(), message: super::message_ref("chat", "9") };
    let Accepted::New(textless) = ledger.accept(&deleted, at(10)).await.unwrap() else { panic!("known") };

    assert!(ledger.amend(waiting, "better").await.unwrap());
    for id in [taken, settled, textless, InboxId(999)] {
        assert!(!ledger.amend(id, "too late").await.unwrap(), "{id:?}");
    }
    let inbox = ledger.unfinished().await.unwrap().inbox;
    assert_eq!(inbox[0].inbound, Inbound::Message(message("chat", "1", "better")));
    assert_eq!(inbox[1].inbound, deleted);
}
