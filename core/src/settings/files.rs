//! `[transports.<instance>.files]`: which files may come and go, and where to.

use super::table::{ConfigTable, Table};
use crate::files::{DENY_GLOBS, DenyGlobs, FilePath};
use crate::port::transport::{AutoPut, FilePolicy};
use crate::port::workspace::FileRules;

/// Where files go when nothing else is configured.
const UPLOADS_DIR: &str = "incoming";

/// What `[transports.<instance>.files]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesConfig {
    /// Whether files come and go at all.
    pub enabled: bool,
    /// What becomes of a document nobody said `/file put` about.
    pub auto_put: AutoPut,
    /// Where documents go, below the directory of a run.
    pub uploads_dir: Option<FilePath>,
    /// Who may use it; empty is whom the admin rule allows.
    pub allowed_user_ids: Vec<String>,
    /// What never comes or goes; `None` where that cannot be read.
    pub deny: Option<DenyGlobs>,
}

impl FilesConfig {
    /// Returns what people may do with files; `None` when they are switched off or the table is wrong.
    #[must_use]
    pub fn policy(&self) -> Option<FilePolicy> {
        if !self.enabled {
            return None;
        }
        Some(FilePolicy {
            auto_put: self.auto_put,
            uploads: self.uploads_dir.clone()?,
            people: self.allowed_user_ids.clone(),
            rules: FileRules::new(self.deny.clone()?),
        })
    }
}

impl ConfigTable for FilesConfig {
    fn read(table: &mut Table<'_>) -> Self {
        let automatic = table.boolean("auto_put", true);
        let modes = [("upload", AutoPut::Store), ("prompt", AutoPut::Prompt)];
        let mode = table.choice("auto_put_mode", &modes, AutoPut::Store);
        Self {
            enabled: table.boolean("enabled", false),
            auto_put: if automatic { mode } else { AutoPut::Off },
            uploads_dir: read_uploads_dir(table),
            allowed_user_ids: table.people("allowed_user_ids", "[123456789]").unwrap_or_default(),
            deny: read_deny(table),
        }
    }
}

fn read_uploads_dir(table: &mut Table<'_>) -> Option<FilePath> {
    let written = table.string("uploads_dir", "\"incoming\"").unwrap_or_else(|| UPLOADS_DIR.to_owned());
    let folder = FilePath::parse(&format!("{}/", written.trim_end_matches('/')));
    if folder.is_none() {
        let problem = "this leads out of the project, or into .git";
        table.error("uploads_dir", problem, "write a folder inside it, e.g. uploads_dir = \"incoming\"");
    }
    folder
}

fn read_deny(table: &mut Table<'_>) -> Option<DenyGlobs> {
    let written =
        table.strings("deny_globs", "[\".env\"]").unwrap_or_else(|| DENY_GLOBS.map(str::to_owned).to_vec());
    match DenyGlobs::parse(&written) {
        Ok(globs) => Some(globs),
        Err(bad) => {
            table.error("deny_globs", bad.to_string(), "write it as in deny_globs = [\".env\", \"keys/**\"]");
            None
        }
    }
}
