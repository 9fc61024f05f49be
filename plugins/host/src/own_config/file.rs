//! A plugin's own config file on the disk: read whole, replaced whole, its owner's alone.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use takopi_core::settings::{ConfigFile, Diagnostic, Severity, Written};

use super::place;

/// Bytes of the largest file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// Returns the text of the file, or `None` when there is none.
///
/// # Errors
/// Why it cannot be read.
pub fn text(path: &Path, home: Option<&Path>) -> Result<Option<String>, Vec<Diagnostic>> {
    let problem = match bytes(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => return Ok(Some(text)),
            Err(_) => "it is not UTF-8".to_owned(),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => format!("it cannot be read: {error}"),
    };
    let (place, remedy) = (place(path, home), "mend it, or move it away".to_owned());
    Err(vec![Diagnostic { severity: Severity::Error, place, key: String::new(), problem, remedy }])
}

/// Returns what the file sets, or `None` when there is none.
///
/// # Errors
/// Why it cannot be read, or each line that isn't TOML.
pub fn read(path: &Path, home: Option<&Path>) -> Result<Option<Written>, Vec<Diagnostic>> {
    let Some(text) = text(path, home)? else { return Ok(None) };
    let file = ConfigFile { path: path.to_owned(), named: false, content: Ok(text.into_bytes()) };
    Written::parse(&file, home).map(Some)
}

/// Puts the file in its place: readers see the old one or this one, after a power cut too. It may hold tokens, so it and
/// new folders are their owner's alone.
///
/// # Errors
/// When the disk will not have it; then the old file stands.
pub fn save(path: &Path, text: &str) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let written = write(&temporary, text.as_bytes()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() && fs::remove_file(&temporary).is_err() {
        tracing::debug!(path = %temporary.display(), "the file that failed was never there");
    }
    written?;
    File::open(dir)?.sync_all()
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
