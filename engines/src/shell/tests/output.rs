//! What command lines say: in order, within bounds, as text; and what they find around them.

use super::*;

#[tokio::test]
async fn the_answer_is_the_output() {
    assert_eq!(answer_of("echo hello").await, "hello");
    assert_eq!(answer_of("printf 'no line end'").await, "no line end");
    assert_eq!(answer_of("true").await, NO_OUTPUT);
    assert_eq!(answer_of("printf '\\n\\n'").await, NO_OUTPUT);
    assert_eq!(answer_of("echo one\necho two").await, "one\ntwo");
}

#[tokio::test]
async fn both_outputs_come_in_the_order_they_were_written() {
    let script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done";
    assert_eq!(answer_of(script).await, "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3");
}

#[tokio::test]
async fn nobody_is_asked_anything() {
    assert_eq!(answer_of("cat; read line || echo end").await, "end");
    assert_eq!(answer_of("test -t 0 || test -t 1 || echo none").await, "none");
}

#[tokio::test]
async fn events_tell_the_command_then_its_output_then_its_status() {
    let (_, told) = Run::of(shell(), "echo a; exit 3").end().await;
    let [RunEvent::Action(started), texts @ .., RunEvent::Action(completed)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((started.phase, started.title.as_str(), started.ok), (Phase::Started, "echo a; exit 3", None));
    assert_eq!(told_text(texts), "a\n");
    assert_eq!((completed.phase, completed.ok), (Phase::Completed, Some(false)));
    assert_eq!(completed.detail.exit_code, Some(3));
}

#[tokio::test]
async fn a_long_output_keeps_its_head_and_tail() {
    let answer = answer_of("seq 200000").await;
    assert!(answer.starts_with("1\n2\n3\n") && answer.ends_with("\n199999\n200000"));
    assert!(answer.contains("bytes left out") && answer.len() < 256 << 10, "{}", answer.len());
}

#[tokio::test]
async fn a_line_of_any_length_is_output_like_any_other() {
    for megabytes in [1, 80] {
        let line = format!("head -c {megabytes}000000 /dev/zero | tr '\\0' x; echo end");
        let answer = answer_of(&line).await;
        assert!(answer.starts_with("xxx") && answer.ends_with("xxxend") && answer.len() < 256 << 10);
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_replaced() {
    assert_eq!(answer_of("printf 'a\\377b\\303\\251'").await, "a\u{fffd}bé");
    let (end, told) = Run::of(shell(), "printf '\\303'; sleep 0.05; printf '\\251\\n'").end().await;
    assert_eq!((end.answer.as_str(), told_text(&told).as_str()), ("é", "é\n"));
}

#[tokio::test]
async fn a_flood_takes_little_memory_and_time() {
    let (end, told) = Run::of(shell(), "yes | head -c 1000000000").end().await;
    assert_eq!(end.outcome, Outcome::Answered);
    assert!(end.answer.contains("bytes left out") && end.answer.len() < 256 << 10);
    let lengths = told.iter().filter_map(|event| match event {
        RunEvent::Text(text) => Some(text.len()),
        _ => None,
    });
    assert!(lengths.max().unwrap() <= 16 << 10);
}

#[tokio::test]
async fn children_carry_the_marks_and_nothing_that_is_not_for_them() {
    let line = "echo $TAKOPI_CHILD $TAKOPI_RUN; echo ${CARGO_MANIFEST_DIR-absent} ${CARGO_PKG_NAME-absent}";
    let run = Run::of(shell(), line);
    let id = run.id;
    let (end, _) = run.end().await;
    assert_eq!(end.answer, format!("daemon-1 {id}\nabsent takopi-engines"));
    assert_eq!(end.left_running, Vec::<String>::new());
}

#[tokio::test]
async fn a_command_works_in_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (end, _) = Run::in_dir(shell(), "pwd -P; touch here", dir.path()).end().await;
    assert_eq!(Path::new(&end.answer), dir.path().canonicalize().unwrap());
    assert!(dir.path().join("here").is_file());
}
