//! From manifests to claims: what each registers, and what would keep it from working.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use takopi_core::catalog::{Claim, Origin};
use takopi_core::id::PluginId;
use takopi_core::port::command::CommandSpec;
use takopi_core::port::engine::EngineSpec;
use takopi_core::port::transport::TransportSpec;

use super::folders::{Folder, Read, broken};
use super::{Discovery, Places};
use crate::manifest::{CommandTable, EngineTable, Manifest, Package, TransportTable};
use crate::owner;
use crate::problem::{Code, Problem};

/// What a manifest registers, in its order, before anybody has looked at the machine.
pub(super) struct Drafts {
    engines: Vec<Claim<EngineSpec>>,
    transports: Vec<Claim<TransportSpec>>,
    commands: Vec<Claim<CommandSpec>>,
}

impl Drafts {
    pub(super) fn of(Package { dir, manifest }: &Package) -> Self {
        let name = manifest.distribution.name.clone();
        let origin = Origin::Manifest { distribution: Some(name), path: dir.clone() };
        let engine = |id: &str, table: &EngineTable| {
            draft(id, &origin, |id| EngineSpec {
                id,
                title: table.title.clone(),
                resume: table.resume.clone(),
                features: table.features,
                executable: table.needs.first().cloned(),
                install: table.install.clone(),
                only_on: None,
            })
        };
        let transport = |id: &str, table: &TransportTable| {
            draft(id, &origin, |kind| TransportSpec {
                kind,
                title: table.title.clone(),
                limits: table.limits,
                features: table.features,
            })
        };
        let command = |id: &str, table: &CommandTable| {
            draft(id, &origin, |id| CommandSpec {
                id,
                description: table.description.clone(),
                usage: table.usage.clone(),
                options: Vec::new(),
                ephemeral: false,
                access: table.access,
            })
        };
        Self {
            engines: manifest.engines.iter().map(|(id, table)| engine(id, table)).collect(),
            transports: manifest.transports.iter().map(|(id, table)| transport(id, table)).collect(),
            commands: manifest.commands.iter().map(|(id, table)| command(id, table)).collect(),
        }
    }
}

/// Returns the claim on an id. One that breaks the rule for ids is refused by the survey, whatever is known of it.
fn draft<S>(id: &str, origin: &Origin, spec: impl FnOnce(PluginId) -> S) -> Claim<S> {
    let parsed = PluginId::parse(id).map_err(|error| Problem::new(Code::InvalidId, error.to_string()));
    Claim { id: id.to_owned(), origin: origin.clone(), spec: parsed.map(spec), late: false }
}

/// Refuses a claim where the machine does not have what it takes.
fn judge<S>(claim: &mut Claim<S>, usable: Result<(), Problem>) {
    if let Err(problem) = usable {
        claim.spec = Err(problem);
    }
}

/// Makes claims, remembering what was asked of the machine.
pub(super) struct Claims<'a> {
    places: &'a Places,
    discovery: &'a mut Discovery,
    on_path: BTreeMap<String, bool>,
    parents: BTreeMap<PathBuf, Result<(), Problem>>,
}

impl<'a> Claims<'a> {
    pub(super) fn new(places: &'a Places, discovery: &'a mut Discovery) -> Self {
        Self { places, discovery, on_path: BTreeMap::new(), parents: BTreeMap::new() }
    }

    #[expect(clippy::vec_box, reason = "as they were found")]
    pub(super) fn make(&mut self, folders: Vec<Box<Folder>>) {
        for folder in folders {
            match folder.plugin {
                Ok(read) => self.register(read),
                Err(problem) => self.discovery.broken.push(broken(&folder.dir, None, problem)),
            }
        }
    }

    fn register(&mut self, read: Read) {
        let Read { package, notes, fits, files, drafts } = read;
        let (dir, manifest) = (&package.dir, &package.manifest);
        let name = &manifest.distribution.name;
        self.discovery.notes.extend(notes.into_iter().map(|note| broken(dir, Some(name.clone()), note)));
        let before = fits.and_then(|()| self.program(manifest)).and(files.program);
        let after = self.set(manifest).and_then(|()| self.parent(dir)).and(files.owner);
        let mut usable = |needs: &[String], install: Option<&str>| -> Result<(), Problem> {
            before.clone()?;
            self.needs(needs, install)?;
            after.clone()
        };
        let Drafts { mut engines, mut transports, mut commands } = drafts;
        for (claim, table) in engines.iter_mut().zip(manifest.engines.values()) {
            judge(claim, usable(&table.needs, table.install.as_deref()));
        }
        for (claim, table) in transports.iter_mut().zip(manifest.transports.values()) {
            judge(claim, usable(&table.needs, None));
        }
        for (claim, table) in commands.iter_mut().zip(manifest.commands.values()) {
            judge(claim, usable(&table.needs, None));
        }
        self.discovery.engines.extend(engines);
        self.discovery.transports.extend(transports);
        self.discovery.commands.extend(commands);
        self.discovery.packages.push(package);
    }

    /// Checks that the program of the process is on PATH, if that is where it is looked for.
    fn program(&mut self, manifest: &Manifest) -> Result<(), Problem> {
        match manifest.process.command.first() {
            Some(program) if !program.contains('/') => self.needs(std::slice::from_ref(program), None),
            _ => Ok(()),
        }
    }

    /// Checks that programs are on PATH.
    fn needs(&mut self, programs: &[String], install: Option<&str>) -> Result<(), Problem> {
        for program in programs {
            if !self.on_path.contains_key(program) {
                let found = which(program, &self.places.path);
                self.on_path.insert(program.clone(), found.is_some());
            }
            if self.on_path.get(program) == Some(&false) {
                let remedy = install.map_or_else(
                    || "install it, or put its folder on the PATH of takopi".to_owned(),
                    |install| format!("type: {install}"),
                );
                let text = format!("{program} is not on PATH; {remedy}");
                return Err(Problem::new(Code::MissingExecutable, text));
            }
        }
        Ok(())
    }

    /// Checks that the variables it cannot do without are set.
    fn set(&self, manifest: &Manifest) -> Result<(), Problem> {
        let is_missing = |name: &&String| !self.places.variables.contains(OsStr::new(name.as_str()));
        let Some(name) = manifest.process.needs_env.iter().find(is_missing) else { return Ok(()) };
        let text = format!("the variable {name} is not set; set it where takopi is started: export {name}=…");
        Err(Problem::new(Code::MissingVariable, text))
    }

    /// Checks the folder a plugin's folder is in.
    fn parent(&mut self, dir: &Path) -> Result<(), Problem> {
        let Some(parent) = dir.parent() else { return Ok(()) };
        if !self.parents.contains_key(parent) {
            self.parents.insert(parent.to_owned(), owner::check_parent(parent));
        }
        self.parents.get(parent).cloned().unwrap_or(Ok(()))
    }
}

/// Returns whether a program is on the PATH of takopi, as discovery looks for it.
pub(crate) fn is_on_path(program: &str) -> bool {
    which(program, &std::env::var_os("PATH").unwrap_or_default()).is_some()
}

/// Returns where a program is on `path`.
pub(crate) fn which(program: &str, path: &OsStr) -> Option<PathBuf> {
    let mut files = std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(program));
    files.find(|file| takopi_stdio::is_executable(file))
}
