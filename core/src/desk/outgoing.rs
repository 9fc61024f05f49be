//! Files on their way out: the copy in the ledger's spool, the post that carries it.
//!
//! They are asked for with `/file get`, or by a button below an answer that names them. Nothing is sent unasked. The
//! disk is behind the `Workspace` port; which files an answer names is `files/named.rs`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::generation::InForce;
use super::host::{self, Caller};
use super::{Instance, Shared, files};
use crate::files::{FilePath, NamedFile, named_files, switched_off};
use crate::id::RunId;
use crate::message::{Address, Body, MessageRef, SpooledFile};
use crate::port::Workspace;
use crate::port::ledger::{Post, PostKind, ProgressUse, Settled};
use crate::port::workspace::{FileError, FileRules, Get, Got, Place, RunDir, Wanted, Way};
use crate::session::Context;

/// How long the files an answer names may be looked for before it is shown without buttons. Looking takes well below
/// a millisecond; only a disk that hangs, or a machine short of everything, gets so far, and nobody waits for that.
const LOOK_TIMEOUT: Duration = Duration::from_millis(100);

/// How long a copy may take: what may go out is some ten megabytes, of at most some thousand files.
const COPY_TIMEOUT: Duration = Duration::from_secs(120);

/// Told about a button whose answer, or whose place in it, is not known any more.
const FORGOTTEN: &str = "that answer is not known any more; ask for the file with /file get PATH";

/// Returns the files that an answer names and that could be sent, for the buttons below it.
///
/// They are looked at on the disk now, so that no button leads nowhere; whether one may really be sent is decided
/// when it is pressed.
pub(super) async fn offered(
    desk: &Shared,
    in_force: &InForce,
    instance: &Instance,
    dir: &RunDir,
    answer: &str,
) -> Vec<NamedFile> {
    let Some(policy) = instance.transport.files().filter(|_| instance.spec.features.buttons) else {
        return Vec::new();
    };
    let mut named = named_files(answer, &[&dir.path, &dir.real]);
    if named.is_empty() {
        return named;
    }
    let paths: Vec<FilePath> = named.iter().map(|file| file.path.clone()).collect();
    let found = tokio::select! {
        found = in_force.by.workspace.sendable(dir, &paths, &policy.rules) => found,
        () = desk.clock.sleep_until(desk.now() + LOOK_TIMEOUT) => {
            tracing::warn!(dir = %dir.path.display(), "the files of an answer are not offered: the disk is slow");
            Vec::new()
        }
    };
    named.retain(|file| found.contains(&file.path));
    named
}

/// A file to be sent.
pub(super) struct Outgoing {
    pub(super) context: Context,
    pub(super) place: Place,
    pub(super) path: FilePath,
    pub(super) rules: FileRules,
    pub(super) to: Address,
    /// The run it is from: whoever replies to the file goes on with that.
    pub(super) run: Option<RunId>,
    pub(super) reply_to: Option<MessageRef>,
}

/// Copies a file into the spool and posts it. A copy that is never posted goes when the ledger is opened again.
///
/// # Errors
/// [`FileError`]; nothing is posted then.
pub(super) async fn send(
    desk: &Shared,
    workspace: &dyn Workspace,
    instance: &Instance,
    file: Outgoing,
    stop: &CancellationToken,
) -> Result<(), FileError> {
    let Outgoing { context, place, path, rules, to, run, reply_to } = file;
    let (file, warning) = spooled(desk, workspace, context, place, &path, rules, stop).await?;
    let body = Body { files: vec![file], ..Body::plain(warning.unwrap_or_default()) };
    let post = Post {
        to,
        kind: PostKind::Reply,
        run,
        reply_to,
        notify: true,
        progress: ProgressUse::Keep,
        revises: None,
        parts: instance.transport.lay_out(&body),
    };
    desk.post(post).await.map(drop).map_err(|error| failed(&path, error.to_string()))
}

/// Copies a file into the spool; returns the copy, and what the person should know about the directory it is from.
///
/// # Errors
/// [`FileError`]; an empty file is refused.
pub(super) async fn spooled(
    desk: &Shared,
    workspace: &dyn Workspace,
    context: Context,
    place: Place,
    path: &FilePath,
    rules: FileRules,
    stop: &CancellationToken,
) -> Result<(SpooledFile, Option<String>), FileError> {
    // Nobody else has this name: run ids are never given twice.
    let copy = desk.ids.next(desk.clock.now()).to_string();
    let get = Get { context, place, path: path.clone(), rules, into: desk.ledger.spool().join(&copy) };
    let Got { name, bytes, warning } = copied(desk, workspace, &get, stop).await?;
    if bytes == 0 {
        // No chat service takes one, and whoever asked hears of it as of any other refusal.
        return Err(failed(path, "it is empty".to_owned()));
    }
    tracing::info!(%path, bytes, "a file goes out");
    Ok((SpooledFile { path: copy.into(), name }, warning))
}

fn failed(path: &FilePath, why: String) -> FileError {
    FileError::Failed { way: Way::Get, path: path.to_string(), why }
}

async fn copied(
    desk: &Shared,
    workspace: &dyn Workspace,
    get: &Get,
    stop: &CancellationToken,
) -> Result<Got, FileError> {
    let stop = stop.child_token();
    let mut copying = std::pin::pin!(workspace.get(get, &stop));
    tokio::select! {
        copied = &mut copying => copied,
        () = desk.clock.sleep_until(desk.now() + COPY_TIMEOUT) => {
            stop.cancel();
            copying.await
        }
    }
}

/// Sends the file of a button that was pressed, or tells why not. At closing time the press stays accepted.
pub(super) async fn pressed(
    desk: Arc<Shared>,
    in_force: Arc<InForce>,
    caller: Caller,
    run: RunId,
    mark: String,
) {
    let _work = in_force.work.token();
    let Caller { instance, message, inbox, .. } = &caller;
    let sent = send_named(&desk, &in_force, &caller, run, &mark).await;
    if sent.is_err() && desk.closing.is_cancelled() {
        return;
    }
    if let Err(text) = sent {
        tracing::info!(%run, text, "a file is not sent");
        let parts = instance.transport.lay_out(&Body::plain(text));
        if let Err(error) = desk.post(Post::reply(message, parts)).await {
            tracing::error!(%error, "could not tell why a file is not sent");
            return;
        }
    }
    host::settle(&desk, inbox, &message.address, Settled::Done).await;
}

/// Sends a file that the stored answer of a run names, from the directory the run worked in.
async fn send_named(
    desk: &Shared,
    in_force: &InForce,
    caller: &Caller,
    run: RunId,
    mark: &str,
) -> Result<(), String> {
    let Caller { instance, message, sender, .. } = caller;
    let at = &message.address;
    let policy = instance.transport.files().ok_or_else(|| switched_off(&at.instance))?;
    if let Some(refusal) = files::refusal(desk, instance, &policy, at, sender).await {
        return Err(refusal);
    }
    let row = desk.ledger.run(run).await.map_err(|error| error.to_string())?;
    let here = message.address.whole_chat();
    let row = row.filter(|row| row.opened.address.whole_chat() == here).ok_or(FORGOTTEN)?;
    let (answer, dir) = row.answer.zip(row.opened.dir).ok_or(FORGOTTEN)?;
    // Without a project nothing takes the place of a directory that is gone: the same name elsewhere is another file.
    let (context, place) = (Context::default(), Place::Session(dir));
    let wanted = Wanted { run, context: context.clone(), place: place.clone() };
    let workspace = &*in_force.by.workspace;
    let dir = workspace.resolve(&wanted, &desk.closing).await.map_err(|error| error.to_string())?;
    let path = named_as(mark, &answer, &[&dir.path, &dir.real]).ok_or(FORGOTTEN)?;
    let (to, reply_to) = (message.address.clone(), Some(message.clone()));
    let file = Outgoing { context, place, path, rules: policy.rules, to, run: Some(run), reply_to };
    send(desk, workspace, instance, file, &desk.closing).await.map_err(|error| error.to_string())
}

fn named_as(mark: &str, answer: &str, dirs: &[&Path]) -> Option<FilePath> {
    named_files(answer, dirs).into_iter().find(|file| file.mark() == mark).map(|file| file.path)
}
