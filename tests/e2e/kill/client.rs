//! Those who write to a busy daemon: the page's clients over HTTP, and a terminal over the control socket.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use uuid::Uuid;

use crate::house::Home;
use crate::page::Page;
use crate::program::Program;
use crate::random::Random;

/// Clients of the page at a time.
const CLIENTS: usize = 3;

/// Conversations that the short messages of a time share, so that they queue behind each other.
const CONVERSATIONS: u64 = 4;

/// Rounds after which other conversations are used.
const ERA: u64 = 5;

/// Longest pause of a client between two messages.
const PAUSE_MS: u64 = 30;

/// A message whose command puts its id into the journal.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) id: String,
    pub(super) conversation: Uuid,
    pub(super) text: String,
    /// Whether the house has said that it is durable.
    pub(super) acknowledged: bool,
    /// Whether its client can say it again under the same identity.
    pub(super) repeatable: bool,
}

impl Written {
    fn new(conversation: Uuid, rest: &str) -> Self {
        let id = Uuid::new_v4().to_string();
        let text = format!("echo {id} >> journal; {rest}");
        Self { id, conversation, text, acknowledged: false, repeatable: true }
    }

    /// Returns one whose processes take long enough to be interrupted, one of them out of reach of its group.
    pub(super) fn long() -> Self {
        Self::new(Uuid::new_v4(), "setsid sleep 3 & sleep 3")
    }

    fn any(era: u64, random: &mut Random) -> Self {
        // The same in every round of an era, and others in the next.
        let shared = Uuid::from_u128(
            u128::from(era * CONVERSATIONS + random.below(CONVERSATIONS)) | 0x4 << 76 | 0x8 << 60,
        );
        match random.below(20) {
            0 => Self::long(),
            1 | 2 => Self::new(shared, "setsid sleep 1 & echo left one running"),
            3..8 => Self::new(shared, "sleep 0.02; echo slow"),
            _ => Self::new(shared, "echo quick"),
        }
    }

    /// Says it, and notes whether it was acknowledged.
    pub(super) fn submit(mut self, page: &Page, dir: &Path) -> Self {
        self.acknowledged = page.submit(self.conversation, &self.id, &self.text, dir).is_ok();
        self
    }
}

/// Everybody who writes in one round.
pub(super) struct Traffic {
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Written>>>,
    terminal: (Program, Written),
}

impl Traffic {
    /// Begins with what was not acknowledged in the last round.
    pub(super) fn begin(
        home: &Home,
        page: &Page,
        round: u64,
        again: Vec<Written>,
        random: &mut Random,
    ) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut message = Written::any(round / ERA, random);
        message.repeatable = false;
        let conversation = message.conversation.to_string();
        let arguments = ["chat", "--json", "--conversation", &conversation, &message.text];
        let terminal = (Program::start(&mut home.takopi(&arguments)), message);
        let mut again = again.into_iter();
        let clients = (0..CLIENTS).map(|_| {
            let first: Vec<Written> = again.by_ref().take(8).collect();
            let (over, page, mut random) = (over.clone(), page.clone(), random.fork());
            let dir = home.work();
            std::thread::spawn(move || {
                let mut all: Vec<Written> =
                    first.into_iter().map(|message| message.submit(&page, &dir)).collect();
                while !over.load(Ordering::Relaxed) {
                    all.push(Written::any(round / ERA, &mut random).submit(&page, &dir));
                    std::thread::sleep(Duration::from_millis(random.below(PAUSE_MS)));
                }
                all
            })
        });
        let clients = clients.collect();
        Self { over, clients, terminal }
    }

    /// Ends it, now that the daemon is gone, and returns what was said. Sometimes the terminal stays: it takes
    /// the house over, and hands it to the next daemon.
    pub(super) fn end(self, random: &mut Random) -> Vec<Written> {
        self.over.store(true, Ordering::Relaxed);
        let mut all: Vec<Written> =
            self.clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        let (terminal, mut message) = self.terminal;
        let said = if random.below(2) == 0 { terminal.wait().stdout } else { terminal.kill() };
        message.acknowledged = said.contains(r#""type":"accepted""#);
        all.push(message);
        all
    }
}
