//! What a failed call means for what was to be said: whether it may have arrived, whether it ever will.

use takopi_core::message::Address;
use takopi_core::port::transport::{RetryScope, SendError};
use teloxide::ApiError;

use crate::api::CallError;

/// Returns what a failed send, edit or deletion at `address` means.
pub(crate) fn send_error(error: CallError, address: &Address) -> SendError {
    match error {
        CallError::Broken(text) => SendError::Broken(text),
        CallError::Unknown(text) => SendError::Unknown(text),
        // Whether it is the bot's after all, `limited.rs` knows by what other chats are told.
        CallError::Limited(after) => SendError::RetryAfter { after, scope: RetryScope::Chat },
        CallError::Moved(chat) => {
            SendError::Moved(Address { chat: chat.to_string(), thread: None, ..address.clone() })
        }
        CallError::Refused { code, error, description } => refusal(code, &error, description, address),
    }
}

fn refusal(code: u16, error: &ApiError, description: String, address: &Address) -> SendError {
    match error {
        ApiError::MessageToEditNotFound | ApiError::MessageIdInvalid | ApiError::MessageToDeleteNotFound => {
            SendError::Gone
        }
        ApiError::ChatNotFound
        | ApiError::BotBlocked
        | ApiError::BotKicked
        | ApiError::BotKickedFromSupergroup
        | ApiError::BotKickedFromChannel
        | ApiError::UserDeactivated
        | ApiError::GroupDeactivated
        | ApiError::CantInitiateConversation => SendError::Gone,
        ApiError::MessageIsTooLong | ApiError::EditedMessageIsTooLong => SendError::TooLong,
        // The token holds no longer; whoever polls says so. What was to be said waits for a new one.
        ApiError::InvalidToken => SendError::Broken(description),
        _ if code == 401 => SendError::Broken(description),
        _ if code == 403 => SendError::Gone,
        // The topic is gone, or closed to us; the chat itself is not.
        _ if address.thread.is_some() && is_about_a_topic(&description) => {
            SendError::Moved(address.whole_chat())
        }
        _ => SendError::Denied(description),
    }
}

/// Returns what a failed call about a topic itself means: whether it is there at all.
pub(crate) fn topic_error(error: CallError, topic: &Address) -> SendError {
    let is_gone = |description: &str| {
        let text = description.to_lowercase();
        ["message thread not found", "topic_deleted", "topic_id_invalid"]
            .iter()
            .any(|sign| text.contains(sign))
    };
    match error {
        CallError::Refused { description, .. } if is_gone(&description) => SendError::Gone,
        error => send_error(error, &topic.whole_chat()),
    }
}

/// Returns whether naming a topic failed only because it is called so already.
pub(crate) fn is_named_so_already(error: &CallError) -> bool {
    matches!(error, CallError::Refused { description, .. } if description.contains("TOPIC_NOT_MODIFIED"))
}

/// Returns whether a refusal is about the topic something was to go to.
fn is_about_a_topic(description: &str) -> bool {
    let text = description.to_lowercase();
    ["message thread not found", "topic_closed", "topic_deleted", "topic_id_invalid"]
        .iter()
        .any(|sign| text.contains(sign))
}

/// Returns whether the server refused how a text was formatted.
pub(crate) fn is_about_formatting(error: &CallError) -> bool {
    let CallError::Refused { error, description, .. } = error else { return false };
    let text = description.to_lowercase();
    matches!(**error, ApiError::CantParseEntities(_)) || text.contains("entit") || text.contains("url")
}

/// Returns whether an edit failed only because the message says all that already.
pub(crate) fn is_unchanged(error: &CallError) -> bool {
    let CallError::Refused { error, description, .. } = error else { return false };
    matches!(**error, ApiError::MessageNotModified) || description.contains("message is not modified")
}

/// Returns whether a deletion failed only because the message is gone already.
pub(crate) fn is_gone_already(error: &CallError) -> bool {
    let CallError::Refused { error, .. } = error else { return false };
    matches!(**error, ApiError::MessageToDeleteNotFound | ApiError::MessageIdInvalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use takopi_core::id::InstanceId;

    fn address(thread: Option<&str>) -> Address {
        Address {
            instance: InstanceId::parse("telegram").unwrap(),
            chat: "-100".to_owned(),
            thread: thread.map(str::to_owned),
        }
    }

    fn refused(code: u16, description: &str) -> CallError {
        let error = serde_json::from_value(description.into()).unwrap();
        CallError::Refused { code, error: Box::new(error), description: description.to_owned() }
    }

    fn of(code: u16, description: &str) -> SendError {
        send_error(refused(code, description), &address(None))
    }

    #[test]
    fn a_refusal_says_whether_trying_again_helps() {
        for (code, description) in [
            (400, "Bad Request: message to edit not found"),
            (400, "Bad Request: MESSAGE_ID_INVALID"),
            (400, "Bad Request: chat not found"),
            (403, "Forbidden: bot was blocked by the user"),
            (403, "Forbidden: the group is not what it was"),
        ] {
            assert_eq!(of(code, description), SendError::Gone, "{description}");
        }
        assert_eq!(of(400, "Bad Request: message is too long"), SendError::TooLong);
        assert_eq!(of(400, "Bad Request: MESSAGE_TOO_LONG"), SendError::TooLong);
        assert!(matches!(of(401, "Unauthorized"), SendError::Broken(_)));
        let denied = "Bad Request: not enough rights to send text messages to the chat";
        assert_eq!(of(400, denied), SendError::Denied(denied.to_owned()));
    }

    #[test]
    fn a_limit_is_the_chats_and_a_move_names_the_new_chat() {
        let limited = CallError::Limited(Duration::from_secs(7));
        let expected = SendError::RetryAfter { after: Duration::from_secs(7), scope: RetryScope::Chat };
        assert_eq!(send_error(limited, &address(None)), expected);
        let moved = send_error(CallError::Moved(-1001), &address(Some("5")));
        assert_eq!(moved, SendError::Moved(Address { chat: "-1001".to_owned(), ..address(None) }));
    }

    #[test]
    fn what_was_for_a_lost_topic_goes_to_its_chat() {
        let lost = || refused(400, "Bad Request: message thread not found");
        assert_eq!(send_error(lost(), &address(Some("5"))), SendError::Moved(address(None)));
        assert!(matches!(send_error(lost(), &address(None)), SendError::Denied(_)), "and not for ever");
    }

    #[test]
    fn a_topic_is_gone_only_when_telegram_says_so() {
        let of = |description: &str| topic_error(refused(400, description), &address(Some("5")));
        for gone in ["message thread not found", "TOPIC_DELETED", "TOPIC_ID_INVALID"] {
            assert_eq!(of(&format!("Bad Request: {gone}")), SendError::Gone);
        }
        for there in ["not enough rights to edit the topic", "TOPIC_CLOSED"] {
            assert!(matches!(of(&format!("Bad Request: {there}")), SendError::Denied(_)), "{there}");
        }
        assert!(is_named_so_already(&refused(400, "Bad Request: TOPIC_NOT_MODIFIED")));
    }

    #[test]
    fn failures_that_are_none_are_known() {
        let unchanged = "Bad Request: message is not modified: specified new message content and reply markup are \
                         exactly the same as a current content and reply markup of the message";
        assert!(is_unchanged(&refused(400, unchanged)));
        assert!(is_gone_already(&refused(400, "Bad Request: message to delete not found")));
        assert!(is_about_formatting(&refused(400, "Bad Request: can't parse entities: unclosed")));
        assert!(!is_about_formatting(&refused(400, "Bad Request: chat not found")));
    }
}
