//! What a plugin's process may take: time to answer, and memory.

use std::time::Duration;

use takopi_stdio::Ladder;

/// What a plugin's process may take. The defaults are the protocol's; tests take shorter times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// From its start to the answer of the handshake.
    pub handshake: Duration,
    /// For the answer of a ping.
    pub ping: Duration,
    /// Between two pings while work is under way.
    pub ping_every: Duration,
    /// For the answer of a request that was cancelled.
    pub cancel: Duration,
    /// What a shared process may take longer for that before it is ended.
    pub deaf: Duration,
    /// For the answer of `shutdown`.
    pub shutdown: Duration,
    /// From `exit` and the end of its stdin to its end.
    pub exit: Duration,
    /// For the answer to a text for a run under way, and to what a plugin thinks of its settings.
    pub reply: Duration,
    /// For what a person may choose from, the start of the process included: what else is known can be shown without it.
    pub choices: Duration,
    /// For which the events of a run in a shared process may wait for room; then those without room are dropped.
    pub room: Duration,
    /// After which a run without events is said to be quiet.
    pub quiet: Duration,
    /// Between two looks at its memory and its idleness.
    pub look: Duration,
    /// Bytes of memory that it and its children may have in use, unless its manifest names engines: agents take what they
    /// need.
    pub memory: u64,
    /// How it is ended when words do not help.
    pub ladder: Ladder,
}

impl Default for Bounds {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            handshake: seconds(10),
            ping: seconds(5),
            ping_every: seconds(30),
            cancel: seconds(5),
            deaf: seconds(10),
            shutdown: seconds(5),
            exit: seconds(2),
            reply: seconds(10),
            choices: seconds(2),
            room: seconds(1),
            quiet: seconds(600),
            look: seconds(2),
            memory: 1 << 30,
            ladder: Ladder::TERMINATE,
        }
    }
}
