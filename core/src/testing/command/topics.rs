//! Topics of the house in memory.

use async_trait::async_trait;

use super::{Deed, FakeHost, lock};
use crate::id::EngineId;
use crate::message::{Address, Body};
use crate::port::command::{CommandError, TopicHost};
use crate::port::ledger::PreferenceKey;
use crate::port::transport::Topics;
use crate::session::Context;

/// What is known of topics in memory.
#[derive(Debug, Default)]
pub struct FakeTopics {
    /// What threads are; without it there are no topics.
    pub here: Option<Topics>,
    /// Whether the caller is in the topic 5.
    pub inside: bool,
    /// Whether conversations take place in threads of their own.
    pub threads: bool,
    /// The project whose own chat the caller is in, by key.
    pub chat_project: Option<String>,
    /// The engines that have a running session here.
    pub sessions: Vec<EngineId>,
    /// The topics that are bound, whether or not they are still there.
    pub bound: Vec<(Address, Context)>,
    /// Those that the service has no longer.
    pub gone: Vec<Address>,
}

impl FakeHost {
    /// Returns a topic of the caller's chat.
    #[must_use]
    pub fn thread(id: &str) -> Address {
        Address { thread: Some(id.to_owned()), ..Self::address() }
    }
}

#[async_trait]
impl TopicHost for FakeHost {
    fn topics(&self) -> Topics {
        self.topics.here.clone().unwrap_or_else(|| Topics::Off("there are no topics here".to_owned()))
    }

    fn topic(&self) -> Option<Address> {
        self.topics.inside.then(|| Self::thread("5"))
    }

    fn chat_project(&self) -> Option<String> {
        self.topics.chat_project.clone()
    }

    async fn running_sessions(&self) -> Result<Vec<EngineId>, CommandError> {
        Ok(self.topics.sessions.clone())
    }

    async fn prefer_in_chat(
        &self,
        key: PreferenceKey,
        engine: Option<&EngineId>,
        value: Option<&str>,
    ) -> Result<(), CommandError> {
        self.done(Deed::PreferredInChat(key, engine.cloned(), value.map(str::to_owned)))?;
        self.keep(Self::address(), key, engine, value);
        Ok(())
    }

    async fn topics_of(&self, context: &Context) -> Result<Vec<Address>, CommandError> {
        let same = self.topics.bound.iter().filter(|(_, bound)| bound == context);
        Ok(same.map(|(topic, _)| topic.clone()).collect())
    }

    async fn has_topic(&self, topic: &Address, _context: &Context) -> Result<bool, CommandError> {
        Ok(!self.topics.gone.contains(topic))
    }

    async fn forget_topic(&self, topic: &Address) -> Result<(), CommandError> {
        self.done(Deed::LostTopic(topic.clone()))
    }

    async fn open_topic(&self, context: &Context) -> Result<Option<Address>, CommandError> {
        self.done(Deed::Opened(context.clone()))?;
        Ok(Some(Self::thread("9")))
    }

    async fn name_topic(&self) {
        if self.topics.inside {
            lock(&self.deeds).push(Deed::Named);
        }
    }

    async fn say_in(&self, topic: &Address, body: Body) -> Result<(), CommandError> {
        self.done(Deed::SaidIn(topic.clone(), body))
    }
}
