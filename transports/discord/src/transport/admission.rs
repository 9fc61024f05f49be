//! Whether something that came is done: who sent it, where, and whether it is for the bot at all. From memory.

use std::sync::PoisonError;

use takopi_core::message::{Address, Inbound, Message, MessageRef, Sender};
use takopi_core::port::transport::Admission;
use takopi_core::render::format_elapsed;
use takopi_core::time::Timestamp;

use super::Discord;
use crate::audience::Scene;
use crate::config::Id;
use crate::gate::{Ground, Person, Verdict};

/// What members of a server are told where nobody is named.
const MANAGERS_ONLY: &str = "takopi serves only members who may manage this server, because its config names nobody: \
                             an administrator can write allowed_user_ids or allowed_role_ids there.";

/// What whoever is not named is told when they use what only the bot shows: a button, a command.
const NOT_NAMED: &str = "takopi does not serve you here: its config names other people.";

impl Discord {
    pub(super) fn admission(&self, inbound: &Inbound) -> Admission {
        let address = inbound.address();
        let Some(ground) = self.ground(address) else { return Admission::Silence };
        let Some(sender) = inbound.sender() else {
            return if self.is_served(ground) { Admission::Served } else { Admission::Silence };
        };
        let Some(person) = self.person(ground, sender) else { return Admission::Silence };
        let verdict = self.gate.judge(ground, &person);
        let (Inbound::Message(message) | Inbound::Edited(message)) = inbound else {
            return pressed(verdict);
        };
        let for_bot = self.audience.is_for_bot(message, self.scene(address), &self.words);
        match (verdict, for_bot) {
            (Verdict::Served, true) if matches!(inbound, Inbound::Message(_)) => self.lateness(message),
            (Verdict::Served, true) => Admission::Served,
            (Verdict::Served, false) | (Verdict::Closed, _) => self.stranger(ground, sender),
            (Verdict::ManagersOnly, true) if self.tell(person.id, inbound.message()) => {
                Admission::Told(MANAGERS_ONLY.to_owned())
            }
            (Verdict::ManagersOnly | Verdict::NotNamed, _) => Admission::Stranger,
        }
    }

    /// Returns what becomes of a message that is not for the bot, or stands where nobody is served: who writes in
    /// private may have a pairing code.
    fn stranger(&self, ground: Ground, sender: &Sender) -> Admission {
        match ground == Ground::Direct && !self.gate.serves_direct() && !sender.is_bot {
            true => Admission::Stranger,
            false => Admission::Silence,
        }
    }

    fn is_served(&self, ground: Ground) -> bool {
        match ground {
            Ground::Guild(guild) => self.gate.serves(guild),
            Ground::Direct => self.gate.serves_direct(),
        }
    }

    /// Returns where an address lies, if that is known.
    fn ground(&self, address: &Address) -> Option<Ground> {
        let chat: Id = address.chat.parse().ok()?;
        match self.places.guild_of(chat) {
            Some(guild) => Some(Ground::Guild(guild)),
            None => self.places.is_direct(chat).then_some(Ground::Direct),
        }
    }

    fn person(&self, ground: Ground, sender: &Sender) -> Option<Person> {
        let id: Id = sender.id.parse().ok()?;
        let (roles, may_manage) = match ground {
            Ground::Guild(guild) => {
                let roles = self.places.roles_of(guild, id).unwrap_or_default();
                let may_manage = self.places.may_manage(guild, id, &roles);
                (roles, may_manage)
            }
            Ground::Direct => (Vec::new(), false),
        };
        Some(Person { id, is_bot: sender.is_bot, roles, may_manage })
    }

    pub(super) fn scene(&self, address: &Address) -> Scene {
        let thread = address.thread.as_ref().and_then(|thread| thread.parse().ok());
        Scene {
            direct: self.ground(address) == Some(Ground::Direct),
            takes_part: thread.is_some_and(|thread| self.places.takes_part_in(thread)),
        }
    }

    /// Returns whether somebody is told by this message that they are not served: they are told once.
    fn tell(&self, person: Id, message: &MessageRef) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answered) = told.get(&person) {
            return *answered == message.id;
        }
        told.insert(person, message.id.clone());
        true
    }

    /// Returns whether a message was sent so long ago that it runs only when its sender still wants it.
    fn lateness(&self, message: &Message) -> Admission {
        let age = self.now().since(message.sent_at);
        // A message without a time is one we made ourselves.
        if message.sent_at == Timestamp::default() || age <= self.config.backlog_max_age {
            return Admission::Served;
        }
        let ago = format_elapsed(age);
        Admission::Late(format!("this came while takopi was away ({ago} ago) and has not run."))
    }
}

/// Returns what becomes of something that cannot be done by accident: it always gets an answer.
fn pressed(verdict: Verdict) -> Admission {
    match verdict {
        Verdict::Served => Admission::Served,
        Verdict::ManagersOnly => Admission::Told(MANAGERS_ONLY.to_owned()),
        Verdict::NotNamed => Admission::Told(NOT_NAMED.to_owned()),
        Verdict::Closed => Admission::Silence,
    }
}

#[cfg(test)]
mod tests;
