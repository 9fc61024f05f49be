//! What a model thought aloud before it answered: some write it into the answer, between tags of its own.

use super::{Entity, EntityKind, Rendered, markdown};

/// The tags that models use.
const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// A thought of more UTF-16 units is hidden until it is tapped.
const MAX_OPEN_UNITS: usize = 320;

/// Returns the thought that an answer starts with, and the answer itself.
pub(super) fn leading(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let parts = TAGS.iter().find_map(|(open, close)| text.strip_prefix(open)?.split_once(close));
    parts.filter(|(thought, answer)| !thought.trim().is_empty() || !answer.trim().is_empty())
}

/// Returns a thought as a quote: a long one folded, and hidden where it is unfolded.
pub(super) fn rendered(thought: &str) -> Rendered {
    let mut shown = markdown::rendered(thought);
    let units = shown.units();
    if units == 0 {
        return shown;
    }
    shown.entities.retain(|entity| !entity.kind.is_quote());
    let kinds = if units > MAX_OPEN_UNITS {
        vec![EntityKind::ExpandableBlockquote, EntityKind::Spoiler]
    } else {
        vec![EntityKind::Blockquote]
    };
    let whole = |kind| Entity::new(kind, 0, units);
    shown.entities.splice(0..0, kinds.into_iter().map(whole));
    shown
}
