//! What could be meant by something half typed: names of engines, projects and the like, from memory, for services
//! that offer choices while people type.

use crate::id::EngineId;
use crate::message::Address;
use crate::port::command::OptionKind;

use super::Inbox;

/// Most choices that are offered: no service shows more than 25 (Discord, "Application Command Option Choice").
const MOST: usize = 25;

/// Something half typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Where it is typed.
    pub at: Address,
    /// What is to come of it.
    pub kind: OptionKind,
    /// What is typed so far.
    pub typed: String,
    /// The engine that was chosen beside it.
    pub engine: Option<EngineId>,
    /// The project that was chosen beside it, by alias.
    pub project: Option<String>,
}

impl Inbox {
    /// Returns what could be meant, best first, 25 at most: what begins with what is typed, then what has it
    /// inside. Nothing where nothing is known.
    pub async fn complete(&self, half: &Completion) -> Vec<String> {
        let known = self.known();
        let names: Vec<String> = match half.kind {
            OptionKind::Engine => known.engines.iter().map(ToString::to_string).collect(),
            OptionKind::Project => known.projects.iter().map(|project| project.alias.clone()).collect(),
            OptionKind::Text | OptionKind::Branch | OptionKind::Model | OptionKind::Level => Vec::new(),
        };
        matching(names, &half.typed)
    }
}

/// Returns the names that `typed` could become, in any case, best first.
fn matching(names: Vec<String>, typed: &str) -> Vec<String> {
    let typed = typed.trim().to_lowercase();
    let (first, rest): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| name.to_lowercase().starts_with(&typed));
    let inside = rest.into_iter().filter(|name| name.to_lowercase().contains(&typed));
    first.into_iter().chain(inside).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_what_is_typed_comes_first() {
        let names = ["codex", "Claude", "opencode", "pi"].map(str::to_owned).to_vec();
        assert_eq!(matching(names.clone(), "c"), ["codex", "Claude", "opencode"]);
        assert_eq!(matching(names.clone(), " CODE"), ["codex", "opencode"]);
        assert_eq!(matching(names.clone(), ""), names);
        assert_eq!(matching(vec!["a".to_owned(); 30], "a").len(), MOST);
    }
}
