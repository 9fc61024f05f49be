//! Entities as Telegram takes them: sorted, each inside of another or apart from it, none over code but a
//! quote, none with white space at its edges.

use std::cmp::Reverse;

use super::{Entity, EntityKind, MAX_ENTITIES, Rendered, mention};

/// Puts the entities of a text in order, and drops those that show nothing.
pub(super) fn put_in_order(rendered: &mut Rendered) {
    let units: Vec<u16> = rendered.text.encode_utf16().collect();
    let mut entities = std::mem::take(&mut rendered.entities);
    sort(&mut entities);
    let links: Vec<_> = spans(&entities, EntityKind::is_link);
    // A link's label opens it; code in the label would be tapped to be copied.
    entities.retain(|entity| entity.kind != EntityKind::Code || covering(&links, entity.offset).is_none());
    let code: Vec<_> = spans(&entities, EntityKind::is_code);
    for entity in without_doubles(entities) {
        if entity.kind.is_code() || entity.kind.is_quote() || entity.kind.is_link() {
            rendered.entities.extend(trimmed(entity, &units, &code));
        } else {
            rendered.entities.extend(around(&entity, &code).filter_map(|part| trimmed(part, &units, &code)));
        }
    }
    sort(&mut rendered.entities);
}

/// Drops what Telegram would, but the least telling first. What was code until then still pings nobody.
pub(super) fn keep_most_telling(rendered: &mut Rendered) {
    let entities = &mut rendered.entities;
    if entities.len() > MAX_ENTITIES {
        entities.sort_by_key(|entity| rank(&entity.kind));
        entities.truncate(MAX_ENTITIES);
        sort(entities);
        mention::disarm_open(rendered);
    }
}

fn rank(kind: &EntityKind) -> u8 {
    match kind {
        EntityKind::Pre { .. } | EntityKind::Blockquote | EntityKind::ExpandableBlockquote => 0,
        EntityKind::TextLink { .. } | EntityKind::Spoiler | EntityKind::Strikethrough => 1,
        EntityKind::Code => 2,
        EntityKind::Bold | EntityKind::Italic | EntityKind::Underline => 3,
    }
}

fn sort(entities: &mut [Entity]) {
    entities.sort_by_key(|entity| (entity.offset, Reverse(entity.length), depth(&entity.kind)));
}

/// Returns what goes outside of what where both cover the same.
fn depth(kind: &EntityKind) -> u8 {
    match kind {
        EntityKind::Blockquote | EntityKind::ExpandableBlockquote => 0,
        EntityKind::Code | EntityKind::Pre { .. } => 2,
        _ => 1,
    }
}

fn spans(entities: &[Entity], is: impl Fn(&EntityKind) -> bool) -> Vec<(usize, usize)> {
    let those = entities.iter().filter(|entity| is(&entity.kind) && entity.length > 0);
    those.map(|entity| (entity.offset, entity.end())).collect()
}

/// Returns the one of `spans`, which are sorted and apart, that holds `place`.
fn covering(spans: &[(usize, usize)], place: usize) -> Option<(usize, usize)> {
    let after = spans.partition_point(|(start, _)| *start <= place);
    spans.get(after.checked_sub(1)?).copied().filter(|(_, end)| *end > place)
}

/// Returns the sorted entities without those inside of one that says the same.
fn without_doubles(entities: Vec<Entity>) -> Vec<Entity> {
    let mut ends: Vec<(std::mem::Discriminant<EntityKind>, usize)> = Vec::new();
    let mut kept = Vec::with_capacity(entities.len());
    for entity in entities {
        let kind = std::mem::discriminant(&entity.kind);
        let end = match ends.iter().position(|(known, _)| *known == kind) {
            Some(at) => ends.get_mut(at),
            None => {
                ends.push((kind, 0));
                ends.last_mut()
            }
        };
        if let Some((_, end)) = end.filter(|(_, end)| entity.end() > *end) {
            *end = entity.end();
            kept.push(entity);
        }
    }
    kept
}

/// Returns what `code` leaves of a style.
fn around<'a>(style: &'a Entity, code: &'a [(usize, usize)]) -> impl Iterator<Item = Entity> + 'a {
    let first = code.partition_point(|(_, end)| *end <= style.offset);
    let inside = code.iter().skip(first).take_while(|(start, _)| *start < style.end()).copied();
    let mut from = style.offset;
    let ends = inside.chain([(style.end(), style.end())]);
    ends.map(move |(start, end)| {
        let part = Entity::new(style.kind.clone(), from, start.max(from));
        from = end;
        part
    })
}

/// Returns an entity without white space at its edges; at the start of code it stays, and that of a quote
/// which starts with code.
fn trimmed(entity: Entity, units: &[u16], code: &[(usize, usize)]) -> Option<Entity> {
    let (mut start, mut end) = (entity.offset, entity.end());
    let is_space = |at: usize| units.get(at).is_some_and(|unit| is_white(*unit));
    let leads = |at: usize| code.binary_search_by_key(&at, |(start, _)| *start).is_ok();
    while end > start && (end > units.len() || is_space(end - 1)) {
        end -= 1;
    }
    while start < end && is_space(start) && !leads(start) {
        start += 1;
    }
    (start < end).then(|| Entity::new(entity.kind, start, end))
}

fn is_white(unit: u16) -> bool {
    char::from_u32(u32::from(unit)).is_some_and(char::is_whitespace)
}
