//! What a button carries to Telegram and back: at most 64 bytes (Bot API, InlineKeyboardButton).
//!
//! That is the action's token ([`ButtonAction::token`]). One that is too long is kept here under its digest; see
//! [`Kept`].

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use takopi_core::message::ButtonAction;

/// Most bytes a button carries.
const MAX_BYTES: usize = 64;

/// What buttons of the Python takopi carry that stop the run of their message, or put it into the one before it.
const OLD_CANCEL: &str = "takopi:cancel";
const OLD_STEER: &str = "takopi:steer";

/// What a press asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pressed {
    /// What the button was made for.
    Action(ButtonAction),
    /// Something for the run whose message carries the button.
    Here(Here),
}

/// What a button of the Python takopi asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Here {
    /// To stop the run.
    Cancel,
    /// To let the run before it have the message of one that waits.
    Steer,
}

/// Returns what a button carries for `action`, when it fits.
fn short(action: &ButtonAction) -> Option<String> {
    Some(action.token()).filter(|token| token.len() <= MAX_BYTES)
}

/// Actions kept because they are too long for their buttons. A restart forgets them: such a press is then
/// answered with the advice to type.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    actions: HashMap<String, ButtonAction>,
    order: VecDeque<String>,
}

/// Most actions that are kept; the oldest goes first. A few hundred bytes each.
const MAX_KEPT: usize = 4096;

impl Kept {
    /// Returns what a button carries for `action`.
    pub(crate) fn write(&self, action: &ButtonAction) -> String {
        if let Some(short) = short(action) {
            return short;
        }
        let key = format!("#{}", digest(action));
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.actions.insert(key.clone(), action.clone()).is_none() {
            shelf.order.push_back(key.clone());
        }
        while shelf.order.len() > MAX_KEPT {
            if let Some(oldest) = shelf.order.pop_front() {
                shelf.actions.remove(&oldest);
            }
        }
        key
    }

    /// Returns whether a button may once have been written here: only of such a one can be said that it is old.
    pub(crate) fn is_ours(data: &str) -> bool {
        [OLD_CANCEL, OLD_STEER].contains(&data)
            || data.starts_with('#')
            || ButtonAction::of_token(data).is_some()
    }

    /// Returns what a press asks for; `None` when nobody knows any more.
    pub(crate) fn read(&self, data: &str) -> Option<Pressed> {
        match data {
            OLD_CANCEL => return Some(Pressed::Here(Here::Cancel)),
            OLD_STEER => return Some(Pressed::Here(Here::Steer)),
            _ => {}
        }
        if data.starts_with('#') {
            let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            return shelf.actions.get(data).cloned().map(Pressed::Action);
        }
        ButtonAction::of_token(data).map(Pressed::Action)
    }
}

/// Returns 32 hexadecimal digits that tell `action` from every other one.
fn digest(action: &ButtonAction) -> String {
    let written = format!("{action:?}");
    crate::fingerprint::sha256_hex(written.as_bytes()).chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use takopi_core::id::{CommandId, RunId};
    use takopi_core::port::ledger::InboxId;

    fn actions() -> impl Strategy<Value = ButtonAction> {
        let run = any::<u128>().prop_map(|bits| {
            let text = format!("{bits:032x}");
            RunId::parse(&text).unwrap()
        });
        let command = "[a-z0-9_]{1,32}".prop_map(|id| CommandId::parse(&id).unwrap());
        prop_oneof![
            run.clone().prop_map(|run| ButtonAction::Cancel { run }),
            any::<i64>().prop_map(|inbox| ButtonAction::Run { inbox: InboxId(inbox) }),
            (run.clone(), "[0-9a-f]{16}").prop_map(|(run, file)| ButtonAction::SendFile { run, file }),
            (command, "\\PC{0,60}")
                .prop_map(|(command, arguments)| ButtonAction::Command { command, arguments }),
            (run, "\\PC{0,20}", "[\\PC\u{1f}]{0,40}")
                .prop_map(|(run, question, option)| ButtonAction::Answer { run, question, option }),
        ]
    }

    proptest! {
        #[test]
        fn every_action_comes_back_from_at_most_64_bytes(action in actions()) {
            let kept = Kept::default();
            let data = kept.write(&action);
            prop_assert!((1..=MAX_BYTES).contains(&data.len()), "{} bytes", data.len());
            prop_assert_eq!(kept.read(&data), Some(Pressed::Action(action)));
        }

        #[test]
        fn what_somebody_else_wrote_never_breaks_it(data in "\\PC{0,64}") {
            let read = Kept::default().read(&data);
            if let Some(Pressed::Action(action)) = read {
                prop_assert_eq!(Kept::default().write(&action).len(), data.len());
            }
        }
    }

    #[test]
    fn buttons_of_the_python_takopi_are_known() {
        assert_eq!(Kept::default().read("takopi:cancel"), Some(Pressed::Here(Here::Cancel)));
        assert_eq!(Kept::default().read("takopi:steer"), Some(Pressed::Here(Here::Steer)));
        assert_eq!(Kept::default().read("#0123"), None, "kept by another process");
    }

    #[test]
    fn data_of_a_button_somebody_else_made_is_not_ours() {
        assert!(Kept::is_ours("#0123") && Kept::is_ours("takopi:cancel") && Kept::is_ours("r7"));
        assert!(!["nope", "plugin:words", "takopi:nope", ":", ""].into_iter().any(Kept::is_ours));
    }
}
