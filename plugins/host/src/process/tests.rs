//! A plugin's kept process through good and bad weather: shell scripts, real signals, times of milliseconds.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use takopi_plugin_protocol::{command, life as wire, message};
use takopi_stdio::rpc::Patience;
use takopi_stdio::{Marker, find_marked};
use tokio::time::timeout;

use super::*;
use crate::plugins::Plugins;
use crate::scripted::{BOUND, Scripted, polite};

fn weather(words: &str) -> Scripted {
    Scripted::command(&polite(&format!("PROVIDES='{{\"kind\":\"command\",\"id\":\"weather\"}}'\n{words}")))
}

fn call(args: &str) -> command::Call {
    let address = message::Address { instance: "a".into(), chat: "1".into(), thread: None };
    command::Call {
        id: "weather".to_owned(),
        context: "c".to_owned(),
        args_text: args.to_owned(),
        args: Vec::new(),
        message: message::MessageRef { address, id: "m".to_owned() },
        sender: message::Sender { id: "p".into(), name: String::new(), is_bot: false },
        pressed: false,
        reply_to: None,
        project: None,
        branch: None,
        config: serde_json::Map::new(),
    }
}

async fn ask(running: &Running, args: &str) -> Result<String, Failure> {
    let answer = running.call(&call(args), &Patience::of(BOUND)).await?;
    Ok(answer.reply.map(|reply| reply.body.text).unwrap_or_default())
}

/// What the script says of itself: `reply TEXT` answers a call.
const REPLY: &str = r#"reply() { answer '{"reply":{"body":{"text":"'"$1"'"}}}'; }
"#;

async fn gone(running: &Running) {
    timeout(BOUND, running.life.over.cancelled()).await.expect("the process is gone in time");
}

#[tokio::test]
async fn a_process_lives_in_its_folder_with_no_more_than_its_environment() {
    let mut scripted = weather(&format!(
        r#"{REPLY}on_call() {{ reply "$PWD|$TAKOPI_PLUGIN_PROTOCOL|$TAKOPI_DATA_DIR|$TAKOPI_CHILD|${{CARGO_MANIFEST_DIR-none}}|${{CARGO_PKG_NAME-none}}|${{PATH:+path}}"; }}"#
    ));
    // One is declared and a secret, one is not declared.
    scripted.package.manifest.process.env = vec!["CARGO_MANIFEST_DIR".to_owned()];
    let running = scripted.plugin().running().await.unwrap();
    let dir = scripted.dir.path();
    let (folder, data) = (dir.join("plugin"), dir.join("data/takopi-acme"));
    let said = ask(&running, "").await.unwrap();
    assert_eq!(said, format!("{}|1|{}|daemon-1|none|none|path", folder.display(), data.display()));
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_crash_fails_what_waits_and_the_next_need_starts_it_anew() {
    let scripted = weather(&format!(
        r#"{REPLY}on_call() {{ case $line in *crash*) echo 'out of luck' >&2; exit 3;; *) reply fine;; esac; }}"#
    ));
    let plugin = scripted.plugin();
    let first = plugin.running().await.unwrap();
    let failure = ask(&first, "crash").await.unwrap_err();
    assert_snapshot!(failure, @"takopi-acme ended unexpectedly (exit status 3): out of luck");
    assert_eq!(timeout(BOUND, first.ended()).await.unwrap(), failure.to_string());
    gone(&first).await;
    assert_eq!(plugin.backoff(), Duration::from_secs(1));
    let second = plugin.running().await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(ask(&second, "").await, Ok("fine".to_owned()));
    assert!(Arc::ptr_eq(&second, &plugin.running().await.unwrap()), "one that lives is used again");
}

#[tokio::test]
async fn a_line_that_is_too_long_fails_the_call_and_stray_lines_nothing_and_the_process_goes_on() {
    let scripted = weather(&format!(
        r#"{REPLY}on_call() {{ case $line in *long*) head -c 2000000 /dev/zero | tr '\0' x; echo;; *) echo so; reply fine;; esac; }}"#
    ));
    let plugin = scripted.plugin();
    let running = plugin.running().await.unwrap();
    assert_eq!(ask(&running, "long").await, Err(Failure::Overlong));
    assert_eq!(ask(&running, "").await, Ok("fine".to_owned()));
    assert_eq!(running.stray_lines(), (2, "so".to_owned()));
    assert!(Arc::ptr_eq(&running, &plugin.running().await.unwrap()));
}

#[tokio::test]
async fn a_process_that_ends_well_when_nothing_waits_has_not_crashed() {
    let scripted = weather(&format!("{REPLY}on_call() {{ reply fine; exit 0; }}"));
    let plugin = scripted.plugin();
    let running = plugin.running().await.unwrap();
    assert_eq!(ask(&running, "").await, Ok("fine".to_owned()));
    gone(&running).await;
    assert_eq!(plugin.backoff(), Duration::ZERO);
}

#[tokio::test]
async fn a_process_that_goes_while_it_is_wanted_has_crashed_however_it_calls_that() {
    let scripted = weather("on_call() { exit 0; }");
    let plugin = scripted.plugin();
    let running = plugin.running().await.unwrap();
    assert!(matches!(ask(&running, "").await, Err(Failure::Gone(_))));
    gone(&running).await;
    assert_eq!(plugin.backoff(), Duration::from_secs(1));

    let scripted = weather(&format!("{REPLY}on_call() {{ reply fine; exit 0; }}"));
    let plugin = scripted.plugin();
    let hold = plugin.running().await.unwrap().hold();
    assert_eq!(ask(hold.running(), "").await, Ok("fine".to_owned()));
    gone(hold.running()).await;
    assert_eq!(plugin.backoff(), Duration::from_secs(1));
}

#[tokio::test]
async fn the_fifth_crash_ends_the_matter_until_a_pardon() {
    let scripted = weather("exit 3");
    let plugin = scripted.plugin();
    for _ in 0..CRASHES {
        assert_eq!(plugin.running().await.err().unwrap().code, Code::StartFailed);
    }
    let problem = plugin.running().await.err().unwrap();
    assert_eq!(problem.code, Code::Quarantined);
    assert_snapshot!(problem, @"it crashed 5 times within 10 minutes and is not started any more (the last time: it ended before it answered the handshake (exit status 3)); mend it, then type: takopi plugins --load");
    assert_eq!(plugin.problem(), Some(problem));
    plugin.pardon();
    assert_eq!(plugin.running().await.err().unwrap().code, Code::StartFailed);
}

#[tokio::test]
async fn a_plugin_that_refuses_its_handshake_is_left_alone_like_one_that_crashes() {
    let refuse = r#"echo started >>starts
refuse() { printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32603,"message":"no token"}}\n' "$id"; }
answer() { case $line in *'"initialize"'*) [ -e mended ] && printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1" || refuse;; esac; }
"#;
    let scripted = weather(refuse);
    let plugins = Plugins::bounded((*scripted.parts).clone(), scripted.bounds);
    let plugin = plugins.of(&Arc::new(scripted.package.clone()), wire::Settings::default());
    for _ in 0..CRASHES {
        let problem = plugin.running().await.err().unwrap();
        assert_eq!(
            (problem.code, problem.message.as_str()),
            (Code::StartFailed, "it refused the handshake: no token")
        );
    }
    let problem = plugin.running().await.err().unwrap();
    assert_snapshot!(problem, @"it crashed 5 times within 10 minutes and is not started any more (the last time: it refused the handshake: no token); mend it, then type: takopi plugins --load");
    let starts = std::fs::read_to_string(scripted.package.dir.join("starts")).unwrap();
    assert_eq!(starts.lines().count(), CRASHES, "each process counts once");
    std::fs::write(scripted.package.dir.join("mended"), "").unwrap();
    plugins.renew(std::slice::from_ref(&scripted.package.dir)).await;
    assert!(plugin.running().await.is_ok(), "whoever mended it has it tried again");
}

#[tokio::test]
async fn those_who_wait_for_one_start_share_what_comes_of_it() {
    let mut scripted = weather("");
    std::fs::write(scripted.package.dir.join("plugin.sh"), "echo started >>starts; sleep 1000").unwrap();
    scripted.bounds.handshake = Duration::from_millis(200);
    let plugin = scripted.plugin();
    let all = tokio::join!(plugin.running(), plugin.running(), plugin.running());
    for one in [all.0, all.1, all.2] {
        assert_eq!(one.err().unwrap().code, Code::HandshakeTimeout);
    }
    assert_eq!(std::fs::read_to_string(scripted.package.dir.join("starts")).unwrap(), "started\n");
}

#[tokio::test]
async fn two_missed_pings_end_a_process_that_says_it_answers_them() {
    let mut scripted = weather("CAPABILITIES='{\"ping\":true}'\non_call() { sleep 1000; }");
    scripted.bounds.ping = Duration::from_millis(50);
    scripted.bounds.ping_every = Duration::from_millis(10);
    let plugin = scripted.plugin();
    let running = plugin.running().await.unwrap();
    assert_snapshot!(ask(&running, "").await.unwrap_err(), @"takopi-acme was ended: it did not answer two pings");
}

#[tokio::test]
async fn a_process_that_does_one_thing_at_a_time_is_never_pinged() {
    let mut scripted = weather(&format!("{REPLY}on_call() {{ sleep 0.3; reply late; }}"));
    scripted.bounds.ping = Duration::from_millis(10);
    scripted.bounds.ping_every = Duration::from_millis(10);
    let plugin = scripted.plugin();
    assert_eq!(ask(&plugin.running().await.unwrap(), "").await, Ok("late".to_owned()));
}

#[tokio::test]
async fn a_process_that_takes_too_much_memory_is_ended() {
    // A variable of 64 MB.
    let mut scripted =
        weather("on_call() { x=$(head -c 16000000 /dev/zero | tr '\\0' x); x=$x$x; x=$x$x; sleep 1000; }");
    scripted.bounds.memory = 32 << 20;
    let plugin = scripted.plugin();
    let running = plugin.running().await.unwrap();
    assert_snapshot!(ask(&running, "").await.unwrap_err(), @"takopi-acme was ended: it used more than 32 MB of memory");
}

#[tokio::test]
async fn an_idle_process_is_stopped_and_one_that_is_held_is_not() {
    let mut scripted = weather(&format!("{REPLY}on_call() {{ reply $$; }}"));
    scripted.package.manifest.process.idle_stop = Some(Duration::from_millis(60));
    let plugin = scripted.plugin();
    let hold = plugin.running().await.unwrap().hold();
    // Another that nobody holds ends meanwhile: this one had the time for it too.
    let other = scripted.plugin();
    let life = other.running().await.unwrap().life.clone();
    timeout(BOUND, life.over.cancelled()).await.expect("it is stopped");
    let first = ask(hold.running(), "").await.unwrap();
    let life = hold.running().life.clone();
    assert!(!life.over.is_cancelled());
    drop(hold);
    timeout(BOUND, life.over.cancelled()).await.expect("it is stopped");
    assert_ne!(ask(&plugin.running().await.unwrap(), "").await.unwrap(), first);
    assert_eq!(plugin.backoff(), Duration::ZERO, "to be stopped is no crash");
}

#[tokio::test]
async fn closing_asks_first_and_ends_what_does_not_listen_with_everything_it_started() {
    let polite = weather("trap 'echo bye >said' EXIT");
    let plugin = polite.plugin();
    let running = plugin.running().await.unwrap();
    plugin.close(BOUND).await;
    assert!(!running.is_alive());
    assert_eq!(std::fs::read_to_string(polite.package.dir.join("said")).unwrap(), "bye\n");
    assert_eq!(plugin.running().await.err().unwrap().code, Code::StartFailed, "it is closed for good");

    let mut deaf =
        weather("trap '' TERM; setsid sleep 1000 & setsid sleep 1001 &\non_call() { sleep 1000; }");
    deaf.bounds.exit = Duration::from_millis(50);
    let plugin = deaf.plugin();
    let running = plugin.running().await.unwrap();
    let environ = std::fs::read(format!("/proc/{}/environ", running.life.process.pid())).unwrap();
    let environ = String::from_utf8(environ).unwrap();
    let mark = environ.split('\0').find_map(|entry| entry.strip_prefix("TAKOPI_PLUGIN=")).unwrap();
    let mark = Marker::new("TAKOPI_PLUGIN", mark);
    assert!(find_marked(&mark).len() >= 3);
    let asked = ask(&running, "");
    let (asked, ()) = tokio::join!(asked, plugin.close(Duration::from_millis(50)));
    assert!(matches!(asked, Err(Failure::Gone(_))), "{asked:?}");
    assert_eq!(find_marked(&mark), []);
}

#[tokio::test]
async fn every_line_of_a_plugin_that_ends_is_kept_short_for_people() {
    let scripted =
        weather("on_call() { i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i >&2; done; exit 1; }");
    let running = scripted.plugin().running().await.unwrap();
    assert_snapshot!(ask(&running, "").await.unwrap_err(), @"takopi-acme ended unexpectedly (exit status 1): line 198 / line 199 / line 200");
}

#[tokio::test]
async fn a_plugin_is_kept_over_reloads_while_package_and_settings_stay() {
    let scripted = weather(&format!("{REPLY}on_call() {{ reply $$; }}"));
    let plugins = Plugins::bounded((*scripted.parts).clone(), scripted.bounds);
    let package = Arc::new(scripted.package.clone());
    let none = wire::Settings::default;
    let first = plugins.of(&package, none());
    assert!(Arc::ptr_eq(&first, &plugins.of(&Arc::new(scripted.package.clone()), none())));
    let running = first.running().await.unwrap();

    let settings: wire::Settings =
        serde_json::from_value(json!({"command":{"weather":{"unit":"F"}}})).unwrap();
    let second = plugins.of(&package, settings.clone());
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(running.is_alive(), "who uses the old one goes on with it");
    let life = running.life.clone();
    drop((running, first));
    timeout(BOUND, life.over.cancelled()).await.expect("the old one ends when nobody uses it");

    let running = second.running().await.unwrap();
    plugins.close(BOUND).await;
    assert!(!running.is_alive());
    plugins.retain(&[]);
    assert!(plugins.all().is_empty());
    assert!(!Arc::ptr_eq(&second, &plugins.of(&package, settings)));
}

#[tokio::test]
async fn what_others_could_change_since_it_was_found_is_not_started() {
    let scripted = weather("");
    let (plugin, file) = (scripted.plugin(), scripted.package.dir.join("plugin.sh"));
    let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o777);
    let problem = plugin.running().await.err().unwrap();
    assert_eq!(problem.code, Code::UnsafeOwner);
    assert!(problem.message.contains("type: chmod go-w "), "{problem}");
    mode(0o755);
    assert!(plugin.running().await.is_ok(), "it was mended");
}

#[tokio::test]
async fn a_link_to_where_everybody_may_rename_is_not_started() {
    let mut scripted = weather("");
    let open = scripted.dir.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::rename(scripted.package.dir.join("plugin.sh"), open.join("real.sh")).unwrap();
    std::os::unix::fs::symlink(open.join("real.sh"), scripted.package.dir.join("plugin.sh")).unwrap();
    scripted.package.manifest.process.command = vec!["./plugin.sh".to_owned()];
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(scripted.plugin().running().await.err().unwrap().code, Code::UnsafeOwner);
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(scripted.plugin().running().await.is_ok());
}

#[tokio::test]
async fn a_variable_that_is_needed_and_a_secret_of_the_settings_is_told() {
    let mut scripted = weather("");
    scripted.package.manifest.process.needs_env = vec!["CARGO_MANIFEST_DIR".to_owned()];
    let problem = scripted.plugin().running().await.err().unwrap();
    assert_eq!(problem.code, Code::MissingVariable);
    assert_snapshot!(problem, @"the variable CARGO_MANIFEST_DIR holds a secret of the settings, which plugins do not get; give it one of its own");
}

#[tokio::test]
async fn closing_gives_up_a_start_that_is_under_way() {
    let scripted = weather("sleep 1000");
    let plugin = scripted.plugin();
    let both = async { tokio::join!(plugin.running(), plugin.close(BOUND)) };
    let (started, ()) = timeout(BOUND / 2, both).await.expect("nobody waits for the handshake");
    assert_eq!(started.err().unwrap().code, Code::StartFailed);
    let run = RunId::parse("018f3a5c-0000-7000-8000-000000000000").unwrap();
    assert!(plugin.alone(run, &CancellationToken::new()).await.is_err(), "nothing is started any more");
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_any_more_leaves_nothing() {
    let scripted = weather("echo $$ >>started; sleep 1000");
    let plugin = scripted.plugin();
    let started = scripted.package.dir.join("started");
    {
        let start = plugin.running();
        tokio::pin!(start);
        while !started.exists() {
            assert!(timeout(Duration::from_millis(5), &mut start).await.is_err(), "it hangs");
        }
    }
    let pid: u32 = timeout(BOUND, async {
        loop {
            match std::fs::read_to_string(&started).unwrap().trim().parse() {
                Ok(pid) => break pid,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
    .unwrap();
    scripted.parts.tasks.close();
    timeout(BOUND, scripted.parts.tasks.wait()).await.expect("its tasks end");
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "it is gone");
}

#[tokio::test]
async fn a_plugin_looks_at_its_settings_until_it_has_nothing_against_them() {
    let asked = r#"answer() { case $line in *config/check*) echo asked >>asked;; esac; printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
[ -e mended ] || ISSUES='{"level":"error","title":"the key hush hush is refused","lines":["get another"]}'
"#;
    let scripted = weather(asked);
    let settings = json!({"command": {"weather": {"api_key": "hush hush"}}});
    let settings: wire::Settings = serde_json::from_value(settings).unwrap();
    let package = Arc::new(scripted.package.clone());
    let plugin = Plugin::bounded(package, settings, scripted.parts.clone(), scripted.bounds);
    let until = CancellationToken::new();
    let running = plugin.running().await.unwrap();
    let problem = plugin.admit(&running, wire::Kind::Command, "weather", &until).await.unwrap_err();
    assert_eq!(problem.code, Code::BadConfig);
    assert_snapshot!(problem, @"the key ••• is refused; get another");

    running.close(BOUND).await;
    std::fs::write(scripted.package.dir.join("mended"), "").unwrap();
    let running = plugin.running().await.unwrap();
    for _ in 0..2 {
        assert_eq!(plugin.admit(&running, wire::Kind::Command, "weather", &until).await, Ok(()));
    }
    let asked = std::fs::read_to_string(scripted.package.dir.join("asked")).unwrap();
    assert_eq!(asked, "asked\nasked\n", "once when it was refused, once when it was not");
}
