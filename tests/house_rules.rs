//! The rules of the house that a machine can see: who may import whom, what core must not touch, which licences and
//! crates come in, how files look.
//!
//! A failure says what to do. Whoever changes a rule changes its table here, and ARCHITECTURE.md with it.

#![expect(clippy::unwrap_used, reason = "a premise that doesn't hold fails the test, and says where")]

#[path = "house_rules/licence.rs"]
mod licence;
#[path = "house_rules/packages.rs"]
mod packages;
#[path = "house_rules/sources.rs"]
mod sources;
#[path = "house_rules/words.rs"]
mod words;

use packages::{House, Kind};

/// Which of our packages each of them may use in the code it ships.
const EDGES: &[(&str, &[&str])] = &[
    (
        "takopi",
        &[
            "takopi-core",
            "takopi-stdio",
            "takopi-workspace",
            "takopi-engines",
            "takopi-local",
            "takopi-telegram",
            "takopi-discord",
            "takopi-commands",
            "takopi-ledger",
            "takopi-voice",
            "takopi-plugin-host",
            "takopi-plugin-protocol",
        ],
    ),
    ("takopi-core", &[]),
    ("takopi-stdio", &[]),
    ("takopi-workspace", &["takopi-core", "takopi-stdio"]),
    ("takopi-engines", &["takopi-core", "takopi-stdio"]),
    ("takopi-local", &["takopi-core"]),
    ("takopi-telegram", &["takopi-core"]),
    ("takopi-discord", &["takopi-core"]),
    ("takopi-commands", &["takopi-core"]),
    ("takopi-ledger", &["takopi-core"]),
    ("takopi-voice", &["takopi-core"]),
    ("takopi-plugin-protocol", &[]),
    ("takopi-plugin-host", &["takopi-core", "takopi-stdio", "takopi-plugin-protocol"]),
    ("takopi-plugin", &["takopi-plugin-protocol"]),
    ("takopi-plugin-rude", &["takopi-plugin-protocol"]),
    ("takopi-example-echo", &["takopi-plugin"]),
    ("takopi-example-folder", &["takopi-plugin"]),
    ("takopi-fake", &[]),
    // It measures the rooms in its own process, and the built binary against the fakes.
    (
        "xtask",
        &[
            "takopi-core",
            "takopi-stdio",
            "takopi-engines",
            "takopi-ledger",
            "takopi-plugin-host",
            "takopi-plugin-protocol",
            "takopi-fake",
        ],
    ),
];

/// What any room may stand on. Every other package of ours is somebody's sibling.
const FOUNDATIONS: &[&str] = &["takopi-core", "takopi-stdio", "takopi-plugin-protocol"];

/// Packages that are no rooms: the front door, which knows every room, xtask, which measures them together, and the
/// examples, which stand outside as an author's plugins do.
const NOT_ROOMS: &[&str] = &["takopi", "xtask", "takopi-example-echo", "takopi-example-folder"];

/// Licences whose terms the shipped binary meets.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages that come in although their licence isn't in the list, with the reason.
const LICENCE_EXCEPTIONS: &[(&str, &str)] = &[
    ("colored", "MPL-2.0, which holds for its own files only; teloxide brings it through dptree"),
    (
        "webpki-roots",
        "CDLA-Permissive-2.0: Mozilla's certificates as data; asks only that its text comes along",
    ),
];

/// Crates that nothing may bring in, with the reason.
const BANNED: &[(&str, &str)] = &[
    ("native-tls", "TLS is rustls on ring: no system library at build or run time"),
    ("openssl", "TLS is rustls on ring: no system library at build or run time"),
    ("openssl-sys", "TLS is rustls on ring: no system library at build or run time"),
    ("aws-lc-rs", "needs cmake and minutes of C; rustls is built with ring"),
    ("aws-lc-sys", "needs cmake and minutes of C; rustls is built with ring"),
];

/// Crates that core must not reach, not even through others.
const BANNED_IN_CORE: &[&str] = &["axum", "chrono", "hyper", "reqwest", "rusqlite"];

/// Crates that belong to one room.
const NAMED_ONLY_BY: &[(&str, &[&str])] = &[
    ("anyhow", &["takopi", "xtask"]),
    ("axum", &["takopi-local", "takopi-fake"]),
    ("reqwest", &["takopi-voice", "takopi-telegram", "takopi-discord"]),
    ("ring", &["takopi-telegram", "takopi-discord"]),
    ("rusqlite", &["takopi-ledger"]),
    ("serenity", &["takopi-discord"]),
    ("teloxide", &["takopi-telegram"]),
];

/// What core's shipped code never names: time, files, sockets and processes come in through ports.
const NOT_IN_CORE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "tokio::fs",
    "tokio::net",
    "tokio::process",
    "SystemTime::now",
    "Instant::now",
];

const MAX_LINES: usize = 500;

#[track_caller]
fn nothing(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}\n  {}\n", offenders.join("\n  "));
}

#[test]
fn packages_import_only_along_the_edges() {
    let house = House::read();
    let mut offenders = Vec::new();
    for package in house.ours() {
        let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == package.name) else {
            offenders.push(format!("{}: a package without a row: add it to EDGES", package.name));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind != Kind::Dev) {
            if house.is_ours(&dependency.name) && !allowed.contains(&dependency.name.as_str()) {
                offenders.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    nothing(
        "an import across the house's edges; put a port in takopi-core instead, or argue for the edge:",
        &offenders,
    );
}

#[test]
fn no_sibling_imports_a_sibling() {
    let house = House::read();
    let mut offenders = Vec::new();
    // Tests count too: they are what a copied habit starts from.
    for package in house.ours().filter(|package| !NOT_ROOMS.contains(&package.name.as_str())) {
        for dependency in &package.dependencies {
            if house.is_ours(&dependency.name) && !FOUNDATIONS.contains(&dependency.name.as_str()) {
                offenders.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    nothing("a room imports its sibling; let them meet in a port of takopi-core:", &offenders);
}

#[test]
fn fakes_are_for_tests_only() {
    let house = House::read();
    let mut offenders = Vec::new();
    for package in house.ours() {
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind != Kind::Dev) {
            if house.is_ours(&dependency.name) && dependency.features.iter().any(|name| name == "testing") {
                offenders.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    nothing("the feature `testing` outside [dev-dependencies]; move the dependency there:", &offenders);
}

#[test]
fn packages_inherit_what_the_workspace_decides() {
    let mut offenders = Vec::new();
    for package in House::read().ours() {
        let manifest = package.manifest();
        for key in ["edition", "rust-version", "license"] {
            if !packages::inherits(manifest.get("package").and_then(|table| table.get(key))) {
                offenders.push(format!("{}: write `{key}.workspace = true` under [package]", package.name));
            }
        }
        if !packages::inherits(manifest.get("lints")) {
            offenders.push(format!("{}: write `workspace = true` under [lints]", package.name));
        }
    }
    nothing("a package of ours goes its own way:", &offenders);
}

#[test]
fn licences_are_ones_we_may_ship() {
    let mut offenders = Vec::new();
    for package in House::read().packages() {
        if LICENCE_EXCEPTIONS.iter().any(|(name, _)| *name == package.name) {
            continue;
        }
        let expression = package.license.as_deref().unwrap_or_default();
        if licence::allows(expression, LICENCES) != Some(true) {
            offenders.push(format!("{} {}: `{expression}`", package.name, package.version));
        }
    }
    nothing(
        "read these licences, then extend LICENCES or name the package in LICENCE_EXCEPTIONS:",
        &offenders,
    );
}

#[test]
fn banned_crates_stay_out() {
    let house = House::read();
    let mut offenders = Vec::new();
    for package in house.packages() {
        if let Some((name, why)) = BANNED.iter().find(|(name, _)| *name == package.name) {
            offenders.push(format!("{name}: {why}; cargo tree -i {name}"));
        }
        // From 0.13 on its TLS is aws-lc.
        if package.name == "reqwest" && !package.version.starts_with("0.12.") {
            offenders.push(format!("reqwest {}: stay at 0.12, with rustls on ring", package.version));
        }
    }
    let reached = house.reached_from("takopi-core");
    for name in BANNED_IN_CORE.iter().filter(|name| reached.contains(**name)) {
        offenders.push(format!("{name} in takopi-core: cargo tree -p takopi-core -i {name}"));
    }
    nothing("a crate that must stay out; find who brings it in and turn the feature off:", &offenders);
}

#[test]
fn a_crate_of_one_room_stays_in_it() {
    let mut offenders = Vec::new();
    for package in House::read().ours() {
        for dependency in &package.dependencies {
            let row = NAMED_ONLY_BY.iter().find(|(name, _)| *name == dependency.name);
            if row.is_some_and(|(_, rooms)| !rooms.contains(&package.name.as_str())) {
                offenders.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    nothing("a crate outside its room; use the room through its port, or extend NAMED_ONLY_BY:", &offenders);
}

#[test]
fn core_reads_no_clock_and_opens_nothing() {
    let mut offenders = Vec::new();
    for file in sources::rust().iter().filter(|file| file.is_under("core/src") && !file.is_test()) {
        for name in sources::named(&file.shipped(), NOT_IN_CORE) {
            offenders.push(format!("{}: {name}", file.path));
        }
    }
    nothing("core is pure; take it as an argument or through a port:", &offenders);
}

#[test]
fn every_file_says_what_it_is_for() {
    let files = sources::rust();
    let offenders: Vec<_> =
        files.iter().filter(|file| !file.text.starts_with("//!")).map(|file| file.path.clone()).collect();
    nothing(
        "open the file with `//!`: what it is for, what it never does, where the next stop is:",
        &offenders,
    );
}

#[test]
fn no_file_is_longer_than_a_sitting() {
    let files = sources::rust();
    let long =
        files.iter().map(|file| (file.text.lines().count(), &file.path)).filter(|(n, _)| *n > MAX_LINES);
    let offenders: Vec<_> = long.map(|(lines, path)| format!("{path}: {lines} lines")).collect();
    nothing(&format!("more than {MAX_LINES} lines; split the file by idea:"), &offenders);
}

#[test]
fn modules_are_files_of_their_own_name() {
    let files = sources::rust();
    let offenders: Vec<_> =
        files.iter().filter(|file| file.name() == "mod.rs").map(|file| file.path.clone()).collect();
    nothing("name the file after its module, beside the folder:", &offenders);
}

#[test]
fn texts_name_no_registry_and_no_machine() {
    let forbidden = sources::forbidden_in_texts();
    let mut offenders = Vec::new();
    // Recordings say what was recorded, and so do the snapshots of them.
    let is_ours = |file: &&sources::File| {
        file.name() != "Cargo.lock"
            && !file.is_under("engines/fixtures")
            && !file.is_under("engines/src/agent/snapshots")
    };
    for file in sources::texts().iter().filter(is_ours) {
        for (line, number) in file.text.lines().zip(1..) {
            if let Some(found) = forbidden.iter().find(|words| words.occurs_in(line)) {
                offenders.push(format!("{}:{number}: {}", file.path, found.text));
            }
        }
    }
    nothing("whose machine or registry it is, is that machine's business; leave it out:", &offenders);
}

#[test]
fn words_of_the_program_are_reserved() {
    use takopi_core::id::{PluginKind, RESERVED_CHAT, RESERVED_CLI, alias_is_reserved};

    for word in RESERVED_CLI.iter().chain(&RESERVED_CHAT) {
        assert!(PluginKind::Engine.reserves(word) && PluginKind::Command.reserves(word), "{word}");
    }
    assert!(RESERVED_CHAT.iter().all(|word| alias_is_reserved(word)));
    let example = include_str!("../takopi.toml.example");
    let free: Vec<String> = (words::subcommands(env!("CARGO_BIN_EXE_takopi")).into_iter())
        .chain(words::top_level_keys(example))
        // An engine's id has no hyphen.
        .filter(|word| !word.contains('-') && !PluginKind::Engine.reserves(word))
        .collect();
    nothing("an engine of that name could not be started or configured; add it to RESERVED_ENGINE:", &free);
}
