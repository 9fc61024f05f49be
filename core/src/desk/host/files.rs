//! The files of one call: who may use them is the transport's policy, the ways are `desk/files.rs` and
//! `desk/outgoing.rs`.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{Caller, Host};
use crate::desk::files::{self, Storing};
use crate::desk::outgoing::{self, Outgoing};
use crate::files::{FilePath, switched_off};
use crate::message::Attachment;
use crate::port::command::{CommandError, Deposit, Directed, FileHost};
use crate::port::transport::FilePolicy;
use crate::port::workspace::{FileError, FileRules, Place, Saved};
use crate::route;
use crate::session::Context;

#[async_trait]
impl FileHost for Host {
    fn files(&self) -> Option<FilePolicy> {
        self.instance().transport.files()
    }

    async fn file_refusal(&self) -> Result<Option<String>, CommandError> {
        let Some(policy) = self.files() else { return Ok(Some(switched_off(&self.address().instance))) };
        let Caller { instance, sender, .. } = &self.caller;
        Ok(files::refusal(&self.desk, instance, &policy, self.address(), sender).await)
    }

    async fn directed(&self, text: &str) -> Result<Directed, CommandError> {
        let facts = self.desk.facts_at(self.address(), self.stored().await?);
        let Caller { message, reply_to, .. } = &self.caller;
        let reply = reply_to.as_ref().and_then(|reply| reply.text.as_deref());
        route::meant_directory(text, reply, message, &facts, &self.known()).map_err(CommandError)
    }

    async fn store(
        &self,
        file: &Attachment,
        deposit: &Deposit,
        stop: &CancellationToken,
    ) -> Result<Saved, FileError> {
        let Some(policy) = self.files() else {
            return Err(FileError::NoDirectory(switched_off(&self.address().instance)));
        };
        let storing = Storing {
            desk: &self.desk,
            instance: &self.caller.instance,
            workspace: &*self.in_force.by.workspace,
            rules: &policy.rules,
            context: &deposit.context,
            place: &Place::Open,
            to: &deposit.to,
            force: deposit.force,
        };
        storing.store(file, stop).await
    }

    async fn hand_out(
        &self,
        path: &FilePath,
        context: &Context,
        rules: &FileRules,
        stop: &CancellationToken,
    ) -> Result<(), FileError> {
        let file = Outgoing {
            context: context.clone(),
            place: Place::Open,
            path: path.clone(),
            rules: rules.clone(),
            to: self.address().clone(),
            run: None,
            reply_to: self.caller.native.then(|| self.caller.message.clone()),
        };
        outgoing::send(&self.desk, &*self.in_force.by.workspace, &self.caller.instance, file, stop).await
    }
}
