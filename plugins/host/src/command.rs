//! A plugin's slash command as core's port wants it: one request per call, its answer is the reply.
//!
//! What the plugin asks for meanwhile comes in by the switchboard and names the call by its context:
//! `command/contexts.rs` knows who may, `command/ask.rs` does it, `command/body.rs` translates what is shown.

mod ask;
mod body;
mod contexts;
mod told;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use takopi_core::id::{CommandId, Distribution};
use takopi_core::message::{MessageRef, Reply, Sender};
use takopi_core::port::command::{Access, Call, Command, CommandError, CommandHost, CommandReply};
use takopi_plugin_protocol::{command as wire, life, message};
use takopi_stdio::rpc::Patience;
use tokio_util::sync::CancellationToken;

pub(crate) use ask::{answer, release};
pub(crate) use contexts::Contexts;

use crate::process::Plugin;
use crate::secrets;
use contexts::Guest;

/// How long a plugin may take to answer a call that was taken back: the desk gives it up then, too.
const CANCEL_GRACE: Duration = Duration::from_secs(5);

/// A command of a plugin.
pub struct PluginCommand {
    plugin: Arc<Plugin>,
    id: CommandId,
}

impl PluginCommand {
    /// Returns the command; nothing is started.
    #[must_use]
    pub fn new(plugin: Arc<Plugin>, id: CommandId) -> Self {
        Self { plugin, id }
    }

    fn access(&self) -> Access {
        let commands = &self.plugin.package().manifest.commands;
        commands.get(self.id.as_str()).map(|table| table.access).unwrap_or_default()
    }

    async fn admits(&self, host: &dyn CommandHost) -> Result<(), CommandError> {
        if self.access() == Access::Everyone {
            return Ok(());
        }
        match host.may_manage().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(CommandError(format!("/{} is restricted to group admins.", self.id))),
            Err(CommandError(problem)) => {
                Err(CommandError(format!("failed to verify /{} permissions. {problem}", self.id)))
            }
        }
    }

    fn guest(&self, host: Arc<dyn CommandHost>) -> Result<Guest, CommandError> {
        let package = self.plugin.package();
        let name = &package.manifest.distribution.name;
        let owner = Distribution::parse(name)
            .ok_or_else(|| CommandError(format!("'{name}' is no name of a distribution")))?;
        let (command, data_dir) = (self.id.clone(), self.plugin.data_dir());
        Ok(Guest { command, owner, data_dir, host })
    }
}

#[async_trait]
impl Command for PluginCommand {
    async fn call(
        &self,
        call: Call,
        host: Arc<dyn CommandHost>,
        stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        self.admits(&*host).await?;
        let running = tokio::select! {
            running = self.plugin.running() => running.map_err(|problem| told::unavailable(&self.plugin, &problem))?,
            () = stop.cancelled() => return Err(CommandError("it was stopped before it had begun".to_owned())),
        };
        let _held = running.hold();
        self.plugin
            .admit(&running, life::Kind::Command, self.id.as_str(), &stop)
            .await
            .map_err(|problem| told::unavailable(&self.plugin, &problem))?;
        let guest = self.guest(host)?;
        let lease = running.switchboard.contexts.open(guest.clone())?;
        let secrets = secrets::among(&call.settings.0);
        let request = request(call, &guest, lease.context()).await;
        let patience = Patience::endless().until(stop.clone()).grace(CANCEL_GRACE);
        let answer = running.call(&request, &patience).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                lease.end();
                return Err(told::failed(&self.plugin, &failure, &secrets));
            }
        };
        drop(lease);
        let Some(wire::CommandReply { body, notify }) = answer.reply else { return Ok(None) };
        let body = body::read(body, &guest, &stop).await.map_err(|refusal| {
            CommandError(format!("the plugin's answer cannot be shown: {}", refusal.message))
        })?;
        Ok(Some(CommandReply { body, notify }))
    }
}

/// Writes a call as the plugin gets it.
async fn request(call: Call, guest: &Guest, context: &str) -> wire::Call {
    // Where a message would go is a help; without it the command works all the same.
    let place = guest.host.context().await.unwrap_or_default();
    wire::Call {
        id: call.command.to_string(),
        context: context.to_owned(),
        args_text: call.text,
        args: call.words,
        message: message_ref(&call.message),
        sender: sender(call.sender),
        pressed: call.pressed,
        reply_to: call
            .reply_to
            .map(|Reply { message, text, .. }| message::Reply { message: message_ref(&message), text }),
        project: place.project,
        branch: place.branch,
        config: call.settings.0,
    }
}

fn message_ref(message: &MessageRef) -> message::MessageRef {
    let address = &message.address;
    message::MessageRef {
        address: message::Address {
            instance: address.instance.to_string(),
            chat: address.chat.clone(),
            thread: address.thread.clone(),
        },
        id: message.id.clone(),
    }
}

fn sender(sender: Sender) -> message::Sender {
    message::Sender { id: sender.id, name: sender.name, is_bot: sender.is_bot }
}
