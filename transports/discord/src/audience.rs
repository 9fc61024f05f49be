//! Which messages are for the bot. What is for nobody here is not even written down, so whoever talks beside it in
//! a channel leaves no trace.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use takopi_core::directive::slash_command;
use takopi_core::message::{Address, Message, MessageRef};
use takopi_core::port::transport::{PlaceSetting, Trigger};

use crate::places::Recent;

/// Most messages that are remembered: far more than can wait for their turn.
const MOST_MESSAGES: usize = 4096;

/// The words that slash commands begin with, as far as they are the bot's own.
#[derive(Debug, Default)]
pub(crate) struct Words(RwLock<Lists>);

#[derive(Debug, Default)]
struct Lists {
    commands: HashSet<String>,
    directives: HashSet<String>,
}

impl Words {
    /// Knows these from now on: commands, and the engines and projects that a prompt can begin with.
    pub(crate) fn set(&self, commands: Vec<String>, directives: Vec<String>) {
        let lists =
            Lists { commands: commands.into_iter().collect(), directives: directives.into_iter().collect() };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = lists;
    }

    /// Returns whether a text calls a command: it is answered where it stands.
    pub(crate) fn is_command(&self, text: &str) -> bool {
        let lists = self.0.read().unwrap_or_else(PoisonError::into_inner);
        slash_command(text).is_some_and(|call| lists.commands.contains(&call.name))
    }

    /// Returns whether a text begins with any of the bot's own words.
    fn begins(&self, text: &str) -> bool {
        let lists = self.0.read().unwrap_or_else(PoisonError::into_inner);
        slash_command(text)
            .is_some_and(|call| lists.commands.contains(&call.name) || lists.directives.contains(&call.name))
    }
}

/// What is known of a place when a message comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scene {
    /// Whether it is a direct message.
    pub(crate) direct: bool,
    /// Whether it stands in a thread that the bot takes part in.
    pub(crate) takes_part: bool,
}

/// Which messages are for the bot.
#[derive(Debug)]
pub(crate) struct Audience {
    usual: Trigger,
    settings: RwLock<Vec<PlaceSetting>>,
    heard: Mutex<HeardOf>,
}

#[derive(Debug)]
struct HeardOf {
    /// Messages that were looked at.
    seen: Recent<String>,
    /// Those of them that name the bot.
    named: Recent<String>,
}

impl Audience {
    pub(crate) fn new(usual: Trigger) -> Self {
        let heard = HeardOf { seen: Recent::new(MOST_MESSAGES), named: Recent::new(MOST_MESSAGES) };
        Self { usual, settings: RwLock::default(), heard: Mutex::new(heard) }
    }

    pub(crate) fn usual(&self) -> Trigger {
        self.usual
    }

    /// Knows these settings from now on.
    pub(crate) fn learn(&self, places: &[PlaceSetting]) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = places.to_vec();
    }

    /// Learns whether a message that came names the bot: its text does not say so any more.
    pub(crate) fn heard(&self, message: &MessageRef, named: bool) {
        let mut heard = self.heard_of();
        heard.seen.insert(message.id.clone());
        if named {
            heard.named.insert(message.id.clone());
        }
    }

    /// Returns whether a message names the bot. One that came before the start was for the bot, or it would not
    /// have been kept.
    pub(crate) fn names_bot(&self, message: &MessageRef) -> bool {
        let heard = self.heard_of();
        heard.named.contains(&message.id) || !heard.seen.contains(&message.id)
    }

    /// Returns whether a message is for the bot.
    pub(crate) fn is_for_bot(&self, message: &Message, scene: Scene, words: &Words) -> bool {
        let addressed = self.names_bot(&message.message)
            || message.reply_to.as_ref().is_some_and(|reply| reply.of_bot)
            || words.begins(&message.text);
        match self.trigger_at(&message.message.address) {
            _ if scene.direct || addressed => true,
            Trigger::All => true,
            Trigger::Involved => scene.takes_part,
            Trigger::Mentions => false,
        }
    }

    /// Returns when a message at an address is for the bot. Where neither a trigger nor a project is set, the bot
    /// speaks only when it is involved, whatever is usual.
    fn trigger_at(&self, address: &Address) -> Trigger {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        let chat = address.whole_chat();
        let here = [address, &chat].map(|place| settings.iter().find(|setting| setting.address == *place));
        let set = here.iter().flatten().find_map(|setting| setting.trigger);
        let bound = here.iter().flatten().any(|setting| setting.bound);
        match set {
            Some(set) => set,
            None if self.usual == Trigger::All && !bound => Trigger::Involved,
            None => self.usual,
        }
    }

    fn heard_of(&self) -> MutexGuard<'_, HeardOf> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use takopi_core::id::InstanceId;
    use takopi_core::message::{Chosen, Reply, Sender};
    use takopi_core::time::Timestamp;

    use super::*;

    fn address(chat: &str, thread: Option<&str>) -> Address {
        let instance = InstanceId::parse("discord").unwrap();
        Address { instance, chat: chat.to_owned(), thread: thread.map(str::to_owned) }
    }

    fn message(text: &str) -> Message {
        Message {
            upstream: "m9".to_owned(),
            message: MessageRef { address: address("200", Some("9")), id: "9".to_owned() },
            sender: Sender { id: "8".to_owned(), name: "bob".to_owned(), is_bot: false },
            text: text.to_owned(),
            reply_to: None,
            attachments: Vec::new(),
            album: None,
            forwarded: false,
            sent_at: Timestamp::default(),
            chosen: Chosen::default(),
        }
    }

    const ASIDE: Scene = Scene { direct: false, takes_part: false };
    const IN_THREAD: Scene = Scene { direct: false, takes_part: true };

    /// An audience that has looked at message 9, which does not name the bot.
    fn audience(usual: Trigger) -> Audience {
        let audience = Audience::new(usual);
        audience.heard(&message("").message, false);
        audience
    }

    fn words() -> Words {
        let words = Words::default();
        words.set(vec!["status".to_owned()], vec!["codex".to_owned()]);
        words
    }

    #[test]
    fn talk_beside_the_bot_is_for_nobody() {
        for usual in [Trigger::Involved, Trigger::Mentions, Trigger::All] {
            assert!(!audience(usual).is_for_bot(&message("lunch?"), ASIDE, &words()), "{usual:?}");
        }
    }

    #[test]
    fn what_addresses_the_bot_is_for_it_everywhere() {
        let audience = audience(Trigger::Mentions);
        assert!(audience.is_for_bot(&message("/status"), ASIDE, &words()));
        assert!(audience.is_for_bot(&message("/codex fix it"), ASIDE, &words()));
        assert!(!audience.is_for_bot(&message("/shrug"), ASIDE, &words()));
        let mut reply = message("and now?");
        let to = MessageRef { address: address("200", None), id: "5".to_owned() };
        reply.reply_to = Some(Reply { message: to, text: None, of_bot: true });
        assert!(audience.is_for_bot(&reply, ASIDE, &words()));
        audience.heard(&message("").message, true);
        assert!(audience.is_for_bot(&message("fix it"), ASIDE, &words()));
    }

    #[test]
    fn in_its_own_threads_no_mention_is_needed_unless_that_is_asked_for() {
        assert!(audience(Trigger::Involved).is_for_bot(&message("go on"), IN_THREAD, &words()));
        assert!(audience(Trigger::All).is_for_bot(&message("go on"), IN_THREAD, &words()));
        assert!(!audience(Trigger::Mentions).is_for_bot(&message("go on"), IN_THREAD, &words()));
        let direct = Scene { direct: true, takes_part: false };
        assert!(audience(Trigger::Mentions).is_for_bot(&message("go on"), direct, &words()));
    }

    #[test]
    fn a_trigger_of_a_place_outranks_the_usual_one_and_a_thread_its_channel() {
        let setting =
            |thread, trigger, bound| PlaceSetting { address: address("200", thread), trigger, bound };
        let set = |settings: &[PlaceSetting], usual| {
            let audience = audience(usual);
            audience.learn(settings);
            audience.is_for_bot(&message("go on"), ASIDE, &words())
        };
        assert!(set(&[setting(None, Some(Trigger::All), false)], Trigger::Involved));
        let quiet =
            [setting(None, Some(Trigger::All), true), setting(Some("9"), Some(Trigger::Mentions), false)];
        assert!(!set(&quiet, Trigger::All));
        assert!(set(&[setting(None, None, true)], Trigger::All), "bound, and all is usual");
        assert!(!set(&[setting(None, None, true)], Trigger::Involved));
    }

    #[test]
    fn a_message_kept_from_before_the_start_was_for_the_bot() {
        assert!(Audience::new(Trigger::Mentions).is_for_bot(&message("go on"), ASIDE, &words()));
    }
}
