//! What a plugin says came in, as the house's own types: checked field by field, because a plugin may be wrong about
//! anything. It can say nothing for another instance, and its ids stay short.

use takopi_core::id::{CommandId, InstanceId};
use takopi_core::message::{
    Address, Attachment, AttachmentKind, ButtonAction, Chosen, Inbound, Invoke, Message, MessageRef, Press,
    Reply, Sender,
};
use takopi_core::render::shorten;
use takopi_core::time::Timestamp;
use takopi_plugin_protocol::{message as wire, transport};

/// Most bytes of an id: Matrix, whose ids are the longest around, allows 255 (Matrix specification, "Common Identifier
/// Format").
const MAX_ID_BYTES: usize = 512;

/// Most bytes of what a plugin finds a file by, which may be an address.
const MAX_HANDLE_BYTES: usize = 4096;

/// Most files of one message.
const MAX_FILES: usize = 32;

/// Most characters of a name that are kept.
const MAX_NAME_CHARS: usize = 255;

/// What came in.
#[derive(Debug, PartialEq)]
pub(super) enum Read {
    /// Something for the desk.
    Inbound(Inbound),
    /// A press of a button that nobody knows, by somebody.
    Forgotten(Sender),
    /// A deletion, by somebody where the plugin says who.
    Deleted(Inbound, Option<Sender>),
}

/// Reads what came in at `instance`; `now` is when it was sent where the plugin doesn't tell.
///
/// # Errors
/// What is wrong with it, for the plugin's author.
pub(super) fn read(told: transport::Inbound, instance: &InstanceId, now: Timestamp) -> Result<Read, String> {
    let upstream = id("upstream_id", told.upstream_id, MAX_ID_BYTES)?;
    let message = message_ref("message", told.message, instance)?;
    let sender = told.sender.map(sender).transpose()?;
    let what = match told.what {
        transport::What::Deleted => {
            return Ok(Read::Deleted(Inbound::Deleted { upstream, message }, sender));
        }
        what => what,
    };
    let sender = sender.ok_or("sender: it is missing")?;
    let text = |text| said(text, (upstream.clone(), message.clone(), sender.clone()), instance, now);
    Ok(Read::Inbound(match what {
        transport::What::Message(told) => Inbound::Message(text(told)?),
        transport::What::Edited(told) => Inbound::Edited(text(told)?),
        transport::What::Press { token } => match ButtonAction::of_token(&token) {
            Some(action) => Inbound::Press(Press { upstream, message, sender, action }),
            None => return Ok(Read::Forgotten(sender)),
        },
        transport::What::Invoke { command, arguments } => {
            let command = CommandId::parse(&command).map_err(|error| format!("command: {error}"))?;
            Inbound::Invoke(Invoke { upstream, message, sender, command, arguments, files: Vec::new() })
        }
        transport::What::Deleted => return Err("kind: unexpected".to_owned()),
    }))
}

fn said(
    told: transport::Text,
    (upstream, message, sender): (String, MessageRef, Sender),
    instance: &InstanceId,
    now: Timestamp,
) -> Result<Message, String> {
    if told.attachments.len() > MAX_FILES {
        return Err(format!("attachments: a message has at most {MAX_FILES}"));
    }
    let reply = |reply: wire::Reply| {
        let message = message_ref("reply_to.message", reply.message, instance)?;
        Ok::<_, String>(Reply { message, text: reply.text, of_bot: false })
    };
    Ok(Message {
        upstream,
        message,
        sender,
        text: told.text,
        reply_to: told.reply_to.map(reply).transpose()?,
        attachments: told.attachments.into_iter().map(attachment).collect::<Result<_, _>>()?,
        album: None,
        forwarded: false,
        // What comes from the future was sent just now, by a clock that is wrong.
        sent_at: told.sent_at_ms.map_or(now, Timestamp::from_unix_ms).min(now),
        chosen: Chosen::default(),
    })
}

fn id(what: &str, text: String, max_bytes: usize) -> Result<String, String> {
    if text.is_empty() {
        return Err(format!("{what}: it is empty"));
    }
    if text.len() > max_bytes {
        return Err(format!("{what}: it is longer than {max_bytes} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what}: it has control characters"));
    }
    Ok(text)
}

fn address(what: &str, told: wire::Address, instance: &InstanceId) -> Result<Address, String> {
    if told.instance != instance.as_str() {
        return Err(format!("{what}.instance: it is not {instance}, which this message is for"));
    }
    let thread = told.thread.map(|thread| id(&format!("{what}.thread"), thread, MAX_ID_BYTES)).transpose()?;
    Ok(Address {
        instance: instance.clone(),
        chat: id(&format!("{what}.chat"), told.chat, MAX_ID_BYTES)?,
        thread,
    })
}

/// Reads which message the plugin means.
///
/// # Errors
/// What is wrong with it.
pub(super) fn message_ref(
    what: &str,
    told: wire::MessageRef,
    instance: &InstanceId,
) -> Result<MessageRef, String> {
    let address = address(&format!("{what}.address"), told.address, instance)?;
    Ok(MessageRef { address, id: id(&format!("{what}.id"), told.id, MAX_ID_BYTES)? })
}

fn sender(told: wire::Sender) -> Result<Sender, String> {
    let id = id("sender.id", told.id, MAX_ID_BYTES)?;
    Ok(Sender { id, name: shorten(told.name.trim(), MAX_NAME_CHARS), is_bot: told.is_bot })
}

fn attachment(told: wire::Attachment) -> Result<Attachment, String> {
    Ok(Attachment {
        handle: id("attachments.handle", told.handle, MAX_HANDLE_BYTES)?,
        kind: match told.kind {
            wire::AttachmentKind::Image => AttachmentKind::Image,
            wire::AttachmentKind::Voice => AttachmentKind::Voice,
            wire::AttachmentKind::File => AttachmentKind::File,
        },
        name: told.name.map(|name| name.chars().take(MAX_NAME_CHARS).collect()),
        bytes: told.bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn told(change: impl FnOnce(&mut Value)) -> Result<Read, String> {
        let mut told = json!({
            "kind": "message", "upstream_id": "1", "text": "hi", "sender": { "id": "ada" },
            "message": { "address": { "instance": "work", "chat": "a" }, "id": "1" },
        });
        change(&mut told);
        let told = serde_json::from_value(told).map_err(|error| error.to_string())?;
        read(told, &InstanceId::parse("work").unwrap(), Timestamp::from_unix_ms(5000))
    }

    #[test]
    fn what_a_plugin_says_wrongly_is_refused_with_the_field() {
        let other = json!({ "message": { "address": { "instance": "other", "chat": "b" }, "id": "1" } });
        let file = json!({ "handle": "h", "kind": "file" });
        let problems = [
            told(|told| told["upstream_id"] = json!("")),
            told(|told| told["upstream_id"] = json!("x".repeat(513))),
            told(|told| told["message"]["id"] = json!("a\nb")),
            told(|told| told["message"]["address"]["instance"] = json!("other")),
            told(|told| told["message"]["address"]["thread"] = json!("")),
            told(|told| told["reply_to"] = other),
            told(|told| told["sender"] = Value::Null),
            told(|told| told["sender"]["id"] = json!("x".repeat(600))),
            told(|told| told["attachments"] = json!(vec![file; 33])),
            told(|told| {
                *told = json!({ "kind": "invoke", "command": "No", "upstream_id": "1",
                "sender": { "id": "ada" }, "message": told["message"] })
            }),
        ];
        let problems: Vec<String> = problems.into_iter().map(|problem| problem.unwrap_err()).collect();
        insta::assert_snapshot!(problems.join("\n"));
    }

    #[test]
    fn a_message_is_what_was_written_and_its_time_never_in_the_future() {
        let sent = |at: Value| match told(|told| told["sent_at_ms"] = at).unwrap() {
            Read::Inbound(Inbound::Message(message)) => (message.text, message.sent_at.unix_ms()),
            other => panic!("{other:?}"),
        };
        assert_eq!(sent(Value::Null), ("hi".to_owned(), 5000));
        assert_eq!((sent(json!(4000)).1, sent(json!(6000)).1), (4000, 5000));
    }

    #[test]
    fn a_press_is_what_its_token_says_and_any_other_is_an_old_button() {
        let press = |token: &str| {
            let token = json!(token);
            told(|told| {
                told["kind"] = json!("press");
                told["token"] = token;
            })
        };
        let action = ButtonAction::Run { inbox: takopi_core::port::ledger::InboxId(7) };
        let Read::Inbound(Inbound::Press(read)) = press(&action.token()).unwrap() else { panic!() };
        assert_eq!(read.action, action);
        assert!(matches!(press("made up"), Ok(Read::Forgotten(sender)) if sender.id == "ada"));
    }
}
