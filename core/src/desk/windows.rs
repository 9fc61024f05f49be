//! How long a message waits for what belongs with it.

use std::time::Duration;

use super::Shared;
use crate::gather::Windows;
use crate::message::Message;
use crate::route;

impl Shared {
    /// Returns the windows of a message's transport. Forwarded messages belong neither to a command, nor to a file
    /// without a word, nor to what is said to a run under way: those do not wait for any.
    pub(super) fn windows(&self, message: &Message) -> Windows {
        let address = &message.message.address;
        let Some(instance) = self.instance(&address.instance) else { return Windows::NONE };
        let windows = instance.transport.windows();
        let known = || self.in_force().known(address, &instance);
        let is_bare_file = message.text.trim().is_empty() && message.files().next().is_some();
        let stands_alone = || is_bare_file || self.is_about_run(message) || route::is_call(message, &known());
        if windows.forward.is_zero() || message.forwarded || !stands_alone() {
            return windows;
        }
        Windows { forward: Duration::ZERO, ..windows }
    }

    fn is_about_run(&self, message: &Message) -> bool {
        let Some(reply) = &message.reply_to else { return false };
        self.live_at(&message.message.address).iter().any(|run| run.is_about(&reply.message))
    }
}
