//! The rows of buttons below a message, as Telegram wants them.

use takopi_core::message::Button;
use teloxide::types::{InlineKeyboardButton, InlineKeyboardMarkup};

use crate::callback::Kept;

/// Returns the buttons; an empty keyboard takes away those that were there.
pub(crate) fn keyboard(rows: &[Vec<Button>], kept: &Kept) -> InlineKeyboardMarkup {
    let button = |button: &Button| InlineKeyboardButton::callback(&button.label, kept.write(&button.action));
    InlineKeyboardMarkup::new(rows.iter().filter(|row| !row.is_empty()).map(|row| row.iter().map(button)))
}
