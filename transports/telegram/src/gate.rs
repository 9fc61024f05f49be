//! Who may speak where, from memory and by the settings alone. Whoever may not meets silence.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use takopi_core::message::{Inbound, Sender};

/// Who may speak where.
#[derive(Debug)]
pub(crate) struct Gate {
    main_chat: Option<i64>,
    allowed: Vec<i64>,
    changing: RwLock<Changing>,
}

#[derive(Debug, Default)]
struct Changing {
    project_chats: Vec<i64>,
    /// Groups that became supergroups meanwhile: the id they have now, and the one the settings know.
    moved: HashMap<i64, i64>,
    /// What the bot is called, once it is known.
    username: Option<String>,
}

impl Gate {
    /// Returns the gate of a bot that serves `main_chat` and, in any chat it serves, only `allowed` (everybody,
    /// when that is empty).
    pub(crate) fn new(main_chat: Option<i64>, allowed: Vec<i64>, project_chats: Vec<i64>) -> Self {
        let changing = Changing { project_chats, ..Changing::default() };
        Self { main_chat, allowed, changing: RwLock::new(changing) }
    }

    /// Returns whether `sender` may speak in `chat`.
    pub(crate) fn admits(&self, chat: &str, sender: Option<&Sender>) -> bool {
        let Ok(chat) = chat.parse::<i64>() else { return false };
        let listed = |sender: &Sender| sender.id.parse().is_ok_and(|id: i64| self.allowed.contains(&id));
        self.serves(chat) && (self.allowed.is_empty() || sender.is_some_and(listed))
    }

    /// Returns whether `inbound` is for us: not a command that names another bot.
    pub(crate) fn is_for_us(&self, inbound: &Inbound) -> bool {
        let (Inbound::Message(message) | Inbound::Edited(message)) = inbound else { return true };
        let changing = self.changing.read().unwrap_or_else(PoisonError::into_inner);
        match (named_bot(&message.text), &changing.username) {
            (Some(named), Some(ours)) => named.eq_ignore_ascii_case(ours),
            _ => true,
        }
    }

    /// Returns whether `text` names the bot.
    pub(crate) fn is_named_in(&self, text: &str) -> bool {
        let changing = self.changing.read().unwrap_or_else(PoisonError::into_inner);
        let Some(ours) = &changing.username else { return false };
        text.match_indices('@').any(|(at, mark)| {
            let word = text.get(at + mark.len()..).unwrap_or_default();
            word.split_at_checked(ours.len()).is_some_and(|(name, rest)| {
                name.eq_ignore_ascii_case(ours) && !rest.starts_with(is_name_letter)
            })
        })
    }

    fn serves(&self, chat: i64) -> bool {
        let changing = self.changing.read().unwrap_or_else(PoisonError::into_inner);
        let known = changing.moved.get(&chat).copied().unwrap_or(chat);
        self.main_chat == Some(known)
            || changing.project_chats.contains(&known)
            // A person's private chat has the person's id.
            || (chat > 0 && self.allowed.contains(&chat))
    }

    /// Serves other projects' chats from now on.
    pub(crate) fn set_project_chats(&self, chats: Vec<i64>) {
        self.changing.write().unwrap_or_else(PoisonError::into_inner).project_chats = chats;
    }

    /// Returns what the bot is called, once it is known.
    pub(crate) fn username(&self) -> Option<String> {
        self.changing.read().unwrap_or_else(PoisonError::into_inner).username.clone()
    }

    /// Learns what the bot is called.
    pub(crate) fn set_username(&self, username: Option<String>) {
        self.changing.write().unwrap_or_else(PoisonError::into_inner).username = username;
    }

    /// Learns that a chat has another id now; returns whether it is one of ours and this is news.
    pub(crate) fn moved(&self, from: i64, to: i64) -> bool {
        if !self.serves(from) {
            return false;
        }
        let mut changing = self.changing.write().unwrap_or_else(PoisonError::into_inner);
        let known = changing.moved.get(&from).copied().unwrap_or(from);
        changing.moved.insert(to, known) != Some(known)
    }
}

/// Returns the bot that a slash command at the beginning of `text` names: `x` of `/new@x …`.
fn named_bot(text: &str) -> Option<&str> {
    let word = text.trim_start().strip_prefix('/')?.split_whitespace().next()?;
    let (name, bot) = word.split_once('@')?;
    let is_name = |text: &str| !text.is_empty() && text.chars().all(is_name_letter);
    (is_name(name) && is_name(bot)).then_some(bot)
}

fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: i64) -> Sender {
        Sender { id: id.to_string(), name: "Ada".to_owned(), is_bot: false }
    }

    #[test]
    fn only_the_chats_of_the_settings_are_served() {
        let gate = Gate::new(Some(-100), vec![], vec![-200]);
        for (chat, served) in [("-100", true), ("-200", true), ("-300", false), ("7", false), ("x", false)] {
            assert_eq!(gate.admits(chat, Some(&person(7))), served, "{chat}");
        }
        assert!(gate.admits("-100", None), "whoever it was: everybody may speak");
        gate.set_project_chats(vec![-300]);
        assert!(gate.admits("-300", None) && !gate.admits("-200", None));
    }

    #[test]
    fn of_a_list_of_people_only_those_are_served_also_in_their_private_chats() {
        let gate = Gate::new(Some(-100), vec![7, 8], vec![]);
        assert!(gate.admits("-100", Some(&person(7))) && gate.admits("8", Some(&person(8))));
        for (chat, sender) in
            [("-100", Some(person(9))), ("-100", None), ("9", Some(person(9))), ("8", Some(person(9)))]
        {
            assert!(!gate.admits(chat, sender.as_ref()), "{chat} {sender:?}");
        }
    }

    #[test]
    fn a_group_that_became_a_supergroup_is_still_served() {
        let gate = Gate::new(Some(-100), vec![], vec![]);
        assert!(!gate.moved(-5, -6), "none of ours");
        assert!(gate.moved(-100, -1001));
        assert!(!gate.moved(-100, -1001), "told twice");
        assert!(gate.admits("-1001", None) && gate.admits("-100", None));
    }

    #[test]
    fn a_text_names_the_bot_in_any_case_and_no_other_whose_name_begins_alike() {
        let gate = Gate::new(Some(-100), vec![], vec![]);
        assert!(!gate.is_named_in("@our_bot"), "nobody knows its name yet");
        gate.set_username(Some("our_bot".to_owned()));
        for (text, named) in [
            ("hey @Our_Bot, do it", true),
            ("/new@our_bot", true),
            ("@our_bot2 do it", false),
            ("our_bot", false),
            ("@ü @our_bo", false),
        ] {
            assert_eq!(gate.is_named_in(text), named, "{text}");
        }
    }

    #[test]
    fn a_command_names_a_bot_only_in_its_first_word() {
        assert_eq!(named_bot("/new@other_bot now"), Some("other_bot"));
        for text in ["/new", "/new @other", "hi /new@other", "/path/a@b.c", "/@x", "/x@", "@other /new"] {
            assert_eq!(named_bot(text), None, "{text}");
        }
    }
}
