//! Days of a desk as chance has it: messages, edits, cancels, faults of the service, a full disk, restarts
//! of the transport, closings and crashes. Whatever happens, in the end everybody was told and nothing is
//! left over.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;
use crate::message::{Button, ButtonAction, MessageRef, Press};
use crate::port::engine::Job;
use crate::port::ledger::Unfinished;
use crate::port::transport::{RetryScope, SendError};
use crate::testing::transport::Fault;

const CHATS: [&str; 2] = ["a", "b"];
const GATES: [&str; 2] = ["g0", "g1"];

#[derive(Debug, Clone)]
enum Act {
    Say { chat: usize, script: usize },
    Repeat { nth: usize },
    Edit { nth: usize },
    Delete { nth: usize },
    CancelAll { chat: usize },
    Press { chat: usize, nth: usize },
    OpenGate { gate: usize },
    Sends(Vec<Option<Fault>>),
    Edits(Vec<Option<Fault>>),
    Disk { full: bool },
    Pass { ms: u64 },
    Steps { count: usize },
    Restart,
}

/// How a day ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Night {
    Crash,
    Close,
}

fn fault() -> impl Strategy<Value = Option<Fault>> {
    let after = Duration::from_secs(7);
    let fails = |error| Just(Some(Fault::Fails(error)));
    prop_oneof![
        Just(None),
        Just(Some(Fault::Late(Duration::from_secs(3)))),
        fails(SendError::RetryAfter { after, scope: RetryScope::Chat }),
        fails(SendError::RetryAfter { after, scope: RetryScope::Bot }),
        fails(SendError::Broken("reset".to_owned())),
        fails(SendError::Unknown("timeout".to_owned())),
    ]
}

fn act(disk: bool) -> impl Strategy<Value = Act> {
    let faults = || prop::collection::vec(fault(), 1..4);
    prop_oneof![
        8 => (0..CHATS.len(), 0..8usize).prop_map(|(chat, script)| Act::Say { chat, script }),
        1 => (0..9usize).prop_map(|nth| Act::Repeat { nth }),
        1 => (0..9usize).prop_map(|nth| Act::Edit { nth }),
        1 => (0..9usize).prop_map(|nth| Act::Delete { nth }),
        1 => (0..CHATS.len()).prop_map(|chat| Act::CancelAll { chat }),
        2 => (0..CHATS.len(), 0..4usize).prop_map(|(chat, nth)| Act::Press { chat, nth }),
        2 => (0..GATES.len()).prop_map(|gate| Act::OpenGate { gate }),
        2 => faults().prop_map(Act::Sends),
        2 => faults().prop_map(Act::Edits),
        1 => any::<bool>().prop_map(move |full| Act::Disk { full: full && disk }),
        4 => (1..20_000u64).prop_map(|ms| Act::Pass { ms }),
        4 => (1..12usize).prop_map(|count| Act::Steps { count }),
        1 => Just(Act::Restart),
    ]
}

type Day = (Vec<Act>, Night);

fn days(disk: bool) -> impl Strategy<Value = Vec<Day>> {
    let night = prop_oneof![2 => Just(Night::Crash), 1 => Just(Night::Close)];
    prop::collection::vec((prop::collection::vec(act(disk), 1..16), night), 1..4)
}

/// What outlives the days.
struct World {
    ledger: Arc<MemoryLedger>,
    service: FakeTransport,
    /// What was accepted, in order: its chat and its text's first word, which is its name.
    said: Vec<Message>,
    /// The prompts that engines were given, over all days.
    prompts: Vec<String>,
    ids: usize,
}

impl World {
    fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("m{}", self.ids)
    }

    fn nth(&self, nth: usize) -> Option<Message> {
        self.said.get(nth.checked_rem(self.said.len())?).cloned()
    }

    async fn act(&mut self, stage: &Stage, act: Act) {
        let service = self.service.clone();
        match act {
            Act::Say { chat, script } => {
                let id = self.next_id();
                let text = match script {
                    0 => id.clone(),
                    1 => format!("{id} session:{id} gate:g0"),
                    2 => format!("{id} action:a gate:g1 answer:x"),
                    3 => format!("{id} answer:first gate:g0 answer:second"),
                    4 => format!("{id} action:a hang"),
                    5 => format!("{id} gone gate:g0 session:{id}"),
                    6 => format!("{id} gate:g1 gone hang"),
                    _ => format!("{id} broken"),
                };
                let message = service.message(CHATS[chat], &id, &text);
                if service.hand_in(Inbound::Message(message.clone())).await.is_ok() {
                    self.said.push(message);
                }
            }
            Act::Repeat { nth } => {
                if let Some(message) = self.nth(nth) {
                    drop(service.hand_in(Inbound::Message(message)).await);
                }
            }
            Act::Edit { nth } => {
                if let Some(message) = self.nth(nth) {
                    let text = format!("{} edited", message.upstream);
                    let edited = Message { upstream: self.next_id(), text, ..message };
                    drop(service.hand_in(Inbound::Edited(edited)).await);
                }
            }
            Act::Delete { nth } => {
                if let Some(Message { message, .. }) = self.nth(nth) {
                    drop(service.hand_in(Inbound::Deleted { upstream: self.next_id(), message }).await);
                }
            }
            Act::CancelAll { chat } => {
                let message = service.message(CHATS[chat], &self.next_id(), "/cancel all");
                drop(service.hand_in(Inbound::Message(message)).await);
            }
            Act::Press { chat, nth } => self.press(CHATS[chat], nth).await,
            Act::OpenGate { gate } => stage.engine.open_gate(GATES[gate]),
            Act::Sends(faults) => service.fail_sends(faults),
            Act::Edits(faults) => service.fail_edits(faults),
            Act::Disk { full } => self.ledger.break_writes(full),
            Act::Pass { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
            Act::Steps { count } => {
                for _ in 0..count {
                    tokio::task::yield_now().await;
                }
            }
            Act::Restart => stage.serve().await,
        }
    }

    async fn press(&mut self, chat: &str, nth: usize) {
        let buttons = self.service.seen(chat).into_iter().filter_map(|seen| {
            let action = seen.body.buttons.first()?.first()?.action.clone();
            matches!(action, ButtonAction::Cancel { .. }).then_some((seen.id, action))
        });
        let Some((id, action)) = buttons.into_iter().nth(nth) else { return };
        let message = MessageRef { address: self.service.address(chat), id: id.to_string() };
        let sender = self.service.message(chat, "", "").sender;
        let press = Press { upstream: self.next_id(), message, sender, action };
        drop(self.service.hand_in(Inbound::Press(press)).await);
    }

    /// Lives one day and sleeps as it says.
    async fn live(&mut self, (acts, night): Day) {
        let stage = Stage::open_with(self.service.clone(), self.ledger.clone()).await;
        for act in acts {
            self.act(&stage, act).await;
        }
        if night == Night::Close {
            self.ledger.break_writes(false);
            // A slow service may outlast it: what it was not told is told on another day.
            stage.desk.close(Duration::from_secs(300)).await;
            assert!(stage.desk.runs().iter().all(|run| run.ahead.is_some()), "everything has ended");
        }
        self.prompts.extend(stage.engine.jobs().into_iter().map(done));
    }

    /// Lives a day on which nothing happens but what must.
    async fn wind_up(&mut self) {
        let stage = Stage::open_with(self.service.clone(), self.ledger.clone()).await;
        GATES.iter().for_each(|gate| stage.engine.open_gate(gate));
        for hour in 0.. {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            let left = self.ledger.unfinished().await.unwrap();
            if left == Unfinished::default() && stage.desk.runs().is_empty() {
                break;
            }
            assert!(hour < 100, "something never ends: {left:#?} {:#?}", stage.desk.runs());
            for run in stage.desk.runs() {
                stage.desk.cancel(run.id);
            }
        }
        self.prompts.extend(stage.engine.jobs().into_iter().map(done));
        assert!(stage.desk.close(Duration::from_secs(300)).await);
    }

    fn name(prompt: &str) -> &str {
        prompt.split_whitespace().next().unwrap_or_default()
    }

    /// Every accepted message ran at most once, and every one was answered in its chat.
    fn everybody_was_told(&self) {
        let mut runs: HashMap<&str, usize> = HashMap::new();
        self.prompts.iter().for_each(|prompt| *runs.entry(Self::name(prompt)).or_default() += 1);
        assert!(runs.values().all(|count| *count == 1), "run twice: {runs:?}");
        for message in &self.said {
            let seen = self.service.seen(&message.message.address.chat);
            let told = seen.iter().any(|seen| seen.reply_to.as_ref() == Some(&message.upstream));
            assert!(told, "nobody answered {}: {seen:#?}", message.text);
        }
    }

    /// Messages of one conversation ran in the order they were written.
    fn order_held(&self) {
        for chat in CHATS {
            let place = |prompt: &String| {
                let of =
                    |said: &Message| said.upstream == Self::name(prompt) && said.message.address.chat == chat;
                self.said.iter().position(of)
            };
            let places: Vec<_> = self.prompts.iter().filter_map(place).collect();
            assert!(places.is_sorted(), "{chat}: {:?}", self.prompts);
        }
    }

    /// No message of a run says that it is still on.
    async fn nothing_is_left_over(&self) {
        for chat in CHATS {
            for seen in self.service.seen(chat) {
                let header = seen.body.header.as_deref().unwrap_or_default();
                let on = ["queued", "starting", "working"].iter().any(|word| header.starts_with(word));
                // A run that was interrupted can be gone on with.
                let goes_on = |button: &Button| matches!(button.action, ButtonAction::Resume { .. });
                let is_over = seen.body.buttons.iter().flatten().all(goes_on);
                assert!(!on && is_over, "{seen:#?}");
            }
        }
        for inbox in 1..=self.ids {
            assert_eq!(self.ledger.get(door::QUEUED, &inbox.to_string()).await.unwrap(), None);
        }
    }
}

/// Returns the prompt of a job; of one that misses its session under another name, since it is done once more.
fn done(job: Job) -> String {
    let is_missed = job.session.is_some() && job.prompt.split_whitespace().any(|word| word == "gone");
    if is_missed { format!("missed-{}", job.prompt) } else { job.prompt }
}

fn on_a_runtime(work: impl Future<Output = ()>) {
    let builder = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    builder().unwrap().block_on(work);
}

fn simulate(disk: bool, days: Vec<Day>) {
    let service = FakeTransport::new().with_spec(|spec| spec.features.conversations = true);
    let mut world = World { ledger: Arc::default(), service, said: Vec::new(), prompts: Vec::new(), ids: 0 };
    for day in days {
        on_a_runtime(world.live(day));
        world.ledger.break_writes(false);
    }
    on_a_runtime(world.wind_up());
    // What a full disk kept back runs on the day after.
    on_a_runtime(world.wind_up());
    world.everybody_was_told();
    if !disk {
        world.order_held();
        on_a_runtime(world.nothing_is_left_over());
    }
}

fn check(disk: bool, cases: u32) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let result = TestRunner::new_with_rng(config, rng).run(&days(disk), |days| {
        simulate(disk, days);
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

#[test]
fn whatever_happens_everybody_is_told_in_order_and_nothing_is_left_over() {
    check(false, 150);
}

#[test]
fn whatever_the_disk_does_nothing_runs_twice_and_everybody_is_told() {
    check(true, 100);
}
