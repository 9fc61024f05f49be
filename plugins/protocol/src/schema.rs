//! The protocol as a JSON schema, for whoever writes a plugin in another language. Committed as `schema/v1.json`.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::methods::{Shown, Speaker, Visitor, visit};
use crate::{Method, Notification, VERSION};

/// Returns the schema: by method who sends it, its parameters, and for a request its result.
#[must_use]
pub fn schema() -> Value {
    let mut methods =
        Methods { generator: SchemaSettings::draft2020_12().into_generator(), seen: Map::new() };
    visit(&mut methods);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Plugins of takopi, protocol {VERSION}"),
        "description": "JSON-RPC 2.0, one message per line. A method without a result is a notification.",
        "methods": methods.seen,
        "$defs": methods.generator.definitions(),
    })
}

struct Methods {
    generator: SchemaGenerator,
    seen: Map<String, Value>,
}

impl Visitor for Methods {
    fn request<M: Method<Result: Shown> + Shown>(&mut self, from: Speaker) {
        let (params, result) =
            (self.generator.subschema_for::<M>(), self.generator.subschema_for::<M::Result>());
        self.seen.insert(M::NAME.to_owned(), json!({"from": word(from), "params": params, "result": result}));
    }

    fn notification<N: Notification + Shown>(&mut self, from: Speaker) {
        let params = self.generator.subschema_for::<N>();
        self.seen.insert(N::NAME.to_owned(), json!({"from": word(from), "params": params}));
    }
}

const fn word(from: Speaker) -> &'static str {
    match from {
        Speaker::Takopi => "takopi",
        Speaker::Plugin => "plugin",
        Speaker::Both => "both",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_the_types_own() {
        let committed: Value = serde_json::from_str(include_str!("../schema/v1.json")).unwrap();
        let hint = "look at the change, then: cargo run -p takopi-plugin-protocol --features schema --example schema \
                    > plugins/protocol/schema/v1.json";
        assert!(committed == schema(), "the types have changed; {hint}");
    }
}
