//! A plugin as somebody would write it in an evening: a manifest and a program of `/bin/sh`, put into the folder that
//! the daemon looks in.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::house::Home;

/// What every program here begins with: `reply` answers the request in `$line`, `field` reads a text of it.
const PROLOGUE: &str = r#"#!/bin/sh
echo $$ >> "$TAKOPI_DATA_DIR/started"
say() { printf '%s\n' "$1"; }
reply() { say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":$1}"; }
shows() { reply "{\"reply\":{\"body\":{\"text\":\"$1\",\"format\":\"plain\"}}}"; }
field() { v=${line#*\"$1\":\"}; [ "$v" = "$line" ] || printf '%s' "${v%%\"*}"; }
tell() { say "{\"jsonrpc\":\"2.0\",\"method\":\"$1\",\"params\":$2}"; }
ask() { say "{\"jsonrpc\":\"2.0\",\"id\":\"mine\",\"method\":\"$1\",\"params\":$2}"; IFS= read -r line; }
while IFS= read -r line; do
  id=${line#*\"id\":}; id=${id%%,*}
  case $line in
    *'"method":"initialize"'*) reply "{\"protocol\":1,\"provides\":$PROVIDES}" ;;
    *'"method":"ping"'* | *'"method":"shutdown"'*) reply '{}' ;;
    *'"method":"config/check"'*) reply '{"issues":[]}' ;;
    *'"method":"exit"'*) exit 0 ;;
"#;

/// What it ends with.
const EPILOGUE: &str = "  esac\ndone\n";

/// A plugin of a home.
pub(crate) struct Plugin<'a> {
    home: &'a Home,
    name: &'a str,
}

impl<'a> Plugin<'a> {
    /// Puts a plugin into the folder. `things` are what it registers, `engine.acme` and so on, with their keys;
    /// `cases` are the cases of its program beside the usual ones.
    pub(crate) fn install(home: &'a Home, name: &'a str, things: &[(&str, &str)], cases: &str) -> Self {
        let plugin = Self { home, name };
        plugin.write("run", &program(things, cases));
        // Last, for the daemon may be looking.
        let tables: Vec<String> = things.iter().map(|(thing, keys)| format!("[{thing}]\n{keys}\n")).collect();
        let manifest = format!(
            "manifest = 1\n[distribution]\nname = '{name}'\nversion = '1.2.3'\n\
             [process]\ncommand = ['./run']\nprotocol = 'takopi/1'\n\
             permissions = ['run_engine', 'send_message', 'store']\n{}",
            tables.concat()
        );
        plugin.write("takopi-plugin.toml", &manifest);
        plugin
    }

    /// Returns its folder.
    pub(crate) fn dir(&self) -> PathBuf {
        self.home.place().join("plugins").join(self.name)
    }

    /// Returns a file in the folder in which it may keep what is its own.
    pub(crate) fn own(&self, name: &str) -> PathBuf {
        self.home.place().join("plugin-data").join(self.name).join(name)
    }

    /// Returns the ids of the processes it was started as, in order.
    pub(crate) fn started(&self) -> Vec<i32> {
        let text = std::fs::read_to_string(self.own("started")).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// Takes it away.
    pub(crate) fn remove(self) {
        std::fs::remove_dir_all(self.dir()).unwrap();
    }

    /// Puts a file into its folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.dir()).unwrap();
        let path = self.dir().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn program(things: &[(&str, &str)], cases: &str) -> String {
    let provides = things.iter().filter_map(|(thing, _)| {
        let (kind, id) = thing.split_once('.')?;
        (!id.contains('.')).then(|| format!(r#"{{\"kind\":\"{kind}\",\"id\":\"{id}\"}}"#))
    });
    let provides: Vec<String> = provides.collect();
    let prologue =
        PROLOGUE.replacen("echo $$", &format!("PROVIDES=\"[{}]\"\necho $$", provides.join(",")), 1);
    format!("{prologue}{cases}\n{EPILOGUE}")
}

/// The command of most tests: it repeats what it is asked, and has a button.
pub(crate) const WEATHER: (&str, &str) =
    ("command.weather", "description = 'forecast for a place'\nusage = '/weather PLACE'");

/// What its program does.
pub(crate) const FORECAST: &str = r#"
    *'"method":"command/call"'*)
      shows "fair in $(field args_text)" ;;
"#;

/// The engine of most tests: it counts the turns of its sessions, and stays at work where it is told to.
pub(crate) const ACME: [(&str, &str); 2] = [
    ("engine.acme", "title = 'Acme Coder'\nfeatures = ['plain', 'options']\nshared = true"),
    ("engine.acme.resume", "show = 'acme resume {token}'"),
];

/// What its program does: one run at a time.
pub(crate) const CODER: &str = r#"
    *'"method":"engine/run"'*)
      run=$(field run); prompt=$(field prompt); session=$(field session); model=$(field model)
      [ -n "$session" ] || session="s$$"
      tell engine/event "{\"run\":\"$run\",\"seq\":1,\"event\":{\"type\":\"session\",\"session\":\"$session\"}}"
      tell engine/event "{\"run\":\"$run\",\"seq\":2,\"event\":{\"type\":\"action\",\"id\":\"1\",\"kind\":\"command\",\"phase\":\"started\",\"title\":\"make all\"}}"
      case $prompt in
        stay*) while IFS= read -r line; do
            case $line in
              *cancel_request*) reply '{"outcome":"cancelled"}'; break ;;
              *'"method":"ping"'*) : ;;
            esac
          done ;;
        *)
          echo "$prompt" >> "$TAKOPI_DATA_DIR/$session"
          turn=$(wc -l < "$TAKOPI_DATA_DIR/$session")
          reply "{\"outcome\":\"answered\",\"answer\":\"ok: $prompt (turn $turn$model)\",\"session\":\"$session\"}" ;;
      esac ;;
"#;
