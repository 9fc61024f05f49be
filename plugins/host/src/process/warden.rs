//! Looks after a process that serves more than one call: stops it when it is idle, ends it when it hangs or takes too
//! much memory.
//!
//! Memory is what the process and its descendants have in use (`VmRSS`), looked at every [`Bounds::look`]: a limit on
//! address space would stop runtimes that reserve gigabytes and use megabytes. Where there is no `/proc`, nothing is seen.

use std::sync::{Arc, Weak};

use takopi_plugin_protocol::life::Ping;
use takopi_stdio::rpc::Patience;
use takopi_stdio::{Identity, descendants};
use tokio_util::sync::CancellationToken;

use super::{Plugin, Running};
use crate::bounds::Bounds;

/// Pings that go unanswered one after the other before a process counts as hanging.
const MISSES: u32 = 2;

/// Goes on until the process is over, nobody has it any more, or `stop`.
pub(super) async fn guard(
    plugin: Weak<Plugin>,
    watched: Weak<Running>,
    bounds: Bounds,
    over: CancellationToken,
    stop: CancellationToken,
) {
    let mut misses = 0;
    let Some(clock) = watched.upgrade().map(|running| running.clock.clone()) else { return };
    let mut ping_at = clock.moment() + bounds.ping_every;
    loop {
        tokio::select! {
            () = over.cancelled() => return,
            () = stop.cancelled() => return,
            () = clock.sleep_until(clock.moment() + bounds.look) => {}
        }
        let (Some(plugin), Some(running)) = (plugin.upgrade(), watched.upgrade()) else { return };
        if plugin.package().manifest.engines.is_empty()
            && memory(running.life.process.identity()) > bounds.memory
        {
            running.doom(format!("it used more than {} MB of memory", bounds.memory >> 20)).await;
            return;
        }
        if running.answer.capabilities.ping && running.is_busy() && clock.moment() >= ping_at {
            let answer = running.peer_ping(&bounds).await;
            misses = if answer { 0 } else { misses + 1 };
            if misses >= MISSES {
                running.doom("it did not answer two pings").await;
                return;
            }
            ping_at = clock.moment() + bounds.ping_every;
        }
        plugin.rest_when_idle(running).await;
    }
}

impl Running {
    /// Returns whether a ping is answered. It is no work.
    async fn peer_ping(&self, bounds: &Bounds) -> bool {
        use takopi_plugin_protocol::Method;
        let answer = self.peer.call(Ping::NAME, serde_json::json!({}), &Patience::of(bounds.ping)).await;
        answer.is_ok()
    }
}

/// Returns the bytes of memory that a process and its descendants have in use.
fn memory(process: Identity) -> u64 {
    let below = descendants(process);
    std::iter::once(process).chain(below).filter_map(|process| resident(process.pid())).sum()
}

fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    in_use(&status)
}

/// Reads `VmRSS:  1234 kB`, as proc_pid_status(5) has it.
fn in_use(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kilobytes << 10)
}

/// For the process as it is kept: nobody but its plugin and the warden has it.
pub(super) fn is_forgotten(running: &Arc<Running>) -> bool {
    Arc::strong_count(running) <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_in_use_is_read_from_the_status_file() {
        assert_eq!(in_use("Name:\tx\nVmHWM:\t 9999 kB\nVmRSS:\t    1234 kB\n"), Some(1234 << 10));
        assert_eq!(in_use("Name:\tkthreadd\n"), None);
        assert!(memory(Identity::of(std::process::id())) > 1 << 20);
    }
}
