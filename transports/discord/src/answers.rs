//! How replies to native commands go out: for a quarter of an hour they are answers to the interaction, which alone can
//! be for one pair of eyes; later they are plain messages.
//!
//! In memory: a restart forgets the tokens, and the replies of what was left over are plain messages too. Tokens stand
//! for the bot and are printed nowhere.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use takopi_core::message::MessageRef;
use takopi_core::port::clock::Clock;
use takopi_core::time::Moment;
use tokio::sync::Notify;

use crate::native::rest::{Key, To};

/// How long a token is used: 15 minutes (Discord, "Interaction Response Object"), less what a call may take.
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60 - 30);

/// Most interactions that are remembered; the oldest goes first. Some hundred bytes each.
const MAX_OPEN: usize = 1024;

/// Most answers that are remembered for their edits; several for each interaction.
const MAX_ANSWERS: usize = 4096;

/// When to try again while the first answer is on its way: nothing may overtake it.
const SOON: Duration = Duration::from_millis(200);

/// How long before the end of a token an answer that nobody has filled is taken away.
const TIDY_BEFORE: Duration = Duration::from_secs(60);

/// The flag of what only one person sees (Discord, "Message Flags").
const EPHEMERAL: u64 = 1 << 6;

/// The interactions that may still be answered. Clones are the same ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    shelf: Mutex<Shelf>,
    /// Told of whatever was deferred.
    deferred: Notify,
}

#[derive(Debug, Default)]
struct Shelf {
    open: HashMap<String, Open>,
    order: VecDeque<String>,
    /// Answers by their ids: to which interaction, and whether it is the first response.
    answers: HashMap<String, (String, bool)>,
    answer_order: VecDeque<String>,
}

#[derive(Debug)]
struct Open {
    key: Key,
    until: Moment,
    max_upload: u64,
    ephemeral: bool,
    first: First,
}

/// What has become of the first response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// Discord has not been answered yet.
    Unanswered,
    /// It was deferred, and waits to be filled.
    Deferred,
    /// Somebody is filling it.
    Filling,
    /// It says something.
    Said,
}

/// What to do with a reply.
#[derive(Debug)]
pub(crate) enum Next {
    /// To make this call.
    Call(Claim),
    /// To ask again after that: the first response is on its way.
    Wait(Duration),
}

/// A reply's way out. Dropped without [`Claim::stands`], it was none.
#[derive(Debug)]
pub(crate) struct Claim {
    answers: Answers,
    to: To,
    max_upload: u64,
    ephemeral: bool,
    stands: bool,
}

impl Claim {
    /// Returns the call.
    pub(crate) fn call(&self) -> (Method, &To) {
        let is_first = matches!(self.to, To::Original(_));
        (if is_first { Method::PATCH } else { Method::POST }, &self.to)
    }

    /// Returns the largest files that may go with it, in bytes together.
    pub(crate) fn max_upload(&self) -> u64 {
        self.max_upload
    }

    /// Returns `message` as the body of that call: what follows is for whose eyes the first response was.
    pub(crate) fn body(&self, mut message: Value) -> Value {
        if self.ephemeral && matches!(self.to, To::FollowUp(_)) {
            let flags = message.get("flags").and_then(Value::as_u64).unwrap_or_default();
            message["flags"] = json!(flags | EPHEMERAL);
        }
        message
    }

    /// Learns that the reply stands as `message`.
    pub(crate) fn stands(mut self, message: &MessageRef) {
        self.stands = true;
        let (To::Original(key) | To::FollowUp(key)) = &self.to else { return };
        let is_first = matches!(self.to, To::Original(_));
        let mut shelf = self.answers.shelf();
        if let Some(open) = shelf.open.get_mut(&key.interaction).filter(|_| is_first) {
            open.first = First::Said;
        }
        shelf.remember(message.id.clone(), key.interaction.clone(), is_first);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let To::Original(key) = &self.to else { return };
        let mut shelf = self.answers.shelf();
        // Putting the same text there twice is putting it there once.
        if let Some(open) = shelf.open.get_mut(&key.interaction).filter(|_| !self.stands) {
            open.first = First::Deferred;
        }
    }
}

impl Answers {
    /// Learns of an interaction that is about to be answered: replies to it wait until it is.
    /// Files of `max_upload` bytes at most may go with them.
    pub(crate) fn expect(&self, key: &Key, max_upload: u64, now: Moment) {
        let (key, until) = (key.clone(), now + TOKEN_LIFE);
        self.shelf().open(Open { key, until, max_upload, ephemeral: false, first: First::Unanswered });
    }

    /// Learns that an interaction was deferred.
    pub(crate) fn deferred(&self, interaction: &str, ephemeral: bool) {
        self.settle(interaction, First::Deferred, ephemeral);
        self.0.deferred.notify_one();
    }

    /// Learns that an interaction was answered with something, which stands.
    pub(crate) fn said(&self, interaction: &str, ephemeral: bool) {
        self.settle(interaction, First::Said, ephemeral);
    }

    /// Learns that an interaction cannot be answered any more.
    pub(crate) fn lost(&self, interaction: &str) {
        self.shelf().open.remove(interaction);
    }

    fn settle(&self, interaction: &str, first: First, ephemeral: bool) {
        if let Some(open) = self.shelf().open.get_mut(interaction) {
            (open.first, open.ephemeral) = (first, ephemeral);
        }
    }

    /// Returns how a reply to `asked` goes out; `None` when as a plain message.
    pub(crate) fn first(&self, asked: &MessageRef, now: Moment) -> Option<Next> {
        let mut shelf = self.shelf();
        let open = shelf.open.get_mut(&asked.id).filter(|open| now < open.until)?;
        let to = match open.first {
            First::Unanswered | First::Filling => return Some(Next::Wait(SOON)),
            First::Deferred => {
                open.first = First::Filling;
                To::Original(open.key.clone())
            }
            First::Said => To::FollowUp(open.key.clone()),
        };
        let (max_upload, ephemeral) = (open.max_upload, open.ephemeral);
        drop(shelf);
        Some(Next::Call(Claim { answers: self.clone(), to, max_upload, ephemeral, stands: false }))
    }

    /// Returns where an answer is edited and deleted; `None` when as a plain message.
    pub(crate) fn of(&self, answer: &MessageRef, now: Moment) -> Option<To> {
        let shelf = self.shelf();
        let (interaction, is_first) = shelf.answers.get(&answer.id)?;
        let open = shelf.open.get(interaction).filter(|open| now < open.until)?;
        let key = open.key.clone();
        Some(if *is_first { To::Original(key) } else { To::FollowedUp(key, answer.id.clone()) })
    }

    /// Waits until something was deferred that nobody has filled, and soon nobody can: nothing was to be said, and it
    /// must not look as if something still came. Returns what is to be taken away.
    pub(crate) async fn left_open(&self, clock: &dyn Clock) -> Vec<Key> {
        loop {
            let next = self.shelf().deferred().map(|open| open.until - TIDY_BEFORE).min();
            match next {
                None => self.0.deferred.notified().await,
                Some(at) => {
                    clock.sleep_until(at).await;
                    let left = self.shelf().give_up(clock.moment());
                    if !left.is_empty() {
                        return left;
                    }
                }
            }
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn deferred(&mut self) -> impl Iterator<Item = &mut Open> {
        self.open.values_mut().filter(|open| open.first == First::Deferred)
    }

    /// Returns what was left open; whoever replies to it after all says something new.
    fn give_up(&mut self, now: Moment) -> Vec<Key> {
        let due = self.deferred().filter(|open| open.until - TIDY_BEFORE <= now);
        let given_up = due.map(|open| {
            open.first = First::Said;
            open.key.clone()
        });
        given_up.collect()
    }

    fn open(&mut self, open: Open) {
        let id = open.key.interaction.clone();
        if self.open.insert(id.clone(), open).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > MAX_OPEN {
            if let Some(oldest) = self.order.pop_front() {
                self.open.remove(&oldest);
            }
        }
    }

    fn remember(&mut self, answer: String, interaction: String, is_first: bool) {
        if self.answers.insert(answer.clone(), (interaction, is_first)).is_none() {
            self.answer_order.push_back(answer);
        }
        while self.answer_order.len() > MAX_ANSWERS {
            if let Some(oldest) = self.answer_order.pop_front() {
                self.answers.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use takopi_core::id::InstanceId;
    use takopi_core::message::Address;
    use takopi_core::settings::Secret;
    use takopi_core::testing::clock::TestClock;

    const NOW: Moment = Moment::START;

    fn key(id: &str) -> Key {
        Key { application: "9".to_owned(), interaction: id.to_owned(), token: Secret::new("hush-hush") }
    }

    fn message(id: &str) -> MessageRef {
        let instance = InstanceId::parse("discord").unwrap();
        let address = Address { instance, chat: "1".to_owned(), thread: None };
        MessageRef { address, id: id.to_owned() }
    }

    fn claim(answers: &Answers, asked: &str) -> Claim {
        match answers.first(&message(asked), NOW) {
            Some(Next::Call(claim)) => claim,
            other => panic!("{other:?}"),
        }
    }

    fn is_waiting(answers: &Answers, asked: &str) -> bool {
        matches!(answers.first(&message(asked), NOW), Some(Next::Wait(_)))
    }

    fn deferred(ephemeral: bool) -> Answers {
        let answers = Answers::default();
        answers.expect(&key("5"), 100, NOW);
        answers.deferred("5", ephemeral);
        answers
    }

    #[test]
    fn the_first_reply_fills_the_defer_and_the_next_ones_follow() {
        let answers = deferred(true);
        let first = claim(&answers, "5");
        assert_eq!(first.call(), (Method::PATCH, &To::Original(key("5"))));
        assert_eq!(first.max_upload(), 100);
        assert!(is_waiting(&answers, "5"), "nothing overtakes it");
        first.stands(&message("50"));
        let next = claim(&answers, "5");
        assert_eq!(next.call(), (Method::POST, &To::FollowUp(key("5"))));
        assert_eq!(next.body(json!({"flags": 4})), json!({"flags": 68}), "for the same eyes");
        next.stands(&message("51"));
        assert_eq!(answers.of(&message("50"), NOW), Some(To::Original(key("5"))));
        assert_eq!(answers.of(&message("51"), NOW), Some(To::FollowedUp(key("5"), "51".to_owned())));
        assert_eq!(answers.of(&message("52"), NOW), None);
    }

    #[test]
    fn a_reply_that_did_not_arrive_leaves_the_defer_to_the_next_try() {
        let answers = deferred(false);
        drop(claim(&answers, "5"));
        assert_eq!(claim(&answers, "5").call().1, &To::Original(key("5")));
    }

    #[test]
    fn replies_wait_for_the_first_response() {
        let answers = Answers::default();
        answers.expect(&key("5"), 100, NOW);
        assert!(is_waiting(&answers, "5"));
        answers.said("5", true);
        let next = claim(&answers, "5");
        assert_eq!(next.call().1, &To::FollowUp(key("5")));
        assert_eq!(next.body(json!({})), json!({"flags": 64}));
        answers.lost("5");
        assert!(answers.first(&message("5"), NOW).is_none());
    }

    #[test]
    fn after_a_quarter_of_an_hour_replies_are_plain_messages() {
        let answers = deferred(false);
        claim(&answers, "5").stands(&message("50"));
        let late = NOW + Duration::from_secs(15 * 60);
        assert!(answers.first(&message("5"), late).is_none() && answers.of(&message("50"), late).is_none());
        assert!(answers.first(&message("6"), NOW).is_none(), "that was no interaction");
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_fills_is_given_up_before_nobody_can() {
        let (clock, answers) = (TestClock::new(), Answers::default());
        for id in ["5", "6"] {
            answers.expect(&key(id), 100, clock.moment());
            answers.deferred(id, false);
        }
        claim(&answers, "6").stands(&message("60"));
        assert_eq!(answers.left_open(&clock).await, [key("5")]);
        assert!(clock.moment() < Moment::START + Duration::from_secs(14 * 60));
        let more = tokio::time::timeout(Duration::from_secs(3600), answers.left_open(&clock)).await;
        assert!(more.is_err(), "once is enough");
        assert_eq!(claim(&answers, "5").call().1, &To::FollowUp(key("5")));
    }

    #[test]
    fn memory_is_bounded_and_tells_no_token() {
        let answers = Answers::default();
        for id in 0..=MAX_OPEN {
            answers.expect(&key(&id.to_string()), 100, NOW);
        }
        assert!(answers.first(&message("0"), NOW).is_none() && is_waiting(&answers, "1"));
        assert!(!format!("{answers:?}").contains("hush"));
    }
}
