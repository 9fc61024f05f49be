//! `[transports.telegram.topics]`: which chats have forum topics that keep a context and sessions of their own.

use takopi_core::settings::{ConfigTable, Table};

/// Which chats' topics count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TopicScope {
    /// Those of projects if there are any, else the main chat's.
    #[default]
    Auto,
    /// The main chat's.
    Main,
    /// Those of projects.
    Projects,
    /// All.
    All,
}

/// What `[transports.telegram.topics]` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopicsConfig {
    /// Whether topics keep anything.
    pub enabled: bool,
    /// Where.
    pub scope: TopicScope,
}

impl ConfigTable for TopicsConfig {
    fn read(table: &mut Table<'_>) -> Self {
        let words = [
            ("auto", TopicScope::Auto),
            ("main", TopicScope::Main),
            ("projects", TopicScope::Projects),
            ("all", TopicScope::All),
        ];
        let enabled = table.boolean("enabled", false);
        let scope = table.choice("scope", &words, TopicScope::Auto);
        if !table.has("mode") {
            return Self { enabled, scope };
        }
        // The name that `scope` had at first.
        let older = [("multi_project_chat", TopicScope::Main), ("per_project_chat", TopicScope::Projects)];
        let older = table.choice("mode", &older, scope);
        table.warn("mode", "this is the old name of scope", "write scope instead");
        Self { enabled, scope: if table.has("scope") { scope } else { older } }
    }
}
