//! Texts in which nothing can be seen: Telegram refuses them, and a person could not tell them from silence.

/// What stands in the place of such a text.
const NOTHING: &str = "…";

/// Returns `text`, or something visible where nothing in it is.
pub(crate) fn or_something(text: String) -> String {
    if text.chars().all(is_invisible) { NOTHING.to_owned() } else { text }
}

/// Returns whether a letter leaves no trace: white space, controls, and what only joins or directs others
/// (Unicode, `Default_Ignorable_Code_Point`; the blank of Braille looks like it).
fn is_invisible(letter: char) -> bool {
    letter.is_whitespace()
        || letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_could_see_becomes_visible_and_all_else_stays() {
        for text in ["", " \n", "\u{200b}\u{feff}", "\u{2800}\u{ad} ", "\u{3164}\u{200d}\u{fe0f}"] {
            assert_eq!(or_something(text.to_owned()), "…", "{text:?}");
        }
        for text in ["a", "\u{200b}a", "👩\u{200d}💻", "❤\u{fe0f}", "."] {
            assert_eq!(or_something(text.to_owned()), text);
        }
    }
}
