//! What the parts of a plugin are configured with.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use takopi_plugin_protocol::life::Issue;

use crate::error::{Error, Result};

/// A table of takopi.toml: `[engines.<id>]`, `[plugins.<id>]`, or that of a transport.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config(Map<String, Value>);

impl Config {
    /// Returns the table as a type of yours.
    ///
    /// # Errors
    /// −32014 with what serde says, when it does not fit.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(Value::Object(self.0.clone()))
            .map_err(|error| Error::bad_config(&[Issue::error(error.to_string())]))
    }

    /// Returns what is wrong with the table as a type of yours: what `validate` may answer.
    #[must_use]
    pub fn check<T: DeserializeOwned>(&self) -> Vec<Issue> {
        let read = serde_json::from_value::<T>(Value::Object(self.0.clone()));
        read.err().map(|error| Issue::error(error.to_string())).into_iter().collect()
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Returns the text of a key, where it is a text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }
}

impl From<Map<String, Value>> for Config {
    fn from(table: Map<String, Value>) -> Self {
        Self(table)
    }
}

/// Returns the table of `id` in the settings of a kind; an empty one where there is none.
pub(crate) fn table(settings: &Map<String, Value>, id: &str) -> Config {
    settings.get(id).and_then(Value::as_object).cloned().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(value: &Value) -> Config {
        value.as_object().cloned().unwrap().into()
    }

    #[test]
    fn a_table_reads_as_a_type() {
        #[derive(serde::Deserialize)]
        struct Table {
            place: String,
        }
        assert_eq!(config(&json!({"place": "Kyoto"})).read::<Table>().unwrap().place, "Kyoto");
        let error = config(&json!({})).read::<Table>().err().unwrap();
        assert_eq!((error.code(), error.message()), (-32014, "missing field `place`"));
        assert_eq!(config(&json!({})).check::<Table>(), [Issue::error("missing field `place`")]);
    }

    #[test]
    fn what_is_not_configured_is_an_empty_table() {
        let settings = json!({"weather": {"place": "Kyoto"}, "odd": 1});
        let settings = settings.as_object().unwrap();
        assert_eq!(table(settings, "weather").text("place"), Some("Kyoto"));
        assert_eq!(table(settings, "odd"), Config::default());
        assert_eq!(table(settings, "none"), Config::default());
    }
}
