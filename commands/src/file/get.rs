//! `/file get PATH`: a file of the project comes into the chat, a folder as a zip archive.

use takopi_core::files::FilePath;
use takopi_core::port::command::{Call, CommandError, CommandHost, CommandReply, Directed};
use takopi_core::port::transport::FilePolicy;
use takopi_core::port::workspace::{FileError, Way};
use tokio_util::sync::CancellationToken;

use super::{bind, told};

const USAGE: &str = "usage: /file get <path>";

/// Sends the file that the call names: that is the answer. Directives may stand before the path.
pub(super) async fn get(
    call: &Call,
    host: &dyn CommandHost,
    policy: &FilePolicy,
    stop: &CancellationToken,
) -> Result<Option<CommandReply>, CommandError> {
    if let Some(refusal) = host.file_refusal().await? {
        return Ok(Some(told(refusal)));
    }
    let words: Vec<&str> = call.words.iter().skip(1).map(String::as_str).collect();
    let Directed { context, said, text: path } = host.directed(&words.join(" ")).await?;
    if context.project.is_none() {
        return Ok(Some(told(FileError::NoProject(Way::Get).to_string())));
    }
    if path.trim().is_empty() {
        return Ok(Some(told(USAGE)));
    }
    if said {
        bind(host, &context).await?;
    }
    let sent = match FilePath::parse(&path) {
        Some(path) => host.hand_out(&path, &context, &policy.rules, stop).await,
        None => Err(FileError::Invalid(Way::Get)),
    };
    Ok(sent.err().map(|error| told(error.to_string())))
}
