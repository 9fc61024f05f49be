//! What settings come out of which file.

use std::path::Path;

use super::*;

pub(super) fn known() -> Known {
    let engine = |(id, standing): (&str, Standing)| KnownEngine {
        id: EngineId::parse(id).unwrap(),
        standing,
        executable: (id != "shell").then(|| id.to_owned()),
        install: (id == "codex").then(|| "npm install -g @openai/codex".to_owned()),
        installed: matches!(id, "shell" | "claude"),
        refused: None,
    };
    let engines = [
        ("codex", Standing::BuiltIn),
        ("claude", Standing::BuiltIn),
        ("opencode", Standing::BuiltIn),
        ("pi", Standing::BuiltIn),
        ("shell", Standing::Late),
        ("acme", Standing::ThirdParty),
    ];
    let id = |id: &str| PluginId::parse(id).unwrap();
    let broken = KnownEngine::refused(id("broken"), "`brk` is not on PATH".to_owned());
    Known {
        engines: engines.into_iter().map(engine).chain([broken]).collect(),
        transports: vec![id("local"), id("telegram")],
        late_commands: vec![id("help"), id("status")],
        plugins: ["a", "acme", "broken", "scripts", "weather"].map(str::to_owned).to_vec(),
    }
}

/// Flags are `(flag, "key=value")`.
pub(super) fn settings_of(
    file: &str,
    variables: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Loaded, Vec<Diagnostic>> {
    let path = "/home/ann/.takopi/takopi.toml".into();
    let file = ConfigFile { path, named: false, content: Ok(file.as_bytes().to_vec()) };
    let environment: Vec<_> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let overrides = flags.iter().map(|(flag, setting)| {
        let (key, value) = setting.split_once('=').unwrap();
        Override { flag: (*flag).to_owned(), key: key.to_owned(), value: value.to_owned() }
    });
    let overrides: Vec<_> = overrides.collect();
    let home = Some(Path::new("/home/ann"));
    load(&Input { file: &file, environment: &environment, overrides: &overrides, home }, &known())
}

fn good(file: &str) -> Settings {
    let loaded = settings_of(file, &[], &[]).unwrap();
    assert_eq!(loaded.warnings, []);
    loaded.settings
}

fn served(settings: &Settings) -> Vec<&str> {
    settings.served().map(|instance| instance.id.as_str()).collect()
}

fn default_of(file: &str, installed: &[&str]) -> Result<String, String> {
    let settings = settings_of(file, &[], &[]).unwrap().settings;
    let mut engines = known().engines;
    for engine in &mut engines {
        let is_there = engine.executable.is_none() || installed.contains(&engine.id.as_str());
        engine.installed = is_there && engine.refused.is_none();
    }
    let chosen = default_engine(&settings, &engines);
    chosen.map(|id| id.to_string()).map_err(|diagnostic| diagnostic.to_string())
}

#[test]
fn the_example_says_what_holds_without_it() {
    let example = include_str!("../../../takopi.toml.example");
    let mut uncommented = String::new();
    for line in example.lines() {
        // Settings are `#key`, text is `# text`.
        let setting = line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' '));
        uncommented.push_str(setting.unwrap_or(line));
        uncommented.push('\n');
    }
    let shown = |settings: &Settings| format!("{settings:#?}");
    assert_eq!(shown(&good(example)), shown(&good("")));
    assert_eq!(shown(&good(&uncommented)), shown(&good("")));
}

#[test]
fn the_example_names_every_setting() {
    let example = include_str!("../../../takopi.toml.example");
    let file = "zz = 1\n[ledger]\nzz = 1\n[plugins]\nzz = 1\n[projects.app]\npath = 'x'\nzz = 1";
    let warnings = settings_of(file, &[], &[]).unwrap().warnings;
    assert_eq!(warnings.len(), 4);
    for warning in warnings {
        let known = warning.remedy.split_once("known here: ").unwrap().1;
        for key in known.split(", ") {
            let written = example.lines().any(|line| {
                let line = line.trim_start_matches(['#', ' ', '[']);
                line.strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', '.', ']']))
            });
            assert!(written, "the example doesn't tell of {key}");
        }
    }
}

#[test]
fn the_example_shows_an_environment_as_it_is_read() {
    let example = include_str!("../../../takopi.toml.example");
    let start = example.find("# [[plugins.environments]]").unwrap();
    let block = example[start..].split("\n\n").next().unwrap();
    let uncommented: String = block.lines().map(|line| format!("{}\n", &line[2..])).collect();
    let settings = good(&uncommented);
    let folder = Path::new("/home/ann/.local/share/uv/tools/takopi");
    let [environment] = settings.plugins.environments.as_slice() else { panic!("{uncommented}") };
    assert_eq!(environment.python, [folder.join("bin/python")]);
    assert_eq!(environment.site, [folder.join("lib/python3.14/site-packages")]);
    assert_eq!(environment.env["PYTHONUTF8"].reveal(), "1");
    let warnings = settings_of("[[plugins.environments]]\nsite = ['x']\nzz = 1", &[], &[]).unwrap().warnings;
    let known = warnings[0].remedy.split_once("known here: ").unwrap().1;
    assert!(known.split(", ").all(|key| block.contains(&format!("\n# {key} = "))), "{known}");
}

#[test]
fn what_is_no_table_and_no_plugins_is_warned_of() {
    let loaded = settings_of("[plugins]\nrain = 3", &[], &[]).unwrap();
    assert_eq!(loaded.warnings[0].key, "plugins.rain");
}

#[test]
fn settings_of_a_plugin_that_are_no_table_are_an_error_of_that_plugin_alone() {
    let loaded = settings_of("[plugins]\nweather = 3", &[], &[]).unwrap();
    assert_eq!(loaded.warnings, [], "whoever reads that plugin's table says it");
    let reading = loaded.settings.plugin::<serde_json::Map<_, _>>(&PluginId::parse("weather").unwrap());
    let [mistake] = reading.diagnostics.as_slice() else { panic!("{reading:?}") };
    assert_eq!(
        mistake.to_string(),
        "error: ~/.takopi/takopi.toml:2:1: plugins.weather: expected a table, found 3; write [plugins.weather] with \
         its keys below, or weather = { … }"
    );
}

#[test]
fn environments_are_tables_or_just_paths() {
    let file =
        "[plugins]\nenvironments = ['~/venv', { python = ['~/ld.so', '--', 'python3'], env = { A = 'b' } }]";
    let settings = good(file);
    let [folder, list] = settings.plugins.environments.as_slice() else { panic!("two") };
    assert_eq!(folder.python, ["/home/ann/venv"]);
    assert_eq!(list.python, ["/home/ann/ld.so", "--", "python3"]);
    assert!(!format!("{list:?}").contains("\"b\""));
    let variable = [("TAKOPI__PLUGINS__ENVIRONMENTS", "['/a/bin/python']")];
    let settings = settings_of("", &variable, &[]).unwrap().settings;
    assert_eq!(settings.plugins.environments[0].python, ["/a/bin/python"]);
}

#[test]
fn each_layer_outranks_the_one_before() {
    let variables =
        [("TAKOPI__MAX_PARALLEL_RUNS", "3"), ("takopi__Watch_Config", "yes"), ("TAKOPI__TRANSPORT", "local")];
    let flags = [("--transport", "transport=telegram")];
    let file = "max_parallel_runs = 2\n[transports.telegram]\nbot_token = 'x'";
    let settings = settings_of(file, &variables, &flags).unwrap().settings;
    assert_eq!(settings.max_parallel_runs, 3);
    assert!(settings.watch_config);
    assert_eq!(served(&settings), ["telegram"]);
    let lists = [("TAKOPI__TRANSPORT", r#"["local", "telegram"]"#), ("TAKOPI__PLUGINS__ENABLED", "['A_b']")];
    let settings = settings_of(file, &lists, &[]).unwrap().settings;
    assert_eq!(served(&settings), ["telegram", "local"]);
    assert_eq!(settings.plugins.enabled[0].as_str(), "a-b");
}

#[test]
fn transports_are_served_as_named_or_as_configured_or_locally() {
    assert_eq!(served(&good("")), ["local"]);
    assert_eq!(served(&good("[transports.telegram]\nenabled = false")), ["local"]);
    let two = "[transports.telegram]\n[transports.team]\nkind = 'telegram'\n";
    assert_eq!(served(&good(two)), ["telegram", "team"]);
    assert_eq!(served(&good(&format!("transport = ' team '\n{two}"))), ["team"]);
    assert_eq!(served(&good(&format!("transport = ['local', 'team']\n{two}"))), ["team", "local"]);
}

#[test]
fn the_default_engine_is_the_named_one_or_the_first_that_is_there() {
    assert_eq!(default_of("", &["pi", "opencode"]).unwrap(), "opencode");
    assert_eq!(default_of("", &[]).unwrap(), "shell");
    assert_eq!(default_of("default_engine = 'pi'", &["pi", "codex"]).unwrap(), "pi");
    insta::assert_snapshot!(
        [
            default_of("default_engine = 'codex'", &["pi"]).unwrap_err(),
            default_of("[transports.telegram]", &[]).unwrap_err(),
            default_of("[transports.telegram]", &["acme"]).unwrap_err(),
            default_of("[projects.shell]\npath = 'x'", &[]).unwrap_err(),
            default_of("default_engine = 'shell'\n[projects.shell]\npath = 'x'", &["pi"]).unwrap_err(),
            default_of("default_engine = 'broken'", &["pi"]).unwrap_err(),
        ]
        .join("\n"),
    );
}

#[test]
fn paths_begin_at_the_home_the_config_or_the_project() {
    let settings = good(
        "default_project = 'APP'\n[projects.App]\npath = '~/code/app'\n[projects.b]\npath = '../b'\nworktrees_dir = '~/trees'",
    );
    assert_eq!(settings.default_project.as_deref(), Some("App"));
    assert_eq!(settings.project("aPP").unwrap().worktrees_dir, Path::new("/home/ann/code/app/.worktrees"));
    assert_eq!(settings.projects[1].path, Path::new("/home/ann/.takopi/../b"));
    assert_eq!(settings.projects[1].worktrees_dir, Path::new("/home/ann/trees"));
}

#[test]
fn the_oldest_telegram_keys_are_understood() {
    let loaded = settings_of("bot_token = '12:x'\nchat_id = '5'", &[], &[]).unwrap();
    assert_eq!(served(&loaded.settings), ["telegram"]);
    assert_eq!(loaded.settings.raw("transports.telegram.bot_token"), Some("12:x".into()));
    assert_eq!(loaded.warnings.len(), 2);
}

/// What a file of the Python takopi may hold.
#[test]
fn a_file_of_the_python_takopi_loads_unchanged() {
    let settings = good(
        r#"
watch_config = "on"
default_engine = "codex"
default_project = "Z80"
transport = "telegram"

[transports.telegram]
bot_token = "123:abc"
bot_token_file = "/home/token"
chat_id = 123
allowed_user_ids = [1, 2]
voice_transcription = true
[transports.telegram.topics]
enabled = true

[transports.other]
anything = { goes = [1, "a"] }

[plugins]
enabled = ["takopi", "Takopi_Scripts"]
[plugins.scripts]
at = 2026-01-01
[[plugins.scripts.rows]]
a = 1

[projects.z80]
path = "~/z80"
worktrees_dir = ".worktrees"
default_engine = "claude"
worktree_base = "master"
chat_id = "-100"

[codex]
extra_args = ["-c", "notify=[]"]
[acme]
free = true
"#,
    );
    assert_eq!(served(&settings), ["telegram"]);
    assert_eq!(settings.projects[0].chat_id, Some(-100));
    let id = |id: &str| PluginId::parse(id).unwrap();
    assert_eq!(settings.engine::<Free>(&id("acme")).usable().unwrap().0["free"], true);
    assert_eq!(settings.plugin::<Free>(&id("scripts")).usable().unwrap().0["at"], "2026-01-01");
    assert_eq!(settings.raw("plugins.scripts.rows").unwrap()[0]["a"], 1);
    let shown: Vec<_> =
        settings.environment.secrets().iter().map(|secret| secret.reveal().to_owned()).collect();
    assert_eq!(shown, ["123:abc"]);
    assert!(!format!("{settings:?}").contains("123:abc"));
}

type Free = serde_json::Map<String, serde_json::Value>;

proptest::proptest! {
    #[test]
    fn no_slip_in_a_file_ends_in_a_panic_or_tells_a_secret(
        at in 0usize..200, gone in 0usize..8, put in "[ \"'=\\[\\]{}\n\\\\#:,.0a]{0,4}",
    ) {
        let file = "transport = ['telegram']\n[transports.telegram]\nbot_token = \"hush-hush\"\nchat_id = 5\n\
            [projects.app]\npath = '~/x'\n[plugins.scripts]\napi_key = [\"hush-hush\", 'hush-hush']\n";
        let at = at.min(file.len());
        let broken = format!("{}{put}{}", &file[..at], &file[(at + gone).min(file.len())..]);
        let told = settings_of(&broken, &[], &[]).map_or_else(|told| told, |loaded| loaded.warnings);
        for diagnostic in told {
            let line = diagnostic.to_string();
            proptest::prop_assert!(!line.contains("hush-hush"), "{}", line);
        }
    }
}

#[test]
fn engines_inherit_neither_settings_nor_secrets_and_what_is_listed_if_there_is_a_list() {
    let free = good("[transports.telegram]\nbot_token = '123:abc'").environment;
    assert!(free.passes("PATH", "/bin") && free.passes("TAKOPI_LOG", "x"));
    assert!(!free.passes("MY_BOT", "123:abc") && !free.passes("Takopi__X", "y"));
    let listed = good("[engines]\nenv = ['PATH', 'TAKOPI__X']").environment;
    assert!(listed.passes("PATH", "/bin"));
    assert!(!listed.passes("HOME", "/root") && !listed.passes("TAKOPI__X", "y"));
}

#[test]
fn the_default_settings_are_those_of_an_empty_file() {
    assert_eq!(format!("{:?}", Settings::default()), format!("{:?}", good("")));
}

struct Model(Option<String>);

impl ConfigTable for Model {
    fn read(table: &mut Table<'_>) -> Self {
        Self(table.string("model", "\"opus\""))
    }
}

#[test]
fn an_engine_is_configured_in_either_place_and_broken_alone() {
    let id = EngineId::parse("claude").unwrap();
    for file in ["[claude]\nmodel = 'a'", "[engines.claude]\nmodel = 'a'"] {
        assert_eq!(good(file).engine::<Model>(&id).usable().unwrap().0.0.as_deref(), Some("a"));
    }
    let broken = good("[claude]\nmodel = 3").engine::<Model>(&id).usable().map(drop);
    insta::assert_snapshot!(broken.unwrap_err()[0]);
}

#[test]
fn the_rules_for_plugins_can_be_read_before_anything_else() {
    let path = "/c/takopi.toml".into();
    let content = Ok(b"max_parallel_runs = 'x'\n[plugins]\nenabled = ['Foo.Bar']\npaths = ['p', 3]".to_vec());
    let file = ConfigFile { path, named: true, content };
    let read = plugins(&Input { file: &file, environment: &[], overrides: &[], home: None });
    assert_eq!(read.enabled[0].as_str(), "foo-bar");
    assert_eq!(read.paths, [Path::new("/c/p")]);
}
