//! The mistakes people make in settings, each with the line it is told by: one snapshot of them all.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use super::tests::{known, settings_of};
use super::*;

/// A mistake: what it is, the file, variables and flags.
type Case = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, &'static str)],
);

const TABLE: &[Case] = &[
    ("text where a number belongs", "\n# how many\nmax_parallel_runs = \"many\"", &[], &[]),
    ("a number in quotes", "max_parallel_runs = \"64\"", &[], &[]),
    ("a fraction where a whole number belongs", "max_parallel_runs = 1.5", &[], &[]),
    ("a number out of range", "max_parallel_runs = 0", &[], &[]),
    ("a number past 64 bits", "max_parallel_runs = 99999999999999999999", &[], &[]),
    ("a truth that is none", "watch_config = \"perhaps\"", &[], &[]),
    ("a word that is none of those", "serialize = \"project\"", &[], &[]),
    ("an empty text", "default_engine = \" \"", &[], &[]),
    ("a number where text belongs", "default_engine = 7", &[], &[]),
    ("an engine misspelt", "default_engine = \"cladue\"", &[], &[]),
    ("an engine there is not", "default_engine = \"gemini\"", &[], &[]),
    ("a key misspelt", "max_paralel_runs = 4", &[], &[]),
    ("a key there is not", "colour = \"green\"", &[], &[]),
    ("a table misspelt", "[project.app]\npath = \"x\"", &[], &[]),
    ("a table there is not", "[themes]\ndark = true", &[], &[]),
    ("a key in a table misspelt", "[ledger]\nretention_day = 3", &[], &[]),
    ("a key in a project misspelt", "[projects.app]\npath = \"x\"\nworktree_dir = \"y\"", &[], &[]),
    ("a value where a table belongs", "ledger = 90", &[], &[]),
    ("a list where a table belongs", "[[transports]]\nkind = \"local\"", &[], &[]),
    ("a table where a value belongs", "[serialize]\nsession = true", &[], &[]),
    ("a date where a number belongs", "[ledger]\nretention_days = 2026-01-01", &[], &[]),
    ("a project without a path", "[projects.app]\nworktree_base = \"main\"", &[], &[]),
    ("a project that is a text", "[projects]\napp = \"~/code/app\"", &[], &[]),
    ("a project called like an engine", "[projects.Codex]\npath = \"x\"", &[], &[]),
    ("a project called like a newer engine", "[projects.shell]\npath = \"x\"", &[], &[]),
    ("a project called like a newer command", "[projects.Status]\npath = \"x\"", &[], &[]),
    ("a project called like a chat command", "[projects.new]\npath = \"x\"", &[], &[]),
    ("a project of two words", "[projects.\"my app\"]\npath = \"x\"", &[], &[]),
    ("two projects of one name", "[projects.app]\npath = \"x\"\n[projects.App]\npath = \"y\"", &[], &[]),
    ("a project's engine there is not", "[projects.app]\npath = \"x\"\ndefault_engine = \"py\"", &[], &[]),
    ("a branch that is an option", "[projects.app]\npath = \"x\"\nworktree_base = \"-D\"", &[], &[]),
    ("a chat id that is a name", "[projects.app]\npath = \"x\"\nchat_id = \"@team\"", &[], &[]),
    (
        "two projects in one chat",
        "[projects.a]\npath = \"x\"\nchat_id = -5\n[projects.b]\npath = \"y\"\nchat_id = \"-5\"",
        &[],
        &[],
    ),
    (
        "a project in the transport's own chat",
        "[projects.a]\npath = \"x\"\nchat_id = -5\n[transports.telegram]\nchat_id = -5",
        &[],
        &[],
    ),
    ("a default project there is not", "default_project = \"ap\"\n[projects.app]\npath = \"x\"", &[], &[]),
    ("a default project without any project", "default_project = \"app\"", &[], &[]),
    (
        "a transport without a table",
        "transport = \"telegram\"\n[transports.telegramm]\nbot_token = \"x\"",
        &[],
        &[],
    ),
    ("a transport that is a number", "transport = 1", &[], &[]),
    ("a list of transports with a number in it", "transport = [\"local\", 1]", &[], &[]),
    ("no transport at all", "transport = []", &[], &[]),
    ("a transport named twice", "transport = [\"local\", \"local\"]", &[], &[]),
    (
        "a transport named and disabled",
        "transport = \"local\"\n[transports.local]\nenabled = false",
        &[],
        &[],
    ),
    ("every transport disabled", "[transports.local]\nenabled = false", &[], &[]),
    ("a kind this build lacks", "[transports.discord]\nbot_token = \"x\"", &[], &[]),
    (
        "a kind this build lacks, beside another",
        "[transports.discord]\nbot_token = \"x\"\n[transports.local]",
        &[],
        &[],
    ),
    ("a kind that is no name", "[transports.team]\nkind = \"Telegram Bot\"", &[], &[]),
    ("a transport's table that is no name", "[transports.My-Bot]\nkind = \"telegram\"", &[], &[]),
    ("a transport that is a text", "[transports]\nlocal = \"on\"", &[], &[]),
    ("a text where true or false belongs", "[transports.local]\nenabled = \"yes\"", &[], &[]),
    ("Telegram's keys at the top", "bot_token = \"12:hush\"\nchat_id = 5", &[], &[]),
    (
        "Telegram's keys in both places",
        "bot_token = \"12:hush\"\n[transports.telegram]\nbot_token = \"13:hush\"",
        &[],
        &[],
    ),
    (
        "an engine's tables in both places",
        "[codex]\nprofile = \"a\"\n[engines.codex]\nprofile = \"b\"",
        &[],
        &[],
    ),
    ("the table of an engine misspelt", "[engines.cluade]\nmodel = \"opus\"", &[], &[]),
    ("an engine table that is a text", "[engines]\nshell = \"bash\"", &[], &[]),
    ("an old engine table that is a text", "shell = \"bash\"", &[], &[]),
    ("variables with values", "[engines]\nenv = [\"PATH\", \"API_KEY=123\"]", &[], &[]),
    ("variables as one text", "[engines]\nenv = \"PATH\"", &[], &[]),
    ("a variable with its value as one text", "[engines]\nenv = \"API=12:hush\"", &[], &[]),
    ("an engine's variables as one text", "[engines.shell]\nenv = \"API=12:hush\"", &[], &[]),
    ("an engine's variables as a list", "[engines.shell]\nenv = [\"API=12:hush\", 987654321]", &[], &[]),
    ("an engine's arguments as one text", "[engines.shell]\nextra_args = \"--bearer 12:hush\"", &[], &[]),
    ("plugins enabled as one text", "[plugins]\nenabled = \"takopi-scripts\"", &[], &[]),
    ("an empty name among the plugins", "[plugins]\nenabled = [\"a\", \"\"]", &[], &[]),
    ("a key of plugins misspelt", "[plugins]\nenable = [\"a\"]", &[], &[]),
    ("the table of a plugin misspelt", "[plugins.wether]\nunit = \"C\"", &[], &[]),
    ("the table of a plugin there is not", "[plugins.zzz]\nunit = \"C\"", &[], &[]),
    ("a value that is no plugin's table", "[plugins]\nrain = 3", &[], &[]),
    ("an environment that is nothing of the kind", "[plugins]\nenvironments = [3, { env = 2 }]", &[], &[]),
    ("the reserved key of plugins", "[plugins]\nauto_install = true", &[], &[]),
    ("a room's number", "[transports.local]\nport = \"http\"", &[], &[]),
    ("a room's key misspelt", "[transports.local]\nprot = 8787", &[], &[]),
    ("a room's time", "[engines.shell]\ntimeout_s = -1", &[], &[]),
    ("a room's list", "[engines.shell]\ntransports = \"local\"", &[], &[]),
    ("a secret of the wrong type", "[transports.local]\naccess_token = 987654321", &[], &[]),
    ("a secret that is a list", "[transports.local]\naccess_token = [\"12:hush\"]", &[], &[]),
    ("a variable with a wrong value", "", &[("TAKOPI__MAX_PARALLEL_RUNS", "many")], &[]),
    ("a variable with a word that is none", "serialize = \"session\"", &[("TAKOPI__SERIALIZE", "both")], &[]),
    ("a variable misspelt", "", &[("TAKOPI__LEDGER__RETENTION_DAY", "3")], &[]),
    ("a variable with an empty part", "", &[("TAKOPI__LEDGER____DAYS", "3")], &[]),
    ("a variable that is no list", "", &[("TAKOPI__PLUGINS__ENABLED", "scripts")], &[]),
    ("a variable inside a value", "serialize = \"session\"", &[("TAKOPI__SERIALIZE__X", "1")], &[]),
    ("a variable for a table", "", &[("TAKOPI__LEDGER", "90")], &[]),
    ("a variable with a secret of a room", "", &[("TAKOPI__TRANSPORTS__LOCAL__ACCESS_TOKEN", " ")], &[]),
    ("a flag with a transport there is not", "", &[], &[("--transport", "transport=telegramm")]),
    ("an empty flag", "", &[], &[("--transport", "transport=")]),
    ("a text not in quotes", "default_engine = codex", &[], &[]),
    ("no value", "default_engine =", &[], &[]),
    ("no equals sign", "[ledger]\nretention_days: 3", &[], &[]),
    ("quotes not closed", "default_engine = \"codex\nserialize = \"session\"", &[], &[]),
    ("a header not closed", "[projects.app\npath = \"x\"", &[], &[]),
    ("a list not closed", "transport = [\"local\"\nserialize = \"session\"", &[], &[]),
    ("a key twice", "serialize = \"session\"\nserialize = \"worktree\"", &[], &[]),
    ("a table twice", "[ledger]\nretention_days = 1\n[ledger]\nretention_days = 2", &[], &[]),
    ("a truth with a capital", "watch_config = True", &[], &[]),
    ("a leading zero", "max_parallel_runs = 08", &[], &[]),
    ("two keys in a line", "serialize = \"session\" watch_config = true", &[], &[]),
    ("a token not in quotes", "[transports.telegram]\nbot_token = 123456:hush", &[], &[]),
    ("backslashes in a path", "[projects.app]\npath = \"C:\\Users\\app\"", &[], &[]),
    (
        "several at once",
        "max_parallel_runs = 0\nserialise = \"session\"\ndefault_project = \"x\"\n[ledger]\nretention_days = 0",
        &[],
        &[],
    ),
];

struct LocalTable;

impl ConfigTable for LocalTable {
    fn read(table: &mut Table<'_>) -> Self {
        table.integer("port", 1..=65_535, 8787);
        table.secret("access_token");
        Self
    }
}

struct ShellTable;

impl ConfigTable for ShellTable {
    fn read(table: &mut Table<'_>) -> Self {
        table.strings("transports", "[\"local\"]");
        table.strings("extra_args", "[\"--verbose\"]");
        table.table::<serde_json::Map<String, serde_json::Value>>("env");
        table.seconds("timeout_s", Duration::ZERO..=Duration::from_secs(86_400), Duration::from_secs(60));
        Self
    }
}

fn told(case: &Case) -> Vec<Diagnostic> {
    let (_, file, variables, flags) = case;
    match settings_of(file, variables, flags) {
        Err(diagnostics) => diagnostics,
        Ok(Loaded { settings, mut warnings }) => {
            let id = |id: &str| PluginId::parse(id).unwrap();
            warnings.extend(settings.transport::<LocalTable>(&id("local")).diagnostics);
            warnings.extend(settings.engine::<ShellTable>(&id("shell")).diagnostics);
            warnings
        }
    }
}

#[test]
fn every_mistake_is_told_with_its_place_and_a_remedy() {
    let mut lines = String::new();
    for case in TABLE {
        let told = told(case);
        assert!(!told.is_empty(), "nothing is told of: {}", case.0);
        writeln!(lines, "# {}", case.0).unwrap();
        for diagnostic in told {
            let line = diagnostic.to_string();
            assert!(!line.contains("hush") && !line.contains("987654321"), "{line}");
            assert!(!diagnostic.remedy.is_empty() && !line.contains('\n'), "{line}");
            writeln!(lines, "{line}").unwrap();
        }
    }
    for (what, named, content) in [
        ("a file that isn't there", true, Err(ErrorKind::NotFound)),
        ("a directory", true, Err(ErrorKind::IsADirectory)),
        ("a file of somebody else", false, Err(ErrorKind::PermissionDenied)),
        ("a broken disk", false, Err(ErrorKind::Other)),
        ("not UTF-8", false, Ok(b"serialize = \"session\"\ndefault_project = \"caf\xe9\"".to_vec())),
    ] {
        let file = ConfigFile { path: "/home/ann/.takopi/takopi.toml".into(), named, content };
        let home = Some(Path::new("/home/ann"));
        let input = Input { file: &file, environment: &[], overrides: &[], home };
        let told = load(&input, &known()).unwrap_err();
        writeln!(lines, "# {what}\n{}", told[0]).unwrap();
        assert_eq!(told.len(), 1);
    }
    insta::assert_snapshot!(lines);
}
