//! Plain words as Discord shows them: what it would take for markup is escaped, a bare address stands in angle
//! brackets so that nothing unfolds below the message.

use takopi_core::message::Format;

use super::token::Token;

/// So many letters of a script without blanks stand between two places where a line may be cut.
const MAX_UNBROKEN: usize = 20;

/// Longest mention or emoji that is looked for, in bytes: a command's name with those below it, and its id.
const LONGEST_MARK: usize = 140;

/// Longest web address that is looked for, in bytes: a longer one fits no message.
const LONGEST_ADDRESS: usize = 1900;

/// Appends the words of one line; `at_start` says whether nothing stands left of them.
pub(super) fn write(line: &str, at_start: bool, format: Format, out: &mut Vec<Token>) {
    let mut at_start = at_start;
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_blank = first.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != is_blank).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if is_blank {
            out.push(Token::Space(run.to_owned()));
        } else {
            let followed = after.starts_with(char::is_whitespace);
            let mut words = Words { out, word: String::new(), wide: 0 };
            words.take(run, at_start.then(|| leading(run, followed)).flatten(), format);
            at_start = false;
        }
        rest = after;
    }
}

/// Returns the byte of a line's first word that must be escaped, for the line to be what it looks like.
fn leading(word: &str, followed: bool) -> Option<usize> {
    let is_mark = matches!(word, "#" | "##" | "###" | "-" | "-#" | ">" | ">>>");
    if is_mark && followed {
        return Some(0);
    }
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    (followed && digits > 0 && word.get(digits..) == Some(".")).then_some(digits)
}

struct Words<'a> {
    out: &'a mut Vec<Token>,
    word: String,
    /// How many letters of a script without blanks came since the last place to cut.
    wide: usize,
}

impl Words<'_> {
    fn take(&mut self, run: &str, leading: Option<usize>, format: Format) {
        let mut at = 0;
        let mut before = None;
        while let Some((rest, character)) = run.get(at..).and_then(|rest| Some((rest, rest.chars().next()?)))
        {
            if let Some(address) = address(rest).filter(|_| !before.is_some_and(char::is_alphanumeric)) {
                self.end();
                self.out.push(Token::Word(format!("<{address}>")));
                at += address.len();
            } else if let Some(mark) = mark(rest).filter(|_| format == Format::Markdown) {
                self.end();
                self.out.push(Token::Word(mark.to_owned()));
                at += mark.len();
            } else {
                let after = rest.get(character.len_utf8()..).unwrap_or_default();
                if leading == Some(at) || is_markup(before, rest, after) {
                    self.word.push('\\');
                }
                self.word.push(character);
                at += character.len_utf8();
                self.may_end(character);
            }
            before = run.get(..at).and_then(|done| done.chars().next_back());
        }
        self.end();
    }

    fn end(&mut self) {
        if !self.word.is_empty() {
            self.out.push(Token::Word(std::mem::take(&mut self.word)));
        }
    }

    /// Ends the word where a script without blanks allows it.
    fn may_end(&mut self, character: char) {
        let is_stop = matches!(character, '。' | '！' | '？' | '，' | '、' | '；');
        let is_wide = matches!(character,
            '\u{2e80}'..='\u{2fdf}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}');
        self.wide = if is_wide { self.wide + 1 } else { 0 };
        if is_stop || self.wide >= MAX_UNBROKEN {
            self.wide = 0;
            self.end();
            self.out.push(Token::Space(String::new()));
        }
    }
}

/// Returns whether Discord would take the first character of `rest` for markup.
fn is_markup(before: Option<char>, rest: &str, after: &str) -> bool {
    let next = after.chars().next();
    match rest.chars().next() {
        Some('*' | '_' | '`') => true,
        Some(twice @ ('~' | '|')) => before == Some(twice) || next == Some(twice),
        Some(']') => next == Some('('),
        Some('\\') => next.is_none_or(|next| !next.is_ascii_alphanumeric()),
        Some('<') => mark(rest).is_some() || address(after).is_some(),
        _ => false,
    }
}

/// Returns the mention, emoji or time that a text starts with (Discord docs, "Message Formatting").
pub(super) fn mark(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('<')?;
    let end = inner.bytes().take(LONGEST_MARK).position(|byte| byte == b'>')?;
    let inner = inner.get(..end)?;
    let is_id = |id: &str| !id.is_empty() && id.len() <= 20 && id.bytes().all(|byte| byte.is_ascii_digit());
    let named = |rest: &str| {
        rest.rsplit_once(':').is_some_and(|(name, id)| is_id(id) && !name.is_empty() && name.len() <= 110)
    };
    let is_mark = if let Some(who) = inner.strip_prefix('@') {
        is_id(who.strip_prefix(['!', '&']).unwrap_or(who))
    } else if let Some(channel) = inner.strip_prefix('#') {
        is_id(channel)
    } else if let Some(emoji) = inner.strip_prefix(':').or_else(|| inner.strip_prefix("a:")) {
        named(emoji)
    } else if let Some(command) = inner.strip_prefix('/') {
        named(command)
    } else if let Some(time) = inner.strip_prefix("t:") {
        let (time, style) = time.split_once(':').unwrap_or((time, "R"));
        is_id(time.strip_prefix('-').unwrap_or(time)) && style.len() == 1
    } else {
        false
    };
    is_mark.then(|| text.get(..end + 2)).flatten()
}

/// Returns the web address that a text starts with, without what ends the sentence it stands in.
fn address(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let scheme = text.len() - rest.len();
    let rest = rest.get(..rest.floor_char_boundary(LONGEST_ADDRESS)).unwrap_or(rest);
    let end = rest.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"`|\\".contains(c));
    let mut url = rest.get(..end.unwrap_or(rest.len()))?;
    loop {
        let count = |of| url.chars().filter(|c| *c == of).count();
        let shorter = match url.chars().next_back()? {
            ')' if count(')') > count('(') => url.strip_suffix(')'),
            ']' if count(']') > count('[') => url.strip_suffix(']'),
            last @ ('.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' | '。' | '，') => {
                url.strip_suffix(last)
            }
            _ => break,
        };
        url = shorter?;
    }
    let is_host = url.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    is_host.then(|| text.get(..scheme + url.len())).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, format: Format) -> String {
        let mut tokens = Vec::new();
        write(text, true, format, &mut tokens);
        let piece = |token| match token {
            Token::Word(text) | Token::Space(text) => text,
            other => panic!("{other:?}"),
        };
        tokens.into_iter().map(piece).collect()
    }

    #[test]
    fn what_discord_would_take_for_markup_reads_as_it_stands() {
        for (text, escaped) in [
            ("*a* __b__ ~~c~~ ~/d `e`", "\\*a\\* \\_\\_b\\_\\_ \\~\\~c\\~\\~ ~/d \\`e\\`"),
            ("a || b | c", "a \\|\\| b | c"),
            ("[a](https://b)", "[a\\](<https://b>)"),
            ("  - a", "  \\- a"),
            ("12. a", "12\\. a"),
            ("-# a", "\\-# a"),
            ("> a > b", "\\> a > b"),
            ("### a", "\\### a"),
            ("#### a #1", "#### a #1"),
            ("C:\\new\\_x \\", "C:\\new\\\\\\_x \\\\"),
            ("@everyone", "@everyone"),
            ("<@1> <#2> <:x:3> <t:4:R> </a b:5>", "\\<@1> \\<#2> \\<:x:3> \\<t:4:R> </a b:5>"),
            ("Vec<T> <b>", "Vec<T> <b>"),
        ] {
            assert_eq!(shown(text, Format::Plain), escaped);
        }
    }

    #[test]
    fn mentions_of_a_markdown_text_stay_mentions() {
        for text in ["<@1>", "<@!12>,", "<@&3>", "<#4>", "<a:x:5>", "<:x_y:6>", "<t:-7>"] {
            assert_eq!(shown(text, Format::Markdown).replace("\\_", "_"), text);
            assert!(mark(text).is_some(), "{text}");
        }
        for text in ["<@>", "<@x>", "<#>", "<:x:>", "<t:1:RR>", "<x", "<b>"] {
            assert_eq!(mark(text), None, "{text}");
        }
    }

    #[test]
    fn a_bare_address_unfolds_nothing_and_leaves_the_sentence_its_stop() {
        for (text, shown_as) in [
            ("see https://a.b/c_d?e=*f*.", "see <https://a.b/c_d?e=*f>\\*."),
            ("(https://a.b/x_(y))", "(<https://a.b/x_(y)>)"),
            ("<https://a.b>", "\\<<https://a.b>>"),
            ("xhttps://a.b https://", "xhttps://a.b https://"),
        ] {
            assert_eq!(shown(text, Format::Plain), shown_as);
        }
    }
}
