//! Tells systemd how the daemon is, by the datagrams of `sd_notify(3)`. Without `NOTIFY_SOCKET` it says nothing.
//!
//! Whatever goes wrong here is logged and nothing else: a daemon nobody watches works as well.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The way to systemd, if there is one.
#[derive(Debug)]
pub(crate) struct Notify {
    to: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notify {
    /// Reads the environment.
    pub(crate) fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty());
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| *usec > 0 && ours).map(Duration::from_micros);
        Self::open(socket.as_deref(), watchdog)
    }

    fn open(socket: Option<&OsStr>, watchdog: Option<Duration>) -> Self {
        let to = socket.and_then(|socket| match connect(socket) {
            Ok(to) => Some(to),
            Err(error) => {
                tracing::warn!(%error, "NOTIFY_SOCKET cannot be used");
                None
            }
        });
        // systemd wants a sign of life twice per interval.
        Self { watchdog: watchdog.filter(|_| to.is_some()).map(|interval| interval / 2), to }
    }

    /// Returns how often to call [`Notify::alive`], if at all.
    pub(crate) fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Says that everything is served.
    pub(crate) fn ready(&self) {
        self.tell(&format!("READY=1\nSTATUS=ready\nMAINPID={}", std::process::id()));
    }

    /// Says that the settings are being read again; [`Notify::ready`] follows.
    pub(crate) fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let usec = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={usec}"));
    }

    /// Says that the daemon is on its way down.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=ending runs");
    }

    /// Says that the daemon is alive.
    pub(crate) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, state: &str) {
        let Some((socket, address)) = &self.to else { return };
        if let Err(error) = socket.send_to_addr(state.as_bytes(), address) {
            tracing::debug!(%error, "systemd was not told");
        }
    }
}

fn connect(socket: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match socket.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    let datagram = UnixDatagram::unbound()?;
    // A systemd that doesn't read must not stop the daemon.
    datagram.set_nonblocking(true)?;
    Ok((datagram, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_life_is_told_from_ready_to_stopping() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let notify = Notify::open(Some(path.as_os_str()), Some(Duration::from_secs(30)));
        assert_eq!(notify.watchdog(), Some(Duration::from_secs(15)));
        notify.ready();
        notify.alive();
        notify.reloading();
        notify.stopping();
        assert_eq!(heard(&systemd), format!("READY=1\nSTATUS=ready\nMAINPID={}", std::process::id()));
        assert_eq!(heard(&systemd), "WATCHDOG=1");
        let reloading = heard(&systemd);
        let usec = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(usec.parse::<u64>().unwrap() > 0);
        assert_eq!(heard(&systemd), "STOPPING=1\nSTATUS=ending runs");
    }

    #[test]
    fn an_abstract_socket_is_reached_by_its_name() {
        let name = format!("takopi-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let systemd = UnixDatagram::bind_addr(&address).unwrap();
        Notify::open(Some(OsStr::new(&format!("@{name}"))), None).alive();
        assert_eq!(heard(&systemd), "WATCHDOG=1");
    }

    #[test]
    fn without_a_socket_nothing_is_told_and_nobody_waits() {
        let notify = Notify::open(None, Some(Duration::from_secs(30)));
        notify.ready();
        assert_eq!(notify.watchdog(), None);
    }
}
