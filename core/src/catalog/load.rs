//! What is visible of one kind: known at once, loaded when it is first needed, once.
//!
//! Whoever asks while a load is under way gets that load's result. A failure is kept as a diagnostic
//! until a later load succeeds, and whoever asks after it tries again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::{Code, Found, Origin, PluginError, Problem, Survey, quoted};
use crate::id::{PluginId, PluginKind};

/// Makes what a spec describes.
#[async_trait]
pub trait Loader<S, T: ?Sized>: Send + Sync {
    /// Loads it. Bounded in time by the loader.
    ///
    /// # Errors
    /// A text for people, without a final stop.
    async fn load(&self, id: &PluginId, spec: &S, origin: &Origin) -> Result<Arc<T>, String>;
}

/// Why something cannot be had by its name. Texts are whole sentences, as the Python takopi has them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Nothing visible has the name.
    #[error("Unknown {} {}.{}", kind.label(), quoted(id.as_str()), available_of(available))]
    Unknown {
        /// What was asked for.
        kind: PluginKind,
        /// By which name.
        id: PluginId,
        /// The names there are, sorted.
        available: Vec<PluginId>,
    },
    /// No plugin may have the name.
    #[error("{} id {} is reserved.", capital(kind.label()), quoted(id.as_str()))]
    Reserved {
        /// What was asked for.
        kind: PluginKind,
        /// By which name.
        id: PluginId,
    },
    /// It is there, and doesn't load.
    #[error("Failed to load {} {}: {message}", kind.label(), quoted(id.as_str()))]
    Broken {
        /// What was asked for.
        kind: PluginKind,
        /// By which name.
        id: PluginId,
        /// Why it doesn't.
        message: String,
    },
}

fn available_of(ids: &[PluginId]) -> String {
    let ids: Vec<&str> = ids.iter().map(PluginId::as_str).collect();
    if ids.is_empty() { String::new() } else { format!(" Available: {}.", ids.join(", ")) }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

type Attempt<T> = Arc<OnceCell<Result<Arc<T>, String>>>;

struct Entry<S, T: ?Sized> {
    found: Found<S>,
    attempt: Mutex<Attempt<T>>,
}

/// What is visible of one kind in one generation of the house.
pub struct Catalog<S, T: ?Sized> {
    kind: PluginKind,
    entries: BTreeMap<PluginId, Entry<S, T>>,
    errors: Mutex<Vec<PluginError>>,
    loader: Box<dyn Loader<S, T>>,
}

impl<S, T: ?Sized> Catalog<S, T> {
    /// Returns the catalogue of what `survey` found; nothing is loaded yet.
    pub fn new(survey: Survey<S>, loader: impl Loader<S, T> + 'static) -> Self {
        let entry = |found: Found<S>| (found.id.clone(), Entry { found, attempt: Mutex::default() });
        Self {
            kind: survey.kind,
            entries: survey.found.into_iter().map(entry).collect(),
            errors: Mutex::new(survey.errors),
            loader: Box::new(loader),
        }
    }

    /// Returns what is known of those that can be loaded, by name.
    pub fn specs(&self) -> impl Iterator<Item = &S> {
        self.entries.values().filter_map(|entry| entry.found.spec.as_ref().ok())
    }

    /// Returns what is known of one.
    #[must_use]
    pub fn spec(&self, id: &PluginId) -> Option<&S> {
        self.entries.get(id)?.found.spec.as_ref().ok()
    }

    /// Returns the names of those that can be loaded, sorted.
    #[must_use]
    pub fn ids(&self) -> Vec<PluginId> {
        let usable = self.entries.values().filter(|entry| entry.found.spec.is_ok());
        usable.map(|entry| entry.found.id.clone()).collect()
    }

    /// Returns the names that were claimed here and mean nothing that can be loaded, each with the reason, so that whoever
    /// asks for one is told why. A name may be somebody else's elsewhere.
    #[must_use]
    pub fn broken(&self) -> BTreeMap<PluginId, LoadError> {
        let told = |id: PluginId, problem: &str| {
            let why = LoadError::Broken { kind: self.kind, id: id.clone(), message: problem.to_owned() };
            (id, why)
        };
        let unclaimed = |id: &PluginId| !self.entries.contains_key(id) && !self.kind.reserves(id.as_str());
        let of_nobody = locked(&self.errors).clone();
        let of_nobody = of_nobody.iter().filter_map(|error| {
            let id = PluginId::parse(&error.id).ok().filter(unclaimed)?;
            Some(told(id, &error.message))
        });
        let refused = self.entries.iter().filter_map(|(id, entry)| {
            let problem = entry.found.spec.as_ref().err()?;
            Some(told(id.clone(), &problem.message))
        });
        of_nobody.chain(refused).collect()
    }

    /// Returns what is wrong at the moment: with claims, and with what failed to load.
    #[must_use]
    pub fn errors(&self) -> Vec<PluginError> {
        locked(&self.errors).clone()
    }

    /// Returns the thing itself, loading it when nobody has yet.
    ///
    /// # Errors
    /// [`LoadError`] by what is known of the name.
    pub async fn load(&self, id: &PluginId) -> Result<Arc<T>, LoadError> {
        let entry = self.entries.get(id).ok_or_else(|| self.missing(id))?;
        let broken = |message| LoadError::Broken { kind: self.kind, id: id.clone(), message };
        let spec = entry.found.spec.as_ref().map_err(|problem| broken(problem.message.clone()))?;
        let attempt = locked(&entry.attempt).clone();
        let result = attempt.get_or_init(|| self.loader.load(id, spec, &entry.found.origin)).await.clone();
        match &result {
            Ok(_) => self.forget(&entry.found),
            Err(message) => {
                let mut current = locked(&entry.attempt);
                if Arc::ptr_eq(&current, &attempt) {
                    *current = Arc::default();
                    drop(current);
                    self.note(&entry.found, message);
                }
            }
        }
        result.map_err(broken)
    }

    /// Returns what has been loaded so far.
    #[must_use]
    pub fn loaded(&self) -> Vec<Arc<T>> {
        let of = |entry: &Entry<S, T>| locked(&entry.attempt).get().and_then(|result| result.clone().ok());
        self.entries.values().filter_map(of).collect()
    }

    fn missing(&self, id: &PluginId) -> LoadError {
        let kind = self.kind;
        let id = id.clone();
        if let Some(error) = locked(&self.errors).iter().find(|error| error.id == id.as_str()) {
            return LoadError::Broken { kind, id, message: error.message.clone() };
        }
        if kind.reserves(id.as_str()) {
            return LoadError::Reserved { kind, id };
        }
        LoadError::Unknown { kind, id, available: self.ids() }
    }

    fn note(&self, found: &Found<S>, message: &str) {
        let problem = Problem::new(Code::StartFailed, message);
        let error = PluginError::new(Some(self.kind), found.id.as_str(), &found.origin, problem);
        let mut errors = locked(&self.errors);
        if !errors.contains(&error) {
            errors.push(error);
        }
    }

    /// What was wrong with others that wanted the name stays.
    fn forget(&self, found: &Found<S>) {
        let of_it = |error: &PluginError| {
            error.id == found.id.as_str() && error.distribution.as_deref() == found.origin.distribution()
        };
        locked(&self.errors).retain(|error| !of_it(error));
    }
}

impl<S, T: ?Sized> fmt::Debug for Catalog<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("kind", &self.kind).field("ids", &self.entries.keys()).finish()
    }
}

/// Nothing here panics while it holds one of these locks; a poisoned one is as good.
fn locked<V>(value: &Mutex<V>) -> MutexGuard<'_, V> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
