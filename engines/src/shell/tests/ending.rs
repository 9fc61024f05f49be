//! How command lines end: by themselves, by a signal, by a stop; and what they leave.

use takopi_stdio::{Leftover, end_marked};

use super::*;

#[tokio::test]
async fn a_status_other_than_zero_is_a_failure_with_its_output() {
    let end = end_of("echo some; exit 3").await;
    assert_eq!(end.outcome, Outcome::Failed("exit status 3".to_owned()));
    assert_eq!(end.answer, "some");

    let end = end_of("exit 1").await;
    assert_eq!((end.outcome, end.answer.as_str()), (Outcome::Failed("exit status 1".to_owned()), ""));
}

#[tokio::test]
async fn a_deadly_signal_is_named_as_people_know_it() {
    let end = end_of("echo before; kill -9 $$").await;
    assert_eq!(
        (end.outcome, end.answer.as_str()),
        (Outcome::Failed("ended by SIGKILL".to_owned()), "before")
    );
    assert_eq!(end_of("kill -SEGV $$").await.outcome, Outcome::Failed("ended by SIGSEGV".to_owned()));
}

#[tokio::test]
async fn what_no_shell_takes_is_refused_with_a_remedy() {
    let refusal = async |command: &str| Run::of(shell(), command).result().await.0.unwrap_err().to_string();
    let long = format!("echo {}", "x".repeat(MAX_COMMAND_BYTES));
    assert_eq!(
        refusal(&long).await,
        "the command line has 131076 bytes, and a shell takes 131071; put it into a file and run that"
    );
    assert!(refusal("echo \0").await.contains("NUL"));
    let nowhere = Run::in_dir(shell(), "pwd", Path::new("/nowhere/at/all")).result().await.0;
    let text = "the directory /nowhere/at/all is not there; make it, or work somewhere else";
    assert_eq!(nowhere.unwrap_err().to_string(), text);
    let no_directory = Run::in_dir(shell(), "pwd", Path::new("/etc/passwd")).result().await.0;
    assert!(no_directory.unwrap_err().to_string().contains("Not a directory"));

    // The longest that fits is taken.
    let longest = format!("true {}", "x".repeat(MAX_COMMAND_BYTES - 5));
    assert_eq!(answer_of(&longest).await, NO_OUTPUT);
}

#[tokio::test]
async fn a_command_line_that_begins_like_an_option_is_a_command_line() {
    let end = end_of("-x").await;
    assert_eq!(end.outcome, Outcome::Failed("exit status 127".to_owned()));
    assert!(end.answer.contains("-x") && end.answer.contains("not found"), "{}", end.answer);
}

#[test]
fn a_program_that_is_no_shell_is_not_used() {
    for program in ["/usr/sbin/nologin", "/bin/false", "sh", "/etc/passwd", "/nowhere", "/tmp"] {
        let shell =
            Shell::new(Some(program.into()), environment(), TaskTracker::new(), CancellationToken::new());
        assert_eq!(shell.program, FALLBACK, "{program}");
    }
}

#[tokio::test]
async fn a_cancel_ends_the_tree_and_keeps_what_it_said() {
    let run = Run::of(shell(), "trap 'echo goodbye; exit' TERM; echo hello; setsid sleep 1000 & wait");
    let id = run.id;
    while !alive(id).iter().any(|left| left.command.starts_with("sleep")) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    run.stop.send_replace(Some(Stop::Cancel));
    let (end, _) = run.end().await;
    assert_eq!((end.outcome, end.answer.as_str()), (Outcome::Cancelled, "hello\ngoodbye"));
    assert_eq!(alive(id), []);
}

#[tokio::test]
async fn a_cancel_right_at_the_start_leaves_nothing() {
    for _ in 0..20 {
        let run = Run::of(shell(), "setsid sleep 1000 & sleep 1000");
        let id = run.id;
        tokio::task::yield_now().await;
        run.stop.send_replace(Some(Stop::Cancel));
        assert_eq!(run.end().await.0.outcome, Outcome::Cancelled);
        assert_eq!(alive(id), []);
    }
}

/// It prints all the time: with nobody reading it would fill the pipe and stand still, with the pipe closed it
/// would die.
const SERVER: &str = "setsid sh -c 'while :; do echo serving; sleep 0.01; done' & echo started";

#[tokio::test]
async fn a_server_left_running_is_named_and_lives_until_it_is_ended() {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let shell = Shell::new(None, environment(), tasks.clone(), stop.clone());
    let run = Run::of(shell, SERVER);
    let marker = Marker::new(RUN, run.id.to_string());
    let (end, _) = run.end().await;
    assert_eq!(end.outcome, Outcome::Answered);
    // The server may have been quicker.
    assert!(end.answer.lines().any(|line| line == "started"), "{}", end.answer);
    let server = find_server(&marker).expect("it is there");
    let named = format!("(pid {})", server.identity.pid());
    assert!(end.left_running.iter().any(|line| line.contains(&named)), "{end:?}");

    // It starts a `sleep` after every line: new ones show that it still prints and lives.
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 10 {
        assert!(server.identity.is_alive(), "it died of what it printed");
        seen.extend(find_marked(&marker).into_iter().map(|left| left.identity));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The daemon goes down: its tasks let go, and do not wait for the server.
    tasks.close();
    stop.cancel();
    tokio::time::timeout(BOUND, tasks.wait()).await.unwrap();
    end_marked(&marker, &Ladder::TERMINATE).await;
    assert!(!server.identity.is_alive());
}

fn find_server(marker: &Marker) -> Option<Leftover> {
    find_marked(marker).into_iter().find(|left| left.command.contains("serving"))
}
