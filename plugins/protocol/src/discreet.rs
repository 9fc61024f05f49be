//! `Debug` of what carries settings: their values may be secret, so only their keys show.

use std::fmt::{Debug, Formatter, Result};

use serde_json::{Map, Value};

use crate::command::Call;
use crate::life::{CheckConfig, Settings};
use crate::transport::Start;

/// The keys of a table.
struct Keys<'a>(&'a Map<String, Value>);

impl Debug for Keys<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Debug for Settings {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { engine, command } = self;
        f.debug_struct("Settings").field("engine", &Keys(engine)).field("command", &Keys(command)).finish()
    }
}

impl Debug for CheckConfig {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { kind, id, config } = self;
        f.debug_struct("CheckConfig")
            .field("kind", kind)
            .field("id", id)
            .field("config", &Keys(config))
            .finish()
    }
}

impl Debug for Start {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { id, instance, config, cursor } = self;
        let mut start = f.debug_struct("Start");
        start.field("id", id).field("instance", instance).field("config", &Keys(config));
        start.field("cursor", cursor).finish()
    }
}

impl Debug for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { id, message, sender, pressed, config, .. } = self;
        let mut call = f.debug_struct("Call");
        call.field("id", id).field("message", message).field("sender", sender);
        call.field("pressed", pressed).field("config", &Keys(config)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::life::Kind;

    #[test]
    fn of_settings_only_the_keys_show() {
        let table = || json!({ "api_key": "s3cr3t" }).as_object().cloned().unwrap();
        let start = Start { id: "a".into(), instance: "b".into(), config: table(), cursor: None };
        let check = CheckConfig { kind: Kind::Command, id: "a".into(), config: table() };
        let settings =
            Settings { engine: json!({ "acme": table() }).as_object().cloned().unwrap(), command: table() };
        let call = json!({
            "id": "a", "context": "c", "args_text": "", "config": table(), "sender": { "id": "7" },
            "message": { "address": { "instance": "b", "chat": "1" }, "id": "2" },
        });
        let call: Call = serde_json::from_value(call).unwrap();
        let shown = format!("{start:?} {check:?} {settings:?} {call:?}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        assert_eq!(shown.matches(r#"{"api_key"}"#).count(), 4, "{shown}");
    }
}
