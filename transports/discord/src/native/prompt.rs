//! Prompts that come as commands: answered in public at once, and by a form where no text was given.
//!
//! The answer shows the prompt, as its author's own message would; the thread of the run opens on it.

use reqwest::Method;
use serde_json::Value;
use takopi_core::id::EngineId;
use takopi_core::message::{Address, Attachment, Chosen, Inbound, Message, MessageRef};
use takopi_core::session::Context;

use super::interactions::Doing;
use super::response;
use super::rest::To;

/// What the form of a prompt carries, before what was chosen beside it.
const FORM: &str = "tk?";

/// Between what was chosen: ids and aliases do not hold it, and of branches it comes last.
const GAP: char = '?';

/// Most characters that a form carries (Discord, "Modal").
const MAX_CUSTOM_ID: usize = 100;

const NOT_TAKEN: &str = "this could not be written down, and nothing runs; please ask again";
const NOTHING_THERE: &str = "there is nothing to run in that message";
const TOO_LONG: &str = "these names are too long for a form; write the prompt into the command";

impl Doing<'_> {
    /// Runs what a message says.
    pub(super) async fn run_message(&self, text: String, files: Vec<Attachment>) {
        if text.trim().is_empty() && files.is_empty() {
            return self.whisper(NOTHING_THERE).await;
        }
        self.prompt(Chosen::default(), text, files).await;
    }

    /// Runs a prompt, or asks for its text.
    pub(super) async fn prompt(&self, chosen: Chosen, text: String, files: Vec<Attachment>) {
        let asked = |message: MessageRef| Message {
            attachments: files.clone(),
            chosen: chosen.clone(),
            ..self.message(message, text.clone())
        };
        if let Some(refusal) = self.refusal() {
            return self.whisper(&refusal).await;
        }
        if text.trim().is_empty() && files.is_empty() {
            return self.open_form(&chosen).await;
        }
        let names: Vec<String> = files.iter().map(Attachment::shown).collect();
        let quoted = response::quoted(&self.origin.sender.name, &text, &names);
        let Some(starter) = self.starter(&quoted).await else { return };
        self.native.around.began(&starter, &text, &self.origin.sender);
        let shown = match self.inbox.accept(Inbound::Message(asked(starter))).await {
            Ok(_) => quoted,
            Err(error) => {
                tracing::error!(instance = %self.native.instance, %error, "a prompt is not taken");
                NOT_TAKEN.to_owned()
            }
        };
        let to = To::Original(self.origin.key.clone());
        self.surely(Method::PATCH, to, Some(response::message(&shown))).await;
    }

    /// Answers that something comes, `quoted` in the end, and returns the message that says so, where what is said
    /// about it belongs.
    async fn starter(&self, quoted: &str) -> Option<MessageRef> {
        let id = match self.respond(response::defer(false)).await {
            Ok(answer) => id_of_response(&answer),
            Err(error) => {
                self.unanswered(&error);
                return None;
            }
        };
        let id = match id {
            Some(id) => id,
            // It was answered by a try whose answer got lost, or by a server that says nothing. Filling it in tells its
            // id; there may be none to be read before.
            None => {
                let original = To::Original(self.origin.key.clone());
                let body = Some(response::message(quoted));
                let message = self.surely(Method::PATCH, original, body).await?;
                message.get("id").and_then(Value::as_str)?.to_owned()
            }
        };
        let here = self.origin.address.clone();
        let thread = if self.origin.opens_threads { Some(id.clone()) } else { here.thread };
        Some(MessageRef { address: Address { thread, ..here }, id })
    }

    async fn open_form(&self, chosen: &Chosen) {
        let Some(id) = write(chosen) else { return self.whisper(TOO_LONG).await };
        let title = chosen.engine.as_ref().map_or("ask".to_owned(), |engine| format!("ask {engine}"));
        if let Err(error) = self.respond(response::form(&id, &title, "what to do")).await {
            self.unanswered(&error);
        }
    }
}

/// Returns the message of a first response.
fn id_of_response(answer: &Value) -> Option<String> {
    let told = answer.pointer("/resource/message/id").or(answer.pointer("/interaction/response_message_id"));
    told.and_then(Value::as_str).map(str::to_owned)
}

/// Returns what a form carries for what was chosen beside its prompt.
fn write(chosen: &Chosen) -> Option<String> {
    let engine = chosen.engine.as_ref().map_or("", EngineId::as_str);
    let project = chosen.context.project.as_deref().unwrap_or_default();
    let branch = chosen.context.branch.as_deref().unwrap_or_default();
    let session = chosen.session.as_ref();
    let session = session.map(|session| format!("{} {}", session.engine, session.token)).unwrap_or_default();
    let id = format!("{FORM}{engine}{GAP}{project}{GAP}{session}{GAP}{branch}");
    (id.chars().count() <= MAX_CUSTOM_ID && !session.contains(GAP)).then_some(id)
}

/// Returns what was chosen beside the prompt of a form; `None` for other forms.
pub(super) fn read(custom_id: &str) -> Option<Chosen> {
    let mut fields = custom_id.strip_prefix(FORM)?.splitn(4, GAP).map(|field| {
        let field = field.to_owned();
        (!field.is_empty()).then_some(field)
    });
    let engine = fields.next()?.map(|engine| EngineId::parse(&engine)).transpose().ok()?;
    let (project, session, branch) = (fields.next()?, fields.next()?, fields.next()?);
    let session = match session {
        Some(text) => Some(super::interactions::session(&text, None)?),
        None => None,
    };
    Some(Chosen { engine, context: Context { project, branch }, session, dir: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_comes_back_with_the_form() {
        let some = |text: &str| Some(text.to_owned());
        let engine = Some(EngineId::parse("codex").unwrap());
        for (engine, project, branch) in
            [(engine.clone(), some("site"), some("fix/1")), (engine, None, some("why?")), (None, None, None)]
        {
            let chosen = Chosen { engine, context: Context { project, branch }, ..Chosen::default() };
            assert_eq!(read(&write(&chosen).unwrap()), Some(chosen.clone()));
            let session = super::super::interactions::session("codex 0199-ab", None);
            assert!(session.is_some());
            let chosen = Chosen { session, ..chosen };
            assert_eq!(read(&write(&chosen).unwrap()), Some(chosen));
        }
    }

    #[test]
    fn what_does_not_fit_or_is_no_form_of_a_prompt_is_none() {
        let context = Context { project: Some("x".repeat(100)), branch: None };
        assert_eq!(write(&Chosen { context, ..Chosen::default() }), None);
        assert_eq!((read("tk:c1"), read("tk?"), read("tk?UPPER???")), (None, None, None));
    }
}
