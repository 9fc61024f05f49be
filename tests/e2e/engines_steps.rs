//! What is told of an agent's steps while it works: commands, files, searches, and tries to reach its model.

use serde_json::{Value, json};

use crate::agents::{Agents, ENGINES, Heard};
use crate::house::Daemon;

/// Returns how the steps of a kind ended.
fn ends<'a>(heard: &'a Heard, kind: &str) -> Vec<&'a Value> {
    heard.steps(kind).into_iter().filter(|step| step["phase"] == "completed").collect()
}

/// Returns what was told of tries to reach the model: the phase, the title and whether they ended well.
fn tries(heard: &Heard) -> Vec<Value> {
    let of = |step: &Value| json!([step["phase"], step["title"], step["ok"]]);
    heard.steps("note").into_iter().filter(|step| step["id"] == "takopi.retry").map(of).collect()
}

#[test]
fn commands_and_files_are_told_with_how_they_ended() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let heard =
            agents.ask(&format!("/{engine} x [[note looking]] [[tools n=2 fail=2]] [[edit made.txt]]"));
        heard.answered("ok: x (turn 1)");
        let commands: Vec<_> =
            ends(&heard, "command").iter().map(|step| (&step["title"], &step["ok"])).collect();
        let wanted = [(&json!("step-1 --run"), &json!(true)), (&json!("step-2 --run"), &json!(false))];
        assert_eq!(commands, wanted, "{engine}: {heard:?}");
        let files = ends(&heard, "file_change");
        assert_eq!(files.len(), 1, "{engine}: {files:?}");
        assert_eq!((&files[0]["title"], &files[0]["ok"]), (&json!("made.txt"), &json!(true)), "{engine}");
        assert_eq!(agents.home.lines("made.txt"), ["written by the agent"], "{engine}");
        std::fs::remove_file(agents.home.work().join("made.txt")).unwrap();
        let said = ends(&heard, "note");
        assert!(said.iter().any(|step| step["title"] == "looking"), "{engine}: {said:?}");
    }
    daemon.stop();
}

#[test]
fn the_older_versions_of_claude_and_pi_are_understood_too() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ["claude", "pi"] {
        let heard = agents.ask(&format!("/{engine} x [[old]] [[tools n=2 fail=2]] [[retry n=2 busy]]"));
        heard.answered("ok: x (turn 1)");
        let ends: Vec<_> = ends(&heard, "command").iter().map(|step| &step["ok"]).collect();
        assert_eq!(ends, [true, false], "{engine}: {heard:?}");
        let failed = agents.ask(&format!("/{engine} x [[old]] [[fail no more credit]]"));
        assert_eq!((failed.reason(), failed.answer()), ("no more credit", ""), "{engine}");
    }
    daemon.stop();
}

#[test]
fn tries_to_reach_the_model_are_one_row_that_changes_and_ends() {
    let agents = Agents::all();
    let daemon = Daemon::start(&agents.home);
    for engine in ENGINES {
        let heard = agents.ask(&format!("/{engine} x [[retry n=2 busy]]"));
        let lost = agents.ask(&format!("/{engine} x [[retry n=2 busy]] [[fail no more credit]]"));
        let (first, last) = match engine {
            // It begins a step again without a word about why or how often.
            "opencode" => ("retry 1: the model broke off", "retry 1: the model broke off"),
            "claude" => ("retry 1/2: busy (HTTP 500)", "retry 2/2: busy (HTTP 500)"),
            "codex" => ("Reconnecting... 1/2: busy", "Reconnecting... 2/2: busy"),
            _ => ("retry 1/2: busy", "retry 2/2: busy"),
        };
        for (heard, ok) in [(&heard, true), (&lost, false)] {
            let mut wanted = vec![json!(["started", first, null])];
            wanted.extend((first != last).then(|| json!(["updated", last, null])));
            wanted.push(json!(["completed", last, ok]));
            assert_eq!(tries(heard), wanted, "{engine}: {heard:?}");
        }
        heard.answered("ok: x (turn 1)");
        assert_eq!((lost.reason(), lost.answer()), ("no more credit", ""), "{engine}");
        assert!(heard.steps("warning").is_empty(), "{engine}: {heard:?}");
        assert!(lost.steps("warning").is_empty(), "{engine}: {lost:?}");
    }
    daemon.stop();
}

#[test]
fn a_try_of_codex_that_tells_no_reason_is_a_try() {
    let agents = Agents::with(&["codex"], "");
    let daemon = Daemon::start(&agents.home);
    let heard = agents.ask("x [[retry n=1]]");
    heard.answered("ok: x (turn 1)");
    assert_eq!(tries(&heard)[0][1], "Reconnecting... 1/1");
    daemon.stop();
}

#[test]
fn a_search_of_codex_whose_lines_hold_a_key_twice_is_one_step() {
    let agents = Agents::with(&["codex"], "");
    let daemon = Daemon::start(&agents.home);
    let heard = agents.ask("x [[search how octopuses sleep]]");
    heard.answered("ok: x (turn 1)");
    let steps = heard.steps("web_search");
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert_eq!(steps[0]["id"], steps[1]["id"]);
    assert_eq!((&steps[1]["title"], &steps[1]["ok"]), (&json!("how octopuses sleep"), &json!(true)));
    daemon.stop();
}

#[test]
fn of_several_results_of_claude_the_last_is_the_answer() {
    let agents = Agents::with(&["claude"], "");
    let daemon = Daemon::start(&agents.home);
    let heard = agents.ask("x [[turns n=3]]");
    heard.answered("ok: x (turn 1)");
    for turn in ["that was turn 1", "that was turn 2"] {
        let notes = ends(&heard, "note");
        assert_eq!(notes.iter().filter(|step| step["title"] == turn).count(), 1, "{turn}: {notes:?}");
    }
    // What an agent of the agent said is in its own step at most.
    assert!(!heard.answer().contains("errand"), "{heard:?}");
    assert!(!heard.steps("subagent").is_empty(), "{heard:?}");
    daemon.stop();
}

#[test]
fn a_permission_of_opencode_that_nobody_can_give_is_told_with_what_to_do() {
    let agents = Agents::with(&["opencode"], "");
    let daemon = Daemon::start(&agents.home);
    let heard = agents.ask("x [[note looking]] [[rejected /etc/secret]]");
    let reason = heard.reason();
    for words in ["external_directory (/etc/secret)", "opencode.json", "[engines.opencode]"] {
        assert!(reason.contains(words), "{words} in {reason}");
    }
    assert!(!reason.contains('\u{1b}'), "{reason:?}");
    assert!(!heard.session().is_empty());
    daemon.stop();
}
