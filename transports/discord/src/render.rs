//! What a body looks like in Discord: the `content` of messages, in the Markdown that Discord reads.
//!
//! Pure. [`lay_out`] translates a body once and cuts it; what it returns is said by [`text_of`] and laid out again
//! as it stands. The dialect is `render/dialect.rs`, the cutting `render/cut.rs`.

mod cut;
mod dialect;
mod html;
mod layout;
mod link;
mod status;
mod table;
mod token;
mod words;

pub(crate) use layout::{ATTACHMENT, Layout, lay_out, text_of};
pub(crate) use status::as_written;

/// Longest text of a message in Unicode scalar values (Discord docs, "Create Message", `content`).
pub(crate) const MAX_TEXT: usize = 2000;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
