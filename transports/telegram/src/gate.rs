//! Who may speak where, from memory, by the settings and by who was paired. Whoever may not meets silence.

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
    /// People who were let in by a code.
    paired: Vec<i64>,
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
        self.serves(chat) && (self.allowed.is_empty() || sender.is_some_and(|sender| self.lists(&sender.id)))
    }

    /// Returns whether `sender`, who may not speak in `chat`, may send a pairing code there: in private, or where
    /// others are served by name.
    pub(crate) fn is_stranger(&self, chat: &str, sender: Option<&Sender>) -> bool {
        let Some(sender) = sender.filter(|sender| !sender.is_bot) else { return false };
        let (Ok(chat), Ok(person)) = (chat.parse::<i64>(), sender.id.parse::<i64>()) else { return false };
        // A negative id is a group's or a channel's own voice, which is nobody.
        person > 0 && (chat == person || (self.serves(chat) && !self.allowed.is_empty()))
    }

    /// Returns where people who are paired are served.
    pub(crate) fn reach_of_paired(&self) -> &'static str {
        match self.allowed.is_empty() {
            true => "in their private chat",
            false => "in their private chat and in the groups that are served",
        }
    }

    fn lists(&self, sender: &str) -> bool {
        let Ok(id) = sender.parse::<i64>() else { return false };
        self.allowed.contains(&id) || self.paired(id)
    }

    fn paired(&self, id: i64) -> bool {
        self.changing.read().unwrap_or_else(PoisonError::into_inner).paired.contains(&id)
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
        // The settings may know the new id by now.
        let is_configured = |id: i64| self.main_chat == Some(id) || changing.project_chats.contains(&id);
        is_configured(chat)
            || is_configured(known)
            // A person's private chat has the person's id.
            || (chat > 0 && (self.allowed.contains(&chat) || changing.paired.contains(&chat)))
    }

    /// Returns the chats of projects.
    pub(crate) fn project_chats(&self) -> Vec<i64> {
        self.changing.read().unwrap_or_else(PoisonError::into_inner).project_chats.clone()
    }

    /// Returns the id by which the settings know a chat: that of before it became a supergroup.
    pub(crate) fn settled_id(&self, chat: i64) -> i64 {
        let changing = self.changing.read().unwrap_or_else(PoisonError::into_inner);
        changing.moved.get(&chat).copied().unwrap_or(chat)
    }

    /// Serves other projects' chats from now on.
    pub(crate) fn set_project_chats(&self, chats: Vec<i64>) {
        self.changing.write().unwrap_or_else(PoisonError::into_inner).project_chats = chats;
    }

    /// Serves these people too, by their ids, beside those of the settings.
    pub(crate) fn set_paired(&self, people: &[String]) {
        let people = people.iter().filter_map(|id| id.parse().ok()).collect();
        self.changing.write().unwrap_or_else(PoisonError::into_inner).paired = people;
    }

    /// Learns what another gate of the same bot has learnt.
    pub(crate) fn inherit(&self, old: &Self) {
        let learnt = old.changing.read().unwrap_or_else(PoisonError::into_inner);
        let (moved, username) = (learnt.moved.clone(), learnt.username.clone());
        drop(learnt);
        let mut changing = self.changing.write().unwrap_or_else(PoisonError::into_inner);
        (changing.moved, changing.username) = (moved, username);
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

    fn paired(people: &[&str], gate: Gate) -> Gate {
        gate.set_paired(&people.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        gate
    }

    #[test]
    fn who_is_paired_is_served_as_if_they_were_on_the_list() {
        let gate = paired(&["9"], Gate::new(Some(-100), vec![7], vec![]));
        for chat in ["9", "-100"] {
            assert!(gate.admits(chat, Some(&person(9))), "{chat}");
        }
        for (chat, sender) in [("9", person(7)), ("9", person(8)), ("-100", person(8)), ("-300", person(9))] {
            assert_eq!(
                gate.admits(chat, Some(&sender)),
                chat == "9" && sender.id == "7",
                "{chat} {sender:?}"
            );
        }
        gate.set_paired(&[]);
        assert!(!gate.admits("9", Some(&person(9))) && gate.admits("7", Some(&person(7))));
    }

    #[test]
    fn pairing_somebody_changes_nothing_for_others_where_there_is_no_list() {
        for main in [-100, 7] {
            let before = Gate::new(Some(main), vec![], vec![-200]);
            let after = paired(&["9"], Gate::new(Some(main), vec![], vec![-200]));
            for chat in ["-100", "-200", "-300", "7", "8"] {
                for sender in [None, Some(person(7)), Some(person(8)), Some(person(9))] {
                    let asked = |gate: &Gate| gate.admits(chat, sender.as_ref());
                    assert_eq!(asked(&before), asked(&after), "{main} {chat} {sender:?}");
                }
            }
            assert!(after.admits("9", Some(&person(9))) && !before.admits("9", Some(&person(9))));
        }
    }

    #[test]
    fn codes_are_heard_in_private_and_where_people_are_served_by_name() {
        let open = Gate::new(Some(-100), vec![], vec![]);
        let closed = Gate::new(Some(-100), vec![7], vec![]);
        let bot = Sender { is_bot: true, ..person(9) };
        for (chat, sender, in_open, in_closed) in [
            ("9", person(9), true, true),
            ("8", person(9), false, false),
            ("-100", person(9), false, true),
            ("-300", person(9), false, false),
            ("-100", person(-100), false, false),
            ("9", bot, false, false),
        ] {
            let heard = [&open, &closed].map(|gate| gate.is_stranger(chat, Some(&sender)));
            assert_eq!(heard, [in_open, in_closed], "{chat} {sender:?}");
        }
        assert!(!closed.is_stranger("-100", None));
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
    fn what_one_gate_has_learnt_the_next_one_knows_by_whichever_id_the_settings_have() {
        let old = Gate::new(Some(-100), vec![], vec![]);
        old.set_username(Some("our_bot".to_owned()));
        assert!(old.moved(-100, -1001));
        for main_chat in [-100, -1001] {
            let gate = Gate::new(Some(main_chat), vec![], vec![]);
            gate.inherit(&old);
            assert!(gate.admits("-1001", None) && gate.is_named_in("@our_bot"), "{main_chat}");
        }
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
