//! What the model says to which prompt. The prompt holds it, between double brackets:
//!
//! | in the prompt | the model |
//! |---|---|
//! | `[[answer TEXT]]` | says TEXT |
//! | `[[recall]]` | repeats what it was asked in the turns before this one |
//! | `[[tool COMMAND]]` | says a word, runs COMMAND in the client's shell tool, then repeats what that printed |
//! | `[[edit FILE]]` | writes FILE with the client's own tool, changes its line by the next, then says so |
//! | `[[hold]]` | begins to speak and holds the stream open, until it is released or the client hangs up |
//! | `[[refuse STATUS]]` | refuses every request with this HTTP status and [`refusal`] |
//! | `[[flaky N]]` | refuses the first N requests of this prompt with HTTP 500, then answers |
//! | `[[drop]]` | begins to speak and cuts the connection, every time |
//!
//! TEXT and COMMAND end at the next `]]`. The newest message of the user that holds a keyword decides, and the number
//! of tool results after it tells which step is next: a resumed conversation needs no memory here.

use super::conversation::Conversation;
use super::dialect;

/// What `[[edit FILE]]` writes first.
pub const BEFORE: &str = "as the model wrote it";
/// What the line says once it is changed.
pub const AFTER: &str = "as the model changed it";
/// How `[[hold]]` begins, and goes on when it is released.
pub const HELD: &str = "I begin, and now I wait.";
/// What `[[flaky N]]` says in the end.
pub const RECOVERED: &str = "here after all";
/// What is said to requests that are no turn of the conversation, such as for a title.
pub const ERRAND: &str = "A title";

/// Returns the text with which a request is refused.
#[must_use]
pub fn refusal(status: u16) -> String {
    format!("the scripted model refuses with {status}")
}

/// What the model does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    Refuse(u16),
    Say(Vec<Say>),
}

/// A part of what the model says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Say {
    Text(String),
    /// A text whose second half is held back.
    Held(String),
    Call(Call),
    Cut,
}

/// A tool call as the client's tool wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// The name that the client offered; `space.name` for a tool in a namespace.
    pub(super) name: String,
    pub(super) input: Input,
}

/// What a tool is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    Object(serde_json::Value),
    /// Tools without a schema take a text.
    Raw(String),
}

/// What the model wants done, before it is put in the client's dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish<'a> {
    Run(&'a str),
    Write(&'a str),
    Change(&'a str),
}

/// Returns the keyword of a prompt with its argument; the last one when it holds several.
pub(super) fn keyword(prompt: &str) -> Option<(&str, &str)> {
    let mut found = None;
    let mut rest = prompt;
    while let Some((_, after)) = rest.split_once("[[") {
        let Some((inside, next)) = after.split_once("]]") else { break };
        let (word, argument) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        if WORDS.contains(&word) {
            found = Some((word, argument.trim()));
        }
        rest = next;
    }
    found
}

const WORDS: [&str; 8] = ["answer", "recall", "tool", "edit", "hold", "refuse", "flaky", "drop"];

/// Returns what the model does next; `refused` is how often this prompt was refused already.
pub(super) fn next(conversation: &Conversation, refused: u64) -> Turn {
    if conversation.is_errand() {
        return says(ERRAND);
    }
    let step = conversation.results.len();
    let Some((word, argument)) = keyword(&conversation.prompt) else {
        return says("The prompt says nothing between double brackets.");
    };
    let call = |wish| match dialect::call(conversation, wish) {
        Some(call) => Say::Call(call),
        None => {
            Say::Text(format!("The client has no tool for this; it has {:?}.", conversation.tool_names()))
        }
    };
    match word {
        "answer" => says(argument),
        "recall" => says(&format!("Before this you asked: {}", conversation.earlier.join(" | "))),
        "tool" if step == 0 => {
            Turn::Say(vec![Say::Text("I will run a command.".to_owned()), call(Wish::Run(argument))])
        }
        "tool" => says(&format!("The command said: {}", conversation.results[step - 1].trim())),
        "edit" => match step {
            0 => Turn::Say(vec![call(Wish::Write(argument))]),
            1 => Turn::Say(vec![call(Wish::Change(argument))]),
            _ => says(&format!("{argument} is changed.")),
        },
        "hold" => Turn::Say(vec![Say::Held(format!("{HELD} {HELD}"))]),
        "refuse" => Turn::Refuse(argument.parse().unwrap_or(500)),
        "flaky" if refused < argument.parse().unwrap_or(1) => Turn::Refuse(500),
        "flaky" => says(RECOVERED),
        _ => Turn::Say(vec![Say::Text("This breaks off".to_owned()), Say::Cut]),
    }
}

fn says(text: &str) -> Turn {
    Turn::Say(vec![Say::Text(text.to_owned())])
}
