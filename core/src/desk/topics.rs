//! Topics: threads with a project, sessions and preferences of their own. A directive binds the one it is said
//! in; a bound one is named after its project and branch, which nothing ever waits for.

use std::sync::Arc;
use std::time::Duration;

use super::generation::{Generation, InForce};
use super::{Instance, Shared, door, places};
use crate::message::{Address, Inbound, Message};
use crate::port::ledger::{LedgerError, PreferenceKey, TOPIC_TITLES};
use crate::port::transport::{SendError, Topics, TransportFeatures};
use crate::route::{Heard, Known, branch_of_thread, format_binding, parse_binding};
use crate::session::Context;

/// How often a topic is named while the service wants silence. The next change names it in any case.
const TRIES: usize = 3;

/// Longest silence that is waited for.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

impl Instance {
    /// Returns whether an address is a topic.
    pub(super) fn is_topic(&self, address: &Address) -> bool {
        address.thread.is_some() && matches!(self.transport.topics(&address.whole_chat()), Topics::Here(_))
    }

    /// Returns what it can do at an address.
    pub(super) fn features_at(&self, address: &Address) -> TransportFeatures {
        let features = self.spec.features;
        TransportFeatures { conversations: goes_on(features, self.is_topic(address)), ..features }
    }

    /// Returns what the transport tells of a message, beside what it says.
    pub(super) fn heard(&self, message: &Message) -> Heard {
        Heard { named: self.transport.names_bot(message), involved: self.transport.takes_part(message) }
    }
}

impl InForce {
    /// Returns what routing may know at an address.
    pub(super) fn known(&self, address: &Address, instance: &Instance) -> Known {
        let known = self.by.known(&address.instance, &instance.spec);
        let topic = instance.is_topic(address);
        Known {
            topic,
            conversations: goes_on(instance.spec.features, topic),
            shared: instance.transport.shares(address),
            files: instance.transport.files().map(|policy| policy.auto_put),
            bot: instance.transport.bot_name(),
            trigger: instance.transport.usual_trigger(),
            ..known
        }
    }

    /// Returns what routing may know about something that came in.
    pub(super) fn known_of(&self, inbound: &Inbound, instance: &Instance) -> Known {
        let known = self.known(inbound.address(), instance);
        match inbound {
            Inbound::Invoke(invoke) => {
                let spec = self.by.commands.spec(&invoke.command);
                Known { options: spec.map(|spec| spec.options.clone()).unwrap_or_default(), ..known }
            }
            Inbound::Message(message)
                if known.topic && instance.transport.branches_threads(&inbound.address().whole_chat()) =>
            {
                Known { own_branch: branch_of_thread(message), ..known }
            }
            _ => known,
        }
    }
}

/// Returns whether plain messages go on in the running session: in a topic they do, unless threads are all there is
/// and somebody wants none to go on.
fn goes_on(features: TransportFeatures, is_topic: bool) -> bool {
    features.conversations || is_topic && !features.threads
}

/// Returns what a topic of a project and branch is called: `Alias @branch`.
pub(super) fn title(context: &Context, generation: &Generation) -> String {
    let alias = context.project.as_ref().map(|key| {
        let project = generation.projects.iter().find(|project| project.key == *key);
        project.map_or_else(|| key.clone(), |project| project.alias.clone())
    });
    let branch = context.branch.as_ref().map(|branch| format!("@{branch}"));
    alias.into_iter().chain(branch).collect::<Vec<_>>().join(" ")
}

/// Binds a topic; returns whether it is on record.
pub(super) async fn bind(desk: &Shared, instance: &Instance, topic: &Address, context: &Context) -> bool {
    match remember(desk, topic, context).await {
        Ok(true) => places::tell(desk, &topic.instance, &*instance.transport).await,
        Ok(false) => {}
        Err(error) => {
            tracing::error!(%error, "a topic is not bound to what was said in it");
            return false;
        }
    }
    true
}

/// Stores what a topic is bound to; returns whether that is news.
async fn remember(desk: &Shared, topic: &Address, context: &Context) -> Result<bool, LedgerError> {
    let wanted = format_binding(context);
    if binding(desk, topic).await?.as_deref() == Some(wanted.as_str()) {
        return Ok(false);
    }
    desk.ledger.prefer(topic, PreferenceKey::Context, None, Some(&wanted)).await.map(|()| true)
}

/// Returns what a topic itself is bound to, as it is stored.
async fn binding(desk: &Shared, topic: &Address) -> Result<Option<String>, LedgerError> {
    let rows = desk.ledger.preferences_of_threads(&topic.whole_chat(), PreferenceKey::Context).await?;
    Ok(rows.into_iter().find(|row| row.scope == *topic).map(|row| row.value))
}

/// Returns the topics of a chat that are bound to exactly this.
pub(super) async fn bound_to(
    desk: &Shared,
    chat: &Address,
    context: &Context,
) -> Result<Vec<Address>, LedgerError> {
    let rows = desk.ledger.preferences_of_threads(chat, PreferenceKey::Context).await?;
    Ok(rows.into_iter().filter(|row| parse_binding(&row.value) == *context).map(|row| row.scope).collect())
}

/// Names a topic after what it is bound to now, unless it is called so already.
pub(super) async fn name(desk: Arc<Shared>, in_force: Arc<InForce>, instance: Arc<Instance>, topic: Address) {
    let naming = async {
        // One at a time, so that the last name is that of the last binding.
        let _turn = desk.naming.at(&topic).lock().await;
        let Some(bound) = binding(&desk, &topic).await? else { return Ok(()) };
        let title = title(&parse_binding(&bound), &in_force.by);
        if noted_title(&desk, &topic).await? == Some(title.clone()) {
            return Ok(());
        }
        match rename(&desk, &instance, &topic, &title).await {
            Ok(()) => note_title(&desk, &topic, Some(&title)).await,
            Err(error) => {
                tracing::warn!(chat = topic.chat, topic = topic.thread, %error, "a topic keeps its old name");
                Ok(())
            }
        }
    };
    tokio::select! {
        named = naming => if let Err::<(), LedgerError>(error) = named {
            tracing::warn!(%error, "what a topic is called is not known");
        },
        () = desk.closing.cancelled() => {}
    }
}

async fn rename(desk: &Shared, instance: &Instance, topic: &Address, title: &str) -> Result<(), SendError> {
    for _ in 1..TRIES {
        match door::in_time(&*desk.clock, instance.transport.rename_thread(topic, title)).await {
            Err(SendError::RetryAfter { after, .. }) if after <= LONGEST_SILENCE => {
                desk.clock.sleep_until(desk.now() + after).await;
            }
            done => return done,
        }
    }
    door::in_time(&*desk.clock, instance.transport.rename_thread(topic, title)).await
}

/// Returns what a topic was called last.
async fn noted_title(desk: &Shared, topic: &Address) -> Result<Option<String>, LedgerError> {
    desk.ledger.get(TOPIC_TITLES, &key(topic)).await
}

/// Remembers what a topic is called, or forgets it.
pub(super) async fn note_title(
    desk: &Shared,
    topic: &Address,
    title: Option<&str>,
) -> Result<(), LedgerError> {
    desk.ledger.put(TOPIC_TITLES, &key(topic), title).await
}

fn key(Address { instance, chat, thread }: &Address) -> String {
    format!("{instance}/{chat}/{}", thread.as_deref().unwrap_or_default())
}
