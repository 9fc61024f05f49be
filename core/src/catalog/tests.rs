//! Every rule, with fabricated plugins.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::port::engine::{EngineFeatures, EngineSpec};
use crate::resume::{DEFAULT_TOKEN, ResumePattern};
use PluginKind::{Command, Engine, Transport};

impl Spec for String {}

fn theirs(id: &str, distribution: Option<&str>) -> Claim<String> {
    let origin =
        Origin::Python { distribution: distribution.map(str::to_owned), environment: "/venv".into() };
    Claim { id: id.to_owned(), origin, spec: Ok(id.to_owned()), late: false }
}

fn ours(id: &str, late: bool) -> Claim<String> {
    Claim::built_in(&PluginId::parse(id).unwrap(), id.to_owned(), late)
}

fn rules(enabled: &[&str], taken: &[(&str, Holder)]) -> Rules {
    Rules {
        enabled: enabled.iter().filter_map(|name| Distribution::parse(name)).collect(),
        taken: taken.iter().map(|(name, holder)| ((*name).to_owned(), *holder)).collect(),
    }
}

fn ids<S>(survey: &Survey<S>) -> Vec<&str> {
    survey.found.iter().map(|found| found.id.as_str()).collect()
}

fn messages<S>(survey: &Survey<S>) -> Vec<&str> {
    survey.errors.iter().map(|error| error.message.as_str()).collect()
}

#[test]
fn an_id_that_breaks_the_rule_is_an_error_and_no_plugin() {
    let claims = ["Bad-Id", "abc\n", "it's"].map(|id| theirs(id, Some("x"))).to_vec();
    let survey = survey(Engine, claims, &rules(&[], &[]));
    assert_eq!(ids(&survey), Vec::<&str>::new());
    assert_eq!(
        messages(&survey),
        [
            "invalid plugin id 'Bad-Id'; must match ^[a-z0-9_]{1,32}$",
            "invalid plugin id 'abc\\n'; must match ^[a-z0-9_]{1,32}$",
            "invalid plugin id \"it's\"; must match ^[a-z0-9_]{1,32}$",
        ]
    );
}

#[test]
fn reserved_words_are_kept_from_third_parties_only() {
    let claims = vec![
        ours("cancel", false),
        theirs("cancel", Some("x")),
        theirs("plugins", Some("x")),
        theirs("paths", Some("x")),
        theirs("run", None),
    ];
    let commands = survey(Command, claims, &rules(&[], &[]));
    assert_eq!(ids(&commands), ["cancel", "run"]);
    let reserved =
        ["cancel", "paths", "plugins"].map(|id| format!("reserved plugin id '{id}' is not allowed"));
    assert_eq!(messages(&commands), reserved);
    let transports = survey(Transport, vec![theirs("config", None)], &rules(&[], &[]));
    assert_eq!(ids(&transports), ["config"]);
}

#[test]
fn of_duplicates_all_third_parties_are_dropped_each_with_an_error() {
    let claims = vec![
        theirs("a", Some("zeta")),
        theirs("a", None),
        theirs("a", Some("Beta")),
        theirs("b", Some("zeta")),
    ];
    let survey = survey(Engine, claims, &rules(&[], &[]));
    assert_eq!(ids(&survey), ["b"]);
    assert_eq!(messages(&survey), ["duplicate plugin id 'a' from <unknown>, Beta, zeta"; 3]);
}

#[test]
fn disabling_one_of_two_that_clash_gives_the_name_to_the_other() {
    let claims = vec![theirs("a", Some("one")), theirs("a", Some("My.Two"))];
    let survey = survey(Engine, claims, &rules(&["my_two"], &[]));
    assert_eq!(ids(&survey), ["a"]);
    assert_eq!(survey.errors, []);
}

#[test]
fn the_enabled_list_hides_strangers_and_the_nameless_but_no_built_in() {
    let claims = vec![
        ours("codex", false),
        theirs("a", Some("Takopi__A")),
        theirs("b", Some("other")),
        theirs("c", None),
        theirs("d", Some(" ")),
    ];
    assert_eq!(ids(&survey(Engine, claims.clone(), &rules(&["takopi-a"], &[]))), ["a", "codex"]);
    assert_eq!(ids(&survey(Engine, claims, &rules(&[], &[]))), ["a", "b", "c", "codex", "d"]);
}

#[test]
fn no_third_party_takes_a_name_somebody_has() {
    let taken = [("pi", Holder::Engine), ("app", Holder::Project), ("loud", Holder::Command)];
    let claims = vec![
        ours("status", true),
        theirs("status", Some("x")),
        theirs("pi", Some("x")),
        theirs("app", Some("x")),
        theirs("loud", Some("x")),
    ];
    let survey = survey(Command, claims, &rules(&[], &taken));
    assert_eq!(ids(&survey), ["status"]);
    insta::assert_snapshot!(messages(&survey).join("\n"));
}

#[test]
fn a_newer_built_in_yields_to_a_project_and_an_older_one_does_not() {
    let taken = [("shell", Holder::Project), ("codex", Holder::Project)];
    let survey = survey(Engine, vec![ours("shell", true), ours("codex", false)], &rules(&[], &taken));
    assert_eq!(ids(&survey), ["codex"]);
    assert_eq!(messages(&survey), ["built-in id 'shell' yields to the project of that name"]);
}

#[test]
fn copies_of_one_distribution_are_told_apart_by_their_folders() {
    let copy = |path: &str| {
        let origin = Origin::Manifest { distribution: Some("acme".to_owned()), path: path.into() };
        Claim { id: "a".to_owned(), origin, spec: Ok("a".to_owned()), late: false }
    };
    let survey = survey(Command, vec![copy("/b"), copy("/a"), theirs("a", Some("zeta"))], &rules(&[], &[]));
    assert_eq!(ids(&survey), Vec::<&str>::new());
    assert_eq!(messages(&survey), ["duplicate plugin id 'a' from acme (/a), acme (/b), zeta"; 3]);
    assert!(survey.errors.iter().all(|error| error.code == Code::DuplicateId));
}

#[test]
fn no_third_party_takes_the_kind_of_a_built_in_transport() {
    let survey = survey(Transport, vec![ours("local", false), theirs("local", Some("x"))], &rules(&[], &[]));
    assert_eq!(ids(&survey), ["local"]);
    assert_eq!(messages(&survey), ["plugin id 'local' is that of a built-in transport"]);
}

fn engine(id: &str, is_ours: bool, templates: &[&str]) -> Claim<EngineSpec> {
    let resume = ResumePattern::new(templates[0], &templates[1..], DEFAULT_TOKEN).unwrap();
    let spec = EngineSpec {
        id: PluginId::parse(id).unwrap(),
        title: id.to_owned(),
        resume: Some(resume),
        features: EngineFeatures::default(),
        executable: None,
        install: None,
        only_on: None,
    };
    let claim = Claim::built_in(&spec.id.clone(), spec, false);
    let origin = Origin::Manifest { distribution: Some(format!("takopi-{id}")), path: id.into() };
    if is_ours { claim } else { Claim { origin, ..claim } }
}

#[test]
fn whose_resume_pattern_takes_the_lines_of_another_is_broken_and_the_other_is_not() {
    let claims = vec![
        engine("codex", true, &["codex resume {token}"]),
        engine("greedy", false, &["greedy {token}", "acme resume {token}", "CODEX  resume {token}"]),
        engine("acme", false, &["acme resume {token}"]),
        engine("copy", false, &["codex resume {token}"]),
        engine("fine", false, &["fine resume {token}"]),
    ];
    let survey = survey(Engine, claims, &rules(&[], &[]));
    assert_eq!(ids(&survey), ["acme", "codex", "copy", "fine", "greedy"]);
    assert_eq!(survey.usable().map(PluginId::as_str).collect::<Vec<_>>(), ["acme", "codex", "fine"]);
    assert!(survey.errors.iter().all(|error| error.code == Code::AmbiguousResume));
    insta::assert_snapshot!(messages(&survey).join("\n"));
}

#[test]
fn who_is_not_enabled_makes_nobody_ambiguous() {
    let claims = vec![
        engine("acme", false, &["acme resume {token}"]),
        engine("greedy", false, &["acme resume {token}"]),
    ];
    let survey = survey(Engine, claims, &rules(&["takopi-acme"], &[]));
    assert_eq!(survey.usable().map(PluginId::as_str).collect::<Vec<_>>(), ["acme"]);
}

#[test]
fn what_is_not_run_yet_has_a_row_and_an_error_only_once_it_is_to_be_loaded() {
    let mut claim = theirs("later", Some("x"));
    claim.spec = Err(Problem::new(Code::NotRunYet, "this version does not run it yet"));
    let mut unused = theirs("unused", Some("y"));
    unused.spec = claim.spec.clone();
    let survey = survey(Command, vec![claim, unused], &rules(&[], &[]));
    assert_eq!((survey.usable().count(), survey.errors.len()), (0, 0));
    let mut listing = Listing::new(&[Distribution::parse("x").unwrap()]);
    listing.add(&survey);
    assert_eq!((listing.commands.len(), listing.is_broken()), (2, false));
    listing.tell_not_run();
    assert_eq!(listing.errors.iter().map(|error| error.id.as_str()).collect::<Vec<_>>(), ["later"]);
    assert!(listing.is_broken());
}

#[test]
fn what_is_wrong_with_a_disabled_plugin_is_told_only_where_it_is_about_names() {
    let mut broken = theirs("broken", Some("y"));
    broken.spec = Err(Problem::new(Code::MissingExecutable, "x is not on PATH"));
    let mut listing = Listing::new(&[Distribution::parse("x").unwrap()]);
    listing.add(&survey(Command, vec![broken, theirs("Bad", Some("y"))], &rules(&[], &[])));
    assert_eq!(listing.errors.iter().map(|error| error.id.as_str()).collect::<Vec<_>>(), ["Bad"]);
    assert!(!listing.is_broken());
}

/// Loads everything but what is called `bad` while `broken` holds.
#[derive(Clone, Default)]
struct Counting {
    loads: Arc<AtomicUsize>,
    broken: Arc<Mutex<bool>>,
}

#[async_trait::async_trait]
impl Loader<String, str> for Counting {
    async fn load(&self, id: &PluginId, spec: &String, _: &Origin) -> Result<Arc<str>, String> {
        tokio::task::yield_now().await;
        self.loads.fetch_add(1, Ordering::Relaxed);
        if id.as_str() == "bad" && *self.broken.lock().unwrap() {
            return Err("No module named 'x'".to_owned());
        }
        Ok(spec.as_str().into())
    }
}

fn catalog(loader: &Counting) -> Catalog<String, str> {
    let mut unreadable = theirs("unreadable", Some("x"));
    unreadable.spec = Err(Problem::new(Code::InvalidManifest, "the manifest has no command"));
    let claims = vec![
        theirs("good", Some("x")),
        theirs("bad", Some("x")),
        unreadable,
        theirs("two", None),
        theirs("two", None),
    ];
    Catalog::new(survey(Engine, claims, &rules(&[], &[])), loader.clone())
}

fn id(text: &str) -> PluginId {
    PluginId::parse(text).unwrap()
}

#[tokio::test]
async fn specs_are_known_without_loading_and_loading_happens_once() {
    let loader = Counting::default();
    let catalog = catalog(&loader);
    assert_eq!(catalog.specs().collect::<Vec<_>>(), ["bad", "good"]);
    assert_eq!(loader.loads.load(Ordering::Relaxed), 0);
    let good = id("good");
    let (first, second) = tokio::join!(catalog.load(&good), catalog.load(&good));
    assert!(Arc::ptr_eq(&first.unwrap(), &second.unwrap()));
    catalog.load(&good).await.unwrap();
    assert_eq!(loader.loads.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_failure_is_shared_kept_tried_again_and_forgotten_on_success() {
    let loader = Counting::default();
    *loader.broken.lock().unwrap() = true;
    let catalog = catalog(&loader);
    let before = catalog.errors();
    let bad = id("bad");
    let (first, second) = tokio::join!(catalog.load(&bad), catalog.load(&bad));
    assert_eq!(first, second);
    assert_eq!(loader.loads.load(Ordering::Relaxed), 1);
    assert_eq!(catalog.errors().len(), before.len() + 1);
    assert_eq!(catalog.errors().last().unwrap().message, "No module named 'x'");
    *loader.broken.lock().unwrap() = false;
    assert_eq!(&*catalog.load(&bad).await.unwrap(), "bad");
    assert_eq!(catalog.errors(), before);
}

#[tokio::test]
async fn what_cannot_be_had_is_told_by_what_is_known() {
    let loader = Counting::default();
    *loader.broken.lock().unwrap() = true;
    let catalog = catalog(&loader);
    let mut told = Vec::new();
    for text in ["bad", "unreadable", "two", "nobody", "cancel"] {
        told.push(catalog.load(&id(text)).await.unwrap_err().to_string());
    }
    let none = Catalog::<String, str>::new(survey(Engine, Vec::new(), &rules(&[], &[])), loader);
    told.push(none.load(&id("nobody")).await.unwrap_err().to_string());
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn names_that_were_claimed_and_mean_nothing_are_told_with_the_reason() {
    let unreadable =
        Claim { spec: Err(Problem::new(Code::InvalidManifest, "no TOML")), ..theirs("a", Some("one")) };
    let claims = vec![
        unreadable,
        ours("codex", false),
        theirs("codex", Some("two")),
        theirs("b", Some("two")),
        theirs("b", Some("three")),
        theirs("cancel", Some("two")),
        theirs("No id", Some("two")),
        theirs("good", Some("two")),
    ];
    let catalog = Catalog::<String, str>::new(survey(Engine, claims, &rules(&[], &[])), Counting::default());
    let broken: Vec<String> = catalog.broken().into_values().map(|why| why.to_string()).collect();
    assert_eq!(
        broken,
        [
            "Failed to load engine 'a': no TOML",
            "Failed to load engine 'b': duplicate plugin id 'b' from three, two",
        ]
    );
}

fn listing(enabled: &[&str]) -> Listing {
    let rules = rules(&[], &[]);
    let names: Vec<_> = enabled.iter().filter_map(|name| Distribution::parse(name)).collect();
    let mut listing = Listing::new(&names);
    let engines = vec![
        ours("codex", false),
        ours("shell", true),
        theirs("acme", Some("Acme_Engine")),
        theirs("Bad", Some("x")),
    ];
    listing.add(&survey(Engine, engines, &rules));
    listing.add(&survey(Transport, vec![ours("local", true), theirs("a", None)], &rules));
    listing.add(&survey::<String>(Command, Vec::new(), &rules));
    let load_error = PluginError {
        kind: Some(Engine),
        id: "acme".to_owned(),
        distribution: Some("Acme_Engine".to_owned()),
        code: Code::StartFailed,
        message: "line\u{1b}[31m one\nline two".to_owned(),
    };
    listing.add_errors(&[load_error.clone(), load_error]);
    listing.notes.push(PluginError {
        kind: Some(Engine),
        id: "codex".to_owned(),
        distribution: Some("takopi".to_owned()),
        code: Code::MissingExecutable,
        message: "codex is not on PATH".to_owned(),
    });
    listing
}

#[test]
fn a_name_that_turns_the_direction_of_writing_is_escaped() {
    let mut shown = Listing::default();
    let hostile = "a\u{202e}b\u{2066}c\u{200f}d\u{61c}e";
    shown.add(&survey(Engine, vec![theirs("acme", Some(hostile)), theirs(hostile, None)], &rules(&[], &[])));
    let text = render_plugins(&shown);
    assert!(text.is_ascii(), "{text}");
    assert_eq!(text.matches(r"a\u{202e}b\u{2066}c\u{200f}d\u{61c}e").count(), 3, "{text}");
}

#[test]
fn the_listing_keeps_the_layout_people_parse() {
    let plain = render_plugins(&listing(&[]));
    let filtered = render_plugins(&listing(&["acme-engine"]));
    let empty = render_plugins(&Listing::default());
    insta::assert_snapshot!(format!("{plain}---\n{filtered}---\n{empty}"));
    insta::assert_json_snapshot!("listing_as_json", listing(&["acme-engine"]));
}
