//! What is offered while somebody types: from memory, and nothing rather than too late.

use std::time::Duration;

use takopi_core::desk::{Completion, Offer};
use takopi_core::id::EngineId;
use takopi_core::port::command::OptionKind;

use super::interactions::Doing;
use super::read::Given;
use super::set::{self, ASK, CommandSet, NAME, RUN};
use super::{NativeKind, response};

/// How long may be thought about it: three seconds are allowed, and nobody waits that long for a list.
const THINKS: Duration = Duration::from_millis(1500);

impl Doing<'_> {
    /// Offers what an option could be.
    pub(super) async fn choices(&self, command: &str, option: &str, typed: String, given: &Given) {
        let offered = match self.refusal() {
            Some(_) => Vec::new(),
            None => self.offered(command, option, typed, given).await,
        };
        if let Err(error) = self.respond(response::choices(&offered)).await {
            tracing::debug!(instance = %self.native.instance, %error, "nothing is offered while somebody types");
        }
    }

    async fn offered(&self, command: &str, option: &str, typed: String, given: &Given) -> Vec<Offer> {
        let commands = self.native.commands();
        if (command, option) == (RUN, NAME) {
            return commands.offered(&typed).into_iter().map(Offer::from).collect();
        }
        let verb = given.verb.as_deref();
        let kind_of = |name: &str| kind(&commands, command, verb, name);
        let Some(kind) = kind_of(option) else { return Vec::new() };
        let beside = |wanted: OptionKind| {
            let is_wanted = |name: &str| name != option && kind_of(name) == Some(wanted);
            let text = given.texts.iter().find(|(name, _)| is_wanted(name))?.1.trim().to_lowercase();
            (!text.is_empty()).then_some(text)
        };
        let own = commands.get(command).and_then(|command| match &command.kind {
            NativeKind::Engine(engine) => Some(engine.clone()),
            NativeKind::Command(_) => None,
        });
        let engine = own.or_else(|| EngineId::parse(&beside(OptionKind::Engine)?).ok());
        let project = beside(OptionKind::Project);
        let (at, by) = (self.origin.address.clone(), self.origin.sender.clone());
        let half = Completion { at, by, kind, typed, engine, project };
        tokio::select! {
            offered = self.inbox.complete(&half) => offered,
            () = self.sleep(THINKS) => Vec::new(),
        }
    }
}

fn kind(commands: &CommandSet, command: &str, verb: Option<&str>, option: &str) -> Option<OptionKind> {
    match command {
        ASK => set::prompt_kind(option),
        _ => set::kind_of(commands.get(command)?, verb, option),
    }
}
