//! Readers of runs.

use super::*;
use crate::event::{Outcome, RunEvent};

async fn next_seq(follow: &mut Follow) -> (u64, bool) {
    match follow.next().await.unwrap() {
        Followed::Event { seq, .. } => (seq, false),
        Followed::Snapshot { seq, .. } => (seq, true),
        Followed::End { seq, .. } => (seq, false),
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_sees_every_event_in_order_and_then_the_end() {
    let stage = Stage::open().await;
    stage.say("a", "1", "gate:x action:a text:b session:s done:a").await;
    stage.engine.wait_running(&["gate:x action:a text:b session:s done:a"]).await;
    let run = stage.desk.runs()[0].id;
    let mut follow = stage.desk.follow(run, 0).unwrap();
    stage.engine.open_gate("x");
    let mut kinds = Vec::new();
    while let Some(item) = follow.next().await {
        kinds.push(match item {
            Followed::Event { seq, event, .. } => format!("{seq} {}", kind(&event)),
            Followed::Snapshot { .. } => "snapshot".to_owned(),
            Followed::End { seq, end, .. } => {
                assert_eq!(end.outcome, Outcome::Answered);
                format!("{seq} end {}", end.answer)
            }
        });
    }
    assert_eq!(kinds, ["1 action", "2 text", "3 session", "4 action", "5 end ok"]);

    let mut late = stage.desk.follow(run, 3).unwrap();
    assert_eq!(next_seq(&mut late).await, (4, false), "an ended run can still be read");
}

fn kind(event: &RunEvent) -> &'static str {
    match event {
        RunEvent::Action(_) => "action",
        RunEvent::Text(_) => "text",
        RunEvent::Session(_) => "session",
        _ => "other",
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_a_snapshot_and_goes_on_from_there() {
    let stage = Stage::open().await;
    let many = (0..2000).map(|n| format!("action:a{n}")).collect::<Vec<_>>().join(" ");
    stage.say("a", "1", &format!("action:first gate:x {many} gate:y action:last")).await;
    let run = loop {
        if let [run] = stage.desk.runs().as_slice() {
            break run.id;
        }
        tokio::task::yield_now().await;
    };
    let mut follow = stage.desk.follow(run, 0).unwrap();
    assert_eq!(next_seq(&mut follow).await, (1, false));
    stage.engine.open_gate("x");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let Some(Followed::Snapshot { seq, snapshot, .. }) = follow.next().await else { panic!("no snapshot") };
    assert_eq!((seq, snapshot.steps), (2001, 2001));
    stage.engine.open_gate("y");
    assert_eq!(next_seq(&mut follow).await, (2002, false));
    assert!(matches!(follow.next().await, Some(Followed::End { seq: 2003, .. })));
    assert!(follow.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_reader_from_beyond_the_end_is_told_the_end() {
    let stage = Stage::open().await;
    stage.say("a", "1", "one gate:x").await;
    stage.engine.wait_running(&["one gate:x"]).await;
    let mut follow = stage.desk.follow(stage.desk.runs()[0].id, u64::MAX).unwrap();
    stage.engine.open_gate("x");
    assert!(matches!(follow.next().await, Some(Followed::End { .. })));
    assert!(follow.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_text_is_not_kept_for_readers() {
    let stage = Stage::open().await;
    let flood = format!("text:{} ", "x".repeat(8 << 10)).repeat(100);
    stage.say("a", "1", &format!("{flood} gate:x")).await;
    let run = loop {
        if let [run] = stage.desk.runs().as_slice() {
            break run.id;
        }
        tokio::task::yield_now().await;
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut late = stage.desk.follow(run, 1).unwrap();
    assert!(next_seq(&mut late).await.1, "a snapshot stands for what is not kept");
    let mut near = stage.desk.follow(run, 90).unwrap();
    assert_eq!(next_seq(&mut near).await, (91, false));
    stage.engine.open_gate("x");
}
