//! Threads of the service in memory: topics, once it has any.

use super::{FakeTransport, Fault, meet};
use crate::message::{Address, Message, MessageRef};
use crate::port::transport::{SendError, Topics};

impl FakeTransport {
    /// Lets every thread be a topic.
    #[must_use]
    pub fn with_topics(mut self) -> Self {
        self.has_topics = true;
        self
    }

    /// Returns a thread of a chat.
    #[must_use]
    pub fn thread(&self, chat: &str, thread: &str) -> Address {
        Address { thread: Some(thread.to_owned()), ..self.address(chat) }
    }

    /// Returns a message in a thread, which is there from then on.
    #[must_use]
    pub fn message_in(&self, chat: &str, thread: &str, upstream: &str, text: &str) -> Message {
        let address = self.thread(chat, thread);
        self.service().titles.entry(address.clone()).or_default();
        let message = MessageRef { address, id: upstream.to_owned() };
        Message { message, ..self.message(chat, upstream, text) }
    }

    /// Returns what a thread is called; `None` when it is not there.
    #[must_use]
    pub fn title(&self, thread: &Address) -> Option<String> {
        self.service().titles.get(thread).cloned()
    }

    /// Makes the next namings of a thread fail so; `None` is one that works.
    pub fn fail_names(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.service().name_faults.extend(faults);
    }

    /// Deletes a thread.
    pub fn lose_thread(&self, thread: &Address) {
        self.service().titles.remove(thread);
        self.changed();
    }

    pub(super) fn what_threads_are(&self) -> Topics {
        match self.has_topics {
            true => Topics::Here("all".to_owned()),
            false => Topics::Off("there are no topics here".to_owned()),
        }
    }

    pub(super) fn open_thread(&self, chat: &Address, title: &str) -> Address {
        let thread = {
            let mut service = self.service();
            service.next += 1;
            let thread = Address { thread: Some(service.next.to_string()), ..chat.clone() };
            service.calls.push(format!("open {title}"));
            service.titles.insert(thread.clone(), title.to_owned());
            thread
        };
        self.changed();
        thread
    }

    pub(super) async fn name_thread(&self, thread: &Address, title: &str) -> Result<(), SendError> {
        let fault = self.service().name_faults.pop_front().flatten();
        self.service().calls.push(format!("name {title}"));
        self.changed();
        meet(fault).await?;
        match self.service().titles.get_mut(thread) {
            Some(named) => title.clone_into(named),
            None => return Err(SendError::Gone),
        }
        self.changed();
        Ok(())
    }
}
