//! Forum topics: in which chats a thread is one, opening and naming them, and whether the bot may do so. What a
//! topic keeps is the desk's business.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use takopi_core::message::Address;
use takopi_core::port::transport::{SendError, Topics};
use takopi_core::render::shorten;
use teloxide::payloads::{
    CreateForumTopic, EditForumTopic, EditForumTopicSetters as _, GetChat, GetChatMember,
};
use teloxide::types::{ChatId, MessageId, ThreadId, UserId};

use crate::api::{Api, CALL_TIMEOUT, CallError};
use crate::config::TopicScope;
use crate::failure::{is_named_so_already, send_error, topic_error};
use crate::outbound::{chat, number};
use crate::transport::Telegram;

/// Characters of a topic's name at most (Bot API, createForumTopic).
const MAX_NAME: usize = 128;

/// How long the server may take over all that is asked before topics are relied on.
const CHECKING: Duration = Duration::from_secs(10);

/// Pause before it is asked again: doubles from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(300);

/// Whether topics can work as they are set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicsCheck {
    /// They can, or are switched off.
    Fine,
    /// They cannot; what is missing and what to do.
    Missing(String),
    /// Nobody knows: Telegram does not tell, and why.
    Unknown(String),
}

/// What is read of a chat (Bot API, ChatFullInfo).
#[derive(Deserialize)]
struct ChatInfo {
    r#type: String,
    #[serde(default)]
    is_forum: bool,
}

/// What is read of the bot as a member (Bot API, ChatMember).
#[derive(Deserialize)]
struct Member {
    status: String,
    #[serde(default)]
    can_manage_topics: bool,
}

/// A topic that was opened (Bot API, ForumTopic).
#[derive(Deserialize)]
struct Opened {
    message_thread_id: i64,
}

/// In which chats threads are topics.
struct Scope {
    /// As it is set.
    asked: TopicScope,
    main: Option<i64>,
    /// The chats of projects.
    projects: Vec<i64>,
}

impl Scope {
    /// Returns whether it is the main chat, and whether the chats of projects.
    fn is_of(&self) -> (bool, bool) {
        match self.asked {
            TopicScope::Auto => (self.projects.is_empty(), !self.projects.is_empty()),
            TopicScope::Main => (true, false),
            TopicScope::Projects => (false, true),
            TopicScope::All => (true, true),
        }
    }

    fn chats(&self) -> Vec<i64> {
        let (main, projects) = self.is_of();
        let main = self.main.filter(|_| main).into_iter();
        main.chain(self.projects.iter().copied().filter(|_| projects)).collect()
    }

    fn has(&self, chat: i64) -> bool {
        self.chats().contains(&chat)
    }

    fn label(&self) -> String {
        let resolved = match self.is_of() {
            (true, true) => "all",
            (true, false) => "main",
            (false, _) => "projects",
        };
        match self.asked {
            TopicScope::Auto => format!("auto ({resolved})"),
            _ => resolved.to_owned(),
        }
    }

    /// Returns what whoever wants a topic in another chat is told.
    fn elsewhere(&self) -> String {
        let (place, other, other_scope) = match self.is_of() {
            (true, true) => {
                return "topics commands are only available in the main or project chats.".to_owned();
            }
            (true, false) => ("the main chat", "project chats", "projects"),
            (false, _) => ("project chats", "the main chat", "main"),
        };
        let only = format!("topics commands are only available in {place}");
        match self.asked {
            TopicScope::Auto => format!(
                "{only} (auto scope). to use topics in {other}, set `topics.scope = \"{other_scope}\"`."
            ),
            _ => format!("{only}."),
        }
    }
}

impl Telegram {
    /// Returns whether topics are switched on.
    #[must_use]
    pub fn has_topics(&self) -> bool {
        self.config.topics.enabled
    }

    /// Returns in which chats threads are topics, for people: `auto (main)`.
    #[must_use]
    pub fn topics_label(&self) -> String {
        self.scope().label()
    }

    fn scope(&self) -> Scope {
        let (main, projects) = (self.config.chat_id, self.gate.project_chats());
        Scope { asked: self.config.topics.scope, main, projects }
    }

    /// Returns what the threads of a chat are.
    pub(crate) fn threads_of(&self, address: &Address) -> Topics {
        if !self.has_topics() {
            return Topics::Off(format!(
                "topics are off. To switch them on, write this into takopi.toml:\n\n\
                 ```toml\n[transports.{}.topics]\nenabled = true\n```",
                self.instance
            ));
        }
        let scope = self.scope();
        match address.chat.parse().is_ok_and(|chat| scope.has(self.gate.settled_id(chat))) {
            true => Topics::Here(scope.label()),
            false => Topics::Outside(scope.elsewhere()),
        }
    }

    /// Asks, until that is certain, whether the chats with topics are forums in which the bot may manage them. At
    /// most 10 s each time.
    pub async fn check_topics(&self) -> TopicsCheck {
        let check = self.topics_checked.get_or_try_init(async || {
            match tokio::time::timeout(CHECKING, self.ask_about_topics()).await {
                Ok(TopicsCheck::Unknown(why)) => Err(why),
                Ok(certain) => Ok(certain),
                Err(_) => Err(format!("no answer within {} s", CHECKING.as_secs())),
            }
        });
        check.await.cloned().unwrap_or_else(TopicsCheck::Unknown)
    }

    async fn ask_about_topics(&self) -> TopicsCheck {
        if !self.has_topics() {
            return TopicsCheck::Fine;
        }
        let chats = self.scope().chats();
        let table = format!("[transports.{}.topics]", self.instance);
        if chats.is_empty() {
            return TopicsCheck::Missing(format!(
                "topics enabled but no project chats are configured; write chat_id = … into the table of a \
                 project, or scope = \"main\" into {table}"
            ));
        }
        for chat in chats {
            match ask_about_forum(&self.api, chat).await {
                Ok(None) => {}
                Ok(Some(missing)) => {
                    return TopicsCheck::Missing(format!(
                        "topics enabled but {missing}, or write enabled = false into {table}"
                    ));
                }
                Err(error) => return TopicsCheck::Unknown(error.to_string()),
            }
        }
        TopicsCheck::Fine
    }

    /// Returns why this bot cannot work as it is set up, once that is certain; else it never returns.
    pub(crate) async fn topics_missing(&self) -> String {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.check_topics().await {
                TopicsCheck::Missing(missing) => return missing,
                TopicsCheck::Fine => return std::future::pending().await,
                TopicsCheck::Unknown(why) => {
                    tracing::warn!(instance = %self.instance, why, "whether topics work is not known yet");
                }
            }
            self.sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}

/// Returns what a chat lacks for topics, if it lacks anything.
async fn ask_about_forum(api: &Api, chat: i64) -> Result<Option<String>, CallError> {
    let missing = |what: &str, remedy: &str| Ok(Some(format!("{what} (chat_id={chat}); {remedy}")));
    let info: ChatInfo = match api.call(&GetChat::new(ChatId(chat)), CALL_TIMEOUT).await {
        Ok(info) => info,
        Err(CallError::Moved(to)) => {
            return missing("the group has another id now", &format!("write {to} where {chat} stands"));
        }
        Err(CallError::Refused { code: 400 | 403, description, .. }) => {
            return missing(&format!("the chat cannot be seen: {description}"), "add the bot to the group");
        }
        Err(error) => return Err(error),
    };
    if info.r#type != "supergroup" {
        return missing("chat is not a supergroup", "convert the group and enable topics");
    }
    if !info.is_forum {
        return missing("chat does not have topics enabled", "turn on topics in group settings");
    }
    let bot = api.bot_id().parse().unwrap_or_default();
    let member: Member = match api.call(&GetChatMember::new(ChatId(chat), UserId(bot)), CALL_TIMEOUT).await {
        Ok(member) => member,
        Err(CallError::Refused { code: 400 | 403, .. }) => {
            return missing("bot is not an admin", "promote it and grant manage topics");
        }
        Err(error) => return Err(error),
    };
    match (member.status.as_str(), member.can_manage_topics) {
        ("creator", _) | ("administrator", true) => Ok(None),
        ("administrator", false) => missing("bot lacks manage topics permission", "grant can_manage_topics"),
        _ => missing("bot is not an admin", "promote it and grant manage topics"),
    }
}

/// Opens a topic.
///
/// # Errors
/// [`SendError`] by what is known of the outcome.
pub(crate) async fn create(api: &Api, forum: &Address, title: &str) -> Result<Address, SendError> {
    let payload = CreateForumTopic::new(chat(forum)?, shorten(title, MAX_NAME));
    let opened: Opened = api.call(&payload, CALL_TIMEOUT).await.map_err(|error| send_error(error, forum))?;
    Ok(Address { thread: Some(opened.message_thread_id.to_string()), ..forum.clone() })
}

/// Gives a topic a name; one that it has already is a success.
///
/// # Errors
/// [`SendError::Gone`] when there is no such topic any more, else by what is known of the outcome.
pub(crate) async fn rename(api: &Api, topic: &Address, title: &str) -> Result<(), SendError> {
    let thread = topic.thread.as_deref().ok_or(SendError::Gone)?;
    let thread = ThreadId(MessageId(number(thread)?));
    let payload = EditForumTopic::new(chat(topic)?, thread).name(shorten(title, MAX_NAME));
    match api.call::<_, IgnoredAny>(&payload, CALL_TIMEOUT).await {
        Ok(_) => Ok(()),
        Err(error) if is_named_so_already(&error) => Ok(()),
        Err(error) => Err(topic_error(error, topic)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_says_where_topics_are_and_what_it_is_called() {
        let told = |asked, projects: &[i64]| {
            let scope = Scope { asked, main: Some(-1), projects: projects.to_vec() };
            (scope.chats(), scope.label(), scope.elsewhere())
        };
        let only = |place: &str| format!("topics commands are only available in {place}.");
        let hint = |other: &str, scope: &str| {
            format!(" to use topics in {other}, set `topics.scope = \"{scope}\"`.")
        };
        let main = || only("the main chat");
        assert_eq!(told(TopicScope::Main, &[-2]), (vec![-1], "main".to_owned(), main()));
        assert_eq!(
            told(TopicScope::Projects, &[-2]),
            (vec![-2], "projects".to_owned(), only("project chats"))
        );
        let both = only("the main or project chats");
        assert_eq!(told(TopicScope::All, &[-2]), (vec![-1, -2], "all".to_owned(), both));
        let auto_main = only("the main chat (auto scope)") + &hint("project chats", "projects");
        assert_eq!(told(TopicScope::Auto, &[]), (vec![-1], "auto (main)".to_owned(), auto_main));
        let auto_projects = only("project chats (auto scope)") + &hint("the main chat", "main");
        assert_eq!(told(TopicScope::Auto, &[-2]), (vec![-2], "auto (projects)".to_owned(), auto_projects));
        assert!(told(TopicScope::Projects, &[]).0.is_empty());
    }
}
