//! Links: to the web only, their address in angle brackets so that nothing unfolds below the message.

use takopi_core::message::Format;

use super::dialect::flat;
use super::token::Token;
use super::words;

/// Longest link that is kept whole with its label, in characters.
const LONGEST: usize = 600;

/// Appends a link with the pieces of its label.
pub(super) fn write(target: &str, label: Vec<Token>, out: &mut Vec<Token>) {
    let shown = flat(&label);
    let says = !shown.trim().is_empty();
    match address(target) {
        Some(url) if !says || is_same(&shown, target) => out.push(Token::Word(format!("<{url}>"))),
        Some(url) if shown.chars().count() + url.len() <= LONGEST && !shown.contains("](") => {
            out.push(Token::Word(format!("[{}](<{url}>)", without_addresses(&shown))));
        }
        Some(url) => {
            out.extend(label);
            out.push(Token::Space(" ".to_owned()));
            out.push(Token::Word(format!("<{url}>")));
        }
        None => elsewhere(target, label, says, out),
    }
}

/// Appends a link that leads nowhere from a chat: its label says it all, but for the address of a mail.
fn elsewhere(target: &str, label: Vec<Token>, says: bool, out: &mut Vec<Token>) {
    if !says {
        return words::write(target, false, Format::Plain, out);
    }
    let mail = target.strip_prefix("mailto:").filter(|mail| !flat(&label).replace('\\', "").contains(mail));
    let is_name =
        is_file(target) && !label.iter().any(|token| matches!(token, Token::Space(s) if !s.is_empty()));
    match label.as_slice() {
        // The name of a file: as code nothing in it is markup.
        [Token::Space(_), Token::Word(name)] if is_name && !name.contains(['<', '`']) => {
            out.push(Token::Code(name.replace('\\', "")));
        }
        _ => out.extend(label),
    }
    if let Some(mail) = mail {
        words::write(&format!(" ({mail})"), false, Format::Plain, out);
    }
}

/// Returns an address as it may stand in angle brackets, if it is one of the web.
fn address(target: &str) -> Option<String> {
    let (scheme, rest) = target.split_once("://")?;
    let leads = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let has_host = rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    (leads && has_host).then(|| encoded(target))
}

fn encoded(url: &str) -> String {
    let legal = |c: char| !(c.is_whitespace() || c.is_control() || "<>()\\`\"".contains(c));
    let mut out = String::new();
    for character in url.chars() {
        if legal(character) {
            out.push(character);
        } else {
            let mut bytes = [0; 4];
            let bytes = character.encode_utf8(&mut bytes).bytes();
            bytes.for_each(|byte| out.extend(['%', hex(byte >> 4), hex(byte & 15)]));
        }
    }
    out
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase()
}

fn is_same(label: &str, target: &str) -> bool {
    let bare = |text: &str| text.replace('\\', "").trim_matches(['<', '>', ' ', '/']).to_owned();
    let (label, target) = (bare(label), bare(target));
    label == target || target.split_once("://").is_some_and(|(_, rest)| rest == label)
}

/// Returns a label without the brackets around addresses in it: Discord makes no link of a label with a link.
fn without_addresses(label: &str) -> String {
    label.trim().replace("<https://", "").replace("<http://", "").replace('[', "\\[").replace(']', "\\]")
}

/// Returns whether a link names a file on this machine, with or without a line's number.
fn is_file(target: &str) -> bool {
    target.split_once(':').is_none_or(|(scheme, rest)| {
        scheme == "file"
            || scheme.contains(['/', '\\', '.'])
            || rest.starts_with(|c: char| c.is_ascii_digit())
    })
}
