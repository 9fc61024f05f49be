//! Texts as Telegram takes them: measured in UTF-16 units, trimmed, with entities that fit.
//!
//! It is stricter than Telegram in two things that are always a mistake of the sender: entities that cross each other
//! (Telegram cuts them apart) and links that lead nowhere (Telegram drops them).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::params::{Refusal, bad};

/// UTF-16 units of a message at most: Telegram Bot API, `sendMessage`.
pub(super) const MAX_TEXT: usize = 4096;

/// UTF-16 units of a caption at most: Telegram Bot API, `sendDocument`.
pub(super) const MAX_CAPTION: usize = 1024;

/// Entities of a message that are kept; further ones are forgotten: Telegram Bot API FAQ of limits.
const MAX_ENTITIES: usize = 100;

/// What an entity can be: Telegram Bot API, `MessageEntity`.
const KINDS: [&str; 19] = [
    "mention",
    "hashtag",
    "cashtag",
    "bot_command",
    "url",
    "email",
    "phone_number",
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "blockquote",
    "expandable_blockquote",
    "code",
    "pre",
    "text_link",
    "text_mention",
    "custom_emoji",
];

/// A stretch of a text that is set off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// What it is, for example `bold`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it begins, in UTF-16 units.
    pub offset: usize,
    /// How long it is, in UTF-16 units.
    pub length: usize,
    /// Where a `text_link` leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The language of a `pre`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whom a `text_mention` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Value>,
    /// Which one a `custom_emoji` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_emoji_id: Option<String>,
}

impl Entity {
    /// Returns an entity that needs nothing beside its place.
    #[must_use]
    pub fn plain(kind: &str, offset: usize, length: usize) -> Self {
        let (url, language, user, custom_emoji_id) = (None, None, None, None);
        Self { kind: kind.to_owned(), offset, length, url, language, user, custom_emoji_id }
    }

    const fn end(&self) -> usize {
        self.offset.saturating_add(self.length)
    }
}

/// Returns how long Telegram says a text is.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text with its entities, as it is kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rich {
    pub(super) text: String,
    pub(super) entities: Vec<Entity>,
}

/// Checks a text and trims it; the length is not looked at.
pub(super) fn read(text: &str, entities: Option<Value>) -> Result<Rich, Refusal> {
    let mut list = match entities {
        Some(Value::Array(list)) => list,
        Some(_) => return Err(bad("can't parse entities: expected an Array")),
        None => Vec::new(),
    };
    list.truncate(MAX_ENTITIES);
    let entities = list
        .into_iter()
        .map(|entity| serde_json::from_value(entity).map_err(|error| unreadable(&error.to_string())))
        .collect::<Result<Vec<Entity>, _>>()?;
    let borders = borders(text);
    for entity in &entities {
        check(entity, &borders)?;
    }
    for (place, one) in entities.iter().enumerate() {
        let crossed = |other: &&Entity| {
            let (first, second) = if one.offset <= other.offset { (one, *other) } else { (*other, one) };
            first.offset < second.offset && second.offset < first.end() && first.end() < second.end()
        };
        if let Some(other) = entities[place + 1..].iter().find(crossed) {
            let (one, other) = (&one.kind, &other.kind);
            return Err(unreadable(&format!("a {one} and a {other} cross each other")));
        }
    }
    Ok(trim(text, entities))
}

fn unreadable(reason: &str) -> Refusal {
    bad(&format!("can't parse entities: {reason}"))
}

/// Returns the places between characters, in UTF-16 units.
fn borders(text: &str) -> Vec<usize> {
    let mut at = 0;
    let mut places = vec![0];
    for character in text.chars() {
        at += character.len_utf16();
        places.push(at);
    }
    places
}

fn check(entity: &Entity, borders: &[usize]) -> Result<(), Refusal> {
    let Entity { kind, offset, length, url, .. } = entity;
    if !KINDS.contains(&kind.as_str()) {
        return Err(unreadable(&format!("unsupported type \"{kind}\"")));
    }
    let on_border = |place| borders.binary_search(&place).is_ok();
    if *length == 0 || !on_border(*offset) || !on_border(entity.end()) {
        return Err(bad(&format!("ENTITY_BOUNDS_INVALID (a {kind} at {offset} of length {length})")));
    }
    let leads = |url: &str| {
        ["http://", "https://", "tg://", "ton://", "mailto:"].iter().any(|scheme| url.starts_with(scheme))
            && !url.contains(char::is_whitespace)
    };
    if kind == "text_link" && !url.as_deref().is_some_and(leads) {
        return Err(unreadable(&format!("invalid URL {url:?}")));
    }
    Ok(())
}

/// Takes blanks and line breaks off both ends, and moves the entities along.
fn trim(text: &str, entities: Vec<Entity>) -> Rich {
    let kept = text.trim();
    let cut = units(&text[..text.len() - text.trim_start().len()]);
    let length = units(kept);
    let entities = entities
        .into_iter()
        .filter_map(|entity| {
            let start = entity.offset.saturating_sub(cut);
            let end = entity.end().saturating_sub(cut).min(length);
            (start < end).then(|| Entity { offset: start, length: end - start, ..entity })
        })
        .collect();
    Rich { text: kept.to_owned(), entities }
}

/// Returns the entities that Telegram finds by itself in what people write: commands and mentions.
pub(super) fn found(text: &str) -> Vec<Entity> {
    let mut at = 0;
    let mut entities = Vec::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let kind = match word.chars().next() {
            Some('/') => Some("bot_command"),
            Some('@') => Some("mention"),
            _ => None,
        };
        let length = units(word.trim_end_matches(|last: char| !last.is_alphanumeric() && last != '_'));
        if let Some(kind) = kind.filter(|_| length > 1) {
            entities.push(Entity::plain(kind, at, length));
        }
        at += units(word);
    }
    entities
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(text: &str, entities: Value) -> String {
        read(text, Some(entities)).unwrap_err().description
    }

    #[test]
    fn blanks_go_and_entities_move_along() {
        let bold = json!([{"type": "bold", "offset": 0, "length": 5}]);
        let rich = read("\n 🐙x \n", Some(bold)).unwrap();
        assert_eq!(rich.text, "🐙x");
        assert_eq!(rich.entities, [Entity::plain("bold", 0, 3)]);
    }

    #[test]
    fn entities_that_do_not_fit_are_refused() {
        let at = |kind: &str, offset: i64, length: i64| json!([{"type": kind, "offset": offset, "length": length}]);
        assert!(refused("abc", at("bold", 1, 3)).contains("ENTITY_BOUNDS_INVALID"));
        assert!(refused("abc", at("bold", 1, 0)).contains("ENTITY_BOUNDS_INVALID"));
        assert!(refused("🐙", at("bold", 1, 1)).contains("ENTITY_BOUNDS_INVALID"));
        assert!(refused("abc", at("bold", -1, 2)).starts_with("Bad Request: can't parse entities"));
        assert!(
            refused("abc", at("loud", 0, 1))
                .starts_with("Bad Request: can't parse entities: unsupported type")
        );
        assert!(refused("abc", json!({})).starts_with("Bad Request: can't parse entities"));
    }

    #[test]
    fn entities_may_nest_but_not_cross() {
        let pair = |second: usize, length: usize| json!([{"type": "bold", "offset": 0, "length": 4}, {"type": "code", "offset": second, "length": length}]);
        assert_eq!(read("abcdef", Some(pair(1, 3))).unwrap().entities.len(), 2);
        assert!(refused("abcdef", pair(2, 4)).ends_with("a bold and a code cross each other"));
    }

    #[test]
    fn only_a_hundred_entities_are_kept() {
        let many: Vec<_> = (0..130).map(|at| json!({"type": "bold", "offset": at, "length": 1})).collect();
        assert_eq!(read(&"x".repeat(130), Some(json!(many))).unwrap().entities.len(), 100);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_refused() {
        let link = |url: &str| json!([{"type": "text_link", "offset": 0, "length": 1, "url": url}]);
        assert!(read("x", Some(link("https://example.org/a"))).is_ok());
        assert!(refused("x", link("src/main.rs")).contains("invalid URL"));
    }

    #[test]
    fn commands_and_mentions_of_people_are_found() {
        let found = found("🐙 /new@some_bot @me, a/b");
        assert_eq!(found, [Entity::plain("bot_command", 3, 13), Entity::plain("mention", 17, 3)]);
    }
}
