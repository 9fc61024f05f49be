//! `takopi plugins`: what a person and an author of plugins see of them, with plugins that are shell scripts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::house::{Daemon, Home};
use crate::wait::wait_for;

/// A plugin that tells whoever asks that it was started, and answers everything with nothing.
const GOOD: &str = r#"#!/bin/sh
echo started >>"$HOME/started"
while IFS= read -r line; do
    id=${line#*\"id\":}
    id=${id%%,*}
    case $line in
    *'"method":"initialize"'*)
        echo "{\"id\":$id,\"result\":{\"protocol\":1,\"provides\":[{\"kind\":\"command\",\"id\":\"ID\"}]}}" ;;
    *'"method":"config/check"'*) echo "{\"id\":$id,\"result\":{\"issues\":ISSUES}}" ;;
    *'"method":"exit"'*) exit ;;
    *'"id":'*) echo "{\"id\":$id,\"result\":{}}" ;;
    esac
done
"#;

/// Puts the plugin `takopi-ID` with the command `ID` where plugins are looked for.
fn install(home: &Home, id: &str, script: &str) {
    let dir = home.place().join("plugins").join(id);
    fs::create_dir_all(&dir).unwrap();
    let manifest = format!(
        "manifest = 1\n[distribution]\nname = \"takopi-{id}\"\nversion = \"1.2.3\"\ndescription = \"of {id}\"\n\
         [process]\ncommand = [\"./run\"]\nprotocol = \"takopi/1\"\n\
         [command.{id}]\ndescription = \"does {id}\"\nusage = \"/{id}\"\nconfig_schema = \"schema.json\"\n"
    );
    fs::write(dir.join("takopi-plugin.toml"), manifest).unwrap();
    let schema = json!({"type": "object", "properties": {
        "days": {"type": "integer", "minimum": 1, "default": 3, "description": "How many days to tell of."},
    }});
    fs::write(dir.join("schema.json"), schema.to_string()).unwrap();
    let program = dir.join("run");
    fs::write(&program, script.replace("ID", id).replace("ISSUES", "[]")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

fn started(home: &Home) -> usize {
    fs::read_to_string(home.own().join("started")).map_or(0, |text| text.lines().count())
}

fn codes(listing: &Value) -> Vec<(String, String)> {
    let errors = listing["errors"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    errors.map(|error| (word(&error["id"]), word(&error["code"]))).collect()
}

#[test]
fn listing_tells_where_a_plugin_is_from_and_starts_none() {
    let home = Home::new();
    install(&home, "weather", GOOD);
    let text = home.run(&["plugins"]);
    assert_eq!((text.code, text.stderr.as_str()), (0, ""), "{}", text.stdout);
    assert!(text.stdout.contains("\n  weather (takopi-weather)\n"), "{}", text.stdout);
    let ended = home.run(&["plugins", "--json"]);
    let listing: Value = serde_json::from_str(&ended.stdout).unwrap();
    let commands = listing["commands"].as_array().unwrap();
    let weather = commands.iter().find(|row| row["id"] == "weather").unwrap();
    let path = home.place().join("plugins/weather");
    assert_eq!(
        *weather,
        json!({"id": "weather", "distribution": "takopi-weather", "enabled": true, "origin": "manifest",
               "path": path, "version": "1.2.3", "description": "does weather"})
    );
    let cancel = commands.iter().find(|row| row["id"] == "cancel").unwrap();
    assert_eq!(cancel["origin"], "built_in");
    assert_eq!(home.run(&["plugins", "info", "weather"]).code, 0);
    let manifest = path.join("takopi-plugin.toml");
    let misspelt = fs::read_to_string(&manifest).unwrap().replace("usage", "usge");
    fs::write(&manifest, misspelt).unwrap();
    let text = home.run(&["plugins"]).stdout;
    assert!(text.contains("command.weather.usge: unknown key, ignored; did you mean usage?"), "{text}");
    assert_eq!(started(&home), 0, "somebody started it");
}

#[test]
fn loading_starts_each_once_and_tells_what_is_broken_by_code() {
    let home = Home::new();
    for id in ["one", "three", "two"] {
        install(&home, id, GOOD);
    }
    let good = home.run(&["plugins", "--load"]);
    assert_eq!((good.code, good.stderr.as_str()), (0, ""), "{}", good.stdout);
    assert_eq!(started(&home), 3);

    install(&home, "crashes", "#!/bin/sh\necho no luck >&2\nexit 3\n");
    let other = GOOD.replace("\\\"id\\\":\\\"ID\\\"", "\\\"id\\\":\\\"other\\\"");
    assert_ne!(other, GOOD);
    install(&home, "lies", &other);
    let issue = r#"[{\"level\":\"error\",\"title\":\"no key\",\"lines\":[\"set key\"]}]"#;
    install(&home, "picky", &GOOD.replace("ISSUES", issue));
    let bad = home.run(&["plugins", "--load", "--json"]);
    let listing: Value = serde_json::from_str(&bad.stdout).unwrap();
    let expected = [("crashes", "start_failed"), ("lies", "provides_mismatch"), ("picky", "bad_config")];
    let expected = expected.map(|(id, code)| (id.to_owned(), code.to_owned()));
    assert_eq!((bad.code, codes(&listing)), (1, expected.to_vec()), "{}", bad.stdout);
    let text = home.run(&["plugins", "--load"]);
    assert!(text.stdout.contains("\n  command picky (takopi-picky): no key; set key\n"), "{}", text.stdout);
    assert!(text.stdout.contains("no luck"), "{}", text.stdout);

    home.configure("[plugins]\nenabled = [\"takopi-one\", \"takopi.TWO\"]\n");
    let before = started(&home);
    let chosen = home.run(&["plugins", "--load"]);
    assert_eq!((chosen.code, started(&home) - before), (0, 2), "{}", chosen.stdout);
    assert!(chosen.stdout.contains("  crashes (takopi-crashes) disabled\n"), "{}", chosen.stdout);
}

#[test]
fn a_plugins_own_config_file_is_written_kept_and_healed() {
    let home = Home::new();
    install(&home, "weather", GOOD);
    let path = home.run(&["plugins", "config", "weather", "--path"]).stdout;
    let file = Path::new(path.trim());
    assert!(file.starts_with(home.place()) && !file.exists(), "{path}");
    let printed = home.run(&["plugins", "config", "weather", "--print"]);
    assert!(printed.stdout.contains("How many days") && !file.exists(), "{}", printed.stdout);
    assert_eq!(home.run(&["plugins", "config", "weather"]).code, 0);
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(text.trim_end(), printed.stdout.trim_end());

    fs::write(file, format!("{text}\ndays = 5 # mine\n")).unwrap();
    assert_eq!(home.run(&["plugins", "config", "weather"]).code, 0);
    assert!(fs::read_to_string(file).unwrap().contains("days = 5"));
    let info = home.run(&["plugins", "info", "weather"]);
    assert!(info.stdout.contains("days") && info.stdout.contains('5'), "{}", info.stdout);
    fs::write(file, "days = 0\n").unwrap();
    let load = home.run(&["plugins", "--load", "--json"]);
    let listing: Value = serde_json::from_str(&load.stdout).unwrap();
    assert_eq!(codes(&listing), [("weather".to_owned(), "bad_config".to_owned())]);
    assert_eq!(started(&home), 1, "what is wrong with the settings needs no second start");
}

#[test]
fn a_new_plugin_passes_its_check_at_once() {
    let home = Home::new();
    let languages = ["sh", "python"];
    let is_there = |language: &str| language != "python" || Path::new("/usr/bin/python3").exists();
    for language in languages.into_iter().filter(|language| is_there(language)) {
        for kind in ["command", "engine", "transport"] {
            let name = format!("{kind}_{language}");
            let made = home.run(&["plugins", "new", &name, "--kind", kind, "--lang", language]);
            assert_eq!((made.code, made.stderr.as_str()), (0, ""), "{}", made.stdout);
            assert!(made.stdout.contains(&format!("takopi plugins check {name}\n")), "{}", made.stdout);
            let checked = home.run(&["plugins", "check", &name]);
            assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
            assert!(checked.stdout.ends_with("\nnothing fails\n"), "{}", checked.stdout);
        }
    }
    let again = home.run(&["plugins", "new", "command_sh", "--kind", "command", "--lang", "sh"]);
    assert!(again.code == 1 && again.stderr.contains("not empty"), "{}", again.stderr);
    let reserved = home.run(&["plugins", "new", "cancel", "--kind", "command", "--lang", "sh"]);
    assert!(reserved.code == 1 && reserved.stderr.contains("reserved"), "{}", reserved.stderr);
    let taken = home.run(&["plugins", "new", "shell", "--kind", "engine", "--lang", "sh"]);
    assert!(taken.code == 1 && taken.stderr.contains("an engine has it already"), "{}", taken.stderr);
    assert_eq!(home.run(&["plugins", "new", "My-Plugin", "--kind", "command", "--lang", "sh"]).code, 2);
}

/// Builds what `plugins new` made in Rust, with the versions this workspace is locked to, and puts the program where its
/// manifest says. Warnings are errors.
fn build(home: &Home, name: &str) {
    let dir = home.work().join(name);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-plugins");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock"), dir.join("Cargo.lock")).unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = std::process::Command::new(cargo);
    build.args(["build", "--release", "--offline", "--target-dir"]).arg(&target).current_dir(&dir);
    build.env("RUSTFLAGS", "-D warnings").env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
    let built = build.output().unwrap();
    assert!(built.status.success(), "{name}: {}", String::from_utf8_lossy(&built.stderr));
    let program = format!("takopi-{}", name.replace('_', "-"));
    fs::create_dir_all(dir.join("target/release")).unwrap();
    fs::copy(target.join("release").join(&program), dir.join("target/release").join(&program)).unwrap();
}

#[test]
fn a_new_plugin_in_rust_is_built_and_passes_its_check() {
    let home = Home::new();
    for kind in ["command", "engine", "transport"] {
        let name = format!("{kind}_rust");
        let made = home.run(&["plugins", "new", &name, "--kind", kind, "--lang", "rust"]);
        assert_eq!((made.code, made.stderr.as_str()), (0, ""), "{}", made.stdout);
        assert!(made.stdout.contains("cargo build --release"), "{}", made.stdout);
        build(&home, &name);
        let checked = home.run(&["plugins", "check", &name]);
        assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    }
}

#[test]
fn a_new_plugin_is_used_as_its_next_steps_say_whatever_is_said_to_it() {
    // A careless reader of JSON ends at this, or takes it for markup.
    const HARD: &str = r#"it's "method":"exit" \ $(boom) `x`"#;
    let served = "transport = ['my_transport', 'local']\ndefault_engine = 'shell'\n[transports.my_transport]\nallowed_user_ids = ['me']\n";
    let home = Home::with_config(served);
    for kind in ["command", "engine", "transport"] {
        let dir = home.place().join("plugins").join(kind);
        let name = format!("my_{kind}");
        let made = home.run(&[
            "plugins",
            "new",
            &name,
            "--kind",
            kind,
            "--lang",
            "sh",
            "--dir",
            dir.to_str().unwrap(),
        ]);
        assert_eq!(made.code, 0, "{}", made.stderr);
    }
    let called = home.run(&["chat", &format!("/my_command {HARD}")]);
    assert_eq!((called.code, called.stdout), (0, format!("my_command says: {HARD}\n")), "{}", called.stderr);
    let ran = home.run(&["chat", "--engine", "my_engine", HARD]);
    assert!(ran.code == 0 && ran.stdout.contains(HARD), "{}{}", ran.stdout, ran.stderr);

    let daemon = Daemon::start(&home);
    let own = home.place().join("plugin-data/takopi-my-transport");
    wait_for("the transport", || own.join("in").exists().then_some(()));
    fs::write(own.join("in/draft"), format!("/my_command {HARD}")).unwrap();
    fs::rename(own.join("in/draft"), own.join("in/1.txt")).unwrap();
    let shown = || {
        let files = fs::read_dir(own.join("out"))
            .ok()?
            .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
        files.into_iter().find(|text| text.contains("my_command says"))
    };
    assert_eq!(wait_for("an answer in the folder", shown), format!("my_command says: {HARD}\n"));
    wait_for("the end of the message's file", || (!own.join("in/1.txt").exists()).then_some(()));
    daemon.stop();
}

#[test]
fn a_check_says_what_is_wrong_and_what_to_do() {
    let home = Home::new();
    assert_eq!(home.run(&["plugins", "new", "acme", "--kind", "command", "--lang", "sh"]).code, 0);
    let script = home.work().join("acme/acme.sh");
    let text = fs::read_to_string(&script).unwrap();
    let loud = text.replace("command_acme() {\n", "command_acme() {\n    echo working >&3\n");
    assert_ne!(loud, text);
    fs::write(&script, loud).unwrap();
    let checked = home.run(&["plugins", "check", "acme", "--json"]);
    let report: Value = serde_json::from_str(&checked.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let failed: Vec<&Value> = rows.iter().filter(|row| row["state"] == "failed").collect();
    assert_eq!((checked.code, &report["ok"], failed.len()), (1, &Value::from(false), 1), "{report:#}");
    assert_eq!(failed[0]["remedy"], "print to stderr; stdout is for the protocol");

    let manifest = home.work().join("acme/takopi-plugin.toml");
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap().replace("name = \"", "nome = \"")).unwrap();
    let unread = home.run(&["plugins", "check", "acme"]);
    assert!(unread.code == 1 && unread.stdout.contains("distribution.name is missing"), "{}", unread.stdout);
    assert_eq!(home.run(&["plugins", "check", "nowhere"]).code, 1);
    let empty = home.run(&["plugins", "check", "."]);
    assert!(
        empty.code == 1 && empty.stdout.contains("there is no takopi-plugin.toml in"),
        "{}",
        empty.stdout
    );

    assert_eq!(home.run(&["plugins", "new", "built", "--kind", "engine", "--lang", "rust"]).code, 0);
    let unbuilt = home.run(&["plugins", "check", "built"]);
    assert!(unbuilt.code == 1 && unbuilt.stdout.contains("cargo build --release"), "{}", unbuilt.stdout);
}
