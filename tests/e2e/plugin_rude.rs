//! Plugins that misbehave in every way there is: what a person reads of each, and that nobody else notices.
//!
//! All of them live in one house, so that the slow ones are waited for at the same time.

use std::path::Path;
use std::thread;

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::built::built;
use crate::house::{Daemon, Home};
use crate::program::{Ended, Program};
use crate::wait::wait_for;

/// Puts the rude plugin of a mode, with its number if it takes one, where plugins are looked for.
pub(crate) fn install(home: &Home, mode: &str) {
    let folder = home.place().join("plugins");
    let mut command = home.command(built("takopi-plugin-rude", "takopi-plugin-rude"));
    let command = command.arg("--install").arg(folder).args(mode.split(' '));
    let ended = Program::start(command).wait();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

/// Returns the processes of plugins of a home, and whatever those started, by the folder they keep their files in.
pub(crate) fn processes(home: &Home) -> Vec<String> {
    let of = format!("TAKOPI_DATA_DIR={}", home.place().join("plugin-data").display());
    let is_its = |folder: &Path| {
        // The dead have an empty environment.
        let environment = std::fs::read(folder.join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(of.as_bytes()))
    };
    let folders = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let command = |folder: &Path| std::fs::read_to_string(folder.join("cmdline")).unwrap_or_default();
    folders.filter(|folder| is_its(folder)).map(|folder| command(&folder).replace('\0', " ")).collect()
}

/// Returns what a person reads, without what is never twice the same.
fn read(home: &Home, ended: &Ended) -> String {
    let text = format!("{}{}", ended.stdout, ended.stderr);
    let text = text.replace(&home.own().display().to_string(), "~");
    // How many work at this moment is chance.
    let is_kept = |line: &&str| !line.trim().is_empty() && !line.contains("in the same directory now");
    let lines = text.lines().filter(is_kept);
    lines.map(|line| format!("  {}\n", numberless(line))).collect::<String>() + &code(ended.code)
}

fn code(code: i32) -> String {
    if code == 0 { String::new() } else { format!("  exit code {code}\n") }
}

/// Writes `pid 4711` as `pid N`.
fn numberless(line: &str) -> String {
    let Some((before, after)) = line.split_once("(pid ") else { return line.to_owned() };
    format!("{before}(pid N{}", after.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

/// Sends each message in a conversation of its own, all at the same time, and returns what a person reads of each.
fn say_all(home: &Home, messages: &[String]) -> String {
    let told = thread::scope(|scope| {
        let say = |message: &str| format!("{message}\n{}", read(home, &home.run(&["chat", message])));
        let threads: Vec<_> = messages.iter().map(|message| scope.spawn(move || say(message))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    told.concat()
}

/// Has each mode asked twice, by its command and by its engine.
fn ask_all(home: &Home, modes: &[&str]) -> String {
    let names = modes.iter().filter_map(|mode| mode.split(' ').next());
    let messages = names.flat_map(|mode| [format!("/do_{mode} hi"), format!("/rude_{mode} hi")]);
    say_all(home, &messages.collect::<Vec<_>>())
}

/// Checks that the shell answers while a rude plugin has not.
fn others_are_served(home: &Home, word: &str) {
    let ended = home.run(&["chat", &format!("echo {word}")]);
    assert!(ended.code == 0 && ended.stdout.contains(word), "{} {}", ended.stdout, ended.stderr);
}

fn house(modes: &[&str]) -> Home {
    let home = Home::with_config("default_engine = 'shell'\n");
    for mode in modes {
        install(&home, mode);
    }
    home
}

#[test]
fn plugin_rude_rows_of_load_name_each_fault_and_nothing_is_left() {
    let home = house(&[
        "polite",
        "no_handshake",
        "wrong_version",
        "undeclared",
        "provides_less",
        "crash_at_start",
        "exit_loop",
        "bad_config",
        "garbage",
        "prints",
        "long_line",
        "seq_gap",
        "event_after_end",
        "ignores_cancel",
        "crash",
        "grandchild",
        "slow 50",
        "hog",
        "flood",
    ]);
    let ended = home.run(&["plugins", "--load"]);
    let (_, errors) = ended.stdout.split_once("\nerrors:").unwrap();
    let (errors, _) = errors.split_once("\nnotes:").unwrap();
    let errors: Vec<&str> = errors.trim().lines().map(str::trim).collect();
    assert_snapshot!(errors.join("\n"), @r"
      engine rude_bad_config (takopi-rude-bad_config): no settings are good enough; give up
      engine rude_crash_at_start (takopi-rude-crash_at_start): it ended before it answered the handshake (exit status 3): rude: there is no settings file
      engine rude_exit_loop (takopi-rude-exit_loop): it does not answer config/check: takopi-rude-exit_loop ended unexpectedly (exit status 1): rude: I have seen enough
      engine rude_no_handshake (takopi-rude-no_handshake): no answer to initialize within 10 s
      engine rude_provides_less (takopi-rude-provides_less): its process does not provide engine rude_provides_less, which its manifest names
      engine rude_undeclared (takopi-rude-undeclared): its process provides command undeclared, which its manifest does not name
      engine rude_wrong_version (takopi-rude-wrong_version): it speaks protocol 99, this takopi speaks 1; update takopi
      command do_bad_config (takopi-rude-bad_config): no settings are good enough; give up
      command do_crash_at_start (takopi-rude-crash_at_start): it ended before it answered the handshake (exit status 3): rude: there is no settings file
      command do_exit_loop (takopi-rude-exit_loop): it does not answer config/check: takopi-rude-exit_loop ended unexpectedly (exit status 1): rude: I have seen enough
      command do_no_handshake (takopi-rude-no_handshake): no answer to initialize within 10 s
      command do_provides_less (takopi-rude-provides_less): its process does not provide command do_provides_less, which its manifest names
      command do_undeclared (takopi-rude-undeclared): its process provides command undeclared, which its manifest does not name
      command do_wrong_version (takopi-rude-wrong_version): it speaks protocol 99, this takopi speaks 1; update takopi
");
    assert_eq!((ended.code, ended.stderr.as_str()), (1, ""));
    assert_eq!(processes(&home), [""; 0]);
}

#[test]
fn plugin_rude_starts_are_told_in_the_chat_while_others_are_served() {
    let modes = [
        "no_handshake",
        "wrong_version",
        "undeclared",
        "provides_less",
        "crash_at_start",
        "exit_loop",
        "bad_config",
    ];
    let home = house(&modes);
    let daemon = Daemon::start(&home);
    let told = thread::scope(|scope| {
        let asked = scope.spawn(|| ask_all(&home, &modes));
        wait_for("a plugin that never answers", || (!processes(&home).is_empty()).then_some(()));
        others_are_served(&home, "meanwhile");
        asked.join().unwrap()
    });
    assert_snapshot!(told, @r"
    /do_no_handshake hi
      error: the plugin takopi-rude-no_handshake cannot be used: no answer to initialize within 10 s
      exit code 1
    /rude_no_handshake hi
      error: takopi-rude-no_handshake cannot be used: no answer to initialize within 10 s; mend it, then type: takopi plugins --load
      exit code 1
    /do_wrong_version hi
      error: the plugin takopi-rude-wrong_version cannot be used: it speaks protocol 99, this takopi speaks 1; update takopi
      exit code 1
    /rude_wrong_version hi
      error: takopi-rude-wrong_version cannot be used: it speaks protocol 99, this takopi speaks 1; update takopi; mend it, then type: takopi plugins --load
      exit code 1
    /do_undeclared hi
      error: the plugin takopi-rude-undeclared cannot be used: its process provides command undeclared, which its manifest does not name
      exit code 1
    /rude_undeclared hi
      error: takopi-rude-undeclared cannot be used: its process provides command undeclared, which its manifest does not name; mend it, then type: takopi plugins --load
      exit code 1
    /do_provides_less hi
      error: the plugin takopi-rude-provides_less cannot be used: its process does not provide command do_provides_less, which its manifest names
      exit code 1
    /rude_provides_less hi
      error: takopi-rude-provides_less cannot be used: its process does not provide engine rude_provides_less, which its manifest names; mend it, then type: takopi plugins --load
      exit code 1
    /do_crash_at_start hi
      error: the plugin takopi-rude-crash_at_start cannot be used: it ended before it answered the handshake (exit status 3): rude: there is no settings file
      exit code 1
    /rude_crash_at_start hi
      error: takopi-rude-crash_at_start cannot be used: it ended before it answered the handshake (exit status 3): rude: there is no settings file; mend it, then type: takopi plugins --load
      exit code 1
    /do_exit_loop hi
      error: the plugin takopi-rude-exit_loop cannot be used: it does not answer config/check: takopi-rude-exit_loop ended unexpectedly (exit status 1): rude: I have seen enough
      exit code 1
    /rude_exit_loop hi
      error: takopi-rude-exit_loop cannot be used: it does not answer config/check: takopi-rude-exit_loop ended unexpectedly (exit status 1): rude: I have seen enough; mend it, then type: takopi plugins --load
      exit code 1
    /do_bad_config hi
      error: the plugin takopi-rude-bad_config cannot be used: no settings are good enough; give up
      exit code 1
    /rude_bad_config hi
      error: takopi-rude-bad_config cannot be used: no settings are good enough; give up; mend it, then type: takopi plugins --load
      exit code 1
");
    ends_well(&home, daemon);
}

#[test]
fn plugin_rude_work_is_told_in_the_chat_while_others_are_served() {
    let modes = [
        "polite",
        "garbage",
        "prints",
        "long_line",
        "seq_gap",
        "event_after_end",
        "crash",
        "grandchild",
        "slow 50",
    ];
    let home = house(&modes);
    for mode in ["ignores_cancel", "hog"] {
        install(&home, mode);
    }
    let daemon = Daemon::start(&home);
    // These two never end: whoever is answered meanwhile did not wait for them.
    let endless = ["/do_ignores_cancel hi", "/rude_ignores_cancel hi"].map(|message| home.chat(message));
    let told = thread::scope(|scope| {
        let asked = scope.spawn(|| ask_all(&home, &modes));
        others_are_served(&home, "meanwhile");
        asked.join().unwrap()
    });
    assert_snapshot!(told, @r"
    /do_polite hi
      hi
    /rude_polite hi
      hi
      ✓ tool: misbehave
      rude_polite resume rude-1
    /do_garbage hi
      hi
    /rude_garbage hi
      hi
      ✓ tool: misbehave
      rude_garbage resume rude-1
    /do_prints hi
      hi
    /rude_prints hi
      hi
      ✓ tool: misbehave
      rude_prints resume rude-1
    /do_long_line hi
      error: the plugin takopi-rude-long_line printed a line of more than 1 MiB; its author must put what is larger into files of its data folder
      exit code 1
    /rude_long_line hi
      ✓ tool: misbehave
      error: the plugin takopi-rude-long_line printed a line of more than 1 MiB; its author must put what is larger into files of its data folder
      rude_long_line resume rude-1
      exit code 1
    /do_seq_gap hi
      hi
    /rude_seq_gap hi
      error: the plugin takopi-rude-seq_gap broke the order of events: event 3 came where 2 was due; its author finds it with: takopi plugins check FOLDER
      rude_seq_gap resume rude-1
      exit code 1
    /do_event_after_end hi
      hi
    /rude_event_after_end hi
      hi
      rude_event_after_end resume rude-1
    /do_crash hi
      error: the plugin takopi-rude-crash ended unexpectedly (exit status 7): rude: something went terribly wrong
      exit code 1
    /rude_crash hi
      ✓ tool: misbehave
      error: takopi-rude-crash ended unexpectedly (exit status 7): rude: something went terribly wrong
      rude_crash resume rude-1
      exit code 1
    /do_grandchild hi
      hi
    /rude_grandchild hi
      hi
      ✓ tool: misbehave
      left running: sleep 600 (pid N)
      rude_grandchild resume rude-1
    /do_slow hi
      hi
    /rude_slow hi
      hi
      ✓ tool: misbehave
      rude_slow resume rude-1
");
    // A fault of one call is no fault of the next.
    assert_snapshot!(say_all(&home, &["/do_polite again".to_owned(), "/do_crash again".to_owned()]), @r"
    /do_polite again
      again
    /do_crash again
      error: the plugin takopi-rude-crash ended unexpectedly (exit status 7): rude: something went terribly wrong
      exit code 1
");
    assert_eq!(home.status()["runs"].as_array().map(Vec::len), Some(1), "commands are no runs");
    // The memory of a command is bounded: it has no agents to run.
    assert_snapshot!(say_all(&home, &["/do_hog hi".to_owned()]), @r"
    /do_hog hi
      error: the plugin takopi-rude-hog was ended: it used more than 1024 MB of memory
      exit code 1
    ");
    endless.iter().for_each(|chat| chat.signal(Signal::INT));
    let [command, engine] = endless.map(|chat| read(&home, &chat.wait()));
    assert_snapshot!(command, @r"
      stopping … (Ctrl-C again leaves at once)
      cancelled
      exit code 130
    ");
    assert_snapshot!(engine, @r"
      ✓ tool: misbehave
      stopping … (Ctrl-C again leaves at once)
      cancelled
      rude_ignores_cancel resume rude-1
      exit code 130
    ");
    // What a run leaves running on purpose was told above, and stays. All else is gone.
    let left = home.at_work();
    assert_eq!(left.iter().map(|left| left.command.as_str()).collect::<Vec<_>>(), ["sleep 600"]);
    kill_process(Pid::from_raw(left[0].pid).unwrap(), Signal::KILL).unwrap();
    wait_for("its end", || home.at_work().is_empty().then_some(()));
    ends_well(&home, daemon);
}

#[test]
fn plugin_rude_crash_loop_is_left_alone_after_five_and_says_how_to_go_on() {
    let home = house(&["crash", "polite"]);
    let daemon = Daemon::start(&home);
    let crashed = format!("/do_crash hi\n{}", read(&home, &home.run(&["chat", "/do_crash hi"])));
    others_are_served(&home, "between");
    for _ in 1..5 {
        assert_eq!(say_all(&home, &["/do_crash hi".to_owned()]), crashed);
        others_are_served(&home, "between");
    }
    assert_snapshot!(crashed + &say_all(&home, &["/do_crash hi".to_owned()]), @r"
    /do_crash hi
      error: the plugin takopi-rude-crash ended unexpectedly (exit status 7): rude: something went terribly wrong
      exit code 1
    /do_crash hi
      error: the plugin takopi-rude-crash cannot be used: it crashed 5 times within 10 minutes and is not started any more; mend it, then type: takopi plugins --load
      exit code 1
");
    let polite = home.run(&["chat", "/do_polite hi"]);
    assert_eq!(polite.stdout, "hi\n", "{}", polite.stderr);
    // As it says: then it is started again.
    let load = home.run(&["plugins", "--load"]);
    let told = "the takopi that runs starts takopi-rude-crash anew when it is needed";
    assert!(load.code == 0 && load.stderr.contains(told), "{}{}", load.stdout, load.stderr);
    let again = home.run(&["chat", "/do_crash hi"]);
    assert!(again.stderr.contains("ended unexpectedly (exit status 7)"), "{}", again.stderr);
    ends_well(&home, daemon);
}

/// Checks that no message is still at work, that it is the same daemon still, and that nothing outlives it.
fn ends_well(home: &Home, daemon: Daemon<'_>) {
    assert_eq!(home.status()["runs"], json!([]));
    // It ends with 0, so it has never ended before.
    daemon.stop();
    assert_eq!(processes(home), [""; 0]);
}
