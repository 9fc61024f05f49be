//! What a plugin wants to show, in core's words: checked, without anything that drives a terminal, with files from
//! its own folder alone.

use std::path::Path;

use serde_json::json;
use takopi_core::files::{FilePath, clean_name};
use takopi_core::id::CommandId;
use takopi_core::message::{Body, Button, ButtonAction, Format, SpooledFile};
use takopi_core::text::visible;
use takopi_plugin_protocol::{code, message as wire};
use takopi_stdio::rpc::RpcError;
use tokio_util::sync::CancellationToken;

use super::contexts::Guest;

/// Characters of one text: some fifty messages on the strictest service.
const MAX_TEXT_CHARS: usize = 100_000;

/// Rows of buttons, and buttons of a row: what a phone shows, and 8 is the most that Telegram lays side by side.
const MAX_ROWS: usize = 20;
const MAX_IN_ROW: usize = 8;

/// Characters of a button's label: Discord's limit, the strictest.
const MAX_LABEL_CHARS: usize = 80;

/// Bytes of what a button calls the command with. Above 64 less the command's name, Telegram's buttons are forgotten
/// when takopi is started again.
const MAX_TOKEN_BYTES: usize = 1000;

/// Files of one message: an album's worth.
const MAX_FILES: usize = 10;

fn invalid(text: impl Into<String>) -> RpcError {
    RpcError::new(RpcError::INVALID_PARAMS, text)
}

/// Reads a body, and copies its files to where messages take theirs from.
///
/// # Errors
/// What is wrong with it, for the plugin's author.
pub(super) async fn read(
    body: wire::Body,
    guest: &Guest,
    stop: &CancellationToken,
) -> Result<Body, RpcError> {
    let mut read = without_files(&body, &guest.command)?;
    for file in &body.files {
        read.files.push(enclosed(file, guest, stop).await?);
    }
    Ok(read)
}

fn without_files(body: &wire::Body, command: &CommandId) -> Result<Body, RpcError> {
    if body.text.chars().nth(MAX_TEXT_CHARS).is_some() {
        let text =
            format!("the text is longer than {MAX_TEXT_CHARS} characters; send a file, or several messages");
        let data = Some(json!({ "limit_chars": MAX_TEXT_CHARS }));
        return Err(RpcError { data, ..RpcError::new(code::TOO_LONG, text) });
    }
    let text = visible(&body.text).into_owned();
    if text.trim().is_empty() && body.buttons.is_empty() && body.files.is_empty() {
        return Err(invalid("the message is empty: it has neither text nor buttons nor files"));
    }
    if body.files.len() > MAX_FILES {
        return Err(invalid(format!("{} files in one message; {MAX_FILES} at most", body.files.len())));
    }
    if body.buttons.len() > MAX_ROWS {
        return Err(invalid(format!("{} rows of buttons; {MAX_ROWS} at most", body.buttons.len())));
    }
    let format = match body.format {
        wire::Format::Markdown => Format::Markdown,
        wire::Format::Plain => Format::Plain,
    };
    let buttons = body.buttons.iter().map(|row| buttons(row, command)).collect::<Result<_, _>>()?;
    Ok(Body { text, format, buttons, ..Body::default() })
}

fn buttons(row: &[wire::Button], command: &CommandId) -> Result<Vec<Button>, RpcError> {
    if !(1..=MAX_IN_ROW).contains(&row.len()) {
        return Err(invalid(format!("{} buttons in a row; from 1 to {MAX_IN_ROW} can be", row.len())));
    }
    let button = |button: &wire::Button| {
        let label = button.label.trim();
        let chars = label.chars().count();
        if !(1..=MAX_LABEL_CHARS).contains(&chars) || label.contains(char::is_control) {
            return Err(invalid(format!(
                "a button's label has {chars} characters; it takes one line of 1 to {MAX_LABEL_CHARS}"
            )));
        }
        if button.token.len() > MAX_TOKEN_BYTES || button.token.contains('\0') {
            let bytes = button.token.len();
            return Err(invalid(format!(
                "the token of '{label}' has {bytes} bytes; {MAX_TOKEN_BYTES} at most"
            )));
        }
        let (command, arguments) = (command.clone(), button.token.clone());
        Ok(Button { label: label.to_owned(), action: ButtonAction::Command { command, arguments } })
    };
    row.iter().map(button).collect()
}

async fn enclosed(
    file: &wire::File,
    guest: &Guest,
    stop: &CancellationToken,
) -> Result<SpooledFile, RpcError> {
    let path = inside(Path::new(&file.path), &guest.data_dir)?;
    let copied = guest.host.enclose(&guest.data_dir, &path, stop).await;
    let copied = copied.map_err(|error| invalid(format!("the file {path} cannot be sent: {error}")))?;
    Ok(match clean_name(&file.name) {
        Some(name) => SpooledFile { name, ..copied },
        None => copied,
    })
}

/// Returns a file's path from the plugin's folder on.
fn inside(path: &Path, data_dir: &Path) -> Result<FilePath, RpcError> {
    let below = if path.is_absolute() { path.strip_prefix(data_dir).ok() } else { Some(path) };
    let path_below = below.and_then(Path::to_str).and_then(FilePath::parse).filter(|path| !path.is_folder());
    path_below.ok_or_else(|| {
        let (path, data_dir) = (path.display(), data_dir.display());
        invalid(format!(
            "the file {path} is not one of the plugin's data folder {data_dir}; copy it there first"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &wire::Body) -> Result<Body, String> {
        without_files(body, &CommandId::parse("poll").unwrap()).map_err(|error| error.to_string())
    }

    fn with_buttons(rows: &[&[(&str, &str)]]) -> wire::Body {
        let button = |(label, token): &(&str, &str)| wire::Button {
            label: (*label).to_owned(),
            token: (*token).to_owned(),
        };
        let buttons = rows.iter().map(|row| row.iter().map(button).collect()).collect();
        wire::Body { buttons, ..wire::Body::markdown("which?") }
    }

    #[test]
    fn a_button_calls_the_command_it_comes_from() {
        let read = read(&with_buttons(&[&[("Yes", "vote yes"), ("No", "")]])).unwrap();
        let (command, arguments) = (CommandId::parse("poll").unwrap(), "vote yes".to_owned());
        assert_eq!(read.buttons[0][0].action, ButtonAction::Command { command, arguments });
        assert_eq!((read.text.as_str(), read.buttons[0].len()), ("which?", 2));
    }

    #[test]
    fn what_no_service_shows_is_refused_with_the_limit() {
        let (long, token) = ("x".repeat(81), "x".repeat(1001));
        let wide = [("a", ""); 9];
        let mut high: Vec<&[(&str, &str)]> = vec![&[("a", "")]; 21];
        let mut refusals = vec![
            read(&wire::Body::default()),
            read(&wire::Body::plain(" \n")),
            read(&wire::Body::markdown("x".repeat(MAX_TEXT_CHARS + 1))),
            read(&with_buttons(&[&[]])),
            read(&with_buttons(&[&wide])),
            read(&with_buttons(&high)),
        ];
        high.truncate(20);
        assert!(read(&with_buttons(&high)).is_ok());
        for (label, token) in [(long.as_str(), ""), (" ", ""), ("a\nb", ""), ("a", token.as_str())] {
            refusals.push(read(&with_buttons(&[&[(label, token)]])));
        }
        let file = wire::File { path: "a".to_owned(), name: String::new() };
        refusals.push(read(&wire::Body { files: vec![file; 11], ..wire::Body::default() }));
        let told: Vec<String> = refusals.into_iter().map(Result::unwrap_err).collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn only_files_of_the_plugins_own_folder_are_meant() {
        let data = Path::new("/data/acme");
        let meant = |path: &str| inside(Path::new(path), data).map(|path| path.to_string()).ok();
        assert_eq!(meant("/data/acme/a/b.png").as_deref(), Some("a/b.png"));
        assert_eq!(meant("a/b.png").as_deref(), Some("a/b.png"));
        let not =
            ["/etc/passwd", "../other/x", "/data/acme/../other/x", "/data/acme", "/data/acmeish/x", "a/", ""];
        assert!(not.map(meant).iter().all(Option::is_none));
    }
}
