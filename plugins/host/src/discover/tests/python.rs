//! Python environments, made up: no Python is there.

use std::time::Duration;

use takopi_core::id::EngineId;
use takopi_core::port::engine::EngineFeatures;
use takopi_core::port::transport::{Limits, TextLimit, TextUnit, TransportFeatures};

use super::*;

const ENGINE: &str = "takopi.engine_backends";
const TRANSPORT: &str = "takopi.transport_backends";
const COMMAND: &str = "takopi.command_backends";

impl Ground {
    /// Installs a distribution into a folder of distributions; each entry is `(group, name, value)`.
    fn install(&self, info: &str, metadata: Option<&str>, entries: &[(&str, &str, &str)]) {
        let entry = |(group, name, value): &(&str, &str, &str)| format!("[{group}]\n{name} = {value}\n");
        let text =
            format!("[console_scripts]\nx = x:main\n\n{}", entries.iter().map(entry).collect::<String>());
        self.file(&format!("{info}/entry_points.txt"), &text, 0o644);
        if let Some(metadata) = metadata {
            self.file(&format!("{info}/METADATA"), metadata, 0o644);
        }
    }

    fn named(&self, site: &str, name: &str, entries: &[(&str, &str, &str)]) {
        let stem = name.replace('-', "_");
        let metadata =
            format!("Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nSummary: what it is\n\nName: no");
        self.install(&format!("{site}/{stem}-1.0.dist-info"), Some(&metadata), entries);
    }

    fn environments(&self, environments: Vec<PythonEnvironment>) -> Discovery {
        let mut places = self.places(&[]);
        places.environments = environments;
        discover(&places)
    }

    fn interpreter(&self, path: &str) -> PythonEnvironment {
        PythonEnvironment { python: vec![self.path(path).into()], ..PythonEnvironment::default() }
    }
}

fn site(folders: &[PathBuf]) -> PythonEnvironment {
    PythonEnvironment { site: folders.to_vec(), ..PythonEnvironment::default() }
}

/// Returns the names of the distributions that were found.
fn names(discovery: &Discovery) -> Vec<&str> {
    discovery.distributions.iter().map(|found| found.name.as_deref().unwrap_or("?")).collect()
}

fn built_in(id: &str) -> Claim<EngineSpec> {
    let id = EngineId::parse(id).unwrap();
    let spec = EngineSpec {
        title: id.to_string(),
        id: id.clone(),
        resume: None,
        features: EngineFeatures::default(),
        executable: None,
        install: None,
        only_on: None,
    };
    Claim::built_in(&id, spec, false)
}

/// Returns what `takopi plugins` prints, with what the Python takopi has built in.
fn listed(mut discovery: Discovery, enabled: &[&str], load: bool) -> String {
    discovery.engines.extend(["codex", "claude", "opencode", "pi"].map(built_in));
    let kind = EngineId::parse("telegram").unwrap();
    let text = TextLimit { max: 4096, unit: TextUnit::Utf16 };
    let limits = Limits { text, bot: None, chat: None, edit_gap: Duration::ZERO };
    let features = TransportFeatures::default();
    let spec = TransportSpec { kind: kind.clone(), title: "Telegram".to_owned(), limits, features };
    discovery.transports.push(Claim::built_in(&kind, spec, false));
    let (engines, transports, commands) = surveys(&discovery);
    let enabled: Vec<_> = enabled.iter().filter_map(|name| Distribution::parse(name)).collect();
    let mut listing = Listing::new(&enabled);
    listing.add(&engines);
    listing.add(&transports);
    listing.add(&commands);
    if load {
        listing.tell_not_run();
    }
    render_plugins(&listing)
}

/// One of each kind of good and bad.
fn mixed(ground: &Ground) -> PythonEnvironment {
    let builtin =
        [(ENGINE, "codex", "takopi.runners.codex:BACKEND"), (TRANSPORT, "telegram", "takopi.telegram:B")];
    ground.named("site", "takopi", &builtin);
    ground.named("site", "takopi-scripts", &[(COMMAND, "run", "takopi_scripts.backend:BACKEND")]);
    ground.named("site", "takopi-ralph", &[(ENGINE, "ralph", "ralph.e:B"), (COMMAND, "ralph", "ralph.c:B")]);
    ground.named("site", "takopi-matrix", &[(TRANSPORT, "matrix", "takopi_matrix:BACKEND")]);
    ground.named(
        "site",
        "Bad.Ids",
        &[(COMMAND, "Not-An-Id", "a:B"), (ENGINE, "x y", "a:B"), (COMMAND, "", "a:C")],
    );
    ground.named(
        "site",
        "words",
        &[(ENGINE, "config", "a:B"), (COMMAND, "cancel", "a:B"), (TRANSPORT, "config", "a:B")],
    );
    ground.named("site", "zeta", &[(COMMAND, "twice", "zeta:B"), (ENGINE, "twice", "zeta:E")]);
    ground.named("site", "Alpha", &[(COMMAND, "twice", "alpha:B")]);
    ground.named("site", "stutter", &[(COMMAND, "again", "a:B"), (COMMAND, "again", "a:C")]);
    ground.install(
        "site/nameless-1.dist-info",
        None,
        &[(COMMAND, "orphan", "a:B"), (COMMAND, "twice", "a:B")],
    );
    ground.install("site/blank-1.dist-info", Some("Name:  \n\n"), &[(COMMAND, "blank", "a:B")]);
    ground.install("site/old.egg-info", None, &[(COMMAND, "old", "a:B")]);
    ground.file("site/old.egg-info/PKG-INFO", "Name: Old_Egg\n\n", 0o644);
    ground.file("site/file.egg-info", "Name: file\n", 0o644);
    ground.named("site", "unrelated", &[("pytest11", "x", "a:B")]);
    site(&[ground.path("site")])
}

/// The first two listings are what takopi 0.23.4 prints for the same files, but for `takopi` in the list, which must be
/// named there; of the third the rows are.
#[test]
fn the_listing_reads_as_that_of_the_python_takopi() {
    let ground = Ground::new();
    let environment = mixed(&ground);
    let plain = listed(ground.environments(vec![environment.clone()]), &[], false);
    let enabled = ["Takopi.Scripts", "takopi_ralph", "words"];
    let filtered = listed(ground.environments(vec![environment.clone()]), &enabled, false);
    let loaded = listed(ground.environments(vec![environment]), &enabled, true);
    insta::assert_snapshot!(format!("{plain}--- enabled\n{filtered}--- enabled, loaded\n{loaded}"));
}

#[test]
fn of_one_name_the_first_distribution_on_the_path_counts() {
    let ground = Ground::new();
    ground.named("first", "Takopi.Acme", &[(COMMAND, "new_one", "a:B")]);
    ground.named("second", "takopi_acme", &[(COMMAND, "old_one", "a:B")]);
    let discovery = ground.environments(vec![site(&[ground.path("first"), ground.path("second")])]);
    assert_eq!(discovery.commands.iter().map(|claim| claim.id.as_str()).collect::<Vec<_>>(), ["new_one"]);
}

#[test]
fn of_several_environments_the_first_counts_for_each_id_of_a_distribution() {
    let ground = Ground::new();
    ground.named("a", "acme", &[(COMMAND, "both", "a:B")]);
    ground.named("b", "Acme", &[(COMMAND, "both", "a:B"), (COMMAND, "more", "a:B"), (ENGINE, "both", "a:B")]);
    ground.named("b", "rival", &[(COMMAND, "more", "a:B")]);
    let discovery = ground.environments(vec![site(&[ground.path("a")]), site(&[ground.path("b")])]);
    let claims: Vec<_> =
        discovery.commands.iter().map(|claim| (claim.id.as_str(), claim.origin.place())).collect();
    let (a, b) = (ground.path("a"), ground.path("b"));
    assert_eq!(claims, [("both", Some(&*a)), ("more", Some(&*b)), ("more", Some(&*b))]);
    assert_eq!(discovery.engines.len(), 1);
    assert!(
        ground.told(&surveys(&discovery).2.errors).contains("duplicate plugin id 'more' from Acme, rival")
    );
}

#[test]
fn an_interpreter_leads_to_its_distributions() {
    let ground = Ground::new();
    ground.file("base/bin/python3.13", "", 0o755);
    ground.named("base/lib/python3.13/site-packages", "in-base", &[(COMMAND, "a", "a:B")]);
    ground.named("base/local/lib/python3.13/dist-packages", "in-local", &[(COMMAND, "b", "a:B")]);
    ground.named("base/lib/python3.9/site-packages", "older", &[(COMMAND, "c", "a:B")]);
    let venv = |name: &str, settings: &str| {
        ground.file(&format!("{name}/bin/activate"), "", 0o644);
        symlink(ground.path("base/bin/python3.13"), ground.path(&format!("{name}/bin/python"))).unwrap();
        ground.file(&format!("{name}/pyvenv.cfg"), settings, 0o644);
        ground.named(&format!("{name}/lib/python3.13/site-packages"), name, &[(COMMAND, "v", "a:B")]);
    };
    let home = ground.path("base/bin");
    venv("closed", "home = /usr/bin\nversion_info = 3.13.0.final.0\ninclude-system-site-packages = false\n");
    venv(
        "open",
        &format!("home = {}\nversion = 3.13.1\ninclude-system-site-packages = True\n", home.display()),
    );
    symlink("base/bin/python3.13", ground.path("python")).unwrap();
    symlink("../base/bin/python3.13", ground.path("bin/python3")).unwrap();
    let found = |environment| {
        let discovery = ground.environments(vec![environment]);
        assert_eq!(ground.told(&discovery.broken), "");
        names(&discovery).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found(ground.interpreter("closed/bin/python")), ["closed"]);
    assert_eq!(found(ground.interpreter("closed")), ["closed"]);
    assert_eq!(found(ground.interpreter("open/bin/python")), ["open", "in-local", "in-base"]);
    assert_eq!(found(ground.interpreter("base/bin/python3.13")), ["in-local", "in-base"]);
    assert_eq!(found(ground.interpreter("python")), ["in-local", "in-base"]);
    let words = |words: &[&str]| words.iter().map(OsString::from).collect();
    let by_name = PythonEnvironment { python: words(&["python3"]), ..PythonEnvironment::default() };
    assert_eq!(found(by_name), ["in-local", "in-base"]);
    let mut through_a_loader = ground.interpreter("closed/bin/python");
    through_a_loader.python.splice(..0, words(&["/lib64/ld-linux-x86-64.so.2", "--library-path", "/lib"]));
    assert_eq!(found(through_a_loader), ["closed"]);
}

#[test]
fn an_environment_that_is_none_is_a_row() {
    let ground = Ground::new();
    let by_name = PythonEnvironment { python: vec!["python3".into()], ..PythonEnvironment::default() };
    let environments =
        vec![by_name, ground.interpreter("nowhere/bin/python"), site(&[ground.path("none")]), mixed(&ground)];
    let discovery = ground.environments(environments);
    assert!(!discovery.distributions.is_empty());
    insta::assert_snapshot!(ground.told(&discovery.broken));
}

#[test]
fn a_distribution_says_what_it_is() {
    let ground = Ground::new();
    ground.named("site", "takopi-scripts", &[(COMMAND, "run", "takopi_scripts.backend:BACKEND")]);
    let discovery = ground.environments(vec![site(&[ground.path("site")])]);
    let [found] = discovery.distributions.as_slice() else { panic!("one") };
    assert_eq!(found.name.as_deref(), Some("takopi-scripts"));
    assert_eq!((found.version.as_deref(), found.summary.as_deref()), (Some("1.0"), Some("what it is")));
    assert_eq!(found.entries[0].value, "takopi_scripts.backend:BACKEND");
    assert_eq!(discovery.package(&discovery.commands[0].origin), None);
}
