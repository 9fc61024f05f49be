//! By which name a plugin may ask takopi for what: a context is handed out with each call and good until the call is
//! answered; with the permission `background` until it is released, or the process ends.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use takopi_core::id::{CommandId, Distribution};
use takopi_core::port::command::{CommandError, CommandHost};
use takopi_plugin_protocol::code;
use takopi_stdio::rpc::RpcError;
use tokio_util::sync::CancellationToken;

use crate::manifest::{Package, Permission};

/// Contexts of one process at once, at most: each holds on to a house, and one that forgets to release them must not
/// grow without end.
const MAX_CONTEXTS: usize = 256;

/// Where a permission is added.
const PERMISSIONS: &str = "permissions in [process] of takopi-plugin.toml";

/// For whom something is done.
#[derive(Clone)]
pub(super) struct Guest {
    /// The command that was called.
    pub(super) command: CommandId,
    /// Whose values it keeps.
    pub(super) owner: Distribution,
    /// From where it may send files.
    pub(super) data_dir: PathBuf,
    /// The house as its caller sees it.
    pub(super) host: Arc<dyn CommandHost>,
}

/// Returns a permission as it is written.
const fn word(permission: Permission) -> &'static str {
    match permission {
        Permission::RunEngine => "run_engine",
        Permission::SendMessage => "send_message",
        Permission::Store => "store",
        Permission::Background => "background",
    }
}

struct Context {
    guest: Guest,
    /// Fires when it is no good any more.
    over: CancellationToken,
}

/// The contexts of one process.
pub(crate) struct Contexts {
    package: Arc<Package>,
    known: Arc<Mutex<HashMap<String, Context>>>,
}

/// A context of a call under way.
pub(super) struct Lease {
    context: String,
    known: Arc<Mutex<HashMap<String, Context>>>,
    /// Whether it outlives the call.
    outlives: bool,
}

fn lock(known: &Mutex<HashMap<String, Context>>) -> MutexGuard<'_, HashMap<String, Context>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Contexts {
    /// Returns the contexts of a process of that package: none yet.
    pub(crate) fn new(package: Arc<Package>) -> Self {
        Self { package, known: Arc::default() }
    }

    fn may(&self, permission: Permission) -> bool {
        self.package.manifest.process.permissions.contains(&permission)
    }

    /// Hands out a context.
    ///
    /// # Errors
    /// [`CommandError`] when there are too many already.
    pub(super) fn open(&self, guest: Guest) -> Result<Lease, CommandError> {
        // 122 random bits: nobody guesses the context of somebody else's call.
        let context = uuid::Uuid::new_v4().simple().to_string();
        let mut known = lock(&self.known);
        if known.len() >= MAX_CONTEXTS {
            return Err(CommandError(format!(
                "/{} is called {MAX_CONTEXTS} times at once, or its plugin does not release what it is done with; \
                 try again later",
                guest.command
            )));
        }
        known.insert(context.clone(), Context { guest, over: CancellationToken::new() });
        let outlives = self.may(Permission::Background);
        Ok(Lease { context, known: self.known.clone(), outlives })
    }

    /// Returns for whom something is to be done, and what fires when it need not be done any more.
    ///
    /// # Errors
    /// That it is not allowed: which permission is missing, or that the context is none.
    pub(super) fn admit(
        &self,
        method: &str,
        context: &str,
        permission: Option<Permission>,
    ) -> Result<(Guest, CancellationToken), RpcError> {
        let refused = |text: String| RpcError::new(code::NOT_ALLOWED, text);
        if let Some(missing) = permission.filter(|permission| !self.may(*permission)) {
            let word = word(missing);
            return Err(refused(format!(
                "{method} needs the permission \"{word}\"; add it to {PERMISSIONS}"
            )));
        }
        let known = lock(&self.known);
        let found = known.get(context).map(|context| (context.guest.clone(), context.over.clone()));
        found.ok_or_else(|| {
            refused(match self.may(Permission::Background) {
                true => format!("{method}: this context is of no call, or was released"),
                false => format!(
                    "{method}: this context is of no call under way; to go on after the answer, add \
                     \"background\" to {PERMISSIONS}"
                ),
            })
        })
    }

    /// Takes a context back; one that is not known is none any more.
    pub(super) fn release(&self, context: &str) {
        end(&self.known, context);
    }
}

fn end(known: &Mutex<HashMap<String, Context>>, context: &str) {
    if let Some(context) = lock(known).remove(context) {
        context.over.cancel();
    }
}

impl Lease {
    pub(super) fn context(&self) -> &str {
        &self.context
    }

    /// Ends the context with a call that failed: who failed goes on with nothing, and would never release it.
    pub(super) fn end(mut self) {
        self.outlives = false;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.outlives {
            end(&self.known, &self.context);
        }
    }
}

#[cfg(test)]
mod tests {
    use takopi_core::testing::command::FakeHost;

    use super::*;
    use crate::manifest::{DistributionTable, Manifest, ProcessTable};

    fn contexts(permissions: Vec<Permission>) -> Contexts {
        let distribution = DistributionTable {
            name: "acme".to_owned(),
            version: "1".to_owned(),
            requires_takopi: None,
            description: None,
        };
        let process = ProcessTable {
            command: Vec::new(),
            env: Vec::new(),
            needs_env: Vec::new(),
            idle_stop: None,
            permissions,
        };
        let (engines, transports, commands) = ([].into(), [].into(), [].into());
        let manifest = Manifest { distribution, process, engines, transports, commands };
        Contexts::new(Arc::new(Package { dir: "/".into(), manifest }))
    }

    fn guest() -> Guest {
        Guest {
            command: CommandId::parse("poll").unwrap(),
            owner: Distribution::parse("acme").unwrap(),
            data_dir: "/data".into(),
            host: Arc::new(FakeHost::default()),
        }
    }

    #[test]
    fn a_context_is_good_while_its_call_is_under_way() {
        let contexts = contexts(Vec::new());
        let lease = contexts.open(guest()).unwrap();
        let context = lease.context().to_owned();
        let (_, over) = contexts.admit("host/resolve", &context, None).ok().unwrap();
        assert!(!over.is_cancelled());
        drop(lease);
        assert!(over.is_cancelled(), "what is being done for it ends");
        assert!(contexts.admit("host/resolve", &context, None).is_err());
    }

    #[test]
    fn who_never_releases_is_told_so_before_memory_runs_out() {
        let contexts = contexts(vec![Permission::Background]);
        let first = contexts.open(guest()).unwrap();
        (1..MAX_CONTEXTS).for_each(|_| drop(contexts.open(guest()).unwrap()));
        let told = contexts.open(guest()).err().unwrap().0;
        assert!(told.contains("256 times at once") && told.contains("release"), "{told}");
        contexts.release(first.context());
        assert!(contexts.open(guest()).is_ok());
    }

    #[test]
    fn a_call_that_failed_leaves_no_context_behind() {
        let contexts = contexts(vec![Permission::Background]);
        (0..=MAX_CONTEXTS).for_each(|_| contexts.open(guest()).unwrap().end());
        assert!(lock(&contexts.known).is_empty());
    }
}
