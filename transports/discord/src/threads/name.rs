//! What a thread is called: words of whoever started it, without markup, mentions and line breaks. Pure.

use takopi_core::render::shorten;

/// Longest name (Discord docs, "Start Thread from Message"): 1-100 characters. Whoever counts UTF-16 units is content
/// too.
const MAX_NAME: usize = 100;

/// Returns the name that a text gives a thread; `None` where no letter is left of it.
pub(super) fn thread_name(text: &str) -> Option<String> {
    let plain = without_markup(text);
    let words: Vec<&str> = plain.split_whitespace().collect();
    let line: String =
        words.join(" ").chars().filter(|char| !char.is_control() && !is_invisible(*char)).collect();
    let line = line.trim();
    if line.is_ascii() && !line.chars().any(char::is_alphanumeric) {
        return None;
    }
    let lengths = (1..=MAX_NAME).rev();
    lengths.map(|max| shorten(line, max)).find(|name| name.encode_utf16().count() <= MAX_NAME)
}

/// Marks that say how text runs, or nothing.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn without_markup(text: &str) -> String {
    text.lines().map(|line| inline(without_prefix(line))).collect::<Vec<_>>().join(" ")
}

/// Returns a line without what makes it a heading, a quotation, a list or a fence.
fn without_prefix(line: &str) -> &str {
    let line = line.trim_start();
    let fence = line.strip_prefix("```").filter(|rest| !rest.contains('`'));
    if fence.is_some() {
        return "";
    }
    let heading = line.trim_start_matches('#');
    if heading.len() < line.len() && heading.starts_with(' ') {
        return heading;
    }
    let marks = ["-# ", "> ", ">>> ", "- ", "* "];
    marks.iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line)
}

/// Returns a line without emphasis, code marks, mentions and links.
fn inline(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(char) = rest.chars().next() {
        let (shown, after) = tagged(rest)
            .or_else(|| link(rest))
            .or_else(|| ["**", "__", "~~", "||"].iter().find_map(|mark| Some(("", rest.strip_prefix(mark)?))))
            .or_else(|| rest.strip_prefix(['`', '*']).map(|after| ("", after)))
            .unwrap_or_else(|| rest.split_at(char.len_utf8()));
        plain.push_str(shown);
        rest = after;
    }
    plain
}

/// Cuts a mention, a time or an emoji off: `<@1>`, `<#1>`, `<t:1:R>`, `<:name:1>`. Only an emoji leaves something.
fn tagged(text: &str) -> Option<(&str, &str)> {
    let (tag, after) = text.strip_prefix('<')?.split_once('>')?;
    let is_id = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    let named = tag.strip_prefix("a:").or_else(|| tag.strip_prefix(':'));
    if let Some((name, id)) = named.and_then(|named| named.split_once(':')) {
        return is_id(id).then_some((name, after));
    }
    let mention = ["@!", "@&", "@", "#"].iter().find_map(|mark| tag.strip_prefix(mark));
    let is_mention = mention.is_some_and(is_id);
    let is_time = tag.strip_prefix("t:").is_some_and(|time| time.starts_with(|c: char| c.is_ascii_digit()));
    (is_mention || is_time).then_some(("", after))
}

/// Cuts a link or picture off, which leaves its text.
fn link(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix("![").or_else(|| text.strip_prefix('['))?;
    let (shown, rest) = inner.split_once("](")?;
    let (_, after) = rest.split_once(')')?;
    (!shown.contains(['[', ']'])).then_some((shown, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> String {
        thread_name(text).unwrap_or_default()
    }

    #[test]
    fn a_name_is_the_words_of_whoever_starts_it() {
        assert_eq!(name("fix the login page"), "fix the login page");
        assert_eq!(name("  two\n\nlines\t here "), "two lines here");
        assert_eq!(name("<@123> <@!4> <@&5> look at <#6> at <t:99:R>"), "look at at");
        assert_eq!(name("## **bold** _and_ __more__ ~~gone~~ ||spoiler||"), "bold _and_ more gone spoiler");
        assert_eq!(name("see [the docs](https://x.y/z) and `snake_case`"), "see the docs and snake_case");
        assert_eq!(name("```rust\nfn main() {}\n```"), "fn main() {}");
        assert_eq!(name("> quoted\n- item\n-# small"), "quoted item small");
        assert_eq!(name("party <a:blob:12> <:ok:3>"), "party blob ok");
        assert_eq!(name("a < b and c > d, <not@1>"), "a < b and c > d, <not@1>");
        assert_eq!(name("🎉"), "🎉");
    }

    #[test]
    fn a_text_without_letters_gives_no_name() {
        for text in ["", "  \n", "<@123>", "***", "\u{200b}\u{202e}", "```\n```", "!?"] {
            assert_eq!(thread_name(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_word_and_counted_in_either_way() {
        let long = name(&"word ".repeat(50));
        assert!(long.chars().count() <= MAX_NAME && long.ends_with("word…"), "{long}");
        assert!(name(&"😀".repeat(90)).encode_utf16().count() <= MAX_NAME);
    }

    proptest! {
        #[test]
        fn no_text_gives_a_name_that_discord_refuses(text in "[\\PC\n<@:>\\[\\]()*`_#\u{200b}]{0,300}") {
            if let Some(name) = thread_name(&text) {
                prop_assert!((1..=MAX_NAME).contains(&name.chars().count()), "{:?}", name);
                prop_assert!(!name.contains('\n') && name.trim() == name);
            }
        }
    }
}
