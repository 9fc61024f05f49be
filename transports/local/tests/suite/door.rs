//! The door, as the control socket uses it.

use std::path::PathBuf;

use takopi_core::desk::{DeskEvent, Followed};
use takopi_core::event::Outcome;
use takopi_core::id::EngineId;
use takopi_core::route::Decision;
use takopi_core::session::{Context, ThreadKey};
use takopi_local::{ConversationId, LocalEvent, Submit};

use tokio_util::sync::CancellationToken;

use crate::house::{APP, BROKEN, House};

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
async fn what_is_chosen_with_controls_is_heeded_and_foreseen() {
    let house = House::open().await;
    let conversation = ConversationId::mint();
    let mut listener = house.door.listen(Some(conversation));
    let chosen = Submit {
        engine: EngineId::parse("other").ok(),
        context: Context { project: Some("App".to_owned()), branch: Some("fix".to_owned()) },
        ..submit(conversation, "session:s1 answer:x")
    };
    let foreseen = house.door.foresee(chosen.clone()).await.unwrap();
    let Some(Decision::Run(plan)) = foreseen else { panic!("{foreseen:?}") };
    assert_eq!((plan.engine.as_str(), plan.context.project.as_deref()), ("other", Some("app")));
    assert_eq!(house.engine.jobs().len(), 0, "nothing follows from it");

    house.door.submit(chosen.clone()).await.unwrap();
    // Who hears of a run only after its end learns on what it worked all the same.
    let mut contexts = Vec::new();
    loop {
        let Some(LocalEvent::Desk { event, .. }) = listener.next().await else { continue };
        match event {
            DeskEvent::Queued { context, .. } | DeskEvent::Started { context, .. } => contexts.push(context),
            DeskEvent::Ended { .. } => break,
            _ => {}
        }
    }
    assert_eq!(contexts, [plan.context.clone(), plan.context.clone()]);
    assert_eq!(house.engine.jobs().first().map(|job| job.context.clone()), Some(plan.context.clone()));
    // The same again goes on where that one stopped; nothing chosen at all is the default engine's.
    let foreseen = house.door.foresee(chosen).await.unwrap();
    let Some(Decision::Run(again)) = foreseen else { panic!("{foreseen:?}") };
    assert!(matches!(again.thread, Some(ThreadKey::Token(_))), "{again:?}");
    let foreseen = house.door.foresee(submit(conversation, "@fix x")).await.unwrap();
    let Some(Decision::Refuse(why)) = foreseen else { panic!("{foreseen:?}") };
    assert!(why.contains("@fix needs a project"), "{why}");
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn branches_that_take_too_long_are_given_up() {
    let house = House::open().await;
    let stop = CancellationToken::new();
    assert_eq!(house.door.branches(APP, &stop).await.unwrap(), ["main", "fix-login"]);
    for (project, told) in [(BROKEN, "no git repository"), ("slow", "longer than 5 s")] {
        let error = house.door.branches(project, &stop).await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
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
