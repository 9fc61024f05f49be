//! Stretches of a text that look different, as the Bot API takes them.

use teloxide::types::{MessageEntity, MessageEntityKind};

use crate::render::{Entity, EntityKind};

/// Returns entities for a call. A link that is no URL stays a label.
pub(crate) fn to_wire(entities: &[Entity]) -> Vec<MessageEntity> {
    let wire = |entity: &Entity| {
        let kind = kind(&entity.kind)?;
        Some(MessageEntity { kind, offset: entity.offset, length: entity.length })
    };
    entities.iter().filter_map(wire).collect()
}

fn kind(kind: &EntityKind) -> Option<MessageEntityKind> {
    Some(match kind {
        EntityKind::Bold => MessageEntityKind::Bold,
        EntityKind::Italic => MessageEntityKind::Italic,
        EntityKind::Underline => MessageEntityKind::Underline,
        EntityKind::Strikethrough => MessageEntityKind::Strikethrough,
        EntityKind::Spoiler => MessageEntityKind::Spoiler,
        EntityKind::Blockquote => MessageEntityKind::Blockquote,
        EntityKind::ExpandableBlockquote => MessageEntityKind::ExpandableBlockquote,
        EntityKind::Code => MessageEntityKind::Code,
        EntityKind::Pre { language } => MessageEntityKind::Pre { language: language.clone() },
        EntityKind::TextLink { url } => MessageEntityKind::TextLink { url: reqwest::Url::parse(url).ok()? },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use takopi_core::message::Body;

    #[test]
    fn entities_read_as_the_bot_api_documents_them() {
        let rendered = crate::render::render(&Body::markdown("**b** [l](https://x.y/) `c`"));
        let entities = serde_json::to_value(to_wire(&rendered.entities)).unwrap();
        let expected = json!([
            {"type": "bold", "offset": 0, "length": 1},
            {"type": "text_link", "url": "https://x.y/", "offset": 2, "length": 1},
            {"type": "code", "offset": 4, "length": 1},
        ]);
        assert_eq!((rendered.text.as_str(), entities), ("b l c", expected));
    }
}
