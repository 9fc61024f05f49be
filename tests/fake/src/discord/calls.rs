//! The life of a call: noted, met by a fault, let in, carried out, answered or broken off.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use super::faults::{self, Fault, Scope};
use super::limits::{Headers, RENAME};
use super::log::Call;
use super::refusal::Refusal;
use super::routes::{self, Asking, Route};
use super::world::World;
use crate::telegram::now;

/// The world, and the bells that ring when it has changed.
#[derive(Debug)]
pub(super) struct Shared {
    world: Mutex<World>,
    bell: Condvar,
    changed: watch::Sender<u64>,
    /// How often held calls were let go.
    released: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(world: World) -> Self {
        let (changed, released) = (watch::Sender::new(0), watch::Sender::new(0));
        Self { world: Mutex::new(world), bell: Condvar::new(), changed, released }
    }

    /// Returns the world, told what time it is.
    pub(super) fn read(&self) -> MutexGuard<'_, World> {
        // A test that failed while it looked has spoilt nothing.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.now = now() + world.ahead;
        let calendar = Duration::try_from(clock_gettime(ClockId::Realtime)).unwrap_or_default() + world.ahead;
        world.calendar_ms = u64::try_from(calendar.as_millis()).unwrap_or(u64::MAX);
        world
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.read());
        self.bell.notify_all();
        self.changed.send_modify(|times| *times += 1);
        result
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Waits until `look` finds in the world what it wants; none when `patience` ends first.
    pub(super) fn wait<T>(&self, patience: Duration, look: impl Fn(&World) -> Option<T>) -> Option<T> {
        let waited = self.bell.wait_timeout_while(self.read(), patience, |world| look(world).is_none());
        let (world, _) = waited.unwrap_or_else(PoisonError::into_inner);
        look(&world)
    }

    /// Returns when a connection that doesn't beat is given up: two beats and a little later.
    pub(super) fn beat_due(&self, line: u64) -> Instant {
        let world = self.read();
        let beat = world.gateway.lines.get(&line).map_or(world.now, |line| line.beat);
        let patience = world.settings.heartbeat * 2 + Duration::from_secs(5);
        Instant::now() + (beat + patience).saturating_sub(world.now)
    }

    /// Lets every call that is held now go on.
    pub(super) fn release(&self) {
        self.released.send_modify(|times| *times += 1);
    }

    /// Waits until the test lets it go.
    async fn hold(&self) {
        let mut released = self.released.subscribe();
        let _held = Held::begin(self);
        // An error would mean that the server is gone, and this with it.
        if released.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Counts a held call for as long as it lives, which is shorter when the client hangs up.
struct Held<'a>(&'a Shared);

impl<'a> Held<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.change(|world| world.log.holding += 1);
        Self(shared)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.change(|world| world.log.holding -= 1);
    }
}

/// What goes back to the client.
#[derive(Debug)]
pub(super) enum Reply {
    Json(u16, Value, Headers),
    File(Arc<[u8]>),
    /// A page that is no JSON.
    Garbage,
    /// Nothing: the connection breaks.
    Broken,
}

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub(super) authorized: bool,
    /// Whether it says who it is, as `DiscordBot (url, version)`.
    pub(super) named: bool,
}

/// Plays a call from its arrival to its end.
pub(super) async fn play(
    shared: &Arc<Shared>,
    caller: Caller,
    asking: Result<Asking, (Asking, Refusal)>,
) -> Reply {
    let (asking, unreadable) = match asking {
        Ok(asking) => (asking, None),
        Err((asking, refusal)) => (asking, Some(refusal)),
    };
    let route = routes::find(&asking.method, &asking.path);
    let (flight, fault) = Flight::begin(shared, &asking, route.as_ref());
    let Some(route) = route else {
        return flight.refuse(&Refusal::new(404, 0, "404: Not Found"), Headers::new());
    };
    let none = Headers::new();
    match &fault {
        Some(Fault::TooMany(wait, scope)) => {
            return flight.refuse(&Refusal::limited(*wait, *scope == Scope::Global), none);
        }
        Some(Fault::Refuse(status, code, message)) => {
            return flight.refuse(&Refusal::new(*status, *code, message), none);
        }
        Some(Fault::ResetBefore) => return flight.end(None, Value::Null, Reply::Broken),
        Some(Fault::Garbage) => return flight.end(Some(200), "garbage".into(), Reply::Garbage),
        Some(Fault::HangBefore) => shared.hold().await,
        Some(Fault::ResetAfter | Fault::HangAfter) | None => {}
    }
    let done = shared.change(|world| perform(world, caller, &asking, &route, unreadable));
    match fault {
        Some(Fault::ResetAfter) => return flight.end(None, Value::Null, Reply::Broken),
        Some(Fault::HangAfter) => shared.hold().await,
        _ => {}
    }
    match done {
        Ok(Done { status, answer, headers }) => {
            flight.end(Some(status), answer.clone(), Reply::Json(status, answer, headers))
        }
        Err((refusal, headers)) => flight.refuse(&refusal, headers),
    }
}

struct Done {
    status: u16,
    answer: Value,
    headers: Headers,
}

fn perform(
    world: &mut World,
    caller: Caller,
    asking: &Asking,
    route: &Route<'_>,
    unreadable: Option<Refusal>,
) -> Result<Done, (Refusal, Headers)> {
    let by_token = route.template.starts_with("/interactions") || route.template.starts_with("/webhooks");
    if !by_token && route.template != "/gateway" && !caller.authorized {
        return Err((Refusal::new(401, 0, "401: Unauthorized"), Headers::new()));
    }
    if !caller.named {
        world.stats.nameless += 1;
    }
    let mut keys = vec![format!("{} {}", asking.method, route.template)];
    if keys.iter().any(|key| key == "PATCH /channels/:id")
        && (asking.body.get("name").is_some() || asking.body.get("topic").is_some())
    {
        keys.push(RENAME.to_owned());
    }
    let major = if by_token {
        route.args.join("/")
    } else {
        route.args.first().copied().unwrap_or_default().to_owned()
    };
    let now = world.now;
    let headers =
        world.limits.take(&keys, &major, !by_token && !route.template.starts_with("/gateway"), now)?;
    if let Some(refusal) = unreadable {
        return Err((refusal, headers));
    }
    match (route.perform)(world, asking, &route.args) {
        Ok((status, answer)) => Ok(Done { status, answer, headers }),
        Err(refusal) => Err((refusal, headers)),
    }
}

/// Plays the download of an attachment.
pub(super) async fn download(shared: &Arc<Shared>, path: &str) -> Reply {
    let asking = Asking { method: "GET".to_owned(), path: path.to_owned(), ..Asking::default() };
    let (flight, fault) = Flight::begin(shared, &asking, None);
    match fault {
        Some(Fault::HangBefore | Fault::HangAfter) => shared.hold().await,
        Some(Fault::ResetBefore | Fault::ResetAfter) => return flight.end(None, Value::Null, Reply::Broken),
        Some(Fault::Refuse(status, code, message)) => {
            return flight.refuse(&Refusal::new(status, code, &message), Headers::new());
        }
        Some(Fault::TooMany(wait, _)) => {
            return flight.refuse(&Refusal::limited(wait, false), Headers::new());
        }
        Some(Fault::Garbage) | None => {}
    }
    let id = path.split('/').nth(3).and_then(|id| id.parse().ok());
    let bytes = id.and_then(|id| shared.read().files.get(id).map(|kept| kept.bytes.clone()));
    match bytes {
        Some(bytes) => flight.end(Some(200), bytes.len().into(), Reply::File(bytes)),
        None => flight.refuse(&Refusal::new(404, 0, "404: Not Found"), Headers::new()),
    }
}

/// A call in the log that has not ended.
struct Flight<'a> {
    shared: &'a Shared,
    place: usize,
    ended: bool,
}

impl<'a> Flight<'a> {
    fn begin(shared: &'a Shared, asking: &Asking, route: Option<&Route<'_>>) -> (Self, Option<Fault>) {
        let template = match route {
            Some(route) => route.template.to_owned(),
            None if asking.path.starts_with("/cdn/") => "/cdn".to_owned(),
            None => asking.path.clone(),
        };
        let (place, fault) = shared.change(|world| {
            let mut call = Call {
                at: world.now,
                ended: None,
                method: asking.method.clone(),
                channel: route.filter(|route| route.template.starts_with("/channels")).and_then(Route::major),
                path: route
                    .map_or_else(|| asking.path.clone(), |route| route.path_without_token(&asking.path)),
                template,
                query: asking
                    .query
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect::<Vec<_>>()
                    .join("&"),
                body: asking.body.clone(),
                files: asking.files.iter().map(|file| (file.name.clone(), file.bytes.len())).collect(),
                status: None,
                answer: Value::Null,
                fault: None,
            };
            let fault = faults::meet(&mut world.injections, &call);
            call.fault.clone_from(&fault);
            world.log.calls.push(call);
            (world.log.calls.len() - 1, fault)
        });
        (Self { shared, place, ended: false }, fault)
    }

    fn end(mut self, status: Option<u16>, answer: Value, reply: Reply) -> Reply {
        self.ended = true;
        self.note(status, answer);
        reply
    }

    fn refuse(self, refusal: &Refusal, mut headers: Headers) -> Reply {
        headers.extend(refusal.headers());
        self.shared.change(|world| world.stats.count(refusal));
        let body = refusal.body();
        self.end(Some(refusal.status), body.clone(), Reply::Json(refusal.status, body, headers))
    }

    fn note(&self, status: Option<u16>, answer: Value) {
        self.shared.change(|world| {
            let ended = world.now;
            if let Some(call) = world.log.calls.get_mut(self.place) {
                (call.ended, call.status, call.answer) = (Some(ended), status, answer);
            }
        });
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.note(None, "the client hung up".into());
        }
    }
}
