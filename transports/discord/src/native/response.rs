//! What an interaction is answered with, as Discord reads it (Discord, "Interaction Response Object").
//!
//! Nobody is ever pinged by these.

use serde_json::{Value, json};
use takopi_core::desk::Offer;
use takopi_core::render::shorten;

/// Only the person who gave the command sees it (Discord, "Message Flags").
const EPHEMERAL: u64 = 1 << 6;

/// Most characters of a message (Discord, "Create Message").
const MAX_TEXT: usize = 2000;

/// Most characters of a choice's name and value (Discord, "Application Command Option Choice").
const MAX_CHOICE: usize = 100;

/// Most choices.
const MAX_CHOICES: usize = 25;

/// Most characters of a form's title and of a field's label (Discord, "Modal", "Text Input").
const MAX_TITLE: usize = 45;

/// Most characters that are typed into a field (Discord, "Text Input").
const MAX_INPUT: usize = 4000;

/// The one field of a form.
pub(crate) const FIELD: &str = "text";

/// Returns a message for one person's eyes.
pub(crate) fn whisper(text: &str) -> Value {
    json!({"type": 4, "data": whispered(text)})
}

/// Returns the follow-up for one person's eyes.
pub(crate) fn whispered(text: &str) -> Value {
    let mut message = message(text);
    message["flags"] = json!(EPHEMERAL);
    message
}

/// Returns a message's body that says `text`, cut to fit.
pub(crate) fn message(text: &str) -> Value {
    json!({"content": cut(text), "allowed_mentions": {"parse": [], "replied_user": false}})
}

/// Returns that the answer comes later.
pub(crate) fn defer(ephemeral: bool) -> Value {
    let flags = if ephemeral { EPHEMERAL } else { 0 };
    json!({"type": 5, "data": {"flags": flags}})
}

/// Returns that a press was heard; its message stays as it is.
pub(crate) fn heard() -> Value {
    json!({"type": 6})
}

/// Returns that the message of a press loses its buttons.
pub(crate) fn strip() -> Value {
    json!({"type": 7, "data": {"components": []}})
}

/// Returns choices for what is half typed. One that does not fit would not come back as it is.
pub(crate) fn choices(offers: &[Offer]) -> Value {
    let fits = |offer: &&Offer| (1..=MAX_CHOICE).contains(&offer.value.chars().count());
    let choice = |offer: &Offer| json!({"name": shorten(&offer.shown, MAX_CHOICE), "value": offer.value});
    let choices: Vec<Value> = offers.iter().filter(fits).take(MAX_CHOICES).map(choice).collect();
    json!({"type": 8, "data": {"choices": choices}})
}

/// Returns a form with one field for a text of several lines. `id` has 100 characters at most.
pub(crate) fn form(id: &str, title: &str, label: &str) -> Value {
    let field = json!({
        "type": 4, "custom_id": FIELD, "style": 2, "required": true, "max_length": MAX_INPUT,
        "label": shorten(label, MAX_TITLE),
    });
    let rows = json!([{"type": 1, "components": [field]}]);
    json!({"type": 9, "data": {"custom_id": id, "title": shorten(title, MAX_TITLE), "components": rows}})
}

/// Returns what is shown of a prompt in the place of what its author would have written: quoted, so that nothing in it
/// is a heading or a list of ours.
pub(crate) fn quoted(author: &str, prompt: &str, files: &[String]) -> String {
    let author = author.replace(['*', '_', '`', '~', '|', '\\', '<', '>'], "");
    let mut lines = vec![format!("**{}** asks:", shorten(author.trim(), MAX_CHOICE))];
    lines.extend(prompt.lines().map(|line| format!("> {line}")));
    lines.extend(files.iter().map(|name| format!("-# 📎 {}", shorten(name, MAX_CHOICE))));
    cut(&lines.join("\n"))
}

/// Returns a text that a message can hold.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        None => text.to_owned(),
        Some(_) => text.chars().take(MAX_TEXT - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_fits_and_pings_nobody() {
        let said = whisper(&"é".repeat(3000));
        assert_eq!(said["data"]["content"].as_str().unwrap().chars().count(), MAX_TEXT);
        assert_eq!(said["data"]["allowed_mentions"]["parse"], json!([]));
        assert_eq!(said["data"]["flags"], json!(64));
    }

    #[test]
    fn a_prompt_is_shown_as_a_quotation_with_its_author() {
        let shown = quoted("A*d*a", "fix it\n\n# now", &["log.txt".to_owned()]);
        assert_eq!(shown, "**Ada** asks:\n> fix it\n> \n> # now\n-# 📎 log.txt");
        assert_eq!(quoted("Ada", &"word ".repeat(2000), &[]).chars().count(), MAX_TEXT);
    }

    #[test]
    fn a_choice_that_does_not_fit_is_not_offered() {
        let values = vec!["x".repeat(101), "main".to_owned(), String::new()];
        let choices = |values: Vec<String>| choices(&values.into_iter().map(Offer::from).collect::<Vec<_>>());
        let offered = choices(values);
        assert_eq!(offered["data"]["choices"], json!([{"name": "main", "value": "main"}]));
        let many: Vec<String> = (0..40).map(|number| number.to_string()).collect();
        assert_eq!(choices(many)["data"]["choices"].as_array().unwrap().len(), 25);
    }
}
