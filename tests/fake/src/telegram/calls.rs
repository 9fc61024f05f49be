//! The life of a call: noted, met by a fault, carried out, answered or broken off.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::clock;
use super::faults::{self, CONFLICT, Fault};
use super::log::{Call, Delivered};
use super::methods::Method;
use super::params::{Params, Refusal};
use super::world::World;

/// Seconds a poll waits at most: longer ones are cut short by Telegram, too.
const MAX_POLL_S: i64 = 50;

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
        Self {
            world: Mutex::new(world),
            bell: Condvar::new(),
            changed: watch::Sender::new(0),
            released: watch::Sender::new(0),
        }
    }

    pub(super) fn read(&self) -> MutexGuard<'_, World> {
        // A test that failed while it looked has spoilt nothing.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.read());
        self.bell.notify_all();
        self.changed.send_modify(|times| *times += 1);
        result
    }

    /// Waits until `look` finds in the world what it wants; none when `patience` ends first.
    pub(super) fn wait<T>(&self, patience: Duration, look: impl Fn(&World) -> Option<T>) -> Option<T> {
        let waited = self.bell.wait_timeout_while(self.read(), patience, |world| look(world).is_none());
        let (world, _) = waited.unwrap_or_else(PoisonError::into_inner);
        look(&world)
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

/// What a call is about.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    Method(Method),
    Poll,
    /// The download of the file at a path.
    File(String),
}

/// What goes back to the client.
#[derive(Debug)]
pub(super) enum Reply {
    Json(u16, Value),
    File(Vec<u8>),
    /// A page that is no JSON.
    Garbage,
    /// Nothing: the connection breaks.
    Broken,
}

/// Why there is no result.
enum Failed {
    Refused(Refusal),
    Broken,
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What comes of it.
enum Outcome {
    Json(Value),
    File(Vec<u8>),
}

/// Plays a call from its arrival to its end.
pub(super) async fn play(
    shared: &Arc<Shared>,
    name: &'static str,
    wish: Wish,
    params: Result<Params, Refusal>,
    authorized: bool,
) -> Reply {
    let (flight, fault) = Flight::begin(shared, name, params.as_ref().ok());
    if !authorized {
        return flight.refuse(&Refusal::new(401, "Unauthorized"));
    }
    let params = match params {
        Ok(params) => params,
        Err(refusal) => return flight.refuse(&refusal),
    };
    match &fault {
        Some(Fault::TooMany(0)) => return flight.refuse(&Refusal::new(429, "Too Many Requests")),
        Some(Fault::TooMany(seconds)) => return flight.refuse(&Refusal::too_many(*seconds)),
        Some(Fault::Refuse(code, description)) => return flight.refuse(&Refusal::new(*code, description)),
        Some(Fault::ResetBefore) => return flight.end(None, Value::Null, Reply::Broken),
        Some(Fault::Garbage) => return flight.end(Some(200), "garbage".into(), Reply::Garbage),
        Some(Fault::HangBefore) => shared.hold().await,
        Some(Fault::ResetAfter | Fault::HangAfter) | None => {}
    }
    let done = perform(shared, wish, &params).await;
    match fault {
        Some(Fault::ResetAfter) => return flight.end(None, Value::Null, Reply::Broken),
        Some(Fault::HangAfter) => shared.hold().await,
        _ => {}
    }
    match done {
        Ok(Outcome::Json(result)) => {
            let reply = Reply::Json(200, json!({"ok": true, "result": result}));
            flight.end(Some(200), result, reply)
        }
        Ok(Outcome::File(bytes)) => flight.end(Some(200), bytes.len().into(), Reply::File(bytes)),
        Err(Failed::Refused(refusal)) => flight.refuse(&refusal),
        Err(Failed::Broken) => flight.end(None, Value::Null, Reply::Broken),
    }
}

async fn perform(shared: &Arc<Shared>, wish: Wish, params: &Params) -> Result<Outcome, Failed> {
    match wish {
        Wish::Method(method) => {
            let result = shared.change(|world| method(world, params, clock::now()))?;
            Ok(Outcome::Json(result))
        }
        Wish::Poll => poll(shared, params).await.map(Outcome::Json),
        Wish::File(path) => {
            let bytes = shared.read().files.at(&path).map(<[u8]>::to_vec);
            Ok(Outcome::File(bytes.ok_or_else(|| Refusal::new(404, "Not Found"))?))
        }
    }
}

/// Waits for updates. A newer poll takes the place of this one, as it is with Telegram.
async fn poll(shared: &Arc<Shared>, params: &Params) -> Result<Value, Failed> {
    let timeout = params.number("timeout").unwrap_or_default().clamp(0, MAX_POLL_S);
    let deadline = Instant::now() + Duration::from_secs(timeout.unsigned_abs());
    let mut changed = shared.changed.subscribe();
    let (mine, limit) = shared.change(|world| {
        let limit = world.updates.heed(params)?;
        world.updates.newest_poll += 1;
        world.log.confirmed = world.log.confirmed.max(params.number("offset").unwrap_or_default());
        world.log.polling = true;
        Ok::<_, Refusal>((world.updates.newest_poll, limit))
    })?;
    let _waiting = Waiting { shared, mine };
    loop {
        changed.mark_unchanged();
        let batch = look(shared, mine, limit)?;
        if !batch.is_empty() {
            return Ok(batch.into());
        }
        if timeout_at(deadline, changed.changed()).await.is_err() {
            return Ok(batch.into());
        }
    }
}

fn look(shared: &Arc<Shared>, mine: u64, limit: usize) -> Result<Vec<Value>, Failed> {
    let mut world = shared.read();
    if world.updates.broken_poll == mine {
        return Err(Failed::Broken);
    }
    if world.updates.newest_poll != mine {
        return Err(Refusal::new(409, CONFLICT).into());
    }
    let at = clock::now();
    let (ids, batch): (Vec<i64>, Vec<Value>) = world.updates.ready(limit).into_iter().unzip();
    world.log.delivered.extend(ids.into_iter().map(|update| Delivered { at, update }));
    Ok(batch)
}

/// A poll that waits; it ends when the client goes, too.
struct Waiting<'a> {
    shared: &'a Shared,
    mine: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.change(|world| {
            if world.updates.newest_poll == self.mine {
                world.log.polling = false;
            }
        });
    }
}

/// A call in the log that has not ended.
struct Flight<'a> {
    shared: &'a Shared,
    place: usize,
    ended: bool,
}

impl<'a> Flight<'a> {
    fn begin(shared: &'a Shared, method: &'static str, params: Option<&Params>) -> (Self, Option<Fault>) {
        let mut call = Call {
            at: clock::now(),
            ended: None,
            method,
            chat: params.and_then(|params| params.number("chat_id")),
            params: params.map(Params::for_log).unwrap_or_default(),
            status: None,
            answer: Value::Null,
            fault: None,
        };
        let (place, fault) = shared.change(|world| {
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

    fn refuse(self, refusal: &Refusal) -> Reply {
        let reply = Reply::Json(refusal.code, refusal.body());
        self.end(Some(refusal.code), refusal.description.clone().into(), reply)
    }

    fn note(&self, status: Option<u16>, answer: Value) {
        self.shared.change(|world| {
            if let Some(call) = world.log.calls.get_mut(self.place) {
                (call.ended, call.status, call.answer) = (Some(clock::now()), status, answer);
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
