//! What one run may tell, and when: numbers without gaps, one session that never changes, actions with ids. Pure.
//!
//! What is told is turned into core's words here, with every text bounded as built-in engines bound theirs.

use takopi_core::event::{Action, ActionKind, Detail, FileChange, Level, Note, Phase, RunEvent, Usage};
use takopi_core::progress::{MAX_ACTION_ID_BYTES, MAX_CHANGES, MAX_OUTPUT_BYTES, MAX_TITLE_BYTES};
use takopi_core::session::SessionToken;
use takopi_core::text::{clip, clip_middle, head};
use takopi_plugin_protocol::{engine as wire, life};

/// What a run has told so far.
#[derive(Debug)]
pub(super) struct Order {
    /// The number of the last event.
    seq: u64,
    /// The session it continues, until it has told its own.
    session: Option<SessionToken>,
    is_told: bool,
}

impl Order {
    /// Returns that of a run that continues `session`.
    pub(super) const fn new(session: Option<SessionToken>) -> Self {
        Self { seq: 0, session, is_told: false }
    }

    /// Returns the session it is in, as far as that is known.
    pub(super) const fn session(&self) -> Option<&SessionToken> {
        self.session.as_ref()
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// How it breaks the order.
    pub(super) fn take(&mut self, seq: u64, told: wire::Told) -> Result<RunEvent, String> {
        let due = self.seq + 1;
        if seq != due {
            return Err(format!("event {seq} came where {due} was due"));
        }
        self.seq = due;
        match told {
            wire::Told::Session { .. } if self.is_told => Err("it told its session twice".to_owned()),
            wire::Told::Session { session } => self.name(&session).map(RunEvent::Session),
            wire::Told::Action(action) if action.id.trim().is_empty() => {
                Err("it told an action without an id".to_owned())
            }
            wire::Told::Action(step) => Ok(RunEvent::Action(action(step))),
            wire::Told::Text { delta } => Ok(RunEvent::Text(delta)),
            wire::Told::Usage(told) => Ok(RunEvent::Usage(usage(&told))),
            wire::Told::Note { level, text } => Ok(RunEvent::Note(Note {
                level: loudness(level),
                text: clip(&text, MAX_TITLE_BYTES).into_owned(),
            })),
        }
    }

    /// Takes the session that the end names, and returns it if it had not been told.
    ///
    /// # Errors
    /// How it breaks the order.
    pub(super) fn end(&mut self, session: Option<&str>) -> Result<Option<SessionToken>, String> {
        match session {
            Some(session) if self.is_told => {
                let known = self.session.as_ref().map_or("none", SessionToken::as_str);
                if known == session { Ok(None) } else { Err(changed(known, session)) }
            }
            Some(session) => self.name(session).map(Some),
            None => Ok(None),
        }
    }

    fn name(&mut self, session: &str) -> Result<SessionToken, String> {
        let Some(token) = SessionToken::parse(session) else {
            return Err("it told a session that cannot stand in a resume line".to_owned());
        };
        if let Some(known) = self.session.as_ref().filter(|known| **known != token) {
            return Err(changed(known.as_str(), session));
        }
        (self.session, self.is_told) = (Some(token.clone()), true);
        Ok(token)
    }
}

fn changed(known: &str, told: &str) -> String {
    format!("it went on in session {} instead of {known}", clip(told, 80))
}

fn action(step: wire::Action) -> Action {
    let wire::Action { id, kind, phase, title, ok, detail } = step;
    Action {
        id: head(&id, MAX_ACTION_ID_BYTES).to_owned(),
        kind: match kind {
            wire::ActionKind::Command => ActionKind::Command,
            wire::ActionKind::Tool => ActionKind::Tool,
            wire::ActionKind::FileChange => ActionKind::FileChange,
            wire::ActionKind::WebSearch => ActionKind::WebSearch,
            wire::ActionKind::Subagent => ActionKind::Subagent,
            wire::ActionKind::Warning => ActionKind::Warning,
            wire::ActionKind::Note => ActionKind::Note,
        },
        phase: match phase {
            wire::Phase::Started => Phase::Started,
            wire::Phase::Updated => Phase::Updated,
            wire::Phase::Completed => Phase::Completed,
        },
        title: clip(&title, MAX_TITLE_BYTES).into_owned(),
        ok,
        detail: detail.map(more).unwrap_or_default(),
    }
}

fn more(detail: wire::Detail) -> Detail {
    let changes = detail.changes.into_iter().take(MAX_CHANGES);
    Detail {
        exit_code: detail.exit_code,
        changes: changes.map(|wire::FileChange { path, verb }| FileChange { path, verb }).collect(),
        output: detail.output.map(|output| clip_middle(&output, MAX_OUTPUT_BYTES).into_owned()),
    }
}

/// Returns what a run used, in core's words.
pub(super) const fn usage(told: &wire::Usage) -> Usage {
    let wire::Usage { input_tokens, output_tokens, cost_usd } = *told;
    Usage { input_tokens, output_tokens, cost_usd }
}

const fn loudness(level: life::Level) -> Level {
    match level {
        life::Level::Debug | life::Level::Info => Level::Info,
        life::Level::Warning => Level::Warning,
        life::Level::Error => Level::Error,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(text: &str) -> SessionToken {
        SessionToken::parse(text).unwrap()
    }

    fn session(text: &str) -> wire::Told {
        wire::Told::Session { session: text.to_owned() }
    }

    fn text() -> wire::Told {
        wire::Told::Text { delta: "x".to_owned() }
    }

    proptest! {
        #[test]
        fn numbers_pass_exactly_as_long_as_they_rise_by_one(numbers in prop::collection::vec(0_u64..5, 0..8)) {
            let mut order = Order::new(None);
            for (place, number) in numbers.into_iter().enumerate() {
                let passes = order.take(number, text()).is_ok();
                prop_assert_eq!(passes, number == place as u64 + 1);
                if !passes {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_session_is_told_once_and_never_changes() {
        let mut order = Order::new(None);
        assert_eq!(order.take(1, session("a")), Ok(RunEvent::Session(token("a"))));
        assert_eq!(order.end(Some("a")), Ok(None));
        assert_eq!(order.end(None), Ok(None));
        assert_eq!(order.end(Some("b")).unwrap_err(), "it went on in session b instead of a");
        assert_eq!(order.take(2, session("a")).unwrap_err(), "it told its session twice");
        let mut order = Order::new(Some(token("a")));
        assert_eq!(order.session(), Some(&token("a")));
        assert_eq!(order.take(1, session("b")).unwrap_err(), "it went on in session b instead of a");
        let mut order = Order::new(Some(token("a")));
        assert_eq!(order.end(Some("a")), Ok(Some(token("a"))), "known is not told");
        let mut order = Order::new(None);
        let problem = "it told a session that cannot stand in a resume line";
        assert_eq!(order.take(1, session("a b")).unwrap_err(), problem);
    }

    #[test]
    fn an_action_has_an_id_and_bounded_texts() {
        let step = |id: &str| {
            wire::Told::Action(wire::Action {
                id: id.to_owned(),
                kind: wire::ActionKind::Command,
                phase: wire::Phase::Started,
                title: "t".repeat(5000),
                ok: None,
                detail: Some(wire::Detail { output: Some("o".repeat(9000)), ..wire::Detail::default() }),
            })
        };
        let mut order = Order::new(None);
        let Ok(RunEvent::Action(action)) = order.take(1, step(&"i".repeat(300))) else { panic!("an action") };
        assert!(action.title.len() <= MAX_TITLE_BYTES && action.id.len() <= MAX_ACTION_ID_BYTES);
        assert!(action.detail.output.unwrap().len() <= MAX_OUTPUT_BYTES);
        assert_eq!(order.take(2, step(" ")).unwrap_err(), "it told an action without an id");
    }
}
