//! The buttons below a message as Discord wants them, and what one carries back: at most 100 characters.
//!
//! A custom id is `tk:` and the action's token. One that is too long is kept here under its digest; a restart
//! forgets it, and such a press is answered with the advice to type.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use takopi_core::message::{Button, ButtonAction};
use takopi_core::render::shorten;

/// Limits of Discord's components (Discord docs, "Components Reference").
const MAX_ROWS: usize = 5;
const MAX_IN_ROW: usize = 5;
const MAX_OPTIONS: usize = 25;
const MAX_CUSTOM_ID: usize = 100;
const MAX_LABEL: usize = 80;
const MAX_OPTION_LABEL: usize = 100;

/// What stands before everything the bot wrote into a component.
const OURS: &str = "tk:";

/// Between two fields of a token (core, `message/token.rs`).
const GAP: &str = "\u{1f}";

/// What stands before the digest of a kept action.
const KEPT: char = '#';

/// What stands before the number of a select menu: what was chosen is in its values.
const MENU: &str = "tk:menu:";

/// Most actions that are kept; the oldest goes first. A few hundred bytes each.
const MAX_KEPT: usize = 4096;

/// Kinds and styles of components (Discord docs).
const ROW: u8 = 1;
const BUTTON: u8 = 2;
const SELECT: u8 = 3;
const PRIMARY: u8 = 1;
const SECONDARY: u8 = 2;
const DANGER: u8 = 4;

/// Actions that are too long for their buttons.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    actions: HashMap<String, ButtonAction>,
    order: VecDeque<String>,
}

impl Kept {
    /// Returns what a component carries for `action`.
    pub(crate) fn custom_id(&self, action: &ButtonAction) -> String {
        let short = format!("{OURS}{}", printable(&action.token()));
        if short.chars().count() <= MAX_CUSTOM_ID {
            return short;
        }
        let key = format!("{OURS}{KEPT}{}", hex(action.token().as_bytes()));
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

    /// Returns what a custom id, or the value of a menu, asks for; `None` when nobody knows any more.
    pub(crate) fn action_of(&self, custom_id: &str) -> Option<ButtonAction> {
        let token = custom_id.strip_prefix(OURS)?;
        if !token.starts_with(KEPT) {
            return ButtonAction::of_token(&token_of(token)?);
        }
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.actions.get(custom_id).cloned()
    }

    /// Returns rows of buttons as components, as far as Discord takes them. Questions with more options than a row
    /// has room for become menus; a button that is there already is left out.
    pub(crate) fn components(&self, rows: &[Vec<Button>]) -> Vec<Value> {
        let mut seen = HashSet::new();
        let mut fresh = |button: &&Button| seen.insert(self.custom_id(&button.action));
        let rows: Vec<Vec<&Button>> =
            rows.iter().map(|row| row.iter().filter(|button| fresh(button)).collect()).collect();
        let mut shown = Vec::new();
        let options: Vec<&Button> = rows.iter().flatten().copied().filter(is_option).collect();
        let many = options.len() > MAX_IN_ROW;
        for (number, options) in options.chunks(MAX_OPTIONS).enumerate().filter(|_| many) {
            shown.push(self.menu(number, options));
        }
        for row in &rows {
            let buttons: Vec<Value> = row
                .iter()
                .filter(|button| !(many && is_option(button)))
                .map(|button| self.button(button))
                .collect();
            for row in buttons.chunks(MAX_IN_ROW) {
                shown.push(json!({"type": ROW, "components": row}));
            }
        }
        if shown.len() > MAX_ROWS {
            tracing::warn!(rows = shown.len(), "a message has more buttons than Discord shows");
            shown.truncate(MAX_ROWS);
        }
        shown
    }

    fn button(&self, button: &Button) -> Value {
        let style = match button.action {
            ButtonAction::Cancel { .. } => DANGER,
            ButtonAction::Run { .. } => PRIMARY,
            _ => SECONDARY,
        };
        json!({
            "type": BUTTON,
            "style": style,
            "label": label(&button.label, MAX_LABEL),
            "custom_id": self.custom_id(&button.action),
        })
    }

    fn menu(&self, number: usize, options: &[&Button]) -> Value {
        let option = |button: &&Button| {
            let label = label(&button.label, MAX_OPTION_LABEL);
            json!({"label": label, "value": self.custom_id(&button.action)})
        };
        let options: Vec<Value> = options.iter().map(option).collect();
        let menu = json!({
            "type": SELECT,
            "custom_id": format!("{MENU}{number}"),
            "placeholder": "choose…",
            "options": options,
        });
        json!({"type": ROW, "components": [menu]})
    }
}

/// Returns a token as it is written for Discord, which promises nothing for control characters: a token holds one
/// between its fields.
fn printable(token: &str) -> String {
    token.replace('~', "~~").replace(GAP, "~.")
}

/// Returns the token that was written so; `None` for what was not.
fn token_of(written: &str) -> Option<String> {
    let mut parts = written.split('~');
    let mut token = parts.next()?.to_owned();
    while let Some(part) = parts.next() {
        match part.strip_prefix('.') {
            Some(rest) => token.extend([GAP, rest]),
            None if part.is_empty() => token.extend(["~", parts.next()?]),
            None => return None,
        }
    }
    Some(token)
}

/// Returns whether a button may be a line of a menu; one that opens a form stays a button.
fn is_option(button: &&Button) -> bool {
    matches!(&button.action, ButtonAction::Answer { option, .. } if !option.is_empty())
}

/// Returns what a button says: never nothing.
fn label(text: &str, max: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "…".to_owned() } else { shorten(&text, max) }
}

/// Returns 32 hexadecimal digits that tell bytes from all others.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use takopi_core::id::{CommandId, RunId};
    use takopi_core::port::ledger::InboxId;

    fn run() -> RunId {
        RunId::parse("00000000-0000-0000-0000-000000000001").unwrap()
    }

    fn button(label: &str, action: ButtonAction) -> Button {
        Button { label: label.to_owned(), action }
    }

    fn option(number: usize) -> Button {
        let (question, option) = ("q".to_owned(), number.to_string());
        button(&format!("option {number}"), ButtonAction::Answer { run: run(), question, option })
    }

    /// Returns the kinds in each row.
    fn kinds(components: &[Value]) -> Vec<Vec<u64>> {
        let kinds = |row: &Value| {
            row["components"].as_array().unwrap().iter().map(|part| part["type"].as_u64().unwrap()).collect()
        };
        components.iter().map(kinds).collect()
    }

    proptest! {
        #[test]
        fn every_action_comes_back_from_at_most_100_characters(
            question in "[\\PC~.]{0,60}", option in "[\\PC\u{1f}~.]{0,90}", arguments in "\\PC{0,120}",
        ) {
            let kept = Kept::default();
            let command = CommandId::parse("model").unwrap();
            for action in [
                ButtonAction::Answer { run: run(), question, option },
                ButtonAction::Command { command, arguments },
            ] {
                let id = kept.custom_id(&action);
                prop_assert!((1..=MAX_CUSTOM_ID).contains(&id.chars().count()), "{}", id);
                prop_assert_eq!(kept.action_of(&id), Some(action));
            }
        }

        #[test]
        fn what_somebody_else_wrote_never_breaks_it(id in "(tk:)?#?[/a]?[\\PC~.]{0,64}") {
            if let Some(action) = Kept::default().action_of(&id) {
                prop_assert_eq!(Kept::default().custom_id(&action), id);
            }
        }
    }

    #[test]
    fn a_row_of_buttons_says_what_each_does() {
        let rows = [vec![
            button("cancel", ButtonAction::Cancel { run: run() }),
            button("run now", ButtonAction::Run { inbox: InboxId(7) }),
            button(" ", option(1).action),
        ]];
        insta::assert_json_snapshot!(Kept::default().components(&rows));
    }

    #[test]
    fn rows_are_broken_and_cut_as_discord_wants_and_nothing_is_there_twice() {
        let kept = Kept::default();
        let run = |number| button("run", ButtonAction::Run { inbox: InboxId(number) });
        let wide: Vec<Button> = (0..7).map(run).collect();
        assert_eq!(kinds(&kept.components(&[wide, vec![run(0)], vec![]])), [vec![2; 5], vec![2; 2]]);
        let high: Vec<Vec<Button>> = (0..9).map(|number| vec![run(number)]).collect();
        assert_eq!(kept.components(&high).len(), MAX_ROWS);
        let label = kept.components(&[vec![button(&"é".repeat(200), run(0).action)]]);
        let label = label[0]["components"][0]["label"].as_str().unwrap().to_owned();
        assert_eq!(label.chars().count(), MAX_LABEL);
    }

    #[test]
    fn a_question_with_many_options_is_a_menu_and_its_other_buttons_stay() {
        let kept = Kept::default();
        let mut rows: Vec<Vec<Button>> = (0..30).map(|number| vec![option(number)]).collect();
        assert_eq!(kinds(&kept.components(&rows[..5])), vec![vec![2]; 5]);
        let in_words = ButtonAction::Answer { run: run(), question: "q".to_owned(), option: String::new() };
        rows.push(vec![button("cancel", ButtonAction::Cancel { run: run() }), button("answer…", in_words)]);
        let components = kept.components(&rows);
        assert_eq!(kinds(&components), [vec![3], vec![3], vec![2, 2]]);
        let options = components[1]["components"][0]["options"].as_array().unwrap().clone();
        assert_eq!(options.len(), 5);
        let value = options[0]["value"].as_str().unwrap();
        assert_eq!(kept.action_of(value), Some(option(25).action));
        let menu = components[0]["components"][0]["custom_id"].as_str().unwrap();
        assert_eq!(kept.action_of(menu), None);
    }

    #[test]
    fn buttons_of_others_and_kept_ones_of_another_process_ask_for_nothing() {
        let kept = Kept::default();
        assert_eq!(kept.action_of("tk:#0123"), None);
        assert_eq!(kept.action_of("r7"), None);
    }
}
