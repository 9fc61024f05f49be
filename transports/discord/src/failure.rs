//! What a failed call means for what was to be said: whether it may have arrived, whether it ever will, and which
//! permission is missing. Pure. Codes: Discord docs, "JSON Error Codes".

use std::time::Duration;

use takopi_core::message::Address;
use takopi_core::port::transport::{RetryScope, SendError};

use crate::api::CallError;

const UNKNOWN_CHANNEL: u32 = 10_003;
const UNKNOWN_GUILD: u32 = 10_004;
const UNKNOWN_MESSAGE: u32 = 10_008;
const UNKNOWN_USER: u32 = 10_013;
const UNKNOWN_WEBHOOK: u32 = 10_015;
const UNKNOWN_INTERACTION: u32 = 10_062;
const SLOW_MODE: u32 = 20_016;
const CHANNEL_WRITES: u32 = 20_028;
const GUILD_WRITES: u32 = 20_029;
/// An old message was edited too often of late.
const OLD_EDITS: u32 = 30_046;
const TOO_LARGE: u32 = 40_005;
const ANSWERED_ALREADY: u32 = 40_060;
const RESOURCE_LIMITED: u32 = 40_062;
const MISSING_ACCESS: u32 = 50_001;
const CANNOT_SEND_TO_USER: u32 = 50_007;
const NO_TEXT_CHANNEL: u32 = 50_008;
const MISSING_PERMISSIONS: u32 = 50_013;
const WRONG_CHANNEL_TYPE: u32 = 50_024;
const INVALID_WEBHOOK_TOKEN: u32 = 50_027;
const INVALID_FORM: u32 = 50_035;
const ARCHIVED: u32 = 50_083;
const OVERLOADED: u32 = 130_000;
const THREAD_IS_THERE: u32 = 160_004;
const LOCKED: u32 = 160_005;
const TOO_MANY_THREADS: [u32; 2] = [160_006, 160_007];

/// How long to leave a channel in peace that is written to too much, where Discord doesn't say.
const PEACE: Duration = Duration::from_secs(5);

/// What was tried: which permission it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Writing, with files or without.
    Writing {
        /// Whether in a thread.
        in_thread: bool,
        /// Whether files go with it.
        files: bool,
    },
    /// Deleting a message.
    Deleting,
    /// Opening a thread.
    Opening,
    /// Naming a thread, or taking it out of the archive.
    Changing,
    /// Reading messages.
    Reading,
}

impl Doing {
    /// Returns the permissions it needs, as the server's settings call them.
    fn needs(self) -> &'static str {
        match self {
            Self::Writing { files: true, .. } => "\"Attach Files\"",
            Self::Writing { in_thread: true, .. } => "\"Send Messages in Threads\"",
            Self::Writing { .. } => "\"Send Messages\"",
            Self::Deleting => "\"Manage Messages\"",
            Self::Opening => "\"Create Public Threads\" and \"Send Messages in Threads\"",
            Self::Changing => "\"Manage Threads\"",
            Self::Reading => "\"Read Message History\"",
        }
    }
}

/// Returns what a call that failed means for what was to be said.
pub(crate) fn send_error(error: CallError, doing: Doing) -> SendError {
    let (status, code, message) = match error {
        CallError::Limited { after, bot } => {
            let scope = if bot { RetryScope::Bot } else { RetryScope::Chat };
            return SendError::RetryAfter { after, scope };
        }
        CallError::Unknown(text) => return SendError::Unknown(text),
        CallError::Unreachable(text) => return SendError::Broken(text),
        CallError::Refused { status, code, message } => (status, code, message),
    };
    match code {
        UNKNOWN_CHANNEL
        | UNKNOWN_GUILD
        | UNKNOWN_MESSAGE
        | UNKNOWN_USER
        | UNKNOWN_WEBHOOK
        | UNKNOWN_INTERACTION
        | INVALID_WEBHOOK_TOKEN
        | CANNOT_SEND_TO_USER => SendError::Gone,
        SLOW_MODE | CHANNEL_WRITES | GUILD_WRITES | RESOURCE_LIMITED | OVERLOADED => {
            SendError::RetryAfter { after: PEACE, scope: RetryScope::Chat }
        }
        INVALID_FORM if is_too_long(&message) => SendError::TooLong,
        TOO_LARGE => SendError::Denied("it is larger than the files Discord takes here".to_owned()),
        MISSING_ACCESS => SendError::Denied(lacks("\"View Channel\" (a private thread: invite the bot)")),
        MISSING_PERMISSIONS => SendError::Denied(lacks(doing.needs())),
        ARCHIVED | LOCKED => {
            SendError::Denied(format!("the thread is closed; {}", lacks(Doing::Changing.needs())))
        }
        OLD_EDITS => SendError::Denied("a message older than an hour is edited no more for now".to_owned()),
        _ if status == 413 => SendError::Denied("it is larger than the files Discord takes here".to_owned()),
        // The token holds no longer, which the gateway tells; or something that stands before Discord turned the
        // call away. What was to be said waits.
        0 if matches!(status, 401 | 403) => SendError::Broken(message),
        _ if status == 401 => SendError::Broken(message),
        _ => SendError::Denied(message),
    }
}

fn lacks(permission: &str) -> String {
    format!("give the bot's role the permission {permission}, in the server's settings or the channel's")
}

/// Returns what a failed opening of the thread of `to` means for what was to be said there: where there can be no
/// thread it is said in the channel.
pub(crate) fn opening_error(error: CallError, to: &Address) -> SendError {
    let can_never_be = match &error {
        CallError::Refused { code, .. } => {
            matches!(*code, UNKNOWN_MESSAGE | MISSING_ACCESS | MISSING_PERMISSIONS)
                || matches!(*code, NO_TEXT_CHANNEL | WRONG_CHANNEL_TYPE | INVALID_FORM)
                || TOO_MANY_THREADS.contains(code)
        }
        _ => false,
    };
    if can_never_be {
        let why = send_error(error, Doing::Opening);
        tracing::warn!(channel = to.chat, %why, "no thread can be opened; the channel is used");
        return SendError::Moved(to.whole_chat());
    }
    match send_error(error, Doing::Opening) {
        // A thread that may be there is no message: it is asked for again before the next try.
        SendError::Unknown(text) => SendError::Broken(text),
        other => other,
    }
}

/// Returns Discord's code of a refusal; 0 of anything else.
pub(crate) fn code(error: &CallError) -> u32 {
    match error {
        CallError::Refused { code, .. } => *code,
        _ => 0,
    }
}

/// Returns whether there is no such channel or thread, or not for the bot's eyes.
pub(crate) fn is_unknown_channel(error: &CallError) -> bool {
    code(error) == UNKNOWN_CHANNEL
}

/// Returns whether a deletion failed only because the message is gone already.
pub(crate) fn is_gone_already(error: &CallError) -> bool {
    matches!(code(error), UNKNOWN_MESSAGE | UNKNOWN_CHANNEL)
}

/// Returns whether a thread must be taken out of the archive first.
pub(crate) fn is_archived(error: &CallError) -> bool {
    code(error) == ARCHIVED
}

/// Returns whether a thread could not be opened at a message only because it is there.
pub(crate) fn is_there_already(error: &CallError) -> bool {
    code(error) == THREAD_IS_THERE
}

/// Returns whether an interaction can be answered no more: 15 minutes are over, or 3 s without an answer.
pub(crate) fn is_over(error: &CallError) -> bool {
    matches!(code(error), UNKNOWN_WEBHOOK | UNKNOWN_INTERACTION | INVALID_WEBHOOK_TOKEN)
}

/// Returns whether an interaction was answered before.
pub(crate) fn is_answered_already(error: &CallError) -> bool {
    code(error) == ANSWERED_ALREADY
}

/// Returns whether a body was refused for what stands at a key of it, or below.
pub(crate) fn is_about(error: &CallError, key: &str) -> bool {
    let CallError::Refused { code: INVALID_FORM, message, .. } = error else { return false };
    message.strip_prefix(key).is_some_and(|rest| rest.starts_with([':', '.']))
}

fn is_too_long(message: &str) -> bool {
    message.starts_with("content: ") && (message.contains("MAX_LENGTH") || message.contains("BAD_LENGTH"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use takopi_core::id::InstanceId;

    const HERE: Doing = Doing::Writing { in_thread: true, files: false };

    fn refused(status: u16, code: u32, message: &str) -> CallError {
        CallError::Refused { status, code, message: message.to_owned() }
    }

    fn told(status: u16, code: u32, doing: Doing) -> String {
        match send_error(refused(status, code, "x"), doing) {
            SendError::Denied(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_known_of_the_outcome_is_kept() {
        let after = Duration::from_secs(3);
        let limited = |bot| send_error(CallError::Limited { after, bot }, HERE);
        assert_eq!(limited(false), SendError::RetryAfter { after, scope: RetryScope::Chat });
        assert_eq!(limited(true), SendError::RetryAfter { after, scope: RetryScope::Bot });
        let text = || "t".to_owned();
        assert_eq!(send_error(CallError::Unknown(text()), HERE), SendError::Unknown(text()));
        assert_eq!(send_error(CallError::Unreachable(text()), HERE), SendError::Broken(text()));
        for (status, code) in [(404, 10_003), (404, 10_008), (404, 10_062), (401, 50_027), (403, 50_007)] {
            assert_eq!(send_error(refused(status, code, "x"), HERE), SendError::Gone, "{code}");
        }
        for code in [20_016, 20_028, 130_000] {
            assert!(
                matches!(send_error(refused(400, code, "x"), HERE), SendError::RetryAfter { .. }),
                "{code}"
            );
        }
    }

    #[test]
    fn a_missing_permission_is_named_by_what_was_tried() {
        assert!(told(403, 50_013, HERE).contains("\"Send Messages in Threads\""));
        let files = Doing::Writing { in_thread: true, files: true };
        assert!(told(403, 50_013, files).contains("\"Attach Files\""));
        assert!(told(403, 50_013, Doing::Reading).contains("\"Read Message History\""));
        assert!(told(403, 50_001, HERE).contains("\"View Channel\""));
        assert!(told(400, 50_083, HERE).contains("\"Manage Threads\""));
    }

    #[test]
    fn a_text_that_is_too_long_is_told_from_a_form_that_is_wrong() {
        let form = |message: &str| send_error(refused(400, 50_035, message), HERE);
        let long = "content: Must be 2000 or fewer in length. (BASE_TYPE_MAX_LENGTH)";
        assert_eq!(form(long), SendError::TooLong);
        let label = "components.0.label: Must be 80 or fewer in length. (BASE_TYPE_MAX_LENGTH)";
        assert_eq!(form(label), SendError::Denied(label.to_owned()));
        let error = refused(400, 50_035, label);
        assert!(is_about(&error, "components") && is_about(&error, "components.0.label"));
        assert!(!is_about(&error, "component") && !is_about(&refused(400, 1, label), "components"));
    }

    #[test]
    fn a_token_that_holds_no_longer_and_a_wall_in_between_lose_nothing() {
        assert!(matches!(send_error(refused(401, 0, "401: Unauthorized"), HERE), SendError::Broken(_)));
        assert!(matches!(send_error(refused(403, 0, "the answer was 403"), HERE), SendError::Broken(_)));
        assert!(told(413, 0, HERE).contains("larger"));
        assert_eq!(told(403, 50_005, HERE), "x");
    }

    #[test]
    fn where_no_thread_can_be_the_channel_is_spoken_in() {
        let to = Address {
            instance: InstanceId::parse("discord").unwrap(),
            chat: "1".to_owned(),
            thread: Some("2".to_owned()),
        };
        for code in [10_008, 50_013, 50_024, 160_006] {
            let error = opening_error(refused(400, code, "x"), &to);
            assert_eq!(error, SendError::Moved(to.whole_chat()), "{code}");
        }
        let lost = opening_error(CallError::Unknown("t".to_owned()), &to);
        assert_eq!(lost, SendError::Broken("t".to_owned()), "nothing was said yet");
        assert_eq!(opening_error(refused(404, 10_003, "x"), &to), SendError::Gone);
        let after = Duration::from_secs(120);
        let limited = opening_error(CallError::Limited { after, bot: false }, &to);
        assert_eq!(limited, SendError::RetryAfter { after, scope: RetryScope::Chat });
    }
}
