//! Fetching a file that came with a message: the server is asked for its path, then the bytes are handed on as
//! they come. Never holds a whole file, never tries twice; the texts of its errors come from `api.rs`, which
//! keeps the token out of them.

use serde::Deserialize;
use takopi_core::port::transport::FetchError;
use teloxide::payloads::GetFile;
use teloxide::types::FileId;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::api::{Api, CALL_TIMEOUT, CallError, tell};

/// What the server says of a file it doesn't hand out to bots (Bot API, getFile: up to 20 MB).
const TOO_BIG: &str = "file is too big";

/// What is told where the server keeps its files to itself: the path it names is one of its own machine, and
/// whatever may stand there is not for a chat to read (Bot API, "Using a Local Bot API Server").
const LOCAL_SERVER: &str =
    "the Bot API server runs with --local and hands out no files; start it without --local";

/// Where a file is (Bot API, File).
#[derive(Deserialize)]
struct Found {
    file_path: Option<String>,
    file_size: Option<u64>,
}

/// Fetches the file of a handle, `max_bytes` of it at most, writes it `into`, and returns what its path at the
/// server ends in.
///
/// # Errors
/// [`FetchError`].
pub(crate) async fn fetch(
    api: &Api,
    handle: &str,
    max_bytes: u64,
    into: &mut (dyn AsyncWrite + Send + Unpin),
) -> Result<Option<String>, FetchError> {
    let asked = GetFile::new(FileId(handle.to_owned()));
    let found: Found = api.call(&asked, CALL_TIMEOUT).await.map_err(unfound)?;
    if found.file_size.is_some_and(|bytes| bytes > max_bytes) {
        return Err(FetchError::TooLarge);
    }
    let path = found.file_path.ok_or_else(|| FetchError::Denied("it has no path".to_owned()))?;
    let name = name(&path)?;
    let mut response = api.open_file(&path).await.map_err(|error| FetchError::Broken(error.to_string()))?;
    let mut left = max_bytes;
    while let Some(chunk) = response.chunk().await.map_err(|error| FetchError::Broken(tell(error)))? {
        let bytes = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        left = left.checked_sub(bytes).ok_or(FetchError::TooLarge)?;
        into.write_all(&chunk).await.map_err(unwritten)?;
    }
    into.flush().await.map_err(unwritten)?;
    Ok(Some(name.to_owned()))
}

/// Returns what the server calls the file at a path of its own.
fn name(path: &str) -> Result<&str, FetchError> {
    match path.strip_prefix('/') {
        Some(_) => Err(FetchError::Denied(LOCAL_SERVER.to_owned())),
        None => Ok(path.rsplit_once('/').map_or(path, |(_, name)| name)),
    }
}

fn unfound(error: CallError) -> FetchError {
    match error {
        CallError::Refused { description, .. } if description.contains(TOO_BIG) => FetchError::TooLarge,
        CallError::Refused { .. } | CallError::Moved(_) => FetchError::Denied(error.to_string()),
        CallError::Broken(_) | CallError::Unknown(_) | CallError::Limited(_) => {
            FetchError::Unfound(error.to_string())
        }
    }
}

fn unwritten(error: std::io::Error) -> FetchError {
    FetchError::Broken(format!("it cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_what_its_path_ends_in_unless_the_path_is_of_the_servers_own_machine() {
        assert_eq!(name("photos/file_1.jpg"), Ok("file_1.jpg"));
        assert_eq!(name("file_1"), Ok("file_1"));
        let Err(FetchError::Denied(told)) = name("/var/lib/bot/1:A/documents/file_1") else { panic!() };
        assert!(told.ends_with("start it without --local"), "{told}");
    }
}
