//! Fetching a file that came with a message: its URL was told with the message, and what it names is handed on as it
//! comes. Never holds a whole file, never tries twice, and never says who asks: the bot's token is not for the
//! servers that keep files.

use std::time::Duration;

use reqwest::{StatusCode, Url};
use takopi_core::port::transport::FetchError;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::api::tell;
use crate::error::DiscordError;

/// How long a file may take to be fetched; shorter than the house's patience of 60 s.
const FILE_TIMEOUT: Duration = Duration::from_secs(58);

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Whose servers keep files. A message may hold any URL, and not every one is to be asked from here.
const KEEPERS: [&str; 3] = ["discordapp.com", "discordapp.net", "discord.com"];

/// The way to the files of messages.
#[derive(Debug)]
pub(crate) struct Downloads {
    client: reqwest::Client,
    /// Where calls go: a server of somebody's own keeps its files itself.
    api: Url,
}

impl Downloads {
    /// Returns the way to the files of whoever serves `api_url`.
    ///
    /// # Errors
    /// [`DiscordError`].
    pub(crate) fn new(api_url: &str) -> Result<Self, DiscordError> {
        let api = Url::parse(api_url).map_err(|error| DiscordError::Url(error.to_string()))?;
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| DiscordError::Client(error.without_url().to_string()))?;
        Ok(Self { client, api })
    }

    /// Fetches the file at `handle`, `max_bytes` of it at most, and writes it `into`. Its name came
    /// with the message.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(crate) async fn fetch(
        &self,
        handle: &str,
        max_bytes: u64,
        into: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<(), FetchError> {
        let url = Url::parse(handle).ok().filter(|url| self.is_kept_there(url));
        let url = url.ok_or_else(|| FetchError::Denied("its URL is none of Discord's".to_owned()))?;
        let request = self.client.get(url).timeout(FILE_TIMEOUT);
        let mut response = request.send().await.map_err(|error| FetchError::Unfound(tell(error)))?;
        found(response.status())?;
        if response.content_length().is_some_and(|bytes| bytes > max_bytes) {
            return Err(FetchError::TooLarge);
        }
        let mut left = max_bytes;
        while let Some(chunk) = response.chunk().await.map_err(|error| FetchError::Broken(tell(error)))? {
            let bytes = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            left = left.checked_sub(bytes).ok_or(FetchError::TooLarge)?;
            into.write_all(&chunk).await.map_err(unwritten)?;
        }
        into.flush().await.map_err(unwritten)
    }

    fn is_kept_there(&self, url: &Url) -> bool {
        if url.origin() == self.api.origin() {
            return true;
        }
        let is_keeper = |host: &str| {
            KEEPERS.iter().any(|keeper| host.strip_suffix(keeper).is_some_and(|sub| sub.ends_with('.')))
        };
        url.scheme() == "https" && url.port().is_none() && url.host_str().is_some_and(is_keeper)
    }
}

fn found(status: StatusCode) -> Result<(), FetchError> {
    match status.as_u16() {
        200..300 => Ok(()),
        // Links hold for a day or so (Discord docs, "Signed Attachment CDN URLs").
        403 | 404 | 410 => {
            Err(FetchError::Denied("the file is gone, or its link is too old; send it once more".to_owned()))
        }
        _ => Err(FetchError::Unfound(format!("the server answered {status}"))),
    }
}

fn unwritten(error: std::io::Error) -> FetchError {
    FetchError::Broken(format!("it cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Server, Step};

    async fn fetched(server: &Server, max_bytes: u64) -> (Result<(), FetchError>, String) {
        let mut bytes = Vec::new();
        let url = format!("{}/attachments/1/2/a%20file.txt?ex=1&hm=2", server.url);
        let outcome = Downloads::new(&server.url).unwrap().fetch(&url, max_bytes, &mut bytes).await;
        (outcome, String::from_utf8(bytes).unwrap())
    }

    fn file() -> Step {
        Step::Says(200, Vec::new(), "hello".to_owned())
    }

    #[tokio::test]
    async fn a_file_is_fetched_without_saying_who_asks() {
        let server = Server::start([file()]).await;
        let (outcome, bytes) = fetched(&server, 5).await;
        assert_eq!((outcome, bytes.as_str()), (Ok(()), "hello"));
        assert_eq!(server.lines(), ["GET /attachments/1/2/a%20file.txt?ex=1&hm=2"]);
        assert_eq!(server.heard()[0].header("authorization"), None);
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_gone_or_refused_is_told() {
        let says = |status| Step::Says(status, Vec::new(), String::new());
        let server = Server::start([file(), says(404), says(503), says(302)]).await;
        assert_eq!(fetched(&server, 4).await.0, Err(FetchError::TooLarge));
        assert!(matches!(fetched(&server, 9).await.0, Err(FetchError::Denied(_))));
        assert!(matches!(fetched(&server, 9).await.0, Err(FetchError::Unfound(_))));
        assert!(matches!(fetched(&server, 9).await.0, Err(FetchError::Unfound(_))), "nowhere else");
    }

    #[test]
    fn only_those_who_keep_files_are_asked() {
        let is_kept =
            |url: &str| Downloads::new("https://discord.com").unwrap().is_kept_there(&url.parse().unwrap());
        assert!(is_kept("https://cdn.discordapp.com/attachments/1/2/x"));
        assert!(is_kept("https://media.discordapp.net/x") && is_kept("https://discord.com/x"));
        for url in ["http://cdn.discordapp.com/x", "https://evildiscordapp.com/x", "https://127.0.0.1/x"] {
            assert!(!is_kept(url), "{url}");
        }
        assert!(!is_kept("https://cdn.discordapp.com:8443/x") && !is_kept("file:///etc/passwd"));
    }
}
