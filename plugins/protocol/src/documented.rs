//! The lines in docs/plugins/protocol.md are what the types write, byte for byte but for the order of members: the
//! documentation is the golden file of the protocol. `→` is from takopi, `←` from the plugin.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::methods::{Shown, Speaker, Visitor, visit};
use crate::{MAX_LINE_BYTES, Method, Notification};

const DOCUMENT: &str = include_str!("../../../docs/plugins/protocol.md");

type Rewrite = fn(&Value) -> serde_json::Result<Value>;

/// What a method's messages are rewritten by: read as their types and written again.
struct Known {
    from: Speaker,
    params: Rewrite,
    result: Option<Rewrite>,
}

#[derive(Default)]
struct Table(BTreeMap<&'static str, Known>);

impl Visitor for Table {
    fn request<M: Method<Result: Shown> + Shown>(&mut self, from: Speaker) {
        self.0.insert(M::NAME, Known { from, params: rewrite::<M>, result: Some(rewrite::<M::Result>) });
    }

    fn notification<N: Notification + Shown>(&mut self, from: Speaker) {
        self.0.insert(N::NAME, Known { from, params: rewrite::<N>, result: None });
    }
}

fn rewrite<T: Serialize + DeserializeOwned>(value: &Value) -> serde_json::Result<Value> {
    serde_json::to_value(T::deserialize(value)?)
}

/// Returns the lines of the document with who says them.
fn lines() -> impl Iterator<Item = (Speaker, Value, &'static str)> {
    DOCUMENT.lines().filter_map(|line| {
        let (from, text) = match (line.strip_prefix("→ "), line.strip_prefix("← ")) {
            (Some(text), _) => (Speaker::Takopi, text),
            (_, Some(text)) => (Speaker::Plugin, text),
            _ => return None,
        };
        Some((from, serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {line}")), line))
    })
}

#[test]
fn every_method_is_shown_as_it_is_written() {
    let mut table = Table::default();
    visit(&mut table);
    let mut missing: BTreeSet<String> = BTreeSet::new();
    for (name, known) in &table.0 {
        missing.insert((*name).to_owned());
        missing.extend(known.result.map(|_| format!("the result of {name}")));
    }
    let mut asked: HashMap<(bool, String), &'static str> = HashMap::new();
    for (from, message, line) in lines() {
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        let by_takopi = from == Speaker::Takopi;
        let id = message["id"].to_string();
        if let Some(name) = message["method"].as_str() {
            let Some((name, known)) = table.0.get_key_value(name) else { panic!("no such method: {line}") };
            assert!(known.from == from || known.from == Speaker::Both, "the other side sends it: {line}");
            assert_eq!(known.result.is_some(), message.get("id").is_some(), "an id is for requests: {line}");
            assert_eq!((known.params)(&message["params"]).unwrap(), message["params"], "{line}");
            missing.remove(*name);
            asked.insert((by_takopi, id), *name);
        } else {
            let name = asked.get(&(!by_takopi, id)).unwrap_or_else(|| panic!("an answer to nothing: {line}"));
            if let Some(result) = message.get("result") {
                let rewrite = table.0[name].result.unwrap();
                assert_eq!(rewrite(result).unwrap(), *result, "{line}");
                missing.remove(&format!("the result of {name}"));
            } else {
                assert!(
                    message["error"]["code"].is_i64() && message["error"]["message"].is_string(),
                    "{line}"
                );
            }
        }
    }
    assert!(missing.is_empty(), "docs/plugins/protocol.md shows no line of {missing:?}");
}

#[test]
fn the_document_names_the_limits_and_codes() {
    assert_eq!(MAX_LINE_BYTES, 1 << 20);
    assert!(DOCUMENT.contains("1 MiB"));
    use crate::code;
    for code in [
        code::CANCELLED,
        code::RETRY_LATER,
        code::NOT_ALLOWED,
        code::GONE,
        code::TOO_LONG,
        code::BAD_CONFIG,
        code::BUSY,
    ] {
        assert!(DOCUMENT.contains(&code.to_string()), "docs/plugins/protocol.md does not name {code}");
    }
}

#[test]
fn what_a_later_side_adds_is_ignored() {
    let mut table = Table::default();
    visit(&mut table);
    for (_, message, line) in lines() {
        let Some(known) = message["method"].as_str().and_then(|name| table.0.get(name)) else { continue };
        let mut later = message["params"].clone();
        later["added_in_2030"] = serde_json::json!({"x": [1]});
        assert_eq!((known.params)(&later).unwrap(), message["params"], "{line}");
    }
}
