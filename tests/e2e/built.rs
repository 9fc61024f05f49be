//! The workspace's programs beside takopi that a test starts.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns a program of another package of the workspace; it is built when nobody has, as after
/// `cargo nextest run -p takopi` alone.
pub(crate) fn built(package: &str, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_takopi")).parent().unwrap();
    let program = folder.join(name);
    if !program.exists() {
        let profile = match folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--package", package, "--bin", name, "--profile", profile])
            .arg("--target-dir")
            .arg(folder.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.unwrap().success(), "{name} is built");
    }
    program
}
