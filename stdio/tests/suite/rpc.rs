//! Two peers over a pipe: both directions, cancellation, floods, garbage.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use takopi_stdio::rpc::{CallError, Closed, Limits, Patience, Peer, RpcError, Service, peer};
use takopi_stdio::{Lines, Process, StderrTail};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::house::{script, start};

/// Answers `echo`, calls back for `relay`, never answers `wait`, and notes what it is told.
#[derive(Default)]
struct Desk {
    back: Mutex<Option<Peer>>,
    told: Mutex<Vec<Value>>,
    cancelled: Option<mpsc::Sender<()>>,
}

#[async_trait]
impl Service for Desk {
    async fn request(
        &self,
        method: &str,
        params: Value,
        cancel: CancellationToken,
    ) -> Result<Value, RpcError> {
        let back = self.back.lock().unwrap().clone();
        match (method, back) {
            ("echo", _) => Ok(params),
            ("relay", Some(back)) => {
                let answer = back.call("echo", params, &Patience::endless()).await;
                answer.map_err(|error| RpcError::new(RpcError::INTERNAL, error.to_string()))
            }
            ("told", _) => Ok(Value::Array(self.told.lock().unwrap().clone())),
            ("wait", _) => {
                cancel.cancelled().await;
                if let Some(cancelled) = &self.cancelled {
                    cancelled.send(()).await.unwrap();
                }
                Err(RpcError::new(1, "given up"))
            }
            ("panic", _) => panic!("on purpose"),
            _ => Err(RpcError::unknown_method(method)),
        }
    }

    async fn notify(&self, _: &str, params: Value) {
        self.told.lock().unwrap().push(params);
    }

    async fn overlong(&self, limit: usize) {
        self.told.lock().unwrap().push(json!(format!("more than {limit} bytes")));
    }
}

fn run(stream: DuplexStream, limits: Limits, desk: Desk) -> Peer {
    let (peer, wire) = peer(limits);
    *desk.back.lock().unwrap() = Some(peer.clone());
    let tasks = TaskTracker::new();
    let (reader, writer) = split(stream);
    let lines = Lines::new(reader, limits.max_line_bytes);
    tasks.clone().spawn(async move {
        wire.run(lines, writer, Arc::new(desk), &tasks, &CancellationToken::new(), async { "sorry".into() })
            .await
    });
    peer
}

/// Two peers that talk to each other.
fn pair(desk: Desk) -> (Peer, Peer) {
    let (here, there) = duplex(4 << 10);
    (run(here, Limits::PLUGIN, Desk::default()), run(there, Limits::PLUGIN, desk))
}

/// A peer, and the raw stream of its other side.
fn raw(limits: Limits) -> (Peer, Lines<ReadHalf<DuplexStream>>, WriteHalf<DuplexStream>) {
    let (here, there) = duplex(64 << 10);
    let (reader, writer) = split(there);
    (run(here, limits, Desk::default()), Lines::new(reader, 1 << 20), writer)
}

/// Reads `count` messages.
async fn messages(lines: &mut Lines<ReadHalf<DuplexStream>>, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    while all.len() < count {
        let batch = lines.next_batch().await.unwrap().expect("a message");
        all.extend(batch.lines().map(|line| serde_json::from_slice::<Value>(line).unwrap()));
    }
    all
}

#[tokio::test]
async fn both_sides_call_each_other_at_the_same_time() {
    let (here, there) = pair(Desk::default());
    let calls = (0..200).map(|number| {
        let peer = if number % 2 == 0 { here.clone() } else { there.clone() };
        let method = if number % 3 == 0 { "relay" } else { "echo" };
        async move {
            let answer = peer.call(method, json!([number]), &Patience::endless()).await;
            assert_eq!(answer, Ok(json!([number])));
        }
    });
    // At most as many at once as are served.
    let tasks = tokio::task::JoinSet::from_iter(calls.take(40));
    tasks.join_all().await;
}

#[tokio::test]
async fn notifications_come_in_order_and_before_what_was_sent_after_them() {
    let (here, _there) = pair(Desk::default());
    for number in 0..1000 {
        here.notify("note", json!(number)).await.unwrap();
    }
    let told = here.call("told", Value::Null, &Patience::endless()).await.unwrap();
    assert_eq!(told, Value::Array((0..1000).map(Value::from).collect()));
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled_on_the_other_side() {
    let (sender, mut cancelled) = mpsc::channel(1);
    let (here, _there) = pair(Desk { cancelled: Some(sender), ..Desk::default() });
    let cancel = CancellationToken::new();
    let patience = Patience::endless().until(cancel.clone());
    let (answer, ()) = tokio::join!(here.call("wait", Value::Null, &patience), async { cancel.cancel() });
    assert_eq!(answer, Err(CallError::Cancelled));

    let patience = Patience::endless();
    let mut call = Box::pin(here.call("wait", Value::Null, &patience));
    tokio::select! {
        biased;
        _ = &mut call => panic!("answered"),
        // Behind the request in the queue, so it has been sent by now.
        _ = here.call("echo", Value::Null, &patience) => {}
    }
    drop(call);
    cancelled.recv().await.expect("dropping a call cancels it");
}

#[tokio::test]
async fn a_cancel_from_the_other_side_answers_its_request_with_an_error() {
    let (_peer, mut lines, mut writer) = raw(Limits::PLUGIN);
    writer.write_all(b"{\"id\":\"a\",\"method\":\"wait\"}\n").await.unwrap();
    writer.write_all(b"{\"method\":\"$/cancel_request\",\"params\":{\"id\":\"a\"}}\n").await.unwrap();
    let expected = json!({"jsonrpc": "2.0", "id": "a", "error": {"code": -32800, "message": "cancelled"}});
    assert_eq!(messages(&mut lines, 1).await, [expected]);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_times_out_and_the_other_side_is_told() {
    let (peer, mut lines, _writer) = raw(Limits::PLUGIN);
    let after = Duration::from_secs(30);
    assert_eq!(peer.call("slow", json!({}), &Patience::of(after)).await, Err(CallError::TimedOut { after }));
    assert_eq!(
        messages(&mut lines, 2).await,
        [
            json!({"jsonrpc": "2.0", "id": 1, "method": "slow", "params": {}}),
            json!({"jsonrpc": "2.0", "method": "$/cancel_request", "params": {"id": 1}}),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_that_is_never_answered_ends_after_its_grace() {
    let (peer, mut lines, _writer) = raw(Limits::PLUGIN);
    let cancel = CancellationToken::new();
    let grace = Duration::from_secs(7);
    let patience = Patience::endless().until(cancel.clone()).grace(grace);
    let (answer, waited) = tokio::join!(peer.call("slow", Value::Null, &patience), async {
        messages(&mut lines, 1).await;
        cancel.cancel();
        let cancelled = tokio::time::Instant::now();
        assert_eq!(messages(&mut lines, 1).await[0]["method"], "$/cancel_request");
        cancelled
    });
    assert_eq!(answer, Err(CallError::Cancelled));
    assert!(waited.elapsed() >= grace);
}

#[tokio::test]
async fn garbage_is_counted_and_refused_where_it_wants_an_answer_but_never_fatal() {
    let (peer, mut lines, mut writer) = raw(Limits { max_line_bytes: 1000, ..Limits::PLUGIN });
    let long = format!("{}\n", "x".repeat(5000));
    writer.write_all(b"Loading model...\n\n[{}]\n{\"id\":7}\n").await.unwrap();
    writer.write_all(long.as_bytes()).await.unwrap();
    writer.write_all(b"{\"method\":\"unknown/note\"}\n{\"id\":8,\"method\":\"nope\"}\n").await.unwrap();
    let errors: Vec<_> =
        messages(&mut lines, 3).await.iter().map(|m| (m["id"].clone(), m["error"]["code"].clone())).collect();
    assert_eq!(errors, [(json!(null), json!(-32600)), (json!(7), json!(-32600)), (json!(8), json!(-32601))]);
    let (count, last) = peer.garbage();
    assert_eq!((count, last.as_str()), (4, "read a line: it is longer than 1000 bytes"));
}

#[tokio::test]
async fn a_line_that_is_too_long_is_told_to_the_service_in_its_place() {
    let (_peer, mut lines, mut writer) = raw(Limits { max_line_bytes: 1000, ..Limits::PLUGIN });
    let long = "x".repeat(5000);
    let sent = format!("{{\"method\":\"a\",\"params\":1}}\n{long}\n{{\"method\":\"b\",\"params\":2}}\n");
    writer.write_all(sent.as_bytes()).await.unwrap();
    writer.write_all(b"{\"id\":1,\"method\":\"told\"}\n").await.unwrap();
    let told = messages(&mut lines, 1).await.remove(0);
    assert_eq!(told["result"], json!([1, "more than 1000 bytes", 2]));
}

#[tokio::test]
async fn an_answer_is_known_to_be_read_before_what_was_sent_behind_it() {
    struct Watch(CancellationToken, mpsc::Sender<bool>);
    #[async_trait]
    impl Service for Watch {
        async fn request(&self, _: &str, _: Value, _: CancellationToken) -> Result<Value, RpcError> {
            Err(RpcError::cancelled())
        }

        async fn notify(&self, _: &str, _: Value) {
            self.1.send(self.0.is_cancelled()).await.unwrap();
        }
    }
    let (answered, (sender, mut seen)) = (CancellationToken::new(), mpsc::channel(2));
    let (here, mut there) = duplex(1 << 10);
    let (peer, wire) = peer(Limits::PLUGIN);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let (reader, writer) = split(here);
    let service = Arc::new(Watch(answered.clone(), sender));
    let run = wire.run(Lines::new(reader, 1 << 20), writer, service, &tasks, &stop, async { String::new() });
    let patience = Patience::endless().answered(answered);
    let (_, answer, ()) = tokio::join!(run, peer.call("m", json!({}), &patience), async {
        let all = b"{\"method\":\"before\"}\n{\"id\":1,\"result\":7}\n{\"method\":\"behind\"}\n";
        there.read_u8().await.unwrap();
        there.write_all(all).await.unwrap();
        drop(there);
    });
    assert_eq!(answer, Ok(json!(7)));
    assert_eq!((seen.recv().await, seen.recv().await), (Some(false), Some(true)));
}

#[tokio::test]
async fn what_a_child_said_before_it_went_is_read_though_it_takes_nothing_any_more() {
    let mut child = start(script("echo '{\"id\":1,\"result\":7}'"));
    let (peer, wire) = peer(Limits::PLUGIN);
    let stdin = child.stdin.take().unwrap();
    // It has ended: what is written to it from now on is refused.
    child.process.wait().await;
    let (tasks, stop, service) = (TaskTracker::new(), CancellationToken::new(), Arc::new(Desk::default()));
    let run = wire.run(child.stdout, stdin, service, &tasks, &stop, async { String::new() });
    let patience = Patience::endless();
    // Called first: an answer to nothing would be passed over.
    let (answer, _) = tokio::join!(peer.call("m", json!({}), &patience), run);
    assert_eq!(answer, Ok(json!(7)));
}

#[tokio::test]
async fn a_flood_of_requests_is_refused_beyond_the_bound() {
    let (_peer, mut lines, mut writer) = raw(Limits { served_requests: 4, ..Limits::PLUGIN });
    for id in 0..500 {
        writer.write_all(format!("{{\"id\":{id},\"method\":\"wait\"}}\n").as_bytes()).await.unwrap();
    }
    let refused = messages(&mut lines, 496).await;
    assert!(refused.iter().all(|message| message["error"]["code"] == json!(RpcError::BUSY)));
    assert_eq!(refused[0]["id"], json!(4));
}

#[tokio::test(start_paused = true)]
async fn a_side_that_stops_reading_is_hung_up_on_and_never_queued_for() {
    let limits = Limits { queued_lines: 8, pending_calls: 1, ..Limits::PLUGIN };
    let (peer, _lines, _writer) = raw(limits);
    let text = "x".repeat(10_000);
    let mut sent = 0;
    let error = loop {
        match peer.notify("note", json!(text)).await {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    // What fits the pipe, one batch being written, one queue.
    assert!(sent < 7 + 8 + 8 + 8, "{sent}");
    assert_eq!(error.to_string(), "the connection failed: the other side has stopped reading: sorry");
}

#[tokio::test]
async fn calls_beyond_the_bound_and_lines_beyond_theirs_are_not_sent() {
    let limits = Limits { pending_calls: 1, max_line_bytes: 100, ..Limits::PLUGIN };
    let (peer, _lines, _writer) = raw(limits);
    let patience = Patience::endless();
    let long = peer.call("m", json!("x".repeat(200)), &patience).await;
    assert_eq!(long, Err(CallError::TooLong { limit: 100 }));
    let (first, second) = tokio::join!(
        biased;
        async {
            tokio::select! {
                biased;
                answer = peer.call("m", Value::Null, &patience) => answer,
                () = tokio::task::yield_now() => Err(CallError::Cancelled),
            }
        },
        peer.call("m", Value::Null, &patience),
    );
    assert_eq!((first, second), (Err(CallError::Cancelled), Err(CallError::Full { limit: 1 })));
}

#[tokio::test]
async fn a_service_that_panics_answers_with_an_internal_error() {
    let (here, _there) = pair(Desk::default());
    let patience = Patience::endless();
    let error = here.call("panic", Value::Null, &patience).await.unwrap_err();
    assert!(matches!(error, CallError::Refused(error) if error.code == RpcError::INTERNAL));
    assert_eq!(here.call("echo", json!(1), &patience).await, Ok(json!(1)));
}

#[tokio::test]
async fn closing_writes_what_is_queued() {
    let (peer, mut lines, _writer) = raw(Limits::PLUGIN);
    peer.notify("exit", Value::Null).await.unwrap();
    peer.close();
    peer.closed().await;
    assert_eq!(messages(&mut lines, 1).await, [json!({"jsonrpc": "2.0", "method": "exit"})]);
    let error = peer.notify("late", Value::Null).await.unwrap_err();
    assert_eq!(error.to_string(), "the connection was closed: sorry");
}

#[tokio::test]
async fn a_dropped_wire_fails_its_calls() {
    let (peer, wire) = peer(Limits::PLUGIN);
    drop(wire);
    let error = peer.call("m", Value::Null, &Patience::endless()).await.unwrap_err();
    assert_eq!(error.to_string(), "the connection was dropped");
}

async fn last_words(process: Process, stderr: StderrTail) -> String {
    let exit = process.wait().await;
    format!("{exit}, its last words: {}", stderr.text())
}

#[tokio::test]
async fn when_a_child_dies_every_call_fails_with_its_last_words() {
    let mut child = start(script("read request; echo no memory left >&2; exit 3"));
    let (peer, wire) = peer(Limits::PLUGIN);
    let explain = last_words(child.process.clone(), child.stderr.clone());
    let stdin = child.stdin.take().unwrap();
    let (tasks, stop, service) = (TaskTracker::new(), CancellationToken::new(), Arc::new(Desk::default()));
    let run = wire.run(child.stdout, stdin, service, &tasks, &stop, explain);
    let patience = Patience::endless();
    let (closed, answer) = tokio::join!(run, peer.call("initialize", json!({}), &patience));
    assert!(matches!(closed, Closed::ByOther));
    let expected = "the other side closed the connection: exit status 3, its last words: no memory left";
    assert_eq!(answer.unwrap_err().to_string(), expected);
}

#[tokio::test]
async fn stopping_closes_the_stream_and_cancels_what_is_being_served() {
    let (sender, mut cancelled) = mpsc::channel(1);
    let (here, mut there) = duplex(1 << 10);
    let (_peer, wire) = peer(Limits::PLUGIN);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let desk = Arc::new(Desk { cancelled: Some(sender), ..Desk::default() });
    let (reader, writer) = split(here);
    let run = wire.run(Lines::new(reader, 1 << 20), writer, desk, &tasks, &stop, async { String::new() });
    let request = b"{\"id\":1,\"method\":\"wait\"}\n{\"id\":2,\"method\":\"echo\"}\n";
    let (closed, ()) = tokio::join!(run, async {
        there.write_all(request).await.unwrap();
        // The answer to the second shows that the first is being served.
        there.read_u8().await.unwrap();
        stop.cancel();
    });
    assert!(matches!(closed, Closed::Here));
    cancelled.recv().await.expect("the request is cancelled");
}
