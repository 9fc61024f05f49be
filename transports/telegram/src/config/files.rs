//! `[transports.telegram.files]`: which files may come and go, and where to.

use takopi_core::settings::{ConfigTable, Table};

/// What a document with a caption becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PutMode {
    /// A stored file, nothing else.
    #[default]
    Upload,
    /// A prompt about the stored file.
    Prompt,
}

/// What `[transports.telegram.files]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesConfig {
    /// Whether files come and go by `/file`.
    pub enabled: bool,
    /// Whether documents are stored without being asked to.
    pub auto_put: bool,
    /// What a document with a caption becomes.
    pub auto_put_mode: PutMode,
    /// Where documents go, below the directory of a run.
    pub uploads_dir: String,
    /// Who may use it; empty is whom the admin rule allows.
    pub allowed_user_ids: Vec<i64>,
    /// What never comes or goes, as globs.
    pub deny_globs: Vec<String>,
}

/// What never comes or goes unless the file says otherwise.
const DENIED: [&str; 5] = [".git/**", ".env", ".envrc", "*.pem", ".ssh/**"];

impl ConfigTable for FilesConfig {
    fn read(table: &mut Table<'_>) -> Self {
        let uploads_dir =
            table.string("uploads_dir", "\"incoming\"").unwrap_or_else(|| "incoming".to_owned());
        if uploads_dir.starts_with(['/', '~']) || uploads_dir.split('/').any(|part| part == "..") {
            let problem = "this leads out of the project";
            table.error("uploads_dir", problem, "write a folder inside it, e.g. uploads_dir = \"incoming\"");
        }
        Self {
            enabled: table.boolean("enabled", false),
            auto_put: table.boolean("auto_put", true),
            auto_put_mode: table.choice(
                "auto_put_mode",
                &[("upload", PutMode::Upload), ("prompt", PutMode::Prompt)],
                PutMode::Upload,
            ),
            uploads_dir,
            allowed_user_ids: table.integers("allowed_user_ids", "[123456789]").unwrap_or_default(),
            deny_globs: table
                .strings("deny_globs", "[\".env\"]")
                .unwrap_or_else(|| DENIED.map(str::to_owned).to_vec()),
        }
    }
}
