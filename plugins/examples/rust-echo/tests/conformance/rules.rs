//! What holds for every plugin, whatever its kind and its language.

use serde_json::json;

use crate::host::{Example, Host};

/// What holds for every plugin of every kind.
pub(crate) fn keeps_house_rules(name: &str) {
    let example = Example::read(name);
    by_hand_it_says_what_it_is(&example);
    let mut host = Host::starts(&example);
    host.tells("_experiment", &json!({"x": 1}));
    assert_eq!(host.calls("ping", &json!({"unknown": [1, {"a": null}]})).unwrap(), json!({}));
    let refused = host.calls("_experiment/ask", &json!({})).unwrap_err();
    assert_eq!(refused["code"], -32601, "an unknown request is refused: {refused}");
    for one in example.provides() {
        let mut check = one.clone();
        check["config"] = example.settings();
        assert_eq!(host.calls("config/check", &check).unwrap(), json!({"issues": []}), "{one}");
    }
    assert_eq!(host.calls("shutdown", &json!({})).unwrap(), json!({}));
    host.tells("exit", &json!({}));
    assert_eq!(host.ends(), Some(0), "it ends when it is told to");
    assert_eq!(Host::starts(&example).hangs_up(), Some(0), "it ends when takopi is gone");
}

fn by_hand_it_says_what_it_is(example: &Example) {
    let output = example.command().env_remove("TAKOPI_PLUGIN_PROTOCOL").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("is a plugin of takopi") && said.contains("takopi plugins --load"), "{said}");
    assert!(output.stdout.is_empty(), "nothing goes to stdout");
}
