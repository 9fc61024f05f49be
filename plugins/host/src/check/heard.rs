//! All that a plugin says while it is tried, and the made-up house that answers it.
//!
//! What it must not say is written down as a fault; it is told so as takopi would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use takopi_plugin_protocol::{Done, Method, Notification, code, engine, host, life, transport};
use takopi_stdio::rpc::{RpcError, Service};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::manifest::Permission;
use crate::switchboard::{read, write};

/// Events and inbound messages that are kept; who tells more is told on.
const KEPT: usize = 10_000;

/// What a plugin has said so far.
#[derive(Default)]
struct Log {
    events: Vec<engine::Event>,
    inbound: Vec<transport::Inbound>,
    /// What it did that it must not do, and how often.
    faults: BTreeMap<String, usize>,
    /// Runs that are under way.
    runs: BTreeSet<String>,
    /// Instances that are started.
    instances: BTreeSet<String>,
    /// Calls that are under way.
    contexts: BTreeSet<String>,
    /// What it has put away.
    kept: BTreeMap<String, String>,
}

/// The other end of a plugin that is tried.
pub(super) struct Heard {
    log: Mutex<Log>,
    permissions: Vec<Permission>,
    something: Notify,
}

impl Heard {
    pub(super) fn new(permissions: &[Permission]) -> Self {
        Self { log: Mutex::default(), permissions: permissions.to_vec(), something: Notify::new() }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, what: impl Into<String>) {
        *self.log().faults.entry(what.into()).or_default() += 1;
    }

    /// Returns what it must not do and did, each once.
    pub(super) fn faults(&self) -> Vec<String> {
        let times = |(what, times): (&String, &usize)| match times {
            1 => what.clone(),
            times => format!("{what} ({times} times)"),
        };
        self.log().faults.iter().map(times).collect()
    }

    /// Lets it tell of a run.
    pub(super) fn open_run(&self, run: &str) {
        self.log().runs.insert(run.to_owned());
    }

    /// Returns what it told of a run, which is over: it may tell nothing more.
    pub(super) fn close_run(&self, run: &str) -> Vec<engine::Event> {
        let mut log = self.log();
        log.runs.remove(run);
        log.events.iter().filter(|event| event.run == run).cloned().collect()
    }

    /// Returns once it has told anything of a run.
    pub(super) async fn told_of(&self, run: &str) {
        loop {
            let something = self.something.notified();
            if self.log().events.iter().any(|event| event.run == run) {
                return;
            }
            something.await;
        }
    }

    /// Lets it tell what came in at an instance.
    pub(super) fn open_instance(&self, instance: &str) {
        self.log().instances.insert(instance.to_owned());
    }

    /// Returns how much came in at an instance, where nothing may come in any more.
    pub(super) fn close_instance(&self, instance: &str) -> usize {
        let mut log = self.log();
        log.instances.remove(instance);
        log.inbound.iter().filter(|inbound| inbound.message.address.instance == instance).count()
    }

    /// Lets it use a context.
    pub(super) fn open_context(&self, context: &str) {
        self.log().contexts.insert(context.to_owned());
    }

    /// Takes a context back, unless it may go on with it.
    pub(super) fn close_context(&self, context: &str) {
        if !self.permissions.contains(&Permission::Background) {
            self.log().contexts.remove(context);
        }
    }

    fn take_event(&self, event: engine::Event) {
        let mut log = self.log();
        if !log.runs.contains(&event.run) {
            *log.faults.entry("it told of a run that is not under way".to_owned()).or_default() += 1;
        } else if log.events.len() < KEPT {
            log.events.push(event);
        } else {
            *log.faults.entry(format!("it told more than {KEPT} events")).or_default() += 1;
        }
        drop(log);
        self.something.notify_waiters();
    }

    fn take_inbound(&self, inbound: transport::Inbound) -> Result<transport::Accepted, RpcError> {
        let mut log = self.log();
        if !log.instances.contains(&inbound.message.address.instance) {
            let fault = "it told of something coming in at a transport that is not started";
            *log.faults.entry(fault.to_owned()).or_default() += 1;
            return Err(RpcError::new(code::GONE, fault));
        }
        if log.inbound.len() < KEPT {
            log.inbound.push(inbound);
        }
        Ok(transport::Accepted::default())
    }

    /// Tells whether it may call a method of the host for a context.
    fn may(&self, method: &str, context: &str, needs: Option<Permission>) -> Result<(), RpcError> {
        if let Some(needs) = needs.filter(|needs| !self.permissions.contains(needs)) {
            let word = permission(needs);
            self.fault(format!(
                "it called {method}, for which `permissions` of its manifest lacks \"{word}\""
            ));
            return Err(RpcError::new(code::NOT_ALLOWED, format!("{method} needs the permission {word}")));
        }
        if !self.log().contexts.contains(context) {
            self.fault(format!("it called {method} for a call that is over"));
            return Err(RpcError::new(code::GONE, "that call is over"));
        }
        Ok(())
    }

    fn host(&self, method: &str, params: Value) -> Option<Result<Value, RpcError>> {
        let run = Some(Permission::RunEngine);
        let store = Some(Permission::Store);
        Some(match method {
            host::Send::NAME => self.answer(params, |send: &host::Send| {
                self.may(method, &send.context, Some(Permission::SendMessage)).map(|()| Done {})
            }),
            host::Run::NAME => self.answer(params, |asked: &host::Run| {
                self.may(method, &asked.context, run).map(|()| ran(&asked.request))
            }),
            host::RunMany::NAME => self.answer(params, |asked: &host::RunMany| {
                let results = asked.requests.iter().map(ran).collect();
                self.may(method, &asked.context, run).map(|()| host::RanMany { results })
            }),
            host::AskEngines::NAME => self.answer(params, |asked: &host::AskEngines| {
                self.may(method, &asked.context, run).map(|()| engines())
            }),
            host::Resolve::NAME => self.answer(params, |asked: &host::Resolve| {
                let resolved = host::Resolved { prompt: asked.text.clone(), ..host::Resolved::default() };
                self.may(method, &asked.context, None).map(|()| resolved)
            }),
            host::Get::NAME => self.answer(params, |asked: &host::Get| {
                self.may(method, &asked.context, store)?;
                Ok(host::Got { value: self.log().kept.get(&asked.key).cloned() })
            }),
            host::Put::NAME => self.answer(params, |asked: &host::Put| {
                self.may(method, &asked.context, store)?;
                let mut log = self.log();
                match &asked.value {
                    Some(value) => log.kept.insert(asked.key.clone(), value.clone()),
                    None => log.kept.remove(&asked.key),
                };
                Ok(Done {})
            }),
            _ => return None,
        })
    }

    fn answer<M: Method>(
        &self,
        params: Value,
        answer: impl FnOnce(&M) -> Result<M::Result, RpcError>,
    ) -> Result<Value, RpcError> {
        let params: M = self.read(M::NAME, params)?;
        write::<M>(&answer(&params)?)
    }

    fn read<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, RpcError> {
        read(params)
            .inspect_err(|error| self.fault(format!("its {method} cannot be read: {}", error.message)))
    }
}

/// Returns how a made-up run ended.
fn ran(request: &host::Request) -> host::Ran {
    host::Ran {
        run: "made-up".to_owned(),
        engine: request.engine.clone().unwrap_or_else(|| "made_up".to_owned()),
        outcome: engine::Outcome::Answered,
        answer: "a made-up answer".to_owned(),
        session: None,
        error: None,
    }
}

fn engines() -> host::Engines {
    let engine = |id: &str| host::Engine { id: id.to_owned(), title: "Made up".to_owned(), issue: None };
    host::Engines { engines: vec![engine("made_up"), engine("other")], default: Some("made_up".to_owned()) }
}

const fn permission(permission: Permission) -> &'static str {
    match permission {
        Permission::RunEngine => "run_engine",
        Permission::SendMessage => "send_message",
        Permission::Store => "store",
        Permission::Background => "background",
    }
}

#[async_trait]
impl Service for Heard {
    async fn request(
        &self,
        method: &str,
        params: Value,
        _cancel: CancellationToken,
    ) -> Result<Value, RpcError> {
        if let Some(answer) = self.host(method, params.clone()) {
            return answer;
        }
        match method {
            // Nobody is there to answer.
            engine::Ask::NAME => self.answer(params, |_: &engine::Ask| {
                Ok(engine::Answer { cancelled: true, ..engine::Answer::default() })
            }),
            transport::Inbound::NAME => self
                .take_inbound(self.read(method, params)?)
                .and_then(|accepted| write::<transport::Inbound>(&accepted)),
            _ => {
                if !method.starts_with('_') {
                    self.fault(format!("it called {method:?}, which takopi does not have"));
                }
                Err(RpcError::unknown_method(method))
            }
        }
    }

    async fn notify(&self, method: &str, params: Value) {
        match method {
            engine::Event::NAME => {
                if let Ok(event) = self.read(method, params) {
                    self.take_event(event);
                }
            }
            host::Release::NAME => {
                if let Ok(released) = self.read::<host::Release>(method, params) {
                    self.log().contexts.remove(&released.context);
                }
            }
            life::Log::NAME => drop(self.read::<life::Log>(method, params)),
            _ if method.starts_with('_') || method.starts_with("$/") => {}
            _ => self.fault(format!("it told {method:?}, which takopi does not have")),
        }
    }
}
