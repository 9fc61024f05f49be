//! What the house says, in the protocol's words: one text per message, with files by their path and buttons by their
//! token.

use std::path::Path;

use takopi_core::message::{self as core, Body};
use takopi_core::port::transport::{SendError, TextLimit};
use takopi_core::render::{flatten, split};
use takopi_plugin_protocol::message as wire;

/// Most units of one message, whatever a manifest says: of six bytes each, which is what JSON makes of a control
/// character, they still fit a line.
const MAX_UNITS: usize = 100_000;

/// Returns `body` as bodies that each fit one message.
pub(super) fn lay_out(body: &Body, limit: TextLimit) -> Vec<Body> {
    split(body, TextLimit { max: limit.max.min(MAX_UNITS), ..limit })
}

/// Returns a laid-out body as it is sent. `spool` is where its files lie.
///
/// # Errors
/// [`SendError::Denied`] for files where there is no such folder.
pub(super) fn part(body: &Body, buttons: bool, spool: Option<&Path>) -> Result<wire::Body, SendError> {
    let (text, format) = match body.format {
        core::Format::Markdown => (flatten(body), wire::Format::Markdown),
        core::Format::Plain => (flatten_plain(body), wire::Format::Plain),
    };
    let button =
        |button: &core::Button| wire::Button { label: button.label.clone(), token: button.action.token() };
    let row = |row: &Vec<core::Button>| row.iter().map(button).collect();
    let rows = if buttons { body.buttons.iter().map(row).collect() } else { Vec::new() };
    let files = match spool {
        _ if body.files.is_empty() => Vec::new(),
        Some(spool) => body.files.iter().map(|spooled| file(spooled, spool)).collect(),
        None => return Err(SendError::Denied("files are not sent here".to_owned())),
    };
    Ok(wire::Body { text, format, buttons: rows, files })
}

fn file(spooled: &core::SpooledFile, spool: &Path) -> wire::File {
    let path = spool.join(&spooled.path);
    wire::File { path: path.to_string_lossy().into_owned(), name: spooled.name.clone() }
}

/// Joins header, text and footer where Markdown would be shown as it stands: the frame, which is Markdown, loses its
/// code marks.
fn flatten_plain(body: &Body) -> String {
    let bare = |text: &str| text.replace('`', "");
    let header = body.header.as_deref().map(bare).unwrap_or_default();
    let footer = body.footer.iter().map(|line| bare(line)).collect::<Vec<_>>().join("\n");
    let parts = [header.as_str(), body.text.as_str(), footer.as_str()];
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// Returns an address in the protocol's words.
pub(super) fn address(address: &core::Address) -> wire::Address {
    wire::Address {
        instance: address.instance.to_string(),
        chat: address.chat.clone(),
        thread: address.thread.clone(),
    }
}

/// Returns a message in the protocol's words.
pub(super) fn message(message: &core::MessageRef) -> wire::MessageRef {
    wire::MessageRef { address: address(&message.address), id: message.id.clone() }
}

/// Returns a file that came with a message in the protocol's words.
pub(super) fn attachment(file: &core::Attachment) -> wire::Attachment {
    wire::Attachment {
        handle: file.handle.clone(),
        kind: match file.kind {
            core::AttachmentKind::Image => wire::AttachmentKind::Image,
            core::AttachmentKind::Voice => wire::AttachmentKind::Voice,
            core::AttachmentKind::File => wire::AttachmentKind::File,
        },
        name: file.name.clone(),
        bytes: file.bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use takopi_core::id::CommandId;
    use takopi_core::message::{Button, ButtonAction, SpooledFile};
    use takopi_core::port::transport::TextUnit;

    fn body() -> Body {
        let command = CommandId::parse("help").unwrap();
        let action = ButtonAction::Command { command, arguments: "me".to_owned() };
        Body {
            header: Some("`cancelled` · alpha".to_owned()),
            text: "a `b` *c*".to_owned(),
            footer: vec!["ctx: app".to_owned(), "`alpha resume 7`".to_owned()],
            buttons: vec![vec![Button { label: "help".to_owned(), action }]],
            files: vec![SpooledFile { path: "x/1".into(), name: "a.txt".to_owned() }],
            ..Body::default()
        }
    }

    #[test]
    fn a_body_is_one_text_in_its_own_format_with_tokens_and_paths() {
        let plain = Body { format: core::Format::Plain, ..body() };
        let shown = [body(), plain].map(|body| part(&body, true, Some(Path::new("/spool"))).unwrap());
        insta::assert_json_snapshot!(shown);
    }

    #[test]
    fn what_a_transport_does_not_show_is_left_out_or_refused() {
        let without = Body { files: Vec::new(), ..body() };
        assert_eq!(part(&without, false, None).unwrap().buttons, Vec::<Vec<wire::Button>>::new());
        let refused = SendError::Denied("files are not sent here".to_owned());
        assert_eq!(part(&body(), true, None), Err(refused));
    }

    #[test]
    fn a_manifest_without_modesty_still_gets_lines_that_fit() {
        let body = Body { text: "\u{1}".repeat(300_000), ..body() };
        let parts = lay_out(&body, TextLimit { max: usize::MAX, unit: TextUnit::Chars });
        for one in &parts {
            let part = part(one, true, Some(Path::new("/spool"))).unwrap();
            let line = serde_json::to_string(&part).unwrap();
            assert!(line.len() < takopi_plugin_protocol::MAX_LINE_BYTES * 3 / 4, "{}", line.len());
        }
        assert!(parts.iter().all(|part| part.footer == body.footer) && parts.len() > 2);
    }
}
