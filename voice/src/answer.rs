//! What an answer of the endpoint means: the words, another try, or a text for the chat. Pure.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// Longest part of a server's own message that is passed on, in characters.
const LONGEST_MESSAGE: usize = 300;

/// Longest wait a server may ask for; beyond it the person is told, who can try again.
pub(crate) const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What was said.
    Words(String),
    /// Another try may help, after that long where the server says so; the text is for the chat, should there
    /// be no other try.
    Again { after: Option<Duration>, told: String },
    /// No other try helps.
    Refused(String),
}

#[derive(Deserialize)]
struct Transcription {
    text: String,
}

/// Reads an answer by its status, its `Retry-After` and its body.
pub(crate) fn read(status: u16, retry_after: Option<&str>, body: &[u8]) -> Answer {
    if (200..300).contains(&status) {
        return match serde_json::from_slice::<Transcription>(body) {
            Ok(said) if said.text.trim().is_empty() => {
                Answer::Refused("nothing could be heard in the voice message.".to_owned())
            }
            Ok(said) => Answer::Words(said.text.trim().to_owned()),
            Err(_) => Answer::Refused(
                "the transcription service answered something else than a transcription; check \
                 voice_transcription_base_url."
                    .to_owned(),
            ),
        };
    }
    let message = message(body).map_or_else(String::new, |message| format!(": {message}"));
    match status {
        429 => {
            // Dates are allowed there too; nobody sends them for a wait of seconds.
            let after = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
            let told = format!("the transcription service asks to slow down{message}; {}", try_again(after));
            match after {
                Some(after) if after > LONGEST_RETRY => Answer::Refused(told),
                after => Answer::Again { after, told },
            }
        }
        500.. => {
            let told = format!("the transcription service has failed ({status}){message}; try again.");
            Answer::Again { after: None, told }
        }
        401 | 403 => Answer::Refused(format!(
            "the transcription service refused the key ({status}){message}; check \
             voice_transcription_api_key, or OPENAI_API_KEY."
        )),
        _ => Answer::Refused(format!("the transcription service refused ({status}){message}")),
    }
}

fn try_again(after: Option<Duration>) -> String {
    match after.map(|after| after.as_secs()) {
        Some(seconds @ 1..) => format!("try again in {seconds} s."),
        _ => "try again.".to_owned(),
    }
}

/// Returns the server's own message, in one line: `error.message` as OpenAI writes it, or one of the ways
/// other servers do.
fn message(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let places = ["/error/message", "/error", "/message", "/detail"];
    let text = places.iter().find_map(|place| value.pointer(place)?.as_str())?;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then(|| line.chars().take(LONGEST_MESSAGE).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answer: Answer) -> String {
        match answer {
            Answer::Again { told, .. } | Answer::Refused(told) => told,
            Answer::Words(words) => panic!("it heard {words}"),
        }
    }

    #[test]
    fn the_words_are_read_without_their_margins() {
        assert_eq!(read(200, None, br#"{"text":" fix the tests\n"}"#), Answer::Words("fix the tests".into()));
        for silence in [r#"{"text":""}"#, r#"{"text":" \n"}"#] {
            let told = told(read(200, None, silence.as_bytes()));
            assert_eq!(told, "nothing could be heard in the voice message.");
        }
        let page = told(read(200, None, b"<html>"));
        assert!(page.contains("check voice_transcription_base_url"), "{page}");
    }

    #[test]
    fn a_refusal_passes_on_what_the_server_says() {
        for body in [
            r#"{"error":{"message":"model\n not found"}}"#,
            r#"{"error":"model not found"}"#,
            r#"{"message":"model not found"}"#,
            r#"{"detail":"model not found"}"#,
        ] {
            let refused = read(404, None, body.as_bytes());
            let text = "the transcription service refused (404): model not found";
            assert_eq!(refused, Answer::Refused(text.to_owned()), "{body}");
        }
        assert_eq!(told(read(404, None, b"<html>")), "the transcription service refused (404)");
        let long = format!(r#"{{"error":"{}"}}"#, "é".repeat(1000));
        assert_eq!(told(read(400, None, long.as_bytes())).matches('é').count(), LONGEST_MESSAGE);
        assert!(told(read(401, None, b"{}")).contains("check voice_transcription_api_key"));
    }

    #[test]
    fn trouble_of_the_server_is_worth_another_try() {
        let failed = "the transcription service has failed (503); try again.".to_owned();
        assert_eq!(read(503, None, b""), Answer::Again { after: None, told: failed });
        let soon = read(429, Some("2"), br#"{"error":{"message":"too fast"}}"#);
        let told = "the transcription service asks to slow down: too fast; try again in 2 s.".to_owned();
        assert_eq!(soon, Answer::Again { after: Some(Duration::from_secs(2)), told });
        assert!(matches!(read(429, Some("tomorrow"), b""), Answer::Again { after: None, .. }));
    }

    #[test]
    fn a_wait_that_is_too_long_is_left_to_the_person() {
        let refused = read(429, Some("3600"), b"");
        let text = "the transcription service asks to slow down; try again in 3600 s.";
        assert_eq!(refused, Answer::Refused(text.to_owned()));
    }
}
