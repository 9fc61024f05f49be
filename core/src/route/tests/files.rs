//! What becomes of files: a run, a call of `/file`, or a word to their sender.

use super::*;
use crate::message::{Attachment, AttachmentKind};
use crate::port::command::Directed;

fn knowing(files: Option<AutoPut>) -> Known {
    let commands = ["cancel", "status", "file"].map(id).to_vec();
    Known { files, commands, ..known() }
}

fn file(name: &str) -> Attachment {
    let kind = AttachmentKind::File;
    Attachment { handle: name.to_owned(), kind, name: Some(name.to_owned()), bytes: None }
}

fn with_files(text: &str, names: &[&str]) -> Message {
    let attachments = names.iter().map(|name| file(name)).collect();
    let album = (names.len() > 1).then(|| "album".to_owned());
    Message { attachments, album, ..message(text) }
}

fn stored() -> Decision {
    Decision::Call { command: id("file"), text: "put".to_owned() }
}

fn told(message: Message, files: Option<AutoPut>) -> String {
    match decision(message, &Facts::default(), &knowing(files)) {
        Decision::Tell(body) => body.text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_without_a_caption_is_stored_and_never_an_empty_prompt() {
    for policy in [AutoPut::Store, AutoPut::Prompt] {
        for text in ["", " \n"] {
            for names in [&["a.txt"][..], &["a.txt", "b.txt"]] {
                let decided = decision(with_files(text, names), &Facts::default(), &knowing(Some(policy)));
                assert_eq!(decided, stored(), "{policy:?} {text:?} {names:?}");
            }
        }
    }
}

#[test]
fn a_caption_is_a_prompt_about_its_files_only_where_that_is_set() {
    let known = knowing(Some(AutoPut::Prompt));
    let asked = plan(with_files("/p @b /beta look", &["a.txt"]), &Facts::default(), &known);
    assert_eq!((asked.prompt.as_str(), asked.engine), ("look", id("beta")));
    assert_eq!(asked.context, context(Some("p"), Some("b")));
    let enclosed = asked.enclosed.unwrap();
    assert_eq!(
        (enclosed.files, enclosed.album, enclosed.sender.id.as_str()),
        (vec![file("a.txt")], false, "1")
    );
    assert!(
        told(with_files("look", &["a.txt"]), Some(AutoPut::Store)).starts_with("usage: /file put <path>")
    );
    for text in ["", "look"] {
        assert!(
            told(with_files(text, &["a.txt"]), Some(AutoPut::Off)).starts_with("usage: /file put <path>")
        );
        let disabled = "file transfer disabled; enable [transports.t.files].";
        assert_eq!(told(with_files(text, &["a.txt"]), None), disabled);
    }
}

#[test]
fn the_engine_is_told_where_the_files_are() {
    let known = knowing(Some(AutoPut::Prompt));
    let prompt = |text: &str, names: &[&str], paths: &[&str]| {
        let plan = plan(with_files(text, names), &Facts::default(), &known);
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        plan.enclosed.unwrap().prompt(&plan.prompt, &paths)
    };
    assert_eq!(prompt("look", &["a"], &["in/a"]), "look\n\n[uploaded file: in/a]");
    let two = prompt("look", &["a", "b"], &["in/a", "in/b"]);
    assert_eq!(two, "look\n\n[uploaded files]\n- in/a\n- in/b");
    assert_eq!(prompt("look", &["a", "b"], &["in/b"]), "look\n\n[uploaded files]\n- in/b");
    for alone in ["/p", "alpha resume abc"] {
        assert_eq!(prompt(alone, &["a"], &["in/a"]), "[uploaded file: in/a]", "{alone}");
        let plan = plan(with_files(alone, &["a"]), &Facts::default(), &known);
        assert_eq!((plan.prompt.as_str(), plan.title()), ("", "[uploaded files]"), "never shown as nothing");
    }
    assert_eq!(prompt("continue", &["a"], &["in/a"]), "continue\n\n[uploaded file: in/a]");
}

#[test]
fn a_command_in_a_caption_is_a_command() {
    for policy in [None, Some(AutoPut::Off), Some(AutoPut::Store), Some(AutoPut::Prompt)] {
        let decided = decision(with_files("/file put x", &["a"]), &Facts::default(), &knowing(policy));
        assert_eq!(decided, Decision::Call { command: id("file"), text: "put x".to_owned() });
        let decided = decision(with_files("/cancel", &["a"]), &Facts::default(), &knowing(policy));
        assert_eq!(decided, Decision::Call { command: id("cancel"), text: String::new() });
    }
}

#[test]
fn a_voice_note_is_no_file_and_without_the_command_files_are_passed_over() {
    let note = Attachment { kind: AttachmentKind::Voice, ..file("voice") };
    let spoken = Message { attachments: vec![note], ..message("(voice transcribed) fix it") };
    let asked = plan(spoken, &Facts::default(), &knowing(Some(AutoPut::Prompt)));
    assert_eq!((asked.prompt.as_str(), asked.enclosed), ("(voice transcribed) fix it", None));
    assert_eq!(plan(with_files("look", &["a"]), &Facts::default(), &known()).enclosed, None);
    let decided = decision(with_files("", &["a"]), &Facts::default(), &known());
    assert!(matches!(decided, Decision::Refuse(_)), "{decided:?}");
}

#[test]
fn files_that_address_nobody_are_overheard_where_only_who_addresses_the_bot_is_answered() {
    let mut facts = Facts::default();
    facts.stored.preferences = vec![prefer(None, PreferenceKey::Trigger, "mentions")];
    for policy in [None, Some(AutoPut::Off), Some(AutoPut::Store), Some(AutoPut::Prompt)] {
        let known = knowing(policy);
        let overheard = |message: &Message, named| {
            let heard = Heard { named, involved: false };
            is_overheard(&wants(&Inbound::Message(message.clone()), &known), message, &facts, &known, heard)
        };
        for text in ["", "look"] {
            assert!(overheard(&with_files(text, &["a"]), false), "{policy:?} {text:?}");
            assert!(!overheard(&with_files(text, &["a"]), true), "{policy:?} {text:?}");
        }
        assert!(!overheard(&with_files("/file put", &["a"]), false));
    }
}

#[test]
fn a_command_about_files_means_the_replied_context_then_directives_then_that_of_the_chat() {
    let known = knowing(None);
    let mut facts = Facts::default();
    facts.stored.preferences = vec![prefer(None, PreferenceKey::Context, "q @main")];
    let message = message("").message;
    let meant = |text: &str, reply: Option<&str>| meant_directory(text, reply, &message, &facts, &known);
    let found = |project: &str, branch, said, text: &str| {
        Ok(Directed { context: context(Some(project), branch), said, text: text.to_owned() })
    };
    assert_eq!(meant("docs/a  b", None), found("q", Some("main"), false, "docs/a  b"));
    assert_eq!(meant("/alpha docs/a", None), found("q", Some("main"), false, "docs/a"));
    assert_eq!(meant("/p @x /alpha docs/a", None), found("p", Some("x"), true, "docs/a"));
    assert_eq!(meant("/q a", Some("done\n\nctx: p @y")), found("p", Some("y"), false, "a"));
    assert_eq!(meant("/p /q a", None), Err("multiple project directives".to_owned()));
}
