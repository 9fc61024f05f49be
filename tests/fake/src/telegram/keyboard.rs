//! The buttons under a message.

use serde_json::Value;

use super::params::{Refusal, bad};

/// Bytes of what a button carries at most: Telegram Bot API, `InlineKeyboardButton`.
const MAX_DATA: usize = 64;

/// Buttons under a message at most, as Telegram takes them.
const MAX_BUTTONS: usize = 100;

/// Checks a `reply_markup`; a keyboard without buttons is none.
pub(super) fn read(markup: Option<Value>) -> Result<Option<Value>, Refusal> {
    let Some(markup) = markup else { return Ok(None) };
    let rows = markup.get("inline_keyboard").ok_or_else(|| bad("this server takes inline keyboards only"))?;
    let rows = rows.as_array().ok_or_else(unreadable)?;
    let rows = rows.iter().map(|row| row.as_array().ok_or_else(unreadable)).collect::<Result<Vec<_>, _>>()?;
    let mut count = 0;
    for button in rows.into_iter().flatten() {
        check(button)?;
        count += 1;
    }
    if count > MAX_BUTTONS {
        return Err(bad("reply markup is too long"));
    }
    Ok((count > 0).then_some(markup))
}

fn unreadable() -> Refusal {
    bad("can't parse inline keyboard: expected an Array of Arrays")
}

fn check(button: &Value) -> Result<(), Refusal> {
    if button["text"].as_str().is_none_or(|text| text.trim().is_empty()) {
        return Err(bad("can't parse inline keyboard button: text is empty"));
    }
    match (button.get("callback_data"), button.get("url")) {
        (Some(data), None) => match data.as_str() {
            Some(data) if (1..=MAX_DATA).contains(&data.len()) => Ok(()),
            _ => Err(bad("BUTTON_DATA_INVALID")),
        },
        (None, Some(url)) => match url.as_str() {
            Some(url) if url.contains("://") => Ok(()),
            _ => Err(bad("BUTTON_URL_INVALID")),
        },
        _ => Err(bad("can't parse inline keyboard button: it needs a callback_data or a url, and not both")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(button: Value) -> Result<Option<Value>, Refusal> {
        read(Some(json!({"inline_keyboard": [[button]]})))
    }

    #[test]
    fn a_button_carries_one_to_sixty_four_bytes() {
        assert!(one(json!({"text": "go", "callback_data": "x".repeat(64)})).unwrap().is_some());
        for data in [String::new(), "x".repeat(65), "é".repeat(33)] {
            let refused = one(json!({"text": "go", "callback_data": data})).unwrap_err();
            assert_eq!(refused, bad("BUTTON_DATA_INVALID"));
        }
    }

    #[test]
    fn a_button_without_a_label_or_a_purpose_is_refused() {
        assert!(one(json!({"text": "", "callback_data": "x"})).is_err());
        assert!(one(json!({"text": "go"})).is_err());
    }

    #[test]
    fn an_empty_keyboard_is_none() {
        assert_eq!(read(Some(json!({"inline_keyboard": []}))).unwrap(), None);
        assert_eq!(read(Some(json!({"inline_keyboard": [[]]}))).unwrap(), None);
    }
}
