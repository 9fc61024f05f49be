//! Buttons, menus and forms: what they carry is done, and those that nobody knows any more are taken away.

use serde_json::{Map, Value};
use takopi_core::message::{ButtonAction, Inbound, MessageRef, Modal, Press};

use super::interactions::{Doing, Manner};
use super::{prompt, response};

const FINISHED: &str = "this has already finished";
const NO_MESSAGE: &str = "this form is too old; write what you want as a message";

impl Doing<'_> {
    /// Does what a button, or what was chosen from a menu, stands for.
    pub(super) async fn press(&self, message: MessageRef, custom_id: &str, values: &[String]) {
        let Some(action) = self.meant(custom_id, values) else { return self.finished().await };
        let upstream = match &action {
            // However often it is pressed, and by whom: what came late runs once.
            ButtonAction::Run { inbox } => format!("r{}", inbox.0),
            _ => self.identity(),
        };
        let wants_text = matches!(&action, ButtonAction::Answer { option, .. } if option.is_empty());
        let is_cancel = matches!(action, ButtonAction::Cancel { .. });
        let may_be_over = is_cancel.then(|| message.clone());
        let sender = self.origin.sender.clone();
        let inbound = Inbound::Press(Press { upstream, message, sender, action });
        if !wants_text {
            return self.take(inbound, Manner::Press { may_be_over }).await;
        }
        if let Some(refusal) = self.refusal() {
            return self.whisper(&refusal).await;
        }
        if let Err(error) = self.respond(response::form(custom_id, "your answer", "answer")).await {
            self.unanswered(&error);
        }
    }

    /// Takes a form that was filled in.
    pub(super) async fn form(
        &self,
        message: Option<MessageRef>,
        custom_id: &str,
        fields: Map<String, Value>,
    ) {
        if let Some(chosen) = prompt::read(custom_id) {
            let text = fields.get(response::FIELD).and_then(Value::as_str).unwrap_or_default();
            return self.prompt(chosen, text.trim().to_owned(), Vec::new()).await;
        }
        // Only a form that a button opened has a message to take buttons away from.
        let Some(message) = message else { return self.whisper(NO_MESSAGE).await };
        let Some(action) = self.native.around.action_of(custom_id) else { return self.finished().await };
        let (upstream, sender) = (self.identity(), self.origin.sender.clone());
        let inbound = Inbound::Modal(Modal { upstream, message, sender, action, fields });
        self.take(inbound, Manner::Press { may_be_over: None }).await;
    }

    /// Returns what was meant: a menu's choices stand for themselves, or for options of its question. One choice is an
    /// answer; of several the first is.
    fn meant(&self, custom_id: &str, values: &[String]) -> Option<ButtonAction> {
        let action_of = |custom_id: &str| self.native.around.action_of(custom_id);
        let Some(value) = values.first() else { return action_of(custom_id) };
        action_of(value).or_else(|| match action_of(custom_id)? {
            ButtonAction::Answer { run, question, .. } => {
                Some(ButtonAction::Answer { run, question, option: value.clone() })
            }
            _ => None,
        })
    }

    /// Takes away the buttons that nobody knows any more, and says so.
    async fn finished(&self) {
        match self.respond(response::strip()).await {
            Ok(_) => self.add(FINISHED, &Manner::Press { may_be_over: None }).await,
            Err(error) => self.unanswered(&error),
        }
    }
}
