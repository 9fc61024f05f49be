//! What a text in Discord's dialect is made of, so that it can be cut where nothing breaks.

/// A piece of a text. Between two pieces a text is cut only where white space stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word, a link, a mention: as it is sent. Cut only when no message could hold it.
    Word(String),
    /// What stands in inline code. Cut only when no message could hold it.
    Code(String),
    /// A line of fenced code, or the rest of one.
    Raw(String),
    /// White space within a line; empty where a line may be cut without any.
    Space(String),
    /// A new line.
    Break(Break),
    /// Something opens that must be closed in the same message.
    Open(Mark),
    /// What was opened last closes.
    Close,
}

/// A new line, and what stands at its left edge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Break {
    /// Whether a blank line stands before it.
    pub(super) blank: bool,
    /// Whether it is part of a quote.
    pub(super) quoted: bool,
    /// Blanks at its left: how deep in lists it is.
    pub(super) indent: usize,
    /// The mark of an item or of a heading.
    pub(super) bullet: String,
}

/// What is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// Bold, italic or struck through, by what stands on both sides.
    Style(&'static str),
    /// Fenced code.
    Fence {
        /// The language, or nothing.
        info: String,
        /// What is repeated when it is opened again: lines, each with its end.
        again: String,
    },
}

/// Stands left of each line of a quote.
pub(super) const QUOTE: &str = "> ";

/// Stands around fenced code: Discord knows no longer ones, so no code may hold it.
pub(super) const FENCE: &str = "```";

impl Break {
    /// Returns the left edge of the line, its indentation less `base`.
    pub(super) fn edge(&self, base: usize) -> String {
        let quote = if self.quoted { QUOTE } else { "" };
        format!("{quote}{}{}", " ".repeat(self.indent.saturating_sub(base)), self.bullet)
    }
}

impl Mark {
    /// Returns what opens it in a line of a quote or of none.
    pub(super) fn opening(&self, quoted: bool) -> String {
        match self {
            Self::Style(marker) => (*marker).to_owned(),
            Self::Fence { info, .. } => format!("{FENCE}{info}\n{}", if quoted { QUOTE } else { "" }),
        }
    }

    /// Returns what opens it again in another message.
    pub(super) fn reopening(&self, quoted: bool) -> String {
        let mut opening = self.opening(quoted);
        if let Self::Fence { again, .. } = self {
            let edge = if quoted { QUOTE } else { "" };
            again.lines().for_each(|line| opening.extend([line, "\n", edge]));
        }
        opening
    }

    /// Returns what closes it.
    pub(super) fn closing(&self, quoted: bool) -> String {
        match self {
            Self::Style(marker) => (*marker).to_owned(),
            Self::Fence { .. } => format!("\n{}{FENCE}", if quoted { QUOTE } else { "" }),
        }
    }
}
