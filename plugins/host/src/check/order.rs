//! Whether what an engine told of one run is in order. Pure.

use std::collections::BTreeSet;

use takopi_plugin_protocol::engine::{Ended, Event, Phase, Told};

/// Returns what is wrong with the order of a run's events, with what to do about it.
pub(super) fn disorder(events: &[Event], ended: &Ended) -> Option<(String, &'static str)> {
    let mut session: Option<&str> = None;
    let mut completed: BTreeSet<&str> = BTreeSet::new();
    for (expected, Event { seq, event, .. }) in (1..).zip(events) {
        if *seq != expected {
            return Some((
                format!("event {expected} has seq {seq}"),
                "count `seq` from 1 for each run, one more for each event",
            ));
        }
        match event {
            Told::Session { session: told } => {
                if session.replace(told).is_some() {
                    return Some((
                        "it told the session twice".to_owned(),
                        "tell `session` once for each run",
                    ));
                }
            }
            Told::Action(action) => {
                let id = action.id.as_str();
                if id.is_empty() {
                    return Some((format!("event {seq} is an action without an id"), "give each step an id"));
                }
                if completed.contains(id) {
                    return Some((
                        format!("action {id:?} goes on after it was completed"),
                        "give each step an id of its own",
                    ));
                }
                if action.phase == Phase::Completed {
                    completed.insert(id);
                }
            }
            Told::Text { .. } | Told::Usage(_) | Told::Note { .. } => {}
        }
    }
    match (session, &ended.session) {
        (Some(told), Some(last)) if told != last => Some((
            format!("it told session {told:?} and ended with {last:?}"),
            "end with the session that was told",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn disorder_of(events: &[(u64, Value)], session: Option<&str>) -> Option<String> {
        let events: Vec<Event> = events
            .iter()
            .map(|(seq, event)| {
                serde_json::from_value(json!({"run": "r", "seq": seq, "event": event})).unwrap()
            })
            .collect();
        let ended = serde_json::from_value(json!({"outcome": "answered", "answer": "a", "session": session}))
            .unwrap();
        disorder(&events, &ended).map(|(what, _)| what)
    }

    fn action(id: &str, phase: &str) -> Value {
        json!({"type": "action", "id": id, "kind": "command", "phase": phase, "title": "ls"})
    }

    #[test]
    fn events_in_order_are_in_order() {
        let session = json!({"type": "session", "session": "s"});
        let events = [(1, session), (2, action("a", "started")), (3, action("a", "completed"))];
        assert_eq!(disorder_of(&events, Some("s")), None);
        assert_eq!(disorder_of(&[], None), None);
    }

    #[test]
    fn each_disorder_is_told() {
        let session = json!({"type": "session", "session": "s"});
        let text = json!({"type": "text", "delta": "x"});
        let told = [
            disorder_of(&[(1, text.clone()), (3, text.clone())], None),
            disorder_of(&[(0, text.clone())], None),
            disorder_of(&[(1, session.clone()), (2, session.clone())], None),
            disorder_of(&[(1, action("", "started"))], None),
            disorder_of(&[(1, action("a", "completed")), (2, action("a", "updated"))], None),
            disorder_of(&[(1, session)], Some("other")),
        ];
        let told: Vec<String> = told.into_iter().map(Option::unwrap).collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}
