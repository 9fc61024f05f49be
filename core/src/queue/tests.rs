//! The queue by its rules one at a time, then against the model over random lives.

mod model;

use std::collections::HashMap;

use proptest::prelude::*;

use self::model::Model;
use super::threads::{MAX_IDLE, MAX_KEYS};
use super::*;
use crate::id::{PluginId, RunIds};
use crate::message::Address;
use crate::session::SessionToken;
use crate::time::Timestamp;

fn session(name: impl ToString) -> Session {
    let token = SessionToken::parse(&name.to_string()).unwrap();
    Session { engine: PluginId::parse("codex").unwrap(), token }
}

fn token(name: impl ToString) -> ThreadKey {
    ThreadKey::Token(session(name))
}

fn scope(generation: u32) -> ThreadKey {
    let id = |name| PluginId::parse(name).unwrap();
    let address = Address { instance: id("telegram"), chat: "7".to_owned(), thread: None };
    ThreadKey::Scope(address.into(), id("codex"), generation)
}

fn runs<const N: usize>() -> [RunId; N] {
    let mint = RunIds::new([1; 6]);
    std::array::from_fn(|_| mint.next(Timestamp::from_unix_ms(1)))
}

const START: Placement = Placement::Start;

fn waiting(ahead: usize) -> Placement {
    Placement::Waiting { ahead }
}

#[test]
fn a_third_run_of_a_thread_never_overtakes_or_joins_the_second() {
    let [a, b, c] = runs();
    let mut queue = Queue::new(9);
    assert_eq!(queue.push(a, token(1)), START);
    assert_eq!(queue.push(b, token(1)), waiting(1));
    assert_eq!(queue.finish(a), [Released::Start(b)]);
    assert_eq!(queue.push(c, token(1)), waiting(1));
    assert_eq!(queue.finish(b), [Released::Start(c)]);
}

#[test]
fn two_quick_messages_of_a_chat_share_the_session_the_first_one_starts() {
    let [a, b, c, d] = runs();
    let mut queue = Queue::new(9);
    queue.push(a, scope(0));
    assert_eq!(queue.push(b, scope(0)), waiting(1));
    assert_eq!(queue.bind(a, session(1)), Bound::Bound);
    assert_eq!(queue.push(c, token(1)), waiting(2));
    assert_eq!(queue.push(d, scope(1)), START, "after /new it is another conversation");
    assert_eq!(queue.thread_of(a), Some(&token(1)));
    assert_eq!(queue.waiting_in(&scope(0)).collect::<Vec<_>>(), [b, c]);
    assert_eq!(queue.finish(a), [Released::Start(b)]);
    assert_eq!(queue.finish(b), [Released::Start(c)]);
    assert_eq!(queue.finish(c), []);
    queue.push(a, scope(0));
    assert_eq!(queue.push(b, token(1)), waiting(1), "the scope follows the session while nothing runs");
}

#[test]
fn runs_that_wait_under_two_names_run_in_the_order_they_came() {
    let [x, a, b, c, d] = runs();
    let mut queue = Queue::new(2);
    queue.push(x, scope(7));
    queue.push(a, scope(0));
    assert_eq!(queue.push(b, token(1)), waiting(0));
    queue.push(c, scope(0));
    queue.push(d, token(1));
    queue.bind(a, session(1));
    assert_eq!(queue.waiting_in(&token(1)).collect::<Vec<_>>(), [b, c, d]);
}

#[test]
fn a_session_that_runs_elsewhere_holds_the_event_of_those_that_learn_it() {
    let [a, b, c, d] = runs();
    let mut queue = Queue::new(9);
    queue.push(a, token(1));
    queue.push(b, scope(0));
    queue.push(c, ThreadKey::Run(c));
    queue.push(d, token(1));
    assert_eq!(queue.bind(b, session(1)), Bound::Held { by: a });
    assert_eq!(queue.bind(c, session(1)), Bound::Held { by: a });
    assert_eq!(queue.finish(a), [Released::Bound(b)]);
    assert_eq!(queue.finish(b), [Released::Bound(c)]);
    assert_eq!(queue.finish(c), [Released::Start(d)]);
}

#[test]
fn runs_that_learn_each_others_sessions_go_on() {
    let [a, b, c, d] = runs();
    let mut queue = Queue::new(9);
    queue.push(a, token(1));
    queue.push(b, token(2));
    assert_eq!(queue.bind(a, session(2)), Bound::Held { by: b });
    assert_eq!(queue.bind(b, session(1)), Bound::Crossed { by: a });
    assert_eq!(queue.finish(b), [Released::Bound(a)]);
    assert_eq!(queue.push(c, token(1)), waiting(1));
    assert_eq!(queue.push(d, token(2)), waiting(2));
}

#[test]
fn a_claim_that_would_close_a_ring_lets_the_held_event_pass() {
    let [a, b, c] = runs();
    let mut queue = Queue::new(9);
    queue.push(a, scope(0));
    queue.push(b, token(1));
    assert_eq!(queue.claim_dir(a, "/w".into()), Claim::Granted);
    assert_eq!(queue.bind(a, session(1)), Bound::Held { by: b });
    assert_eq!(queue.claim_dir(b, "/w".into()), Claim::Waiting { behind: a, passed: Some(a) });
    assert_eq!(queue.finish(a), [Released::Dir(b)]);
    assert_eq!(queue.push(c, scope(0)), waiting(1), "the threads became one late");
}

#[test]
fn a_directory_is_claimed_in_turn() {
    let [a, b, c] = runs();
    let mut queue = Queue::new(9);
    for run in [a, b, c] {
        queue.push(run, ThreadKey::Run(run));
    }
    assert_eq!(queue.claim_dir(a, "/w".into()), Claim::Granted);
    assert_eq!(queue.claim_dir(a, "/v".into()), Claim::Refused);
    assert_eq!(queue.claim_dir(b, "/w".into()), Claim::Waiting { behind: a, passed: None });
    assert_eq!(queue.claim_dir(c, "/w".into()), Claim::Waiting { behind: b, passed: None });
    assert_eq!(queue.bind(c, session(1)), Bound::Unknown);
    assert_eq!(queue.finish(b), []);
    assert_eq!(queue.finish(a), [Released::Dir(c)]);
}

#[test]
fn a_run_that_could_not_be_steered_is_next_again() {
    let [a, b, c] = runs();
    let mut queue = Queue::new(9);
    for run in [a, b, c] {
        queue.push(run, token(1));
    }
    assert_eq!(queue.remove(c), Removed::Waiting);
    assert_eq!(queue.requeue_front(c, token(1)), waiting(1));
    assert_eq!(queue.finish(a), [Released::Start(c)]);
}

#[test]
fn idle_threads_are_remembered_within_bounds() {
    let mint = RunIds::new([1; 6]);
    let mut queue = Queue::new(9);
    for conversation in 0..2000 {
        let run = mint.next(Timestamp::from_unix_ms(1));
        queue.push(run, scope(conversation));
        queue.bind(run, session(conversation));
        queue.finish(run);
    }
    assert_eq!(queue.threads.len(), (0, MAX_IDLE, 2 * MAX_IDLE));
    for fork in 0..200 {
        let run = mint.next(Timestamp::from_unix_ms(1));
        assert_eq!(queue.push(run, scope(1999)), START);
        queue.bind(run, session(format!("fork{fork}")));
        queue.finish(run);
    }
    assert_eq!(queue.threads.len(), (0, MAX_IDLE, 2 * MAX_IDLE - 2 + MAX_KEYS));
    let [a, b] = runs();
    queue.push(a, scope(1999));
    assert_eq!(queue.push(b, token("fork199")), waiting(1), "the keys in use are those kept");
}

#[test]
fn a_hundred_thousand_runs_may_wait() {
    let all: Box<[RunId]> = {
        let mint = RunIds::new([1; 6]);
        (0..100_000).map(|ms| mint.next(Timestamp::from_unix_ms(ms))).collect()
    };
    let mut queue = Queue::new(2);
    queue.push(all[0], scope(0));
    for (index, run) in all.iter().enumerate().skip(1) {
        queue.push(*run, if index % 2 == 0 { token(1) } else { scope(0) });
    }
    queue.bind(all[0], session(1));
    assert_eq!((queue.running(), queue.waiting()), (2, 99_998));
    for run in &all[50_000..] {
        queue.remove(*run);
    }
    let mut running = vec![all[0], all[2]];
    let mut ended = 0;
    while let Some(run) = running.pop() {
        ended += 1;
        running.extend(queue.finish(run).into_iter().filter_map(|released| match released {
            Released::Start(run) => Some(run),
            _ => None,
        }));
    }
    assert_eq!((ended, queue.running(), queue.waiting()), (50_000, 0, 0));
}

#[derive(Debug, Clone)]
enum Step {
    Push { key: u8, front: bool },
    Bind { who: usize, session: u8 },
    Claim { who: usize, dir: u8 },
    Finish { who: usize },
    Remove { who: usize, back: bool },
    Limit(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..9u8, prop::bool::weighted(0.1)).prop_map(|(key, front)| Step::Push { key, front }),
        4 => (0..9usize, 0..4u8).prop_map(|(who, session)| Step::Bind { who, session }),
        3 => (0..9usize, 0..2u8).prop_map(|(who, dir)| Step::Claim { who, dir }),
        3 => (0..9usize).prop_map(|who| Step::Finish { who }),
        1 => (0..9usize, any::<bool>()).prop_map(|(who, back)| Step::Remove { who, back }),
        1 => (1..6usize).prop_map(Step::Limit),
    ]
}

/// Runs both, and holds every answer of the queue against the model's.
struct Pair {
    queue: Queue,
    model: Model,
    mint: RunIds,
    starts: HashMap<RunId, usize>,
}

impl Pair {
    fn put(&mut self, run: RunId, key: ThreadKey, front: bool) {
        let at = if front { 0 } else { self.model.runs.len() };
        self.model.runs.insert(at, (run, key.clone(), false));
        self.model.thread(&key);
        let started = self.model.start() == [run];
        let place = if front { self.queue.requeue_front(run, key) } else { self.queue.push(run, key) };
        assert_eq!(place == START, started);
        self.starts.insert(run, usize::from(started));
    }

    fn count(&mut self, released: &[Released]) {
        for released in released {
            if let Released::Start(run) = released {
                *self.starts.get_mut(run).unwrap() += 1;
            }
        }
    }

    fn finish(&mut self, run: RunId) {
        let released = self.queue.finish(run);
        assert_eq!(released, self.model.finish(run));
        self.count(&released);
    }

    fn nth(&self, who: usize, runs: bool) -> Option<RunId> {
        let all: Vec<_> = self.model.runs.iter().filter(|run| run.2 == runs).map(|run| run.0).collect();
        (!all.is_empty()).then(|| all[who % all.len()])
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Push { key, front } => {
                let run = self.mint.next(Timestamp::from_unix_ms(1));
                let key = match key {
                    0..3 => scope(key.into()),
                    3..6 => token(key - 3),
                    6 => ThreadKey::Run(run),
                    _ => ThreadKey::Run(self.nth(key.into(), true).unwrap_or(run)),
                };
                self.put(run, key, front);
            }
            Step::Bind { who, session: name } => {
                let Some(run) = self.nth(who, true) else { return };
                assert_eq!(self.queue.bind(run, session(name)), self.model.bind(run, session(name)));
            }
            Step::Claim { who, dir } => {
                let Some(run) = self.nth(who, true) else { return };
                let claim = self.queue.claim_dir(run, dir.to_string().into());
                assert_eq!(claim, self.model.claim(run, dir));
            }
            Step::Finish { who } => {
                if let Some(run) = self.nth(who, true) {
                    self.finish(run);
                }
            }
            Step::Remove { who, back } => {
                let Some(run) = self.nth(who, false) else { return };
                let key = self.model.key(run);
                self.model.runs.retain(|known| known.0 != run);
                assert_eq!(self.queue.remove(run), Removed::Waiting);
                self.starts.remove(&run);
                if back {
                    self.put(run, key, true);
                }
            }
            Step::Limit(limit) => {
                self.model.limit = limit;
                let started: Vec<_> =
                    self.queue.set_max_parallel(limit).into_iter().map(Released::Start).collect();
                assert_eq!(started, self.model.start().into_iter().map(Released::Start).collect::<Vec<_>>());
                self.count(&started);
            }
        }
    }

    fn compare(&mut self) {
        self.model.check();
        let all = self.model.runs.clone();
        assert_eq!(self.queue.running(), all.iter().filter(|run| run.2).count());
        assert_eq!(self.queue.waiting(), all.iter().filter(|run| !run.2).count());
        for (index, (run, key, runs)) in all.iter().enumerate() {
            let busy = self.model.runner(key).is_some();
            let mine = all[..index].iter().filter(|other| !other.2 && self.model.same(&other.1, key)).count();
            let position = self.queue.position(*run);
            match (runs, busy || mine > 0) {
                (true, _) => assert_eq!(position, None),
                (false, true) => assert_eq!(position, Some(mine + usize::from(busy))),
                (false, false) => assert!(position.unwrap() <= index),
            }
            assert_eq!(self.queue.running_in(key), self.model.runner(key));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_run_starts_once_in_its_turn_and_leaves_nothing_behind(
        limit in 1..5usize,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let model = Model { limit, ..Model::default() };
        let mint = RunIds::new([2; 6]);
        let mut pair = Pair { queue: Queue::new(limit), model, mint, starts: HashMap::new() };
        for step in steps {
            pair.apply(step);
            pair.compare();
        }
        while let Some(run) = pair.nth(0, true) {
            pair.finish(run);
            pair.compare();
        }
        prop_assert!(pair.starts.values().all(|count| *count == 1), "started once each");
        let Queue { runs, threads, directories, .. } = pair.queue;
        prop_assert_eq!((runs.len(), directories.len()), (0, 0));
        let (busy, idle, keys) = threads.len();
        prop_assert!(busy == 0 && idle <= MAX_IDLE && (idle == 0 || keys >= 2 * idle));
    }
}
