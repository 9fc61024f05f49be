//! The bot's menu of commands, kept in sync: told to Telegram when receiving begins and whenever it changes.

use std::time::Duration;

use serde::de::IgnoredAny;
use takopi_core::id::InstanceId;
use takopi_core::port::clock::Clock;
use teloxide::payloads::SetMyCommands;
use teloxide::types::BotCommand;
use tokio::sync::watch;

use crate::api::{Api, CALL_TIMEOUT, CallError};

/// Most commands of a menu (Bot API, setMyCommands).
const MAX_ENTRIES: usize = 100;

/// Most characters of a description (Bot API, BotCommand).
const MAX_DESCRIPTION: usize = 256;

/// Most characters of a command's name (Bot API, BotCommand); it holds only `a-z`, `0-9` and `_`.
const MAX_NAME: usize = 32;

/// What stays in a menu that is too long, as its last entry.
const KEPT_LAST: &str = "cancel";

/// Pause before a menu that didn't arrive is sent again: doubles from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(300);

/// A command in the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuEntry {
    /// What is typed after the slash. One that Telegram doesn't allow in a menu is left out; it works all the
    /// same.
    pub name: String,
    /// What it does, in a few words.
    pub description: String,
}

/// The menu as it should be.
#[derive(Debug)]
pub(crate) struct Menu(watch::Sender<Option<Vec<MenuEntry>>>);

impl Default for Menu {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Menu {
    /// Changes the menu.
    pub(crate) fn set(&self, entries: Vec<MenuEntry>) {
        self.0.send_if_modified(|menu| {
            let entries = Some(fitting(entries));
            let changed = *menu != entries;
            *menu = entries;
            changed
        });
    }

    /// Keeps Telegram's menu as it should be. Never returns; dropping it is how it is stopped.
    pub(crate) async fn keep(&self, instance: &InstanceId, api: &Api, clock: &dyn Clock) {
        let mut menu = self.0.subscribe();
        loop {
            let wanted = menu.borrow_and_update().clone();
            let bringing = async {
                if let Some(entries) = wanted {
                    bring(&entries, instance, api, clock).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = bringing => {}
                // What it should be now is brought instead.
                changed = menu.changed() => if changed.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

/// Sets the menu, as often as it takes. A refusal is final: it is no reason not to work.
async fn bring(entries: &[MenuEntry], instance: &InstanceId, api: &Api, clock: &dyn Clock) {
    let command = |entry: &MenuEntry| BotCommand::new(&entry.name, &entry.description);
    let payload = SetMyCommands::new(entries.iter().map(command));
    let mut pause = FIRST_PAUSE;
    loop {
        let after = match api.call::<_, IgnoredAny>(&payload, CALL_TIMEOUT).await {
            Ok(_) => return tracing::debug!(%instance, entries = entries.len(), "the menu is set"),
            Err(error @ (CallError::Refused { .. } | CallError::Moved(_))) => {
                return tracing::warn!(%instance, %error, "the bot's menu stays as it was");
            }
            Err(CallError::Limited(after)) => after,
            Err(error) => {
                tracing::debug!(%instance, %error, "the menu is set later");
                pause
            }
        };
        clock.sleep_until(clock.moment() + after).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Returns what fits into a menu: legal names, each once, the first hundred, `cancel` always among them.
fn fitting(entries: Vec<MenuEntry>) -> Vec<MenuEntry> {
    let mut menu: Vec<MenuEntry> = Vec::new();
    for entry in entries {
        let description: String = entry.description.trim().chars().take(MAX_DESCRIPTION).collect();
        let taken = menu.iter().any(|other| other.name == entry.name);
        if is_legal(&entry.name) && !description.is_empty() && !taken {
            menu.push(MenuEntry { description, ..entry });
        }
    }
    if let Some(last) = menu.iter().position(|entry| entry.name == KEPT_LAST).filter(|at| *at >= MAX_ENTRIES)
    {
        menu.swap(last, MAX_ENTRIES - 1);
    }
    menu.truncate(MAX_ENTRIES);
    menu
}

fn is_legal(name: &str) -> bool {
    let legal = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> MenuEntry {
        MenuEntry { name: name.to_owned(), description: "does it".to_owned() }
    }

    #[test]
    fn names_telegram_would_refuse_the_whole_menu_for_are_left_out() {
        let names = ["ok", "", "Upper", "da-sh", &"x".repeat(33), "ok", "b2_"].map(entry);
        let menu = fitting(names.to_vec());
        assert_eq!(menu, [entry("ok"), entry("b2_")]);
        assert_eq!(fitting(vec![MenuEntry { description: " ".to_owned(), ..entry("a") }]), []);
    }

    #[test]
    fn of_too_many_the_first_stay_and_cancel_always() {
        let many = (0..150).map(|number| entry(&format!("c{number}"))).chain([entry("cancel")]);
        let menu = fitting(many.collect());
        assert_eq!((menu.len(), &menu[98], &menu[99]), (100, &entry("c98"), &entry("cancel")));
    }
}
