//! Keeps an answer from pinging people: Telegram takes every `@name` in a text for the mention of somebody.
//!
//! One that is code is none, so it is made code: the text stays what it is, `@types/node` can be copied, and
//! a branch reads as one. Where there are no entities the sign is replaced by its full-width twin.

use super::{Entity, EntityKind, Rendered};

/// How many get an entity of their own; the others must not take those of everything else.
const MAX_MARKED: usize = 30;

/// Fewer characters are nobody's name: Telegram knows a few of three.
const MIN_NAME_CHARS: usize = 2;

/// Looks like `@` and names nobody; as long in UTF-16 units.
const TWIN: char = '\u{ff20}';

/// A mention: its first byte, its first unit, and how many characters it has. All of them are ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mention {
    byte: usize,
    unit: usize,
    length: usize,
}

/// Makes the mentions code that are not part of code or of a link.
pub(super) fn mark(rendered: &mut Rendered) {
    let mut open = open(rendered);
    let rest = open.split_off(open.len().min(MAX_MARKED));
    rendered.text = disarm(&rendered.text, &rest);
    let code = |mention: Mention| Entity::new(EntityKind::Code, mention.unit, mention.unit + mention.length);
    rendered.entities.extend(open.into_iter().map(code));
}

/// Takes away the mentions that are not part of code or of a link.
pub(super) fn disarm_open(rendered: &mut Rendered) {
    rendered.text = disarm(&rendered.text, &open(rendered));
}

/// Returns the mentions that no code and no link covers.
fn open(rendered: &Rendered) -> Vec<Mention> {
    let covers = |entity: &&Entity| entity.kind.is_code() || entity.kind.is_link();
    let span = |entity: &Entity| (entity.offset, entity.end());
    let mut covered: Vec<_> = rendered.entities.iter().filter(covers).map(span).collect();
    covered.sort_unstable();
    let is_open = |mention: &Mention| {
        let next = covered.partition_point(|(start, _)| *start < mention.unit + mention.length);
        let before = next.checked_sub(1).and_then(|index| covered.get(index));
        before.is_none_or(|(_, end)| *end <= mention.unit)
    };
    let mut open = mentions(&rendered.text);
    open.retain(is_open);
    open
}

/// Returns `text` with no mention left in it.
pub(super) fn disarm_all(text: &str) -> String {
    disarm(text, &mentions(text))
}

fn disarm(text: &str, mentions: &[Mention]) -> String {
    let mut out = String::with_capacity(text.len() + 2 * mentions.len());
    let mut from = 0;
    for mention in mentions {
        out.push_str(text.get(from..mention.byte).unwrap_or_default());
        out.push(TWIN);
        from = mention.byte + 1;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Returns the mentions in a text, in order. An address of a mail, `/command@bot` and a part of a URL is none.
fn mentions(text: &str) -> Vec<Mention> {
    let mut found = Vec::new();
    let (mut unit, mut before, mut in_url) = (0, ' ', false);
    // Where the one found last ends: what follows in it is part of it.
    let mut end = 0;
    for (byte, character) in text.char_indices() {
        if character.is_whitespace() {
            in_url = false;
        } else if character == '/' && before == '/' {
            in_url = in_url || text.get(..byte).is_some_and(|head| head.ends_with(":/"));
        } else if character == '@' && !in_url && byte >= end && !is_word(before) {
            let length = length(text.get(byte + 1..).unwrap_or_default());
            if length > MIN_NAME_CHARS {
                found.push(Mention { byte, unit, length });
                end = byte + length;
            }
        }
        unit += character.len_utf16();
        before = character;
    }
    found
}

/// Returns how many characters a mention has whose name starts with `rest`, the sign included; one if it is
/// none. What follows of a package's name or a branch's counts.
fn length(rest: &str) -> usize {
    let name = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    if name < MIN_NAME_CHARS {
        return 1;
    }
    let more = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | '/' | '.');
    let all = rest.split_at(rest.find(more).unwrap_or(rest.len())).0;
    1 + all.trim_end_matches(['-', '/', '.']).len().max(name)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let part = |mention: Mention| &text[mention.byte..mention.byte + mention.length];
        mentions(text).into_iter().map(part).collect()
    }

    #[test]
    fn what_telegram_would_ping_is_found_and_nothing_else() {
        assert_eq!(found("hi @anna, ask @bob_2."), ["@anna", "@bob_2"]);
        assert_eq!(
            found("(@types/node) Alpha @feat/x-1. 🎉@me_too"),
            ["@types/node", "@feat/x-1", "@me_too"]
        );
        assert_eq!(
            found("me@example.com /help@my_bot https://x.example/@anna @ @a é@anna"),
            Vec::<&str>::new()
        );
        assert_eq!(found("@@anna @anna/@bob"), ["@anna", "@anna/", "@bob"].map(|m| m.trim_end_matches('/')));
    }

    #[test]
    fn a_disarmed_text_is_as_long_and_pings_nobody() {
        let text = "🎉 @anna a@b @types/node";
        let quiet = disarm_all(text);
        assert_eq!(quiet, "🎉 ＠anna a@b ＠types/node");
        assert_eq!(quiet.encode_utf16().count(), text.encode_utf16().count());
    }
}
