//! Topics for commands: what they are here, which are bound to what, and new ones.

use std::time::Duration;

use async_trait::async_trait;

use super::Host;
use crate::desk::{door, places, topics};
use crate::id::EngineId;
use crate::message::{Address, Body};
use crate::port::command::{CommandError, TopicHost};
use crate::port::ledger::{LedgerError, Post, PreferenceKey};
use crate::port::transport::{SendError, Topics};
use crate::route::format_binding;
use crate::session::Context;

/// How long a command waits for a topic to be named.
const NAMING: Duration = Duration::from_secs(3);

fn unread(error: LedgerError) -> CommandError {
    CommandError(error.to_string())
}

#[async_trait]
impl TopicHost for Host {
    fn topics(&self) -> Topics {
        self.caller.instance.transport.topics(&self.address().whole_chat())
    }

    fn topic(&self) -> Option<Address> {
        self.caller.instance.is_topic(self.address()).then(|| self.address().clone())
    }

    fn chat_project(&self) -> Option<String> {
        let projects = &self.in_force.by.projects;
        let own = projects.iter().find(|project| project.chat.as_deref() == Some(&self.address().chat));
        own.map(|project| project.key.clone())
    }

    async fn running_sessions(&self) -> Result<Vec<EngineId>, CommandError> {
        if !self.known().conversations {
            return Ok(Vec::new());
        }
        let running = self.stored().await?.conversations;
        let mut engines: Vec<EngineId> = running.into_iter().map(|row| row.session.engine).collect();
        engines.sort();
        Ok(engines)
    }

    async fn prefer_in_chat(
        &self,
        key: PreferenceKey,
        engine: Option<&EngineId>,
        value: Option<&str>,
    ) -> Result<(), CommandError> {
        self.prefer_at(&self.address().whole_chat(), key, engine, value).await
    }

    async fn topics_of(&self, context: &Context) -> Result<Vec<Address>, CommandError> {
        topics::bound_to(&self.desk, &self.address().whole_chat(), context).await.map_err(unread)
    }

    async fn has_topic(&self, topic: &Address, context: &Context) -> Result<bool, CommandError> {
        let title = topics::title(context, &self.in_force.by);
        let named = self.caller.instance.transport.rename_thread(topic, &title);
        match door::in_time(&*self.desk.clock, named).await {
            Ok(()) => Ok(true),
            Err(SendError::Gone) => Ok(false),
            Err(error) => {
                Err(CommandError(format!("it is not known whether the topic is still there: {error}")))
            }
        }
    }

    async fn forget_topic(&self, topic: &Address) -> Result<(), CommandError> {
        self.prefer_at(topic, PreferenceKey::Context, None, None).await?;
        topics::note_title(&self.desk, topic, None).await.map_err(unread)
    }

    async fn open_topic(&self, context: &Context) -> Result<Option<Address>, CommandError> {
        let (desk, instance, context) = (self.desk.clone(), self.caller.instance.clone(), context.clone());
        let (chat, title) = (self.address().whole_chat(), topics::title(&context, &self.in_force.by));
        // In a task of its own: a call that is stopped meanwhile must not leave a topic bound to nothing.
        let opening = self.desk.work.spawn(async move {
            // One after the other, so that of two calls for one topic the later finds it.
            let _turn = desk.naming.at(&chat).lock().await;
            if !topics::bound_to(&desk, &chat, &context).await.map_err(unread)?.is_empty() {
                return Ok(None);
            }
            let created = door::in_time(&*desk.clock, instance.transport.create_thread(&chat, &title)).await;
            let topic = created.map_err(|error| CommandError(error.to_string()))?;
            let binding = format_binding(&context);
            let bound = desk.ledger.prefer(&topic, PreferenceKey::Context, None, Some(&binding)).await;
            bound.map_err(unread)?;
            places::tell(&desk, &topic.instance, &*instance.transport).await;
            topics::note_title(&desk, &topic, Some(&title)).await.map_err(unread)?;
            Ok(Some(topic))
        });
        opening.await.map_err(|_| CommandError("takopi is closing".to_owned()))?
    }

    async fn name_topic(&self) {
        let Some(topic) = self.topic() else { return };
        let (desk, instance) = (self.desk.clone(), self.caller.instance.clone());
        let naming = self.desk.work.spawn(topics::name(desk, self.in_force.clone(), instance, topic));
        tokio::select! {
            named = naming => if let Err(panic) = named {
                tracing::error!(%panic, "naming a topic crashed");
            },
            () = self.desk.clock.sleep_until(self.desk.now() + NAMING) => {}
        }
    }

    async fn say_in(&self, topic: &Address, body: Body) -> Result<(), CommandError> {
        let parts = self.caller.instance.transport.lay_out(&body);
        self.desk.post(Post::notice(topic.clone(), parts)).await.map(drop).map_err(unread)
    }
}
