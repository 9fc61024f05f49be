//! Lines and words, cut where the Python takopi cuts them: its plugins and stored messages rely on it.

/// Returns whether `character` is white space: Unicode's, and the four ASCII separators.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}

/// Returns `text` without outer white space.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Returns the words of `text`.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// Returns the lines of `text` without their ends, which may be any of Unicode's; `\r\n` is one.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| matches!(c, '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        rest = after.strip_prefix("\r\n").or_else(|| after.strip_prefix(ends)).unwrap_or(after);
        Some(line)
    })
}

/// Splits `text` into words as a POSIX shell does: quotes group, a backslash takes the next character as it
/// is. A text whose quotes do not close is split at white space instead.
#[must_use]
pub fn split_words(text: &str) -> Vec<String> {
    quoted_words(text).unwrap_or_else(|| words(text).map(str::to_owned).collect())
}

fn quoted_words(text: &str) -> Option<Vec<String>> {
    let mut all = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if is_space(character) {
            all.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match character {
            '\\' => word.push(rest.next()?),
            '\'' => loop {
                match rest.next()? {
                    '\'' => break,
                    inner => word.push(inner),
                }
            },
            '"' => loop {
                match rest.next()? {
                    '"' => break,
                    '\\' => match rest.next()? {
                        escaped @ ('"' | '\\') => word.push(escaped),
                        other => word.extend(['\\', other]),
                    },
                    inner => word.push(inner),
                }
            },
            plain => word.push(plain),
        }
    }
    all.extend(word);
    Some(all)
}
