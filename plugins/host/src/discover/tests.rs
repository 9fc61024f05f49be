//! Folders of plugins, right and wrong, and what is said of each.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use takopi_core::catalog::{Code, Listing, Rules, Survey, render_plugins, survey};
use takopi_core::id::{Distribution, PluginKind};

use super::*;

mod python;

/// A folder for one test; modes don't depend on the umask.
struct Ground {
    dir: tempfile::TempDir,
    uid: u32,
    variables: BTreeSet<OsString>,
}

const MANIFEST: &str = "manifest = 1\n[distribution]\nname = \"NAME\"\nversion = \"1\"\n[process]\ncommand = \
                        [\"./run\"]\nprotocol = \"takopi/1\"\n";

impl Ground {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ground = Self { uid: rustix::process::geteuid().as_raw(), dir, variables: BTreeSet::new() };
        ground.file("bin/tool", "", 0o755);
        ground
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn file(&self, path: &str, text: &str, mode: u32) {
        let path = self.path(path);
        let folders = path.ancestors().skip(1).take_while(|folder| *folder != self.dir.path());
        let folders: Vec<_> = folders.filter(|folder| !folder.exists()).map(Path::to_path_buf).collect();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        for folder in folders {
            fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A plugin that could be started.
    fn plugin(&self, folder: &str, groups: &str) {
        let name = folder.rsplit('/').next().unwrap();
        self.manifest(folder, &format!("{}{groups}", MANIFEST.replace("NAME", name)));
    }

    fn manifest(&self, folder: &str, text: &str) {
        self.file(&format!("{folder}/takopi-plugin.toml"), text, 0o644);
        self.file(&format!("{folder}/run"), "", 0o755);
    }

    fn places(&self, folders: &[(Named, &str)]) -> Places {
        Places {
            folders: folders.iter().map(|(named, path)| (*named, self.path(path))).collect(),
            environments: Vec::new(),
            path: self.path("bin").into_os_string(),
            variables: self.variables.clone(),
            uid: self.uid,
            version: "0.1.0".to_owned(),
        }
    }

    fn usual(&self) -> Discovery {
        discover(&self.places(&[(Named::Usual, "plugins")]))
    }

    /// Returns errors as text, without where this test's folder is and who runs it.
    fn told(&self, errors: &[PluginError]) -> String {
        let line = |error: &PluginError| format!("{} {}: {}", error.code.word(), error.id, error.message);
        let text: Vec<String> = errors.iter().map(line).collect();
        let text = text.join("\n").replace(&self.dir.path().display().to_string(), "…");
        text.replace(&format!("chown {} ", self.uid), "chown UID ")
    }
}

fn surveys(discovery: &Discovery) -> (Survey<EngineSpec>, Survey<TransportSpec>, Survey<CommandSpec>) {
    let rules = Rules::default();
    (
        survey(PluginKind::Engine, discovery.engines.clone(), &rules),
        survey(PluginKind::Transport, discovery.transports.clone(), &rules),
        survey(PluginKind::Command, discovery.commands.clone(), &rules),
    )
}

/// Returns what a survey has against the commands.
fn of_commands(ground: &Ground, discovery: &Discovery) -> String {
    ground.told(&surveys(discovery).2.errors)
}

fn command(id: &str) -> String {
    format!("[command.{id}]\ndescription = 'x'\n")
}

#[test]
fn many_folders_are_found_in_their_order_and_each_once() {
    let ground = Ground::new();
    let name = |number: usize| format!("p{number:03}");
    for number in 0..400 {
        let command = format!("[command.{}]\ndescription = 'does it'\n", name(number));
        ground.plugin(&format!("many/{}", name(number)), &command);
    }
    ground.manifest("many/p150", "manifest = 1\n");
    symlink(ground.path("many/p007"), ground.path("many/zz")).unwrap();
    let found = discover(&ground.places(&[(Named::Settings, "many"), (Named::Variable, "many")]));
    let ids: Vec<_> = found.commands.iter().map(|claim| claim.id.clone()).collect();
    assert_eq!(ids, (0..400).filter(|number| *number != 150).map(name).collect::<Vec<_>>());
    assert!(found.commands.iter().all(|claim| claim.spec.is_ok()));
    let broken: Vec<_> = found.broken.iter().map(|broken| (broken.id.as_str(), broken.code)).collect();
    assert_eq!(broken, [("p150", Code::InvalidManifest)]);
}

#[test]
fn one_distribution_registers_many_things_of_several_kinds() {
    let ground = Ground::new();
    let engines = "[engine.a]\n[engine.b.resume]\nshow = 'b -r {token}'\n[transport.t]\ntitle = 'T'\n";
    ground.plugin("plugins/acme", &format!("{engines}{}{}", command("x"), command("y")));
    let discovery = ground.usual();
    let (engines, transports, commands) = surveys(&discovery);
    let ids =
        [engines.usable().collect::<Vec<_>>(), transports.usable().collect(), commands.usable().collect()];
    assert_eq!(ids.concat().iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["a", "b", "t", "x", "y"]);
    assert_eq!(engines.found[0].origin.distribution(), Some("acme"));
    let package = discovery.package(&engines.found[0].origin).unwrap();
    assert_eq!(package.dir, ground.path("plugins/acme"));
    assert_eq!((discovery.broken.len(), discovery.notes.len()), (0, 0));
}

#[test]
fn the_places_are_looked_at_in_their_order_and_each_folder_once() {
    let ground = Ground::new();
    ground.plugin("dev/acme", &command("a"));
    ground.plugin("dev/beta", &command("b"));
    ground.plugin("plugins/zeta", &command("z"));
    symlink(ground.path("dev/acme"), ground.path("plugins/acme")).unwrap();
    let places = [
        (Named::Settings, "dev/beta"),
        (Named::Variable, "dev"),
        (Named::Usual, "plugins"),
        (Named::Usual, "none"),
    ];
    let discovery = discover(&ground.places(&places));
    let names = discovery.packages.iter().map(|package| package.manifest.distribution.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["beta", "acme", "zeta"]);
    assert_eq!(surveys(&discovery).2.usable().count(), 3);
    assert_eq!(ground.told(&discovery.broken), "");
}

#[test]
fn what_cannot_be_read_is_a_row_and_the_others_work() {
    let ground = Ground::new();
    ground.plugin("plugins/good", &command("good"));
    ground.file("plugins/README", "no plugin", 0o644);
    ground.file("plugins/data/x", "no plugin either", 0o644);
    ground.manifest("plugins/garbage", "manifest = = 1");
    ground.manifest("plugins/large", &"#".repeat(70_000));
    ground.manifest("plugins/newer", "manifest = 2");
    symlink("loop", ground.path("plugins/loop")).unwrap();
    symlink("/nowhere", ground.path("plugins/gone")).unwrap();
    fs::create_dir(ground.path("plugins/linked")).unwrap();
    symlink("takopi-plugin.toml", ground.path("plugins/linked/takopi-plugin.toml")).unwrap();
    fs::create_dir_all(ground.path("plugins/folder/takopi-plugin.toml")).unwrap();
    ground.file("plugins/latin/run", "", 0o755);
    fs::write(ground.path("plugins/latin/takopi-plugin.toml"), b"# \xe9").unwrap();
    let pipe = ground.path("plugins/pipe/takopi-plugin.toml");
    fs::create_dir(pipe.parent().unwrap()).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    ground.file("empty/x", "", 0o644);
    let mut places = ground.places(&[
        (Named::Usual, "plugins"),
        (Named::Settings, "missing"),
        (Named::Settings, "empty"),
        (Named::Variable, "plugins/README"),
    ]);
    places.folders.push((Named::Variable, "somewhere".into()));
    let discovery = discover(&places);
    assert_eq!(surveys(&discovery).2.usable().count(), 1);
    let mut told: Vec<String> = ground.told(&discovery.broken).lines().map(str::to_owned).collect();
    told.sort();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_keeps_a_plugin_from_working_is_said_with_what_to_type() {
    let mut ground = Ground::new();
    let with = |manifest: &str, from: &str, to: &str| manifest.replace(from, to);
    let plain = |id: &str| format!("{}{}", MANIFEST.replace("NAME", id), command(id));
    ground.plugin("plugins/fine", &format!("{}needs = ['tool']\n", command("fine")));
    ground.manifest(
        "plugins/a",
        &with(&plain("a"), "version = \"1\"", "version = \"1\"\nrequires_takopi = '>=2'"),
    );
    ground.manifest("plugins/b", &with(&plain("b"), "./run", "./missing"));
    ground.manifest("plugins/c", &with(&plain("c"), "./run", "python9"));
    ground.manifest("plugins/d", &plain("d"));
    ground.file("plugins/d/run", "", 0o644);
    ground.manifest("plugins/e", &format!("{}needs = ['tool', 'acme']\n", plain("e")));
    ground.manifest("plugins/f", &with(&plain("f"), "protocol", "needs_env = ['SET', 'UNSET']\nprotocol"));
    ground.manifest("plugins/g", &with(&plain("g"), "./run", "."));
    ground.variables.insert("SET".into());
    insta::assert_snapshot!(of_commands(&ground, &ground.usual()));
    let listed = surveys(&ground.usual()).2.found.len();
    assert_eq!(listed, 8, "each has its row all the same");
}

#[test]
fn an_engine_says_how_what_it_needs_is_installed() {
    let ground = Ground::new();
    ground.plugin(
        "plugins/acme",
        "[engine.acme]\nneeds = ['acme']\ninstall = 'npm i -g acme'\n[engine.free]\n",
    );
    let (engines, ..) = surveys(&ground.usual());
    assert_eq!(engines.usable().map(|id| id.as_str()).collect::<Vec<_>>(), ["free"]);
    assert_eq!(
        ground.told(&engines.errors),
        "missing_executable acme: acme is not on PATH; type: npm i -g acme"
    );
}

#[test]
fn nothing_is_used_that_others_could_change() {
    let mut ground = Ground::new();
    let open = [("a", ""), ("b", "takopi-plugin.toml"), ("c", "run"), ("d", "bin"), ("e", "main.py")];
    for (id, path) in open {
        let command_of_it = if id == "d" { "./bin/run" } else { "./run" };
        let manifest = MANIFEST.replace("\"./run\"", &format!("\"{command_of_it}\", \"main.py\""));
        ground
            .manifest(&format!("plugins/{id}"), &format!("{}{}", manifest.replace("NAME", id), command(id)));
        ground.file(&format!("plugins/{id}/bin/run"), "", 0o755);
        ground.file(&format!("plugins/{id}/main.py"), "", 0o644);
        ground.file(&format!("plugins/{id}/data"), "", 0o666);
        let path = ground.path(&format!("plugins/{id}/{path}"));
        let mode = path.metadata().unwrap().permissions().mode();
        fs::set_permissions(path, Permissions::from_mode(mode | 0o020)).unwrap();
    }
    ground.plugin("plugins/fine", &command("fine"));
    ground.plugin("open house/h", &command("h"));
    fs::set_permissions(ground.path("open house"), Permissions::from_mode(0o777)).unwrap();
    ground.plugin("sticky/s", &command("s"));
    fs::set_permissions(ground.path("sticky"), Permissions::from_mode(0o1777)).unwrap();
    let places = [(Named::Usual, "plugins"), (Named::Usual, "open house"), (Named::Usual, "sticky")];
    let discovery = discover(&ground.places(&places));
    let (.., commands) = surveys(&discovery);
    assert_eq!(commands.usable().map(|id| id.as_str()).collect::<Vec<_>>(), ["fine", "s"]);
    insta::assert_snapshot!(ground.told(&commands.errors));
    for package in &discovery.packages {
        let claim =
            discovery.commands.iter().find(|claim| claim.origin.place() == Some(&package.dir)).unwrap();
        let asked_again = crate::owner::check(package, ground.uid);
        assert_eq!(asked_again.err().as_ref(), claim.spec.as_ref().err(), "{}", package.dir.display());
    }
    // What belongs to somebody else: only root can give files away, and only root trusts what is root's anyway.
    ground.plugin("theirs/t", &command("t"));
    if ground.uid == 0 {
        chown(ground.path("theirs/t/run"), Some(54_321), None).unwrap();
    } else {
        ground.uid += 1;
    }
    let discovery = discover(&ground.places(&[(Named::Usual, "theirs")]));
    let told = of_commands(&ground, &discovery);
    assert!(told.starts_with("unsafe_owner t: …/theirs/t"), "{told}");
    assert!(told.contains("who could change what takopi runs; type: sudo chown UID …/theirs/t"), "{told}");
}

#[test]
fn two_that_want_one_id_are_both_named_and_both_out() {
    let ground = Ground::new();
    ground.plugin("plugins/one", &command("same"));
    ground.plugin("plugins/two", &command("same"));
    ground.manifest("plugins/copy", &format!("{}{}", MANIFEST.replace("NAME", "two"), command("same")));
    let discovery = ground.usual();
    let (.., commands) = surveys(&discovery);
    assert_eq!(commands.found, []);
    let expected =
        "duplicate_id same: duplicate plugin id 'same' from one, two (…/plugins/copy), two (…/plugins/two)";
    assert_eq!(ground.told(&commands.errors), [expected; 3].join("\n"));
    let rules = Rules { enabled: Distribution::parse("One").into_iter().collect(), taken: BTreeMap::new() };
    assert_eq!(survey(PluginKind::Command, discovery.commands, &rules).usable().count(), 1);
}

#[test]
fn resume_lines_of_others_are_not_taken() {
    let ground = Ground::new();
    ground.plugin("plugins/acme", "[engine.acme.resume]\nshow = 'acme resume {token}'\n");
    ground.plugin(
        "plugins/beta",
        "[engine.beta.resume]\nshow = 'beta {token}'\nmatch = ['ACME resume {token}']\n[engine.gamma]\n",
    );
    let (engines, ..) = surveys(&ground.usual());
    assert_eq!(engines.usable().map(|id| id.as_str()).collect::<Vec<_>>(), ["acme", "gamma"]);
    assert_eq!(engines.errors[0].code, Code::AmbiguousResume);
}

#[test]
fn notes_go_by_the_folder_and_the_distribution() {
    let ground = Ground::new();
    ground.plugin("plugins/acme", &format!("{}usge = 'x'\n[tool.search]\n", command("a")));
    let discovery = ground.usual();
    assert_eq!(discovery.notes[0].distribution.as_deref(), Some("acme"));
    insta::assert_snapshot!(ground.told(&discovery.notes));
}
