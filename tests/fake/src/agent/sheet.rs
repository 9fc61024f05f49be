//! Line shapes as data: a sheet has a recorded line of the real CLI for each kind, with places to fill.
//!
//! A place is a string that begins with `$`; the order of keys is that of the recordings, which readers that
//! look at a line's first bytes may rely on.

use std::io;

use serde_json::Value;
use uuid::Uuid;

/// The lines of one CLI in one version: `NAME JSON` on each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sheet(pub(super) &'static str);

/// What fills a place: its name, and JSON.
pub(super) type Place<'a> = (&'a str, String);

/// Returns a text as JSON.
pub(super) fn text(text: &str) -> String {
    Value::from(text).to_string()
}

impl Sheet {
    /// Returns the line called `name`. The places every line may have are filled by themselves: `$uuid`,
    /// `$message`, `$part`, `$time` and `$now`.
    ///
    /// # Errors
    /// When there is no such line, or nothing for one of its places: a mistake in this program.
    pub(super) fn line(self, name: &str, places: &[Place<'_>]) -> io::Result<String> {
        let shape = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let shape = shape.ok_or_else(|| io::Error::other(format!("no line is called `{name}`")))?;
        let mut parts = shape.split("\"$");
        let mut line = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (place, rest) = part.split_once('"').unwrap_or((part, ""));
            let given = places.iter().find(|(name, _)| *name == place).map(|(_, value)| value.clone());
            let value = given.or_else(|| of_every_line(place));
            line += &value.ok_or_else(|| io::Error::other(format!("`{name}` wants `{place}`")))?;
            line += rest;
        }
        Ok(line)
    }
}

/// Returns what needs no thought: fresh ids, and a moment that never changes.
fn of_every_line(place: &str) -> Option<String> {
    let id = || Uuid::new_v4();
    match place {
        "uuid" => Some(text(&id().to_string())),
        "message" => Some(text(&format!("msg_{}", id().simple()))),
        "part" => Some(text(&format!("prt_{}", id().simple()))),
        "time" => Some(text("2026-01-01T00:00:00.000Z")),
        "now" => Some("1767225600000".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHEET: Sheet = Sheet("said {\"type\":\"said\",\"text\":\"$text\",\"n\":[\"$n\"]}\nsaid_so {}\n");

    #[test]
    fn places_are_filled_once_and_what_looks_like_one_stays() {
        let line = SHEET.line("said", &[("text", text("\"$n\" costs $5")), ("n", "1".to_owned())]).unwrap();
        assert_eq!(line, r#"{"type":"said","text":"\"$n\" costs $5","n":[1]}"#);
        assert_eq!(SHEET.line("said_so", &[]).unwrap(), "{}");
    }

    #[test]
    fn a_missing_line_or_value_is_a_mistake() {
        assert!(SHEET.line("sai", &[]).is_err());
        assert!(SHEET.line("said", &[("text", text("x"))]).is_err());
    }
}
