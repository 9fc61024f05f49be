//! What is forgotten.

use super::runs::end_run;
use super::{accepted, address, at, message, message_ref, open_run, post, run_id};
use crate::message::Inbound;
use crate::port::ledger::{Accepted, FactsQuery, Ledger, OpenRun, PostKind, Settled};

pub(super) async fn what_is_finished_and_old_goes(ledger: &impl Ledger) {
    let answered = accepted(ledger, "chat", "1", 10).await;
    let settled = accepted(ledger, "chat", "2", 11).await;
    ledger.open(&open_run(1, "chat", &[answered])).await.unwrap();
    let posted = ledger.end(end_run(1, "chat", 30)).await.unwrap();
    ledger.close_post(posted[0]).await.unwrap();
    ledger.settle(&[settled], Settled::Done).await.unwrap();
    let young = accepted(ledger, "chat", "3", 50).await;
    ledger.settle(&[young], Settled::Done).await.unwrap();

    assert_eq!(ledger.sweep(at(10)).await.unwrap(), 0, "nothing is older");
    assert_eq!(ledger.sweep(at(31)).await.unwrap(), 4, "two inbounds, a run, a post");
    assert_eq!(ledger.sweep(at(31)).await.unwrap(), 0, "it is gone already");
    assert_eq!(ledger.run(run_id(1)).await.unwrap(), None);
    assert_eq!(ledger.outbox(posted[0]).await.unwrap(), None);
    let about = Some(message_ref("chat", "1"));
    let query = FactsQuery { scope: address("chat").into(), about, session: None };
    assert_eq!(ledger.facts(&query).await.unwrap().run, None);
    assert_eq!(ledger.history(&address("chat"), None, 9).await.unwrap().len(), 1);

    let again = ledger.accept(&Inbound::Message(message("chat", "1", "again")), at(60)).await.unwrap();
    assert!(matches!(again, Accepted::New(id) if id > young), "numbers are not given twice: {again:?}");
}

pub(super) async fn what_is_unfinished_stays_whatever_its_age(ledger: &impl Ledger) {
    accepted(ledger, "chat", "1", 1).await;
    let of_open = accepted(ledger, "chat", "2", 2).await;
    let of_owing = accepted(ledger, "chat", "3", 3).await;
    ledger.open(&open_run(1, "chat", &[of_open])).await.unwrap();
    ledger.open(&open_run(2, "chat", &[of_owing])).await.unwrap();
    ledger.end(end_run(2, "chat", 4)).await.unwrap();
    ledger.open(&OpenRun { reply_to: None, ..open_run(3, "chat", &[]) }).await.unwrap();
    ledger.answer(run_id(3), "half", Vec::new(), at(5)).await.unwrap();
    ledger.post(post("chat", PostKind::Notice, None, "owed"), at(5)).await.unwrap();

    let before = ledger.unfinished().await.unwrap();
    assert_eq!((before.inbox.len(), before.runs.len(), before.outbox.len()), (1, 2, 2));
    assert_eq!(ledger.sweep(at(1_000_000)).await.unwrap(), 0);
    assert_eq!(ledger.unfinished().await.unwrap(), before);
    let owing = ledger.run(run_id(2)).await.unwrap();
    assert!(owing.is_some(), "a run whose answer is still to be sent");
}
