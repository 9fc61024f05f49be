//! The pacer by its rules one at a time, then against the model over random schedules.

mod model;

use std::time::Duration;

use proptest::prelude::*;

use self::model::Model;
use super::*;
use crate::id::PluginId;
use crate::port::transport::{TextLimit, TextUnit};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn at(millis: u64) -> Moment {
    Moment::after_start(ms(millis))
}

fn rate(calls: u32, per: u64) -> Rate {
    Rate { calls, per: ms(per), bursts: false }
}

fn bursts(calls: u32, per: u64) -> Rate {
    Rate { bursts: true, ..rate(calls, per) }
}

fn chat(name: impl ToString) -> Address {
    Address { instance: PluginId::parse("telegram").unwrap(), chat: name.to_string(), thread: None }
}

fn edit(message: impl ToString) -> Key {
    Key::Edit(MessageRef { address: chat("any"), id: message.to_string() })
}

fn post(number: i64, part: usize) -> Key {
    Key::Part(PostKind::Final, OutboxId(number), part)
}

fn item(key: Key, to: u8, rate: Option<Rate>) -> Item<u64> {
    Item { key, chat: chat(to), rate, counts: true, what: 0 }
}

fn limits(bot: Option<Rate>, edit_gap: u64) -> Limits {
    let text = TextLimit { max: 4096, unit: TextUnit::Utf16 };
    Limits { text, bot, chat: None, edit_gap: ms(edit_gap) }
}

/// Takes what may go at once, each call over as soon as it is made.
fn say(pacer: &mut Pacer<u64>, now: Moment) -> Vec<Key> {
    let said: Vec<Key> = std::iter::from_fn(|| {
        let item = pacer.take(now)?;
        pacer.done(&item.key);
        Some(item.key)
    })
    .collect();
    said
}

#[test]
fn answers_go_before_notices_before_edits() {
    let mut pacer = Pacer::new(&limits(None, 0));
    let notice = Key::Part(PostKind::Notice, OutboxId(1), 0);
    let reply = Key::Part(PostKind::Reply, OutboxId(3), 0);
    let progress = Key::FirstProgress(crate::id::RunId::parse(&"0".repeat(32)).unwrap());
    for key in [progress.clone(), edit(1), notice.clone(), reply.clone(), post(2, 1), post(2, 0)] {
        pacer.offer(item(key, 1, None));
    }
    assert_eq!(say(&mut pacer, at(0)), [post(2, 0), post(2, 1), reply, notice, progress, edit(1)]);
}

#[test]
fn a_limited_chat_delays_no_other() {
    let mut pacer = Pacer::new(&limits(None, 0));
    pacer.offer(item(post(1, 0), 1, Some(rate(20, 60_000))));
    pacer.offer(item(edit(1), 2, Some(rate(1, 1_000))));
    pacer.retry_after(RetryScope::Chat, &chat(1), ms(30_000), at(0));
    assert_eq!(say(&mut pacer, at(0)), [edit(1)]);
    assert_eq!(pacer.next_wake(at(0)), Some(at(30_000)));
    pacer.retry_after(RetryScope::Bot, &chat(2), ms(40_000), at(0));
    assert_eq!(pacer.next_wake(at(0)), Some(at(40_000)));
    assert_eq!(say(&mut pacer, at(40_000)), [post(1, 0)]);
}

#[test]
fn a_part_that_has_to_go_again_keeps_its_place() {
    let mut pacer = Pacer::new(&limits(None, 0));
    pacer.offer(item(post(1, 0), 1, None));
    pacer.offer(item(post(1, 1), 1, None));
    let first = pacer.take(at(0)).unwrap();
    assert_eq!(pacer.take(at(0)), None, "one call at a time");
    pacer.again(first);
    assert_eq!(say(&mut pacer, at(0)), [post(1, 0), post(1, 1)]);
}

#[test]
fn a_newer_edit_takes_the_place_of_the_waiting_one() {
    let mut pacer = Pacer::new(&limits(None, 1_000));
    pacer.offer(item(edit(1), 1, None));
    pacer.offer(item(edit(2), 1, None));
    pacer.offer(Item { what: 1, ..item(edit(1), 1, None) });
    let first = pacer.take(at(0)).unwrap();
    assert_eq!((&first.key, first.what), (&edit(1), 1));
    pacer.offer(Item { what: 2, ..item(edit(1), 1, None) });
    pacer.again(first);
    assert_eq!(say(&mut pacer, at(999)), [edit(2)]);
    assert_eq!(pacer.take(at(1_000)).unwrap().what, 2);
    pacer.offer(item(edit(2), 1, None));
    assert!(pacer.forget(&edit(2)).is_some());
    pacer.done(&edit(1));
    assert_eq!((pacer.take(at(9_000)), pacer.waiting()), (None, 0));
}

#[test]
fn edits_spread_over_a_groups_window_and_leave_five_calls_to_sends() {
    let group = Some(rate(20, 60_000));
    let mut pacer = Pacer::new(&limits(None, 1_000));
    let mut edited = Vec::new();
    for second in 0..60 {
        pacer.offer(item(edit(1), 1, group));
        edited.extend(say(&mut pacer, at(second * 1_000)).iter().map(|_| second));
    }
    assert_eq!(edited, (0..15).map(|n| n * 4).collect::<Vec<_>>());
    for number in 0..6 {
        pacer.offer(item(post(number, 0), 1, group));
    }
    assert_eq!(say(&mut pacer, at(59_999)).len(), 5);
    let alone = Some(rate(1, 1_000));
    pacer.offer(item(edit(2), 2, alone));
    assert_eq!(say(&mut pacer, at(59_999)), [edit(2)], "a narrow window reserves nothing");
}

#[test]
fn what_is_deleted_takes_no_send_from_a_chat() {
    let mut pacer = Pacer::new(&limits(None, 0));
    let deletion = |number| Item { counts: false, ..item(post(number, 1), 1, Some(rate(2, 2_000))) };
    for number in 1..4 {
        pacer.offer(item(post(number, 0), 1, Some(rate(2, 2_000))));
        pacer.offer(deletion(number));
    }
    assert_eq!(say(&mut pacer, at(0)), [post(1, 0), post(1, 1), post(2, 0), post(2, 1)]);
    pacer.retry_after(RetryScope::Chat, &chat(1), ms(3_000), at(0));
    assert_eq!(say(&mut pacer, at(2_000)), [], "silence is silence");
    assert_eq!(say(&mut pacer, at(3_000)), [post(3, 0), post(3, 1)]);
    pacer.retry_after(RetryScope::Chat, &chat(1), ms(1), at(3_000));
    pacer.offer(deletion(4));
    assert_eq!(pacer.next_wake(at(3_000)), Some(at(3_001)));
}

#[test]
fn where_bursts_are_allowed_an_answer_and_the_next_question_wait_for_no_edit() {
    let private = Some(bursts(3, 3_000));
    let mut pacer = Pacer::new(&limits(None, 1_000));
    let progress =
        |digit: char| Key::FirstProgress(crate::id::RunId::parse(&digit.to_string().repeat(32)).unwrap());
    pacer.offer(item(progress('0'), 1, private));
    assert_eq!(say(&mut pacer, at(0)), [progress('0')]);
    let mut edited = Vec::new();
    for tenth in 0..100 {
        pacer.offer(item(edit(1), 1, private));
        edited.extend(say(&mut pacer, at(tenth * 100)).iter().map(|_| tenth * 100));
    }
    assert_eq!(edited, (1..10).map(|n| n * 1_000).collect::<Vec<_>>(), "one a second");
    pacer.forget(&edit(1));
    pacer.offer(item(post(1, 0), 1, private));
    pacer.offer(item(edit(2), 1, private));
    assert_eq!(say(&mut pacer, at(9_900)), [post(1, 0)], "the answer");
    pacer.offer(item(progress('1'), 1, private));
    assert_eq!(say(&mut pacer, at(9_900)), [progress('1')], "and what comes next");
    pacer.offer(item(post(2, 0), 1, private));
    assert_eq!((say(&mut pacer, at(9_999)), pacer.next_wake(at(9_999))), (vec![], Some(at(10_000))));
    assert_eq!(say(&mut pacer, at(10_000)), [post(2, 0)], "nothing waits longer than a second for an edit");
    assert_eq!(pacer.next_wake(at(10_000)), Some(at(13_000)), "and edits leave room again");
}

#[test]
fn what_the_service_says_of_its_budget_counts() {
    let mut pacer = Pacer::new(&limits(None, 0));
    pacer.hint(&chat(1), 1, ms(500), at(0));
    pacer.offer(item(post(1, 0), 1, None));
    pacer.offer(item(post(2, 0), 1, None));
    assert_eq!(say(&mut pacer, at(0)), [post(1, 0)]);
    assert_eq!(pacer.next_wake(at(0)), Some(at(500)));
}

#[derive(Debug, Clone)]
enum Step {
    Post { to: u8, notice: bool, parts: usize },
    Edit { message: u8 },
    Forget { message: u8 },
    Take,
    Done { which: usize, again: bool },
    Wait(u64),
    Limit { to: Option<u8>, after: u64 },
    Hint { to: u8, left: u32, reset_in: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4u8, any::<bool>(), 1..4usize).prop_map(|(to, notice, parts)| Step::Post { to, notice, parts }),
        4 => (0..8u8).prop_map(|message| Step::Edit { message }),
        1 => (0..8u8).prop_map(|message| Step::Forget { message }),
        6 => Just(Step::Take),
        4 => (0..8usize, prop::bool::weighted(0.2)).prop_map(|(which, again)| Step::Done { which, again }),
        4 => (1..700u64).prop_map(Step::Wait),
        1 => (prop::option::of(0..4u8), 1..900u64).prop_map(|(to, after)| Step::Limit { to, after }),
        1 => (0..4u8, 0..3u32, 1..900u64).prop_map(|(to, left, reset_in)| Step::Hint { to, left, reset_in }),
    ]
}

/// The chats of the property: two narrow ones, a group with a reserve, one without a budget.
fn rate_of(to: u8) -> Option<Rate> {
    [Some(rate(1, 300)), Some(bursts(3, 600)), Some(rate(8, 3_000)), None][usize::from(to)]
}

/// Runs both, and holds every answer of the pacer against the model's.
struct Pair {
    pacer: Pacer<u64>,
    model: Model,
    now: u64,
    posts: i64,
    offered: u64,
}

impl Pair {
    fn offer(&mut self, key: Key, to: u8) {
        self.offered += 1;
        // The last part of a post takes away what is not needed any more.
        let counts = !matches!(key, Key::Part(_, _, 2));
        let item = Item { what: self.offered, counts, ..item(key, to, rate_of(to)) };
        let replaced = self.pacer.offer(item.clone());
        assert_eq!(replaced, self.model.offer(item));
    }

    fn take(&mut self) -> bool {
        let taken = self.pacer.take(at(self.now));
        assert_eq!(taken, self.model.take(self.now));
        taken.is_some()
    }

    fn apply(&mut self, step: Step) {
        let now = at(self.now);
        match step {
            Step::Post { to, notice, parts } => {
                self.posts += 1;
                let kind = if notice { PostKind::Notice } else { PostKind::Final };
                for part in 0..parts {
                    self.offer(Key::Part(kind, OutboxId(self.posts), part), to);
                }
            }
            Step::Edit { message } => self.offer(edit(message), message % 4),
            Step::Forget { message } => {
                assert_eq!(self.pacer.forget(&edit(message)), self.model.forget(&edit(message)));
            }
            Step::Take => {
                self.take();
            }
            Step::Done { which, again } => {
                let Some(item) = self.model.over(which, again) else { return };
                if again { self.pacer.again(item) } else { self.pacer.done(&item.key) }
            }
            Step::Wait(millis) => self.now += millis,
            Step::Limit { to, after } => {
                let scope = if to.is_some() { RetryScope::Chat } else { RetryScope::Bot };
                self.pacer.retry_after(scope, &chat(to.unwrap_or(0)), ms(after), now);
                self.model.limits.push((to.map(chat), self.now + after));
            }
            Step::Hint { to, left, reset_in } => {
                self.pacer.hint(&chat(to), left, ms(reset_in), now);
                let from = self.model.calls.len();
                self.model
                    .hints
                    .insert(chat(to), (usize::try_from(left).unwrap(), self.now + reset_in, from));
            }
        }
    }

    fn compare(&self) -> Option<u64> {
        assert_eq!(self.pacer.waiting(), self.model.waiting.len());
        let wake = self.pacer.next_wake(at(self.now))?;
        let wake = u64::try_from(wake.since_start().as_millis()).unwrap();
        assert!(self.model.next(wake).is_some(), "something goes at the wake");
        let early = (self.now < wake).then(|| self.model.next(wake - 1)).flatten();
        assert_eq!(early, None, "nothing goes before it, and what may go once may go later");
        Some(wake)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn nothing_goes_too_early_out_of_turn_or_never(steps in prop::collection::vec(step(), 1..80)) {
        let bot = rate(4, 400);
        let pacer = Pacer::new(&limits(Some(bot), 250));
        let model = Model::new(bot, 250);
        let mut pair = Pair { pacer, model, now: 0, posts: 0, offered: 0 };
        for step in steps {
            pair.apply(step);
            pair.compare();
        }
        while pair.model.over(0, false).map(|item| pair.pacer.done(&item.key)).is_some() {}
        while let Some(wake) = pair.compare() {
            pair.now = wake;
            prop_assert!(pair.take());
            let over = pair.model.over(0, false).unwrap();
            pair.pacer.done(&over.key);
        }
        prop_assert_eq!(pair.model.waiting.len(), 0, "everything went");
        pair.model.check_windows(|to| rate_of(to.chat.parse().unwrap()));
        prop_assert_eq!(pair.pacer.take(at(pair.now + 10_000)), None);
        let Pacer { chats, places, in_flight, .. } = pair.pacer;
        prop_assert_eq!((chats.len(), places.len(), in_flight.len()), (0, 0, 0));
    }
}
