//! A button's action as the short text that a service carries to the button and back.
//!
//! A letter says what it does. The texts stand in chats for years: what was once written stays readable. They are no
//! secret and no proof: whoever makes one up gets what they could have asked for anyway, because the desk decides about
//! every action by who pressed, and where.

use super::ButtonAction;
use crate::id::{CommandId, RunId};
use crate::port::ledger::InboxId;

/// Between two fields; no field that is written short holds it.
const GAP: char = '\u{1f}';

/// Characters of a run's id as it is written.
const RUN_CHARS: usize = 36;

impl ButtonAction {
    /// Returns the text that stands for it: a few dozen bytes, more only where its own texts are long.
    #[must_use]
    pub fn token(&self) -> String {
        match self {
            Self::Cancel { run } => format!("c{run}"),
            Self::Run { inbox } => format!("r{}", inbox.0),
            Self::Resume { run } => format!("g{run}"),
            Self::SendFile { run, file } => format!("f{run}{file}"),
            Self::Command { command, arguments } => format!("/{command}{GAP}{arguments}"),
            Self::Answer { run, question, option } => {
                // Where the question's name would end is said by its length only if it must be.
                let counted = question.contains(GAP) || question.starts_with('#');
                let name =
                    if counted { format!("#{}{GAP}{question}", question.len()) } else { question.clone() };
                format!("a{run}{name}{GAP}{option}")
            }
        }
    }

    /// Returns the action that a text stands for; `None` for any other text.
    #[must_use]
    pub fn of_token(token: &str) -> Option<Self> {
        let rest = token.get(1..)?;
        match token.chars().next()? {
            'c' => Some(Self::Cancel { run: RunId::parse(rest)? }),
            'r' => Some(Self::Run { inbox: InboxId(rest.parse().ok()?) }),
            'g' => Some(Self::Resume { run: RunId::parse(rest)? }),
            '/' => {
                let (command, arguments) = rest.split_once(GAP)?;
                Some(Self::Command {
                    command: CommandId::parse(command).ok()?,
                    arguments: arguments.to_owned(),
                })
            }
            'f' => {
                let (run, file) = rest.split_at_checked(RUN_CHARS)?;
                Some(Self::SendFile { run: RunId::parse(run)?, file: file.to_owned() })
            }
            'a' => {
                let (run, rest) = rest.split_at_checked(RUN_CHARS)?;
                let (question, option) = question(rest)?;
                Some(Self::Answer {
                    run: RunId::parse(run)?,
                    question: question.to_owned(),
                    option: option.to_owned(),
                })
            }
            _ => None,
        }
    }
}

/// Cuts a question's name from the option behind it.
fn question(text: &str) -> Option<(&str, &str)> {
    let counted = || {
        let (length, rest) = text.strip_prefix('#')?.split_once(GAP)?;
        let (question, rest) = rest.split_at_checked(length.parse().ok()?)?;
        Some((question, rest.strip_prefix(GAP)?))
    };
    counted().or_else(|| text.split_once(GAP))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn actions() -> impl Strategy<Value = ButtonAction> {
        let run = any::<u128>().prop_map(|bits| RunId::parse(&format!("{bits:032x}")).unwrap());
        let command = "[a-z0-9_]{1,32}".prop_map(|id| CommandId::parse(&id).unwrap());
        prop_oneof![
            run.clone().prop_map(|run| ButtonAction::Cancel { run }),
            any::<i64>().prop_map(|inbox| ButtonAction::Run { inbox: InboxId(inbox) }),
            run.clone().prop_map(|run| ButtonAction::Resume { run }),
            (run.clone(), "[0-9a-f]{16}").prop_map(|(run, file)| ButtonAction::SendFile { run, file }),
            (command, "[\\PC\u{1f}]{0,60}")
                .prop_map(|(command, arguments)| ButtonAction::Command { command, arguments }),
            (run, "#{0,1}[\\PC\u{1f}]{0,20}", "[\\PC\u{1f}]{0,40}")
                .prop_map(|(run, question, option)| ButtonAction::Answer { run, question, option }),
        ]
    }

    proptest! {
        #[test]
        fn every_action_comes_back_from_its_token(action in actions()) {
            prop_assert_eq!(ButtonAction::of_token(&action.token()), Some(action));
        }

        #[test]
        fn a_text_that_somebody_made_up_never_breaks_it(text in "[crgfa/#]{0,1}[\\PC\u{1f}]{0,64}") {
            if let Some(action) = ButtonAction::of_token(&text) {
                prop_assert_eq!(ButtonAction::of_token(&action.token()), Some(action));
            }
        }
    }

    #[test]
    fn buttons_that_stand_in_chats_keep_their_tokens() {
        let run = RunId::parse("00000000-0000-0000-0000-000000000001").unwrap();
        let command = CommandId::parse("model").unwrap();
        let answer = |question: &str| ButtonAction::Answer {
            run,
            question: question.to_owned(),
            option: "yes".to_owned(),
        };
        let written = [
            ButtonAction::Cancel { run },
            ButtonAction::Run { inbox: InboxId(7) },
            ButtonAction::SendFile { run, file: "0123456789abcdef".to_owned() },
            ButtonAction::Command { command, arguments: "set fast".to_owned() },
            answer("q1"),
            ButtonAction::Resume { run },
        ];
        let written = written.map(|action| action.token());
        insta::assert_debug_snapshot!(written);
        // Before names were counted, one with a number sign was written as it is.
        assert_eq!(ButtonAction::of_token(&format!("a{run}#q1{GAP}yes")), Some(answer("#q1")));
    }
}
