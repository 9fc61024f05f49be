//! What becomes of files that come with a message: they are stored, handed to the engine with a prompt about
//! them, or their sender is told how to store them. Pure, like all of routing.
//!
//! Nothing is fetched here. `/file put` does that, and before an engine starts `desk/perform/enclosed.rs`.

use super::ambient::ambient_context;
use super::prompt::{self, Prompt};
use super::{FILE, Facts, Known, Reading};
use crate::files::switched_off;
use crate::message::{Attachment, Chosen, Message, MessageRef, Sender};
use crate::port::transport::AutoPut;
use crate::session::Context;

/// The files that come with a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosed {
    /// The files, in their order. Never empty.
    pub files: Vec<Attachment>,
    /// Who sent them.
    pub sender: Sender,
    /// Whether they are an album.
    pub album: bool,
}

impl Enclosed {
    /// Returns the files of a message where a prompt may have some.
    pub(super) fn of(message: &Message, known: &Known) -> Option<Self> {
        let files: Vec<Attachment> = message.files().cloned().collect();
        let wanted = known.files == Some(AutoPut::Prompt) && !files.is_empty();
        let (sender, album) = (message.sender.clone(), message.album.is_some());
        wanted.then_some(Self { files, sender, album })
    }

    /// Returns what the engine is told: the prompt, and where its files are.
    #[must_use]
    pub fn prompt(&self, prompt: &str, paths: &[String]) -> String {
        let note = match paths {
            [path] if !self.album => format!("[uploaded file: {path}]"),
            paths => format!("[uploaded files]\n- {}", paths.join("\n- ")),
        };
        if prompt.is_empty() { note } else { format!("{prompt}\n\n{note}") }
    }
}

/// Reads a message that is no command and has files; `None` when it is a prompt, about them or not.
pub(super) fn read(message: &Message, known: &Known) -> Option<Reading> {
    message.files().next()?;
    let is_said = !message.text.trim().is_empty();
    let Some(command) = known.commands.iter().find(|id| id.as_str() == FILE) else {
        return (!is_said).then(|| Reading::Refuse("files are not taken here; write what to do".to_owned()));
    };
    match (known.files, is_said) {
        (Some(AutoPut::Prompt), true) => None,
        (Some(AutoPut::Prompt | AutoPut::Store), false) => Some(Reading::Store { command: command.clone() }),
        (Some(AutoPut::Off | AutoPut::Store), _) => Some(Reading::Tell(usage())),
        (None, _) => Some(Reading::Tell(switched_off(&message.message.address.instance))),
    }
}

fn usage() -> String {
    "usage: /file put <path>\n\nWrite it as the caption of the file. To have files stored without it, or captions run, \
     see auto_put and auto_put_mode in takopi.toml."
        .to_owned()
}

/// What a text about files means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meant {
    /// The project and branch.
    pub(crate) context: Context,
    /// The text without directives.
    pub(crate) text: String,
    /// Whether the topic it was said in is bound to that, as by a prompt with these directives.
    pub(crate) binds: bool,
}

/// Returns the project and branch that a text about files means, and what is left of it without its directives:
/// as those of a prompt that is `message` and replies to `reply`.
///
/// # Errors
/// A text for the sender.
pub(crate) fn meant_directory(
    text: &str,
    reply: Option<&str>,
    message: &MessageRef,
    facts: &Facts,
    known: &Known,
) -> Result<Meant, String> {
    let (directives, replied) = prompt::directed(text, reply, known)?;
    let prompt = Prompt {
        text: directives.prompt,
        engine: directives.engine,
        directed: Context { project: directives.project, branch: directives.branch },
        replied,
        session: None,
        chosen: Chosen::default(),
        message: message.clone(),
        enclosed: None,
    };
    let context = ambient_context(&prompt, facts, known, &message.address)?;
    let binds = known.topic && !prompt.directed.is_empty() && prompt.replied.is_none();
    Ok(Meant { context, text: prompt.text, binds })
}
