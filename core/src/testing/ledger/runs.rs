//! Runs from opening to end.

use super::{accepted, at, id, message_ref, open_run, post, run_id, session_row};
use crate::event::{Action, ActionKind, Detail, FileChange, Handle, Outcome, Phase, Usage};
use crate::port::engine::{Answer, Question, QuestionOption};
use crate::port::ledger::{
    EndRun, InboxId, Ledger, OpenRun, PostKind, QuestionRow, RunNote, RunRow, RunState, Settled,
};
use crate::session::{Context, SessionToken, ThreadKey};

/// Returns the end of a run, with one post.
pub(super) fn end_run(n: u32, place: &str, time: i64) -> EndRun {
    EndRun {
        id: run_id(n),
        outcome: Outcome::Answered,
        answer: "done".to_owned(),
        usage: Some(Usage { input_tokens: Some(5), output_tokens: None, cost_usd: Some(0.25) }),
        steps: 7,
        actions: vec![Action {
            id: "a".to_owned(),
            kind: ActionKind::FileChange,
            phase: Phase::Completed,
            title: "wrote".to_owned(),
            ok: Some(true),
            detail: Detail {
                exit_code: Some(0),
                changes: vec![FileChange { path: "x".to_owned(), verb: "add".to_owned() }],
                output: Some("+1".to_owned()),
            },
        }],
        ended_at: at(time),
        post: vec![post(place, PostKind::Final, Some(run_id(n)), "done")],
    }
}

fn fresh(opened: OpenRun) -> RunRow {
    RunRow {
        opened,
        state: RunState::Open,
        outcome: None,
        answer: None,
        progress: None,
        handle: None,
        usage: None,
        steps: 0,
        actions: Vec::new(),
        ended_at: None,
    }
}

pub(super) async fn a_run_takes_its_inbounds_and_none_is_taken_twice(ledger: &impl Ledger) {
    let one = accepted(ledger, "chat", "1", 10).await;
    let two = accepted(ledger, "chat", "2", 10).await;
    let three = accepted(ledger, "chat", "3", 10).await;
    // Times say otherwise; the order is that of opening.
    let first = OpenRun { id: run_id(9), ..open_run(1, "chat", &[one, three]) };
    ledger.open(&first).await.unwrap();
    let bare = OpenRun {
        reply_to: None,
        thread: ThreadKey::Run(run_id(2)),
        context: Context::default(),
        dir: None,
        session: SessionToken::parse("0199"),
        ..open_run(2, "chat", &[])
    };
    ledger.open(&bare).await.unwrap();

    let unfinished = ledger.unfinished().await.unwrap();
    assert_eq!(unfinished.inbox.iter().map(|it| it.id).collect::<Vec<_>>(), [two]);
    assert_eq!(unfinished.runs, [fresh(first.clone()), fresh(bare)]);

    ledger.settle(&[one], Settled::Done).await.unwrap();
    for wrong in [vec![two, one], vec![two, InboxId(999)]] {
        let refused = ledger.open(&open_run(3, "chat", &wrong)).await;
        assert!(refused.is_err(), "{wrong:?} is not all waiting");
    }
    assert!(ledger.open(&OpenRun { inbox: vec![two], ..first }).await.is_err(), "one id, one run");
    let after = ledger.unfinished().await.unwrap();
    assert_eq!(after, unfinished, "what is refused changes nothing");
    assert_eq!(ledger.run(run_id(3)).await.unwrap(), None);
}

pub(super) async fn a_run_goes_from_open_to_answered_to_ended(ledger: &impl Ledger) {
    let one = accepted(ledger, "chat", "1", 10).await;
    let mut expected = fresh(open_run(1, "chat", &[one]));
    ledger.open(&expected.opened).await.unwrap();

    let early = post("chat", PostKind::Final, Some(run_id(1)), "draft");
    let posted = ledger.answer(run_id(1), "draft", vec![early.clone()], at(20)).await.unwrap();
    assert_eq!(posted.len(), 1);
    let row = ledger.outbox(posted[0]).await.unwrap().unwrap();
    assert_eq!((row.post, row.posted_at), (early, at(20)));
    assert_eq!(ledger.answer(run_id(1), "better", Vec::new(), at(21)).await.unwrap(), []);
    expected.state = RunState::Answered;
    expected.answer = Some("better".to_owned());
    assert_eq!(ledger.run(run_id(1)).await.unwrap().as_ref(), Some(&expected));
    assert_eq!(ledger.unfinished().await.unwrap().runs, [expected.clone()]);

    let end = end_run(1, "chat", 30);
    ledger.end(end.clone()).await.unwrap();
    expected.state = RunState::Ended;
    expected.outcome = Some(end.outcome);
    expected.answer = Some(end.answer);
    expected.usage = end.usage;
    expected.steps = end.steps;
    expected.actions = end.actions;
    expected.ended_at = Some(at(30));
    assert_eq!(ledger.run(run_id(1)).await.unwrap(), Some(expected));
    assert_eq!(ledger.unfinished().await.unwrap().runs, []);
}

pub(super) async fn what_becomes_known_of_a_run_is_kept(ledger: &impl Ledger) {
    let mut expected = fresh(open_run(1, "chat", &[]));
    ledger.open(&expected.opened).await.unwrap();
    let session = session_row("0199");
    let all = RunNote {
        session: Some(session.clone()),
        conversation: None,
        handle: Some(Handle("pid 7".to_owned())),
        progress: Some(message_ref("chat", "p")),
        dir: Some("/src/other".into()),
    };
    ledger.note(run_id(1), &all).await.unwrap();
    ledger.note(run_id(1), &RunNote::default()).await.unwrap();
    expected.opened.session = Some(session.session.token);
    expected.opened.dir = Some("/src/other".into());
    expected.handle = all.handle;
    expected.progress = all.progress;
    assert_eq!(ledger.run(run_id(1)).await.unwrap(), Some(expected));
    assert!(ledger.note(run_id(2), &RunNote::default()).await.is_err(), "an unknown run");
}

pub(super) async fn the_end_and_its_posts_come_together_or_not_at_all(ledger: &impl Ledger) {
    ledger.open(&open_run(1, "chat", &[])).await.unwrap();
    let mut end = end_run(1, "chat", 30);
    end.post.push(post("other", PostKind::Notice, None, "and there"));
    let ids = ledger.end(end.clone()).await.unwrap();
    assert!(ids.len() == 2 && ids[0] < ids[1], "{ids:?}");
    for (id, post) in ids.iter().zip(&end.post) {
        let row = ledger.outbox(*id).await.unwrap().unwrap();
        assert_eq!((&row.post, row.posted_at), (post, at(30)));
    }

    assert!(ledger.end(end.clone()).await.is_err(), "a run ends once");
    assert!(ledger.answer(run_id(1), "late", end.post.clone(), at(31)).await.is_err(), "it is over");
    assert!(ledger.end(end_run(2, "chat", 30)).await.is_err(), "an unknown run");
    assert!(ledger.answer(run_id(2), "x", end.post, at(31)).await.is_err(), "an unknown run");
    assert_eq!(ledger.unfinished().await.unwrap().outbox.len(), 2, "what is refused posts nothing");
    assert_eq!(ledger.run(run_id(1)).await.unwrap().unwrap().answer.as_deref(), Some("done"));
}

pub(super) async fn questions_stand_in_the_order_they_were_asked(ledger: &impl Ledger) {
    let ask = |key: &str, answer: Option<Answer>| QuestionRow {
        run: run_id(1),
        question: Question {
            key: key.to_owned(),
            title: format!("may {}?", id("codex")),
            options: vec![QuestionOption { id: "y".to_owned(), label: "Yes".to_owned() }],
            free_text: true,
        },
        answer,
    };
    assert!(ledger.question(&ask("b", None)).await.is_err(), "an unknown run");
    ledger.open(&open_run(1, "chat", &[])).await.unwrap();
    ledger.question(&ask("b", None)).await.unwrap();
    ledger.question(&ask("a", None)).await.unwrap();
    let yes = Answer { options: vec!["y".to_owned()], text: None };
    ledger.question(&ask("b", Some(yes.clone()))).await.unwrap();
    ledger.question(&ask("b", None)).await.unwrap();
    let expected = [ask("b", Some(yes)), ask("a", None)];
    assert_eq!(ledger.questions(run_id(1)).await.unwrap(), expected, "an answer is not taken back");
    assert_eq!(ledger.questions(run_id(2)).await.unwrap(), []);
}
