//! Prompts that begin with a slash. claude takes the first word of one for a command: its own, the project's, or one
//! of a plugin. Of a word that is none, newer versions ask the model; older ones (2.1.197) only say that they do not
//! know it, and get the prompt once more behind a blank, which makes a text of it.

/// Commands after which claude is in another session than the one it was asked to continue.
const NEW_SESSION: [&str; 1] = ["clear"];

/// Returns the command of `prompt` that begins another session.
pub(super) fn new_session(prompt: &str) -> Option<&str> {
    word(prompt).filter(|word| NEW_SESSION.contains(word))
}

/// Returns what an older claude answers when it does not know the command of `prompt` (2.1.197); `None` for a prompt
/// without one.
pub(super) fn unknown(prompt: &str) -> Option<String> {
    word(prompt).map(|word| format!("Unknown command: /{word}"))
}

/// Returns `prompt` as a text.
pub(super) fn as_text(prompt: &str) -> String {
    format!(" {prompt}")
}

fn word(prompt: &str) -> Option<&str> {
    Some(prompt.strip_prefix('/')?.split_whitespace().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_with_a_slash_is_a_command() {
        assert_eq!(unknown("/frobnicate the thing").as_deref(), Some("Unknown command: /frobnicate"));
        for prompt in ["fix /etc/hosts", "", " /compact", "- a"] {
            assert_eq!(unknown(prompt), None);
        }
        assert_eq!(unknown(&as_text("/frobnicate")), None);
        assert_eq!((new_session("/clear now"), new_session("/compact")), (Some("clear"), None));
    }
}
