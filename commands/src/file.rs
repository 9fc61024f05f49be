//! `/file`: puts the files that come with a message into a project (`file/put.rs`) and sends those of one
//! (`file/get.rs`), where the transport lets files come and go.

mod get;
mod put;

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::files::switched_off;
use takopi_core::id::NameError;
use takopi_core::message::Body;
use takopi_core::port::command::{
    Call, Command, CommandError, CommandHost, CommandOption, CommandReply, CommandSpec, OptionKind,
};
use takopi_core::port::ledger::PreferenceKey;
use takopi_core::route::format_binding;
use takopi_core::session::Context;
use tokio_util::sync::CancellationToken;

const USAGE: &str = "usage: /file put <path> or /file get <path>";

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let required = |option| CommandOption { required: true, ..option };
    let options = vec![
        crate::option("put", OptionKind::Verb, "store a file in the project"),
        required(crate::option("file", OptionKind::File, "which file")),
        crate::option("force", OptionKind::Flag, "replace a file that is there"),
        crate::option("path", OptionKind::Path, "where; not given: the folder for uploads"),
        crate::option("get", OptionKind::Verb, "send a file of the project, or a folder as an archive"),
        required(crate::option("path", OptionKind::Path, "which, from the top of the project")),
    ];
    crate::spec("file", "/file [put [--force] [PATH] | get PATH]", "upload or fetch files", options)
}

pub(crate) struct File;

#[async_trait]
impl Command for File {
    async fn call(
        &self,
        call: Call,
        host: Arc<dyn CommandHost>,
        stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        let Some(policy) = host.files() else {
            return Ok(Some(told(switched_off(&call.message.address.instance))));
        };
        let verb = call.words.first().map(|word| word.to_lowercase());
        match verb.as_deref() {
            Some("put") => put::put(&call, &*host, &policy, &stop).await.map(Some),
            Some("get") => get::get(&call, &*host, &policy, &stop).await,
            _ => Ok(Some(told(USAGE))),
        }
    }
}

/// Binds the caller's topic, if it is in one, to what directives have named: as a prompt would.
async fn bind(host: &dyn CommandHost, context: &Context) -> Result<(), CommandError> {
    if host.topic().is_some() {
        host.prefer(PreferenceKey::Context, None, Some(&format_binding(context))).await?;
        host.name_topic().await;
    }
    Ok(())
}

/// Returns a reply that shows `text` as it stands, with a sound: somebody waits for what became of a file.
fn told(text: impl Into<String>) -> CommandReply {
    CommandReply { body: Body::plain(text), notify: true }
}
