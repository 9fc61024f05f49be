//! `entry_points.txt` and `METADATA`: the files of the Python packaging specifications, as `importlib.metadata` reads them.

use std::io::{ErrorKind, Read};
use std::path::Path;

use super::{EntryPoint, GROUPS};
use crate::discover::open;

/// The file with the entry points.
pub(super) const ENTRY_POINTS: &str = "entry_points.txt";

/// Bytes that are read of such a file: real ones have a few hundred, and of `METADATA` only the beginning matters.
const MAX_BYTES: u64 = 1 << 20;

/// What is known of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Headers {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) summary: Option<String>,
}

/// Returns what a distribution registers; nothing where there is no such file.
pub(super) fn entry_points(info: &Path) -> std::io::Result<Vec<EntryPoint>> {
    match read(&info.join(ENTRY_POINTS)) {
        Ok(text) => Ok(parse_entry_points(&text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn parse_entry_points(text: &str) -> Vec<EntryPoint> {
    let mut kind = None;
    let mut entries = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') && line.ends_with(']') {
            let group = line.trim_matches(['[', ']']);
            kind = GROUPS.iter().find(|(name, _)| *name == group).map(|(_, kind)| *kind);
            continue;
        }
        if let (Some(kind), Some((name, value))) = (kind, line.split_once('=')) {
            let (id, value) = (name.trim().to_owned(), value.trim().to_owned());
            entries.push(EntryPoint { kind, id, value });
        }
    }
    entries
}

/// Returns the headers of a distribution: of `METADATA`, or the older `PKG-INFO`, or the file that `info` itself is. What
/// cannot be read is nameless, as it is for Python.
pub(super) fn headers(info: &Path) -> Headers {
    let files = [info.join("METADATA"), info.join("PKG-INFO"), info.to_owned()];
    files.iter().find_map(|file| read(file).ok()).map(|text| parse_headers(&text)).unwrap_or_default()
}

fn parse_headers(text: &str) -> Headers {
    let mut headers = Headers::default();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        let Some((key, value)) = line.split_once(':') else { continue };
        let slot = match key.to_ascii_lowercase().as_str() {
            "name" => &mut headers.name,
            "version" => &mut headers.version,
            "summary" => &mut headers.summary,
            _ => continue,
        };
        slot.get_or_insert_with(|| value.trim().to_owned());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use takopi_core::id::PluginKind;

    #[test]
    fn entry_points_are_sections_of_pairs() {
        let text = "ignored = before any section\n\n[console_scripts]\ntakopi = takopi.cli:main\n \
                    [takopi.command_backends] \n# no = comment\n  run =  takopi_scripts.backend:BACKEND = 2 \nno pair\n\
                    = nameless\n[takopi.engine_backends]\r\nacme = acme:ENGINE\r\n";
        let entries: Vec<_> = parse_entry_points(text)
            .into_iter()
            .map(|EntryPoint { kind, id, value }| (kind, id, value))
            .collect();
        let entry = |kind, id: &str, value: &str| (kind, id.to_owned(), value.to_owned());
        assert_eq!(
            entries,
            [
                entry(PluginKind::Command, "run", "takopi_scripts.backend:BACKEND = 2"),
                entry(PluginKind::Command, "", "nameless"),
                entry(PluginKind::Engine, "acme", "acme:ENGINE"),
            ]
        );
    }

    #[test]
    fn headers_end_at_the_first_blank_line_and_the_first_of_a_kind_counts() {
        let text = "Metadata-Version: 2.4\nNAME:  Takopi_Acme \nVersion: 0.3\nName: other\nSummary: does: much\n\nVersion: 9";
        let headers = parse_headers(text);
        assert_eq!(headers.name.as_deref(), Some("Takopi_Acme"));
        assert_eq!(headers.version.as_deref(), Some("0.3"));
        assert_eq!(headers.summary.as_deref(), Some("does: much"));
        assert_eq!(parse_headers("\nName: body"), Headers::default());
    }
}
