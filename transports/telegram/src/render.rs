//! What a body looks like in Telegram.

use takopi_core::message::Body;
use takopi_core::port::transport::{TextLimit, TextUnit};
use takopi_core::render::{flatten, split, trim};

use teloxide_core::types::MessageEntity;

use crate::config::Overflow;

/// The most one message holds: 4096 UTF-16 units (Bot API, sendMessage).
pub(crate) const TEXT_LIMIT: TextLimit = TextLimit { max: 4096, unit: TextUnit::Utf16 };

/// A body as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// What it says.
    pub(crate) text: String,
    /// How stretches of it look.
    pub(crate) entities: Vec<MessageEntity>,
}

/// Returns what a body looks like.
pub(crate) fn render(body: &Body) -> Rendered {
    Rendered { text: flatten(body), entities: Vec::new() }
}

/// Cuts a body into what goes into one message each.
pub(crate) fn lay_out(body: &Body, overflow: Overflow) -> Vec<Body> {
    match overflow {
        Overflow::Split | Overflow::File => split(body, TEXT_LIMIT),
        Overflow::Trim => vec![trim(body, TEXT_LIMIT)],
    }
}
