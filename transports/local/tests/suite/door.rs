//! The door, as the control socket uses it.

use std::path::PathBuf;

use takopi_core::desk::{DeskEvent, Followed};
use takopi_core::event::Outcome;
use takopi_local::{ConversationId, LocalEvent, Submit};

use crate::house::House;

fn submit(conversation: ConversationId, text: &str) -> Submit {
    Submit { conversation: Some(conversation), text: text.to_owned(), ..Submit::default() }
}

#[tokio::test]
async fn a_run_happens_in_the_directory_of_the_client() {
    let house = House::open().await;
    let conversation = ConversationId::mint();
    let mut listener = house.door.listen(Some(conversation));
    let dir = Some(PathBuf::from("/somewhere/else"));
    house.door.submit(Submit { dir: dir.clone(), ..submit(conversation, "answer:x") }).await.unwrap();
    loop {
        if let Some(LocalEvent::Desk { event: DeskEvent::Ended { .. }, .. }) = listener.next().await {
            break;
        }
    }
    assert_eq!(house.engine.jobs().first().map(|job| job.dir.clone()), dir);
    house.close().await;
}

#[tokio::test]
async fn who_listens_before_submitting_learns_of_the_run_and_follows_it_to_its_end() {
    let house = House::open().await;
    let conversation = ConversationId::mint();
    let mut listener = house.door.listen(Some(conversation));
    let submitted = house.door.submit(submit(conversation, "action:a answer:fine")).await.unwrap();
    let mut number = None;
    let run = loop {
        match listener.next().await.unwrap() {
            LocalEvent::Desk { event: DeskEvent::Accepted { inbox, upstream, .. }, .. } => {
                assert_eq!(upstream, submitted.upstream);
                number = Some(inbox);
            }
            LocalEvent::Desk { event: DeskEvent::Queued { run, inbox, .. }, .. } => {
                assert_eq!(inbox.first().copied(), number);
                break run;
            }
            _ => {}
        }
    };
    let mut reader = house.door.follow(run, 0).unwrap();
    let mut last = None;
    while let Some(item) = reader.next().await {
        last = Some(item);
    }
    let Some(Followed::End { end, .. }) = last else { panic!("{last:?}") };
    assert_eq!((end.outcome, end.answer.as_str()), (Outcome::Answered, "fine"));
    house.close().await;
}

#[tokio::test]
async fn one_conversation_does_not_hear_another() {
    let house = House::open().await;
    let (here, there) = (ConversationId::mint(), ConversationId::mint());
    let mut listener = house.door.listen(Some(here));
    house.door.submit(submit(there, "answer:there")).await.unwrap();
    house.door.submit(submit(here, "answer:here")).await.unwrap();
    loop {
        let event = listener.next().await.unwrap();
        assert_eq!(event.conversation(), Some(here));
        if let LocalEvent::Desk { event: DeskEvent::Ended { .. }, .. } = event {
            break;
        }
    }
    house.close().await;
}
