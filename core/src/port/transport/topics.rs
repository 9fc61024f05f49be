//! What a thread of a chat is: a topic with a project, sessions and preferences of its own, or no more than a
//! place where messages stand.

/// What the threads of a chat are. The texts are for people, in Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topics {
    /// No chat has topics; what whoever wants one is told.
    Off(String),
    /// Other chats have topics, this one has none; what whoever wants one is told.
    Outside(String),
    /// Topics, by this setting: `auto (main)`.
    Here(String),
}
