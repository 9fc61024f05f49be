//! What a plugin asks takopi to do for a call: `host/*` and `context/release`.
//!
//! Whether it may is `command/contexts.rs`. A request that is cancelled, or whose context is over, takes the runs it
//! waits for along.

use std::pin::Pin;
use std::task::Poll;

use serde_json::Value;
use takopi_core::event;
use takopi_core::id::EngineId;
use takopi_core::port::command::{CommandError, RunMode, RunRequest, RunResult};
use takopi_core::session::{Context, SessionToken};
use takopi_plugin_protocol::engine::Outcome;
use takopi_plugin_protocol::host::{
    AskEngines, Engine, Engines, Get, Got, Mode, Place, Put, Ran, RanMany, Release, Request, Resolve,
    Resolved, Run, RunMany, Send as Show,
};
use takopi_plugin_protocol::{Done, Method, Notification, code};
use takopi_stdio::rpc::RpcError;
use tokio_util::sync::CancellationToken;

use super::body;
use super::contexts::{Contexts, Guest};
use crate::manifest::Permission;
use crate::switchboard::{read, write};

/// Runs of one `host/run_many`, at most: more than a person reads the answers of.
const MAX_RUNS: usize = 64;

/// Bytes of a key and of a value that are kept.
const MAX_KEY_BYTES: usize = 128;
const MAX_VALUE_BYTES: usize = 64 << 10;

/// Something that is asked of takopi for a call.
trait Ask: Method + Send {
    const PERMISSION: Option<Permission>;

    fn context(&self) -> &str;

    fn ask(
        self,
        guest: &Guest,
        stop: &CancellationToken,
    ) -> impl Future<Output = Result<Self::Result, RpcError>> + Send;
}

/// Answers a request; `None` when it is none of these.
pub(crate) async fn answer(
    contexts: &Contexts,
    method: &str,
    params: Value,
    cancel: &CancellationToken,
) -> Option<Result<Value, RpcError>> {
    Some(match method {
        Show::NAME => ask::<Show>(contexts, params, cancel).await,
        Run::NAME => ask::<Run>(contexts, params, cancel).await,
        RunMany::NAME => ask::<RunMany>(contexts, params, cancel).await,
        AskEngines::NAME => ask::<AskEngines>(contexts, params, cancel).await,
        Resolve::NAME => ask::<Resolve>(contexts, params, cancel).await,
        Get::NAME => ask::<Get>(contexts, params, cancel).await,
        Put::NAME => ask::<Put>(contexts, params, cancel).await,
        _ => return None,
    })
}

/// Takes back the context of `context/release`; returns the parameters of any other notification.
pub(crate) fn release(contexts: &Contexts, method: &str, params: Value) -> Option<Value> {
    if method != Release::NAME {
        return Some(params);
    }
    match read::<Release>(params) {
        Ok(release) => contexts.release(&release.context),
        Err(error) => tracing::debug!(%error, "a plugin's release of a context cannot be read"),
    }
    None
}

async fn ask<A: Ask>(
    contexts: &Contexts,
    params: Value,
    cancel: &CancellationToken,
) -> Result<Value, RpcError> {
    let asked: A = read(params)?;
    let (guest, over) = contexts.admit(A::NAME, asked.context(), A::PERMISSION)?;
    let stop = cancel.child_token();
    let _stopped = stop.clone().drop_guard();
    tokio::select! {
        done = asked.ask(&guest, &stop) => write::<A>(&done?),
        () = cancel.cancelled() => Err(RpcError::cancelled()),
        () = over.cancelled() => {
            Err(RpcError::new(code::GONE, format!("{}: the call it was for is over", A::NAME)))
        }
    }
}

fn failed(error: CommandError) -> RpcError {
    RpcError::new(RpcError::INTERNAL, error.0)
}

fn invalid(text: String) -> RpcError {
    RpcError::new(RpcError::INVALID_PARAMS, text)
}

impl Ask for Show {
    const PERMISSION: Option<Permission> = Some(Permission::SendMessage);

    fn context(&self) -> &str {
        &self.context
    }

    async fn ask(self, guest: &Guest, stop: &CancellationToken) -> Result<Done, RpcError> {
        let body = body::read(self.body, guest, stop).await?;
        guest.host.send(body, self.notify).await.map_err(failed)?;
        Ok(Done {})
    }
}

impl Ask for Run {
    const PERMISSION: Option<Permission> = Some(Permission::RunEngine);

    fn context(&self) -> &str {
        &self.context
    }

    async fn ask(self, guest: &Guest, _stop: &CancellationToken) -> Result<Ran, RpcError> {
        run(self.request, guest).await
    }
}

impl Ask for RunMany {
    const PERMISSION: Option<Permission> = Some(Permission::RunEngine);

    fn context(&self) -> &str {
        &self.context
    }

    async fn ask(self, guest: &Guest, _stop: &CancellationToken) -> Result<RanMany, RpcError> {
        let count = self.requests.len();
        if count > MAX_RUNS {
            return Err(invalid(format!("{count} requests at once; {MAX_RUNS} at most")));
        }
        let runs = self.requests.into_iter().map(|request| run_or_fail(request, guest));
        let results = if self.parallel {
            all(runs.collect()).await
        } else {
            let mut results = Vec::with_capacity(count);
            for run in runs {
                results.push(run.await);
            }
            results
        };
        Ok(RanMany { results })
    }
}

/// Waits for all of them, which go on side by side; returns what they do in their order.
async fn all<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (Some(Box::pin(future)), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in &mut waiting {
            if let Some(Poll::Ready(result)) = future.as_mut().map(|future| Pin::as_mut(future).poll(context))
            {
                (*future, *done) = (None, Some(result));
            }
        }
        match waiting.iter().all(|(future, _)| future.is_none()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    waiting.into_iter().filter_map(|(_, done)| done).collect()
}

/// Runs an engine; one that cannot be started has failed.
async fn run_or_fail(request: Request, guest: &Guest) -> Ran {
    let engine = request.engine.clone().unwrap_or_default();
    run(request, guest).await.unwrap_or_else(|error| Ran {
        run: String::new(),
        engine,
        outcome: Outcome::Failed,
        answer: String::new(),
        session: None,
        error: Some(error.message),
    })
}

async fn run(request: Request, guest: &Guest) -> Result<Ran, RpcError> {
    let mode = match request.mode {
        Mode::Emit => RunMode::Emit,
        Mode::Capture => RunMode::Capture,
    };
    if request.prompt.trim().is_empty() {
        return Err(invalid("the prompt is empty".to_owned()));
    }
    let engine = match request.engine {
        Some(id) => Some(EngineId::parse(&id).map_err(|_| invalid(format!("unknown engine '{id}'")))?),
        None => None,
    };
    let session = match request.session {
        Some(token) => Some(
            SessionToken::parse(&token)
                .ok_or_else(|| invalid("the session is no session's token".to_owned()))?,
        ),
        None => None,
    };
    let place = |place: Place| Context {
        project: place.project.map(|project| project.to_lowercase()),
        branch: place.branch,
    };
    let context = request.place.map(place);
    let request = RunRequest { prompt: request.prompt, engine, context, session };
    guest.host.run(request, mode).await.map(ran).map_err(failed)
}

fn ran(result: RunResult) -> Ran {
    let (outcome, error) = match result.outcome {
        event::Outcome::Answered => (Outcome::Answered, None),
        event::Outcome::Cancelled => (Outcome::Cancelled, None),
        event::Outcome::Interrupted => (Outcome::Interrupted, Some("takopi went down".to_owned())),
        event::Outcome::Failed(reason) => (Outcome::Failed, Some(reason)),
    };
    Ran {
        run: result.run.to_string(),
        engine: result.engine.to_string(),
        outcome,
        answer: result.answer,
        session: result.session.map(|session| session.to_string()),
        error,
    }
}

impl Ask for AskEngines {
    const PERMISSION: Option<Permission> = Some(Permission::RunEngine);

    fn context(&self) -> &str {
        &self.context
    }

    async fn ask(self, guest: &Guest, _stop: &CancellationToken) -> Result<Engines, RpcError> {
        let engines = guest.host.engines().await.into_iter();
        let engine = |engine: takopi_core::port::command::EngineStatus| Engine {
            id: engine.id.to_string(),
            title: engine.title,
            issue: engine.issue,
        };
        // Where no engine serves the chat there is no default one either.
        let default = guest.host.default_engine().await.ok().map(|(id, _)| id.to_string());
        Ok(Engines { engines: engines.map(engine).collect(), default })
    }
}

impl Ask for Resolve {
    const PERMISSION: Option<Permission> = None;

    fn context(&self) -> &str {
        &self.context
    }

    async fn ask(self, guest: &Guest, _stop: &CancellationToken) -> Result<Resolved, RpcError> {
        let resolved = guest.host.resolve(&self.text, self.reply_text.as_deref()).await;
        let resolved = resolved.map_err(|CommandError(text)| invalid(text))?;
        let Context { project, branch } = resolved.context;
        Ok(Resolved {
            prompt: resolved.prompt,
            engine: resolved.engine.map(|id| id.to_string()),
            session: resolved.session.map(|session| session.to_string()),
            place: Place { project, branch },
            dir: resolved.dir.map(|dir| dir.to_string_lossy().into_owned()),
        })
    }
}

fn check_key(key: &str) -> Result<(), RpcError> {
    match key.len() {
        1..=MAX_KEY_BYTES => Ok(()),
        bytes => Err(invalid(format!("the key has {bytes} bytes; from 1 to {MAX_KEY_BYTES} can be"))),
    }
}

impl Ask for Get {
    const PERMISSION: Option<Permission> = Some(Permission::Store);

    fn context(&self) -> &str {
        &self.context
    }

    async fn ask(self, guest: &Guest, _stop: &CancellationToken) -> Result<Got, RpcError> {
        check_key(&self.key)?;
        let value = guest.host.kept(&guest.owner, &self.key).await.map_err(failed)?;
        Ok(Got { value })
    }
}

impl Ask for Put {
    const PERMISSION: Option<Permission> = Some(Permission::Store);

    fn context(&self) -> &str {
        &self.context
    }

    async fn ask(self, guest: &Guest, _stop: &CancellationToken) -> Result<Done, RpcError> {
        check_key(&self.key)?;
        let bytes = self.value.as_ref().map_or(0, String::len);
        if bytes > MAX_VALUE_BYTES {
            let text =
                format!("the value has {bytes} bytes; {MAX_VALUE_BYTES} at most, more goes into files");
            return Err(invalid(text));
        }
        guest.host.keep(&guest.owner, &self.key, self.value.as_deref()).await.map_err(failed)?;
        Ok(Done {})
    }
}
