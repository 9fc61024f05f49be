//! A plugin folder for one mode: its manifest, and this program beside it.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::mode::Mode;

/// This program's name in the folder.
const PROGRAM: &str = "takopi-plugin-rude";

/// Writes `DIR/rude-MODE` and returns it.
///
/// # Errors
/// When something cannot be written.
pub(crate) fn install(dir: &Path, mode: Mode, number: Option<u64>) -> io::Result<PathBuf> {
    let folder = dir.join(format!("rude-{}", mode.word()));
    std::fs::create_dir_all(&folder)?;
    // Writable by nobody else, whatever the umask says: takopi starts nothing that others could change.
    std::fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
    let manifest = folder.join("takopi-plugin.toml");
    std::fs::write(&manifest, self::manifest(mode, number))?;
    std::fs::set_permissions(&manifest, Permissions::from_mode(0o644))?;
    let (program, this) = (folder.join(PROGRAM), std::env::current_exe()?);
    if program.exists() {
        std::fs::remove_file(&program)?;
    }
    if std::fs::hard_link(&this, &program).is_err() {
        std::fs::copy(&this, &program)?;
        std::fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    }
    Ok(folder)
}

fn manifest(mode: Mode, number: Option<u64>) -> String {
    let (word, about, engine, command) = (mode.word(), mode.about(), mode.engine(), mode.command());
    let program = if mode == Mode::IgnoresCancel {
        // What is ignored stays ignored in what the shell becomes.
        format!("\"sh\", \"-c\", \"trap '' TERM; exec ./{PROGRAM} {word}\"")
    } else {
        let number = number.map(|number| format!(", \"{number}\"")).unwrap_or_default();
        format!("\"./{PROGRAM}\", \"{word}\"{number}")
    };
    // takopi bounds the memory of commands alone: agents take what they need.
    let engine_tables = if mode == Mode::Hog {
        String::new()
    } else {
        format!(
            "[engine.{engine}]\ntitle = \"Rude ({word})\"\nfeatures = [\"plain\"]\n\n\
             [engine.{engine}.resume]\nshow = \"{engine} resume {{token}}\"\n\n"
        )
    };
    format!(
        "manifest = 1\n\n\
         [distribution]\nname = \"takopi-rude-{word}\"\nversion = \"{version}\"\ndescription = \"{about}\"\n\n\
         [process]\ncommand = [{program}]\nprotocol = \"takopi/1\"\n\n\
         {engine_tables}[command.{command}]\ndescription = \"{about}\"\nusage = \"/{command} <text>\"\n",
        version = crate::script::VERSION,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_a_manifest_and_a_program_that_nobody_else_may_change() {
        let dir = tempfile::tempdir().unwrap();
        // Twice: a second time takes the place of the first.
        install(dir.path(), Mode::Crash, None).unwrap();
        let folder = install(dir.path(), Mode::Crash, None).unwrap();
        assert_eq!(folder, dir.path().join("rude-crash"));
        for file in ["", "takopi-plugin.toml", PROGRAM] {
            let mode = folder.join(file).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o022, 0, "{file:?} {mode:o}");
        }
    }

    #[test]
    fn the_manifest_names_the_mode_and_its_ids() {
        insta::assert_snapshot!(manifest(Mode::Crash, None));
        assert!(manifest(Mode::Slow, Some(50)).contains("\"slow\", \"50\"]"));
        assert!(!manifest(Mode::Hog, None).contains("[engine"));
        assert!(
            manifest(Mode::IgnoresCancel, None)
                .contains("trap '' TERM; exec ./takopi-plugin-rude ignores_cancel")
        );
    }
}
