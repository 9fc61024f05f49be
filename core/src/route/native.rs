//! A native command as the text that would have been typed: its arguments, in the order of the text form.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::message::Invoke;
use crate::port::command::{CommandOption, OptionKind, options_of};

/// Returns the text after the command's name. Each value is one word of it, however many blanks it has, so that the
/// command splits it right; the only option of a command, when it takes any text, is that text itself. Arguments that
/// are no option come last, by name; a verb comes first, and its arguments after it.
pub(super) fn text(invoke: &Invoke, options: &[CommandOption]) -> String {
    let given = |option: &CommandOption| match invoke.arguments.get(&option.name) {
        Some(Value::Object(arguments)) if option.kind == OptionKind::Verb => {
            Some(format!("{} {}", option.name, words(arguments, options_of(options, Some(&option.name)))))
        }
        _ => None,
    };
    match options.iter().find_map(given) {
        Some(text) => text.trim_end().to_owned(),
        None => words(&invoke.arguments, options_of(options, None)),
    }
}

fn words(arguments: &Map<String, Value>, options: &[CommandOption]) -> String {
    if let ([CommandOption { kind: OptionKind::Text, name, .. }], 1) = (options, arguments.len())
        && let Some(Value::String(text)) = arguments.get(name)
    {
        return text.clone();
    }
    let named = options.iter().filter_map(|option| Some((Some(option), arguments.get(&option.name)?)));
    let is_option = |name: &str| options.iter().any(|option| option.name == name);
    let others = arguments.iter().filter(|(name, _)| !is_option(name)).map(|(_, value)| (None, value));
    let words = named.chain(others).filter_map(|(option, value)| word(option, value));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns a value as one word; `None` for what says nothing.
fn word(option: Option<&CommandOption>, value: &Value) -> Option<String> {
    let kind = option.map(|option| option.kind);
    let text = match value {
        Value::Null => return None,
        value if kind == Some(OptionKind::Flag) => {
            let is_set = value.as_bool() == Some(true) || value.as_str() == Some("true");
            return option.filter(|_| is_set).map(|option| format!("--{}", option.name));
        }
        Value::String(text) if text.trim().is_empty() => return None,
        Value::String(text) if kind == Some(OptionKind::Branch) && !text.starts_with('@') => {
            Cow::Owned(format!("@{text}"))
        }
        Value::String(text) => Cow::Borrowed(text.as_str()),
        other => Cow::Owned(other.to_string()),
    };
    Some(quoted(&text))
}

/// Returns a text that is read back as one word: as it stands where nothing in it means anything.
fn quoted(text: &str) -> String {
    let is_plain = |character: char| {
        !matches!(character, '\'' | '"' | '\\')
            && !character.is_whitespace()
            && !('\x1c'..='\x1f').contains(&character)
    };
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::directive::split_words;
    use crate::id::{CommandId, InstanceId};
    use crate::message::{Address, MessageRef, Sender};

    fn invoke(arguments: Value) -> Invoke {
        let Value::Object(arguments) = arguments else { panic!("{arguments}") };
        let instance = InstanceId::parse("t").unwrap();
        Invoke {
            upstream: "i".to_owned(),
            message: MessageRef {
                address: Address { instance, chat: "c".to_owned(), thread: None },
                id: "i".to_owned(),
            },
            sender: Sender { id: "1".to_owned(), name: "Ada".to_owned(), is_bot: false },
            command: CommandId::parse("probe").unwrap(),
            arguments,
            files: Vec::new(),
        }
    }

    fn options(options: &[(&str, OptionKind)]) -> Vec<CommandOption> {
        let option = |(name, kind): &(&str, OptionKind)| CommandOption {
            name: (*name).to_owned(),
            kind: *kind,
            description: String::new(),
            required: false,
        };
        options.iter().map(option).collect()
    }

    #[test]
    fn arguments_stand_in_the_order_of_the_options_not_of_their_names() {
        let options = options(&[("project", OptionKind::Project), ("branch", OptionKind::Branch)]);
        let given = json!({ "branch": "fix/1", "project": "web" });
        assert_eq!(text(&invoke(given), &options), "web @fix/1");
        assert_eq!(text(&invoke(json!({ "branch": "@main" })), &options), "@main");
        assert_eq!(text(&invoke(json!({ "branch": null, "project": " " })), &options), "");
    }

    #[test]
    fn values_of_any_kind_are_one_word_each_and_unknown_ones_come_last() {
        let options = options(&[("path", OptionKind::Text), ("force", OptionKind::Text)]);
        let given = json!({ "a": "x y", "count": 3, "force": true, "path": "it's here.txt" });
        let text = text(&invoke(given), &options);
        assert_eq!(split_words(&text), ["it's here.txt", "true", "x y", "3"]);
    }

    #[test]
    fn the_only_option_is_the_text_itself_when_it_takes_any() {
        let given = || invoke(json!({ "args": "say \"it's\" now" }));
        assert_eq!(text(&given(), &options(&[("args", OptionKind::Text)])), "say \"it's\" now");
        let model = text(&given(), &options(&[("args", OptionKind::Model)]));
        assert_eq!(split_words(&model), ["say \"it's\" now"]);
    }

    #[test]
    fn a_verb_is_the_first_word_and_its_flags_are_written_as_such() {
        let options = options(&[
            ("put", OptionKind::Verb),
            ("file", OptionKind::File),
            ("force", OptionKind::Flag),
            ("path", OptionKind::Path),
            ("get", OptionKind::Verb),
            ("path", OptionKind::Path),
        ]);
        let given = |arguments| text(&invoke(arguments), &options);
        assert_eq!(given(json!({ "put": { "path": "a b.txt", "force": true } })), "put --force 'a b.txt'");
        assert_eq!(given(json!({ "put": { "force": "false" } })), "put");
        assert_eq!(given(json!({ "get": { "path": "docs/a.md" } })), "get docs/a.md");
        assert_eq!(given(json!({})), "");
    }

    proptest! {
        #[test]
        fn whatever_is_quoted_is_read_back_as_one_word(text in "\\PC{1,40}|[ '\"\\\\a\n\t]{1,20}") {
            prop_assert_eq!(split_words(&quoted(&text)), [text]);
        }
    }
}
